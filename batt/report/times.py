"""How long things took, in classes: check times by t_log, a task's time by powers of the square root of ten."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from batt.report.model import Bar, Chart, Word
from batt.report.texts import duration, number_of

MOST_BARS = 40
"""Most classes that are drawn; times from a microsecond to three days have fewer."""

QUANTILES = ((0.5, "median"), (0.9, "90 %"), (0.99, "99 %"), (1.0, "longest"))
"""Which times are told beside a chart."""


def check_time_chart(counts: Mapping[tuple[int, int], int], words: Sequence[Word], times: Sequence[float]) -> Chart:
    """Return the chart of check times, fastest class first.

    Args:
        counts: by (t_log, place of the word).
        words: what is told apart.
        times: all of them, seconds.
    """
    classes = sorted({t_log for t_log, _ in counts}, reverse=True)[:MOST_BARS]
    bars = tuple(
        Bar(f"t_log {t_log}: {time_range(t_log)}", tuple(counts.get((t_log, place), 0) for place in range(len(words))))
        for t_log in classes
    )
    lead = (
        f"CPU time of a candidate over all its pairs; t_log is 11 - int(ln(seconds)), 10 for a time of 0. "
        f"{quantiles_of(times, 'candidate')}"
    )
    return Chart("check-times", "Check times", lead, tuple(words), bars)


def time_range(t_log: int) -> str:
    """Return which times have a t_log (solver/verdicts.py): int() goes towards zero, so 11 is a wide class."""
    if t_log == 11:
        return f"{short(math.exp(-1))} to {short(math.e)}"
    if t_log > 11:
        return f"{short(math.exp(10 - t_log))} to {short(math.exp(11 - t_log))}"
    zero = "0, or " if t_log == 10 else ""
    return f"{zero}{short(math.exp(11 - t_log))} to {short(math.exp(12 - t_log))}"


def short(seconds: float) -> str:
    """Return a time with two digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{seconds:.2g} s"


def quantiles_of(times: Sequence[float], what: str) -> str:
    """Return some quantiles of times, in words."""
    if not times:
        return f"No {what} has a time."
    in_order = sorted(times)
    told = (f"{name} {short_or_long(in_order[rank(part, len(in_order))])}" for part, name in QUANTILES)
    return f"{number_of(len(times), what)}: {', '.join(told)}."


def rank(part: float, number: int) -> int:
    """Return the place of a quantile among so many values in order."""
    return max(0, math.ceil(part * number) - 1)


def short_or_long(seconds: float) -> str:
    """Return a time with two digits below a minute, as people say it above."""
    return short(seconds) if seconds < 60 else duration(seconds)


def task_time_chart(times: Sequence[tuple[float, int]], words: Sequence[Word]) -> Chart:
    """Return the chart of how long tasks took, shortest first; times: (seconds, place of the word)."""
    counts = Counter((half_power(seconds), place) for seconds, place in times)
    classes = {power for power, _ in counts}
    between = range(min(classes), max(classes) + 1)[:MOST_BARS] if classes else range(0)
    bars = tuple(
        Bar(
            f"{short_or_long(10 ** (power / 2))} to {short_or_long(10 ** ((power + 1) / 2))}",
            tuple(counts[power, place] for place in range(len(words))),
        )
        for power in between
    )
    lead = f"From a task's first try to the end of its last. {quantiles_of([seconds for seconds, _ in times], 'task')}"
    return Chart("task-times", "How long tasks took", lead, tuple(words), bars)


def half_power(seconds: float) -> int:
    """Return the class of a time: 10**(class / 2) is its lower edge; a millisecond and less are one class."""
    return math.floor(2 * math.log10(max(seconds, 0.001)) + 1e-9)

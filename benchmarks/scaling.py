"""Time a candidate costs, from a hundred to a hundred thousand of them: it must stay the same; and a second run."""

from __future__ import annotations

import secrets
from pathlib import Path

from batt.results import without_timing
from benchmarks.corpus import mutated_candidates, write_lines
from benchmarks.measure import Scale, require_equal
from benchmarks.ours import Staged, read_results, run_in_stages, run_of
from benchmarks.processes import adopt_orphans, scratch
from benchmarks.report import Report, Target, cpu_count

COUNTS = {
    Scale.TINY: (20, 40),
    Scale.QUICK: (100, 1000),
    Scale.USUAL: (100, 1000, 10_000, 100_000),
    Scale.FULL: (100, 1000, 10_000, 100_000),
}
"""Numbers of candidates at each scale."""

FLAT = 1.3
"""Most that a candidate may cost of a hundred thousand, as a multiple of what it costs of ten thousand (or of the last
two numbers that were measured): 1 is linear; the rest is for a noisy machine."""


def measure(scale: Scale) -> Report:
    """Measure each number of candidates, and the same again with what the first run left in the cache."""
    adopt_orphans()
    cores = cpu_count()
    rows: list[tuple[str | int | float, ...]] = []
    each: list[float] = []
    with scratch() as folder:
        every = mutated_candidates(COUNTS[scale][-1], seed=3)
        for count in COUNTS[scale]:
            lines = write_lines(folder / f"{count}.jsonl", every[:count])
            run = run_of(lines, is_cached=True)
            first = run_in_stages(run, folder / f"results-{count}", secrets.token_hex(4), cores)
            again = run_in_stages(run, folder / f"results-{count}", secrets.token_hex(4), cores)
            require_equal(verdicts(first.results), verdicts(again.results), f"{count} candidates: first, second run")
            each.append(first.cpu / count)
            rows.append(row(count, first, again))
    growth = each[-1] / each[-2]
    text = f"CPU time a candidate does not grow with their number: at most {FLAT} x from {rows[-2][0]} to {rows[-1][0]}"
    return Report(
        "scaling",
        "Scaling: JSON lines of mutated programs, all stages",
        (
            "candidates",
            "total s",
            "CPU s",
            "ms each",
            "CPU ms each",
            "plan %",
            "work %",
            "collect %",
            "again s",
            "again ms each",
        ),
        tuple(rows),
        (Target(text, f"{growth:.2f} x", growth <= FLAT),),
        (
            f"{cores} processes; small numbers pay for start-up and for reading 400 tasks",
            "plan, work, collect: shares of the wall time; again: the identical run once more, verdicts from the cache",
        ),
    )


def row(count: int, first: Staged, again: Staged) -> tuple[str | int | float, ...]:
    """Return one row of the table."""
    milliseconds = 1000 / count
    shares = [round(100 * seconds / first.total) for seconds in (first.plan, first.work, first.collect)]
    costs = first.total, first.cpu, first.total * milliseconds, first.cpu * milliseconds
    return count, *costs, *shares, again.total, again.total * milliseconds


def verdicts(results: Path) -> dict[str, object]:
    """Return what must be equal in two runs: everything but times, and whether a verdict came from the cache."""
    found: dict[str, object] = {}
    for task in without_timing(read_results(results))["tasks"]:
        for one in task["candidates"]:
            one.pop("cached", None)
        found[task["task"]] = task
    return found

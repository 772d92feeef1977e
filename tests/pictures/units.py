"""Numbers as Grafana writes them, by the units that its panels have.

Source: getDecimalsForValue and the formats of Grafana's packages/grafana-data/src/valueFormats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """A larger unit. over: from how many on it is used; size: how many of the base it is."""

    over: float
    size: float
    name: str


TIMES = (
    Step(0.0, 1e-6, " µs"),
    Step(1e-3, 1e-3, " ms"),
    Step(1.0, 1.0, " s"),
    Step(60.0, 60.0, " mins"),
    Step(3600.0, 3600.0, " hours"),
    Step(86400.0, 86400.0, " days"),
    Step(604800.0, 604800.0, " weeks"),
)
"""Units of seconds."""

COUNTS = (Step(0.0, 1.0, ""), Step(1e3, 1e3, " K"), Step(1e6, 1e6, " Mil"), Step(1e9, 1e9, " Bil"))
"""Units of counts."""

PASSED = (
    Step(0.0, 1.0, "second"),
    Step(45.0, 60.0, "minute"),
    Step(2700.0, 3600.0, "hour"),
    Step(79200.0, 86400.0, "day"),
)
"""Units of times that have passed."""


def shown(value: float, unit: str, now: float) -> str:
    """Return a number with its unit; now: in seconds since 1970, for times that are told from now on.

    Raises:
        KeyError: no panel has had such a unit yet.
    """
    if math.isnan(value):
        return "NaN"
    if unit == "dateTimeFromNow":
        return passed(now - value / 1000)
    if unit.startswith("suffix:"):
        return f"{rounded(value)} {unit.removeprefix('suffix:')}"
    return FORMATS[unit](value)


def seconds(value: float) -> str:
    """Return seconds in the unit that fits."""
    return "0 s" if value == 0 else stepped(value, TIMES)


def stepped(value: float, steps: Sequence[Step]) -> str:
    """Return a number in the largest of these units that fits."""
    step = [step for step in steps if abs(value) >= step.over][-1]
    return f"{rounded(value / step.size)}{step.name}"


def rounded(value: float) -> str:
    """Return a number with as many decimals as tell something."""
    return f"{value:.{decimals(value)}f}"


def decimals(value: float) -> int:
    """Return how many decimals Grafana gives to a number: three digits tell something, whole numbers need none."""
    return 0 if value == int(value) else max(0, 2 - math.floor(math.log10(abs(value))))


def passed(value: float) -> str:
    """Return for how long something is past: `3 hours ago`."""
    step = [step for step in PASSED if value >= step.over][-1]
    if step.name == "second":
        return "a few seconds ago"
    count = round(value / step.size)
    return f"{count} {step.name}s ago" if count > 1 else f"{'an' if step.name == 'hour' else 'a'} {step.name} ago"


FORMATS: Mapping[str, Callable[[float], str]] = {
    "short": lambda value: stepped(value, COUNTS),
    "s": seconds,
    "percentunit": lambda value: f"{rounded(value * 100)}%",
}
"""How numbers of each unit are written."""

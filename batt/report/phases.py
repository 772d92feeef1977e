"""The timing summary as a section: the names and figures that results.json has, longest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batt.report.model import Grid, Head
from batt.report.texts import line_of
from batt.timing import HAL_PHASES, PHASES, PhaseStats, stats_from_json

MOST_PHASES = 100
"""Most phases that are shown: there are some twenty names."""

HEADS = (
    Head("phase"),
    Head("seconds", is_number=True),
    Head("count", is_number=True),
    Head("median", is_number=True),
    Head("95 %", is_number=True),
    Head("longest", is_number=True),
    Head("what it measures"),
)
"""Columns of the summary; the first two are what a terminal prints."""

LEAD = (
    "Longest first, as results.json has it and --timing prints it; seconds of phases that run in several processes are "
    "sums over them. Median and 95 % are estimates from the histogram."
)
"""What is said above it."""

MEASURED = {**HAL_PHASES, **PHASES}
"""What each phase measures."""


def phases_section(stored: Mapping[str, Any]) -> Grid:
    """Return the section; `stored` is the `phases` of results.json."""
    stats = stats_from_json(stored)
    longest_first = sorted(stats.items(), key=lambda entry: (-entry[1].total, entry[0]))[:MOST_PHASES]
    longest = max((value.total for _, value in longest_first), default=0.0)
    shares = tuple(value.total / longest if longest else 0.0 for _, value in longest_first)
    return Grid("phases", "Timing summary", LEAD, HEADS, tuple(phase_row(*entry) for entry in longest_first), shares)


def phase_row(name: str, stats: PhaseStats) -> tuple[str, ...]:
    """Return a phase's row."""
    times = [stats.total, stats.quantile(0.5), stats.quantile(0.95), stats.most]
    total, median, high, most = (f"{seconds:.3f}" for seconds in times)
    measured = MEASURED.get(name, "")
    return line_of(name), total, f"{stats.number:,}", median, high, most, measured

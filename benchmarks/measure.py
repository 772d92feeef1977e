"""Measures alternatives side by side: in turns, round by round, each answer compared with the others'."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class Scale(StrEnum):
    """How much a benchmark measures: TINY only shows that it works, QUICK the order of magnitude."""

    TINY = "tiny"
    QUICK = "quick"
    USUAL = "usual"
    FULL = "full"


class Outcome(NamedTuple):
    """What one run of a way gave.

    answer: what it found out, equal for all ways. seconds: wall time of what is compared. cpu_seconds: user and system
    time of all its processes. parts: further seconds by name, told but not compared.
    """

    answer: Any  # each benchmark has its own form of answer
    seconds: float
    cpu_seconds: float = 0.0
    parts: tuple[tuple[str, float], ...] = ()


class Way(NamedTuple):
    """One alternative. `rounds`: most rounds it takes part in; slow ones need fewer."""

    name: str
    run: Callable[[], Outcome]
    rounds: int = 1000


class Measured(NamedTuple):
    """One way's outcomes, one a round in which it took part."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def least(self) -> float:
        """Least wall seconds."""
        return min(outcome.seconds for outcome in self.outcomes)

    @property
    def median(self) -> float:
        """Median wall seconds."""
        return statistics.median(outcome.seconds for outcome in self.outcomes)

    @property
    def cpu(self) -> float:
        """Median CPU seconds."""
        return statistics.median(outcome.cpu_seconds for outcome in self.outcomes)

    def part(self, name: str) -> float:
        """Median seconds of a part; 0 where no outcome has it."""
        return statistics.median(dict(outcome.parts).get(name, 0.0) for outcome in self.outcomes)


class AnswersDifferError(AssertionError):
    """Two ways of doing the same gave different answers: their times cannot be compared."""


def compare(ways: Sequence[Way], rounds: int, subject: str) -> dict[str, Measured]:
    """Return each way's outcomes by name; the ways take turns, so that a slow minute of the machine hits all of them.

    Raises:
        AnswersDifferError: an answer differs from the first way's first one.
    """
    outcomes: dict[str, list[Outcome]] = {way.name: [] for way in ways}
    for number in range(rounds):
        for way in ways:
            if number >= way.rounds:
                continue
            gc.collect()
            outcome = way.run()
            expected = outcomes[ways[0].name][0].answer if outcomes[ways[0].name] else outcome.answer
            require_equal(expected, outcome.answer, f"{subject}: {ways[0].name} and {way.name}")
            outcomes[way.name].append(outcome._replace(answer=None) if outcomes[way.name] else outcome)
    return {name: Measured(name, tuple(found)) for name, found in outcomes.items()}


def ratio(slow: Measured, fast: Measured) -> float:
    """Return how many times longer one way takes than another: the median over the rounds that both took part in."""
    pairs = zip(slow.outcomes, fast.outcomes, strict=False)
    return statistics.median(one.seconds / other.seconds for one, other in pairs)


def require_equal(expected: Any, got: Any, subject: str) -> None:
    """Raise AnswersDifferError, saying where, unless two answers are equal."""
    if expected == got:
        return
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = [key for key in [*expected, *got] if expected.get(key) != got.get(key)]
        shown = "; ".join(f"{key}: {str(expected.get(key))[:300]} / {str(got.get(key))[:300]}" for key in keys[:5])
        raise AnswersDifferError(f"{subject} differ in {len(set(keys))} places: {shown}")
    raise AnswersDifferError(f"{subject} differ: {str(expected)[:500]} / {str(got)[:500]}")

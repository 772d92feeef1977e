"""How long things took: phases by the names people already graph, kept as sums that can be merged.

This is the only module that reads a wall clock for a phase (CONVENTIONS.md); check times are CPU times (evaluate.py).
"""

from __future__ import annotations

import bisect
import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

MAIN = "main.run_batt"
CHECK_BATT = "run_batt.check_batt"
DEMO = "batt.demo.run_with_timeout"
TEST = "batt.test.run_with_timeout"
FILTER = "run_batt.phase1_filter"
INLINE_BATCH = "run_batt.phase2_inline_batch"
INLINE_TOTAL = "utils.inline_variables.total"
VALIDATE = "run_batt.phase3a_validate_batch"
CHECK_SPEED = "run_batt.check_solver_speed"
FILE_OPS = "run_batt.phase3b_file_ops"
EXPAND = "run_batt.generate_expanded"
DIFFERS = "run_batt.phase4_differs"

PHASES = {
    MAIN: "wall time of an attempt, from reading the inputs to the written results, without time it was suspended",
    CHECK_BATT: "wall time of running batt modules on all samples and scoring what they give, per module and task",
    DEMO: "CPU time of a module's steps on demo samples, per sample",
    TEST: "CPU time of a module's steps on test samples, per sample",
    FILTER: "time to name candidate bodies by md5 and to keep the best unique ones, per task",
    INLINE_BATCH: "time to inline kept candidates and name them, per module and task or per text",
    INLINE_TOTAL: "sum of the single inlinings, solvers and differs",
    VALIDATE: "wall time of validating candidates on every pair in parallel",
    CHECK_SPEED: "CPU time of single candidates over all pairs, as if each had run alone",
    FILE_OPS: "time to write solver_md5 and solver_dir",
    EXPAND: "time to make the content of solver files",
    DIFFERS: "time to score differs and write differ_md5 and differ_dir, per task",
}
"""Every phase name with what it measures; the seed's names (main.run_batt is the whole, the others its parts)."""

HAL_PHASES = {
    MAIN: PHASES[MAIN],
    "queued": "from the plan to a task's pod",
    "setup": "bringing the agent and the task's files into the working directory, per task, all tries together",
    "agent": "the agent itself, per task, all tries together",
    "upload": "storing what the agent has left behind",
    "evaluate": "scoring one output",
}
"""The same for runs of agents, per task and repeat."""

CLUSTER_PHASES = {
    "cluster.queued": "from the start of the work's Job to the creation of a pod: its turn, and back-off",
    "cluster.scheduled": "from there to a node",
    "cluster.image_pull": "from there to its first container: volumes, network, pulling images",
    "cluster.start": "from there to the running worker: what must run before it; with an agent alone",
}
"""The same for a pod's way through the cluster, per pod of the work; in whole seconds, as Kubernetes notes times."""

EDGES = (
    *(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    *(3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0),
)
"""Upper edges of the histogram buckets in seconds; fixed, so that histograms of all pods and runs add up."""


class PhaseStats(NamedTuple):
    """Durations of one phase: how many, their sum, least and most seconds, and how many fell into each bucket."""

    number: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(EDGES) + 1)

    def with_duration(self, seconds: float) -> PhaseStats:
        """Return these statistics with one more duration."""
        place = bisect.bisect_left(EDGES, seconds)
        buckets = (*self.buckets[:place], self.buckets[place] + 1, *self.buckets[place + 1 :])
        least = min(self.least, seconds) if self.number else seconds
        return PhaseStats(self.number + 1, self.total + seconds, least, max(self.most, seconds), buckets)

    def merged(self, other: PhaseStats) -> PhaseStats:
        """Return the statistics of both sets of durations."""
        if not self.number or not other.number:
            return self if self.number else other
        buckets = tuple(a + b for a, b in zip(self.buckets, other.buckets, strict=True))
        least, most = min(self.least, other.least), max(self.most, other.most)
        return PhaseStats(self.number + other.number, self.total + other.total, least, most, buckets)

    def without(self, earlier: PhaseStats) -> PhaseStats:
        """Return the statistics of what came after `earlier`; least and most stay those of all."""
        pairs = zip(self.buckets, earlier.buckets, strict=True)
        buckets = tuple(max(0, now - before) for now, before in pairs)
        return self._replace(number=sum(buckets), total=max(0.0, self.total - earlier.total), buckets=buckets)

    def quantile(self, part: float) -> float:
        """Return an estimate of a quantile: linear within its bucket, exact at the ends."""
        rank = part * self.number
        passed = 0
        for place, held in enumerate(self.buckets):
            if held and passed + held >= rank:
                low = max(self.least, EDGES[place - 1] if place else 0.0)
                high = min(self.most, EDGES[place] if place < len(EDGES) else self.most)
                return low + (high - low) * (rank - passed) / held
            passed += held
        return self.most


class PhaseClock:
    """Collects the durations of phases."""

    def __init__(self) -> None:
        self.stats: dict[str, PhaseStats] = {}

    def add(self, name: str, seconds: float) -> None:
        """Count one duration of a phase."""
        self.stats[name] = self.stats.get(name, PhaseStats()).with_duration(seconds)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what runs inside as one duration of a phase."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - begin)

    def merge(self, stats: Mapping[str, PhaseStats]) -> None:
        """Add what another clock has collected."""
        for name, other in stats.items():
            self.stats[name] = self.stats.get(name, PhaseStats()).merged(other)


def covered_seconds(spans: Iterable[tuple[float, float]]) -> float:
    """Return how long at least one of the spans (begin, end) lasted: the wall time of work that overlaps."""
    total, until = 0.0, -math.inf
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def stats_to_json(stats: Mapping[str, PhaseStats]) -> dict[str, list[object]]:
    """Return a compact JSON form: name -> [number, total, least, most, [bucket counts]]."""
    return {name: [*value[:4], list(value.buckets)] for name, value in stats.items()}


def stats_from_json(value: Mapping[str, list[float | list[int]]]) -> dict[str, PhaseStats]:
    """Return the statistics of `stats_to_json`'s form; batts before this one had fewer edges, the same at first."""
    return {
        name: PhaseStats(number, total, least, most, filled_up(buckets))  # type: ignore[arg-type] # our own form
        for name, (number, total, least, most, buckets) in value.items()
    }


def filled_up(buckets: Sequence[int]) -> tuple[int, ...]:
    """Return bucket counts with one for each of EDGES and one more."""
    return (*buckets, *(0,) * (len(EDGES) + 1 - len(buckets)))


def timing_summary(stats: Mapping[str, PhaseStats]) -> str:
    """Return the summary in the form users know: one line a name, longest first."""
    longest_first = sorted(stats.items(), key=lambda entry: (-entry[1].total, entry[0]))
    lines = [f"  {name:32s} {value.total:8.3f}" for name, value in longest_first]
    return "\n".join(["Timing summary (seconds):", *lines])

"""What a run of the story comes to in the end: times of its phases, outcomes, seconds of its pods."""

from __future__ import annotations

import random

from batt.message import CollectMessage
from batt.metrics import phases_of
from batt.timing import (
    CHECK_BATT,
    CHECK_SPEED,
    CLUSTER_PHASES,
    DEMO,
    DIFFERS,
    EXPAND,
    FILE_OPS,
    FILTER,
    INLINE_BATCH,
    INLINE_TOTAL,
    MAIN,
    TEST,
    VALIDATE,
    PhaseStats,
)
from batt_operator.exporter import Folded
from tests.pictures.cast import ToldRun

MEDIAN_SECONDS = {
    CHECK_BATT: 0.9,
    DEMO: 0.012,
    TEST: 0.011,
    FILTER: 0.06,
    INLINE_BATCH: 0.35,
    INLINE_TOTAL: 0.28,
    VALIDATE: 4.2,
    CHECK_SPEED: 0.16,
    FILE_OPS: 0.008,
    EXPAND: 0.02,
    DIFFERS: 0.5,
    "queued": 21.0,
    "setup": 3.1,
    "agent": 74.0,
    "upload": 0.8,
    "evaluate": 1.9,
    "cluster.queued": 9.0,
    "cluster.scheduled": 2.0,
    "cluster.image_pull": 11.0,
    "cluster.start": 1.2,
}
"""About how long each phase takes, all but the whole."""

WIDE = frozenset({"agent", CHECK_SPEED, "cluster.image_pull"})
"""Phases of which some take very long."""

AGENT_OUTCOMES = {"ok": 0.9, "agent_error": 0.04, "timeout": 0.03, "invalid_output": 0.02, "provider_transient": 0.01}
"""Shares of what becomes of agents' tasks."""

VERDICTS = {"correct": 0.31, "wrong": 0.57, "error": 0.08, "timeout": 0.025, "out_of_memory": 0.01, "crashed": 0.005}
"""Shares of verdicts on candidates."""

BUSY_PODS = 20
"""Pods that a run has had on average."""


def is_collected(run: ToldRun) -> bool:
    """Return whether what a run has done is collected once it ends."""
    return run.candidates > 0


def folded(run: ToldRun, succeeded: int) -> Folded:
    """Return what a run's attempt comes to, of which so many shards have a result. The same every time."""
    if not is_collected(run):
        return Folded(run.kind, run.pool, "l4", run.ends, None, None, {})
    chance = random.Random(run.name)
    wall = 60.0 * (run.minutes - run.waits)
    phases = {phase: durations(run, phase, chance) for phase in MEDIAN_SECONDS if phase in phases_of(run.kind)}
    work = {phase: stats for phase, stats in phases.items() if phase not in CLUSTER_PHASES}
    work[MAIN] = PhaseStats().with_duration(wall)
    way = {phase: stats for phase, stats in phases.items() if phase in CLUSTER_PHASES}
    lost, seconds, ended = sum(run.lost.values()), wall * min(BUSY_PODS, run.shards), outcomes(run, chance)
    wasted = seconds * lost / (lost + 2 * run.shards)
    told = CollectMessage(
        attempt=1,
        solved=round(run.tasks * run.solved),
        tasks=run.tasks,
        candidates=run.candidates,
        verdicts=ended,
        missing=run.shards - succeeded,
        missing_indexes="",
        phases=work,
        pod_seconds=seconds,
        wasted_seconds=wasted,
        path="results",
        added_phases=work,
        added_verdicts=ended,
        added_pod_seconds=seconds,
        added_wasted_seconds=wasted,
    )
    return Folded(run.kind, run.pool, "l4", run.ends, run.shards, told, {run.pool: way})


def durations(run: ToldRun, phase: str, chance: random.Random) -> PhaseStats:
    """Return what a phase of a run took: as often as there are shards or tasks."""
    stats = PhaseStats()
    for _ in range(run.shards if phase in CLUSTER_PHASES else run.tasks):
        spread = chance.lognormvariate(0, 0.9 if phase in WIDE else 0.5)
        stats = stats.with_duration(run.slow * MEDIAN_SECONDS[phase] * spread)
    return stats


def outcomes(run: ToldRun, chance: random.Random) -> dict[str, int]:
    """Return verdicts of candidates, or outcomes of agents' tasks."""
    shares = AGENT_OUTCOMES if run.kind == "hal" else VERDICTS
    return {name: round(run.candidates * share * chance.uniform(0.8, 1.2)) for name, share in shares.items()}

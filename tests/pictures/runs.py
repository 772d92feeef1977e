"""What the operator knows of a run of the story at any minute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from batt.status import Phase, Reason
from batt.timing import PhaseStats
from batt_operator.observed import written_time
from tests.pictures.cast import PRICES, ToldRun
from tests.pictures.tolls import folded, is_collected
from tests.worlds import HAL, run_object

ENDS = {
    Reason.CANCELLED: Phase.CANCELLED,
    Reason.ALL_SHARDS_DONE: Phase.COMPLETE,
    Reason.COMPLETED_WITH_FAILURES: Phase.COMPLETE,
}
"""Phases by the reason of the end; for any other a run has failed."""

MOST_PODS = 24
"""Most pods of a run at once."""


def is_seen(run: ToldRun, minute: int) -> bool:
    """Return whether a run is there at a minute."""
    return minute >= run.begins


def is_ended(run: ToldRun, minute: int) -> bool:
    """Return whether a run has ended at a minute."""
    return minute >= run.begins + run.minutes


def is_waiting(run: ToldRun, minute: int) -> bool:
    """Return whether a run has no pod yet."""
    return minute < run.begins + run.waits


def is_working(run: ToldRun, minute: int) -> bool:
    """Return whether pods of a run are at work."""
    is_held = is_waiting(run, minute) or run.is_suspended
    return not is_held and not is_ended(run, minute) and run.shards > 0


def done_part(run: ToldRun, minute: int) -> float:
    """Return how far a run is."""
    if run.is_suspended:
        return 0.0
    passed = (minute - run.begins - run.waits) / (run.minutes - run.waits)
    return float(min(1.0, max(0.0, passed)) ** 1.2)


def lost_until(run: ToldRun, minute: int, reason: str) -> int:
    """Return how many pods a run has lost by a minute: most of them around its middle, as a storm passes."""
    part = done_part(run, minute)
    return round(run.lost[reason] * part**3 / (part**3 + (1 - part) ** 3))


def run_at(run: ToldRun, minute: int, begin: int) -> dict[str, Any]:
    """Return a run as the API server has it; begin: of the story, in seconds since 1970."""
    spec = {**(HAL if run.kind == "hal" else {}), "pool": run.pool}
    return run_object(spec, status_at(run, minute, begin), name=run.name, namespace=run.namespace)


def status_at(run: ToldRun, minute: int, begin: int) -> dict[str, Any]:
    """Return the status of a run at a minute."""
    started = moment(begin, run.begins)
    status: dict[str, Any] = {
        "kind": run.kind,
        "phase": phase_at(run, minute),
        "startTime": started,
        "shards": shards_at(run, minute),
        "tasks": {"total": run.tasks},
    }
    if is_ended(run, minute):
        return status | {"completionTime": moment(begin, run.begins + run.minutes)} | collected(run)
    if is_waiting(run, minute) and not run.is_suspended:
        reason = run.stalled or Reason.IMAGE_PULL
        stalled = {"type": "Stalled", "status": "True", "reason": reason, "lastTransitionTime": started}
        return status | {"clock": {"waitingSince": started}, "conditions": [stalled]}
    return status


def collected(run: ToldRun) -> dict[str, Any]:
    """Return the part of a status that is known once the run is collected."""
    if not is_collected(run):
        return {}
    told = folded(run, shards_at(run, run.begins + run.minutes)["succeeded"]).told
    assert told is not None
    price = PRICES[run.pool] / 3600
    return {
        "tasks": {"total": run.tasks, "solved": told.solved, "failed": 0},
        "cost": {"currency": "EUR", "actual": told.pod_seconds * price, "wasted": told.wasted_seconds * price},
        "phases": [phase_times(name, stats) for name, stats in told.phases.items()],
    }


def phase_at(run: ToldRun, minute: int) -> Phase:
    """Return where a run stands."""
    if is_ended(run, minute):
        return ENDS.get(run.ends, Phase.FAILED)
    if run.is_suspended:
        return Phase.SUSPENDED
    if is_waiting(run, minute):
        return Phase.PENDING
    return Phase.EVALUATING if run.kind == "hal" and done_part(run, minute) > 0.93 else Phase.RUNNING


def shards_at(run: ToldRun, minute: int) -> dict[str, int]:
    """Return the counts of a run's shards; a run that does not complete has got to two thirds."""
    part = done_part(run, minute) * (1.0 if ENDS.get(run.ends) is Phase.COMPLETE else 0.66)
    lost = 0 if run.ends is Reason.ALL_SHARDS_DONE else run.lost.get("out_of_memory", 0)
    failed = int(min(lost, run.shards) * part)
    done = min(run.shards - failed, int(run.shards * part))
    active = min(run.shards - failed - done, MOST_PODS) if is_working(run, minute) else 0
    return {"total": run.shards, "active": active, "succeeded": done, "failed": failed}


def phase_times(name: str, stats: PhaseStats) -> dict[str, Any]:
    """Return a phase's times as a status has them."""
    quantiles = {"p50": stats.quantile(0.5), "p95": stats.quantile(0.95)}
    return {"name": name, "count": stats.number, "sum": stats.total, "min": stats.least, "max": stats.most, **quantiles}


def moment(begin: int, minute: int) -> str:
    """Return a minute of the story as a status has times."""
    return written_time(datetime.fromtimestamp(begin + 60 * minute, UTC))

"""What a user sees when a run on a cluster has ended: score, shards, cost, results, timing summary. Pure."""

from __future__ import annotations

from typing import Any

from batt.laptop.progress import duration
from batt.status import ConditionType, Cost, Phase
from batt.summary import percent
from batt.timing import PhaseStats, timing_summary
from batt_operator.commands.control import has_all
from batt_operator.commands.runs import Run
from batt_operator.commands.standing import seconds_between


def exit_code(run: Run) -> int:
    """Return 0 for a run with a result for every shard, else 1."""
    return 0 if has_all(run) else 1


def reason_of(run: Run) -> str:
    """Return in one word why the run ended as it did; empty where nothing was said."""
    kinds = {
        Phase.COMPLETE: ConditionType.COMPLETE,
        Phase.FAILED: ConditionType.FAILED,
        Phase.CANCELLED: ConditionType.CANCELLED,
    }
    condition = run.status.condition(kinds[run.status.phase]) if run.status.phase in kinds else None
    return str(condition.reason) if condition else ""


def ending_lines(run: Run) -> list[str]:
    """Return the summary for people."""
    status = run.status
    reason = reason_of(run)
    took = seconds_between(status.start_time, status.completion_time)
    lines = [f"{run.name}: {status.phase}{f' ({reason})' if reason else ''}{f' in {duration(took)}' if took else ''}"]
    if status.message and not has_all(run):  # of a whole run it says what follows here
        lines.append(f"            {' '.join(status.message.split())}")
    lines.append("")
    if status.tasks.solved is not None:
        solved, tasks = status.tasks.solved, status.tasks.total
        lines.append(f"score       {solved} of {tasks} tasks solved ({percent(solved, tasks)})")
    shards = status.shards
    if shards.total:
        failed = f", {shards.failed} failed: {shards.failed_indexes}" if shards.failed else ""
        lines.append(f"shards      {shards.succeeded} of {shards.total} with a result{failed}")
    if cost := cost_text(status.cost):
        lines.append(f"cost        {cost}")
    if status.results:
        lines.append(f"results     {status.results}")
        lines.append(f"            batt results {run.name} brings them here")
    if not has_all(run):
        lines.append(f"            batt logs {run.name} --failed says why; batt retry-failed {run.name} tries again")
    if status.phases:
        lines += ["", timing_summary({phase.name: PhaseStats(phase.count, phase.sum) for phase in status.phases})]
    return lines


def cost_text(cost: Cost) -> str:
    """Return what a run has cost in one line; empty while nothing is known."""
    parts = []
    if cost.actual is not None:
        wasted = f" ({cost.wasted:.2f} of it wasted)" if cost.wasted else ""
        parts.append(f"{cost.actual:.2f} {cost.currency}{wasted}")
    if cost.pod_seconds is not None:
        parts.append(f"{duration(cost.pod_seconds)} of pods")
    if cost.priced:
        parts.append(f"prices of {cost.priced}")
    return ", ".join(parts)


def ending_json(run: Run) -> dict[str, Any]:
    """Return the summary for machines."""
    status = run.status
    return {
        "event": "summary",
        "name": run.name,
        "namespace": run.namespace,
        "phase": status.phase,
        "reason": reason_of(run),
        "message": status.message,
        "complete": has_all(run),
        "attempt": status.attempt,
        "score": {"solved": status.tasks.solved, "tasks": status.tasks.total},
        "shards": status.shards.model_dump(by_alias=True),
        "cost": status.cost.model_dump(by_alias=True),
        "phases": [phase.model_dump(by_alias=True) for phase in status.phases],
        "results": status.results,
    }

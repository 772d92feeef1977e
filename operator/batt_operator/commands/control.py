"""`batt suspend`, `resume`, `cancel`, `retry-failed`, `regrade`: what each changes in the spec of the run as it is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from batt.errors import RunError
from batt.status import ConditionType, Phase, Reason
from batt_operator.commands.client import Cluster, connect, target_of
from batt_operator.commands.runs import Run, change_run


class Change(NamedTuple):
    """What to write into a run's spec (nothing where it is so already), and what to tell the user."""

    spec: Mapping[str, Any]
    text: str


def suspend(run: Run) -> Change:
    """Return the change that stops all pods of a run and keeps what is finished.

    Raises:
        RunError: it has ended.
    """
    again = f"go on: batt resume {run.name}"
    if run.is_over:
        raise RunError(f"{run.name}: got phase {run.status.phase}; only a run that goes on can be suspended; {again}")
    if run.spec.get("suspend"):
        return Change({}, f"is suspended already; {again}")
    return Change({"suspend": True}, f"is being suspended: its pods end, what they finished is kept; {again}")


def resume(run: Run) -> Change:
    """Return the change that lets a suspended run go on.

    Raises:
        RunError: it has ended.
    """
    if run.spec.get("suspend"):  # of an ended run too: its next attempt must not wait
        return Change({"suspend": False}, f"goes on with what is missing; follow it: batt watch {run.name}")
    if run.is_over:
        remedy = f"try again what has no result: batt retry-failed {run.name}"
        raise RunError(f"{run.name}: got phase {run.status.phase}; only a suspended run can go on; {remedy}")
    return Change({}, f"is not suspended; follow it: batt watch {run.name}")


def cancel(run: Run) -> Change:
    """Return the change that ends a run early."""
    if run.is_over:
        return Change({}, f"has ended already ({run.status.phase}); nothing is left to cancel")
    told = f"what is finished is collected; then: batt results {run.name}"
    if run.spec.get("cancel"):
        return Change({}, f"is being cancelled already; {told}")
    return Change({"cancel": True}, f"is being cancelled: its pods end, {told}")


def retry_failed(run: Run) -> Change:
    """Return the change that starts a further attempt at what has no result, or whose agent has failed.

    Raises:
        RunError: the attempt has not ended.
    """
    if run.is_over and has_all(run) and not run.status.tasks.failed:
        return Change({}, "has a result for every shard: nothing is left to retry")
    return further_attempt(run, "retry", "tries again what has no result")


def regrade(run: Run) -> Change:
    """Return the change that starts a further attempt, which runs no agent and scores anew what there is.

    Raises:
        RunError: the attempt has not ended, or the run is one of solvers.
    """
    if run.spec.get("hal") is None:
        remedy = f"try again what has no result: batt retry-failed {run.name}"
        raise RunError(f"{run.name}: got a run of solvers; only what agents submitted is scored apart; {remedy}")
    return further_attempt(run, "regrade", "scores anew what its agents have submitted")


def further_attempt(run: Run, mode: str, text: str) -> Change:
    """Return the change that starts a further attempt.

    Raises:
        RunError: the attempt before has not ended.
    """
    follow = f"follow it: batt watch {run.name}"
    if run.status.has_ended() and run.status.attempt < run.attempt:
        return Change({}, f"has been asked for attempt {run.attempt} already; {follow}")
    if not run.is_over:
        remedy = f"wait for its end (batt watch {run.name}), or batt cancel {run.name}"
        rule = "only a run that has ended can have a further attempt"
        raise RunError(f"{run.name}: got phase {run.status.phase}; {rule}; {remedy}")
    attempt = run.attempt + 1
    waits = f"; it is suspended: batt resume {run.name}" if run.spec.get("suspend") else ""
    change = {"attempt": attempt, "attemptMode": mode, "cancel": False}
    return Change(change, f"{text}, as attempt {attempt}; {follow}{waits}")


def has_all(run: Run) -> bool:
    """Tell whether every shard of the run has a result."""
    complete = run.status.condition(ConditionType.COMPLETE)
    is_partial = complete is not None and complete.reason is Reason.COMPLETED_WITH_FAILURES
    return run.status.phase is Phase.COMPLETE and not is_partial


DECISIONS: dict[str, Callable[[Run], Change]] = {
    "suspend": suspend,
    "resume": resume,
    "cancel": cancel,
    "retry-failed": retry_failed,
    "regrade": regrade,
}
"""What each command changes."""


def control_command(options: argparse.Namespace) -> int:
    """Change a run as the command says, and tell what happens next."""
    text = apply_decision(connect(target_of(options)), options.name, DECISIONS[options.action])
    print(f"{options.name}: {text}")
    return 0


def apply_decision(cluster: Cluster, name: str, decide: Callable[[Run], Change]) -> str:
    """Change a run as is decided from its present state; return what to tell the user."""
    told: list[str] = []

    def changed(run: Run) -> Mapping[str, Any]:
        change = decide(run)
        told[:] = [change.text]  # of the last decision: earlier ones were overtaken
        return {"spec": change.spec} if change.spec else {}

    change_run(cluster, name, changed)
    return told[0]

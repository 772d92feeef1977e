"""Runs as the API server gives them, for tests of the commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batt.api import API_VERSION, KIND
from batt_operator.commands.runs import Run, read_run

THEN = "2026-01-01T10:00:00Z"
"""When everything in these runs happened."""


def condition(kind: str, status: str = "True", reason: str = "Started", message: str = "") -> dict[str, Any]:
    """Return a condition as a status holds it."""
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": THEN}


def run_json(
    name: str = "mine", spec: Mapping[str, Any] | None = None, status: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a run as JSON."""
    solvers = {"dataset": "arc-agi-1/training", "candidates": "builtin:starter"}
    metadata = {"name": name, "namespace": "team", "uid": "u-1", "resourceVersion": "7", "creationTimestamp": THEN}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {"solvers": solvers, **(spec or {})},
        "status": dict(status or {}),
    }


def run_with(spec: Mapping[str, Any] | None = None, **status: Any) -> Run:
    """Return a run with fields of its spec and of its status."""
    return read_run(run_json(spec=spec, status=status))


def running(done: int, total: int, **more: Any) -> Run:
    """Return a run at work, with so many of its shards done."""
    return run_with(phase="Running", shards={"total": total, "succeeded": done}, **more)


def ended(phase: str = "Complete", reason: str = "AllShardsDone", **more: Any) -> Run:
    """Return a run that has ended."""
    return run_with(phase=phase, conditions=[condition(phase, reason=reason)], **more)

"""Samples of every metric, as a cluster has them on which a run of solvers and a run of an agent have completed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from batt.hal.outcomes import Outcome
from batt.metrics import (
    METRICS,
    OUTCOMES,
    PHASE_SECONDS,
    RETRIES,
    RETRY_REASONS,
    RUN_COST,
    RUN_INFO,
    RUN_PHASE_COUNT,
    RUN_PHASE_SECONDS,
    RUN_SHARDS,
    RUN_TASKS,
    RUNS,
    SHARD_STATES,
    STALLED,
    USES,
    Kind,
    Metric,
    Source,
    phases_of,
)
from batt.solver.verdicts import Verdict
from batt.status import Phase, Reason
from batt.timing import EDGES

KINDS = {"solvers": "arc", "hal": "agents"}
"""Kinds of runs, and the run of each."""

NAMESPACE = "runs"
"""Where the operator and the runs are."""

STEP = 60
"""Seconds between two samples."""

STEPS = 120
"""Samples of each series."""

ENDED = 90
"""The sample from which on both runs have ended."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "kind": tuple(KINDS),
    "pool": ("cpu", "l4"),
    "reason": tuple(Reason),
    "result": ("succeeded", "failed"),
    "use": USES,
    "currency": ("USD",),
    "verb": ("GET", "POST", "PATCH", "DELETE"),
    "code": ("200",),
    "resource": ("benchmarkruns", "jobs"),
    "version": ("0.1.0",),
    "run_namespace": (NAMESPACE,),
}
"""Values of labels that are the same for all metrics."""

STATES = {RUNS.name: tuple(Phase), RUN_SHARDS.name: SHARD_STATES, RUN_TASKS.name: ("total", "solved", "failed")}
"""Values of `state`, by metric."""


def openmetrics(begin: int) -> str:
    """Return samples of every metric from a moment on, in seconds since 1970."""
    lines: list[str] = []
    for metric in METRICS:
        name = metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name
        lines.append(f"# TYPE {name} {metric.kind.value}")
        for labels in combinations(metric):
            text = ",".join(f'{label}="{value}"' for label, value in {**target(metric), **labels}.items())
            lines += series(metric, labels, text, begin)
    return "\n".join([*lines, "# EOF", ""])


def target(metric: Metric) -> Mapping[str, str]:
    """Return the labels that who scrapes gives to a metric's series."""
    where = {"namespace": NAMESPACE, "instance": "10.0.0.9:9464" if metric.source is Source.WORKER else "10.0.0.1:8080"}
    return {**where, "job": "batt"}


def combinations(metric: Metric) -> Iterator[Mapping[str, str]]:
    """Yield the labels of every series of a metric: all that can be, so that counters stand at 0 before they move."""
    words = {label: values_of(metric, label) for label in metric.labels if label not in {"phase", "outcome", "run"}}
    for values in itertools.product(*words.values()):
        labels = dict(zip(words, values, strict=True))
        if "run" in metric.labels:
            for kind, run in KINDS.items():
                yield from of_run(metric, kind, {**labels, "run": run})
        elif "phase" in metric.labels:
            yield from ({**labels, "phase": phase} for phase in phases_of(labels["kind"]))
        elif metric is OUTCOMES:
            outcomes: tuple[str, ...] = tuple(Verdict) if labels["kind"] == "solvers" else tuple(Outcome)
            yield from ({**labels, "outcome": outcome} for outcome in outcomes)
        else:
            yield labels


def of_run(metric: Metric, kind: str, labels: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the labels of the series that a metric has of one run."""
    if metric is RUN_INFO:
        if (labels["kind"], labels["pool"], labels["state"]) == (kind, "cpu", Phase.COMPLETE):
            yield labels
    elif "phase" in metric.labels:
        yield from ({**labels, "phase": phase} for phase in phases_of(kind))
    else:
        yield labels


def values_of(metric: Metric, label: str) -> tuple[str, ...]:
    """Return the values of a metric's label."""
    if label == "state":
        return STATES.get(metric.name, tuple(Phase) if metric is RUN_INFO else SHARD_STATES)
    if metric is RETRIES and label == "reason":
        return tuple(RETRY_REASONS)
    if metric.name == "batt_reconcile_errors_total":
        return ("conflict", "api", "fault") if label == "reason" else WORDS[label]
    return WORDS[label]


def series(metric: Metric, labels: Mapping[str, str], text: str, begin: int) -> Iterator[str]:
    """Yield the samples of a metric with these labels; what moves with the end of an attempt does so at ENDED."""
    for step in range(STEPS):
        at = begin + step * STEP
        if metric.kind is Kind.HISTOGRAM:
            number = moved(metric, labels, step)
            for edge in (*EDGES, float("inf")):
                within = number if edge >= 0.3 else 0
                yield f'{metric.name}_bucket{{{text},le="{"+Inf" if edge == float("inf") else edge}"}} {within} {at}'
            yield f"{metric.name}_sum{{{text}}} {number * 0.2} {at}"
            yield f"{metric.name}_count{{{text}}} {number} {at}"
        elif metric.kind is Kind.COUNTER:
            yield f"{metric.name}{{{text}}} {moved(metric, labels, step)} {at}"
        else:
            yield f"{metric.name}{{{text}}} {stands(metric, labels, begin, step)} {at}"


def moved(metric: Metric, labels: Mapping[str, str], step: int) -> int:
    """Return where a counter stands: all that concerns pool `cpu` and no failure has moved."""
    if labels.get("pool", "cpu") != "cpu" or labels.get("use") == "wasted" or labels.get("result") == "failed":
        return 0
    if labels.get("reason", Reason.ALL_SHARDS_DONE) != Reason.ALL_SHARDS_DONE:
        return 0
    is_slow = metric is PHASE_SECONDS or metric.name.endswith(("finished_total", "seconds_total", "cost_total"))
    return (20 if step >= ENDED else 0) if is_slow or metric is OUTCOMES else step


def stands(metric: Metric, labels: Mapping[str, str], begin: int, step: int) -> float:
    """Return where a gauge stands."""
    if metric in {RUN_PHASE_SECONDS, RUN_PHASE_COUNT, RUN_COST, RUN_INFO}:
        return 1 + len(labels.get("phase", ""))
    if metric.name.endswith("timestamp_seconds"):
        return begin + (60 if "start" in metric.name else ENDED * STEP)
    if metric is STALLED or labels.get("state") in {"active", "pending", "failed"}:
        return 0
    return 1 + step % 3

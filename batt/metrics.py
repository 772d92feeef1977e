"""Every metric of batt by name: what it counts, in which unit, by which labels, and when it moves.

The only place that spells them. exporter.py serves them, docs/metrics.md is made from them, and dashboards and alerts
are built from these names. Runs, pods, shards and tasks are never labels of a histogram: see DESIGN.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from batt.timing import CLUSTER_PHASES, HAL_PHASES, PHASES


class Kind(StrEnum):
    """How a metric behaves (prometheus.io: metric types)."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Who serves a metric."""

    OPERATOR = "operator"
    RUN = "operator, for live and recent runs"
    WORKER = "pods of the work, while they run"


class Metric(NamedTuple):
    """One metric. help: one or two sentences with the unit, and when it moves."""

    name: str
    kind: Kind
    source: Source
    labels: tuple[str, ...]
    help: str


LABELS: Mapping[str, str] = {
    "kind": "what the run does: `solvers` or `hal`",
    "phase": "a timed part of the work, `run_batt.phase1_filter`, or of its way through the cluster, `cluster.queued`",
    "pool": "the pool of the run's work, as the operator's configuration names it",
    "state": "of runs: the phase in `kubectl get brun`; of shards: `pending`, `active`, `succeeded` or `failed`; "
    "of tasks: `total`, `solved` or `failed`",
    "reason": "why, as the run's conditions, or table 2 below for pods, name it",
    "outcome": "what became of a candidate (its verdict) or of an agent's task (its outcome)",
    "result": "`succeeded` or `failed`",
    "use": "`useful`: pods that gave a shard its result; `wasted`: failed, preempted or double work",
    "currency": "of the pool's price",
    "verb": "of the request: GET, POST, PATCH or DELETE",
    "code": "of the answer; `0` where there was none",
    "resource": "what is watched: `benchmarkruns` or `jobs`",
    "version": "of batt",
    "run_namespace": "namespace of the run; monitors give `namespace` to every target, that of the operator's pod",
    "run": "name of the run; on gauges of live and recent runs alone",
}
"""Every label with what its values are."""

RETRY_REASONS: Mapping[str, str] = {
    "preempted": "the node went, or the scheduler or a drain wanted its place (condition DisruptionTarget)",
    "evicted": "the kubelet needed memory or disk, or the pod outgrew a limit of its own",
    "out_of_memory": "the container used more memory than its limit",
    "asked_to_stop": "the pod got SIGTERM and stored what it had (exit code 75)",
    "store": "the store failed or refused (exit codes 74 and 77)",
    "error": "any other end",
}
"""Why a pod of the work ended without the result of its shard, as `batt_retries_total` has it."""

SHARD_STATES = ("pending", "active", "succeeded", "failed")
"""States of shards."""

USES = ("useful", "wasted")
"""What pod seconds were good for."""

MOST_RUNS = 100
"""Runs that have series of their own at once: live ones first, then those that ended last."""

RECENT_SECONDS = 24 * 3600
"""How long a run that has ended keeps series of its own."""


def phases_of(kind: str) -> tuple[str, ...]:
    """Return the names of all phases that a kind of run has, those of the cluster too."""
    return (*(HAL_PHASES if kind == "hal" else PHASES), *CLUSTER_PHASES)


PHASE_SECONDS = Metric(
    "batt_phase_duration_seconds",
    Kind.HISTOGRAM,
    Source.OPERATOR,
    ("kind", "phase", "pool"),
    "Seconds that phases of runs took. Moves once for each attempt of a run, when it has ended.",
)
RUNS = Metric("batt_runs", Kind.GAUGE, Source.OPERATOR, ("kind", "state"), "Runs that there are, by where they stand.")
SHARDS = Metric(
    "batt_shards",
    Kind.GAUGE,
    Source.OPERATOR,
    ("kind", "state"),
    "Shards of runs that have not ended, by where they stand. Moves as pods start and end.",
)
STALLED = Metric(
    "batt_runs_stalled",
    Kind.GAUGE,
    Source.OPERATOR,
    ("reason",),
    "Runs whose current stage has no running pod, by why (condition Stalled).",
)
OLDEST_PENDING = Metric(
    "batt_oldest_pending_seconds",
    Kind.GAUGE,
    Source.OPERATOR,
    (),
    "Seconds for which the run that waits longest has had no running pod; 0 where none waits. Suspended runs and those "
    "in a queue do not wait.",
)
FINISHED = Metric(
    "batt_attempts_finished_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("kind", "reason"),
    "Attempts of runs that have ended, by why.",
)
SHARDS_FINISHED = Metric(
    "batt_shards_finished_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("kind", "pool", "result"),
    "Shards that attempts have worked on, by whether they have a result now. Moves when an attempt has ended.",
)
OUTCOMES = Metric(
    "batt_outcomes_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("kind", "outcome"),
    "Candidates by verdict and agents' tasks by outcome. Moves when an attempt has ended.",
)
RETRIES = Metric(
    "batt_retries_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("kind", "pool", "reason"),
    "Pods of the work that ended without the result of their shard, by why. Moves at every resync.",
)
POD_SECONDS = Metric(
    "batt_pod_seconds_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("kind", "pool", "use"),
    "Seconds that pods of the work ran. Moves when an attempt has ended.",
)
COST = Metric(
    "batt_cost_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("kind", "pool", "currency", "use"),
    "What pods of the work cost by their pool's price, in its currency. Moves when an attempt has ended.",
)
RECONCILE_SECONDS = Metric(
    "batt_reconcile_duration_seconds",
    Kind.HISTOGRAM,
    Source.OPERATOR,
    (),
    "Seconds that one look at one run took, its requests included.",
)
RECONCILE_ERRORS = Metric(
    "batt_reconcile_errors_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("reason",),
    "Looks at runs that failed: `conflict`: somebody else wrote meanwhile, which is normal; `api`: the API server "
    "refused or was away; `fault`: a fault of batt.",
)
QUEUED_LOOKS = Metric(
    "batt_reconcile_queue_length",
    Kind.GAUGE,
    Source.OPERATOR,
    (),
    "Runs that wait for a look which is due.",
)
API_REQUESTS = Metric(
    "batt_api_requests_total",
    Kind.COUNTER,
    Source.OPERATOR,
    ("verb", "code"),
    "Requests of the operator to the API server, without its watches.",
)
API_SECONDS = Metric(
    "batt_api_request_duration_seconds",
    Kind.HISTOGRAM,
    Source.OPERATOR,
    ("verb",),
    "Seconds until the API server answered a request of the operator.",
)
RESYNC_AGE = Metric(
    "batt_resync_age_seconds",
    Kind.GAUGE,
    Source.OPERATOR,
    (),
    "Seconds since all runs and Jobs were listed last, or since the operator started. Falls to 0 at every resync.",
)
WATCH_AGE = Metric(
    "batt_watch_age_seconds",
    Kind.GAUGE,
    Source.OPERATOR,
    ("resource",),
    "Seconds since a resync last found that the watch had told of everything. Falls to 0 at every resync.",
)
BUILD_INFO = Metric("batt_build_info", Kind.GAUGE, Source.OPERATOR, ("version",), "Always 1.")

RUN_INFO = Metric(
    "batt_run_info",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run", "kind", "pool", "state"),
    "Always 1; joins a run's other series with what it is and where it stands.",
)
RUN_SHARDS = Metric(
    "batt_run_shards",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run", "state"),
    "Shards of a run's current attempt. Moves as pods start and end.",
)
RUN_TASKS = Metric(
    "batt_run_tasks",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run", "state"),
    "Tasks of a run; `solved` and `failed` once they are known.",
)
RUN_STARTED = Metric(
    "batt_run_start_timestamp_seconds",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run"),
    "When the current attempt began, in seconds since 1970.",
)
RUN_ENDED = Metric(
    "batt_run_end_timestamp_seconds",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run"),
    "When the current attempt ended, in seconds since 1970; absent before.",
)
RUN_COST = Metric(
    "batt_run_cost",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run", "currency", "use"),
    "What a run's pods cost, in the price's currency; absent until it is collected, or without a price.",
)
RUN_PHASE_SECONDS = Metric(
    "batt_run_phase_seconds",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run", "phase"),
    "Seconds of a phase in all, over a run's attempts: its timing summary. Absent until it is collected.",
)
RUN_PHASE_OCCURRENCES = Metric(
    "batt_run_phase_occurrences",
    Kind.GAUGE,
    Source.RUN,
    ("run_namespace", "run", "phase"),
    "How often the phase ran.",
)

WORKER_PHASE_SECONDS = Metric(
    "batt_worker_phase_duration_seconds",
    Kind.HISTOGRAM,
    Source.WORKER,
    ("kind", "phase", "pool"),
    "Seconds that phases took in this pod so far. Moves as the work goes on; the operator's histogram has the whole.",
)
WORKER_ITEMS = Metric(
    "batt_worker_items_total",
    Kind.COUNTER,
    Source.WORKER,
    ("kind", "pool"),
    "Candidates and modules that are done in this pod's shard. Moves as the work goes on.",
)
WORKER_STORE_ERRORS = Metric(
    "batt_worker_store_errors_total",
    Kind.COUNTER,
    Source.WORKER,
    ("kind", "pool"),
    "Operations on the store that failed or were refused in this pod, those that a later try mended too.",
)

METRICS = (
    *(PHASE_SECONDS, RUNS, SHARDS, STALLED, OLDEST_PENDING, FINISHED, SHARDS_FINISHED, OUTCOMES, RETRIES),
    *(POD_SECONDS, COST, RECONCILE_SECONDS, RECONCILE_ERRORS, QUEUED_LOOKS, API_REQUESTS, API_SECONDS),
    *(RESYNC_AGE, WATCH_AGE, BUILD_INFO),
    *(RUN_INFO, RUN_SHARDS, RUN_TASKS, RUN_STARTED, RUN_ENDED, RUN_COST, RUN_PHASE_SECONDS, RUN_PHASE_OCCURRENCES),
    *(WORKER_PHASE_SECONDS, WORKER_ITEMS, WORKER_STORE_ERRORS),
)
"""All of them, in the order of the docs."""

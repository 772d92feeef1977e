"""The alerts: when each fires, what it says, and the rules as Prometheus reads them.

`<name>` in a rule is filled in by the chart: a threshold of its values, or where the release is
(charts/batt/templates/_monitoring.tpl). docs/alerts.md has a section for each alert.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from batt.metrics import (
    BUILD_INFO,
    FINISHED,
    OLDEST_PENDING,
    PHASE_SECONDS,
    RECONCILE_ERRORS,
    RECONCILE_SECONDS,
    RESYNC_AGE,
    RETRIES,
    RUN_INFO,
    RUN_SHARDS,
    SHARDS,
    WORKER_STORE_ERRORS,
)
from batt.status import Reason
from batt.timing import MAIN
from dashboards.promql import grouped, increase, most, select, share, total
from dashboards.words import AT_WORK, NO_FAILURE

OPERATOR = 'namespace="<namespace>"'
"""Series of the release's operator: two releases must not tell of one another's."""

WORKERS = 'namespace=~"<runNamespaces>"'
"""Series of workers of the release's runs."""

EACH = ("cluster", "namespace")
"""Labels that name one operator, where one Prometheus has those of several clusters."""

EACH_RUN = (*EACH, "run_namespace", "run")
"""Labels that name one run."""

MINUTES = "15m"
"""How far back alerts look that ask what happens now: several resyncs, and a restart of the operator."""


class Alert(NamedTuple):
    """One alert.

    group: of rules. text: the query; counts of `increase` are rounded, since it guesses at the ends of its window.
    wait: how long it must hold first; empty where the query itself looks back long enough. tells: what has happened;
    remedy: what to do. Both may have Prometheus' own templates.
    """

    name: str
    group: str
    text: str
    wait: str
    severity: str
    summary: str
    tells: str
    remedy: str


INTERVALS = {"batt-operator": "1m", "batt-runs": "1m", "batt-phases": "10m"}
"""How often each group of rules is looked at: history of a week costs more and changes less."""


def alerts() -> tuple[Alert, ...]:
    """Return all alerts."""
    return (
        *(operator_absent(), operator_not_reconciling(), looks_failing()),
        *(run_stuck(), run_pending(), runs_failing(), preemption_storm(), store_errors()),
        phase_slow(),
    )


def operator_absent() -> Alert:
    """Return the alert for an operator that nobody hears of."""
    return Alert(
        "BattOperatorAbsent",
        "batt-operator",
        f"absent({select(BUILD_INFO, OPERATOR)})",
        "10m",
        "critical",
        "The operator of namespace {{ $labels.namespace }} cannot be scraped.",
        "Prometheus has had no metrics of the operator for ten minutes: it is down, or not scraped.",
        "Look at its Deployment and log, then at the monitor.",
    )


def operator_not_reconciling() -> Alert:
    """Return the alert for an operator that runs and sees nothing. One that is restarted for it keeps firing."""
    return Alert(
        "BattOperatorNotReconciling",
        "batt-operator",
        f"{most(f'max_over_time({select(RESYNC_AGE, OPERATOR, window=MINUTES)})', *EACH)} > <notReconcilingSeconds>",
        "",
        "critical",
        "The operator of namespace {{ $labels.namespace }} has not listed runs for {{ $value | humanizeDuration }}.",
        "No resync has gone through: changes are missed, stages do not follow one another, deadlines are not kept.",
        "Read `resync failed` in its log: the API server is away, or refuses; check its role.",
    )


def looks_failing() -> Alert:
    """Return the alert for an operator whose looks at runs fail."""
    failed = total(increase(RECONCILE_ERRORS, MINUTES, OPERATOR, 'reason=~"api|fault"'), *EACH)
    looks = total(increase(RECONCILE_SECONDS, MINUTES, OPERATOR, part="_count"), *EACH)
    return Alert(
        "BattLooksFailing",
        "batt-operator",
        f"{share(failed, looks)} > <failedLooks>\nand round({failed}) > 3",
        "5m",
        "warning",
        "{{ $value | humanizePercentage }} of the looks at runs fail in namespace {{ $labels.namespace }}.",
        "The operator cannot do its work for some runs or for all.",
        "Read `look failed` in its log: by reason `api` the API server refuses or is away, by `fault` it is a fault of "
        "batt: report it.",
    )


def run_stuck() -> Alert:
    """Return the alert for a run at work of which nothing has come for long: same state, no shard done or failed."""
    window, on = "<stuck>", f"on ({', '.join(EACH_RUN)})"
    states = total(f"last_over_time({select(RUN_INFO, OPERATOR, window=window)})", *EACH_RUN, "state")
    at_work = f'state=~"{AT_WORK}"'
    over = 'state=~"succeeded|failed"'
    finished = f"changes({select(RUN_SHARDS, OPERATOR, over, window=window)})"
    return Alert(
        "BattRunStuck",
        "batt-runs",
        f"{grouped('count', states, *EACH_RUN)} == 1\n"
        f"and {on} {most(select(RUN_INFO, OPERATOR, at_work), *EACH_RUN)}\n"
        f"and {on} {most(select(RUN_INFO, OPERATOR, at_work, offset=window), *EACH_RUN)}\n"
        f"unless {on} {total(finished, *EACH_RUN)} > 0",
        "5m",
        "warning",
        "Run {{ $labels.run_namespace }}/{{ $labels.run }} gets nowhere.",
        "It has been at work for <stuck> without a shard that was done or failed.",
        "Look at its pods: `batt logs {{ $labels.run }}`, `kubectl describe brun {{ $labels.run }}`. Shards that "
        "simply take that long need a longer `metrics.rules.thresholds.stuck`.",
    )


def run_pending() -> Alert:
    """Return the alert for a run that waits for a pod."""
    return Alert(
        "BattRunPending",
        "batt-runs",
        f"{most(select(OLDEST_PENDING, OPERATOR), *EACH)} > <pendingSeconds>",
        "",
        "warning",
        "A run has waited {{ $value | humanizeDuration }} for a pod to start.",
        "No pod of its current stage runs; it fails when `spec.deadlines.pendingSeconds` have passed.",
        "`kubectl get brun -A -o wide` says why: no node, no image, no quota.",
    )


def runs_failing() -> Alert:
    """Return the alert for runs that fail; those that were cancelled are in neither number."""
    ended = increase(FINISHED, "<failureWindow>", OPERATOR, f'reason!="{Reason.CANCELLED}"')
    failed = increase(FINISHED, "<failureWindow>", OPERATOR, f'reason!~"{NO_FAILURE}"')
    by = (*EACH, "kind")
    return Alert(
        "BattRunsFailing",
        "batt-runs",
        f"{share(total(failed, *by), total(ended, *by))} > <failureRatio>\n"
        f"and round({total(failed, *by)}) > <failures>",
        "",
        "warning",
        "{{ $value | humanizePercentage }} of the runs of kind {{ $labels.kind }} fail.",
        "Of the attempts that ended within <failureWindow> so many have failed.",
        "The dashboard Runs shows the reasons, docs/troubleshooting.md what to do about each.",
    )


def preemption_storm() -> Alert:
    """Return the alert for pods that go faster than work gets done: many, and many of those at work."""
    lost = total(increase(RETRIES, "30m", OPERATOR, 'reason="preempted"'), *EACH, "pool")
    at_work = select(SHARDS, OPERATOR, 'state="active"', window="30m")
    active = total(f"avg_over_time({at_work})", *EACH)
    return Alert(
        "BattPreemptionStorm",
        "batt-runs",
        f"round({lost}) > <preemptions>\n"
        f"and ({lost} / on ({', '.join(EACH)}) group_left () {active}) > <preemptionRatio>",
        "",
        "warning",
        "{{ $value | humanize }} pods of pool {{ $labels.pool }} were preempted within 30 minutes.",
        "Spot nodes go, or pods of higher priority come, faster than shards are done; each pod that goes is paid for.",
        "Lower `spec.maxConcurrency`, or move runs to a pool without spot nodes.",
    )


def store_errors() -> Alert:
    """Return the alert for a store that fails: pods that ended for it, or operations that only later tries mended."""
    by = (*EACH, "kind", "pool")
    ended = total(increase(RETRIES, MINUTES, OPERATOR, 'reason="store"'), *by)
    mended = total(increase(WORKER_STORE_ERRORS, MINUTES, WORKERS), *by)
    return Alert(
        "BattStoreErrors",
        "batt-runs",
        f"round({ended}) > <storePods>\nor round({mended}) > <storeErrors>",
        "",
        "warning",
        "The store fails or refuses, {{ $value | humanize }} times within 15 minutes, pool {{ $labels.pool }}.",
        "Pods ended because of it, or their operations had to be tried again.",
        "Check the bucket, the grant of the worker's service account, quotas, and the network policy.",
    )


def phase_slow() -> Alert:
    """Return the alert for a phase whose mean has grown: the last day against the week before it.

    Both have enough durations, and the phase takes enough time to care. The whole run is no phase: it is as long as its
    inputs. The mean, since quantiles are as coarse as their buckets, which are a factor of three apart.
    """
    by = (*EACH, "kind", "phase", "pool")
    which = (OPERATOR, f'phase!="{MAIN}"')

    def grown(part: str, window: str, offset: str = "") -> str:
        return total(increase(PHASE_SECONDS, window, *which, part=part, offset=offset), *by)

    recent = share(grown("_sum", "1d"), grown("_count", "1d"))
    before = share(grown("_sum", "7d", "1d"), grown("_count", "7d", "1d"))
    return Alert(
        "BattPhaseSlow",
        "batt-phases",
        f"({recent}) / ({before}) > <slowFactor>\n"
        f"and {grown('_count', '1d')} > <slowCount>\n"
        f"and {grown('_count', '7d', '1d')} > <slowCount>\n"
        f"and {grown('_sum', '1d')} > <slowSeconds>",
        "",
        "warning",
        "{{ $labels.phase }} takes {{ $value | humanize }} times as long as in the week before.",
        "The mean of the last day, in pool {{ $labels.pool }}, against that of the seven days before it.",
        "The dashboard Phases shows since when; compare a run of then with one of now. Other inputs are no fault.",
    )


def rules() -> dict[str, Any]:
    """Return the groups of rules; open-ended, as Kubernetes objects are."""
    groups = [
        {"name": name, "interval": interval, "rules": [rule(alert) for alert in alerts() if alert.group == name]}
        for name, interval in INTERVALS.items()
    ]
    return {"groups": groups}


def rule(alert: Alert) -> dict[str, Any]:
    """Return the rule of an alert; its runbook is the section of docs/alerts.md that has its name."""
    return {
        "alert": alert.name,
        "expr": alert.text,
        **({"for": alert.wait} if alert.wait else {}),
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": f"{alert.tells} {alert.remedy}",
            "runbook_url": f"<runbooks>#{alert.name.lower()}",
        },
    }

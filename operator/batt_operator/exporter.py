"""The operator's /metrics: counters that begin at 0 when it starts, gauges made from the fleet when somebody asks.

What an attempt of a run has taken is folded in once, when it has ended (executor.py); nothing is ever rebuilt from
what was stored, so that `increase()` over any time says what happened in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from batt import __version__
from batt.exporter import Family, Labels, histogram, numbers
from batt.hal.outcomes import Outcome
from batt.message import CollectMessage
from batt.metrics import (
    API_REQUESTS,
    API_SECONDS,
    BUILD_INFO,
    COST,
    FINISHED,
    OLDEST_PENDING,
    OUTCOMES,
    PHASE_SECONDS,
    POD_SECONDS,
    QUEUED_LOOKS,
    RECONCILE_ERRORS,
    RECONCILE_SECONDS,
    RESYNC_AGE,
    RETRIES,
    RETRY_REASONS,
    RUN_COST,
    RUN_ENDED,
    RUN_INFO,
    RUN_PHASE_OCCURRENCES,
    RUN_PHASE_SECONDS,
    RUN_SHARDS,
    RUN_STARTED,
    RUN_TASKS,
    RUNS,
    SHARDS,
    SHARDS_FINISHED,
    STALLED,
    USES,
    WATCH_AGE,
    Metric,
    phases_of,
)
from batt.solver.verdicts import Verdict
from batt.status import Reason, RunStatus
from batt.timing import PhaseStats
from batt_operator.fleet import KINDS, Fleet, Seen, states_of, sums_of, with_own_series
from batt_operator.observed import parsed_time
from batt_operator.settings import Settings

VERBS = ("GET", "POST", "PATCH", "DELETE")
"""Verbs of the operator's requests."""

FAULTS = ("conflict", "api", "fault")
"""Why a look at a run can fail."""


class Folded(NamedTuple):
    """What an attempt of a run has come to.

    pool, gpu_pool: where its work ran, and its tasks that want a GPU.
    todo: shards that it worked on; None where it never came to that.
    told: what collect has said; None where it was not collected.
    ways: by pool, how long its pods spent on each step through the cluster.
    """

    kind: str
    pool: str
    gpu_pool: str
    reason: str
    todo: int | None
    told: CollectMessage | None
    ways: Mapping[str, Mapping[str, PhaseStats]]


class Ages(NamedTuple):
    """How long ago the resync and the watches were last known to be well, in seconds; runs whose look is due."""

    resync_seconds: float
    watch_seconds: Mapping[str, float]
    queued: int


class Metrics:
    """All numbers of the operator; told from several threads.

    ages: asked whenever somebody asks for metrics.
    """

    def __init__(self, settings: Settings, fleet: Fleet, ages: Callable[[], Ages], now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.fleet = fleet
        self.ages = ages
        self.now = now
        self.lock = threading.Lock()
        pools = sorted(settings.pools)
        self.counters = {metric: dict.fromkeys(labels, 0.0) for metric, labels in zero_counters(settings).items()}
        self.histograms: dict[Metric, dict[Labels, PhaseStats]] = {
            PHASE_SECONDS: {
                (kind, phase, pool): PhaseStats() for kind in KINDS for phase in phases_of(kind) for pool in pools
            },
            RECONCILE_SECONDS: {(): PhaseStats()},
            API_SECONDS: {(verb,): PhaseStats() for verb in VERBS},
        }

    def count(self, metric: Metric, labels: Labels, by: float = 1.0) -> None:
        """Add to a counter; the lock is the caller's."""
        values = self.counters[metric]
        values[labels] = values.get(labels, 0.0) + by

    def observe(self, metric: Metric, labels: Labels, stats: PhaseStats) -> None:
        """Add to a histogram; the lock is the caller's."""
        values = self.histograms[metric]
        values[labels] = values.get(labels, PhaseStats()).merged(stats)

    def looked(self, seconds: float, fault: str) -> None:
        """Count a look at a run, and why it has failed, if it has: a word of FAULTS."""
        with self.lock:
            self.observe(RECONCILE_SECONDS, (), PhaseStats().with_duration(seconds))
            if fault:
                self.count(RECONCILE_ERRORS, (fault,))

    def asked(self, verb: str, code: int, seconds: float) -> None:
        """Count a request to the API server."""
        with self.lock:
            self.count(API_REQUESTS, (verb, str(code)))
            self.observe(API_SECONDS, (verb,), PhaseStats().with_duration(seconds))

    def retried(self, kind: str, pool: str, reasons: Iterable[str]) -> None:
        """Count pods of the work that have failed."""
        with self.lock:
            for reason in reasons:
                self.count(RETRIES, (kind, pool, reason))

    def fold(self, folded: Folded) -> None:
        """Count what an attempt has come to; called at most once for each."""
        kind, pool, told = folded.kind, folded.pool, folded.told
        with self.lock:
            self.count(FINISHED, (kind, folded.reason))
            for place, steps in folded.ways.items():
                for phase, stats in steps.items():
                    self.observe(PHASE_SECONDS, (kind, phase, place), stats)
            if told is None:
                return
            for phase, stats in told.added_phases.items():
                self.observe(PHASE_SECONDS, (kind, phase, pool), stats)
            for outcome, count in told.added_verdicts.items():
                self.count(OUTCOMES, (kind, outcome), count)
            if folded.todo is not None:
                failed = min(told.missing, folded.todo)
                self.count(SHARDS_FINISHED, (kind, pool, "succeeded"), folded.todo - failed)
                self.count(SHARDS_FINISHED, (kind, pool, "failed"), failed)
            gpu = told.added_gpu_seconds, told.added_gpu_wasted_seconds
            rest = told.added_pod_seconds - gpu[0], told.added_wasted_seconds - gpu[1]
            for place, (seconds, wasted) in ((pool, rest), (folded.gpu_pool, gpu)):
                # A further attempt may waste what earlier ones have done, which is counted: no second counts twice.
                lost = max(0.0, min(seconds, wasted))
                self.paid(kind, place, max(0.0, seconds - lost), lost)

    def paid(self, kind: str, pool: str, useful: float, wasted: float) -> None:
        """Count seconds of pods and what they cost; the lock is the caller's."""
        known = self.settings.pools.get(pool)
        for use, seconds in zip(USES, (useful, wasted), strict=True):
            self.count(POD_SECONDS, (kind, pool, use), seconds)
            if known is not None and known.price is not None:
                cost = seconds * known.price.per_hour / 3600
                self.count(COST, (kind, pool, known.price.currency, use), cost)

    def families(self) -> list[Family]:
        """Return all metrics as they are now."""
        with self.lock:
            counters = {metric: dict(values) for metric, values in self.counters.items()}
            histograms = {metric: dict(values) for metric, values in self.histograms.items()}
        runs, now, ages = self.fleet.all(), self.now(), self.ages()
        sums = sums_of(runs, now)
        watches: dict[Labels, float] = {(resource,): seconds for resource, seconds in ages.watch_seconds.items()}
        gauges: dict[Metric, Mapping[Labels, float]] = {
            RUNS: sums.runs,
            SHARDS: sums.shards,
            STALLED: {(str(reason),): sums.stalled.get(str(reason), 0) for reason in Reason},
            OLDEST_PENDING: {(): sums.oldest_seconds},
            QUEUED_LOOKS: {(): ages.queued},
            RESYNC_AGE: {(): ages.resync_seconds},
            WATCH_AGE: watches,
            BUILD_INFO: {(__version__,): 1},
            **run_gauges(with_own_series(runs, now)),
        }
        return [
            *(histogram(metric, series) for metric, series in histograms.items()),
            *(numbers(metric, values) for metric, values in (counters | gauges).items()),
        ]


def zero_counters(settings: Settings) -> dict[Metric, list[Labels]]:
    """Return the labels that every counter has from the start: a series that begins at its first event hides it."""
    pools = sorted(settings.pools)
    outcomes = {"solvers": [*map(str, Verdict)], "hal": [*map(str, Outcome)]}
    prices = [(pool, settings.pools[pool].price) for pool in pools]
    return {
        FINISHED: [(kind, str(reason)) for kind in KINDS for reason in Reason],
        SHARDS_FINISHED: [(kind, pool, one) for kind in KINDS for pool in pools for one in ("succeeded", "failed")],
        OUTCOMES: [(kind, outcome) for kind in KINDS for outcome in outcomes[kind]],
        RETRIES: [(kind, pool, reason) for kind in KINDS for pool in pools for reason in RETRY_REASONS],
        POD_SECONDS: [(kind, pool, use) for kind in KINDS for pool in pools for use in USES],
        COST: [(kind, pool, price.currency, use) for kind in KINDS for pool, price in prices if price for use in USES],
        RECONCILE_ERRORS: [(fault,) for fault in FAULTS],
        API_REQUESTS: [(verb, code) for verb, code in zip(VERBS, ("200", "201", "200", "200"), strict=True)],
    }


def run_gauges(runs: Iterable[Seen]) -> dict[Metric, dict[Labels, float]]:
    """Return the series that single runs have."""
    gauges: dict[Metric, dict[Labels, float]] = {
        metric: {}
        for metric in (
            *(RUN_INFO, RUN_SHARDS, RUN_TASKS, RUN_STARTED, RUN_ENDED, RUN_COST),
            *(RUN_PHASE_SECONDS, RUN_PHASE_OCCURRENCES),
        )
    }
    for run in runs:
        status, name = run.status, tuple(run.key)
        gauges[RUN_INFO][*name, run.kind, run.pool, str(status.phase)] = 1
        gauges[RUN_SHARDS].update({(*name, state): count for state, count in states_of(status.shards).items()})
        gauges[RUN_TASKS].update({(*name, state): count for state, count in tasks_of(status).items()})
        for metric, time in ((RUN_STARTED, status.start_time), (RUN_ENDED, status.completion_time)):
            if time is not None:
                gauges[metric][name] = parsed_time(time).timestamp()
        cost = status.cost
        if cost.actual is not None and cost.wasted is not None:
            gauges[RUN_COST][*name, cost.currency, "useful"] = max(0.0, cost.actual - cost.wasted)
            gauges[RUN_COST][*name, cost.currency, "wasted"] = cost.wasted
        for phase in status.phases:
            gauges[RUN_PHASE_SECONDS][*name, phase.name] = phase.sum
            gauges[RUN_PHASE_OCCURRENCES][*name, phase.name] = phase.count
    return gauges


def tasks_of(status: RunStatus) -> dict[str, int]:
    """Return how many tasks a run has in each state, of those that are known."""
    tasks = status.tasks
    known = {"total": tasks.total, "solved": tasks.solved, "failed": tasks.failed}
    return {state: count for state, count in known.items() if count is not None}

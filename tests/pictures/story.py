"""Six hours of a busy namespace, as a Prometheus has scraped them: runs small and large, failures, preemptions, waits.

Who is in it stands in cast.py; numbers come from the exporters themselves. The same every time: chance is seeded.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from batt.exporter import Family
from batt.metrics import phases_of
from batt.podmetrics import PodMetrics
from batt.timing import PhaseClock
from batt_operator.exporter import Ages, Metrics
from batt_operator.fleet import Fleet
from tests.metricsamples import Scrape, as_openmetrics
from tests.pictures.cast import PRICES, RUNS, ToldRun
from tests.pictures.runs import is_ended, is_seen, is_working, lost_until, run_at, shards_at
from tests.pictures.tolls import folded
from tests.worlds import GPU, settings_with

MINUTES = 360
"""How long the story is."""

STEP = 4
"""Minutes between two scrapes: Prometheus looks back for five."""

END = datetime(2026, 3, 4, 15, tzinfo=UTC)
"""When the story ends: now, for who looks at the dashboards."""

BEGIN_SECONDS = int(END.timestamp()) - MINUTES * 60
"""When it begins, in seconds since 1970."""

NAMESPACE = "batt"
"""Where the operator is."""

OUTAGE = range(300, 308)
"""Minutes in which the API server is away."""

PODS = 2
"""Pods of a run that are scraped: as many as it takes to draw lines."""


def story() -> str:
    """Return all samples in the OpenMetrics format."""
    return as_openmetrics(scrapes())


def scrapes() -> Iterator[Scrape]:
    """Yield what the operator and some pods serve, moment by moment."""
    teller = Teller()
    pods = {run.name: [teller.pod_of(run) for _ in range(PODS)] for run in RUNS}
    operator = {"namespace": NAMESPACE, "instance": "batt-operator", "job": "batt-operator"}
    for minute in range(0, MINUTES + 1, STEP):
        at = BEGIN_SECONDS + minute * 60
        yield Scrape(at, teller.operator_at(minute), operator)
        for run in (run for run in RUNS if is_working(run, minute)):
            for number, pod in enumerate(pods[run.name]):
                teller.work(run, pod)
                target = {"namespace": run.namespace, "instance": f"{run.name}-{number}", "job": "batt-workers"}
                yield Scrape(at, pod.families(), target)


class Teller:
    """The operator through the story, and the chance that moves it."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.fleet = Fleet("cpu")
        self.now = datetime.fromtimestamp(BEGIN_SECONDS, UTC)
        self.ages = Ages(0.0, {}, 0)
        self.failures = 0
        pools = {
            name: (GPU if name == "l4" else {}) | {"price": {"perHour": price, "currency": "EUR"}}
            for name, price in PRICES.items()
        }
        self.metrics = Metrics(settings_with(pools=pools), self.fleet, lambda: self.ages, lambda: self.now)

    def pod_of(self, run: ToldRun) -> PodMetrics:
        """Return a pod of a run that has done nothing yet."""
        pod = PodMetrics(run.kind, run.pool, 9464, self.store_errors)
        pod.clocks.append(PhaseClock())
        return pod

    def store_errors(self) -> int:
        """Return operations on the store that have failed."""
        return self.failures

    def operator_at(self, minute: int) -> list[Family]:
        """Let the operator do what it does until a minute, and return what it serves then."""
        self.now = datetime.fromtimestamp(BEGIN_SECONDS + minute * 60, UTC)
        live = [run for run in RUNS if is_seen(run, minute) and not is_ended(run, minute)]
        is_away = minute in OUTAGE
        changing = [run for run in RUNS if is_seen(run, minute) and not is_ended(run, minute - STEP)]
        for run in changing:
            self.fleet.saw(run_at(run, minute, BEGIN_SECONDS))
            for reason in run.lost:
                more = lost_until(run, minute, reason) - lost_until(run, minute - STEP, reason)
                self.metrics.retried(run.kind, run.pool, [reason] * more)
            if is_ended(run, minute):
                self.metrics.fold(folded(run, shards_at(run, minute)["succeeded"]))
        self.look(len(live), is_away=is_away)
        since = 60.0 * (minute - OUTAGE.start) if is_away else 0.0
        resync = since + 60 * self.chance.random()
        watches = {name: resync + 5 * self.chance.random() for name in ("benchmarkruns", "jobs")}
        queued = self.chance.choice((0, 0, 0, 1, 1, 2, len(live) // 2)) + 9 * is_away
        self.ages = Ages(resync, watches, queued)
        self.failures += self.chance.random() < (0.4 if is_away else 0.04)
        return self.metrics.families()

    def look(self, live: int, *, is_away: bool) -> None:
        """Look at runs for one step: `live` of them go on."""
        for _ in range(12 + 6 * live):
            slow = 6.0 if is_away else 1.0
            fault = "conflict" if self.chance.random() < 0.01 else ""
            fault = "api" if is_away and self.chance.random() < 0.6 else fault
            self.metrics.looked(slow * self.chance.lognormvariate(-3.2, 0.7), fault)
            verb = self.chance.choices(("GET", "PATCH", "POST", "DELETE"), (70, 22, 6, 2))[0]
            code = {"POST": 201}.get(verb, 200)
            if fault == "conflict":
                verb, code = "PATCH", 409
            elif fault == "api":
                verb, code = "GET", self.chance.choice((0, 503, 503))
            elif verb == "GET" and self.chance.random() < 0.015:
                code = 404
            self.metrics.asked(verb, code, slow * self.chance.lognormvariate(-4.4, 0.6))

    def work(self, run: ToldRun, pod: PodMetrics) -> None:
        """Let a pod of a run do its work for one step."""
        phases: Sequence[str] = [phase for phase in phases_of(run.kind) if not phase.startswith("cluster.")]
        for place, phase in enumerate(phases):
            pod.clocks[0].add(phase, STEP * 60 * self.chance.uniform(0.7, 1.3) / (place + 1.5))
        pod.items += int(run.candidates / run.minutes * STEP * self.chance.uniform(0.6, 1.4) / PODS)

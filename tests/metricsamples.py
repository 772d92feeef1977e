"""What a Prometheus has scraped of batt while a run of solvers and a run of an agent went on and completed.

Made by the exporters themselves, at two moments: before the runs have ended, and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from batt.exporter import Family
from batt.message import CollectMessage
from batt.metrics import phases_of
from batt.podmetrics import PodMetrics
from batt.timing import CLUSTER_PHASES, PhaseClock, PhaseStats
from batt_operator.exporter import Ages, Folded, Metrics
from batt_operator.fleet import Fleet
from batt_operator.observed import written_time
from tests.worlds import GPU, HAL, run_object, settings_with

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

DURATION = 0.2
"""Seconds that each phase took, each time."""

TIMES = 20
"""How often each phase ran."""


class Scrape(NamedTuple):
    """What one target has served at a moment. target: the labels that who scrapes gives to all of it."""

    at: int
    families: Sequence[Family]
    target: Mapping[str, str]


def openmetrics(begin: int) -> str:
    """Return all samples in the OpenMetrics format; begin: when the first were taken, in seconds since 1970."""
    before, after = list(scraped(begin, has_ended=False)), list(scraped(begin, has_ended=True))
    return as_openmetrics(
        scrape._replace(at=begin + step * STEP) for step in range(STEPS) for scrape in (before, after)[step >= ENDED]
    )


def as_openmetrics(scrapes: Iterable[Scrape]) -> str:
    """Return scrapes, the earliest first, in the OpenMetrics format, which wants the samples of a series together."""
    samples: dict[str, dict[str, list[str]]] = {}
    for at, families, target in scrapes:
        for family in families:
            lines = samples.setdefault(f"# TYPE {family.name} {family.type}", {})
            for sample in family.samples:
                words = ",".join(f'{name}="{value}"' for name, value in {**target, **sample.labels}.items())
                series = f"{sample.name}{{{words}}}"
                lines.setdefault(series, []).append(f"{series} {sample.value} {at}")
    text = [line for kind, lines in samples.items() for line in (kind, *(one for of in lines.values() for one in of))]
    return "\n".join([*text, "# EOF", ""])


def scraped(begin: int, *, has_ended: bool) -> Iterator[Scrape]:
    """Yield what operator and pods serve before or after the runs have ended."""
    operator = {"namespace": NAMESPACE, "instance": "batt-operator", "job": "batt-operator"}
    yield Scrape(begin, of_operator(begin, has_ended=has_ended), operator)
    for number, kind in enumerate(KINDS):
        pod = {"namespace": NAMESPACE, "instance": f"10.0.0.{number}:9464", "job": "batt-workers"}
        yield Scrape(begin, of_pod(kind, TIMES if has_ended else 1), pod)


def of_operator(begin: int, *, has_ended: bool) -> list[Family]:
    """Return what the operator serves: of two pools one is used."""
    price = {"perHour": 3.6, "currency": "EUR", "dated": "2026-01-01"}
    settings = settings_with(pools={"cpu": {"price": price}, "l4": GPU})
    fleet, ages = Fleet("cpu"), Ages(12.0, {"benchmarkruns": 12.0, "jobs": 30.0}, 0)
    metrics = Metrics(settings, fleet, lambda: ages, lambda: datetime.fromtimestamp(begin + ENDED * STEP, UTC))
    for kind, run in KINDS.items():
        status = status_of(kind, begin, has_ended=has_ended)
        fleet.saw(run_object(HAL if kind == "hal" else {}, status, name=run, namespace=NAMESPACE))
        if has_ended:
            metrics.fold(folded(kind))
        for verb in ("GET", "PATCH"):
            metrics.asked(verb, 200, 0.01)
        metrics.looked(0.05, "")
    return metrics.families()


def status_of(kind: str, begin: int, *, has_ended: bool) -> dict[str, object]:
    """Return the status of a run."""
    begun: dict[str, object] = {
        "phase": "Running",
        "kind": kind,
        "startTime": moment(begin + STEP),
        "shards": {"total": 4, "active": 3, "succeeded": 1},
        "tasks": {"total": 8},
    }
    if not has_ended:
        return begun
    seconds = {"count": TIMES, "min": DURATION, "max": DURATION, "p50": DURATION, "p95": DURATION}
    return {
        **begun,
        "phase": "Complete",
        "completionTime": moment(begin + ENDED * STEP),
        "shards": {"total": 4, "succeeded": 4},
        "tasks": {"total": 8, "solved": 6, "failed": 0},
        "cost": {"currency": "EUR", "actual": 0.1, "wasted": 0.0},
        "phases": [{"name": phase, "sum": TIMES * DURATION, **seconds} for phase in phases_of(kind)],
    }


def moment(seconds: int) -> str:
    """Return a time as a status has it."""
    return written_time(datetime.fromtimestamp(seconds, UTC))


def folded(kind: str) -> Folded:
    """Return what a run's attempt has come to."""
    spent = PhaseStats()
    for _ in range(TIMES):
        spent = spent.with_duration(DURATION)
    phases = dict.fromkeys([phase for phase in phases_of(kind) if phase not in CLUSTER_PHASES], spent)
    verdicts = {"correct" if kind == "solvers" else "ok": 8}
    told = CollectMessage(1, 6, 8, 8, verdicts, 0, "", phases, 100.0, 0.0, "results")
    told = told._replace(added_phases=phases, added_verdicts=verdicts, added_pod_seconds=100.0)
    return Folded(kind, "cpu", "l4", "AllShardsDone", 4, told, {"cpu": dict.fromkeys(CLUSTER_PHASES, spent)})


def of_pod(kind: str, items: int) -> list[Family]:
    """Return what a pod of the work serves when it has finished so many items."""
    metrics = PodMetrics(kind, "cpu", 9464, lambda: 0)
    clock = PhaseClock()
    metrics.clocks.append(clock)
    for _ in range(items):
        metrics.count_item()
        clock.add(phases_of(kind)[1], DURATION)
    return metrics.families()

"""A scrape of the operator's metrics with many runs, beside histograms that have the run as a label."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from batt.exporter import metrics_page
from batt.message import CollectMessage
from batt.timing import EDGES, PHASES, PhaseStats
from batt.web import Page, serve
from batt_operator.exporter import Ages, Folded, Metrics
from batt_operator.fleet import Fleet
from batt_operator.observed import written_time
from batt_operator.settings import Settings
from benchmarks.measure import Outcome, Scale, Way, compare, ratio
from benchmarks.report import Report, Target

RUNS = {Scale.TINY: 20, Scale.QUICK: 200, Scale.USUAL: 1000, Scale.FULL: 5000}
"""Runs that there are at each scale: half of them go on, half have ended in the last hour."""

ROUNDS = {Scale.TINY: 1, Scale.QUICK: 3, Scale.USUAL: 11, Scale.FULL: 5}
"""Rounds at each scale."""

LIMIT_SECONDS = 0.1
"""Most that a scrape of 1,000 runs may take."""

POOLS = ("cpu", "cpu-spot", "l4", "l4-spot")
"""The pools that the chart ships."""

OURS, LABELLED = "batt: runs added up, the newest with gauges", "a histogram with the run as a label"

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When it is scraped."""


def measure(scale: Scale) -> Report:
    """Measure scrapes over HTTP, to their last byte."""
    runs = RUNS[scale]
    ways = [Way(OURS, scrape(ours(runs))), Way(LABELLED, scrape(labelled(runs)), rounds=3)]
    found = compare(ways, ROUNDS[scale], "scrape")
    rows = tuple(
        (one.name, runs, round(one.part("series")), one.part("bytes") / 1e6, one.least, one.median)
        for one in found.values()
    )
    median = found[OURS].median
    return Report(
        "scrape",
        f"A scrape of the operator with {runs} runs",
        ("way", "runs", "series", "MB", "min s", "median s"),
        rows,
        (Target(f"under {LIMIT_SECONDS} s for 1,000 runs", f"{median:.3f} s (median)", median < LIMIT_SECONDS),),
        (
            f"The run as a label takes {ratio(found[LABELLED], found[OURS]):.1f}x the time, and grows with every run.",
            "Both tell the same number of durations of every phase, added up.",
        ),
    )


def scrape(page: Callable[[], Page]) -> Callable[[], Outcome]:
    """Return what asks for a page over HTTP and counts what it says of phases."""

    def once() -> Outcome:
        server = serve(0, {"/metrics": page})
        try:
            begin = time.perf_counter()
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
                text: str = answer.read().decode()
            seconds = time.perf_counter() - begin
        finally:
            server.stop()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        parts = (("series", float(len(lines))), ("bytes", float(len(text))))
        return Outcome(counts_of(lines), seconds, parts=parts)

    return once


def counts_of(lines: list[str]) -> dict[str, float]:
    """Return how many durations of each phase a page tells of, whatever its other labels are."""
    counts = dict.fromkeys(PHASES, 0.0)
    for line in lines:
        if line.startswith("batt_phase_duration_seconds_count{"):
            phase = line.partition('phase="')[2].partition('"')[0]
            if phase in counts:
                counts[phase] += float(line.rpartition(" ")[2])
    return counts


def ours(runs: int) -> Callable[[], Page]:
    """Return the page of an operator that has seen so many runs, one after another."""
    settings = Settings.model_validate({"image": "batt", "pools": {name: {} for name in POOLS}})
    fleet = Fleet("cpu")
    ages = Ages(1.0, {"benchmarkruns": 1.0, "jobs": 1.0}, 0)
    metrics = Metrics(settings, fleet, lambda: ages, lambda: NOW)
    fleet.listed(run_object(number, has_ended=number % 2 == 0) for number in range(runs))
    stats = {name: PhaseStats().with_duration(0.5) for name in PHASES}
    for _ in range(runs):
        told = CollectMessage(1, 1, 400, 400, {"correct": 114}, 0, "", stats, 60.0, 0.0, "out/1/results.json")
        told = told._replace(added_phases=stats)
        metrics.fold(Folded("solvers", "cpu", "l4", "AllShardsDone", 4, told, {}))
    return lambda: metrics_page(metrics.families)


def run_object(number: int, *, has_ended: bool) -> dict[str, Any]:
    """Return a run as the API server gives it."""
    times = {"startTime": written_time(NOW - timedelta(seconds=3600 - number % 3600))}
    phases = [{"name": name, "count": 1, "sum": 0.5, "min": 0.5, "max": 0.5, "p50": 0.5, "p95": 0.5} for name in PHASES]
    status: dict[str, Any] = {"phase": "Running", "shards": {"total": 100, "active": 10, "succeeded": 50}}
    if has_ended:
        times["completionTime"] = written_time(NOW)
        status = {"phase": "Complete", "shards": {"total": 100, "succeeded": 100}, "phases": phases}
    metadata = {"name": f"run-{number}", "namespace": "team", "uid": f"uid-{number}", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"solvers": {}}, "status": status | times}


def labelled(runs: int) -> Callable[[], Page]:
    """Return the page of a histogram that has namespace and name of the run among its labels."""
    registry = CollectorRegistry()
    labels = ("kind", "phase", "pool", "namespace", "run")
    seconds = Histogram("batt_phase_duration_seconds", "Seconds of phases.", labels, buckets=EDGES, registry=registry)
    for number in range(runs):
        for name in PHASES:
            seconds.labels("solvers", name, "cpu", "team", f"run-{number}").observe(0.5)
    return lambda: Page(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))

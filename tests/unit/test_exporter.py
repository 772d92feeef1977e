"""Numbers become what Prometheus reads; its own reader for Python reads them back here."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from batt.exporter import Family, histogram, metrics_page, numbers
from batt.metrics import PHASE_SECONDS, RETRIES, RUNS
from batt.timing import EDGES, PhaseClock, PhaseStats


def samples(families: Iterable[Family]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the samples of a page by name and labels."""
    text = metrics_page(lambda: families).body.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_histogram_counts_up_over_the_edges_of_phases() -> None:
    clock = PhaseClock()
    for seconds in (0.0001, 0.5, 0.5, 40_000.0):
        clock.add("x", seconds)
    labels = {"kind": "hal", "phase": "agent", "pool": "cpu"}

    read = samples([histogram(PHASE_SECONDS, {tuple(labels.values()): clock.stats["x"]})])

    def value(suffix: str, **more: str) -> float:
        return read[PHASE_SECONDS.name + suffix, tuple(sorted((labels | more).items()))]

    assert value("_count") == 4
    assert value("_sum") == 40_001.0001
    assert [value("_bucket", le=str(edge)) for edge in EDGES] == [1] * 7 + [1] + [3] * (len(EDGES) - 8)
    assert value("_bucket", le="+Inf") == 4


def test_a_histogram_without_a_duration_is_there_with_nothing() -> None:
    read = samples([histogram(PHASE_SECONDS, {("hal", "agent", "cpu"): PhaseStats()})])

    assert len(read) == len(EDGES) + 3
    assert set(read.values()) == {0}


def test_counters_and_gauges_have_their_names_and_labels() -> None:
    read = samples([numbers(RETRIES, {("hal", "cpu", "store"): 2}), numbers(RUNS, {("hal", "Pending"): 3})])

    assert read == {
        (RETRIES.name, (("kind", "hal"), ("pool", "cpu"), ("reason", "store"))): 2,
        (RUNS.name, (("kind", "hal"), ("state", "Pending"))): 3,
    }


def test_hostile_labels_stay_labels() -> None:
    hostile = 'a"} 1\nother{x="\\'

    read = samples([numbers(RUNS, {("hal", hostile): 3})])

    assert read == {(RUNS.name, (("kind", "hal"), ("state", hostile))): 3}

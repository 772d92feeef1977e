"""A pod of the work tells how it goes while it goes, and works on where it cannot."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from batt.metrics import WORKER_ITEMS, WORKER_PHASE_SECONDS, WORKER_STORE_ERRORS
from batt.podmetrics import PodMetrics, served
from batt.timing import PhaseClock
from tests.gcs import free_port


def scrape(port: int) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples that a pod serves, by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_clocks_are_added_up_as_they_are_when_somebody_asks() -> None:
    metrics = PodMetrics("solvers", "cpu", free_port(), lambda: 3)
    metrics.clocks += [PhaseClock(), PhaseClock()]

    with served(metrics):
        before = scrape(metrics.port)
        for clock in metrics.clocks:
            clock.add("phase", 0.25)
        metrics.count_item("task")
        after = scrape(metrics.port)

    labels = {"kind": "solvers", "pool": "cpu"}
    assert before[WORKER_ITEMS.name] == [(labels, 0)]
    assert f"{WORKER_PHASE_SECONDS.name}_sum" not in before
    assert after[WORKER_ITEMS.name] == [(labels, 1)]
    assert after[WORKER_STORE_ERRORS.name] == [(labels, 3)]
    assert after[f"{WORKER_PHASE_SECONDS.name}_sum"] == [(labels | {"phase": "phase"}, 0.5)]
    assert after[f"{WORKER_PHASE_SECONDS.name}_count"] == [(labels | {"phase": "phase"}, 2)]


def test_without_a_port_nothing_is_served() -> None:
    with served(PodMetrics("solvers", "cpu", 0, lambda: 0)):
        pass


def test_a_taken_port_ends_no_work(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        worked = []

        with served(PodMetrics("hal", "l4", port, lambda: 0)):
            worked.append(True)

    assert worked == [True]
    assert f"port {port}: Address already in use; this pod serves no metrics" in capsys.readouterr().err


def test_after_the_work_the_port_is_free() -> None:
    metrics = PodMetrics("solvers", "cpu", free_port(), lambda: 0)

    with served(metrics):
        pass

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", metrics.port), timeout=5)

"""An attempt is counted once, after its status says so, whatever the API server does meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from batt_operator.cluster import ApiError
from batt_operator.executor import Executor
from batt_operator.exporter import Ages, Metrics
from batt_operator.fleet import Fleet
from batt_operator.ledger import Ledger
from batt_operator.observed import written_time
from batt_operator.retries import FailedPods
from tests.unit.operator.test_executor import KEY, Clock, FakeCluster
from tests.worlds import THEN, collect_words, plan_words, settings_with


class Counted:
    """A run under an executor whose metrics can be read."""

    def __init__(self) -> None:
        self.cluster, self.clock = FakeCluster(), Clock()
        settings = settings_with()
        ages = Ages(0.0, {}, 0)
        self.metrics = Metrics(settings, Fleet("cpu"), lambda: ages, self.clock)
        ledger = Ledger(self.cluster, settings, self.metrics, FailedPods(THEN - timedelta(days=1)))  # type: ignore[arg-type]
        self.executor = Executor(self.cluster, settings, self.clock, ledger.fold)  # type: ignore[arg-type]

    def go_on_to_collect(self) -> None:
        """Let everything but collect be done; two pods of the work have taken 20 s to start, a third failed."""
        self.executor.reconcile(KEY)
        self.cluster.complete("mine-plan", plan_words())
        self.executor.reconcile(KEY)
        job = self.cluster.jobs["mine-work"]
        self.cluster.complete("mine-work")
        job["status"]["startTime"] = written_time(THEN)
        job["metadata"]["creationTimestamp"] = written_time(THEN)
        self.cluster.pods[job["metadata"]["uid"]] = [work_pod("a"), work_pod("b"), work_pod("c", 74)]
        self.executor.reconcile(KEY)

    def total(self, name: str) -> float:
        """Return the sum of a counter's series."""
        return sum(sum(values.values()) for metric, values in self.metrics.counters.items() if metric.name == name)

    def phase(self, name: str) -> tuple[int, float]:
        """Return how often a phase was counted, and its seconds."""
        stats = [
            one
            for metric, values in self.metrics.histograms.items()
            for labels, one in values.items()
            if metric.name == "batt_phase_duration_seconds" and name in labels
        ]
        return sum(one.number for one in stats), sum(one.total for one in stats)


def work_pod(name: str, code: int = 0) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "startedAt": written_time(THEN + timedelta(seconds=20))}}
    since = written_time(THEN + timedelta(seconds=5))
    status = {
        "phase": "Failed" if code else "Succeeded",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": since}],
        "containerStatuses": [{"name": "worker", "state": state}],
    }
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": written_time(THEN)}
    return {"metadata": metadata, "status": status}


def test_an_ended_attempt_is_counted_once() -> None:
    counted = Counted()
    counted.go_on_to_collect()
    before = counted.total("batt_attempts_finished_total")
    counted.cluster.complete("mine-collect", collect_words(added_verdicts={"correct": 1, "wrong": 7}))
    for _ in range(3):
        counted.executor.reconcile(KEY)
        counted.clock.go_on(100)

    assert before == 0
    assert counted.total("batt_attempts_finished_total") == 1
    assert counted.total("batt_outcomes_total") == 8
    assert counted.total("batt_retries_total") == 1
    assert counted.phase("main.run_batt") == (1, 2.5)
    assert counted.phase("cluster.image_pull") == (3, 45)
    assert counted.cluster.run is not None
    assert counted.cluster.run["status"]["folded"] == 1


def test_an_operator_that_starts_again_counts_nothing_anew() -> None:
    counted = Counted()
    counted.go_on_to_collect()
    counted.cluster.complete("mine-collect", collect_words())
    counted.executor.reconcile(KEY)
    restarted = Counted()
    restarted.cluster.run, restarted.cluster.jobs = counted.cluster.run, counted.cluster.jobs

    restarted.executor.reconcile(KEY)

    assert restarted.total("batt_attempts_finished_total") == 0


def test_a_status_that_could_not_be_written_counts_nothing_and_then_once() -> None:
    counted = Counted()
    counted.go_on_to_collect()
    counted.cluster.complete("mine-collect", collect_words())
    counted.cluster.refuses["patch_status"] = ApiError("PATCH", 500, "InternalError", "down")
    with pytest.raises(ApiError):
        counted.executor.reconcile(KEY)
    nothing = counted.total("batt_attempts_finished_total")
    counted.cluster.refuses.clear()

    counted.executor.reconcile(KEY)

    assert nothing == 0
    assert counted.total("batt_attempts_finished_total") == 1


def test_pods_that_cannot_be_read_hold_no_run_up(caplog: pytest.LogCaptureFixture) -> None:
    counted = Counted()
    counted.go_on_to_collect()
    counted.cluster.complete("mine-collect", collect_words())
    counted.cluster.refuses["many_pods"] = ApiError("GET", 500, "InternalError", "down")

    counted.executor.reconcile(KEY)

    assert counted.total("batt_attempts_finished_total") == 1
    assert counted.phase("cluster.image_pull") == (0, 0)
    assert "pods not read" in caplog.text


def test_a_further_attempt_is_counted_by_what_it_has_added() -> None:
    counted = Counted()
    counted.go_on_to_collect()
    counted.cluster.complete("mine-collect", collect_words(added_verdicts={"correct": 3}))
    counted.executor.reconcile(KEY)
    counted.cluster.edit(attempt=2)
    counted.executor.reconcile(KEY)
    counted.cluster.complete("mine-plan-2", plan_words(todo=0))
    counted.executor.reconcile(KEY)
    counted.cluster.complete("mine-collect-2", collect_words(added_verdicts={"correct": 1}, attempt=2))

    counted.executor.reconcile(KEY)

    assert counted.total("batt_attempts_finished_total") == 2
    assert counted.total("batt_outcomes_total") == 4

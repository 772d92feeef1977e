"""A pod's way through the cluster and its end are read off what Kubernetes has noted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from batt.metrics import RETRY_REASONS
from batt.timing import CLUSTER_PHASES
from batt_operator.observed import written_time
from batt_operator.podtimes import STEPS, end_of, way_of, way_stats
from tests.worlds import THEN, pod_object


def at(seconds: float) -> str:
    return written_time(THEN + timedelta(seconds=seconds))


def pod(scheduled: float | None = 12, init: float | None = None, worker: float | None = 20) -> dict[str, Any]:
    """Return a pod that was created 10 s after THEN."""
    status: dict[str, Any] = {"phase": "Succeeded", "conditions": []}
    if scheduled is not None:
        status["conditions"] = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(scheduled)}]
    if init is not None:
        state = {"terminated": {"startedAt": at(init), "exitCode": 0}}
        status["initContainerStatuses"] = [{"name": "shim", "state": state}]
    if worker is not None:
        state = {"terminated": {"startedAt": at(worker), "exitCode": 0}}
        status["containerStatuses"] = [{"name": "worker", "state": state}]
    return pod_object(created=THEN + timedelta(seconds=10), **status)


def test_steps_are_the_phases_of_the_cluster_in_order() -> None:
    assert tuple(CLUSTER_PHASES) == STEPS


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (pod(), [10, 2, 8, 0]),
        (pod(init=15), [10, 2, 3, 5]),
        (pod(worker=None), [10, 2]),
        (pod(scheduled=None, worker=None), [10]),
        (pod(init=15, worker=None), [10, 2, 3]),
        (pod(scheduled=9, worker=8), [10, 0, 0, 0]),  # clocks that differ give no negative times
    ],
)
def test_a_pods_way_is_told_as_far_as_it_came(raw: dict[str, Any], seconds: list[float]) -> None:
    assert list(way_of(raw, THEN).values()) == seconds


def test_ways_of_many_pods_add_up() -> None:
    stats = way_stats(way_of(raw, THEN) for raw in [pod(), pod(init=15), pod(worker=None)])

    assert {name: (one.number, one.total) for name, one in stats.items()} == {
        "cluster.queued": (3, 30),
        "cluster.scheduled": (3, 6),
        "cluster.image_pull": (2, 11),
        "cluster.start": (2, 5),
    }


def failed(code: int | None = None, reason: str = "", why: str = "", disrupted: bool = False) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": "Failed", "reason": why}
    if code is not None:
        ended = {"terminated": {"exitCode": code, "reason": reason}}
        status["containerStatuses"] = [{"name": "agent", "state": {}}, {"name": "worker", "state": ended}]
    if disrupted:
        status["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
    return pod_object(**status)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (failed(75, disrupted=True), "preempted"),
        (failed(disrupted=True), "preempted"),
        (failed(137, why="Evicted", disrupted=True), "evicted"),
        (failed(137, "OOMKilled"), "out_of_memory"),
        (failed(75), "asked_to_stop"),
        (failed(74), "store"),
        (failed(77), "store"),
        (failed(70), "error"),
        (failed(137, "Error"), "error"),
        (failed(), "error"),
    ],
)
def test_a_failed_pod_has_one_reason(raw: dict[str, Any], reason: str) -> None:
    assert end_of(raw) == ("uid-pod-1", reason)
    assert reason in RETRY_REASONS

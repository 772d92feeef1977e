"""Why nothing runs, from pods and events as Kubernetes writes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from batt.message import ErrorMessage, encode
from batt.status import Reason
from batt_operator.observed import PodView, pod_view
from batt_operator.stalls import PULL_REASONS, SHOWN, explain_failures, explain_waiting
from tests.worlds import THEN, ended_pod, pod_object


def waiting(reason: str, message: str = "") -> PodView:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod_view(pod_object(phase="Pending", containerStatuses=[{"name": "worker", "state": state}]))


def unscheduled(message: str) -> PodView:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return pod_view(pod_object(phase="Pending", conditions=[condition]))


def failed(name: str, seconds: int = 0, **status: Any) -> PodView:
    return pod_view(pod_object(name, created=THEN + timedelta(seconds=seconds), phase="Failed", **status))


@pytest.mark.parametrize("reason", sorted(PULL_REASONS))
def test_image_that_cannot_be_had_is_named(reason: str) -> None:
    stall = explain_waiting([waiting(reason, 'Back-off pulling image "nowhere/batt:9"')], [])

    assert stall is not None
    assert stall.reason is Reason.IMAGE_PULL
    assert "nowhere/batt:9" in stall.message
    assert "correct the image" in stall.message


def test_missing_secret_is_named() -> None:
    stall = explain_waiting([waiting("CreateContainerConfigError", 'secret "keys" not found')], [])

    assert stall is not None
    assert stall.reason is Reason.POD_CONFIG
    assert 'secret "keys" not found' in stall.message


@pytest.mark.parametrize(
    ("word", "reason"), [("ErrImagePull", Reason.IMAGE_PULL), ("CreateContainerConfigError", Reason.POD_CONFIG)]
)
def test_container_that_the_worker_waits_for_has_its_say(word: str, reason: Reason) -> None:
    def status(name: str, word: str, message: str = "") -> dict[str, Any]:
        return {"name": name, "state": {"waiting": {"reason": word, "message": message}}}

    begun = {"name": "shim", "state": {"terminated": {"exitCode": 0}}}
    before = [begun, status("agent", word, "agents:9 or what it wants is not there")]
    pod = pod_object(
        phase="Pending", initContainerStatuses=before, containerStatuses=[status("worker", "PodInitializing")]
    )

    stall = explain_waiting([pod_view(pod)], [])

    assert stall is not None
    assert stall.reason is reason
    assert "agents:9" in stall.message


def test_scheduler_has_its_say() -> None:
    stall = explain_waiting([unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")], [])

    assert stall is not None
    assert stall.reason is Reason.UNSCHEDULABLE
    assert "0/3 nodes are available: 3 Insufficient nvidia.com/gpu." in stall.message


def test_image_matters_more_than_a_pod_without_a_node() -> None:
    stall = explain_waiting([unscheduled("0/3 nodes"), waiting("ImagePullBackOff", "no such image")], [])

    assert stall is not None
    assert stall.reason is Reason.IMAGE_PULL


def test_quota_and_other_refusals_are_told_by_the_latest_event() -> None:
    quota = 'Error creating: pods "mine-work-0-x" is forbidden: exceeded quota: small, requested: cpu=1'
    policy = 'Error creating: pods "mine-work-0-x" is forbidden: violates PodSecurity "restricted:latest"'

    of_quota, of_policy = explain_waiting([], [policy, quota]), explain_waiting([], [quota, policy])

    assert of_quota is not None
    assert of_policy is not None
    assert (of_quota.reason, of_policy.reason) == (Reason.QUOTA_EXCEEDED, Reason.POD_REFUSED)
    assert "exceeded quota: small" in of_quota.message
    assert "PodSecurity" in of_policy.message


def test_pods_that_may_just_be_starting_are_no_stall() -> None:
    starting = pod_view(pod_object(phase="Pending"))

    assert explain_waiting([starting, waiting("ContainerCreating")], []) is None
    assert explain_waiting([], []) is None


@pytest.mark.parametrize(
    ("ready", "reason"), [("True", None), ("False", Reason.NODE_LOST), ("Unknown", Reason.NODE_LOST)]
)
def test_pod_that_runs_is_lost_only_where_its_node_does_not_answer(ready: str, reason: Reason | None) -> None:
    """One that has started since the Job was read is none: an alarm that would be false by the next look."""
    pod = pod_view(pod_object(phase="Running", conditions=[{"type": "Ready", "status": ready}]))

    stall = explain_waiting([pod], [])

    assert (stall and stall.reason) == reason


def test_pods_that_crash_tell_the_commonest_way_with_the_latest_words() -> None:
    oom = failed("a", containerStatuses=[
        {"name": "worker", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    ])  # fmt: skip
    evicted = [failed(f"e{n}", n, reason="Evicted", message=f"node was low on memory {n}") for n in (1, 3, 2)]

    stall = explain_failures([oom, *evicted])

    assert stall is not None
    assert stall.reason is Reason.EVICTED
    assert stall.message == "3 pods failed, the last: pod e3: Evicted: node was low on memory 3; 1 failed otherwise"


def test_out_of_memory_says_what_to_do() -> None:
    stall = explain_failures([ended_pod(137, reason="OOMKilled")])

    assert stall is not None
    assert stall.reason is Reason.OUT_OF_MEMORY
    assert "spec.solvers.memoryBytes" in stall.message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (encode(ErrorMessage("work", 74, "gs://b: 503")).decode(), "exit code 74: gs://b: 503"),
        ("Traceback:\n  line 1\nValueError: no", "exit code 74: ValueError: no"),
        ("", "exit code 74: Error"),
    ],
)
def test_last_words_are_the_pods_own(message: str, shown: str) -> None:
    stall = explain_failures([ended_pod(74, message)])

    assert stall is not None
    assert stall.reason is Reason.CRASHING
    assert stall.message == f"1 pod failed, the last: pod pod-1: {shown}"


def test_pod_that_failed_without_any_container_is_told() -> None:
    stall = explain_failures([failed("lost")])

    assert stall is not None
    assert "pod lost: no exit code: no message" in stall.message


def test_words_of_others_are_one_line_and_short() -> None:
    stall = explain_waiting([unscheduled("0/3 nodes\n are available: " + "x" * 5000)], [])

    assert stall is not None
    assert "\n" not in stall.message
    assert len(stall.message) < SHOWN + 100

"""Pods as `batt logs` reads them: their order, what stands in front of their lines, why they have none."""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import pytest

from batt.status import Phase, RunStatus
from batt_operator.commands import logs
from batt_operator.commands.logs import FOLLOWED, PodLog, followed, read_pod
from batt_operator.commands.runs import Run


def pod(name: str = "mine-work-3-x", stage: str = "work", index: str | None = "3", **status: Any) -> PodLog:
    labels = {"batt.dev/stage": stage, "batt.dev/attempt": "1"}
    if index is not None:
        labels["batch.kubernetes.io/job-completion-index"] = index
    return read_pod({"metadata": {"name": name, "labels": labels}, "status": status})


def test_lines_name_stage_and_shard() -> None:
    assert pod().prefix == "[work/3]"
    assert pod(stage="plan", index=None).prefix == "[plan]"
    assert pod()._replace(attempt=2).prefix == "[work-2/3]"


def test_pods_come_in_the_order_of_the_work() -> None:
    collect, tenth, third = pod(stage="collect", index=None), pod(index="10"), pod(index="3")
    plan = pod(stage="plan", index=None)
    later = plan._replace(attempt=2)

    ordered = sorted([later, collect, tenth, third, plan], key=lambda one: one.order)

    assert ordered == [plan, third, tenth, collect, later]


def test_a_pod_that_waits_says_for_what() -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such\nimage"}}}

    assert pod(containerStatuses=[waiting]).trouble == "ImagePullBackOff: no such image"


def test_a_pod_says_what_its_agent_waits_for() -> None:
    """The worker beside it only says that it is not its turn."""
    agent = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    worker = {"state": {"waiting": {"reason": "PodInitializing"}}}

    told = pod(initContainerStatuses=[{"state": {}}, agent], containerStatuses=[worker]).trouble

    assert told == "ImagePullBackOff: no such image"


def test_a_pod_that_failed_says_how_it_ended() -> None:
    ended = {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}

    assert pod(containerStatuses=[ended]).trouble == "OOMKilled, exit code 137"


def test_a_pod_without_a_node_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}

    assert pod(conditions=[condition]).trouble == "Unschedulable: 0/3 nodes"


def test_a_pod_that_its_node_put_out_says_so() -> None:
    assert pod(phase="Failed", reason="Evicted", message="low on memory").trouble == "Evicted: low on memory"


def test_a_pod_that_runs_has_no_trouble() -> None:
    assert pod(phase="Running", containerStatuses=[{"state": {"running": {}}}]).trouble == ""


class EndedRun:
    """A cluster with a run that has ended, and more pods than are read at once; each takes a moment to say its line."""

    namespace, count = "team", 2 * FOLLOWED + 1

    def pages(self, path: str, query: object) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            labels = {"batt.dev/stage": "work", "batch.kubernetes.io/job-completion-index": str(number)}
            yield {"metadata": {"name": f"pod-{number}", "labels": labels}, "status": {"phase": "Succeeded"}}

    def lines(self, path: str, query: object) -> Iterator[str]:
        time.sleep(0.1)
        yield "done"

    def get(self, path: str) -> dict[str, Any]:
        run = ended_run()
        return {"metadata": run.metadata, "status": {"phase": "Complete"}}


def ended_run() -> Run:
    metadata = {"name": "mine", "namespace": "team", "uid": "u", "resourceVersion": "1"}
    return Run(metadata, {}, RunStatus(phase=Phase.COMPLETE))


def test_every_pod_is_followed_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.5)
    options = argparse.Namespace(stage=None, index=None, failed=False, tail=None, pods=100)

    lines = list(followed(EndedRun(), ended_run(), options))  # type: ignore[arg-type] # a cluster as far as it goes

    assert len(lines) == EndedRun.count

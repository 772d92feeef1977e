"""The tests' own cluster behaves as a real one where the other tests rely on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cluster.client import ApiError, Cluster, Json
from tests.cluster.conftest import Helm
from tests.cluster.daemons import ClusterError, Daemon, wait_until
from tests.cluster.fakenodes import EXIT_CODE, MESSAGE, FakeNodes

pytestmark = pytest.mark.timeout(1800)  # the first run builds Kubernetes

POD_FAILURE_POLICY = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "Ignore", "onExitCodes": {"containerName": "worker", "operator": "In", "values": [75]}},
        {"action": "FailJob", "onExitCodes": {"containerName": "worker", "operator": "In", "values": [64]}},
        {"action": "FailIndex", "onExitCodes": {"containerName": "worker", "operator": "In", "values": [70]}},
    ]
}
"""A policy with every action that the operator's Jobs use."""


def indexed_job(name: str, completions: int, annotations: Mapping[str, str] | None = None) -> Json:
    """Return an Indexed Job in the form of the operator's; `annotations` are its pods'."""
    container = {"name": "worker", "image": "worker:1", "command": ["true"]}
    pod = {
        "metadata": {"annotations": dict(annotations or {})},
        "spec": {"restartPolicy": "Never", "containers": [container, {"name": "agent", "image": "agent:1"}]},
    }
    spec = {
        "completionMode": "Indexed",
        "completions": completions,
        "parallelism": completions,
        "backoffLimitPerIndex": 1,
        "maxFailedIndexes": completions,
        "podFailurePolicy": POD_FAILURE_POLICY,
        "template": pod,
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def create_job(cluster: Cluster, namespace: str, job: Json) -> str:
    """Create a Job; return its path."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    cluster.post(path, job)
    return f"{path}/{job['metadata']['name']}"


def wait_finished(cluster: Cluster, path: str) -> Json:
    """Wait for a Job's end; return its status."""

    def ended() -> Json | None:
        status: Json = cluster.get(path)["status"]
        return status if {each["type"] for each in status.get("conditions", [])} & {"Complete", "Failed"} else None

    return wait_until(f"end of {path}", ended)


def pod_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def test_pods_of_an_indexed_job_succeed_by_themselves(
    control_plane: Cluster, namespace: str, fake_nodes: FakeNodes
) -> None:
    path = create_job(control_plane, namespace, indexed_job("work", 5))

    status = wait_finished(control_plane, path)

    assert (status["succeeded"], status["completedIndexes"]) == (5, "0-4")


def test_annotations_of_the_template_decide_how_pods_end(
    control_plane: Cluster, namespace: str, fake_nodes: FakeNodes
) -> None:
    job = indexed_job("work", 2, {EXIT_CODE: "70", MESSAGE: '{"why": "bad shard"}'})

    path = create_job(control_plane, namespace, job)
    status = wait_finished(control_plane, path)

    assert status["failedIndexes"] == "0,1"
    assert {"FailedIndexes", "FailIndexes"} & {each["reason"] for each in status["conditions"]}


@pytest.mark.full
def test_held_pods_end_as_the_test_says(control_plane: Cluster, held_namespace: str, fake_nodes: FakeNodes) -> None:
    path = create_job(control_plane, held_namespace, indexed_job("work", 3))
    fine, bad, oom = fake_nodes.wait_pods(held_namespace, "work", 3)

    fake_nodes.finish_pod(held_namespace, fine, message='{"done": 1}')
    fake_nodes.finish_pod(held_namespace, bad, code=70)
    fake_nodes.finish_pod(held_namespace, oom, oom=True)

    ended = {name: control_plane.get(pod_path(held_namespace, name))["status"] for name in (fine, bad, oom)}
    worker = {name: status["containerStatuses"][0]["state"]["terminated"] for name, status in ended.items()}
    assert [ended[name]["phase"] for name in (fine, bad, oom)] == ["Succeeded", "Failed", "Failed"]
    assert [worker[name]["exitCode"] for name in (fine, bad, oom)] == [0, 70, 137]
    assert [worker[fine]["message"], worker[oom]["reason"]] == ['{"done": 1}', "OOMKilled"]
    assert ended[bad]["containerStatuses"][1]["state"]["terminated"]["exitCode"] == 0
    # The index that was killed for its memory may try once more (10 s later); the one with exit code 70 may not.
    (again,) = wait_until(
        "the second attempt", lambda: fake_nodes.wait_pods(held_namespace, "work", 1) or None, seconds=60
    )
    fake_nodes.finish_pod(held_namespace, again)
    status = wait_finished(control_plane, path)
    assert (status["completedIndexes"], status["failedIndexes"]) == ("0,2", "1")


@pytest.mark.full
def test_an_evicted_or_stopped_pod_costs_no_attempt(
    control_plane: Cluster, held_namespace: str, fake_nodes: FakeNodes
) -> None:
    path = create_job(control_plane, held_namespace, indexed_job("work", 2))
    evicted, starved = fake_nodes.wait_pods(held_namespace, "work", 2)

    fake_nodes.evict_pod(held_namespace, evicted)
    fake_nodes.finish_pod(held_namespace, starved, code=137, reason="Evicted", message="The node was low on memory")

    for pod in fake_nodes.wait_pods(held_namespace, "work", 2):
        assert pod not in {evicted, starved}
        fake_nodes.finish_pod(held_namespace, pod)
    status = wait_finished(control_plane, path)
    assert (status["completedIndexes"], status.get("failedIndexes") or None) == ("0,1", None)


def test_a_suspended_job_loses_its_pods_and_no_attempt(
    control_plane: Cluster, pending_namespace: str, fake_nodes: FakeNodes
) -> None:
    path = create_job(control_plane, pending_namespace, indexed_job("work", 2))
    first, _ = fake_nodes.wait_pods(pending_namespace, "work", 2, "Pending")
    fake_nodes.start_pod(pending_namespace, first)
    fake_nodes.wait_pods(pending_namespace, "work", 1)

    control_plane.patch(path, {"spec": {"suspend": True}})
    wait_until("no active pods", lambda: control_plane.get(path)["status"].get("active", 0) == 0)
    control_plane.patch(path, {"spec": {"suspend": False}})

    for pod in fake_nodes.wait_pods(pending_namespace, "work", 2, "Pending"):
        fake_nodes.finish_pod(pending_namespace, pod)
    assert wait_finished(control_plane, path)["completedIndexes"] == "0,1"


def test_an_image_that_does_not_exist_is_waited_for(
    control_plane: Cluster, namespace: str, fake_nodes: FakeNodes
) -> None:
    job = indexed_job("work", 1)
    job["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.invalid/worker:1"

    create_job(control_plane, namespace, job)
    (name,) = fake_nodes.wait_pods(namespace, "work", 1, "Pending")

    def waiting() -> str | None:
        statuses = control_plane.get(pod_path(namespace, name))["status"].get("containerStatuses", [])
        return statuses[0]["state"]["waiting"]["reason"] if statuses else None

    assert wait_until("the kubelet's words", waiting) == "ImagePullBackOff"


def test_pods_go_to_the_nodes_they_select(control_plane: Cluster, namespace: str, fake_nodes: FakeNodes) -> None:
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    labels = {"cloud.google.com/gke-accelerator": "nvidia-l4", "batt.dev/test": namespace}  # others leave L4 nodes
    names = fake_nodes.add(1, labels, [taint], {"nvidia.com/gpu": "1", "cpu": "8"})
    job = indexed_job("work", 1)
    spec = job["spec"]["template"]["spec"]
    spec["nodeSelector"] = labels
    spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    spec["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "1"}}

    wait_finished(control_plane, create_job(control_plane, namespace, job))

    pods = control_plane.items(f"/api/v1/namespaces/{namespace}/pods")
    assert names == [pod["spec"]["nodeName"] for pod in pods]
    fake_nodes.remove(names)


def test_a_service_account_may_only_what_its_role_says(
    control_plane: Cluster, namespace: str, fake_nodes: FakeNodes, tmp_path: Path
) -> None:
    control_plane.kubectl("create", "role", "reader", "--verb=list", "--resource=pods", "-n", namespace)
    control_plane.kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:default", "-n", namespace
    )
    account = control_plane.as_service_account(namespace, "default", tmp_path)
    user, start = f"system:serviceaccount:{namespace}:default", control_plane.audit.position()

    wait_until("the role in effect", lambda: account.try_kubectl("get", "pods").returncode == 0)
    start = control_plane.audit.position()
    with pytest.raises(ApiError, match="403"):
        account.post(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "mine"}})

    (event,) = wait_until("the audit log", lambda: control_plane.audit.forbidden(start, user))
    assert ("create", "configmaps", namespace) == (event.verb, event.resource, event.namespace)
    assert control_plane.audit.writes(user) == []


def test_writes_are_counted_by_user(control_plane: Cluster, namespace: str, fake_nodes: FakeNodes) -> None:
    start = control_plane.audit.position()

    for name in ("one", "two"):
        control_plane.post(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": name}})

    made = wait_until(
        "the audit log", lambda: [e for e in control_plane.audit.writes("admin", start) if e.name == "two"]
    )
    assert [(event.verb, event.resource, event.code) for event in made] == [("create", "configmaps", 201)]


def test_helm_talks_to_the_cluster(
    control_plane: Cluster, namespace: str, helm: Callable[[Cluster], Helm], tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: one, version: 1.0.0}")
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "from-helm"}}
    (tmp_path / "templates" / "one.yaml").write_text(json.dumps(manifest))

    helm(control_plane)("install", "release", str(tmp_path), "--namespace", namespace)

    made = control_plane.get(f"/api/v1/namespaces/{namespace}/configmaps/from-helm")
    assert made["metadata"]["annotations"]["meta.helm.sh/release-name"] == "release"


def test_a_wait_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    daemon = Daemon("broken", ["sh", "-c", "echo no such flag >&2; exit 3"], tmp_path)

    with pytest.raises(ClusterError, match=r"it works: broken ended with 3; last seen: None[\s\S]*no such flag"):
        wait_until("it works", lambda: None, daemons=[daemon])


def test_nothing_outlives_a_test_process_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tests.cluster.daemons import Daemon\n"
        "print(Daemon('sleep', ['sleep', '1000'], Path(sys.argv[1])).process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdin
    assert starter.stdout
    child = int(starter.stdout.readline())
    wait_until("setpriv has become sleep", lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")

    starter.send_signal(signal.SIGKILL)
    starter.communicate()

    wait_until("the child gone", lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits for its new parent does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False

"""What becomes of a run when pods fail: every exit code of the contract, and every way of not starting at all."""

from __future__ import annotations

import pytest

from tests.cluster.client import Cluster
from tests.cluster.daemons import wait_until
from tests.cluster.fakenodes import FakeNodes
from tests.cluster.operating import (
    JOBS,
    Operator,
    as_json,
    collect_run,
    condition,
    error_words,
    job_names,
    plan_run,
    run_object,
    wait_phase,
    wait_status,
)

pytestmark = pytest.mark.timeout(1800)

NO_RETRIES = {"perShard": 0, "failedShards": 0}


@pytest.fixture
def ns(held_namespace: str, operator: Operator) -> str:
    """A namespace where pods run until the test ends them, looked after by an operator."""
    return held_namespace


@pytest.mark.parametrize(
    ("code", "reason"), [(64, "PlanRejected"), (65, "PlanRejected"), (77, "AuthOrQuota"), (78, "ConfigError")]
)
def test_a_plan_that_is_refused_fails_the_run_with_its_words(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str, code: int, reason: str
) -> None:
    control_plane.apply(run_object("refused", ns))
    [pod] = fake_nodes.wait_pods(ns, "refused-plan", 1)
    fake_nodes.finish_pod(ns, pod, code=code, message=error_words("plan", code, "tasks: got 'x'; must be a task"))

    status = wait_phase(control_plane, ns, "refused", "Failed")

    assert condition(status, "Failed")["reason"] == reason
    assert "tasks: got 'x'; must be a task" in status["message"]
    assert job_names(control_plane, ns) == ["refused-plan"]


@pytest.mark.parametrize(
    ("code", "reason"), [(64, "ConfigError"), (65, "ConfigError"), (77, "AuthOrQuota"), (78, "ConfigError")]
)
def test_a_code_that_no_retry_mends_stops_the_work_and_collects(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str, code: int, reason: str
) -> None:
    control_plane.apply(run_object("fatal", ns))
    plan_run(fake_nodes, ns, "fatal", 3)
    pods = fake_nodes.wait_pods(ns, "fatal-work", 3)
    fake_nodes.finish_pod(ns, pods[0])
    fake_nodes.finish_pod(ns, pods[1], code=code, message=error_words("work", code, "no access to gs://bucket"))
    collect_run(fake_nodes, ns, "fatal", missing=2, indexes="1,2")

    status = wait_phase(control_plane, ns, "fatal", "Failed")

    assert condition(status, "Failed")["reason"] == reason
    assert "no access to gs://bucket" in status["message"]
    assert status["score"] == "1/2"


def test_a_shard_fault_within_the_allowed_number_completes_with_failures(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("within", ns, {"retries": {"failedShards": 1}}))
    plan_run(fake_nodes, ns, "within", 3)
    pods = fake_nodes.wait_pods(ns, "within-work", 3)
    fake_nodes.finish_pod(ns, pods[1], code=70, message=error_words("work", 70, "a fault of batt"))
    for pod in (pods[0], pods[2]):
        fake_nodes.finish_pod(ns, pod)
    collect_run(fake_nodes, ns, "within", missing=1, indexes="1")

    status = wait_phase(control_plane, ns, "within", "Complete")

    assert condition(status, "Complete")["reason"] == "CompletedWithFailures"
    assert (status["shards"]["failed"], status["shards"]["failedIndexes"]) == (1, "1")
    assert status["progress"] == "2/3"


def test_more_failed_shards_than_allowed_stop_the_run(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("beyond", ns))
    plan_run(fake_nodes, ns, "beyond", 3)
    pods = fake_nodes.wait_pods(ns, "beyond-work", 3)
    fake_nodes.finish_pod(ns, pods[1], code=70, message=error_words("work", 70, "a fault of batt"))
    collect_run(fake_nodes, ns, "beyond", missing=3, indexes="0-2")

    status = wait_phase(control_plane, ns, "beyond", "Failed")

    assert condition(status, "Failed")["reason"] == "TooManyFailures"
    assert "a fault of batt" in status["message"]


@pytest.mark.parametrize("code", [1, *(pytest.param(code, marks=pytest.mark.full) for code in (74, 137))])
def test_a_pod_that_fails_otherwise_is_tried_again(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str, code: int
) -> None:
    control_plane.apply(run_object("retried", ns, {"retries": {"perShard": 1}}))
    plan_run(fake_nodes, ns, "retried", 1)
    [first] = fake_nodes.wait_pods(ns, "retried-work", 1)
    fake_nodes.finish_pod(ns, first, code=code)
    [second] = fake_nodes.wait_pods(ns, "retried-work", 1)
    fake_nodes.finish_pod(ns, second)
    collect_run(fake_nodes, ns, "retried")

    status = wait_phase(control_plane, ns, "retried", "Complete")

    assert first != second
    assert condition(status, "Complete")["reason"] == "AllShardsDone"


def test_being_asked_to_stop_and_being_evicted_cost_no_retry(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("spot", ns, {"retries": NO_RETRIES}))
    plan_run(fake_nodes, ns, "spot", 2)
    stopped, evicted = fake_nodes.wait_pods(ns, "spot-work", 2)
    fake_nodes.finish_pod(ns, stopped, code=75)
    fake_nodes.evict_pod(ns, evicted)

    def replaced() -> list[str] | None:
        pods = control_plane.items(f"/api/v1/namespaces/{ns}/pods")
        names = [
            pod["metadata"]["name"]
            for pod in pods
            if pod["metadata"]["labels"].get("batt.dev/stage") == "work"
            and pod["status"]["phase"] == "Running"
            and "deletionTimestamp" not in pod["metadata"]
            and pod["metadata"]["name"] not in {stopped, evicted}
        ]
        return names if len(names) == 2 else None

    for pod in wait_until("both replaced", replaced, seconds=60):
        fake_nodes.finish_pod(ns, pod)
    collect_run(fake_nodes, ns, "spot")
    status = wait_phase(control_plane, ns, "spot", "Complete")

    assert condition(status, "Complete")["reason"] == "AllShardsDone"


def test_a_run_out_of_memory_says_so(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("hungry", ns, {"retries": NO_RETRIES}))
    plan_run(fake_nodes, ns, "hungry", 1)
    [pod] = fake_nodes.wait_pods(ns, "hungry-work", 1)
    fake_nodes.finish_pod(ns, pod, oom=True)
    collect_run(fake_nodes, ns, "hungry", missing=1, indexes="0")

    status = wait_phase(control_plane, ns, "hungry", "Failed")

    assert condition(status, "Failed")["reason"] == "TooManyFailures"
    assert "OOMKilled: it used more memory than its limit" in status["message"]


def test_an_unschedulable_run_says_what_the_scheduler_says(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("nowhere", ns, {"pool": "l4-spot"}))
    plan_run(fake_nodes, ns, "nowhere", 2)

    status = wait_status(control_plane, ns, "nowhere", lambda one: condition(one, "Stalled") != {}, "Stalled")

    assert condition(status, "Stalled")["reason"] == "Unschedulable"
    assert "node(s) didn't match Pod's node affinity/selector" in condition(status, "Stalled")["message"]


@pytest.mark.full
def test_a_run_that_never_gets_a_node_fails_in_time(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("never", ns, {"pool": "l4-spot", "deadlines": {"pendingSeconds": 30}}))
    plan_run(fake_nodes, ns, "never", 2)
    collect_run(fake_nodes, ns, "never", missing=2, indexes="0,1")

    status = wait_phase(control_plane, ns, "never", "Failed")

    assert condition(status, "Failed")["reason"] == "Unschedulable"
    assert "spec.deadlines.pendingSeconds" in status["message"]


@pytest.mark.full
def test_an_image_that_is_not_there_is_named(control_plane: Cluster, ns: str) -> None:
    image = "registry.invalid/batt:none"
    control_plane.apply(run_object("unpulled", ns, {"image": image, "deadlines": {"pendingSeconds": 30}}))

    stalled = wait_status(control_plane, ns, "unpulled", lambda one: condition(one, "Stalled") != {}, "Stalled")
    status = wait_phase(control_plane, ns, "unpulled", "Failed")

    assert condition(stalled, "Stalled")["reason"] == "ImagePull"
    assert condition(status, "Failed")["reason"] == "ImagePull"
    assert condition(status, "Stalled") == {}
    wait_until("no pod left", lambda: not control_plane.items(f"/api/v1/namespaces/{ns}/pods"))


def test_a_quota_that_is_too_small_is_quoted(control_plane: Cluster, ns: str) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": ns},
        "spec": {"hard": {"limits.cpu": "1"}},
    }
    control_plane.apply(quota)
    control_plane.apply(run_object("bounded", ns))

    status = wait_status(control_plane, ns, "bounded", lambda one: condition(one, "Stalled") != {}, "Stalled")

    assert condition(status, "Stalled")["reason"] == "QuotaExceeded"
    assert "exceeded quota: small" in condition(status, "Stalled")["message"]
    assert "raise the ResourceQuota" in condition(status, "Stalled")["message"]


def test_a_missing_result_fails_a_run_whose_pods_all_succeeded(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("shutdown", ns))
    plan_run(fake_nodes, ns, "shutdown", 2)
    for pod in fake_nodes.wait_pods(ns, "shutdown-work", 2):
        fake_nodes.finish_pod(ns, pod)
    collect_run(fake_nodes, ns, "shutdown", missing=1, indexes="1")

    status = wait_phase(control_plane, ns, "shutdown", "Failed")

    assert condition(status, "Failed")["reason"] == "ResultsMissing"
    assert "1 shards have no result (1)" in status["message"]


def test_collect_pods_that_keep_failing_end_the_run(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("stuck", ns))
    plan_run(fake_nodes, ns, "stuck", 1)
    for pod in fake_nodes.wait_pods(ns, "stuck-work", 1):
        fake_nodes.finish_pod(ns, pod)
    [pod] = fake_nodes.wait_pods(ns, "stuck-collect", 1)
    fake_nodes.finish_pod(ns, pod, code=65, message=error_words("collect", 65, "shards/0 is damaged"))

    status = wait_phase(control_plane, ns, "stuck", "Failed")

    assert "collecting failed" in status["message"]
    assert "shards/0 is damaged" in status["message"]


def test_a_run_whose_secret_is_missing_is_told_which(control_plane: Cluster, ns: str) -> None:
    """No fake kubelet knows of Secrets: what is seen here is that the reference reaches the pod as it stands."""
    control_plane.apply(run_object("keyed", ns, {"envFrom": [{"secretRef": {"name": "model-keys"}}]}))

    job = wait_until("plan Job", lambda: control_plane.find(f"{JOBS.format(ns)}/keyed-plan"))

    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "model-keys"}}]
    assert "model-keys" not in as_json(control_plane.get(f"/api/v1/namespaces/{ns}/configmaps/keyed-run"))


@pytest.mark.full
def test_a_job_that_the_api_server_does_not_take_is_told(control_plane: Cluster, ns: str) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": ns},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    control_plane.apply(quota)
    used = f"/api/v1/namespaces/{ns}/resourcequotas/none"
    wait_until("the quota in force", lambda: control_plane.get(used).get("status", {}).get("used"))
    control_plane.apply(run_object("untaken", ns, {"deadlines": {"pendingSeconds": 30}}))

    stalled = wait_status(control_plane, ns, "untaken", lambda one: condition(one, "Stalled") != {}, "Stalled")
    status = wait_phase(control_plane, ns, "untaken", "Failed")

    assert condition(stalled, "Stalled")["reason"] == "QuotaExceeded"
    assert "exceeded quota: none" in status["message"]

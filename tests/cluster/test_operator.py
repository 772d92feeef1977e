"""The life of a run on a real API server, Job controller and scheduler; pods are fake and end as a test says."""

from __future__ import annotations

import pytest

from tests.cluster.client import Cluster
from tests.cluster.daemons import wait_until
from tests.cluster.fakenodes import FakeNodes
from tests.cluster.operating import (
    JOBS,
    RUNS,
    Operator,
    as_json,
    collect_run,
    collect_words,
    condition,
    job_names,
    plan_run,
    plan_words,
    run_object,
    run_of,
    status_of,
    wait_phase,
    wait_status,
    work_run,
)

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def ns(held_namespace: str, operator: Operator) -> str:
    """A namespace where pods run until the test ends them, looked after by an operator."""
    return held_namespace


def test_run_goes_from_apply_to_complete(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, ns: str
) -> None:
    since = control_plane.audit.position()

    control_plane.apply(run_object("first", ns))
    [plan] = fake_nodes.wait_pods(ns, "first-plan", 1)
    wait_phase(control_plane, ns, "first", "Planning")
    fake_nodes.finish_pod(ns, plan, message=plan_words(3))
    pods = fake_nodes.wait_pods(ns, "first-work", 3)
    wait_phase(control_plane, ns, "first", "Running")
    for pod in pods:
        fake_nodes.finish_pod(ns, pod)
    [collect] = fake_nodes.wait_pods(ns, "first-collect", 1)
    wait_phase(control_plane, ns, "first", "Collecting")
    fake_nodes.finish_pod(ns, collect, message=collect_words())
    status = wait_phase(control_plane, ns, "first", "Complete")

    assert status["score"] == "1/2"
    assert status["progress"] == "3/3"
    assert status["shards"] == {"total": 3, "active": 0, "succeeded": 3, "failed": 0, "failedIndexes": ""}
    assert status["observedGeneration"] == 1
    assert condition(status, "Complete")["reason"] == "AllShardsDone"
    assert {one["type"] for one in status["conditions"] if one["status"] == "True"} == {
        "Planned",
        "Started",
        "Complete",
    }
    assert status["cost"]["actual"] == pytest.approx(2 * 0.0553)
    assert status["cost"]["wasted"] == pytest.approx(0.1 * 0.0553)
    assert job_names(control_plane, ns) == ["first-collect", "first-plan", "first-work"]
    writes = [one for one in control_plane.audit.writes(operator.user, since=since) if one.namespace == ns]
    assert len(writes) <= 15


def test_columns_tell_a_run_at_a_glance(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("glance", ns))
    plan_run(fake_nodes, ns, "glance", 2)
    work_run(fake_nodes, ns, "glance", 2)
    collect_run(fake_nodes, ns, "glance")
    wait_phase(control_plane, ns, "glance", "Complete")

    header, row = control_plane.kubectl("get", "brun", "-n", ns).splitlines()

    assert header.split() == ["NAME", "KIND", "PHASE", "DONE/TOTAL", "FAILED", "SCORE", "AGE"]
    assert row.split()[:6] == ["glance", "solvers", "Complete", "2/2", "0", "1/2"]


def test_events_tell_what_happened(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("told", ns))
    plan_run(fake_nodes, ns, "told", 1)
    work_run(fake_nodes, ns, "told", 1)
    collect_run(fake_nodes, ns, "told")
    wait_phase(control_plane, ns, "told", "Complete")

    described = control_plane.kubectl("describe", "brun", "told", "-n", ns)

    assert "Planned" in described
    assert "4 candidates on 2 tasks in 1 shards" in described
    assert "AllShardsDone" in described


def test_a_run_applied_again_is_left_alone(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, ns: str
) -> None:
    control_plane.apply(run_object("twice", ns))
    plan_run(fake_nodes, ns, "twice", 2)
    fake_nodes.wait_pods(ns, "twice-work", 2)
    wait_status(control_plane, ns, "twice", lambda one: condition(one, "Started") != {}, "Started")
    uids = {job["metadata"]["uid"] for job in control_plane.items(JOBS.format(ns))}

    said = control_plane.kubectl("apply", "-n", ns, "-f", "-", stdin=as_json(run_object("twice", ns)))
    said = control_plane.kubectl("apply", "-n", ns, "-f", "-", stdin=as_json(run_object("twice", ns)))
    work_run(fake_nodes, ns, "twice", 2)
    collect_run(fake_nodes, ns, "twice")
    wait_phase(control_plane, ns, "twice", "Complete")

    assert "unchanged" in said
    assert uids < {job["metadata"]["uid"] for job in control_plane.items(JOBS.format(ns))}


def test_immutable_fields_say_what_to_do_instead(control_plane: Cluster, ns: str) -> None:
    control_plane.apply(run_object("fixed", ns))

    changed = {"spec": {"retries": {"perShard": 9}}}
    refused = control_plane.try_kubectl("patch", "brun", "fixed", "-n", ns, "--type=merge", "-p", as_json(changed))

    assert refused.returncode != 0
    assert "cannot change once the run exists; apply the changed file under another metadata.name" in refused.stderr


def test_what_a_deleted_run_had_goes(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("gone", ns))
    plan_run(fake_nodes, ns, "gone", 3)
    fake_nodes.wait_pods(ns, "gone-work", 3)

    control_plane.kubectl("delete", "brun", "gone", "-n", ns, "--wait=true", "--timeout=30s")

    def leftovers() -> list[str]:
        kinds = ("jobs.batch", "pods", "configmaps")
        listed = control_plane.kubectl("get", ",".join(kinds), "-n", ns, "-o", "name").split()
        return [name for name in listed if name != "configmap/kube-root-ca.crt"]

    wait_until("nothing left", lambda: not leftovers(), seconds=60)


def test_two_runs_of_one_name_live_in_two_namespaces(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    with control_plane.namespace("-held") as other:
        for namespace in (ns, other):
            control_plane.apply(run_object("same", namespace))
        for namespace, shards in ((ns, 1), (other, 2)):
            plan_run(fake_nodes, namespace, "same", shards)
            work_run(fake_nodes, namespace, "same", shards)
            collect_run(fake_nodes, namespace, "same")
        statuses = [wait_phase(control_plane, namespace, "same", "Complete") for namespace in (ns, other)]

    assert [status["progress"] for status in statuses] == ["1/1", "2/2"]
    assert statuses[0]["results"] != statuses[1]["results"]


def test_a_run_with_nothing_to_do_is_collected_at_once(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("cached", ns))
    [plan] = fake_nodes.wait_pods(ns, "cached-plan", 1)
    fake_nodes.finish_pod(ns, plan, message=plan_words(0))
    collect_run(fake_nodes, ns, "cached")
    wait_phase(control_plane, ns, "cached", "Complete")

    assert job_names(control_plane, ns) == ["cached-collect", "cached-plan"]


def test_lost_words_are_said_again(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("mute", ns))
    [plan] = fake_nodes.wait_pods(ns, "mute-plan", 1)
    first = control_plane.get(f"{JOBS.format(ns)}/mute-plan")["metadata"]["uid"]
    fake_nodes.finish_pod(ns, plan, message='{"schema": 1, "stage": "plan", "fol')

    def again() -> bool:
        job = control_plane.find(f"{JOBS.format(ns)}/mute-plan")
        return job is not None and job["metadata"]["uid"] != first

    wait_until("another plan Job", again)
    plan_run(fake_nodes, ns, "mute", 1)
    work_run(fake_nodes, ns, "mute", 1)
    collect_run(fake_nodes, ns, "mute")
    wait_phase(control_plane, ns, "mute", "Complete")


def test_a_stage_that_never_speaks_ends_the_run(control_plane: Cluster, namespace: str, operator: Operator) -> None:
    control_plane.apply(run_object("silent", namespace))

    status = wait_phase(control_plane, namespace, "silent", "Failed")

    assert condition(status, "Failed")["reason"] == "StageFailed"
    assert "without a message" in status["message"]


def test_concurrency_changes_while_a_run_goes_on(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("wide", ns, {"maxConcurrency": 1}))
    plan_run(fake_nodes, ns, "wide", 4)
    fake_nodes.wait_pods(ns, "wide-work", 1)

    control_plane.patch(f"{RUNS.format(ns)}/wide", {"spec": {"maxConcurrency": 3}})

    fake_nodes.wait_pods(ns, "wide-work", 3)


@pytest.mark.full
def test_fifty_runs_at_once_all_complete(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    names = [f"many-{number}" for number in range(50)]
    for name in names:
        control_plane.apply(run_object(name, ns))

    for name in names:
        plan_run(fake_nodes, ns, name, 1)
    for name in names:
        work_run(fake_nodes, ns, name, 1)
    for name in names:
        collect_run(fake_nodes, ns, name)

    for name in names:
        wait_phase(control_plane, ns, name, "Complete")


def test_an_ended_run_is_deleted_when_its_time_is_up(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("brief", ns, {"ttlSecondsAfterFinished": 3}))
    plan_run(fake_nodes, ns, "brief", 1)
    work_run(fake_nodes, ns, "brief", 1)
    collect_run(fake_nodes, ns, "brief")

    wait_until("the run gone", lambda: control_plane.find(f"{RUNS.format(ns)}/brief") is None)


def test_a_further_attempt_does_what_has_no_result(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("again", ns))
    plan_run(fake_nodes, ns, "again", 3)
    work_run(fake_nodes, ns, "again", 3)
    collect_run(fake_nodes, ns, "again", missing=1, indexes="2")
    failed = wait_phase(control_plane, ns, "again", "Failed")

    control_plane.patch(f"{RUNS.format(ns)}/again", {"spec": {"attempt": 2}})
    [plan] = fake_nodes.wait_pods(ns, "again-plan-2", 1)
    fake_nodes.finish_pod(ns, plan, message=plan_words(3, todo=1))
    work_run(fake_nodes, ns, "again", 1, attempt=2)
    collect_run(fake_nodes, ns, "again", attempt=2)
    status = wait_phase(control_plane, ns, "again", "Complete")

    assert condition(failed, "Failed")["reason"] == "ResultsMissing"
    assert (status["attempt"], status["progress"]) == (2, "3/3")
    assert condition(status, "Failed") == {}


def test_a_name_that_is_taken_is_told(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    taken = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "taken-run", "namespace": ns},
        "data": {"whose": "a user's"},
    }
    control_plane.apply(taken)
    control_plane.apply(run_object("taken", ns))

    status = wait_status(control_plane, ns, "taken", lambda one: condition(one, "Stalled") != {}, "Stalled")
    control_plane.delete(f"/api/v1/namespaces/{ns}/configmaps/taken-run")
    plan_run(fake_nodes, ns, "taken", 1)

    assert condition(status, "Stalled")["reason"] == "NameTaken"
    assert "taken-run" in condition(status, "Stalled")["message"]


def test_an_unknown_pool_is_refused_with_the_known_ones(control_plane: Cluster, ns: str) -> None:
    control_plane.apply(run_object("pooled", ns, {"pool": "h100"}))

    status = wait_phase(control_plane, ns, "pooled", "Failed")

    assert condition(status, "Failed")["reason"] == "ConfigError"
    assert "'h100'; must be one of cpu, cpu-spot, l4, l4-spot" in status["message"]


def test_a_gpu_pool_runs_with_a_warning(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    labels = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    nodes = fake_nodes.add(
        1, labels=labels, taints=[taint], resources={"nvidia.com/gpu": "1", "cpu": "8", "memory": "32Gi"}
    )
    control_plane.apply(run_object("gpu", ns, {"pool": "l4"}))
    plan_run(fake_nodes, ns, "gpu", 1)
    [pod] = fake_nodes.wait_pods(ns, "gpu-work", 1)

    placed = control_plane.get(f"/api/v1/namespaces/{ns}/pods/{pod}")["spec"]["nodeName"]

    assert [placed] == list(nodes)
    assert condition(status_of(control_plane, ns, "gpu"), "Warning")["reason"] == "IdleGpu"


def test_tasks_that_want_a_gpu_run_beside_the_others(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    labels = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    size = {"nvidia.com/gpu": "2", "cpu": "16", "memory": "64Gi"}
    fake_nodes.add(1, labels=labels, taints=[taint], resources=size)
    run = run_object("parted", ns)
    agent = {"name": "Null", "source": "builtin:null"}
    run["spec"] = {"hal": {"benchmark": "arc", "agent": agent}, "maxConcurrency": 3}

    control_plane.apply(run)
    [plan] = fake_nodes.wait_pods(ns, "parted-plan", 1)
    fake_nodes.finish_pod(ns, plan, message=plan_words(4, evaluations=1, gpu=1))
    fake_nodes.wait_pods(ns, "parted-work", 2)
    [gpu] = fake_nodes.wait_pods(ns, "parted-work-gpu", 1)
    place = control_plane.get(f"/api/v1/namespaces/{ns}/pods/{gpu}")["spec"]["nodeName"]
    kind = control_plane.get(f"/api/v1/nodes/{place}")["metadata"]["labels"]["cloud.google.com/gke-accelerator"]
    fake_nodes.finish_pod(ns, gpu)
    others = fake_nodes.wait_pods(ns, "parted-work", 3)  # the others may have all places now
    for pod in others:
        fake_nodes.finish_pod(ns, pod)
    [evaluate] = fake_nodes.wait_pods(ns, "parted-evaluate", 1)
    wait_phase(control_plane, ns, "parted", "Evaluating")
    fake_nodes.finish_pod(ns, evaluate)
    [collect] = fake_nodes.wait_pods(ns, "parted-collect", 1)
    fake_nodes.finish_pod(ns, collect, message=collect_words())
    status = wait_phase(control_plane, ns, "parted", "Complete")

    assert kind == "nvidia-l4"
    assert status["progress"] == "4/4"
    assert status["kind"] == "hal"


def test_generation_is_observed_after_an_edit(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("edited", ns))
    plan_run(fake_nodes, ns, "edited", 2)
    fake_nodes.wait_pods(ns, "edited-work", 2)

    control_plane.patch(f"{RUNS.format(ns)}/edited", {"spec": {"ttlSecondsAfterFinished": 9999}})

    generation = run_of(control_plane, ns, "edited")["metadata"]["generation"]
    wait_status(control_plane, ns, "edited", lambda one: one.get("observedGeneration") == generation, "observed")
    assert generation == 2

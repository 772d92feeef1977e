"""Runs that are suspended, cancelled, out of time, or queued: what is finished stays, nothing else goes on."""

from __future__ import annotations

from typing import Any

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
    condition,
    plan_run,
    run_object,
    wait_phase,
    wait_status,
    work_run,
)

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def ns(held_namespace: str, operator: Operator) -> str:
    """A namespace where pods run until the test ends them, looked after by an operator."""
    return held_namespace


def set_spec(cluster: Cluster, namespace: str, name: str, **fields: Any) -> None:
    """Change fields of a run's spec."""
    cluster.patch(f"{RUNS.format(namespace)}/{name}", {"spec": fields})


def live_pods(cluster: Cluster, namespace: str) -> list[str]:
    """Return the names of pods that run or wait to."""
    pods = cluster.items(f"/api/v1/namespaces/{namespace}/pods")
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in {"Pending", "Running"}]


def test_suspension_ends_the_pods_and_resumption_goes_on(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("paused", ns))
    plan_run(fake_nodes, ns, "paused", 3)
    pods = fake_nodes.wait_pods(ns, "paused-work", 3)
    fake_nodes.finish_pod(ns, pods[0])

    set_spec(control_plane, ns, "paused", suspend=True)
    status = wait_phase(control_plane, ns, "paused", "Suspended")
    wait_until("no pod", lambda: not live_pods(control_plane, ns))
    set_spec(control_plane, ns, "paused", suspend=False)
    work_run(fake_nodes, ns, "paused", 2)
    collect_run(fake_nodes, ns, "paused")
    done = wait_phase(control_plane, ns, "paused", "Complete")

    assert condition(status, "Suspended")["reason"] == "SuspendedByUser"
    assert condition(done, "Suspended")["status"] == "False"
    assert done["progress"] == "3/3"


def test_five_suspensions_of_pending_pods_fail_no_shard(
    control_plane: Cluster, fake_nodes: FakeNodes, pending_namespace: str, operator: Operator
) -> None:
    ns = pending_namespace
    control_plane.apply(run_object("patient", ns, {"retries": {"perShard": 1, "failedShards": 0}}))
    [plan] = fake_nodes.wait_pods(ns, "patient-plan", 1, phase="Pending")
    fake_nodes.start_pod(ns, plan)
    plan_run(fake_nodes, ns, "patient", 2)

    for _ in range(5):
        fake_nodes.wait_pods(ns, "patient-work", 2, phase="Pending")
        set_spec(control_plane, ns, "patient", suspend=True)
        wait_phase(control_plane, ns, "patient", "Suspended")
        wait_until("no pod", lambda: not live_pods(control_plane, ns))
        set_spec(control_plane, ns, "patient", suspend=False)
        wait_phase(control_plane, ns, "patient", "Running")
    for pod in fake_nodes.wait_pods(ns, "patient-work", 2, phase="Pending"):
        fake_nodes.finish_pod(ns, pod)
    [collect] = fake_nodes.wait_pods(ns, "patient-collect", 1, phase="Pending")
    fake_nodes.start_pod(ns, collect)
    collect_run(fake_nodes, ns, "patient")
    status = wait_phase(control_plane, ns, "patient", "Complete")

    assert condition(status, "Complete")["reason"] == "AllShardsDone"
    assert status["shards"]["failed"] == 0


def test_a_run_applied_suspended_waits(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("asleep", ns, {"suspend": True}))
    wait_phase(control_plane, ns, "asleep", "Suspended")
    assert control_plane.items(JOBS.format(ns)) == []

    set_spec(control_plane, ns, "asleep", suspend=False)
    plan_run(fake_nodes, ns, "asleep", 1)
    status = wait_phase(control_plane, ns, "asleep", "Running")

    assert condition(status, "Suspended")["status"] == "False"


def test_a_plan_that_is_suspended_is_made_anew(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("early", ns))
    fake_nodes.wait_pods(ns, "early-plan", 1)
    set_spec(control_plane, ns, "early", suspend=True)
    wait_phase(control_plane, ns, "early", "Suspended")
    wait_until("no pod", lambda: not live_pods(control_plane, ns))

    set_spec(control_plane, ns, "early", suspend=False)
    plan_run(fake_nodes, ns, "early", 1)

    wait_phase(control_plane, ns, "early", "Running")


def test_a_cancelled_run_keeps_and_collects_what_is_there(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("ended", ns))
    plan_run(fake_nodes, ns, "ended", 3)
    pods = fake_nodes.wait_pods(ns, "ended-work", 3)
    fake_nodes.finish_pod(ns, pods[0])

    set_spec(control_plane, ns, "ended", cancel=True)
    collect_run(fake_nodes, ns, "ended", missing=2, indexes="1,2")
    status = wait_phase(control_plane, ns, "ended", "Cancelled")

    assert condition(status, "Cancelled")["reason"] == "Cancelled"
    assert status["score"] == "1/2"
    assert status["progress"] == "1/3"
    assert live_pods(control_plane, ns) == []


def test_a_run_cancelled_while_it_is_planned_ends_at_once(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("regret", ns))
    fake_nodes.wait_pods(ns, "regret-plan", 1)

    set_spec(control_plane, ns, "regret", cancel=True)
    wait_phase(control_plane, ns, "regret", "Cancelled")

    wait_until("no pod", lambda: not live_pods(control_plane, ns))


def test_a_suspended_run_can_be_cancelled_and_is_collected(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("both", ns))
    plan_run(fake_nodes, ns, "both", 2)
    fake_nodes.wait_pods(ns, "both-work", 2)
    set_spec(control_plane, ns, "both", suspend=True)
    wait_phase(control_plane, ns, "both", "Suspended")

    set_spec(control_plane, ns, "both", cancel=True)
    collect_run(fake_nodes, ns, "both", missing=2, indexes="0,1")

    wait_phase(control_plane, ns, "both", "Cancelled")


def test_a_run_out_of_time_is_collected(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("late", ns, {"deadlines": {"runSeconds": 8}}))
    plan_run(fake_nodes, ns, "late", 2)
    fake_nodes.wait_pods(ns, "late-work", 2)
    collect_run(fake_nodes, ns, "late", missing=2, indexes="0,1")

    status = wait_phase(control_plane, ns, "late", "Failed")

    assert condition(status, "Failed")["reason"] == "DeadlineExceeded"
    assert "ran for 8 s, as spec.deadlines.runSeconds allows" in status["message"]


def test_suspended_time_does_not_count(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("rested", ns, {"deadlines": {"runSeconds": 10}}))
    plan_run(fake_nodes, ns, "rested", 1)
    fake_nodes.wait_pods(ns, "rested-work", 1)
    set_spec(control_plane, ns, "rested", suspend=True)
    before = wait_phase(control_plane, ns, "rested", "Suspended")["clock"]["ranSeconds"]
    set_spec(control_plane, ns, "rested", ttlSecondsAfterFinished=10_000)  # an edit makes the operator look again
    set_spec(control_plane, ns, "rested", suspend=True)
    after = wait_status(control_plane, ns, "rested", lambda one: one["observedGeneration"] == 3, "seen again")["clock"][
        "ranSeconds"
    ]

    assert before == after
    assert before < 10


class Kueue:
    """Plays Kueue's part towards a Job: it alone decides whether a Job with a queue's label is suspended."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def set_suspend(self, job: str, *, is_suspended: bool) -> None:
        """Admit a Job or take it back."""
        self.cluster.patch(f"{JOBS.format(self.namespace)}/{job}", {"spec": {"suspend": is_suspended}})


def test_a_queued_run_waits_for_kueue_and_survives_being_taken_back(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    kueue = Kueue(control_plane, ns)
    control_plane.apply(run_object("queued", ns, {"queue": "team", "deadlines": {"pendingSeconds": 30}}))
    plan_run(fake_nodes, ns, "queued", 2)
    waiting = wait_phase(control_plane, ns, "queued", "Suspended")
    job = control_plane.get(f"{JOBS.format(ns)}/queued-work")

    kueue.set_suspend("queued-work", is_suspended=False)
    fake_nodes.wait_pods(ns, "queued-work", 2)
    wait_phase(control_plane, ns, "queued", "Running")
    kueue.set_suspend("queued-work", is_suspended=True)
    wait_phase(control_plane, ns, "queued", "Suspended")
    wait_until("no pod", lambda: not live_pods(control_plane, ns))
    kueue.set_suspend("queued-work", is_suspended=False)
    work_run(fake_nodes, ns, "queued", 2)
    collect_run(fake_nodes, ns, "queued")
    wait_phase(control_plane, ns, "queued", "Complete")

    assert condition(waiting, "Suspended")["reason"] == "QueuedByKueue"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert job["spec"]["suspend"] is True


def test_a_queued_run_is_suspended_by_taking_its_job_out_of_the_queue(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, ns: str
) -> None:
    kueue = Kueue(control_plane, ns)
    control_plane.apply(run_object("withdrawn", ns, {"queue": "team"}))
    plan_run(fake_nodes, ns, "withdrawn", 1)
    wait_phase(control_plane, ns, "withdrawn", "Suspended")
    since = control_plane.audit.position()

    set_spec(control_plane, ns, "withdrawn", suspend=True)
    wait_until("no Job", lambda: control_plane.find(f"{JOBS.format(ns)}/withdrawn-work") is None)
    set_spec(control_plane, ns, "withdrawn", suspend=False)
    wait_until("a Job", lambda: control_plane.find(f"{JOBS.format(ns)}/withdrawn-work"))
    kueue.set_suspend("withdrawn-work", is_suspended=False)
    work_run(fake_nodes, ns, "withdrawn", 1)
    collect_run(fake_nodes, ns, "withdrawn")
    wait_phase(control_plane, ns, "withdrawn", "Complete")

    writes = control_plane.audit.writes(operator.user, since=since)
    assert [one for one in writes if one.verb == "patch" and one.resource == "jobs"] == []


def test_concurrency_of_a_queued_run_is_refused_with_a_message(
    control_plane: Cluster, fake_nodes: FakeNodes, ns: str
) -> None:
    control_plane.apply(run_object("fixed", ns, {"queue": "team", "maxConcurrency": 1}))
    plan_run(fake_nodes, ns, "fixed", 3)
    wait_phase(control_plane, ns, "fixed", "Suspended")

    changed = as_json({"spec": {"maxConcurrency": 3}})
    refused = control_plane.try_kubectl("patch", "brun", "fixed", "-n", ns, "--type=merge", "-p", changed)

    assert "Kueue owns how many pods run at once" in refused.stderr
    assert control_plane.get(f"{JOBS.format(ns)}/fixed-work")["spec"]["parallelism"] == 1


def test_a_cancelled_queued_run_leaves_the_queue(control_plane: Cluster, fake_nodes: FakeNodes, ns: str) -> None:
    control_plane.apply(run_object("left", ns, {"queue": "team"}))
    plan_run(fake_nodes, ns, "left", 1)
    wait_phase(control_plane, ns, "left", "Suspended")

    set_spec(control_plane, ns, "left", cancel=True)
    collect_run(fake_nodes, ns, "left", missing=1, indexes="0")
    wait_phase(control_plane, ns, "left", "Cancelled")

    assert control_plane.find(f"{JOBS.format(ns)}/left-work") is None

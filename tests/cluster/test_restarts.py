"""The operator is killed, restarted, cut off from the API server, or confined to one namespace."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.cluster.client import Cluster
from tests.cluster.conftest import Helm
from tests.cluster.daemons import wait_until
from tests.cluster.fakenodes import FakeNodes
from tests.cluster.operating import (
    JOBS,
    RUNS,
    Gate,
    Operator,
    collect_run,
    job_names,
    plan_run,
    run_object,
    status_of,
    wait_phase,
    work_run,
)

pytestmark = pytest.mark.timeout(1800)


def test_a_run_survives_the_operator_being_killed_between_all_stages(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, held_namespace: str
) -> None:
    ns = held_namespace
    control_plane.apply(run_object("tough", ns))
    stages: list[tuple[str, int, Callable[[], None]]] = [
        ("tough-plan", 1, lambda: plan_run(fake_nodes, ns, "tough", 2)),
        ("tough-work", 2, lambda: work_run(fake_nodes, ns, "tough", 2)),
        ("tough-collect", 1, lambda: collect_run(fake_nodes, ns, "tough")),
    ]

    for job, pods, finish in stages:
        fake_nodes.wait_pods(ns, job, pods)
        operator.kill()
        finish()  # while nobody looks
        operator.start()
    status = wait_phase(control_plane, ns, "tough", "Complete")

    assert status["progress"] == "2/2"
    assert job_names(control_plane, ns) == ["tough-collect", "tough-plan", "tough-work"]


def test_a_run_deleted_while_the_operator_is_down_goes_at_once(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, held_namespace: str
) -> None:
    ns = held_namespace
    control_plane.apply(run_object("orphan", ns))
    plan_run(fake_nodes, ns, "orphan", 2)
    fake_nodes.wait_pods(ns, "orphan-work", 2)

    operator.kill()
    control_plane.kubectl("delete", "brun", "orphan", "-n", ns, "--wait=true", "--timeout=20s")

    wait_until("no Job", lambda: not control_plane.items(JOBS.format(ns)))
    wait_until("no pod", lambda: not control_plane.items(f"/api/v1/namespaces/{ns}/pods"))
    operator.start()


def test_a_deleted_job_is_made_again(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, held_namespace: str
) -> None:
    ns = held_namespace
    control_plane.apply(run_object("robbed", ns))
    plan_run(fake_nodes, ns, "robbed", 2)
    fake_nodes.wait_pods(ns, "robbed-work", 2)
    first = control_plane.get(f"{JOBS.format(ns)}/robbed-work")["metadata"]["uid"]

    control_plane.delete(f"{JOBS.format(ns)}/robbed-work")

    def again() -> bool:
        job = control_plane.find(f"{JOBS.format(ns)}/robbed-work")
        return job is not None and job["metadata"]["uid"] != first

    wait_until("another work Job", again)


def test_sigterm_ends_the_operator_in_good_order(operator: Operator) -> None:
    assert operator.daemon is not None
    operator.daemon.process.send_signal(signal.SIGTERM)

    code = operator.daemon.process.wait(timeout=20)

    assert code == 0
    assert operator.log()[-1]["event"] == "stopped"
    operator.start()


@pytest.mark.full
def test_health_goes_red_when_the_api_server_does_not_answer(
    control_plane: Cluster, held_namespace: str, operator: Operator, tmp_path: Path
) -> None:
    """The resync interval of the tests is 5 s: three missed ones and half a minute."""
    account = operator.account.kubeconfig
    server = urlsplit(yaml.safe_load(account.read_text())["clusters"][0]["cluster"]["server"])
    gate = Gate(server.hostname or "", server.port or 443)
    faults: list[str] = []

    def is_red(operator: Operator) -> bool:
        code, answer = operator.health()
        faults[:] = answer.get("faults", [])
        return code == 503

    operator.stop()
    cut_off = Operator(control_plane, operator.namespace, "batt", tmp_path)
    cut_off.start(kubeconfig=gate.kubeconfig(account, tmp_path))
    gate.shut()
    wait_until("red", lambda: is_red(cut_off), seconds=120)
    gate.is_open = True
    wait_until("green again", cut_off.is_healthy, seconds=60)
    cut_off.stop()
    gate.close()
    operator.start()

    assert "no resync for" in faults[0]


def test_a_namespaced_operator_leaves_other_namespaces_alone(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, helm: Callable[[Cluster], Helm], tmp_path: Path
) -> None:
    """Under the chart's Role alone, and without being refused anything."""
    operator.stop()
    with control_plane.namespace("-held") as own, control_plane.namespace("-held") as other:
        helm(control_plane)(
            "install", "own", "charts/batt", "-n", own, "--set", "crds.install=false", "--set", "results=gs://bucket/runs",
            "--set", "rbac.aggregate=false",
        )  # fmt: skip
        confined = Operator(control_plane, own, "own-batt", tmp_path)
        since = control_plane.audit.position()
        confined.start()
        for namespace in (other, own):
            control_plane.apply(run_object("here", namespace))
        plan_run(fake_nodes, own, "here", 1)
        work_run(fake_nodes, own, "here", 1)
        collect_run(fake_nodes, own, "here")
        wait_phase(control_plane, own, "here", "Complete")

        assert status_of(control_plane, other, "here") == {}
        assert control_plane.items(JOBS.format(other)) == []
        assert control_plane.audit.forbidden(since=since, user=confined.user) == []
        confined.stop()
    operator.start()


def test_kopf_run_starts_the_operator_too(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, held_namespace: str
) -> None:
    operator.stop()
    operator.start(["kopf", "run", "-m", "batt_operator", "--standalone", "--all-namespaces"])

    control_plane.apply(run_object("kopf", held_namespace))
    plan_run(fake_nodes, held_namespace, "kopf", 1)
    wait_phase(control_plane, held_namespace, "kopf", "Running")

    assert control_plane.find(f"{RUNS.format(held_namespace)}/kopf")
    operator.stop()
    operator.start()

"""The operator on a real API server, Job controller and scheduler; pods are fake and end as a test says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.client import Cluster
from tests.cluster.conftest import Helm
from tests.cluster.fakenodes import FakeNodes
from tests.cluster.operating import (
    RUNS,
    Operator,
    collect_words,
    condition,
    job_names,
    plan_words,
    run_object,
    wait_phase,
    wait_status,
)

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def operator(control_plane: Cluster, helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator that looks after all namespaces, under the chart's ClusterRole."""
    with control_plane.namespace() as namespace:
        helm(control_plane)(
            "install", "batt", "charts/batt", "-n", namespace, "--set", "watch.allNamespaces=true",
            "--set", "results=gs://bucket/runs", "--set", "worker.serviceAccount.create=false",
            "--set", "worker.serviceAccount.name=default",
        )  # fmt: skip
        operator = Operator(control_plane, namespace, "batt", tmp_path_factory.mktemp("operator"))
        since = control_plane.audit.position()
        operator.start()
        yield operator
        operator.stop()
        assert [] == [line for line in operator.log() if line["level"] == "error"]
        assert [] == control_plane.audit.forbidden(since=since, user=operator.user)


def test_run_goes_from_apply_to_complete(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, held_namespace: str
) -> None:
    ns = held_namespace
    control_plane.apply(run_object("first", ns, {"deadlines": {"runSeconds": 600}}))

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

    assert "1/2" == status["score"]
    assert "3/3" == status["progress"]
    assert "AllShardsDone" == condition(status, "Complete")["reason"]
    assert ["first-collect", "first-plan", "first-work"] == job_names(control_plane, ns)

"""The chart on a real API server: valid, installed, upgraded, uninstalled; two releases; what people may do.

It has a control plane of its own: who owns the CustomResourceDefinition is part of what is tested.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from batt.schema.generated import ROOT
from tests.charts.conform import kubeconform
from tests.charts.monitorschemas import definitions_or_skip
from tests.charts.rendering import CHART, MONITORED, SWITCHES, Manifest, render, try_render
from tests.cluster.client import Cluster
from tests.cluster.conftest import Helm
from tests.cluster.daemons import wait_until
from tests.cluster.fresh import CRD, fresh_cluster, install_crd, remove_crd
from tests.cluster.kubeschemas import cached_schemas, write_schemas
from tests.cluster.operating import run_object

pytestmark = pytest.mark.timeout(1800)  # the first run builds Kubernetes


@pytest.fixture(scope="module")
def cluster(existing_cluster: Cluster | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A fresh cluster for this module, with a fake node for the operator's pods."""
    if existing_cluster:
        pytest.skip("installs and removes CustomResourceDefinitions: run without BATT_TEST_KUBECONFIG")
    with fresh_cluster(tmp_path_factory.mktemp("chart")) as started:
        yield started


@pytest.fixture(scope="module")
def helm_here(cluster: Cluster, helm: Callable[[Cluster], Helm]) -> Helm:
    """Runs helm against the module's cluster."""
    return helm(cluster)


@pytest.fixture
def no_crd(cluster: Cluster) -> Iterator[None]:
    """No CustomResourceDefinition of runs, before the test and after it."""
    remove_crd(cluster)
    yield
    remove_crd(cluster)


@pytest.mark.parametrize("values", SWITCHES.values(), ids=SWITCHES)
def test_kubeconform_finds_nothing_wrong(cluster: Cluster, values: Manifest) -> None:
    text, _ = try_render(values)

    assert kubeconform(text, cached_schemas(cluster)) == []


def test_kubeconform_finds_what_is_wrong(cluster: Cluster) -> None:
    """The check can fail: wrong types, unknown fields and unknown kinds are all seen."""
    text, _ = try_render()
    broken = text.replace("replicas: 1", 'replicas: "1"').replace("podSelector:", "podSelectr:")

    deployment, *policies = sorted(kubeconform(broken, cached_schemas(cluster)))

    assert deployment.startswith("Deployment: ")
    assert "/spec/replicas" in deployment
    assert [policy.partition(": ")[0] for policy in policies] == ["NetworkPolicy"] * 2


@pytest.mark.usefixtures("no_crd")
def test_kubeconform_takes_every_example(cluster: Cluster, tmp_path: Path) -> None:
    install_crd(cluster)
    write_schemas(cluster, tmp_path)

    for example in sorted((ROOT / "examples").glob("*.yaml")):
        assert kubeconform(example.read_text(), tmp_path) == [], example


@pytest.mark.parametrize("values", SWITCHES.values(), ids=SWITCHES)
def test_the_api_server_takes_every_object_as_it_stands(cluster: Cluster, values: Manifest) -> None:
    with cluster.namespace() as namespace:
        objects = yaml.safe_dump_all(render(values, namespace=namespace))

        done = cluster.try_kubectl(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=objects
        )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_api_server_takes_every_monitor_of_the_prometheus_operator(cluster: Cluster) -> None:
    """Google's definitions cannot be had here: tests/charts/test_monitoring.py says what is known of them."""
    files = [word for path in definitions_or_skip() for word in ("-f", str(path))]
    cluster.kubectl("apply", "--server-side", *files)
    try:
        kinds = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
        wait_until("the kinds are served", lambda: kinds <= served_kinds(cluster, "monitoring.coreos.com/v1"))
        with cluster.namespace() as namespace:
            objects = [
                each for each in render(MONITORED, namespace=namespace) if "googleapis" not in each["apiVersion"]
            ]

            done = cluster.try_kubectl(
                "apply",
                "--server-side",
                "--dry-run=server",
                "--validate=strict",
                "-f",
                "-",
                stdin=yaml.safe_dump_all(objects),
            )

            assert (done.returncode, done.stderr) == (0, "")
            taken = {line.partition(".")[0] for line in done.stdout.splitlines()}
            assert {kind.lower() for kind in kinds} <= taken
    finally:
        cluster.kubectl("delete", *files)


def served_kinds(cluster: Cluster, version: str) -> set[str]:
    """Return the kinds of a group and version that the API server serves by now."""
    found = cluster.find(f"/apis/{version}")
    return {resource["kind"] for resource in found["resources"]} if found else set()


@pytest.mark.usefixtures("no_crd")
def test_install_upgrade_and_uninstall(cluster: Cluster, helm_here: Helm) -> None:
    with cluster.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"}) as namespace:
        deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/batt-operator"
        annotations = "checksum/config"

        helm_here("install", "batt", str(CHART), "-n", namespace, "--wait", "--timeout", "2m")
        before = cluster.get(deployment)["spec"]["template"]["metadata"]["annotations"][annotations]
        helm_here(
            "upgrade", "batt", str(CHART), "-n", namespace, "--set", "results=gs://bucket", "--wait", "--timeout", "2m"
        )
        after = cluster.get(deployment)["spec"]["template"]["metadata"]["annotations"][annotations]
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump(run_object("kept", namespace)))
        helm_here("uninstall", "batt", "-n", namespace, "--wait")

        assert before != after
        assert cluster.find(deployment) is None
        left = {path: cluster.items(path) for path in kinds_of(namespace)}
        assert {path: len(found) for path, found in left.items() if found} == {}
        run = f"/apis/batt.dev/v1alpha1/namespaces/{namespace}/benchmarkruns/kept"
        assert cluster.get(run)["spec"]["retries"] == {"perShard": 3, "failedShards": 0}
        helm_here("install", "batt", str(CHART), "-n", namespace, "--wait", "--timeout", "2m")
        assert cluster.get(run)["metadata"]["name"] == "kept"
        helm_here("uninstall", "batt", "-n", namespace, "--wait")


def kinds_of(namespace: str) -> list[str]:
    """Return the lists of what a release puts into a namespace or the cluster, but for the CRD."""
    mine = "?labelSelector=app.kubernetes.io%2Fname%3Dbatt"
    here = f"namespaces/{namespace}"
    places = [
        f"/api/v1/{here}/configmaps",
        f"/api/v1/{here}/serviceaccounts",
        f"/apis/apps/v1/{here}/deployments",
        f"/apis/networking.k8s.io/v1/{here}/networkpolicies",
        f"/apis/rbac.authorization.k8s.io/v1/{here}/roles",
        f"/apis/rbac.authorization.k8s.io/v1/{here}/rolebindings",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    ]
    return [place + mine for place in places]


@pytest.mark.usefixtures("no_crd")
def test_an_upgrade_brings_the_new_crd(cluster: Cluster, helm_here: Helm, tmp_path: Path) -> None:
    """Helm never upgrades what lies in a chart's crds/ folder; ours is a template."""
    older = tmp_path / "batt"
    subprocess.run(["cp", "-r", CHART, older], check=True)
    definition = older / "files" / "benchmarkruns.yaml"
    text = definition.read_text()
    assert "shortNames:\n    - brun\n" in text
    definition.write_text(text.replace("    shortNames:\n    - brun\n", ""))
    with cluster.namespace() as namespace:
        helm_here("install", "batt", str(older), "-n", namespace)
        before = cluster.get(CRD)["spec"]["names"].get("shortNames")

        helm_here("upgrade", "batt", str(CHART), "-n", namespace)

        assert (before, cluster.get(CRD)["spec"]["names"]["shortNames"]) == (None, ["brun"])
        helm_here("uninstall", "batt", "-n", namespace)


@pytest.mark.usefixtures("no_crd")
def test_two_releases_of_one_name_live_side_by_side(cluster: Cluster, helm_here: Helm) -> None:
    with cluster.namespace() as one, cluster.namespace() as other:
        helm_here("install", "batt", str(CHART), "-n", one)
        helm_here("install", "batt", str(CHART), "-n", other, "--set", "crds.install=false")
        helm_here("uninstall", "batt", "-n", one, "--wait")

        left = {place: len(cluster.items(place)) for place in kinds_of(other)}
        helm_here("uninstall", "batt", "-n", other, "--wait")

    assert list(left.values()) == [1, 2, 1, 2, 1, 1, 2, 0]


@pytest.mark.usefixtures("no_crd")
def test_the_run_in_the_notes_is_one(cluster: Cluster, helm_here: Helm) -> None:
    with cluster.namespace() as namespace:
        said = helm_here("install", "batt", str(CHART), "-n", namespace, "--set", "results=gs://bucket/results")
        run = said.split("<<'EOF'\n")[1].split("  EOF\n")[0]

        done = cluster.kubectl("apply", "--validate=strict", "-f", "-", stdin=run)
        helm_here("uninstall", "batt", "-n", namespace, "--wait")

    assert done == "benchmarkrun.batt.dev/first created\n"
    assert f"namespace: {namespace}" in run
    assert f"/subject/ns/{namespace}/sa/batt-worker" in said


@pytest.mark.usefixtures("no_crd")
def test_people_s_rights_follow_kubernetes_own_roles(cluster: Cluster, helm_here: Helm, tmp_path: Path) -> None:
    with cluster.namespace() as namespace:
        helm_here("install", "batt", str(CHART), "-n", namespace)
        for role in ("view", "edit"):
            cluster.kubectl("create", "serviceaccount", role, "-n", namespace)
            account = f"--serviceaccount={namespace}:{role}"
            cluster.kubectl("create", "rolebinding", role, f"--clusterrole={role}", account, "-n", namespace)
        # The controller that adds our roles to Kubernetes' own takes a moment.
        wait_until("view reads runs", lambda: may(cluster, namespace, "view", "list benchmarkruns"))
        wait_until("edit writes runs", lambda: may(cluster, namespace, "edit", "create benchmarkruns"))

        assert not may(cluster, namespace, "view", "create benchmarkruns")
        assert may(cluster, namespace, "edit", "delete benchmarkruns")
        assert not may(cluster, namespace, "edit", "patch benchmarkruns/status")
        helm_here("uninstall", "batt", "-n", namespace, "--wait")


@pytest.mark.usefixtures("no_crd")
def test_the_operator_may_not_read_secrets_nor_act_elsewhere(cluster: Cluster, helm_here: Helm) -> None:
    with cluster.namespace() as namespace:
        helm_here("install", "batt", str(CHART), "-n", namespace)

        assert may(cluster, namespace, "batt-operator", "create jobs.batch")
        assert may(cluster, namespace, "batt-operator", "patch benchmarkruns/status")
        for verb in (
            "get secrets",
            "create pods",
            "delete pods",
            "get pods/log",
            "patch deployments",
            "list configmaps",
        ):
            assert not may(cluster, namespace, "batt-operator", verb), verb
        assert not may(cluster, namespace, "batt-operator", "list benchmarkruns", elsewhere="default")
        for verb in ("list benchmarkruns", "get configmaps", "get pods"):
            assert not may(cluster, namespace, "batt-worker", verb), verb
        helm_here("uninstall", "batt", "-n", namespace, "--wait")


def may(cluster: Cluster, namespace: str, account: str, act: str, elsewhere: str = "") -> bool:
    """Return whether a service account of the namespace may do something there, as `get pods`."""
    user = f"--as=system:serviceaccount:{namespace}:{account}"
    verb, resource = act.split()
    resource, _, part = resource.partition("/")
    parts = [f"--subresource={part}"] if part else []
    done = cluster.try_kubectl("auth", "can-i", verb, resource, *parts, user, "-n", elsewhere or namespace)
    assert done.stdout.strip() in {"yes", "no"}, done.stderr
    return done.stdout.strip() == "yes"

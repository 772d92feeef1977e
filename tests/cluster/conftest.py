"""Fixtures of the cluster tests: one control plane with fake nodes a session, a node when a test asks for it.

BATT_TEST_KUBECONFIG=FILE uses the cluster that FILE names instead of starting one; tests that need fake nodes or the
audit log skip there. Tests whose pods run our images then ask for BATT_TEST_WORKER_IMAGE, BATT_TEST_OPERATOR_IMAGE,
BATT_TEST_HAL_IMAGE and BATT_TEST_SCORING_IMAGE, references that the cluster can pull (or has: `kind load`), and those
with a bucket for BATT_TEST_HOST, the address of this machine as pods see it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from _pytest.capture import CaptureManager

from tests.cluster.client import KUBECTL_SECONDS, Cluster
from tests.cluster.controlplane import ControlPlane
from tests.cluster.fakenodes import HELD, PENDING, FakeNodes
from tests.cluster.node import Node, what_is_missing
from tests.cluster.operating import Operator
from tests.cluster.values import IDENTITY, install_values
from tests.gcs import gcs_server, make_bucket
from tests.gotools import tool_or_skip
from tests.images import project_image

Helm = Callable[..., str]
"""Runs helm with the arguments given against a cluster; returns what it printed; it must succeed."""


class ProgressHandler(logging.Handler):
    """Prints records at once, past pytest's capture: a first build takes minutes and must not look like a hang."""

    def __init__(self, capture: CaptureManager) -> None:
        super().__init__(logging.WARNING)
        self.capture = capture

    def emit(self, record: logging.LogRecord) -> None:
        with self.capture.global_and_fixture_disabled():
            print(f"\n{record.getMessage()}", file=sys.stderr, flush=True)


@pytest.fixture(scope="session", autouse=True)
def progress(pytestconfig: pytest.Config) -> Iterator[None]:
    """Shows what modules under tests/ log while they build and start things."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    handler = ProgressHandler(capture)
    logging.getLogger("tests").addHandler(handler)
    yield
    logging.getLogger("tests").removeHandler(handler)


@pytest.fixture(scope="session")
def existing_cluster() -> Cluster | None:
    """The cluster of BATT_TEST_KUBECONFIG, None where the tests start their own."""
    kubeconfig = os.environ.get("BATT_TEST_KUBECONFIG")
    if not kubeconfig:
        return None
    kubectl = shutil.which("kubectl")
    command = (kubectl,) if kubectl else (str(tool_or_skip("kubebox")), "kubectl")
    return Cluster(Path(kubeconfig).resolve(), command)


@pytest.fixture(scope="session")
def own_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane started for this session."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def fake_nodes(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> FakeNodes:
    """Three fake nodes without labels on the session's control plane; a test may add its own, with labels."""
    if existing_cluster:
        pytest.skip("fake nodes are for the tests' own cluster: run without BATT_TEST_KUBECONFIG")
    nodes = FakeNodes(request.getfixturevalue("own_control_plane"))
    nodes.add(3)
    return nodes


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> Cluster:
    """The cluster of the session: the API server is real; the pods are fake but on an existing cluster."""
    if existing_cluster:
        return existing_cluster
    nodes: FakeNodes = request.getfixturevalue("fake_nodes")
    return nodes.cluster


@pytest.fixture
def namespace(control_plane: Cluster) -> Iterator[str]:
    """A fresh namespace, where pods of Jobs succeed by themselves."""
    with control_plane.namespace() as name:
        yield name


@pytest.fixture
def held_namespace(control_plane: Cluster, fake_nodes: FakeNodes) -> Iterator[str]:
    """A fresh namespace, where pods of Jobs run until `fake_nodes.finish_pod`."""
    with control_plane.namespace(HELD) as name:
        yield name


@pytest.fixture
def pending_namespace(control_plane: Cluster, fake_nodes: FakeNodes) -> Iterator[str]:
    """A fresh namespace, where pods of Jobs stay Pending until `fake_nodes.start_pod` or `finish_pod`."""
    with control_plane.namespace(PENDING) as name:
        yield name


@pytest.fixture(scope="session")
def node(existing_cluster: Cluster | None) -> Iterator[Node]:
    """A cluster of its own with one real node: containers run, from images that `node.load` gives it. Needs root."""
    if existing_cluster:
        pytest.skip("images are loaded into the tests' own node: run without BATT_TEST_KUBECONFIG")
    if missing := what_is_missing():
        pytest.skip(missing)
    with Node() as started:
        yield started


@pytest.fixture(scope="session")
def node_cluster(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> Cluster:
    """A cluster whose pods run: that of the real node, or the existing one."""
    if existing_cluster:
        return existing_cluster
    node: Node = request.getfixturevalue("node")
    return node.cluster


@pytest.fixture(scope="session")
def worker_image(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> str:
    """Reference of the worker's image as the tree is now, which pods of `node_cluster` can run."""
    return image_on_node("worker", request, existing_cluster)


@pytest.fixture(scope="session")
def operator_image(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> str:
    """Reference of the operator's image as the tree is now, which pods of `node_cluster` can run."""
    return image_on_node("operator", request, existing_cluster)


@pytest.fixture(scope="session")
def hal_images(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> dict[str, str]:
    """References of the images of HAL runs as the tree is now, by their names in the chart's values."""
    names = {"agent": "hal", "scoring": "scoring"}
    return {value: image_on_node(name, request, existing_cluster) for value, name in names.items()}


def image_on_node(name: str, request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> str:
    """Return the reference of one of our images on the cluster whose pods run."""
    if existing_cluster:
        return setting_or_skip(f"BATT_TEST_{name.upper()}_IMAGE")
    node: Node = request.getfixturevalue("node")
    return node.load(project_image(name))


def setting_or_skip(name: str) -> str:
    """Return an environment variable that a test on an existing cluster needs."""
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"on an existing cluster this needs {name}: see tests/cluster/conftest.py")
    return value


@pytest.fixture
def restricted_namespace(node_cluster: Cluster) -> Iterator[str]:
    """A fresh namespace on the real node, which enforces the `restricted` Pod Security Standard."""
    with node_cluster.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"}) as name:
        yield name


class Bucket(NamedTuple):
    """A bucket that tests and pods reach: its URI, and what STORAGE_EMULATOR_HOST must be to find it."""

    uri: str
    server: str


@pytest.fixture(scope="session")
def node_host(request: pytest.FixtureRequest, existing_cluster: Cluster | None) -> str:
    """Address of this machine as pods of `node_cluster` see it."""
    if existing_cluster:
        return setting_or_skip("BATT_TEST_HOST")
    node: Node = request.getfixturevalue("node")
    return node.network.host


@pytest.fixture(scope="session")
def node_gcs(node_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a fake-gcs-server that pods of `node_cluster` reach, and the tests too."""
    with gcs_server(tmp_path_factory.mktemp("node-gcs") / "server.log", node_host) as address:
        yield address


class Packages(NamedTuple):
    """A folder of wheels, and the URL of the page that lists them for pods."""

    folder: Path
    url: str


@pytest.fixture(scope="session")
def packages(node_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packages]:
    """Where the plans of runs on `node_cluster` install agents' requirements from; empty at first."""
    folder = tmp_path_factory.mktemp("packages")

    class Handler(SimpleHTTPRequestHandler):
        """Lists the folder and hands out what is in it, silently."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # its name there
            """Say nothing."""

    with ThreadingHTTPServer((node_host, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Packages(folder, f"http://{node_host}:{server.server_port}/")
        server.shutdown()


@pytest.fixture
def node_bucket(node_gcs: str) -> Bucket:
    """A fresh, empty bucket that pods of the real node reach."""
    name = f"bucket-{uuid.uuid4().hex}"
    make_bucket(node_gcs, name)
    return Bucket(f"gs://{name}", node_gcs)


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Cluster], Helm]:
    """Gives, for a cluster, a function that runs helm there: `helm(cluster)("install", ...)`."""
    home = tmp_path_factory.mktemp("helm")
    program = tool_or_skip("helm")

    def for_cluster(cluster: Cluster) -> Helm:
        # Helm keeps repositories and plugins in folders of the user: a test must not see or change those.
        env = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [program, *arguments], env=env, capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS
            )
            assert done.returncode == 0, f"helm {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
            return done.stdout

        return run

    return for_cluster


@pytest.fixture(scope="session")
def installed_operator(
    control_plane: Cluster, helm: Callable[[Cluster], Helm], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """The operator of the session: looks after all namespaces of the control plane, under the chart's ClusterRole.

    At the end, the API server must have refused it nothing, and it must have logged no error.
    """
    with control_plane.namespace() as namespace:
        helm(control_plane)(
            "install", "batt", "charts/batt", "-n", namespace, "--set", "watch.allNamespaces=true",
            "--set", "results=gs://bucket/runs", "--set", "worker.serviceAccount.create=false",
            "--set", "worker.serviceAccount.name=default", "--set", "agents.enabled=true",
        )  # fmt: skip
        operator = Operator(control_plane, namespace, "batt", tmp_path_factory.mktemp("operator"))
        since = control_plane.audit.position()
        operator.start()
        yield operator
        operator.stop()
        assert control_plane.audit.forbidden(since=since, user=operator.user) == []
        assert [line for line in operator.log() if line["level"] == "error"] == []


@pytest.fixture
def operator(installed_operator: Operator) -> Operator:
    """The operator of the session, running and healthy."""
    if not installed_operator.is_healthy():
        installed_operator.start()
    return installed_operator


class Installed(NamedTuple):
    """batt, installed by Helm on the cluster whose pods run, in a namespace that enforces `restricted`."""

    cluster: Cluster
    namespace: str
    store: str
    server: str

    def find_logs(self) -> str:
        """Return what tells why pods do not run as they should."""
        described = self.cluster.kubectl("describe", "pods", "-n", self.namespace)
        chosen = ("logs", "-n", self.namespace, "-l", "app.kubernetes.io/name=batt", "--tail=50")
        return f"{described}\n{self.cluster.try_kubectl(*chosen).stdout}"


@pytest.fixture(scope="session")
def installed(
    node_cluster: Cluster,
    helm: Callable[[Cluster], Helm],
    worker_image: str,
    operator_image: str,
    hal_images: dict[str, str],
    node_gcs: str,
    packages: Packages,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installed]:
    """The chart as a user installs it: with a store, and with smaller pods than the default. Once a session."""
    bucket = f"bucket-{uuid.uuid4().hex}"
    make_bucket(node_gcs, bucket)
    images = {"worker": worker_image, "operator": operator_image, **hal_images}
    values = install_values(images, f"gs://{bucket}/runs", node_gcs, packages.url)
    file = tmp_path_factory.mktemp("install") / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    with node_cluster.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"}) as namespace:
        here = Installed(node_cluster, namespace, f"gs://{bucket}/runs", node_gcs)
        metadata = {"name": IDENTITY, "namespace": namespace}
        credentials = {"credentials.json": json.dumps({"type": "external_account"})}
        node_cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": credentials})
        run = helm(node_cluster)
        try:
            run("install", "batt", "charts/batt", "-n", namespace, "-f", str(file), "--wait", "--timeout", "2m")
        except AssertionError:
            print(here.find_logs())
            raise
        yield here
        run("uninstall", "batt", "-n", namespace, "--wait")

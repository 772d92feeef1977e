"""Every documented command on a cluster runs, as it stands, on the tests' own node; INSTEAD names the exceptions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from batt import __version__
from tests.cluster.client import Cluster
from tests.cluster.daemons import wait_until
from tests.cluster.fresh import remove_crd
from tests.cluster.node import Node
from tests.documents import CLUSTERS, READING, ROOT, commands
from tests.gcs import free_port, make_bucket
from tests.gotools import tool_or_skip
from tests.images import project_image, scratch_image

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node]

SESSION_SECONDS = 900
"""Longest time for all commands about one kind of cluster; about a minute on an idle machine."""

NAMESPACE = "batt"
"""The namespace that the documents install into."""

REGISTRY = "europe-west4-docker.pkg.dev/my-project/batt"
"""Where the documents push images to."""

BUCKET = "my-project-batt"
"""The bucket that the documents make on Google Cloud."""


class Instead(NamedTuple):
    """What a machine without Docker, kind and Google Cloud does in place of a line.

    line: a pattern of the whole line.
    text: what is run in its place; empty: nothing.
    """

    line: str
    text: str
    reason: str


INSTEAD = (
    Instead(r"kind (create|delete) cluster.*", "", "the tests' own node is the cluster"),
    Instead(r"docker build .*", "", "tests/images.py builds the same Dockerfiles, on a base made here"),
    Instead(r"kind load .*", "", "the node has the images under these names"),
    Instead(r"docker push .*", "", "no registry: the node has the images under these names"),
    Instead(r".*\bgcloud .*", "", "needs a project of Google Cloud"),
    Instead(r"source \.venv/bin/activate", "", "the tests' own environment is on the PATH"),
    Instead(r"(kubectl get .*) -w", r"\1", "goes on until Ctrl-C: one look will do"),
    Instead(r"(helm install .* results=gs://.*)", r"\1 -f machine.yaml", "a small machine, and no Cloud Storage"),
)
"""Lines that do not run as they stand: nothing else is skipped or changed but the port of this machine."""

LOCAL_PORTS = ("4443", "8080")
"""Ports of this machine that documents forward; here any that are free."""


@pytest.fixture(scope="module")
def images(node: Node) -> None:
    """The images on the node under the names that `kind load` and a registry would give them."""
    server = scratch_image("gcs", {"/bin/fake-gcs-server": tool_or_skip("fake-gcs-server")}, ("/bin/fake-gcs-server",))
    retag(node, node.load(server), gcs_image())
    for name in ("worker", "operator"):
        reference = node.load(project_image(name))
        for path in ("docker.io/library", REGISTRY):
            retag(node, reference, f"{path}/batt-{name}:{__version__}")


def retag(node: Node, reference: str, name: str) -> None:
    """Give an image on the node a further name."""
    command = ["ctr", "--address", f"{node.folder}/containerd.sock", "--namespace", "k8s.io"]
    subprocess.run([*command, "images", "tag", "--force", reference, name], check=True, capture_output=True)


def gcs_image() -> str:
    """Return the image of the bucket's stand-in, as containerd calls it."""
    manifests = yaml.safe_load_all((ROOT / "examples" / "kind" / "gcs.yaml").read_text())
    [deployment] = [each for each in manifests if each["kind"] == "Deployment"]
    return f"docker.io/{deployment['spec']['template']['spec']['containers'][0]['image']}"


@pytest.fixture
def newcomer(node_cluster: Cluster, images: None, tmp_path: Path) -> Iterator[Path]:
    """A folder like a checkout, for a cluster that has never seen batt; what is left there goes at the end."""
    for name in ("charts", "crds", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "kubeconfig").write_text(node_cluster.kubeconfig.read_text())  # the documents change its namespace
    make_programs(node_cluster, tmp_path / "bin")
    remove_crd(node_cluster)
    yield tmp_path
    remove_crd(node_cluster)
    path = f"/api/v1/namespaces/{NAMESPACE}"
    if node_cluster.find(path):
        node_cluster.delete(path)
        wait_until("the namespace's end", lambda: node_cluster.find(path) is None, seconds=120)


def make_programs(cluster: Cluster, folder: Path) -> None:
    """Put what the documents call on a PATH: kubectl, helm, batt and its plugin for kubectl."""
    folder.mkdir()
    kubectl = folder / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nexec {" ".join(map(str, cluster.kubectl_command))} "$@"\n')
    kubectl.chmod(0o755)
    (folder / "helm").symlink_to(tool_or_skip("helm"))
    for name in ("batt", "kubectl-batt"):
        (folder / name).symlink_to(Path(sys.executable).parent / name)


def as_run(text: str) -> str:
    """Return the commands as they run here; print what is left out or changed, and why."""
    lines = []
    for line in text.replace("\\\n", " ").splitlines():
        found = next((each for each in INSTEAD if re.fullmatch(each.line, line.strip())), None)
        if found is None:
            lines.append(line)
            continue
        other = re.sub(found.line, found.text, line.strip())
        print(f"{'replaced' if other else 'skipped'}: {line.strip()}\n  because: {found.reason}")
        lines.append(other)
    script = "\n".join(lines)
    for port in LOCAL_PORTS:
        script = re.sub(rf"\b{port}(?=:{port}\b)|(?<=localhost:){port}\b", str(free_port()), script)
    return script


def read_along(where: str, folder: Path, **environment: str) -> None:
    """Run the commands of all documents for one kind of cluster, as one shell session."""
    text = "\n".join(commands(document, where) for document in READING)
    script = f"trap 'jobs -p | xargs -r kill' EXIT\n{as_run(text)}\n"
    log = folder / "session.log"
    env = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "KUBECONFIG": str(folder / "kubeconfig"),
        "HELM_CACHE_HOME": str(folder / "helm"),
        "HELM_CONFIG_HOME": str(folder / "helm"),
        "HELM_DATA_HOME": str(folder / "helm"),
        **environment,
    }
    with log.open("w") as out:
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", script],
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=SESSION_SECONDS, check=False,
        )  # fmt: skip
    print(log.read_text())
    assert done.returncode == 0


def machine_values(server: str) -> dict[str, Any]:
    """Return values of the chart for a small machine without Cloud Storage, whatever else the documents set."""
    kind: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "kind" / "values.yaml").read_text())
    return {
        "worker": {"env": [{"name": "STORAGE_EMULATOR_HOST", "value": server}]},
        "pools": {"cpu": {"resources": kind["pools"]["cpu"]["resources"]}},
    }


def test_every_exception_is_needed() -> None:
    text = "\n".join(commands(document, where) for document in READING for where in CLUSTERS)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]

    assert [each.line for each in INSTEAD if not any(re.fullmatch(each.line, line) for line in lines)] == []


@pytest.mark.full
def test_a_reader_with_kind_gets_from_install_to_results_and_back(newcomer: Path) -> None:
    read_along("kind", newcomer)

    results = json.loads((newcomer / "arc-training" / "results.json").read_text())
    assert (results["score"]["solved"], results["score"]["tasks"]) == (114, 400)


@pytest.mark.full
def test_a_reader_with_gke_gets_from_install_to_results(newcomer: Path, node_gcs: str) -> None:
    make_bucket(node_gcs, BUCKET)
    (newcomer / "machine.yaml").write_text(yaml.safe_dump(machine_values(node_gcs)))

    read_along("gke", newcomer, STORAGE_EMULATOR_HOST=node_gcs)

    results = json.loads((newcomer / "arc-training" / "results.json").read_text())
    assert (results["score"]["solved"], results["score"]["tasks"]) == (114, 400)

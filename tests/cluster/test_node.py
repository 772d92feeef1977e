"""The tests' own node runs real containers under the rules that a run's pods must meet."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.client import Cluster, Json
from tests.cluster.conftest import Bucket
from tests.cluster.daemons import wait_until
from tests.cluster.leftovers import commands, own, pods_processes, sweep
from tests.cluster.node import Node
from tests.images import base_image

pytestmark = pytest.mark.timeout(3600)  # the first run builds Kubernetes and a base image

WRITE_OBJECT = """
import os, urllib.request
url = os.environ["STORAGE_EMULATOR_HOST"] + "/upload/storage/v1/b/" + os.environ["BUCKET"] + "/o?uploadType=media&name="
index = os.environ["JOB_COMPLETION_INDEX"]
urllib.request.urlopen(urllib.request.Request(url + index, data=b"from pod " + index.encode(), method="POST"))
print("index", index, "wrote as user", os.getuid())
"""
"""What each pod of the test runs: Python without packages, as the base image has it."""


@pytest.fixture(scope="module")
def python(node: Node) -> str:
    """The reference of an image with Python, on the node."""
    return node.load(base_image())


def restricted_pod(image: str, command: list[str], env: Mapping[str, str]) -> Json:
    """Return a pod's spec that the `restricted` Pod Security Standard admits."""
    container = {
        "name": "worker",
        "image": image,
        "command": command,
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }


def indexed_job(completions: int, pod: Json) -> Json:
    """Return an Indexed Job of such pods, with the options of the operator's Jobs."""
    rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [70]}}]
    return {
        "metadata": {"name": "work"},
        "spec": {
            "completionMode": "Indexed",
            "completions": completions,
            "parallelism": completions,
            "backoffLimitPerIndex": 0,
            "podFailurePolicy": {"rules": rules},
            "template": {"spec": pod},
        },
    }


def has_ended(cluster: Cluster, pod: str) -> bool:
    """Return whether the pod at a path has ended."""
    return cluster.get(pod)["status"]["phase"] in {"Succeeded", "Failed"}


def test_restricted_pods_run_write_to_the_bucket_and_log(
    node_cluster: Cluster, restricted_namespace: str, node_bucket: Bucket, python: str
) -> None:
    jobs = f"/apis/batch/v1/namespaces/{restricted_namespace}/jobs"

    env = {"STORAGE_EMULATOR_HOST": node_bucket.server, "BUCKET": node_bucket.uri.removeprefix("gs://")}

    node_cluster.post(jobs, indexed_job(4, restricted_pod(python, ["python3", "-c", WRITE_OBJECT], env)))

    wait_until("the Job's end", lambda: node_cluster.get(f"{jobs}/work")["status"].get("conditions"), seconds=120)
    status = node_cluster.get(f"{jobs}/work")["status"]
    assert (status.get("completedIndexes"), status.get("failedIndexes") or None) == ("0-3", None)
    said = node_cluster.kubectl("logs", "-n", restricted_namespace, "-l", "batch.kubernetes.io/job-name=work")
    assert {f"index {index} wrote as user 10001" for index in range(4)} == set(said.splitlines())
    listing = f"{node_bucket.server}/storage/v1/b/{node_bucket.uri.removeprefix('gs://')}/o"
    with urllib.request.urlopen(listing) as answer:
        assert sorted(each["name"] for each in json.load(answer)["items"]) == ["0", "1", "2", "3"]


def test_a_pod_that_breaks_the_standard_is_refused(
    node_cluster: Cluster, restricted_namespace: str, python: str
) -> None:
    done = node_cluster.try_kubectl("run", "root", f"--image={python}", "-n", restricted_namespace)

    assert "violates PodSecurity" in done.stderr


@pytest.mark.parametrize(
    ("image", "module"), [("worker_image", "batt"), ("operator_image", "batt_operator"), ("operator_image", "kopf")]
)
def test_our_images_run_without_root_and_without_pip(
    node_cluster: Cluster, restricted_namespace: str, request: pytest.FixtureRequest, image: str, module: str
) -> None:
    script = f"import importlib.util, os, {module}; print(os.getuid(), importlib.util.find_spec('pip'))"
    pods = f"/api/v1/namespaces/{restricted_namespace}/pods"
    pod = restricted_pod(request.getfixturevalue(image), ["python", "-c", script], {})

    node_cluster.post(pods, {"metadata": {"name": "imports"}, "spec": pod})

    wait_until("the pod's end", lambda: has_ended(node_cluster, f"{pods}/imports"))
    assert node_cluster.kubectl("logs", "-n", restricted_namespace, "imports") == "10001 None\n"


def test_a_pod_reaches_the_api_server_with_its_token(node_cluster: Cluster, python: str) -> None:
    script = (
        "import ssl, urllib.request; folder = '/var/run/secrets/kubernetes.io/serviceaccount/'\n"
        "trust = ssl.create_default_context(cafile=folder + 'ca.crt')\n"
        "headers = {'Authorization': 'Bearer ' + open(folder + 'token').read()}\n"
        "request = urllib.request.Request('https://10.96.0.1/version', headers=headers)\n"
        "print(urllib.request.urlopen(request, context=trust, timeout=30).read().decode())\n"
    )
    with node_cluster.namespace() as namespace:
        container = {"name": "worker", "image": python, "command": ["python3", "-c", script]}
        pods = f"/api/v1/namespaces/{namespace}/pods"
        node_cluster.post(
            pods, {"metadata": {"name": "asks"}, "spec": {"restartPolicy": "Never", "containers": [container]}}
        )

        wait_until("the pod's end", lambda: has_ended(node_cluster, f"{pods}/asks"))

        assert '"gitVersion": "v1.35' in node_cluster.kubectl("logs", "-n", namespace, "asks")


@pytest.fixture
def killed_node(tmp_path: Path) -> Path:
    """The folder of a node whose owner was killed while a pod ran."""
    script = (
        "import sys; from tests.cluster.node import Node; from tests.images import base_image\n"
        "with Node() as node:\n"
        "    image = node.load(base_image())\n"
        "    node.cluster.kubectl('wait', '--for=create', 'serviceaccount/default', '--timeout=60s')\n"
        "    node.cluster.kubectl('run', 'sleeper', f'--image={image}', '--command', '--', 'sleep', '1000')\n"
        "    node.cluster.kubectl('wait', '--for=condition=Ready', 'pod/sleeper', '--timeout=60s')\n"
        "    print(node.folder, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with (tmp_path / "stderr").open("w") as errors:
        owner = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert owner.stdout
    line = owner.stdout.readline()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert line, (tmp_path / "stderr").read_text()
    return Path(line.strip())


@pytest.mark.full
def test_what_a_killed_owner_leaves_is_cleared_by_the_next(node: Node, killed_node: Path) -> None:
    sleeping = pods_processes(killed_node.name)
    assert sleeping  # a container outlives its kubelet

    sweep()

    assert not killed_node.exists()
    assert [line for line in Path("/proc/mounts").read_text().splitlines() if killed_node.name in line] == []
    assert not Path("/run/netns", killed_node.name).exists()
    assert [pid for pid, _ in commands() if pid in sleeping] == []
    assert own(node.folder) is None  # ours is left alone

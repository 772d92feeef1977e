"""From nothing to results on a real node: Helm, kubectl, real pods, a bucket; the same file on the laptop path.

The namespace enforces the `restricted` Pod Security Standard.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from batt.results import without_timing
from batt.store import open_store
from tests.cluster.client import Cluster
from tests.cluster.conftest import Bucket, Helm
from tests.cluster.operating import condition, wait_phase
from tests.e2e.command import BATT, environment

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node]

ROOT = Path(__file__).parents[2]

POD_RESOURCES = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
"""What a pod asks for here: several fit on a small machine."""


class Installed(NamedTuple):
    """A cluster with batt installed."""

    cluster: Cluster
    namespace: str
    bucket: Bucket


def image_values(reference: str) -> dict[str, str]:
    """Return the chart's name and tag of an image."""
    name, _, tag = reference.rpartition(":")
    return {"name": name, "tag": tag}


@pytest.fixture
def installed(
    node_cluster: Cluster,
    helm: Callable[[Cluster], Helm],
    restricted_namespace: str,
    worker_image: str,
    operator_image: str,
    node_bucket: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installed]:
    """The chart, installed as a user would: with the store, and smaller pods than the default."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", node_bucket.server)
    values: dict[str, Any] = {
        "images": {"worker": image_values(worker_image), "operator": image_values(operator_image)},
        "results": f"{node_bucket.uri}/runs",
        "worker": {"env": [{"name": "STORAGE_EMULATOR_HOST", "value": node_bucket.server}]},
        "pools": {"cpu": {"resources": POD_RESOURCES, "price": {"perHour": 0.05, "dated": "2025-06-30"}}},
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    namespace = restricted_namespace
    chart = str(ROOT / "charts/batt")
    try:
        helm(node_cluster)("install", "batt", chart, "-n", namespace, "-f", str(file), "--wait", "--timeout", "2m")
    except AssertionError:
        print(what_is_there(node_cluster, namespace))
        raise
    yield Installed(node_cluster, namespace, node_bucket)
    helm(node_cluster)("uninstall", "batt", "-n", namespace, "--wait")


def what_is_there(cluster: Cluster, namespace: str) -> str:
    """Return what tells why pods of a namespace do not run."""
    described = cluster.kubectl("describe", "pods", "-n", namespace)
    logs = cluster.try_kubectl("logs", "-n", namespace, "-l", "app.kubernetes.io/name=batt", "--tail=50").stdout
    return f"{described}\n{logs}"


def laptop_results(file: Path, folder: Path) -> Any:  # results.json
    """Return what `batt run` says of the same file."""
    command: list[str] = [*BATT, "run", str(file), "--results", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    return json.loads(Path(json.loads(done.stdout.splitlines()[-1])["results"]).read_text())


def cluster_results(installed: Installed, status: dict[str, Any]) -> Any:  # results.json
    """Return the results that a run's status points at."""
    store = open_store(status["results"], Path())
    return json.loads(store.read("out/1/results.json"))


def test_apply_gives_what_the_laptop_gives(installed: Installed, tmp_path: Path) -> None:
    cluster, namespace, _ = installed
    example = ROOT / "examples" / "arc-training.yaml"

    cluster.kubectl("apply", "-n", namespace, "-f", str(example))
    status = wait_phase(cluster, namespace, "arc-training", "Complete", seconds=300)

    assert without_timing(cluster_results(installed, status)) == without_timing(
        laptop_results(example, tmp_path / "laptop")
    )
    assert condition(status, "Complete")["reason"] == "AllShardsDone"
    assert status["score"] == "114/400"
    assert status["cost"]["actual"] > 0
    assert {phase["name"] for phase in status["phases"]} >= {"run_batt.phase3a_validate_batch"}
    for pod in cluster.items(f"/api/v1/namespaces/{namespace}/pods"):
        if pod["metadata"]["labels"].get("batt.dev/run"):
            assert all("token" not in volume["name"] for volume in pod["spec"]["volumes"])

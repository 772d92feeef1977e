"""From nothing to results on a real node: Helm, kubectl, real pods, a bucket; the same file on the laptop path.

The namespace enforces the `restricted` Pod Security Standard.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.results import without_timing
from batt.store import open_store
from tests.cluster.client import Cluster
from tests.cluster.commanding import User
from tests.cluster.conftest import Installed
from tests.cluster.daemons import wait_until
from tests.cluster.operating import (
    JOBS,
    RUNS,
    condition,
    run_object,
    status_of,
    wait_phase,
    wait_status,
)
from tests.e2e.command import BATT, environment
from tests.runs import ENDLESS

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node]

ROOT = Path(__file__).parents[2]

EXAMPLES = ROOT / "examples"

TASKS = ["67a3c6ac", "68b16354", "74dd1130", "3c9b0459"]


@pytest.fixture
def here(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """batt installed, its bucket within reach of the test too."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", installed.server)
    return installed


def laptop_results(file: Path, folder: Path) -> Any:  # results.json
    """Return what `batt run` says of the same file."""
    command = [*BATT, "run", str(file), "--results", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    return json.loads(Path(json.loads(done.stdout.splitlines()[-1])["results"]).read_text())


def cluster_results(status: dict[str, Any]) -> Any:  # results.json
    """Return the results that a run's status points at."""
    return json.loads(open_store(status["results"], Path()).read("out/1/results.json"))


def pods_of(cluster: Cluster, namespace: str, run: str, stage: str) -> list[dict[str, Any]]:
    """Return the pods of a run's stage."""
    selector = f"batt.dev/run%3D{run},batt.dev/stage%3D{stage}"
    return cluster.items(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")


def test_apply_gives_what_the_laptop_gives(here: Installed, tmp_path: Path) -> None:
    cluster, namespace = here.cluster, here.namespace
    example = EXAMPLES / "arc-training.yaml"

    cluster.kubectl("apply", "-n", namespace, "-f", str(example))
    status = wait_phase(cluster, namespace, "arc-training", "Complete", seconds=300)

    assert without_timing(cluster_results(status)) == without_timing(laptop_results(example, tmp_path / "laptop"))
    assert condition(status, "Complete")["reason"] == "AllShardsDone"
    assert status["score"] == "114/400"
    assert status["cost"]["actual"] > 0
    assert {phase["name"] for phase in status["phases"]} >= {"run_batt.phase3a_validate_batch"}


def test_pods_of_runs_have_no_token(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace
    cluster.apply(run_object("tokenless", namespace, cache=False))
    wait_phase(cluster, namespace, "tokenless", "Complete", seconds=180)

    pods = [pod for stage in ("plan", "work", "collect") for pod in pods_of(cluster, namespace, "tokenless", stage)]

    assert len(pods) >= 3
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["run", "tmp"]


def test_submit_uploads_what_lies_here_and_results_come_home(here: Installed, tmp_path: Path) -> None:
    user = User(here.cluster, here.namespace, tmp_path)
    file = EXAMPLES / "hand-written.yaml"

    submitted = user.batt("submit", file, "--upload-to", here.store, "--watch")
    fetched = user.batt("results", "hand-written", "-o", tmp_path / "home")
    [results] = (tmp_path / "home").rglob("results.json")

    assert (submitted.code, fetched.code) == (0, 0), submitted.told + fetched.told
    expected = laptop_results(file, tmp_path / "laptop")
    got = json.loads(results.read_text())
    assert without_timing(got["tasks"]) == without_timing(expected["tasks"])
    assert without_timing(got["totals"]) == without_timing(expected["totals"])


@pytest.mark.full
def test_a_run_over_several_pods_gives_the_same(here: Installed, tmp_path: Path) -> None:
    cluster, namespace = here.cluster, here.namespace
    one = run_object("whole", namespace, tasks=TASKS)
    many = run_object("parted", namespace, {"maxConcurrency": 2}, tasks=TASKS, shards=4, cache=False)
    file = tmp_path / "whole.yaml"
    file.write_text(yaml.safe_dump(one))

    cluster.apply(many)
    status = wait_phase(cluster, namespace, "parted", "Complete", seconds=240)

    got, expected = cluster_results(status), laptop_results(file, tmp_path / "laptop")
    assert without_timing(got["tasks"]) == without_timing(expected["tasks"])
    assert status["progress"] == "4/4"


def test_a_plan_that_cannot_be_made_says_every_fault(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace
    run = run_object("wrong", namespace, tasks=["67a3c6ac", "nonesuch", "another"])

    cluster.apply(run)
    status = wait_phase(cluster, namespace, "wrong", "Failed", seconds=120)

    assert condition(status, "Failed")["reason"] == "PlanRejected"
    assert "nonesuch" in status["message"]
    assert "another" in status["message"]


def test_a_bucket_that_does_not_exist_is_named(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace

    cluster.apply(run_object("bucketless", namespace, {"results": "gs://no-such-bucket-here/runs"}))
    status = wait_phase(cluster, namespace, "bucketless", "Failed", seconds=120)

    assert condition(status, "Failed")["reason"] == "ConfigError"
    assert "no-such-bucket-here" in status["message"]


def slow_run(folder: Path, name: str, spec: dict[str, Any], shards: int, candidates: int) -> Path:
    """Write a run whose candidates each use up their second of CPU; return its file."""
    solvers = folder / "solvers"
    solvers.mkdir()
    for number in range(candidates):
        text = ENDLESS.replace("rot90", ("rot90", "rot180", "rot270", "hmirror", "vmirror")[number % 5])
        (solvers / f"solve_67a3c6ac_{number}.py").write_text(text + f"# {number}\n")
    run = run_object(name, "default", spec, candidates="solvers", tasks=["67a3c6ac"], shards=shards, cache=False)
    del run["metadata"]["namespace"]
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(run))
    return file


@pytest.mark.full
def test_pods_that_are_told_to_stop_cost_no_retry_and_lose_nothing(here: Installed, tmp_path: Path) -> None:
    """A drain: the pod gets SIGTERM, stores what it knows and ends with 75; its successor goes on there."""
    cluster, namespace = here.cluster, here.namespace
    file = slow_run(tmp_path, "drained", {"retries": {"perShard": 0}}, shards=1, candidates=5)
    user = User(cluster, namespace, tmp_path)
    user.finish("submit", file, "--upload-to", here.store)
    [pod] = wait_until("a working pod", lambda: ready_pods(cluster, namespace, "drained"), seconds=120)

    cluster.kubectl("delete", "pod", pod, "-n", namespace, "--wait=false")
    status = wait_phase(cluster, namespace, "drained", "Complete", seconds=240)

    assert condition(status, "Complete")["reason"] == "AllShardsDone"
    assert cluster_results(status)["totals"]["verdicts"] == {"timeout": 5}


def ready_pods(cluster: Cluster, namespace: str, run: str) -> list[str]:
    """Return the names of a run's pods whose worker has been running for a moment."""
    pods = pods_of(cluster, namespace, run, "work")
    return [pod["metadata"]["name"] for pod in pods if is_ready(pod)]


def is_ready(pod: dict[str, Any]) -> bool:
    """Return whether a pod's containers run."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


@pytest.mark.full
def test_suspending_real_pods_that_are_pulling_or_waiting_fails_no_shard(here: Installed) -> None:
    """Five times each: while the image is not there, and while no node is large enough."""
    cluster, namespace = here.cluster, here.namespace
    spec = {"retries": {"perShard": 0, "failedShards": 0}}
    cluster.apply(run_object("waiting", namespace, spec | {"pool": "huge"}, cache=False))
    wait_phase(cluster, namespace, "waiting", "Running", seconds=120)

    for _ in range(5):
        wait_until("a pod", lambda: pods_of(cluster, namespace, "waiting", "work"), seconds=60)
        set_suspend(cluster, namespace, "waiting", value=True)
        wait_phase(cluster, namespace, "waiting", "Suspended")
        wait_until("no active pod", lambda: is_idle(cluster, namespace, "waiting-work"), seconds=120)
        set_suspend(cluster, namespace, "waiting", value=False)
        wait_phase(cluster, namespace, "waiting", "Running")
    status = wait_status(cluster, namespace, "waiting", lambda one: condition(one, "Stalled") != {}, "Stalled")

    assert status["shards"].get("failed", 0) == 0
    assert condition(status, "Stalled")["reason"] == "Unschedulable"


def set_suspend(cluster: Cluster, namespace: str, name: str, *, value: bool) -> None:
    """Suspend or resume a run."""
    cluster.patch(f"{RUNS.format(namespace)}/{name}", {"spec": {"suspend": value}})


def is_idle(cluster: Cluster, namespace: str, job: str) -> bool:
    """Return whether no pod of a Job is there or on its way out."""
    status = (cluster.find(f"{JOBS.format(namespace)}/{job}") or {}).get("status", {})
    return not status.get("active") and not status.get("terminating")


@pytest.mark.full
def test_a_run_survives_whatever_is_killed(here: Installed, tmp_path: Path) -> None:
    """Workers, with and without a warning, and the operator, again and again: nothing is lost or counted twice."""
    cluster, namespace = here.cluster, here.namespace
    file = slow_run(tmp_path, "beaten", {"retries": {"perShard": 20}}, shards=4, candidates=40)
    user = User(cluster, namespace, tmp_path)
    user.finish("submit", file, "--upload-to", here.store)
    kills: list[Callable[[], None]] = [
        lambda: delete_pods(cluster, namespace, "batt.dev/run=beaten", "--grace-period=0", "--force"),
        lambda: delete_pods(cluster, namespace, "batt.dev/run=beaten"),
        lambda: delete_pods(cluster, namespace, "app.kubernetes.io/component=operator", "--grace-period=0", "--force"),
    ]
    pause = threading.Event()

    for number in range(9):
        if status_of(cluster, namespace, "beaten").get("phase") in {"Complete", "Failed"}:
            break
        kills[number % len(kills)]()
        pause.wait(4)  # let it get somewhere
    status = wait_phase(cluster, namespace, "beaten", "Complete", seconds=900)

    results = cluster_results(status)
    assert results["totals"]["verdicts"] == {"timeout": 40}
    assert status["progress"] == "4/4"


def delete_pods(cluster: Cluster, namespace: str, selector: str, *flags: str) -> None:
    """Delete pods by their labels."""
    cluster.kubectl("delete", "pods", "-n", namespace, "-l", selector, "--wait=false", *flags)

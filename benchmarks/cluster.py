"""A run of many pods on a cluster, beside the bare Indexed Job that it makes: what the operator adds.

A real API server, Job controller and scheduler; fake nodes whose pods end 50 ms after their start. The plan's and
collect's pods are fake too: they end at once, with what they would say.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measure import Outcome, Scale, Way, compare, ratio
from benchmarks.processes import ROOT
from benchmarks.report import Report, Target
from tests.cluster.client import Cluster
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemons import wait_until
from tests.cluster.fakenodes import HOLD, FakeNodes
from tests.cluster.operating import JOBS, RUNS, Operator, collect_run, plan_run, run_object
from tests.gotools import ensure_tool

PODS = {Scale.TINY: 10, Scale.QUICK: 100, Scale.USUAL: 1000, Scale.FULL: 5000}
"""Pods of the work at each scale."""

ROUNDS = {Scale.TINY: 1, Scale.QUICK: 2, Scale.USUAL: 3, Scale.FULL: 2}
"""Rounds at each scale."""

MOST_WRITES = 15
"""Most API writes of the operator in a run, however many shards it has."""

LONGEST_SECONDS = 900.0
"""When a run or a Job counts as stuck."""

RUN, JOB = "a run: plan, work, collect", "the bare Indexed Job"

MIB = 2**20
"""Bytes in a mebibyte."""


class Bench(NamedTuple):
    """A cluster with an operator at work."""

    cluster: Cluster
    nodes: FakeNodes
    operator: Operator
    namespace: str


def measure(scale: Scale) -> Report:
    """Measure runs beside bare Jobs."""
    pods = PODS[scale]
    writes: list[int] = []
    with bench() as here:
        ways = [Way(RUN, lambda: whole_run(here, pods, writes)), Way(JOB, lambda: bare_job(here, pods))]
        found = compare(ways, ROUNDS[scale], "cluster")
        memory = peak_bytes(here.operator) / MIB
    times = ratio(found[RUN], found[JOB])
    rows = tuple((one.name, pods, one.least, one.median, pods / one.median) for one in found.values())
    return Report(
        "cluster",
        f"A run of {pods} pods on a cluster, beside a bare Indexed Job",
        ("way", "pods", "min s", "median s", "pods/s"),
        rows,
        (Target(f"at most {MOST_WRITES} API writes a run", str(max(writes)), max(writes) <= MOST_WRITES),),
        (
            f"A run takes {times:.2f}x the time of its bare Job; plan and collect are two Jobs more.",
            f"The operator's memory at its most: {memory:.0f} MiB (resident).",
            "Fake nodes (KWOK): pods end 50 ms after their start; API server, Job controller and scheduler are real.",
        ),
    )


@contextmanager
def bench() -> Iterator[Bench]:
    """Start a control plane, fake nodes and an operator under the chart's role."""
    with tempfile.TemporaryDirectory(prefix="batt-bench-") as folder, ControlPlane(Path(folder) / "cluster") as plane:
        nodes = FakeNodes(plane)
        nodes.add(5)
        with nodes.cluster.namespace() as namespace:
            install(nodes.cluster, namespace)
            held = {"annotations": {HOLD: "running"}}
            operator = Operator(
                nodes.cluster, namespace, "batt", Path(folder), pools={"cpu": {}, "held": held}, stagePool="held"
            )
            operator.start()
            try:
                yield Bench(nodes.cluster, nodes, operator, namespace)
            finally:
                operator.stop()


def install(cluster: Cluster, namespace: str) -> None:
    """Install the chart."""
    command = [
        str(ensure_tool("helm")), "install", "batt", str(ROOT / "charts" / "batt"), "-n", namespace,
        "--kubeconfig", str(cluster.kubeconfig), "--set", "results=gs://bucket/runs",
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Give a list that holds the seconds of what ran inside, once it has ended."""
    seconds: list[float] = []
    begin = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - begin)


def wait_done(cluster: Cluster, path: str) -> None:
    """Wait for a Job's end, which must be a good one."""

    def is_done() -> bool:
        conditions = (cluster.find(path) or {}).get("status", {}).get("conditions", ())
        ended = {one["type"] for one in conditions if one["status"] == "True"}
        if "Failed" in ended:
            raise RuntimeError(f"{path}: {conditions}")
        return "Complete" in ended

    wait_until(f"{path} done", is_done, seconds=LONGEST_SECONDS)


def wait_gone(cluster: Cluster, namespace: str) -> None:
    """Wait until the pods of Jobs are deleted: the next round must not share the API server with that."""
    selector = "?labelSelector=batch.kubernetes.io/job-name"
    path = f"/api/v1/namespaces/{namespace}/pods{selector}"
    wait_until("no pods", lambda: not cluster.items(path), seconds=LONGEST_SECONDS)


def peak_bytes(operator: Operator) -> int:
    """Return the most memory that the operator has had resident (proc(5), VmHWM)."""
    assert operator.daemon is not None
    status = Path(f"/proc/{operator.daemon.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def whole_run(here: Bench, pods: int, writes: list[int]) -> Outcome:
    """Apply a run and see it through; its writes are counted."""
    name, namespace = f"run-{len(writes)}", here.namespace
    path = f"{RUNS.format(namespace)}/{name}"
    since = here.cluster.audit.position()
    with stopwatch() as seconds:
        here.cluster.post(RUNS.format(namespace), run_object(name, namespace))
        plan_run(here.nodes, namespace, name, pods)
        wait_done(here.cluster, f"{JOBS.format(namespace)}/{name}-work")
        collect_run(here.nodes, namespace, name)
        wait_until(f"{name} Complete", lambda: here.cluster.get(path)["status"]["phase"] == "Complete")
    made = [one for one in here.cluster.audit.writes(here.operator.user, since) if one.resource != "leases"]
    writes.append(len(made))
    succeeded = here.cluster.get(f"{JOBS.format(namespace)}/{name}-work")["status"]["succeeded"]
    here.cluster.delete(path)
    wait_gone(here.cluster, namespace)
    return Outcome(succeeded, seconds[0], 0.0)


def bare_job(here: Bench, pods: int) -> Outcome:
    """Create a Job like the operator's, and see it through."""
    namespace = here.namespace
    container = {"name": "worker", "image": "worker:1", "command": ["true"]}
    job: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "bare", "namespace": namespace},
        "spec": {
            "completionMode": "Indexed",
            "completions": pods,
            "parallelism": pods,
            "backoffLimitPerIndex": 3,
            "maxFailedIndexes": 0,
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }
    path = f"{JOBS.format(namespace)}/bare"
    with stopwatch() as seconds:
        here.cluster.post(JOBS.format(namespace), job)
        wait_done(here.cluster, path)
    succeeded = here.cluster.get(path)["status"]["succeeded"]
    here.cluster.delete(path)
    wait_gone(here.cluster, namespace)
    return Outcome(succeeded, seconds[0], 0.0)

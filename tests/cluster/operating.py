"""The operator as a child process beside the tests' API server, with exactly the rights that the chart gives it.

The chart is installed for its role, service account and configuration; its Deployment's pod is a fake one.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from batt.message import CollectMessage, PlanMessage, encode
from batt.timing import PhaseStats
from tests.cluster.client import Cluster
from tests.cluster.daemons import Daemon, wait_until
from tests.cluster.fakenodes import FakeNodes
from tests.gcs import free_port

RUNS = "/apis/batt.dev/v1alpha1/namespaces/{}/benchmarkruns"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"

ENDED = ("Complete", "Failed", "Cancelled")


class Operator:
    """An operator that can be started, killed and started again."""

    def __init__(self, cluster: Cluster, namespace: str, release: str, folder: Path, **settings: Any) -> None:
        """Take the configuration that the chart has made, with some settings changed for tests.

        namespace, release: where the chart is installed, and what its objects are named after.
        """
        path = f"/api/v1/namespaces/{namespace}/configmaps/{release}-operator"
        config = yaml.safe_load(cluster.get(path)["data"]["config.yaml"])
        self.namespace = namespace
        self.port = free_port()
        config |= {"healthPort": self.port, "resyncSeconds": 5} | settings
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(config))
        self.user = f"system:serviceaccount:{namespace}:{release}-operator"
        self.account = cluster.as_service_account(namespace, f"{release}-operator", folder)
        self.folder = folder
        self.starts = 0
        self.daemon: Daemon | None = None

    def start(self, command: Sequence[str] = ("batt_operator",), kubeconfig: Path | None = None) -> None:
        """Start it, and wait until it says that it is healthy.

        command: the Python module that starts it, with its arguments.
        kubeconfig: by which it finds the API server, if not directly.
        """
        self.starts += 1
        found = str(kubeconfig or self.account.kubeconfig)
        env = {**os.environ, "KUBECONFIG": found, "BATT_CONFIG": str(self.config)}
        command = [sys.executable, "-m", *command]
        self.daemon = Daemon(f"operator-{self.starts}", command, self.folder, env=env)
        wait_until("operator healthy", self.is_healthy, seconds=60, daemons=[self.daemon])

    def kill(self) -> None:
        """End it at once, as a lost node does."""
        assert self.daemon is not None
        self.daemon.process.kill()
        self.daemon.process.wait()

    def stop(self) -> None:
        """Ask it to leave."""
        if self.daemon is not None:
            self.daemon.stop()

    def is_healthy(self) -> bool:
        """Return whether /healthz answers 200."""
        return self.health()[0] == 200

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return what /healthz answers; 0 where nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, {}

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of its logs."""
        texts = [path.read_text() for path in sorted(self.folder.glob("operator-*.log"))]
        return [json.loads(line) for text in texts for line in text.splitlines()]


class Gate:
    """A TCP relay to a server, which can be shut: connections end, and new ones are not taken."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.is_open = True
        self.connections: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.is_open:
                near.close()
                continue
            far = socket.create_connection(self.target)
            self.connections += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=relay, args=(source, sink), daemon=True).start()

    def shut(self) -> None:
        """Cut everything off."""
        self.is_open = False
        for connection in self.connections:
            with contextlib.suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def close(self) -> None:
        """Shut it for good."""
        self.shut()
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self.listener.close()

    def kubeconfig(self, original: Path, folder: Path) -> Path:
        """Return a kubeconfig that goes through the gate."""
        config = yaml.safe_load(original.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        path = folder / "gate.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path


def relay(source: socket.socket, sink: socket.socket) -> None:
    """Pass on bytes until either side ends."""
    with contextlib.suppress(OSError), source:  # the gate was shut
        while data := source.recv(2**16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def run_object(name: str, namespace: str, spec: Mapping[str, Any] | None = None, **solvers: Any) -> dict[str, Any]:
    """Return a small run; `spec` adds to its spec, keywords to spec.solvers."""
    small = {"dataset": "arc-agi-1/training", "tasks": ["67a3c6ac", "68b16354"], "candidates": "builtin:starter"}
    return {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"solvers": small | solvers} | dict(spec or {}),
    }


def run_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Return a run."""
    return cluster.get(f"{RUNS.format(namespace)}/{name}")


def status_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Return a run's status."""
    status: dict[str, Any] = run_of(cluster, namespace, name).get("status", {})
    return status


def wait_status(
    cluster: Cluster, namespace: str, name: str, is_so: Callable[[dict[str, Any]], bool], what: str, seconds: float = 90
) -> dict[str, Any]:
    """Return a run's status once `is_so` says yes."""
    last: dict[str, Any] = {}

    def look() -> dict[str, Any] | None:
        nonlocal last
        last = status_of(cluster, namespace, name)
        return last if is_so(last) else None

    found = wait_until(f"{name}: {what}; last {json.dumps(last)[:500]}", look, seconds=seconds)
    assert found is not None
    return found


def wait_phase(cluster: Cluster, namespace: str, name: str, phase: str, seconds: float = 90) -> dict[str, Any]:
    """Return a run's status once it is in a phase; fails at once where it has ended in another."""

    def is_so(status: dict[str, Any]) -> bool:
        now = status.get("phase")
        assert now == phase or now not in ENDED, status
        return bool(now == phase)

    return wait_status(cluster, namespace, name, is_so, phase, seconds)


def condition(status: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return a condition of a status; an empty one where it is not there."""
    return next((one for one in status.get("conditions", ()) if one["type"] == kind), {})


def job_names(cluster: Cluster, namespace: str) -> list[str]:
    """Return the names of all Jobs of a namespace."""
    return sorted(job["metadata"]["name"] for job in cluster.items(JOBS.format(namespace)))


def as_json(value: Mapping[str, Any]) -> str:
    """Return an object as kubectl takes it."""
    return json.dumps(value)


def suffix(attempt: int) -> str:
    """Return the end of the names of an attempt's Jobs."""
    return f"-{attempt}" if attempt > 1 else ""


def plan_run(nodes: FakeNodes, namespace: str, name: str, shards: int) -> None:
    """Let a run's plan pod end well."""
    [pod] = nodes.wait_pods(namespace, f"{name}-plan", 1)
    nodes.finish_pod(namespace, pod, message=plan_words(shards))


def work_run(nodes: FakeNodes, namespace: str, name: str, shards: int, attempt: int = 1) -> None:
    """Let all pods of a run's work end well."""
    for pod in nodes.wait_pods(namespace, f"{name}-work{suffix(attempt)}", shards):
        nodes.finish_pod(namespace, pod)


def collect_run(
    nodes: FakeNodes, namespace: str, name: str, missing: int = 0, indexes: str = "", attempt: int = 1
) -> None:
    """Let a run's collect pod end well."""
    [pod] = nodes.wait_pods(namespace, f"{name}-collect{suffix(attempt)}", 1)
    nodes.finish_pod(namespace, pod, message=collect_words(missing, indexes, attempt))


def plan_words(shards: int, todo: int | None = None, tasks: int = 2, evaluations: int = 0, gpu: int = 0) -> str:
    """Return what a plan pod says."""
    left = shards if todo is None else todo
    return encode(PlanMessage("f", shards, left, tasks, 4, 0, evaluations, gpu)).decode()


def collect_words(missing: int = 0, indexes: str = "", attempt: int = 1) -> str:
    """Return what a collect pod says."""
    times = {"main.run_batt": PhaseStats().with_duration(2.5)}
    verdicts = {"correct": 1, "wrong": 3}
    path = "f/out/1/results.json"
    told = CollectMessage(attempt, 1, 2, 4, verdicts, missing, indexes, times, 7200.0, 360.0, path)
    return encode(told._replace(added_phases=times)).decode()


def error_words(stage: str, code: int, error: str) -> str:
    """Return what a pod says that fails."""
    return json.dumps({"schema": 1, "stage": stage, "code": code, "error": error})

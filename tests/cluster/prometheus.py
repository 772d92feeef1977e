"""A real Prometheus beside the tests' node: it finds pods as a cluster's does, and answers queries.

Debian's package. Its jobs do what the chart's monitors ask of an operator of Prometheus: the same ports, labels kept
and labels dropped.
"""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import yaml

from tests.cluster.client import Cluster
from tests.cluster.daemons import Daemon, wait_until
from tests.cluster.network import Network

INTERVAL = "1s"
"""How often everything is scraped: pods of tests live for seconds."""

PORT = 9090
"""Where it listens, in the node's network alone."""


def what_is_missing() -> str:
    """Return why there is no Prometheus here, and what to do about it; empty where there is one."""
    if shutil.which("prometheus"):
        return ""
    return "this needs a Prometheus: apt-get install --no-install-recommends prometheus"


Labels: TypeAlias = tuple[tuple[str, str], ...]
"""A series' labels by name, in order."""


class Sample(NamedTuple):
    """A series' value at a time, in seconds since the epoch."""

    labels: dict[str, str]
    time: float
    value: float


class Prometheus:
    """A Prometheus that scrapes a namespace of the node; use it as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, network: Network, folder: Path) -> None:
        self.folder = folder
        self.network = network
        self.url = f"http://{network.node}:{PORT}"
        jobs = [operator_job(cluster.kubeconfig, namespace), workers_job(cluster.kubeconfig, namespace)]
        config = {"global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}, "scrape_configs": jobs}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Self:
        command = [
            "prometheus", f"--config.file={self.folder}/prometheus.yaml", f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address={self.network.node}:{PORT}", "--log.level=warn",
        ]  # fmt: skip
        self.daemon = Daemon("prometheus", command, self.folder, netns=self.network.name)
        wait_until("Prometheus", self.is_ready, seconds=60, daemons=[self.daemon])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.daemon.stop()

    def is_ready(self) -> bool:
        """Return whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def ask(self, path: str, **query: str) -> Any:  # JSON, by the path
        """Return the data of an answer of its API; an error's words fail the test."""
        try:
            url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path} {query}: {error.read().decode()}") from error

    def now(self, query: str, at: float | None = None) -> list[Sample]:
        """Return what a query gives now, or at a time."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        return [
            Sample(one["metric"], float(one["value"][0]), float(one["value"][1]))
            for one in self.ask("query", query=query, **when)["result"]
        ]

    def samples(
        self, selector: str, seconds: int = 3600
    ) -> dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]:
        """Return what was scraped of each series: times and values."""
        found = self.ask("query", query=f"{selector}[{seconds}s]")["result"]
        return {
            tuple(sorted(one["metric"].items())): [(float(time), float(value)) for time, value in one["values"]]
            for one in found
        }


def operator_job(kubeconfig: Path, namespace: str) -> dict[str, Any]:
    """Return the job of the chart's ServiceMonitor: one target, which stays the same when its pod is another one."""
    return {
        "job_name": "operator",
        "kubernetes_sd_configs": [pods_of(kubeconfig, namespace)],
        "relabel_configs": [
            keep("__meta_kubernetes_pod_label_app_kubernetes_io_component", "operator"),
            keep("__meta_kubernetes_pod_container_port_name", "http"),
            {"target_label": "instance", "replacement": "batt-operator"},
        ],
    }


def workers_job(kubeconfig: Path, namespace: str) -> dict[str, Any]:
    """Return the job of the chart's PodMonitor."""
    return {
        "job_name": "workers",
        "kubernetes_sd_configs": [pods_of(kubeconfig, namespace)],
        "relabel_configs": [
            keep("__meta_kubernetes_pod_label_batt_dev_stage", "work"),
            keep("__meta_kubernetes_pod_container_port_name", "metrics"),
        ],
        "metric_relabel_configs": [keep("__name__", "batt_worker_.*")],
    }


def pods_of(kubeconfig: Path, namespace: str) -> dict[str, Any]:
    """Return how pods of a namespace are found."""
    return {"role": "pod", "kubeconfig_file": str(kubeconfig), "namespaces": {"names": [namespace]}}


def keep(label: str, value: str) -> dict[str, Any]:
    """Return the rule that drops what has another value."""
    return {"action": "keep", "source_labels": [label], "regex": value}

"""A real Prometheus beside the tests' node: it scrapes the pods that the chart's monitors choose, while they live.

The same pods, ports, labels kept and labels dropped. Debian's Prometheus knows no Kubernetes: it asks us for targets.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from batt.web import Page, serve
from tests.cluster.client import Cluster
from tests.cluster.network import Network
from tests.prometheus import Prometheus, answering

INTERVAL = "1s"
"""How often everything is scraped: pods of tests live for seconds."""

PORT = 9090
"""Where it listens, in the node's network alone."""

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""A series' labels by name, in order."""


@contextlib.contextmanager
def scraping(cluster: Cluster, namespace: str, network: Network, folder: Path) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes a namespace of the node."""
    operator = "app.kubernetes.io/component%3Doperator"
    one_target = {"instance": "batt-operator"}  # the same when its pod is another one, as the chart's monitor has it
    pages = {
        "/operator": lambda: targets(cluster, namespace, operator, "http", one_target),
        "/workers": lambda: targets(cluster, namespace, "batt.dev/stage%3Dwork", "metrics", {}),
    }
    server = serve(0, pages)
    told = jobs(f"{network.host}:{server.server_port}")
    config = {"global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}, "scrape_configs": told}
    options = [f"--storage.tsdb.path={folder}/data", "--log.level=warn"]
    try:
        with answering(config, f"{network.node}:{PORT}", folder, options, network.name) as prometheus:
            yield prometheus
    finally:
        server.stop()


def scraped(prometheus: Prometheus, selector: str) -> dict[Labels, list[tuple[float, float]]]:
    """Return what was scraped of each series in the last hour: times, seconds since the epoch, and values."""
    found = prometheus.ask("query", query=f"{selector}[1h]")["result"]
    return {
        tuple(sorted(one["metric"].items())): [(float(time), float(value)) for time, value in one["values"]]
        for one in found
    }


def jobs(address: str) -> list[dict[str, Any]]:
    """Return what is scraped: the targets that a server at an address tells."""
    return [
        {
            "job_name": name,
            "http_sd_configs": [{"url": f"http://{address}/{name}", "refresh_interval": INTERVAL}],
            **more,
        }
        for name, more in {
            "operator": {},
            "workers": {
                "metric_relabel_configs": [
                    {"action": "keep", "source_labels": ["__name__"], "regex": "batt_worker_.*"},
                ]
            },
        }.items()
    ]


def targets(cluster: Cluster, namespace: str, selector: str, port: str, labels: Mapping[str, str]) -> Page:
    """Return the pods that run and have a port, as Prometheus asks for targets (http_sd_config)."""
    found = []
    for pod in cluster.items(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}"):
        address = pod["status"].get("podIP")
        if pod["status"]["phase"] == "Running" and address:
            ports = [one for container in pod["spec"]["containers"] for one in container.get("ports", ())]
            found += [f"{address}:{one['containerPort']}" for one in ports if one["name"] == port]
    return Page(200, "application/json", json.dumps([{"targets": found, "labels": labels}]).encode())

"""Drives the real Prometheus (Debian's package): promtool judges rules and runs them, a server answers queries."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import yaml

from tests.cluster.daemons import Daemon, wait_until
from tests.gcs import free_port

Json: TypeAlias = dict[str, Any]
"""A part of an answer of Prometheus, or of a file that it reads."""


def program_or_skip(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; skip the running test where it is not installed."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"no {name} here; apt-get install --no-install-recommends prometheus")
    return found


def check_rules(rules: Json, folder: Path) -> str:
    """Return what promtool says against a file of rules; nothing where it takes them."""
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    command = [program_or_skip("promtool"), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"


def try_rules(rules: Json, case: Json, folder: Path) -> str:
    """Return what differs from what a case (`promtool test rules`) expects of the rules; nothing where nothing does."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    given = {"rule_files": ["rules.yaml"], "evaluation_interval": case["interval"], "tests": [case]}
    (folder / "case.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    command = [program_or_skip("promtool"), "test", "rules", str(folder / "case.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"


class Prometheus(NamedTuple):
    """A Prometheus that answers."""

    address: str

    def ask(self, path: str, **parameters: str | Sequence[str]) -> Any:
        """Return the data of an answer of its API."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def is_ready(self) -> bool:
        """Return whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False  # not yet: the caller asks again

    def value(self, query: str, at: float) -> list[tuple[Mapping[str, str], float]]:
        """Return labels and value of each series of a query at a moment."""
        found = self.ask("query", query=query, time=f"{at}")["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def values(self, query: str, begin: float, end: float) -> list[tuple[Mapping[str, str], list[float]]]:
        """Return labels and values of each series of a query over time."""
        found = self.ask("query_range", query=query, start=f"{begin}", end=f"{end}", step="60")["result"]
        return [(series["metric"], [float(value) for _, value in series["values"]]) for series in found]


@contextlib.contextmanager
def prometheus_with(samples: str, folder: Path) -> Iterator[Prometheus]:
    """Start a Prometheus that has these samples, in the OpenMetrics format with times, and scrapes nothing."""
    (folder / "samples.txt").write_text(samples, encoding="utf-8")
    data = folder / "data"
    promtool = program_or_skip("promtool")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "samples.txt"), str(data)]
    subprocess.run(command, capture_output=True, check=True)
    options = [f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=10y"]
    with answering({}, f"127.0.0.1:{free_port()}", folder, options) as prometheus:
        yield prometheus


@contextlib.contextmanager
def answering(
    config: Json, address: str, folder: Path, options: Sequence[str], netns: str = ""
) -> Iterator[Prometheus]:
    """Start a Prometheus, and end it after the body; `netns`: the network that the address is of."""
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [program_or_skip("prometheus"), f"--config.file={folder}/prometheus.yaml"]
    daemon = Daemon("prometheus", [*command, f"--web.listen-address={address}", *options], folder, netns=netns)
    try:
        prometheus = Prometheus(f"http://{address}")
        wait_until("Prometheus answers", prometheus.is_ready, daemons=[daemon])
        yield prometheus
    finally:
        daemon.stop()

"""Commands of `batt` on a cluster, as one of the cluster's users types them.

Those that go on are processes of their own; the others are called here, since a process takes a second to start.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from batt.cli import main
from tests.cluster.client import Cluster
from tests.cluster.operating import RUNS
from tests.e2e.command import BATT, Ended

PATIENCE_SECONDS = 60.0
"""Longest wait for a command, and for a line that it must print; most take a second."""


class User:
    """Someone with a kubeconfig and a namespace, in a folder with files."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder

    def command(self, *arguments: object) -> list[str]:
        """Return the command line of a command, its namespace behind it."""
        return [*BATT, *map(str, arguments), "-n", self.namespace]

    def environment(self) -> dict[str, str]:
        """Return the environment of a command."""
        return {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}

    def batt(self, *arguments: object) -> Ended:
        """Run a command to its end, in this process."""
        out, err = io.StringIO(), io.StringIO()
        line = [*self.command(*arguments)[len(BATT) :]]
        if "--kubeconfig" not in line:
            line += ["--kubeconfig", str(self.cluster.kubeconfig)]
        with contextlib.chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
            code = main(line)
        return Ended(code, out.getvalue(), err.getvalue())

    def batt_process(self, *arguments: object) -> Ended:
        """Run a command to its end, as a process of its own."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment(), capture_output=True, text=True,
            timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def finish(self, *arguments: object) -> Ended:
        """Run a command that must end with exit code 0."""
        ended = self.batt(*arguments)
        assert ended.code == 0, ended.told
        return ended

    def start(self, *arguments: object) -> Started:
        """Start a command that goes on."""
        return Started(self, arguments)


class Started:
    """A command that goes on; leave it as a context manager, and it is gone."""

    def __init__(self, user: User, arguments: tuple[object, ...]) -> None:
        self.out, self.err = (user.folder / f"{arguments[0]}-{time.monotonic_ns()}.{kind}" for kind in ("out", "err"))
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                user.command(*arguments), cwd=user.folder, env=user.environment(), stdout=out, stderr=err
            )

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        """Everything it has said so far."""
        return self.out.read_text() + self.err.read_text()

    def end(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait(PATIENCE_SECONDS)
        return Ended(code, self.out.read_text(), self.err.read_text())


def write_status(cluster: Cluster, namespace: str, name: str, **status: Any) -> None:
    """Write fields of a run's status, as the operator does."""
    cluster.patch(f"{RUNS.format(namespace)}/{name}/status", {"status": status})


def condition(kind: str, reason: str, status: str = "True", message: str = "") -> Mapping[str, Any]:
    """Return a condition as the operator writes it."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T10:00:00Z",
        "observedGeneration": 1,
    }

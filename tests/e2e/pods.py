"""Containers of a run as processes: the environment and the files that the operator and Kubernetes give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from batt.message import Message, parse_message
from batt.runfile import load_run
from batt.store import DirectoryStore, ObjectStore, open_store
from tests.e2e.command import Ended, batt, finish

UID = "0c9a1f52-77aa-4e0b-9d0e-3f2b8c1d4e5f"
"""The run's uid."""


class Pods(NamedTuple):
    """The pods of one run. Their files lie in `folder`; `results` is the URI of the store."""

    folder: Path
    results: str

    def environment(self, attempt: int = 1, pod: str = "00000000-1", index: int | None = None) -> dict[str, str]:
        """Return a container's environment, with an empty message file that waits for it."""
        self.message_path.write_bytes(b"")
        variables = {
            "BATT_RUN": str(self.folder / "run.json"),
            "BATT_ATTEMPT": str(attempt),
            "BATT_POD_UID": pod,
            "BATT_CPUS": "1",
            "BATT_MESSAGE": str(self.message_path),
            "BATT_ACCESS_SECONDS": "0",
        }
        return variables if index is None else {**variables, "JOB_COMPLETION_INDEX": str(index)}

    def run(self, stage: str, attempt: int = 1, pod: str = "00000000-1", index: int | None = None) -> Ended:
        """Run a container to its end."""
        return batt("pod", stage, cwd=self.folder, **self.environment(attempt, pod, index))

    def finish(self, stage: str, attempt: int = 1, pod: str = "00000000-1", index: int | None = None) -> Ended:
        """Run a container that must end well."""
        return finish("pod", stage, cwd=self.folder, **self.environment(attempt, pod, index))

    @property
    def message_path(self) -> Path:
        """The termination message's file."""
        return self.folder / "termination-log"

    @property
    def message(self) -> Message | None:
        """What the last container has told."""
        return parse_message(self.message_path.read_text())

    @property
    def store(self) -> ObjectStore:
        """The results' store."""
        return open_store(self.results, self.folder)


def write_pods(folder: Path, run_file: Path, results: str, **changes: Any) -> Pods:
    """Write run.json as the operator does, inputs by their absolute paths; keywords change fields of the file."""
    run = load_run(run_file).to_manifest()
    solvers = run["spec"]["solvers"]
    for field in ("candidates", "dataset", "dsl"):
        path = run_file.parent.absolute() / solvers[field]
        if path.exists():
            solvers[field] = f"image:{path}"
    value = {"schema": 1, "run": run, "uid": UID, "results": results, **changes}
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps(value))
    return Pods(folder, results)


def results_json(pods: Pods, attempt: int = 1) -> dict[str, Any]:
    """Return the results that collect has written."""
    value: dict[str, Any] = json.loads(pods.store.read(f"default/mixed-{UID[:8]}/out/{attempt}/results.json"))
    return value


def run_store(pods: Pods) -> DirectoryStore:
    """Return the run's own folder as a store, where the results lie in a folder."""
    return DirectoryStore(Path(pods.results) / f"default/mixed-{UID[:8]}")

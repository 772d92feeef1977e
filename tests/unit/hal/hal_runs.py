"""HAL runs on made questions, stage by stage in this process, but for agents and what they submit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from batt.api import BenchmarkRun
from batt.hal.collect import HalSummary, collect_hal
from batt.hal.evaluate import evaluate, evaluation_shards
from batt.hal.manifest import HalManifest
from batt.hal.plan import plan_hal, read_hal_inputs
from batt.hal.process import local_shim
from batt.hal.sandbox import Sandbox
from batt.hal.task import Control, LocalPlace
from batt.hal.work import load, work_task
from batt.manifest import RunRef
from batt.runfile import parse_run
from batt.store import ObjectStore

ECHO = """
def run(input, **kwargs):
    [(task, question)] = input.items()
    if question["prompt"] == "fail":
        raise ValueError("told to")
    return {task: question["prompt"]}
"""
"""An agent that says what it is asked, or fails if it is asked to."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


def no_pause(_seconds: float) -> None:
    """Do not wait between two tries."""


def write_inputs(folder: Path, questions: dict[str, tuple[str, str]], agent: str = ECHO) -> None:
    """Write questions, id -> prompt and answer, and an agent."""
    lines = [json.dumps({"id": task, "prompt": ask, "answer": right}) for task, (ask, right) in questions.items()]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    (folder / "agent").mkdir(exist_ok=True)
    (folder / "agent" / "main.py").write_text(agent)


def make_run(**hal: Any) -> BenchmarkRun:
    """Return a run of the agent on the questions; keywords change spec.hal."""
    agent = {"name": "Echo", "source": "agent"}
    spec = {"hal": {"benchmark": "jsonl", "data": "questions.jsonl", "agent": agent} | hal}
    metadata = {"name": "echo"}
    return parse_run({"apiVersion": "batt.dev/v1alpha1", "kind": "BenchmarkRun", "metadata": metadata, "spec": spec})


def planned(run: BenchmarkRun, folder: Path, root: ObjectStore, uid: str = "00000001") -> HalManifest:
    """Plan a run."""
    scratch = folder / f"scratch-{uid}"
    scratch.mkdir(exist_ok=True)
    return plan_hal(run, RunRef("default", "echo", uid), root, read_hal_inputs(run, folder, scratch))


def worked(manifest: HalManifest, root: ObjectStore, indexes: list[int], attempt: int = 1) -> None:
    """Run the agent on some tasks."""
    with load(manifest, root) as loaded:
        for index in indexes:
            work_task(manifest, index, root, loaded, LocalPlace(sys.executable), Control(never, no_pause), attempt)


def scored(manifest: HalManifest, root: ObjectStore, folder: Path) -> None:
    """Score what nobody has scored yet."""
    with local_shim() as supervisor:
        sandbox = Sandbox(supervisor, sys.executable, folder, never)
        for paths in filter(None, evaluation_shards(root, manifest)):
            evaluate(manifest, paths, root, sandbox, never)


def done(manifest: HalManifest, root: ObjectStore, folder: Path) -> HalSummary:
    """Do all tasks of a run, score and collect."""
    worked(manifest, root, list(range(len(manifest.shards))))
    scored(manifest, root, folder)
    return collect_hal(manifest, root)

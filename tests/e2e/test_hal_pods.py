"""A HAL run stage by stage as containers do it: the worker here, the agent beside another shim; real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.hal.podplace import SHIM_FILE, SOCKET
from batt.message import CollectMessage, ErrorMessage, Message, PlanMessage, parse_message
from batt.store import DirectoryStore, create_json, read_json
from tests.e2e.command import Ended, batt, ended, started, wait_for

UID = "0c9a1f52-77aa-4e0b-9d0e-3f2b8c1d4e5f"

FOLDER = f"default/echo-{UID[:8]}"

ECHO = """
import os, time

def run(input, **kwargs):
    [(task, question)] = input.items()
    if question["prompt"] == "fail":
        raise ValueError("told to")
    if question["prompt"] == "wait":
        open(os.environ["HERE"], "w").close()
        time.sleep(1000)
    if question["prompt"] == "quota":
        import openai
        raise openai.RateLimitError("spent")
    if question["prompt"] == "keys":
        return {task: repr([name for name in os.environ if "BATT" in name or "RUN" == name])}
    if question["prompt"] == "print":
        print(os.environ["MODEL_KEY"])
        return {task: os.environ["MODEL_KEY"]}
    return {task: question["prompt"]}
"""

OPENAI = "class RateLimitError(Exception):\n    status_code = 429\n    code = 'insufficient_quota'\n"


class HalPods(NamedTuple):
    """The pods of one run in a folder; the agent's container is a process beside each."""

    folder: Path

    @property
    def results(self) -> DirectoryStore:
        """The store."""
        return DirectoryStore(self.folder / "results")

    def environment(self, index: int | None, attempt: int, **more: str) -> dict[str, str]:
        """Return what a worker is told."""
        (self.folder / "said").write_bytes(b"")
        variables = {
            "BATT_RUN": str(self.folder / "run.json"),
            "BATT_ATTEMPT": str(attempt),
            "BATT_POD_UID": f"pod-{index}-{attempt}",
            "BATT_MESSAGE": str(self.folder / "said"),
            "BATT_ACCESS_SECONDS": "0",
            "BATT_WORKSPACE": str(self.folder / "workspace"),
            "BATT_SHARED": str(self.folder / "shared"),
            "BATT_SECRET_MODEL_KEY": "very-secret-value",
            **more,
        }
        return variables if index is None else {**variables, "JOB_COMPLETION_INDEX": str(index)}

    def run(self, stage: str, index: int | None = None, attempt: int = 1, **more: str) -> tuple[Ended, Message | None]:
        """Run a stage's pod to its end, with more variables; return how, and its last words."""
        with self.agent() if index is not None else contextlib.nullcontext():
            done = batt("pod", stage, cwd=self.folder, **self.environment(index, attempt, **more))
        return done, parse_message((self.folder / "said").read_text())

    @contextlib.contextmanager
    def agent(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start what is process 1 of the agent's container, with the key that it is given."""
        batt("pod", "shim", cwd=self.folder, **self.environment(None, 1))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        command = [sys.executable, "-I", "-S", str(self.folder / "shared" / SHIM_FILE), "socket"]
        environment = {"PATH": path, "MODEL_KEY": "very-secret-value", "HERE": str(self.folder / "here")}
        process = subprocess.Popen([*command, str(self.folder / "shared" / SOCKET)], env=environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def record(self, index: int) -> Any:
        """Return a task's stored result."""
        return read_json(self.results, f"{FOLDER}/shards/{index}.json.gz")


@pytest.fixture
def pods(tmp_path: Path) -> HalPods:
    """Pods of a run whose questions the agent repeats, or whatever else it is asked to do."""
    for name in ("workspace", "shared", "agent"):
        (tmp_path / name).mkdir()
    (tmp_path / "agent" / "main.py").write_text(ECHO)
    (tmp_path / "agent" / "openai.py").write_text(OPENAI)
    return HalPods(tmp_path)


def write_run(pods: HalPods, *prompts: str) -> None:
    """Write a run of questions whose answers are the prompts."""
    rows = [{"id": f"q{n}", "prompt": prompt, "answer": prompt} for n, prompt in enumerate(prompts)]
    lines = [json.dumps(row | ({"gpu": True} if row["prompt"] == "gpu" else {})) for row in rows]
    (pods.folder / "questions.jsonl").write_text("\n".join(lines))
    hal = {
        "benchmark": "jsonl",
        "data": f"image:{pods.folder}/questions.jsonl",
        "agent": {"name": "Echo", "source": f"image:{pods.folder}/agent"},
    }
    run = {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": "echo"},
        "spec": {"hal": hal},
    }
    value = {"schema": 1, "run": run, "uid": UID, "results": str(pods.folder / "results")}
    (pods.folder / "run.json").write_text(json.dumps(value))


def test_the_stages_give_hals_files(pods: HalPods) -> None:
    write_run(pods, "one", "fail", "two")

    planned, plan = pods.run("plan")
    worked = [pods.run("work", index) for index in range(3)]
    evaluated, nothing = pods.run("evaluate", 0)
    collected, told = pods.run("collect")

    assert (planned.code, evaluated.code, collected.code) == (0, 0, 0), planned.told + evaluated.told + collected.told
    assert plan == PlanMessage(FOLDER, 3, 3, 3, 3, 0, 1)
    assert [(done.code, message) for done, message in worked] == [(0, None)] * 3
    assert nothing is None
    assert isinstance(told, CollectMessage)
    assert (told.solved, told.tasks, told.missing, told.verdicts) == (2, 3, 0, {"ok": 2, "agent_error": 1})
    assert told.pod_seconds > 0
    raw = [path for path in pods.results.list(f"{FOLDER}/out/1/") if path.endswith("_RAW_SUBMISSIONS.jsonl")]
    assert len(raw) == 1
    assert "fail" not in pods.results.read(raw[0]).decode().replace("ERROR: ValueError: told to", "")


def test_a_pod_whose_task_has_its_result_does_nothing(pods: HalPods) -> None:
    write_run(pods, "one")
    pods.run("plan")
    first, _ = pods.run("work", 0)

    again = batt("pod", "work", cwd=pods.folder, **pods.environment(0, 1))  # no agent's container is needed

    assert (first.code, again.code) == (0, 0)
    assert "task q0: has its result already" in again.out


def test_a_further_attempt_does_what_has_failed(pods: HalPods) -> None:
    write_run(pods, "one", "fail")
    pods.run("plan")
    for index in range(2):
        pods.run("work", index)
    (pods.folder / "agent" / "main.py").write_text("raise SystemExit")  # what was packed counts

    _, plan = pods.run("plan", attempt=2)
    done, _ = pods.run("work", 0, attempt=2)

    assert plan == PlanMessage(FOLDER, 2, 1, 2, 2, 0, 1)
    assert done.code == 0
    assert "task q1: agent_error: ValueError: told to" in done.out
    assert pods.results.exists(f"{FOLDER}/shards/1.2.json.gz")


@pytest.mark.full
def test_a_regrade_scores_anew_what_there_is(pods: HalPods) -> None:
    write_run(pods, "one", "fail")
    pods.run("plan")
    for index in range(2):
        pods.run("work", index)
    pods.run("evaluate", 0)
    pods.run("collect")
    spoilt = f"{FOLDER}/evaluations/1/0.json.gz"
    scores = read_json(pods.results, spoilt)["scores"]
    (pods.results.root / spoilt).unlink()
    create_json(pods.results, spoilt, {"scores": {path: [0.0, {}, "a fault of ours", 0.0] for path in scores}})

    _, plan = pods.run("plan", attempt=2, BATT_ATTEMPT_MODE="regrade")
    evaluated, _ = pods.run("evaluate", 0, attempt=2)
    _, told = pods.run("collect", attempt=2)

    assert plan == PlanMessage(FOLDER, 2, 0, 2, 2, 0, 1)
    assert evaluated.code == 0, evaluated.told
    assert isinstance(told, CollectMessage)
    assert (told.attempt, told.solved, told.path) == (2, 1, f"{FOLDER}/out/2/results.json")


def test_pods_of_two_pools_share_an_attempt(pods: HalPods) -> None:
    write_run(pods, "gpu", "one", "gpu")

    _, plan = pods.run("plan")
    for index, part in ((0, "cpu"), (0, "gpu"), (1, "gpu")):
        pods.run("work", index, BATT_PART=part)
    beyond, _ = pods.run("work", 1, BATT_PART="cpu")
    pods.run("evaluate", 0)
    _, told = pods.run("collect")

    assert plan == PlanMessage(FOLDER, 3, 3, 3, 3, 0, 1, 2)
    assert beyond.code == 64
    assert isinstance(told, CollectMessage)
    assert (told.solved, told.missing) == (3, 0)
    assert 0 < told.gpu_seconds < told.pod_seconds


def test_a_spent_quota_ends_the_pod_with_77_and_without_a_result(pods: HalPods) -> None:
    write_run(pods, "quota")
    pods.run("plan")

    done, message = pods.run("work", 0)

    assert done.code == 77
    assert isinstance(message, ErrorMessage)
    assert "task q0: RateLimitError: spent; the run is stopped at once" in message.error
    assert not pods.results.exists(f"{FOLDER}/shards/0.json.gz")


def test_a_pod_that_is_told_to_stop_ends_with_75_and_its_agent_is_gone(pods: HalPods) -> None:
    write_run(pods, "wait")
    pods.run("plan")
    with pods.agent(), started("pod", "work", cwd=pods.folder, **pods.environment(0, 1)) as worker:
        wait_for((pods.folder / "here").exists, "the agent at work")
        os.kill(worker.pid, signal.SIGTERM)
        done = ended(worker)

    assert done.code == 75, done.told
    assert not pods.results.exists(f"{FOLDER}/shards/0.json.gz")


def test_an_agents_container_that_dies_is_the_agents_failure(pods: HalPods) -> None:
    write_run(pods, "wait")
    pods.run("plan")
    with started("pod", "work", cwd=pods.folder, **pods.environment(0, 1)) as worker:
        with pods.agent() as container:
            wait_for((pods.folder / "here").exists, "the agent at work")
            container.kill()
        done = ended(worker)

    assert done.code == 0, done.told
    assert pods.record(0)["outcome"] == "agent_error"
    assert "more memory than the container may" in pods.record(0)["message"]


def test_an_agent_is_given_its_keys_and_nothing_of_the_workers(pods: HalPods) -> None:
    write_run(pods, "keys", "print")
    pods.run("plan")
    for index in range(2):
        pods.run("work", index)

    assert json.loads(pods.record(0)["output"]) == {"q0": "[]"}
    assert json.loads(pods.record(1)["output"]) == {"q1": "[MODEL_KEY]"}
    stored = [pods.results.read(path) for path in pods.results.list(FOLDER)]
    assert not [data for data in stored if b"very-secret-value" in data]

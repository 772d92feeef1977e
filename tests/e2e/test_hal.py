"""HAL agents on this machine: what they return, how they end, HAL's files, what is tried again; real processes."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.runfile import load_run
from tests.e2e.command import Ended, batt, ended, finish, report_of, results_of, run_folders, started, wait_for

QUESTIONS = [{"id": f"q{number}", "prompt": f"What is {number} and 1?", "answer": number + 1} for number in range(4)]

ADDER = """
import re

def run(input, **kwargs):
    [(task, question)] = input.items()
    first, second = map(int, re.findall("[0-9]+", question["prompt"]))
    return {task: str(first + second)}
"""
"""An agent that is right."""

TROUBLE = """
import json, os, sys, time

def run(input, model_name, benchmark_name):
    [(task, question)] = input.items()
    assert model_name == "m" and benchmark_name == "jsonl" and "answer" not in question
    if task == "q0":
        raise ValueError("no idea")
    if task == "q1":
        os.system("setsid sleep 1000 &")
        time.sleep(1000)
    if task == "q2":
        return ["a list"]
    return {task: {"answer": "4", "metrics": {"step_count": 7, "total_cost": 0.5}}}
"""
"""An agent whose first three tasks fail, each in its way."""

OPENAI = """
class RateLimitError(Exception):
    status_code = 429
    code = "insufficient_quota"
"""
"""What stands for the package of a provider, whose quota is used up."""

SPENT = """
import openai, os

def run(input, **kwargs):
    [(task, question)] = input.items()
    if task == "q2" and not os.environ.get("PAID"):
        try:
            raise openai.RateLimitError("You exceeded your current quota")
        except openai.RateLimitError as error:
            raise RuntimeError("the model does not answer") from error
    return {task: "3"}
"""


def write_agent(folder: Path, **texts: str) -> None:
    """Write an agent's files, by module."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)


def write_questions(folder: Path) -> None:
    """Write the questions that most tests here ask."""
    (folder / "questions.jsonl").write_text("".join(json.dumps(question) + "\n" for question in QUESTIONS))


def flags(**more: object) -> list[object]:
    """Return the flags that most tests here need, with some changed."""
    named = {"benchmark": "jsonl", "data": "questions.jsonl", "agent_dir": "agent", "agent_name": "Adder (x)"} | more
    return [word for name, value in named.items() for word in (f"--{name}", value)]


def hal_eval(folder: Path, *words: object, **more: object) -> Ended:
    """Run `batt hal-eval` on the questions, numbers compared as numbers."""
    return batt("hal-eval", *flags(**more), "-B", "scoring=numeric", *words, cwd=folder)


def hal_folder(folder: Path) -> Path:
    """Return the one folder of HAL's files."""
    [found] = (folder / "results" / "jsonl").iterdir()
    return found


def raw_submissions(folder: Path) -> dict[str, Any]:
    """Return what stands in HAL's RAW_SUBMISSIONS, as HAL reads it."""
    [file] = folder.glob("*_RAW_SUBMISSIONS.jsonl")
    found: dict[str, Any] = {}
    for line in file.read_text().splitlines():
        found.update(json.loads(line))
    return found


def upload(folder: Path) -> Mapping[str, Any]:
    """Return HAL's UPLOAD.json."""
    [file] = folder.glob("*_UPLOAD.json")
    value: Mapping[str, Any] = json.loads(file.read_text())
    return value


def test_an_agent_that_is_right_scores_everything_and_leaves_hals_files(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=ADDER)
    write_questions(tmp_path)

    done = hal_eval(tmp_path, "--max_concurrent", 2)

    assert done.code == 0, done.told
    assert "4 of 4 scored tasks right (100.0 %)" in done.out
    folder = hal_folder(tmp_path)
    assert folder.name.startswith("jsonl_adder_x_1")
    assert raw_submissions(folder) == {"q0": "1", "q1": "2", "q2": "3", "q3": "4"}
    told = upload(folder)
    assert told["results"]["accuracy"] == 1.0
    assert told["config"]["run_id"] == folder.name
    assert set(told["wall_clock_times"]) == {"q0", "q1", "q2", "q3"}
    assert json.loads((folder / "q0" / "agent_args.json").read_text()) == {"benchmark_name": "jsonl"}
    assert json.loads((folder / "q0" / "input.json").read_text()) == {"q0": {"id": "q0", "prompt": "What is 0 and 1?"}}


def test_every_way_to_fail_has_its_outcome_and_hals_words(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=TROUBLE)
    write_questions(tmp_path)

    done = hal_eval(tmp_path, "-A", "model_name=m", "--max_concurrent", 4, "--task_timeout", 3)

    assert done.code == 0, done.told
    results = results_of(done, tmp_path)
    assert results["outcomes"] == {"ok": 1, "agent_error": 1, "timeout": 1, "invalid_output": 1}
    raw = raw_submissions(hal_folder(tmp_path))
    assert raw["q0"] == "ERROR: ValueError: no idea"
    assert raw["q1"] == "ERROR: Task timed out after 3 seconds"
    assert raw["q2"].startswith("ERROR: invalid_output: the agent returned a list")
    assert raw["q3"] == {"answer": "4", "metrics": {"step_count": 7, "total_cost": 0.5}}
    told = upload(hal_folder(tmp_path))
    assert told["task_step_counts"] == {"q3": 7}
    assert told["total_cost"] is None
    assert "Traceback" in (hal_folder(tmp_path) / "q0" / "error.log").read_text()
    page = report_of(done, tmp_path)
    assert "0.5000 USD for the 1 of 4 tasks that say it" in page
    assert '<span class="word bad">invalid output</span><span>the agent returned a list' in page
    assert 'raise ValueError(\\"no idea\\")' in page
    assert not processes_with("sleep 1000")


def processes_with(text: str) -> list[str]:
    """Return the command lines of living processes that hold a text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if text in line and str(os.getpid()) != entry.name:
            found.append(line)
    return found


def test_continuing_a_run_does_only_what_has_failed(tmp_path: Path) -> None:
    write_agent(
        tmp_path / "agent", main=ADDER.replace("    first", "    assert question['id'] == 'q0' or FIXED\n    first")
    )
    write_questions(tmp_path)
    agent = tmp_path / "agent" / "main.py"
    agent.write_text("import os\nFIXED = 'FIXED' in os.environ\n" + agent.read_text())
    first = hal_eval(tmp_path, "--run_id", "mine")
    again = batt("hal-eval", *flags(run_id="mine"), "-B", "scoring=numeric", "--continue_run", cwd=tmp_path, FIXED="1")

    assert (first.code, again.code) == (0, 0), first.told + again.told
    assert "1 of 4 scored tasks right" in first.out
    assert "continuing mine: 3 of 4 tasks to do" in again.err
    assert "3 made an earlier attempt&#x27;s result" in report_of(again, tmp_path)
    assert "4 of 4 scored tasks right" in again.out
    assert upload(hal_folder(tmp_path))["results"]["accuracy"] == 1.0
    assert len(run_folders(tmp_path / "results")) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["-A", "x=1"], "agent.args: got {'x': 1}; must be {}"),
        (["--task_ids", "q0"], "tasks: got 1 tasks; must be the same 4 as before"),
        (["--agent_function", "other.run"], "agent.function: got 'other.run'"),
    ],
)
def test_a_changed_run_is_not_continued(tmp_path: Path, changed: list[str], said: str) -> None:
    write_agent(tmp_path / "agent", main=ADDER, other=ADDER)
    write_questions(tmp_path)
    finish("hal-eval", *flags(run_id="mine"), cwd=tmp_path)

    refused = hal_eval(tmp_path, "--continue_run", *changed, run_id="mine")

    assert refused.code == 64
    assert said in refused.err
    assert "options: got {'scoring': 'numeric'}; must be {}" in refused.err  # all differences at once


def test_a_changed_agent_does_not_continue_anothers_run(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=ADDER)
    write_questions(tmp_path)
    finish("hal-eval", *flags(run_id="mine"), cwd=tmp_path)
    write_agent(tmp_path / "agent", main=ADDER + "# changed\n")

    refused = batt("hal-eval", *flags(run_id="mine"), "--continue_run", cwd=tmp_path)
    taken = batt("hal-eval", *flags(run_id="mine"), cwd=tmp_path)

    assert (refused.code, taken.code) == (64, 64)
    assert "agent: got an agent of hash " in refused.err
    assert "spec.hal.runId: got 'mine'; is that of another run" in taken.err


def test_a_regrade_runs_no_agent_and_scores_anew(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=f"import os\nassert 'AGAIN' not in os.environ\n{ADDER}")
    write_questions(tmp_path)
    first = hal_eval(tmp_path, run_id="mine")
    [folder] = run_folders(tmp_path / "results")
    [scored] = (folder / "evaluations" / "1").iterdir()
    scores = json.loads(gzip.decompress(scored.read_bytes()))["scores"]
    spoilt = {"scores": {path: [0.0, {}, "a fault of ours", 0.0] for path in scores}}
    scored.write_bytes(gzip.compress(json.dumps(spoilt).encode()))
    (hal_folder(tmp_path) / "mine_UPLOAD.json").unlink()

    words = ("hal-eval", *flags(run_id="mine"), "-B", "scoring=numeric", "--regrade")
    again = batt(*words, cwd=tmp_path, AGAIN="1")

    assert (first.code, again.code) == (0, 0), again.told
    assert "4 of 4 scored tasks right" in again.out
    assert (folder / "evaluations" / "2" / scored.name).exists()
    assert upload(hal_folder(tmp_path))["results"]["accuracy"] == 1.0


def test_a_spent_quota_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=SPENT, openai=OPENAI)
    write_questions(tmp_path)

    stopped = hal_eval(tmp_path, "--run_id", "mine")
    before = raw_submissions(hal_folder(tmp_path))
    again = batt("hal-eval", *flags(run_id="mine"), "-B", "scoring=numeric", "--continue_run", cwd=tmp_path, PAID="1")

    assert stopped.code == 77
    assert "task q2: RuntimeError: the model does not answer; the run is stopped at once" in stopped.err
    assert before == {"q0": "3", "q1": "3"}
    assert again.code == 0, again.told
    assert "continuing mine: 2 of 4 tasks to do" in again.err
    assert set(raw_submissions(hal_folder(tmp_path))) == {"q0", "q1", "q2", "q3"}


HANG = """
def hang(task):
    import os, subprocess
    if task == "q1" and not os.path.exists(os.environ["GO"]):
        subprocess.run(["sleep", "1003"])
"""
"""Hangs in one task until a file is there."""


def test_a_run_that_is_killed_leaves_no_agent_and_goes_on(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=ADDER.replace("    first", "    hang(task)\n    first") + HANG)
    write_questions(tmp_path)
    words, go = [*flags(), "-B", "scoring=numeric"], tmp_path / "go"
    with started("hal-eval", *words, cwd=tmp_path, GO=str(go)) as command:
        wait_for(lambda: bool(processes_with("sleep 1003")), "an agent that works")
        os.kill(command.pid, signal.SIGKILL)
        wait_for(lambda: not processes_with("sleep 1003"), "the end of all that the agent had started")
        killed = ended(command)
    go.touch()

    again = batt("hal-eval", *words, cwd=tmp_path, GO=str(go))

    assert killed.code == -signal.SIGKILL
    assert again.code == 0, again.told
    assert "resuming default/jsonl-adder-x-" in again.err
    assert "3 of 4 tasks to do" in again.err
    assert "4 of 4 scored tasks right" in again.out


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_an_agent_has_its_users_keys_and_they_are_in_no_file(tmp_path: Path, place: str) -> None:
    secret = "sk-very-secret-0123456789"
    leak = "import os\ndef run(input, **kwargs):\n    print(os.environ['OPENAI_API_KEY'])\n"
    leak += "    open('notes.txt', 'w').write(os.environ['OPENAI_API_KEY'])\n"
    leak += "    raise RuntimeError('key ' + os.environ['OPENAI_API_KEY'])\n"
    write_agent(tmp_path / "agent", main=leak)
    write_questions(tmp_path)

    if place == ".env":
        (tmp_path / ".env").write_text(f"OPENAI_API_KEY={secret}\n")
    variables = {} if place == ".env" else {"OPENAI_API_KEY": secret}

    done = batt("hal-eval", *flags(max_tasks=1), cwd=tmp_path, **variables)

    assert done.code == 0, done.told
    assert (".env sets OPENAI_API_KEY" in done.err) == (place == ".env")
    assert (hal_folder(tmp_path) / "q0" / "notes.txt").read_text() == "[OPENAI_API_KEY]"
    texts = [path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert not [text for text in texts if secret.encode() in text]
    assert secret not in done.told


def test_repeats_are_runs_of_hal_with_mean_and_pass_at_k(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=ADDER)
    write_questions(tmp_path)

    done = hal_eval(tmp_path, "--max_concurrent", 4, repeats=3)

    assert done.code == 0, done.told
    assert len(list((tmp_path / "results" / "jsonl").glob("jsonl_adder_x_rep[123]_*"))) == 3
    accuracy = results_of(done, tmp_path)["accuracy"]
    assert accuracy["accuracy_scored"]["mean"] == 1.0
    assert accuracy["pass_at"] == {"1": 1.0, "2": 1.0, "3": 1.0}


def test_dry_run_prints_a_run_that_can_be_run(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=ADDER)
    write_questions(tmp_path)

    dry = hal_eval(tmp_path, "--dry-run", "-A", "model_name=gpt-4o", "--max_tasks", 2)
    (tmp_path / "run.yaml").write_text(dry.out)
    done = finish("run", "run.yaml", cwd=tmp_path)

    hal = load_run(tmp_path / "run.yaml").spec.hal
    assert hal is not None
    assert hal.agent.args == {"model_name": "gpt-4o"}
    assert "2 of 2 scored tasks right" in done.out


def test_flags_that_hal_has_and_batt_has_not_are_named_all_at_once(tmp_path: Path) -> None:
    refused = hal_eval(tmp_path, "--docker", "--upload", "--continue_run", "--regrade", "--repeats", 0)

    assert refused.code == 64
    assert "--docker: got it; is not there in batt" in refused.err
    assert "--upload" in refused.err
    assert "--continue_run: got it alone; needs --run_id" in refused.err
    assert "--regrade: got --continue_run beside it; must stand alone" in refused.err
    assert "--repeats: got 0; must be at least 1" in refused.err


@pytest.mark.parametrize(("agent", "score"), [("builtin:oracle", 10), ("builtin:null", 0)])
@pytest.mark.parametrize("benchmark", ["humaneval", "arc"])
def test_the_oracle_scores_everything_and_the_null_agent_nothing(
    tmp_path: Path, benchmark: str, agent: str, score: int
) -> None:
    done = finish(
        "hal-eval", "--benchmark", benchmark, "--agent_dir", agent, "--agent_name", "A", "--max_tasks", 10,
        "--max_concurrent", 4, cwd=tmp_path,
    )  # fmt: skip

    assert f"{score} of 10 scored tasks right" in done.out


MESSY = """
import os, pathlib

def run(input, **kwargs):
    [(task, question)] = input.items()
    pathlib.Path("agent.log").mkdir()
    pathlib.Path("agent.log/mine").write_text("a log of its own")
    here = os.open(".", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep")
        os.chdir("deep")
    os.fchdir(here)
    return {task: "1"}
"""
"""An agent whose folder is a trap for who tidies up."""


def test_whatever_an_agent_leaves_in_its_folder_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_agent(tmp_path / "agent", main=MESSY)
    write_questions(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))

    done = finish("hal-eval", *flags(), "-B", "scoring=numeric", cwd=tmp_path)

    assert "1 of 4 scored tasks right" in done.out
    assert list(scratch.iterdir()) == []


@pytest.mark.full
@pytest.mark.parametrize(("agent", "share"), [("builtin:oracle", 1), ("builtin:null", 0)])
@pytest.mark.parametrize(("benchmark", "tasks"), [("humaneval", 164), ("arc", 50)])
def test_whole_benchmarks_score_as_they_must(
    tmp_path: Path, benchmark: str, tasks: int, agent: str, share: int
) -> None:
    done = finish(
        "hal-eval", "--benchmark", benchmark, "--agent_dir", agent, "--agent_name", "A", "--max_tasks", tasks,
        "--max_concurrent", 4, cwd=tmp_path,
    )  # fmt: skip

    assert f"{tasks * share} of {tasks} scored tasks right" in done.out


def test_a_run_file_runs_an_agent_from_a_folder_beside_it(tmp_path: Path) -> None:
    write_agent(tmp_path / "agent", main=ADDER)
    write_questions(tmp_path)
    agent = {"name": "Adder", "source": "agent"}
    hal = {"benchmark": "jsonl", "data": "questions.jsonl", "agent": agent, "options": {"scoring": "numeric"}}
    run = {"apiVersion": "batt.dev/v1alpha1", "kind": "BenchmarkRun", "metadata": {"name": "r"}, "spec": {"hal": hal}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(run))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    done = finish("run", "../run.yaml", "-j", 2, cwd=elsewhere)

    assert "4 of 4 scored tasks right" in done.out

"""ARC: true grids and right programs get all points, nothing gets none, and programs are data."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from batt.errors import InputError, SpecError
from batt.hal.benchmarks.arc import Arc
from batt.hal.benchmarks.base import Source, Task
from batt.inputs.tasks import load_dataset
from batt.stopping import StoppedError
from tests.runs import ENDLESS, MEMORY_EATER, RAISING, STACK_SMASHER
from tests.unit.hal.benchmarks.judging import (
    ODD_SUBMISSIONS,
    SpySandbox,
    assert_hides,
    assert_is_json,
    evaluate_all,
    spy_sandbox,
)

BENCHMARK = Arc()
TASKS = BENCHMARK.tasks(Source(None, {}))[:50]

PAIRS: Any = [
    {"input": [[1, 2], [3, 4]], "output": [[3, 1], [4, 2]]},
    {"input": [[5, 0, 1]], "output": [[5], [0], [1]]},
]
TWO_TESTS: Any = {"train": PAIRS[:1], "test": [PAIRS[1], {"input": [[6]], "output": [[6]]}]}
RIGHT = [[[5], [0], [1]], [[6]]]
WRONG = [[[1]], [[2]]]
HALF = [[[5], [0], [1]], [[2]]]


def made(value: Any, folder: Path) -> Task:
    """Return the task of a file."""
    (folder / "abc.json").write_text(json.dumps(value))
    (task,) = BENCHMARK.tasks(Source(folder / "abc.json", {}))
    return task


def starter(task: str) -> str:
    """Return the solver of a training task that ships with batt."""
    return (files("batt.starter") / "solvers" / f"solve_{task}.py").read_text(encoding="utf-8")


def training(task_id: str) -> Task:
    """Return a training task."""
    return next(t for t in BENCHMARK.tasks(Source(None, {"dataset": "arc-agi-1/training"})) if t.id == task_id)


def test_default_is_the_evaluation_set() -> None:
    tasks = BENCHMARK.tasks(Source(None, {}))

    assert [task.id for task in tasks] == [task.id for task in load_dataset("arc-agi-1/evaluation").tasks]
    assert set(tasks[0].input) == {"task_id", "train", "test"}
    assert [set(pair) for pair in tasks[0].input["test"]] == [{"input"}]


def test_inputs_do_not_tell_the_outputs() -> None:
    for task in TASKS:
        texts = [json.dumps(output) for output in task.truth["outputs"]]
        assert_hides(BENCHMARK, [task], *(text for text in texts if len(text) > 100))


def test_oracle_gets_everything_without_the_sandbox(sandbox: SpySandbox) -> None:
    answers = {task.id: BENCHMARK.oracle(task) for task in TASKS}

    evaluations = evaluate_all(BENCHMARK, TASKS, answers, sandbox)

    assert BENCHMARK.metrics(evaluations, [])["accuracy"] == 1.0
    assert sandbox.sent() == ""


def test_null_gets_nothing(sandbox: SpySandbox) -> None:
    evaluations = evaluate_all(BENCHMARK, TASKS, {task.id: "" for task in TASKS}, sandbox)

    assert BENCHMARK.metrics(evaluations, [])["accuracy"] == 0.0
    assert len(BENCHMARK.metrics(evaluations, [])["failed_tasks"]) == 50


@pytest.mark.parametrize(
    ("submission", "score"),
    [
        (RIGHT, 1.0),
        ({"answer": RIGHT}, 1.0),
        ({"attempts": [RIGHT]}, 1.0),
        ({"attempts": [WRONG, RIGHT]}, 1.0),
        ({"attempts": [HALF, [[[9]], [[6]]]]}, 1.0),
        (HALF, 0.5),
        (WRONG, 0.0),
        ({"attempts": [WRONG, WRONG, RIGHT]}, 0.0),
        ({"attempts": []}, 0.0),
        (RIGHT[:1], 0.0),
        ([*RIGHT, [[6]]], 0.0),
        (RIGHT[0], 0.0),
        ([[[5], [0], [1.0]], [[6]]], 0.0),
        ([[[5], [0], [True]], [[6]]], 0.0),
        ([[["5"], ["0"], ["1"]], [[6]]], 0.0),
        ([[[5], [0], [1]], [6]], 0.0),
        ([[[5], [0], []], [[6]]], 0.0),
        ([RIGHT[0], [[6] * 31]], 0.0),
        ([RIGHT[0], None], 0.0),
    ],
)
def test_grids_count_pair_by_pair(submission: Any, score: float, tmp_path: Path, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(made(TWO_TESTS, tmp_path), submission, {}, sandbox)

    assert evaluation.score == score
    assert (evaluation.message == "") == (score == 1.0)
    assert_is_json(evaluation)


def test_single_grid_does_where_there_is_one_test_pair(tmp_path: Path, sandbox: SpySandbox) -> None:
    task = made({"train": PAIRS[:1], "test": PAIRS[1:]}, tmp_path)

    for submission in (RIGHT[0], RIGHT[:1], {"attempts": [WRONG[0], RIGHT[0]]}):
        assert BENCHMARK.evaluate(task, submission, {}, sandbox).is_right
    assert not BENCHMARK.evaluate(task, WRONG[0], {}, sandbox).is_right


@pytest.mark.parametrize("form", ["text", "program", "fence", "plain name"])
def test_right_program_counts_in_every_form(form: str, sandbox: SpySandbox) -> None:
    text = starter("007bbfb7")
    forms = {
        "text": text,
        "program": {"program": text},
        "fence": f"The grid is repeated in itself:\n```python\n{text}```\n",
        "plain name": text.replace("solve_007bbfb7", "solve"),
    }

    evaluation = BENCHMARK.evaluate(training("007bbfb7"), forms[form], {}, sandbox)

    assert evaluation.message == ""
    assert evaluation.is_right
    assert sandbox.sent() == ""


def test_program_must_be_right_on_the_pairs_that_were_shown(tmp_path: Path, sandbox: SpySandbox) -> None:
    task = made({"train": [PAIRS[0], {"input": [[1, 1]], "output": [[2]]}], "test": PAIRS[1:]}, tmp_path)

    evaluation = BENCHMARK.evaluate(task, "def solve(I):\n    return rot90(I)\n", {}, sandbox)

    assert evaluation.message == "the program's verdict is wrong on train pair 2"
    assert evaluation.score == 0.0


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import os\nos._exit(0)\n", "an expression"),
        ("def solve(I):\n    return open('/etc/passwd')\n", "unknown name 'open'"),
        ("def solve(I):\n    return I.__class__\n", "only calls"),
        ("def solve(S, I, C):\n    return C\n", "wrong on train pair 1"),
        ("def solve_deadbeef(I):\n    return rot90(I)\n", "no program for this task, or several"),
        ("def solve(I):\n    return I\ndef solve_abc(I):\n    return I\n", "no program for this task, or several"),
        ("def batt(task_id, S, I, C, log_path):\n    return [], []\n", ""),
        ("def solve(I):\n    return " + "rot90(" * 5000 + "I" + ")" * 5000, ""),
        (ENDLESS, "timeout"),
        (MEMORY_EATER, "out_of_memory"),
        (STACK_SMASHER, "crashed"),
        (RAISING, "error on train pair 1"),
        ("def solve_\ud800(I):\n    return I\n", ""),
    ],
)
def test_hostile_programs_are_only_wrong(program: str, why: str, tmp_path: Path, sandbox: SpySandbox) -> None:
    task = made(TWO_TESTS, tmp_path)

    evaluation = BENCHMARK.evaluate(task, program, {"timeoutSeconds": 0.2}, sandbox)

    assert evaluation.score == 0.0
    assert why in evaluation.message
    assert evaluation.message
    assert_is_json(evaluation)


@pytest.mark.parametrize("number", range(len(ODD_SUBMISSIONS)))
def test_odd_submissions_are_only_wrong(number: int, tmp_path: Path, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(made(TWO_TESTS, tmp_path), ODD_SUBMISSIONS[number], {}, sandbox)

    assert evaluation.score == 0.0
    assert_is_json(evaluation)


def test_request_to_stop_is_no_verdict(tmp_path: Path) -> None:
    task = made(TWO_TESTS, tmp_path)
    with spy_sandbox(tmp_path / "sandboxes", must_stop=True) as sandbox, pytest.raises(StoppedError):
        BENCHMARK.evaluate(task, ENDLESS, {}, sandbox)


def test_task_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    bad = copy.deepcopy(TWO_TESTS)
    bad["test"][0]["output"] = [[10]]
    (tmp_path / "tasks.json").write_text(json.dumps({"good": TWO_TESTS, "bad": bad}))

    with pytest.raises(InputError, match=r"task 'bad' test\[0\].output\[0\]\[0\]: got 10; must be an integer 0-9"):
        BENCHMARK.tasks(Source(tmp_path / "tasks.json", {}))


def test_dataset_and_data_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"options.dataset: .* must not stand together with spec.hal.data"):
        BENCHMARK.tasks(Source(tmp_path, {"dataset": "arc-agi-2/training"}))


def test_unknown_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"options.dataset: got 'arc-agi-3'; must be one of arc-agi-1/training"):
        BENCHMARK.tasks(Source(None, {"dataset": "arc-agi-3"}))

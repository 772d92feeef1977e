"""USACO: reference solutions get all points, nothing gets none, results have HAL's form, programs are only programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batt.errors import InputError, SpecError
from batt.hal.benchmarks.base import Source, Task, wrong
from batt.hal.benchmarks.usaco import Usaco
from batt.stopping import StoppedError
from tests.unit.hal.benchmarks.judging import (
    ODD_SUBMISSIONS,
    SpySandbox,
    assert_hides,
    assert_is_json,
    evaluate_all,
    spy_sandbox,
)
from tests.unit.hal.benchmarks.olympiad import SUM, make_data, problem

BENCHMARK = Usaco()


def read(data: Path, **options: Any) -> dict[str, Task]:
    """Return the problems by id."""
    return {task.id: task for task in BENCHMARK.tasks(Source(data, options))}


def sum_task(data: Path) -> Task:
    """Return the problem of the sum, which has two hidden tests."""
    make_data(data)
    return read(data)["1_bronze_sum"]


@pytest.mark.parametrize("options", [{}, {"tests": "samples"}])
def test_oracle_gets_everything(options: dict[str, Any], tmp_path: Path, sandbox: SpySandbox) -> None:
    make_data(tmp_path)
    tasks = read(tmp_path, **options)

    evaluations = evaluate_all(
        BENCHMARK, tasks.values(), {name: BENCHMARK.oracle(task) for name, task in tasks.items()}, sandbox, **options
    )

    assert {name: one.message for name, one in evaluations.items()} == dict.fromkeys(tasks, "")
    assert BENCHMARK.metrics(evaluations, list(tasks)) == {
        "accuracy": 1.0,
        "successful_tasks": list(tasks),
        "failed_tasks": [],
    }


def test_null_gets_nothing(tmp_path: Path, sandbox: SpySandbox) -> None:
    make_data(tmp_path)
    tasks = read(tmp_path)

    evaluations = evaluate_all(BENCHMARK, tasks.values(), dict.fromkeys(tasks, ""), sandbox)

    assert BENCHMARK.metrics(evaluations, list(tasks))["accuracy"] == 0.0


def test_agents_get_what_hal_gives_them_and_nothing_hidden(tmp_path: Path) -> None:
    make_data(tmp_path)
    tasks = read(tmp_path)

    expected = {key: value for key, value in problem("1_bronze_sum", SUM).items() if not key.startswith("solution")}
    assert dict(tasks["1_bronze_sum"].input) == expected
    assert_hides(BENCHMARK, tasks.values(), "print(sum(map", "Add them.", "int main()", "30000\n")


def test_expected_outputs_never_reach_the_sandbox(tmp_path: Path, sandbox: SpySandbox) -> None:
    task = sum_task(tmp_path)

    BENCHMARK.evaluate(task, "print(input())", {}, sandbox)

    assert "10000 20000" in sandbox.sent()
    assert "30000" not in sandbox.sent()


def test_result_has_hals_form(tmp_path: Path, sandbox: SpySandbox) -> None:
    task = sum_task(tmp_path)
    response = "```python\nprint(3)\n```"

    evaluation = BENCHMARK.evaluate(task, {"answer": response}, {}, sandbox)

    assert evaluation.score == 0.5
    assert evaluation.message == "passes 1 of 2 tests (hidden); wrong answer on test 2"
    entry = {
        "solution_code": response,
        "result": {
            "result_type": 2,
            "status": "wrong answer on test 2",
            "num_passed": 1,
            "num_tests": 2,
            "fraction_passed": 0.5,
            "problem_id": task.id,
            "tests": "hidden",
            "result_list": [
                {"result_type": 1, "status": "passed test 1"},
                {"result_type": 2, "status": "wrong answer on test 2"},
            ],
        },
        "problem_id": task.id,
    }
    raw = BENCHMARK.raw_results({task.id: evaluation})
    assert raw == {
        "rdict": {task.id: [entry["result"]]},
        "sdict": {task.id: [entry]},
        "rs": [[entry["result"]]],
        "ss": [[entry]],
    }
    assert BENCHMARK.metrics({task.id: evaluation}, [])["failed_tasks"] == [task.id]


def test_evaluation_made_elsewhere_gets_hals_form(tmp_path: Path) -> None:
    raw = BENCHMARK.raw_results({"x": wrong("the agent failed")})

    assert raw["sdict"]["x"][0]["result"]["fraction_passed"] == 0.0
    assert raw["sdict"]["x"][0]["problem_id"] == "x"


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("import sys\nprint(sum(map(int, input().split())))\nsys.exit()\n", "Passed all 2 tests"),
        ("print('\\r\\n', sum(map(int, input().split())), '\\t\\n\\n')\n", "Passed all 2 tests"),
        ("if __name__ == '__main__':\n    print(sum(map(int, input().split())))\n", "Passed all 2 tests"),
        ("print(sum(map(int, open(0).read().split())))\n", "Passed all 2 tests"),
        ("", "wrong answer on test 2"),
        ("import os; os._exit(0)", "wrong answer on test 2"),
        ("raise SystemExit(3)", "failed on test 2: ended with exit code 3"),
        ("raise KeyboardInterrupt", "failed on test 2"),
        ("import os; os.abort()", "failed on test 2: was ended by SIGABRT"),
        ("while True: pass", "timed out on test 2"),
        ("import time; time.sleep(100)", "timed out on test 2"),
        ("while True: print('x' * 65536)", "failed on test 2: printed too much"),
        (
            "import os, time\nfor _ in range(100): os.fork() or time.sleep(50)\ntime.sleep(50)",
            "on test 2",  # too many processes, or too much memory of all of them: whichever is seen first
        ),
        (
            "x = bytearray(120_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1\nimport time; time.sleep(1)",
            "memory limit",
        ),
        ("import os; os.kill(os.getppid(), 9)\nimport time; time.sleep(50)", "failed on test 2"),
        ("import os; os.write(1, b'\\xff\\xfe')", "wrong answer on test 2"),
        ("(" * 5000, "failed on test 2"),
        ("print('\ud800')", "failed on test 2"),
        ("print(3)\n\x00", "failed on test 2"),
        ("x = 9\nwhile True: x *= x", "timed out on test 2"),
        ("import sys; sys.stderr.write('x' * 10_000_000)", "wrong answer on test 2"),
        ("import builtins; builtins.print = None; print(3)", "failed on test 2"),
    ],
)
def test_whatever_a_program_does_is_its_result(program: str, status: str, tmp_path: Path, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(sum_task(tmp_path), program, {"timeFactor": 0.1}, sandbox)

    assert status in evaluation.details["result"]["status"]
    assert evaluation.score == float(status.startswith("Passed"))
    assert_is_json(evaluation)
    assert "30000" not in json.dumps(evaluation.details)


def test_flood_of_a_program_that_reads_nothing_is_bounded(tmp_path: Path, sandbox: SpySandbox) -> None:
    task = sum_task(tmp_path)
    task.truth["tests"] = [["x" * 10_000_000, "x"]]

    evaluation = BENCHMARK.evaluate(task, "while True: print('x' * 65536)", {}, sandbox)

    assert evaluation.details["result"]["status"] == "failed on test 1: printed too much"


@pytest.mark.parametrize("number", range(len(ODD_SUBMISSIONS)))
def test_odd_submissions_are_only_wrong(number: int, tmp_path: Path, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(sum_task(tmp_path), ODD_SUBMISSIONS[number], {}, sandbox)

    assert evaluation.score == 0.0
    assert_is_json(evaluation)
    assert_is_json(evaluation._replace(details=BENCHMARK.raw_results({"x": evaluation})))


def test_request_to_stop_is_no_verdict(tmp_path: Path) -> None:
    task = sum_task(tmp_path)
    with spy_sandbox(tmp_path / "sandboxes", must_stop=True) as sandbox, pytest.raises(StoppedError):
        BENCHMARK.evaluate(task, "print(3)", {}, sandbox)


def test_problem_without_any_test_is_not_solved(tmp_path: Path, sandbox: SpySandbox) -> None:
    make_data(tmp_path, samples=[])
    task = read(tmp_path, tests="samples")["1_bronze_sum"]

    evaluation = BENCHMARK.evaluate(task, "print(3)", {}, sandbox)

    assert evaluation.message == "passes 0 of 0 tests (samples); there is no test"
    assert evaluation.score == 0.0


def test_oracle_without_a_reference_says_so(tmp_path: Path) -> None:
    make_data(tmp_path, solution_python3=None)

    with pytest.raises(InputError, match=r"1_bronze_sum: got no solution_python3; .* leave the task out"):
        BENCHMARK.oracle(read(tmp_path)["1_bronze_sum"])


def test_options_and_missing_data_are_named_together() -> None:
    with pytest.raises(SpecError) as caught:
        BENCHMARK.tasks(Source(None, {"tests": "all", "timeFactor": 0}))

    assert [fault.where for fault in caught.value.faults] == [
        "spec.hal.options.tests",
        "spec.hal.options.timeFactor",
        "spec.hal.data",
    ]

"""USACO: problems of the USA Computing Olympiad, from HAL's own data; programs are judged on their tests.

A program is run once a test, in the sandbox, with the test's input as its standard input. Its output comes back and is
compared here. Source of the results' form: harness.py and usaco_utils.py of HAL's USACO. Two differences: a program
that ends by sys.exit() may be right, and too much memory has a result of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from batt.errors import Fault, InputError, SpecError
from batt.hal.benchmarks.base import Evaluation, PerTask, Source, Task, answer_of, stop_if_asked
from batt.hal.benchmarks.fences import NO_PROGRAM, program_in
from batt.hal.benchmarks.options import number, one_of, option_faults
from batt.hal.benchmarks.usaco_data import (
    HIDDEN,
    REMEDY,
    cases_of,
    count_tests,
    find_problems,
    find_tests,
    read_tasks,
)
from batt.hal.process import Reason
from batt.hal.sandbox import Finished, Sandbox

START_SECONDS = 1.0
"""Time beside a problem's limit for Python to start: a busy machine needs some of it."""

MEGABYTE = 1_000_000
"""Bytes of a megabyte, as HAL's judge counts."""

OPTIONS = {"tests": one_of("hidden", "samples"), "timeFactor": number(0.1, 100)}
"""What can be chosen."""

PROGRAM = "program.py"
"""The submission's name in the sandbox."""


class Result(IntEnum):
    """How a program did on a test, by HAL's numbers."""

    ACCEPTED = 1
    WRONG_ANSWER = 2
    TIME_LIMIT_EXCEEDED = 3
    MEMORY_LIMIT_EXCEEDED = 4
    RUNTIME_ERROR = 6
    UNKNOWN = 7


class Judged(NamedTuple):
    """How a program did on a test. status: that in words, nothing of the test in it."""

    result: Result
    status: str


class Usaco(PerTask):
    """Programming problems; scored by running the submitted program on the tests, as HAL's judge does."""

    name = "usaco"
    hidden = HIDDEN

    def tasks(self, source: Source) -> list[Task]:
        """Return the problems of HAL's file, in its order."""
        faults = option_faults(source.options, OPTIONS)
        if source.data is None:
            faults.append(Fault("spec.hal.data", "nothing", "must be the folder of HAL's USACO data", REMEDY))
        if faults or source.data is None:
            raise SpecError(faults)
        path = find_problems(source.data)
        tests = find_tests(path, source.options.get("tests"))
        return read_tasks(path, tests)

    def evaluate(self, task: Task, submission: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return the part of the tests that a program passes; HAL counts a task as solved where that is all."""
        program = program_in(submission)
        if program is None:
            return evaluation(task, submission, [Judged(Result.UNKNOWN, NO_PROGRAM)] * count_tests(task))
        seconds = task.truth["runtime_limit"] * float(options.get("timeFactor", 1)) + START_SECONDS
        memory_bytes = int(task.truth["memory_limit"] * MEGABYTE)
        judged = []
        for place, (given, expected) in enumerate(cases_of(task), 1):
            stdin = given.encode(errors="surrogatepass")
            finished = sandbox.run({PROGRAM: program}, [PROGRAM], stdin, seconds, memory_bytes)
            stop_if_asked(sandbox)
            judged.append(judge(finished, expected, place))
        return evaluation(task, submission, judged)

    def raw_results(self, evaluations: Mapping[str, Evaluation]) -> Any:
        """Return what HAL's harness does: results and solutions by problem, and again as lists."""
        solutions = {task: [details_of(task, one)] for task, one in evaluations.items()}
        results = {task: [entry["result"] for entry in entries] for task, entries in solutions.items()}
        return {"rdict": results, "sdict": solutions, "rs": list(results.values()), "ss": list(solutions.values())}

    def oracle(self, task: Task) -> str:
        """Return the reference solution as a response.

        Raises:
            InputError: the data has none in Python for this problem.
        """
        solution = task.truth["solution_python3"]
        if not solution:
            rule = "the oracle needs one"
            raise InputError(f"{task.id}: got no solution_python3; {rule}; leave the task out for that agent")
        return f"```python\n{solution}\n```"


def judge(finished: Finished, expected: str, place: int) -> Judged:
    """Return how a program did on a test: its output must be the expected one but for space around it."""
    end = finished.end
    if end.reason is Reason.TIMEOUT:
        return Judged(Result.TIME_LIMIT_EXCEEDED, f"timed out on test {place}")
    if end.reason is Reason.MEMORY:
        return Judged(Result.MEMORY_LIMIT_EXCEEDED, f"memory limit exceeded on test {place}")
    if not end.is_success or finished.is_cut:
        how = "printed too much" if finished.is_cut else str(end)
        return Judged(Result.RUNTIME_ERROR, f"failed on test {place}: {how}")
    lines = finished.output.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if lines.strip() == expected.strip():
        return Judged(Result.ACCEPTED, f"passed test {place}")
    return Judged(Result.WRONG_ANSWER, f"wrong answer on test {place}")


def evaluation(task: Task, submission: Any, judged: Sequence[Judged]) -> Evaluation:
    """Return what the tests come to, as HAL's harness has it: its `result` is the last that was not accepted."""
    passed = sum(one.result is Result.ACCEPTED for one in judged)
    failed = [one for one in judged if one.result is not Result.ACCEPTED]
    last = failed[-1] if failed else Judged(Result.ACCEPTED, f"Passed all {len(judged)} tests")
    if not judged:  # without hidden tests, of a problem that has no samples either
        last = Judged(Result.UNKNOWN, "there is no test")
    fraction = passed / len(judged) if judged else 0.0
    result = {
        "result_type": int(last.result),
        "status": last.status,
        "num_passed": passed,
        "num_tests": len(judged),
        "fraction_passed": fraction,
        "problem_id": task.id,
        "tests": task.truth["kind"],
        "result_list": [{"result_type": int(one.result), "status": one.status} for one in judged],
    }
    details = {"solution_code": answer_of(submission), "result": result, "problem_id": task.id}
    message = f"passes {passed} of {len(judged)} tests ({task.truth['kind']}); {last.status}"
    return Evaluation(fraction, details, "" if last.result is Result.ACCEPTED else message)


def details_of(task: str, one: Evaluation) -> Any:
    """Return the details of an evaluation; of one that was made elsewhere, such as a failed agent's, HAL's form."""
    if isinstance(one.details, dict) and "result" in one.details:
        return one.details
    result = {
        "result_type": int(Result.UNKNOWN),
        "status": "No submission",
        "num_passed": 0,
        "num_tests": 0,
        "fraction_passed": 0.0,
        "problem_id": task,
        "result_list": [],
    }
    return {"solution_code": None, "result": result, "problem_id": task}

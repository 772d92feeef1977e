"""HAL's data of USACO, as it lies after a download: problems in one file, their tests in folders beside it.

    data/datasets/usaco_subset307_dict.json          problem id -> problem
    data/datasets/usaco_v3/tests/<problem id>/       1.in, 1.out, ... or I.1, O.1, ...

batt ships neither. Without tests the samples of the problems are judged, which agents see. Source of the formats:
hal/benchmarks/usaco.py, and usaco_utils.py of HAL's USACO.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from batt.errors import Fault, InputError, shown
from batt.hal.benchmarks.base import Task
from batt.hal.benchmarks.options import number

PROBLEMS = "usaco_subset307_dict.json"
"""The file of problems."""

PLACES = (".", "data", "datasets", "data/datasets")
"""Where it is looked for in the folder that spec.hal.data names."""

TESTS = ("usaco_v3/tests", "../usaco_v3/tests")
"""Where the tests are looked for, beside it."""

GIVEN, EXPECTED = "{}.in", "{}.out"
"""What a test's two files are called where it is scored."""

TEST_NAMES = (("{}.in", "{}.out"), ("I.{}", "O.{}"))
"""How a test's two files may be named."""

REMEDY = "name HAL's hal/benchmarks/USACO, with the data that HAL's README tells to download into it"
"""What to do when the data is not there."""

SHOWN_FAULTS = 20
"""Most problems with faults that are told one by one."""

HIDDEN = frozenset({"solution", "solution_python3", "solution_english"})
"""What no agent gets of a problem, as in HAL."""

LIMIT = number(0, 1_000_000)
"""What a problem's limits must be."""


def find_problems(data: Path) -> Path:
    """Return the file of problems that spec.hal.data names, or that is in the folder it names."""
    for path in [data, *(data / place / PROBLEMS for place in PLACES)]:
        if path.is_file():
            return path
    raise InputError(f"{data}: got no {PROBLEMS} in it, nor in data/datasets of it; {REMEDY}")


def find_tests(problems: Path, wanted: str | None) -> Path | None:
    """Return the folder of hidden tests; None where the samples are to be used."""
    if wanted == "samples":
        return None
    found = next((problems.parent / place for place in TESTS if (problems.parent / place).is_dir()), None)
    if found is None and wanted == "hidden":
        rule = "hidden tests must lie in usaco_v3/tests beside it"
        raise InputError(f"{problems}: {rule}; download them, or set spec.hal.options.tests to samples")
    return found


def read_tasks(path: Path, tests: Path | None) -> list[Task]:
    """Return the problems of a file.

    Raises:
        InputError: it cannot be read, or problems in it lack something; all those are named.
    """
    try:
        problems = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: got {shown(str(error))}; must be HAL's JSON of problems; {REMEDY}") from error
    if not isinstance(problems, dict) or not problems:
        raise InputError(f"{path}: got a {type(problems).__name__}; must be an object of problems by id; {REMEDY}")
    faults = [fault for name, problem in problems.items() for fault in problem_faults(path, name, problem, tests)]
    if faults:
        more = f"\n... and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise InputError("\n".join(map(str, faults[:SHOWN_FAULTS])) + more)
    return [as_task(name, problem, tests) for name, problem in problems.items()]


def problem_faults(path: Path, name: str, problem: Any, tests: Path | None) -> Iterator[Fault]:
    """Yield what is wrong with a problem."""
    where = f"{path}: problem {shown(name)}"
    if not isinstance(problem, dict):
        yield Fault(where, f"a {type(problem).__name__}", "must be an object", "correct or remove it")
        return
    for key in ("runtime_limit", "memory_limit"):
        if not LIMIT.is_met(problem.get(key)):
            yield Fault(f"{where}.{key}", shown(problem.get(key)), LIMIT.text, "correct it")
    if tests is None:
        samples = problem.get("samples")
        if not isinstance(samples, list) or len(list(sample_pairs(problem))) < len(samples):
            rule = "must be a list of samples with input and output, where there are no tests"
            yield Fault(f"{where}.samples", shown(samples), rule, "correct it")
        return
    count = problem.get("num_tests")
    if type(count) is not int or not 1 <= count <= 1000:
        yield Fault(f"{where}.num_tests", shown(count), "must be a whole number from 1 to 1000", "correct it")
        return
    lacking = [str(place) for place in range(1, count + 1) if test_files(tests / name, place) is None]
    if lacking:
        got = f"no test {', '.join(lacking)}"
        rule = f"must hold all {count} tests"
        yield Fault(str(tests / name), got, rule, "complete them, or set spec.hal.options.tests to samples")


def sample_pairs(problem: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield input and output of a problem's samples."""
    samples = problem.get("samples")
    for sample in samples if isinstance(samples, list) else []:
        match sample:
            case {"input": str(given), "output": str(expected)}:
                yield [given, expected]


def test_files(folder: Path, place: int) -> tuple[Path, Path] | None:
    """Return the two files of a test; None where one is missing."""
    for names in TEST_NAMES:
        given, expected = [folder / name.format(place) for name in names]
        if given.is_file() and expected.is_file():
            return given, expected
    return None


def as_task(name: str, problem: Mapping[str, Any], tests: Path | None) -> Task:
    """Return a problem as HAL's agents get it, and apart from that its tests, limits and reference solution."""
    answers: dict[str, Path] = {}
    if tests is not None:  # they are big: a problem may have megabytes of them
        pairs = [test_files(tests / name, place) for place in range(1, problem["num_tests"] + 1)]
        for place, (given, expected) in enumerate(filter(None, pairs), 1):
            answers |= {GIVEN.format(place): given, EXPECTED.format(place): expected}
    truth = {
        "tests": list(sample_pairs(problem)) if tests is None else len(answers) // 2,
        "kind": "samples" if tests is None else "hidden",
        "runtime_limit": problem["runtime_limit"],
        "memory_limit": problem["memory_limit"],
        "solution_python3": problem.get("solution_python3"),
    }
    shown_ones = {key: value for key, value in problem.items() if key not in HIDDEN}
    return Task(name, shown_ones, truth, answers=answers)


def count_tests(task: Task) -> int:
    """Return how many tests a task has."""
    tests = task.truth["tests"]
    return tests if isinstance(tests, int) else len(tests)


def cases_of(task: Task) -> Iterator[tuple[str, str]]:
    """Yield input and expected output of a task's tests, one at a time."""
    tests = task.truth["tests"]
    if not isinstance(tests, int):
        yield from ((given, expected) for given, expected in tests)
        return
    for place in range(1, tests + 1):
        given, expected = (task.answers[name.format(place)] for name in (GIVEN, EXPECTED))
        yield read(given), read(expected)


def read(path: Path) -> str:
    """Return a file of a test."""
    return path.read_text(encoding="utf-8", errors="replace")

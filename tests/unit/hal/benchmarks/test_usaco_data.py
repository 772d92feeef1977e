"""HAL's data of USACO is found where it may lie; what is wrong with it is named, all at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal.benchmarks.usaco_data import cases_of, count_tests, find_problems, find_tests, read_tasks
from tests.unit.hal.benchmarks.olympiad import NAMES, make_data


@pytest.mark.parametrize("below", ["", "data", "data/datasets", "data/datasets/usaco_subset307_dict.json"])
def test_data_is_found_from_each_of_its_folders(below: str, tmp_path: Path) -> None:
    path = make_data(tmp_path)

    found = find_problems(tmp_path / below)

    assert found.resolve() == path
    assert find_tests(found, None) is not None


def test_tests_beside_the_folder_of_problems_are_found(tmp_path: Path) -> None:
    path = make_data(tmp_path)
    shutil.move(path.parent / "usaco_v3", path.parent.parent / "usaco_v3")

    tests = find_tests(path, "hidden")

    assert tests is not None
    assert [task.truth["kind"] for task in read_tasks(path, tests)] == ["hidden"] * 3


def test_truth_holds_tests_and_limits(tmp_path: Path) -> None:
    path = make_data(tmp_path)

    first, mirror, _ = read_tasks(path, find_tests(path, None))

    assert first.id == "1_bronze_sum"
    assert list(cases_of(first)) == [("1 2\n", "3\n"), ("10000 20000\n", "30000\n")]
    assert list(cases_of(mirror)) == [("ab\ncd\n", "ba\ndc\n"), ("\n", "\n")]
    assert (first.truth["tests"], count_tests(first)) == (2, 2)  # they themselves are files: many and big
    assert (first.truth["runtime_limit"], first.truth["memory_limit"]) == (2, 64)
    json.dumps(first.truth)


def test_without_tests_the_samples_are_judged(tmp_path: Path) -> None:
    path = make_data(tmp_path)
    shutil.rmtree(path.parent / "usaco_v3")

    tasks = read_tasks(path, find_tests(path, None))

    assert [task.truth["kind"] for task in tasks] == ["samples"] * 3
    assert list(cases_of(tasks[0])) == [("1 2", "3")]
    assert tasks[0].answers == {}


def test_hidden_tests_that_are_not_there_are_told(tmp_path: Path) -> None:
    path = make_data(tmp_path)
    shutil.rmtree(path.parent / "usaco_v3")

    with pytest.raises(InputError, match=r"hidden tests must lie in usaco_v3/tests .* set spec.hal.options.tests"):
        find_tests(path, "hidden")


def test_folder_without_data_is_told_with_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got no usaco_subset307_dict.json .*hal/benchmarks/USACO.*README"):
        find_problems(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", "[" * 100_000, '"\\ud800'])
def test_file_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "usaco_subset307_dict.json"
    path.write_text(text)

    with pytest.raises(InputError, match=r"usaco_subset307_dict.json: got .*; must be"):
        read_tasks(path, None)


def test_all_faulty_problems_are_named(tmp_path: Path) -> None:
    path = make_data(tmp_path)
    problems = json.loads(path.read_text())
    problems["1_bronze_sum"]["runtime_limit"] = "two"
    problems["2_silver_mirror"]["num_tests"] = 3
    problems["3_gold_largest"]["num_tests"] = None
    problems["4"] = []
    path.write_text(json.dumps(problems))

    with pytest.raises(InputError) as caught:
        read_tasks(path, find_tests(path, None))

    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "problem '1_bronze_sum'.runtime_limit: got 'two'; must be a number" in lines[0]
    assert "2_silver_mirror: got no test 3; must hold all 3 tests; complete them, or set" in lines[1]
    assert "problem '3_gold_largest'.num_tests: got None; must be a whole number" in lines[2]
    assert "problem '4': got a list; must be an object" in lines[3]


def test_samples_that_are_none_are_named(tmp_path: Path) -> None:
    path = make_data(tmp_path, samples=[{"input": "1"}])

    with pytest.raises(InputError, match=r"'1_bronze_sum'.samples: got .*; must be a list of samples") as caught:
        read_tasks(path, None)

    assert len(str(caught.value).splitlines()) == len(NAMES)

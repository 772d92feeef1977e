"""Tasks are checked value by value; what is wrong is named, the rest goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batt.errors import InputError
from batt.inputs.task_files import NAMED_FILES, _named_text
from batt.inputs.tasks import Pair, load_dataset, task_from_json, task_json

Json = Any  # the tests write every shape of it

GRID: Json = [[0, 1], [2, 9]]


def pair(**changes: Json) -> Json:
    """A good pair with `changes`; None removes a key."""
    return {key: value for key, value in ({"input": GRID, "output": [[5]]} | changes).items() if value is not None}


def task(**changes: Json) -> Json:
    """A good task with `changes`; None removes a key."""
    return {key: value for key, value in ({"train": [pair()], "test": [pair()]} | changes).items() if value is not None}


def write(path: Path, value: Json) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def test_task_holds_its_pairs_as_tuples(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", {"a": task(train=[pair(), pair(input=[[3]])], test=[pair(output=GRID)])})

    (loaded,) = load_dataset(str(path)).tasks

    grid = ((0, 1), (2, 9))
    assert loaded.id == "a"
    assert loaded.train == (Pair(grid, ((5,),)), Pair(((3,),), ((5,),)))
    assert loaded.test == (Pair(grid, grid),)


def test_task_survives_a_trip_through_json() -> None:
    (loaded,) = load_dataset("arc-agi-1/training", ["007bbfb7"]).tasks

    assert task_from_json(json.loads(json.dumps(task_json(loaded)))) == loaded


def test_digest_is_of_the_pairs_only(tmp_path: Path) -> None:
    extra = task(name="said elsewhere")
    extra = {key: extra[key] for key in reversed(extra)}
    path = write(tmp_path / "t.json", {"a": task(), "b": extra, "c": task(test=[pair(output=[[6]])])})

    a, b, c = load_dataset(str(path)).tasks

    assert a.digest == b.digest
    assert len(a.digest) == 64
    assert a.digest != c.digest


def test_train_and_test_pairs_are_told_apart_in_the_digest(tmp_path: Path) -> None:
    two = [pair(), pair(input=[[3]])]
    path = write(tmp_path / "t.json", {"a": task(train=two, test=[pair()]), "b": task(train=[pair()], test=two[::-1])})

    a, b = load_dataset(str(path)).tasks

    assert a.digest != b.digest


def test_dataset_digest_is_of_the_asked_tasks_in_any_order(tmp_path: Path) -> None:
    other = task(test=[pair(output=[[6]])])
    forth = load_dataset(str(write(tmp_path / "1.json", {"a": task(), "b": other})))
    back = load_dataset(str(write(tmp_path / "2.json", {"b": other, "a": task()})))
    renamed = load_dataset(str(write(tmp_path / "3.json", {"a": task(), "c": other})))

    assert forth.digest == back.digest
    assert [loaded.id for loaded in back.tasks] == ["b", "a"]
    assert len({forth.digest, renamed.digest, load_dataset(forth.uri, ["a"]).digest}) == 3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (task(train=None), " train: got nothing; must be a list of at least one pair"),
        (task(test=None), " test: got nothing; must be a list of at least one pair"),
        (task(train=[]), " train: got a list of 0; must be a list of at least one pair"),
        (task(test={}), " test: got dict {}; must be a list"),
        (task(train=[pair(), 3]), " train[1]: got int 3; must be an object with input and output"),
        (task(train=[pair(input=None)]), " train[0]: got ['output']; must be an object with input and output"),
        (task(train=[pair(output=None)]), " train[0]: got ['input']; must be an object with input and output"),
        (task(test=[pair(), pair(output=None)]), " test: got no output; test outputs are needed to score candidates"),
        (task(train=[pair(input=[])]), " train[0].input: got a list of 0; must be a list of 1 to 30 rows"),
        (task(train=[pair(input="grid")]), " train[0].input: got str 'grid'; must be a list of 1 to 30 rows"),
        (task(train=[pair(input=[[1]] * 31)]), " train[0].input: got a list of 31; must be a list of 1 to 30 rows"),
        (task(train=[pair(input=[[1] * 31])]), " train[0].input[0]: got a list of 31; must be a list of 1 to 30 cells"),
        (task(train=[pair(input=[[1], []])]), " train[0].input[1]: got a list of 0; must be a list of 1 to 30 cells"),
        (task(train=[pair(input=[[1], 2])]), " train[0].input[1]: got int 2; must be a list of 1 to 30 cells"),
        (task(train=[pair(input=[[1], "2"])]), " train[0].input[1]: got str '2'; must be a list of 1 to 30 cells"),
        (
            task(test=[pair(output=[[1, 2], [1]])]),
            " test[0].output[1]: got 1 cells; must be as long as the rows before, 2 cells",
        ),
        (task(test=[pair(output=[[1, 10]])]), " test[0].output[0][1]: got 10; must be an integer 0-9"),
        (task(test=[pair(output=[[-1]])]), " test[0].output[0][0]: got -1; must be an integer 0-9"),
        (task(test=[pair(output=[[1.0]])]), " test[0].output[0][0]: got 1.0; must be an integer 0-9"),
        (task(test=[pair(output=[["1"]])]), " test[0].output[0][0]: got '1'; must be an integer 0-9"),
        (task(test=[pair(output=[[None]])]), " test[0].output[0][0]: got None; must be an integer 0-9"),
        (task(test=[pair(output=[[0, True]])]), " test[0].output[0][1]: got True; must be an integer 0-9"),
        (task(test=[pair(output=[[float("nan")]])]), " test[0].output[0][0]: got nan; must be an integer 0-9"),
        ([], ": got a list; must be an object with train and test"),
        (None, ": got a NoneType; must be an object with train and test"),
    ],
)
def test_malformed_task_is_refused_by_name_and_the_others_go_on(tmp_path: Path, bad: Json, message: str) -> None:
    path = write(tmp_path / "t.json", {"first": task(), "bad": bad, "last": task()})

    dataset = load_dataset(str(path))

    assert [loaded.id for loaded in dataset.tasks] == ["first", "last"]
    (fault,) = dataset.refused
    assert str(fault).startswith(f"{path}: task 'bad'{message}")
    assert fault.remedy


def test_largest_and_smallest_grids_are_accepted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", {"a": task(train=[pair(input=[[9] * 30] * 30, output=[[0]])])})

    (loaded,) = load_dataset(str(path)).tasks

    assert loaded.train[0].input == ((9,) * 30,) * 30


@pytest.mark.parametrize("bad", ["../../etc", "a/b", "", ".hidden", "-i", "a b", "x" * 129, "a\nb", "ä"])
def test_ids_that_cannot_name_a_file_are_refused(tmp_path: Path, bad: str) -> None:
    path = write(tmp_path / "t.json", {"good.1_x-y": task(), bad: task()})

    dataset = load_dataset(str(path))

    assert [loaded.id for loaded in dataset.tasks] == ["good.1_x-y"]
    assert [fault.rule.startswith("ids must be 1-128 letters") for fault in dataset.refused] == [True]


def test_every_fault_is_told_when_no_task_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", {"a": task(train=[]), "b": 3, "good": task()})

    with pytest.raises(InputError) as caught:
        load_dataset(str(path), ["a", "b"])

    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines] == [" task 'a' train", " task 'b'"]


def test_tasks_that_nobody_asked_for_are_not_looked_into(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", {"a": task(), "broken": 3, "b": task()})

    dataset = load_dataset(str(path), ["b"])

    assert [loaded.id for loaded in dataset.tasks] == ["b"]
    assert dataset.refused == ()


def fastest_seconds(act: Callable[[], object]) -> float:
    """The least CPU time of five runs: others on the machine do not count."""
    times = []
    for _ in range(5):
        start = time.process_time()
        act()
        times.append(time.process_time() - start)
    return min(times)


def test_400_tasks_load_in_little_more_than_their_json_takes() -> None:
    text = _named_text(NAMED_FILES["arc-agi-1"])
    parse = fastest_seconds(lambda: json.loads(text))  # 800 tasks: twice what is loaded

    load = fastest_seconds(lambda: load_dataset("arc-agi-1/training"))

    assert load < 5 * parse

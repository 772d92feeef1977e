"""Where a run stands is read from the names of its objects, and from its last summary."""

from pathlib import Path

import pytest

from batt.manifest import Counts, InputPaths, Manifest, RunRef, ShardPlan
from batt.state import has_result, is_finished, last_attempt, missing_shards, shard_results
from batt.store import DirectoryStore, create_json


def manifest(shards: int) -> Manifest:
    return Manifest(
        ref=RunRef("default", "small", "00000001"),
        spec={},
        inputs_digest="",
        dataset_digest="",
        candidates_digest="",
        dsl_location="",
        dsl_digest="",
        engine="",
        tasks=(),
        refused_tasks=(),
        counts=Counts(0, 0, 0, 0, 0),
        inputs=InputPaths((), (), "", ""),
        shards=tuple(ShardPlan(1, 1, f"inputs/{place}") for place in range(shards)),
        held={},
    )


FOLDER = "default/small-00000001"


def store_with(tmp_path: Path, *paths: str) -> DirectoryStore:
    root = DirectoryStore(tmp_path)
    for path in paths:
        root.create(f"{FOLDER}/{path}", b"")
    return root


def finish(root: DirectoryStore, attempt: int, missing: list[int]) -> None:
    create_json(root, f"{FOLDER}/out/{attempt}/summary.json", {"summary": {"missing_shards": missing}})
    create_json(root, f"{FOLDER}/out/{attempt}/results.json", {})


def test_shards_without_a_result_are_missing(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/1.json.gz", "shards/10.json.gz")

    assert missing_shards(root, manifest(12)) == [0, 2, 3, 4, 5, 6, 7, 8, 9, 11]


def test_the_highest_attempt_of_a_shard_counts(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/0.json.gz", "shards/0.2.json.gz", "shards/0.10.json.gz", "shards/1.3.json.gz")

    assert shard_results(root, manifest(2)) == {
        0: f"{FOLDER}/shards/0.10.json.gz",
        1: f"{FOLDER}/shards/1.3.json.gz",
    }


def test_one_shard_is_asked_for_alone(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/1.json.gz", "shards/20.json.gz", "shards/3.2.json.gz", "shards/4.txt")

    assert [has_result(root, manifest(30), index) for index in (0, 1, 2, 3, 4, 20)] == [
        False,
        True,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("name", ["shards/7.json.gz", "shards/x.json.gz", "shards/0.json", "shards/sub/0.txt"])
def test_what_is_no_result_of_this_run_does_not_count(tmp_path: Path, name: str) -> None:
    assert shard_results(store_with(tmp_path, name), manifest(2)) == {}


def test_a_run_of_another_name_that_begins_alike_does_not_count(tmp_path: Path) -> None:
    root = DirectoryStore(tmp_path)
    root.create("default/small-00000001-more/shards/0.json.gz", b"")

    assert missing_shards(root, manifest(1)) == [0]


def test_attempts_are_counted_as_numbers(tmp_path: Path) -> None:
    root = store_with(tmp_path)
    assert last_attempt(root, manifest(1)) == 0

    for attempt in (1, 2, 10):
        finish(root, attempt, [])

    assert last_attempt(root, manifest(1)) == 10


def test_a_run_without_results_is_unfinished(tmp_path: Path) -> None:
    assert not is_finished(store_with(tmp_path, "shards/0.json.gz"), manifest(1))


def test_a_run_with_all_shards_and_their_results_is_finished(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/0.json.gz")
    finish(root, 1, [])

    assert is_finished(root, manifest(1))


def test_a_run_that_lost_a_shard_is_unfinished(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/0.json.gz")
    finish(root, 1, [])

    assert not is_finished(root, manifest(2))


def test_results_made_before_the_last_shard_leave_a_run_unfinished(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/0.json.gz", "shards/1.json.gz")
    finish(root, 1, [1])
    assert not is_finished(root, manifest(2))

    finish(root, 2, [])

    assert is_finished(root, manifest(2))


def test_a_collect_that_was_killed_between_summary_and_results_leaves_a_run_unfinished(tmp_path: Path) -> None:
    root = store_with(tmp_path, "shards/0.json.gz")

    create_json(root, f"{FOLDER}/out/1/summary.json", {"summary": {"missing_shards": []}})

    assert not is_finished(root, manifest(1))


def test_a_run_without_work_is_finished_by_its_results(tmp_path: Path) -> None:
    root = store_with(tmp_path)
    assert not is_finished(root, manifest(0))

    finish(root, 1, [])

    assert is_finished(root, manifest(0))

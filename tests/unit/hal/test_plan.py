"""What a HAL run is frozen into: tasks in their order, the truth apart, ids, and what makes two runs the same."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from batt.api import hal_of
from batt.errors import InputError, SpecError
from batt.hal.manifest import hal_manifest_from_json, hal_manifest_to_json
from batt.hal.plan import (
    differences,
    find_hal_run,
    find_resumable_hal,
    load_hal_manifest,
    read_hal_inputs,
    run_ids,
)
from batt.manifest import RunRef
from batt.store import DirectoryStore, read_json
from tests.unit.hal.benchmarks.olympiad import NAMES, make_data
from tests.unit.hal.hal_runs import done, make_run, planned, worked, write_inputs

QUESTIONS = {"a": ("1", "secret-one"), "b": ("2", "secret-two"), "c": ("fail", "secret-three")}


def test_agents_inputs_hold_no_truth_and_the_truth_lies_apart(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")

    manifest = planned(make_run(), tmp_path, root)

    texts = {path: str(read_json(root, path)) for path in root.list(f"{manifest.ref.folder}/") if path.endswith("gz")}
    assert {path.split("/")[2] for path, text in texts.items() if "secret" in text} == {"truth"}
    assert manifest.tasks == ("a", "b", "c")


def test_a_manifest_is_the_same_after_a_trip_through_the_store(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(repeats=2), tmp_path, root)

    assert load_hal_manifest(root, manifest.ref) == manifest
    assert hal_manifest_from_json(hal_manifest_to_json(manifest)) == manifest


def test_a_manifest_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"manifest: got schema 1 of kind None; must be 2 of kind 'hal'"):
        hal_manifest_from_json({"schema": 1})


def test_a_run_is_planned_once(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    first = planned(make_run(), tmp_path, root)
    write_inputs(tmp_path, {"z": ("other", "x")})

    assert planned(make_run(), tmp_path, root) == first


def test_rows_are_all_tasks_repeat_by_repeat(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)

    manifest = planned(make_run(repeats=2, maxTasks=2), tmp_path, DirectoryStore(tmp_path / "results"))

    assert [(row.task_id, row.repeat) for row in manifest.shards] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert [manifest.place_of(index) for index in range(4)] == [(0, 0), (0, 1), (0, 0), (0, 1)]
    assert len(set(manifest.run_ids)) == 2
    assert manifest.all_tasks == ("a", "b", "c")


def test_unknown_tasks_are_named_all_at_once(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)

    with pytest.raises(SpecError, match=r"spec\.hal\.tasks: got 'x', 'y'; must be tasks of the benchmark"):
        read_hal_inputs(make_run(tasks=["x", "a", "y"]), tmp_path, tmp_path)


def test_chosen_tasks_stand_in_the_benchmarks_order(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)

    inputs = read_hal_inputs(make_run(tasks=["c", "a"]), tmp_path, tmp_path)

    assert [task.id for task in inputs.tasks] == ["a", "c"]


def test_a_function_that_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    agent = {"name": "Echo", "source": "agent", "function": "other.run"}

    with pytest.raises(SpecError, match=r"got 'other\.run'; must be in the file other\.py .*; the agent has main\.py"):
        read_hal_inputs(make_run(agent=agent), tmp_path, tmp_path)


def test_run_ids_are_those_asked_for_or_made() -> None:
    begun, ref = datetime(2026, 1, 1, tzinfo=UTC), RunRef("default", "echo", "00000001")

    assert run_ids(hal_of(make_run(runId="mine")), ref, begun) == ("mine",)
    assert run_ids(hal_of(make_run(runId="mine", repeats=2)), ref, begun) == ("mine_rep1", "mine_rep2")
    [made] = run_ids(hal_of(make_run()), ref, begun)
    assert made.startswith(f"jsonl_echo_{int(begun.timestamp())}")


def test_only_an_unfinished_run_of_the_same_inputs_is_resumed(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root, run = DirectoryStore(tmp_path / "results"), make_run()
    manifest = planned(run, tmp_path, root)
    inputs = read_hal_inputs(run, tmp_path, tmp_path)
    other = read_hal_inputs(make_run(timeoutSeconds=5), tmp_path, tmp_path)

    worked(manifest, root, [0])
    while_unfinished = find_resumable_hal(root, run, inputs), find_resumable_hal(root, run, other)
    done(manifest, root, tmp_path)

    assert while_unfinished == (manifest.ref, None)
    assert find_resumable_hal(root, run, inputs) is None


def test_a_run_is_found_by_hals_id_and_told_apart_from_another(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(runId="mine"), tmp_path, root)
    changed = make_run(runId="mine", timeoutSeconds=5, tasks=["a"], agent={"name": "Echo", "source": "builtin:null"})

    faults = differences(manifest, changed, read_hal_inputs(changed, tmp_path, tmp_path / "scratch"))

    assert find_hal_run(root, "mine") == manifest
    assert find_hal_run(root, "other") is None
    assert [fault.where for fault in faults] == ["agent", "timeoutSeconds", "tasks"]
    assert differences(manifest, make_run(), read_hal_inputs(make_run(), tmp_path, tmp_path)) == []


def test_files_that_scoring_needs_lie_with_the_truth_and_reach_it(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    root = DirectoryStore(tmp_path / "results")
    agent = {"name": "Oracle", "source": "builtin:oracle"}
    run = make_run(benchmark="usaco", data=str(tmp_path), agent=agent)

    manifest = planned(run, tmp_path, root)
    shutil.rmtree(data.parent)  # what was planned counts
    summary = done(manifest, root, tmp_path)

    assert set(manifest.answers) == set(NAMES)
    assert all(path.startswith("truth/") for path in manifest.answers.values())
    assert {row.files for row in manifest.shards} == {None}
    assert summary.accuracy["repeats"][0]["right"] == len(NAMES)


def test_other_tests_are_other_inputs(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    run = make_run(benchmark="usaco", data=str(tmp_path), agent={"name": "Null", "source": "builtin:null"})

    first = read_hal_inputs(run, tmp_path, tmp_path / "first")
    (data.parent / "usaco_v3" / "tests" / "1_bronze_sum" / "2.out").write_text("30001")
    second = read_hal_inputs(run, tmp_path, tmp_path / "second")

    assert first.benchmark_digest != second.benchmark_digest

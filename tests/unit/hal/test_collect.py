"""What collect makes of records and scores: once for equal ones, anew for new ones, nothing invented."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from batt.hal.collect import collect_hal
from batt.hal.evaluate import evaluation_shards, read_evaluations
from batt.hal.work import read_records, tasks_to_redo
from batt.store import DirectoryStore
from batt.timing import stats_from_json
from tests.unit.hal.hal_runs import ECHO, done, make_run, planned, scored, worked, write_inputs

QUESTIONS = {"a": ("1", "1"), "b": ("2", "no"), "c": ("fail", "3")}


def raw_lines(root: DirectoryStore, folder: str) -> list[dict[str, Any]]:
    """Return the lines of HAL's RAW_SUBMISSIONS in a folder."""
    [path] = [path for path in root.list(folder) if path.endswith("_RAW_SUBMISSIONS.jsonl")]
    return [json.loads(line) for line in root.read(path).decode().splitlines()]


def test_results_count_what_is_right_wrong_failed_and_missing(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)
    worked(manifest, root, [0, 2])
    scored(manifest, root, tmp_path)

    partial = collect_hal(manifest, root)
    whole = done(manifest, root, tmp_path)

    assert (partial.missing_shards, partial.outcomes) == ((1,), {"ok": 1, "agent_error": 1})
    assert (whole.missing_shards, whole.outcomes) == ((), {"ok": 2, "agent_error": 1})
    assert (partial.attempt, whole.attempt) == (1, 2)
    [counts] = whole.accuracy["repeats"]
    assert (counts["tasks"], counts["scored"], counts["right"], counts["missing"]) == (3, 3, 1, 0)
    folder = f"{manifest.ref.folder}/out/2/"
    assert raw_lines(root, folder) == [{"a": "1"}, {"b": "2"}, {"c": "ERROR: ValueError: told to"}]


def test_a_number_in_the_words_of_a_failure_is_no_answer(tmp_path: Path) -> None:
    agent = ECHO.replace("told to", "gave up after 3 tries: 60")
    write_inputs(tmp_path, {"a": ("60", "60"), "b": ("fail", "60")}, agent)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(options={"scoring": "numeric"}), tmp_path, root)

    summary = done(manifest, root, tmp_path)

    [counts] = summary.accuracy["repeats"]
    assert (counts["right"], counts["accuracy_hal"]) == (1, 0.5)
    results = json.loads(root.read(summary.path))
    assert [(row["outcome"], row["score"]) for row in results["tasks"]] == [("ok", 1.0), ("agent_error", 0.0)]


def test_the_same_collected_again_changes_nothing(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)

    first = done(manifest, root, tmp_path)
    before = {path: root.read(path) for path in root.list(f"{manifest.ref.folder}/")}
    again = collect_hal(manifest, root)

    assert again == first
    assert {path: root.read(path) for path in root.list(f"{manifest.ref.folder}/")} == before


def test_a_further_attempt_takes_the_place_of_failures_only(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)
    done(manifest, root, tmp_path)
    todo = tasks_to_redo(root, manifest, read_records(root, manifest))

    worked(manifest, root, todo, attempt=2)
    scored(manifest, root, tmp_path)

    assert todo == [2]
    assert set(root.list(f"{manifest.ref.folder}/shards/2")) == {
        f"{manifest.ref.folder}/shards/2.json.gz",
        f"{manifest.ref.folder}/shards/2.2.json.gz",
    }
    assert len(read_evaluations(root, manifest).scored) == 4
    assert collect_hal(manifest, root, 2).attempt == 2


def test_what_attempts_have_added_is_what_each_has_found_out(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)
    worked(manifest, root, [0, 2])
    scored(manifest, root, tmp_path)
    first = collect_hal(manifest, root, 1, began=time.time() - 10)
    worked(manifest, root, [1, 2], attempt=2)
    scored(manifest, root, tmp_path)

    second = collect_hal(manifest, root, 2, began=time.time() - 5)
    again = collect_hal(manifest, root, 2, began=time.time() - 7)
    third = collect_hal(manifest, root, 3, began=time.time() - 4)

    assert again == second
    assert first.added.phases == first.phases
    assert first.added.outcomes == first.outcomes == {"ok": 1, "agent_error": 1}
    assert second.added.outcomes == {"ok": 1, "agent_error": 1}
    assert second.outcomes == {"ok": 2, "agent_error": 1}
    counts = {name: stats.number for name, stats in stats_from_json(second.added.phases).items()}
    assert counts == {"main.run_batt": 1, "queued": 2, "setup": 2, "agent": 2, "upload": 2, "evaluate": 2}
    assert {name: stats.number for name, stats in stats_from_json(second.phases).items()} == {
        name: 2 * count for name, count in counts.items()
    }
    assert third.added.outcomes == {}
    assert set(third.added.phases) == {"main.run_batt"}


def test_a_task_that_has_its_result_is_not_run_again(tmp_path: Path) -> None:
    counted = "import pathlib\n" + ECHO.replace(
        "    [(task", f"    open({str(tmp_path / 'ran')!r}, 'a').write('x')\n    [(task"
    )
    write_inputs(tmp_path, {"a": ("1", "1")}, counted)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)

    worked(manifest, root, [0, 0, 0])

    assert (tmp_path / "ran").read_text() == "x"


def test_scoring_anew_scores_everything_again(tmp_path: Path) -> None:
    write_inputs(tmp_path, QUESTIONS)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)
    done(manifest, root, tmp_path)

    assert evaluation_shards(root, manifest) == [[]]
    assert [len(shard) for shard in evaluation_shards(root, manifest, grade=2)] == [3]


def test_files_that_agents_leave_behind_lie_in_their_tasks_folders(tmp_path: Path) -> None:
    writes = ECHO.replace(
        "    return", "    import os; os.mkdir('deep'); open('deep/note *.txt', 'w').write('x')\n    return"
    )
    write_inputs(tmp_path, {"a/b": ("1", "1"), "..": ("2", "2")}, writes)
    root = DirectoryStore(tmp_path / "results")
    manifest = planned(make_run(), tmp_path, root)

    summary = done(manifest, root, tmp_path)

    folder = f"{manifest.ref.folder}/{summary.files[0]}"
    notes = [path.removeprefix(f"{folder}/") for path in root.list(folder) if "note" in path]
    assert notes == ["%2E./deep/note %2A.txt", "a/b/deep/note %2A.txt"]

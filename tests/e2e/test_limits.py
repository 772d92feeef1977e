"""What a run bears, and what it says when that is too much: failing shards, deadlines, missing results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from batt.results import without_timing
from tests.e2e.command import batt, ended, finish, results_of, run_folders, session_of, started, wait_for
from tests.e2e.mixed import write_candidates, write_run, write_slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candidates(tmp_path / "candidates")
    return tmp_path


def planned(folder: Path, spec: dict[str, Any], shards: int) -> dict[str, Any]:
    """Plan a run that `batt run` will then resume; return its manifest."""
    write_run(folder / "run.yaml", spec=spec, shards=shards)
    finish("plan", "run.yaml", cwd=folder)
    (run,) = run_folders(folder / "results")
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return manifest


def spoil_shard(folder: Path, manifest: dict[str, Any], index: int) -> Path:
    """Make the input of a shard unreadable; its worker fails every time."""
    (run,) = run_folders(folder / "results")
    path: Path = run / manifest["shards"][index]["path"]
    path.write_bytes(path.read_bytes()[:40])
    return path


def test_a_shard_that_fails_is_tried_again_and_then_fails_the_run(folder: Path) -> None:
    manifest = planned(folder, {"retries": {"perShard": 2, "failedShards": 0}}, 4)
    spoiled = spoil_shard(folder, manifest, 1)

    failed = batt("run", "run.yaml", "-j", 1, cwd=folder)

    assert failed.code == 1, failed.told
    assert failed.err.count("shard 1 is tried again: ") == 2
    assert re.search(
        r"^shard 1 failed: .*must be JSON as batt writes it.* \(tried 3 times\)$", failed.err, re.MULTILINE
    )
    assert str(spoiled) in failed.err
    assert "shards 2-3 failed: too many shards have failed before" in failed.err
    assert "MISSING" in failed.out
    assert results_of(failed, folder)["missing_shards"] == [1, 2, 3]


def test_a_run_goes_on_while_no_more_shards_fail_than_it_bears(folder: Path) -> None:
    manifest = planned(folder, {"retries": {"perShard": 0, "failedShards": 1}}, 4)
    good = spoil_shard(folder, manifest, 1).read_bytes()
    assert good

    failed = batt("run", "run.yaml", "-j", 2, cwd=folder)

    results = results_of(failed, folder)
    assert failed.code == 1, failed.told
    assert results["missing_shards"] == [1]
    assert results["totals"]["missing"] > 0
    assert re.search(r"^MISSING +\d+ candidates of 1 shards?; run the same again$", failed.out, re.MULTILINE)


@pytest.mark.full
def test_what_was_missing_is_done_by_the_next_run(folder: Path) -> None:
    write_run(folder / "whole.yaml", "whole")
    whole = results_of(finish("run", "whole.yaml", "--no-cache", cwd=folder), folder)
    manifest = planned_alone(folder)
    path = folder / "results" / "default" / manifest["run"]["name"]
    assert not path.exists()
    (run,) = [one for one in run_folders(folder / "results") if one.name.startswith("mixed-")]
    spoiled = run / manifest["shards"][2]["path"]
    good = spoiled.read_bytes()
    spoiled.write_bytes(b"")
    failed = batt("run", "run.yaml", "--no-cache", cwd=folder)
    spoiled.write_bytes(good)

    again = finish("run", "run.yaml", "--no-cache", cwd=folder)

    assert failed.code == 1, failed.told
    assert "1 of 4 shards to do" in again.err
    assert without_timing(results_of(again, folder)) == without_timing(whole)


def planned_alone(folder: Path) -> dict[str, Any]:
    write_run(folder / "run.yaml", spec={"retries": {"perShard": 0, "failedShards": 1}}, shards=4, cache=False)
    said = finish("plan", "run.yaml", cwd=folder)
    manifest: dict[str, Any] = json.loads((folder / "results" / said.out.strip() / "manifest.json").read_text())
    return manifest


def test_a_deadline_stops_a_run_and_keeps_what_is_finished(folder: Path) -> None:
    write_slow(folder / "candidates", 400, doublings=12)  # twice what a deadline of 5 s leaves time for
    write_run(folder / "run.yaml", spec={"deadlines": {"runSeconds": 5}}, shards=40)

    stopped = batt("run", "run.yaml", "-j", 2, cwd=folder)

    results = results_of(stopped, folder)
    assert stopped.code == 1, stopped.told
    assert "failed: the run's deadline (spec.deadlines.runSeconds) passed" in stopped.err
    assert 0 < len(results["missing_shards"]) < 40
    assert results["totals"]["candidates"] > 0
    write_run(folder / "run.yaml", shards=40)
    again = finish("run", "run.yaml", "-j", 2, cwd=folder)
    assert "shards to do" in again.err
    assert "out/2/results.json" in again.out
    assert results_of(again, folder)["missing_shards"] == []


def test_a_fault_that_no_retry_mends_ends_the_run_at_once(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "dsl.py").write_text("def turn(grid):\n    return grid\n")
    (folder / "turn.py").write_text("def solve(I):\n    return turn(I)\n")
    write_run(folder / "run.yaml", candidates="turn.py", dsl="mine", shards=2)
    said = finish("plan", "run.yaml", cwd=folder)
    (folder / "mine" / "dsl.py").write_text("def turn(grid):\n    return 1\n")

    refused = batt("work", said.out.strip(), "--index", 0, cwd=folder)

    assert refused.code == 65, refused.told
    assert "must be the DSL the run was planned with" in refused.err


def test_a_changed_language_begins_a_new_run_instead_of_resuming(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "dsl.py").write_text("def turn(grid):\n    return grid\n")
    (folder / "turn.py").write_text("def solve(I):\n    return turn(I)\n")
    write_run(folder / "run.yaml", candidates="turn.py", dsl="mine", shards=2)
    finish("plan", "run.yaml", cwd=folder)
    (folder / "mine" / "dsl.py").write_text("def turn(grid):\n    return grid[::-1]\n")

    finished = finish("run", "run.yaml", cwd=folder)

    assert "resuming" not in finished.err
    assert len(run_folders(folder / "results")) == 2


def test_no_more_shards_are_worked_on_at_once_than_the_file_says(folder: Path) -> None:
    write_slow(folder / "candidates", 120)
    write_run(folder / "run.yaml", spec={"maxConcurrency": 1}, shards=8)

    whole = 1 + 1 + 1 + 3  # the run, its pod, the nursery, and as many children as -j says
    seen: list[tuple[int, int, int]] = []

    def is_at_work() -> bool:
        """Look once, and remember: a moment later the shard may be done, and its children gone."""
        begun = {path.parent.name for path in folder.glob("results/*/*/progress/*/*")}
        done = {path.name.partition(".")[0] for path in folder.glob("results/*/*/shards/*")}
        pods = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        seen.append((len(begun - done), len(pods), len(session_of(run.pid))))
        return bool(begun) and seen[-1][-1] >= whole

    with started("run", "run.yaml", "-j", 3, cwd=folder) as run:
        wait_for(is_at_work, "a progress segment, and all processes")
        finished = ended(run)

    assert finished.code == 0, finished.told
    shards, pods, processes = (max(numbers) for numbers in zip(*seen, strict=True))
    assert (shards, pods, processes) == (1, 1, whole)

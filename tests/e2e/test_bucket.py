"""Runs whose store is a bucket: created once, resumed after any kill, read back by whoever comes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from batt.results import without_timing
from batt.store import ObjectStore, open_store
from tests.e2e.command import batt, ended, finish, results_of, session_of, started, wait_for
from tests.e2e.killing import killer
from tests.e2e.mixed import TASKS, write_candidates, write_run, write_slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candidates(tmp_path / "candidates")
    return tmp_path


def bucket_results(store: ObjectStore, attempt: int = 1) -> list[dict[str, Any]]:
    """Return the results of every run in a bucket."""
    return [json.loads(store.read(path)) for path in store.list() if path.endswith(f"out/{attempt}/results.json")]


def test_a_run_into_a_bucket_is_read_back(folder: Path, gcs: str) -> None:
    store = open_store(f"{gcs}/some/where", folder)
    write_run(folder / "run.yaml", spec={"results": f"{gcs}/some/where"})

    told = finish("run", "run.yaml", cwd=folder)
    again = finish("run", "run.yaml", cwd=folder)

    first, second = bucket_results(store)
    assert f"results     {gcs}/some/where/default/mixed-" in told.out
    assert first["score"] == second["score"] == {"solved": len(TASKS), "tasks": len(TASKS)}
    assert sorted([first["totals"]["cached"], second["totals"]["cached"]]) == [0, first["totals"]["candidates"] - 1]
    assert f"{first['totals']['candidates'] - 1} cached" in again.out
    kept = {row["md5"] for task in first["tasks"] for row in task["candidates"] if row["kept"]}
    assert {path.removeprefix("solver_md5/").removesuffix(".py") for path in store.list("solver_md5/")} == kept


def test_the_flag_names_a_bucket_too(folder: Path, gcs: str) -> None:
    write_run(folder / "run.yaml", tasks=[TASKS[0]], candidates=f"candidates/solve_{TASKS[0]}.py")

    finish("run", "run.yaml", "--results", f"{gcs}/flag", cwd=folder)

    assert len(bucket_results(open_store(f"{gcs}/flag", folder))) == 1
    assert not (folder / "results").exists()


def test_inputs_are_read_from_a_bucket(folder: Path, gcs: str) -> None:
    store = open_store(f"{gcs}/inputs", folder)
    for path in sorted((folder / "candidates").rglob("*")):
        if path.is_file():
            store.create(path.relative_to(folder).as_posix(), path.read_bytes())
    store.create("ids.txt", "\n".join(TASKS).encode())
    write_run(folder / "here.yaml")
    write_run(folder / "there.yaml", candidates=f"{gcs}/inputs/candidates", tasks=[], tasksFrom=f"{gcs}/inputs/ids.txt")

    here = results_of(finish("run", "here.yaml", "--results", "here", cwd=folder), folder)
    there = results_of(finish("run", "there.yaml", "--results", "there", cwd=folder), folder)

    for results in (here, there):
        results["solvers"] = {}
    assert without_timing(there) == without_timing(here)


@pytest.mark.full
def test_a_killed_run_is_resumed_from_the_bucket(folder: Path, gcs: str) -> None:
    write_slow(folder / "candidates", 200)
    write_run(folder / "run.yaml", shards=4)
    expected = without_timing(results_of(finish("run", "run.yaml", "--results", "here", cwd=folder), folder))
    store = open_store(f"{gcs}/out", folder)
    with started("run", "run.yaml", "-j", 2, "--results", f"{gcs}/out", cwd=folder) as run:
        wait_for(lambda: any("/progress/" in path for path in store.list()), "a progress segment")
        for pid in session_of(run.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    before = {path: store.read(path) for path in store.list()}

    again = finish("run", "run.yaml", "-j", 2, "--results", f"{gcs}/out", cwd=folder)

    assert "resuming default/mixed-" in again.err
    assert {path: store.read(path) for path in before} == before
    (results,) = bucket_results(store)
    assert without_timing(results) == expected


@pytest.mark.full
def test_pods_that_are_killed_change_nothing_in_a_bucket(folder: Path, gcs: str) -> None:
    write_slow(folder / "candidates", 200)
    write_run(folder / "run.yaml", shards=4)
    expected = without_timing(results_of(finish("run", "run.yaml", "--results", "here", cwd=folder), folder))

    with (
        started("run", "run.yaml", "-j", 2, "--results", f"{gcs}/out", cwd=folder) as run,
        killer(run, 0.15, seed=5, most=12) as killing,
    ):
        finished = ended(run)

    assert finished.code == 0, finished.told
    assert killing.killed
    (results,) = bucket_results(open_store(f"{gcs}/out", folder))
    assert without_timing(results) == expected


@pytest.mark.full
def test_the_stages_by_hand_meet_in_a_bucket(folder: Path, gcs: str) -> None:
    write_run(folder / "run.yaml", spec={"results": f"{gcs}/stages"}, shards=2)

    planned = finish("plan", "run.yaml", "--uid", "abcd1234", cwd=folder)
    for index in (0, 1, 1):
        finish("work", "default/mixed-abcd1234", "--index", index, "--results", f"{gcs}/stages", cwd=folder)
    first = finish("collect", "default/mixed-abcd1234", "--results", f"{gcs}/stages", cwd=folder)
    second = finish("collect", "default/mixed-abcd1234", "--results", f"{gcs}/stages", cwd=folder)

    assert planned.out == "default/mixed-abcd1234\n"
    assert first.out == second.out
    assert len(bucket_results(open_store(f"{gcs}/stages", folder))) == 1


@pytest.mark.full
def test_a_bucket_that_cannot_be_reached_is_told(folder: Path, gcs: str) -> None:
    """After two minutes of trying."""
    write_run(folder / "run.yaml")

    refused = batt(
        "run", "run.yaml", "--results", "gs://no-such-place", cwd=folder, STORAGE_EMULATOR_HOST="http://127.0.0.1:1"
    )

    assert refused.code == 74, refused.told
    assert "gs://no-such-place/" in refused.err
    assert "Traceback" not in refused.err

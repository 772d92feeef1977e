"""Whatever is killed, whenever: the run completes, with equal results, and does little twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.results import without_timing
from batt.store import DirectoryStore, read_json
from tests.e2e.command import (
    PATIENCE_SECONDS,
    ended,
    finish,
    report_of,
    results_of,
    run_folders,
    session_of,
    shard_files,
    started,
    wait_for,
)
from tests.e2e.killing import killer
from tests.e2e.mixed import write_candidates, write_run, write_slow


class Long(NamedTuple):
    """A folder whose run takes some seconds, and its results when nothing is killed."""

    folder: Path
    expected: str
    shards: int


def told(results: dict[str, Any]) -> str:
    """Return results as text without times."""
    return json.dumps(without_timing(results), indent=1, sort_keys=True)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Long:
    folder = tmp_path_factory.mktemp("long")
    write_candidates(folder / "candidates")
    write_slow(folder / "candidates", 400)
    write_run(folder / "run.yaml", shards=8)
    finished = finish("run", "run.yaml", "-j", 2, "--results", "expected", cwd=folder)
    return Long(folder, told(results_of(finished, folder)), 8)


def rows_in_progress(folder: Path) -> Counter[tuple[str, int, str]]:
    """Return how often each item of a run stands in a progress segment."""
    store = DirectoryStore(folder)
    entries = (entry for path in store.list("progress/") for entry in read_json(store, path))
    return Counter((path_kind, number, task) for path_kind, number, task, *_ in entries if path_kind == "row")


def is_complete(results: Path) -> bool:
    """Tell whether a run's results are written."""
    return any(True for _ in results.glob("*/*/out/*/results.json"))


def only_run(results: Path) -> Path:
    """Return the folder of the only run."""
    (folder,) = run_folders(results)
    return folder


@pytest.mark.parametrize(
    ("seed", "interval_seconds", "least", "most", "from_the_start"),
    [
        (1, 0.1, 10, 30, False),
        pytest.param(2, 0.1, 10, 60, False, marks=pytest.mark.full),
        pytest.param(3, 0.03, 10, 200, True, marks=pytest.mark.full),
        pytest.param(4, 0.3, 5, 100, False, marks=pytest.mark.full),  # a quick machine is done after a few
    ],
)
def test_a_run_whose_processes_are_killed_completes_with_equal_results(
    long: Long, tmp_path: Path, seed: int, interval_seconds: float, least: int, most: int, from_the_start: bool
) -> None:
    out = tmp_path / "out"
    with (
        started("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run,
        killer(run, interval_seconds, seed, most, lambda: from_the_start or has_progress(out)) as killing,
    ):
        finished = ended(run)

    assert finished.code == 0, finished.told
    assert sum(killing.killed.values()) >= least, killing.killed
    assert told(results_of(finished, tmp_path)) == long.expected
    assert session_of(run.pid) == []
    if not from_the_start:  # else a busy machine may still have planned when the last was killed
        assert {"pod", "nursery"} <= killing.killed.keys(), killing.killed
        assert "was ended by SIGKILL; another one goes on" in finished.err
        assert "killed by signal 9" in report_of(finished, tmp_path)


def kill_all(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def has_progress(results: Path) -> bool:
    return any(True for _ in results.glob("*/*/progress/*/*"))


def test_a_killed_run_leaves_no_process_and_is_resumed_where_it_was(long: Long, tmp_path: Path) -> None:
    """kill -9 of the run alone: its pods notice, store what they know and go away."""
    out = tmp_path / "out"
    with started("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run:
        wait_for(lambda: has_progress(out), "a progress segment")
        run.kill()
        run.wait()
        wait_for(lambda: session_of(run.pid) == [], "the pods to go away")
    done = shard_files(only_run(out))
    progress = rows_in_progress(only_run(out))
    assert len(done) < long.shards
    assert progress

    again = finish("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path)

    assert f"{long.shards - len(done)} of {long.shards} shards to do" in again.err
    assert told(results_of(again, tmp_path)) == long.expected
    assert shard_files(only_run(out)).items() >= done.items()
    assert set(rows_in_progress(only_run(out)).values()) == {1}, "an item was evaluated again that was stored"


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 7))
def test_a_run_killed_whole_at_random_moments_completes_when_run_again(long: Long, tmp_path: Path, seed: int) -> None:
    """kill -9 of everything, as a power cut: again and again, each time later."""
    rng = random.Random(seed)
    out = tmp_path / "out"
    kills = 0
    for round_ in range(30):
        with started("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run:
            until = time.monotonic() + rng.uniform(0.1, 0.6 + 0.4 * round_)
            while run.poll() is None and time.monotonic() < until:
                time.sleep(0.005)  # this is the moment of the kill
            if run.poll() is None:
                kill_all(session_of(run.pid))
                kills += 1
                if not is_complete(out):
                    continue
                # It had all but ended: the same command would be a new run, from the cache.
                finished = finish("collect", only_run(out).relative_to(out), "--results", out, cwd=tmp_path)
                break
            finished = ended(run)
            break
    else:
        pytest.fail("never completed")

    assert kills >= 3
    assert finished.code == 0, finished.told
    assert told(results_of(finished, tmp_path)) == long.expected
    assert set(rows_in_progress(only_run(out)).values()) <= {1}, "an item was evaluated again that was stored"


@pytest.mark.full
def test_deleted_shard_results_are_done_again_and_nothing_else(long: Long, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path)
    folder = only_run(out)
    before = shard_files(folder)
    assert len(before) == long.shards
    for name in sorted(before)[::2]:
        (folder / "shards" / name).unlink()

    again = finish("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path)

    after = shard_files(folder)
    assert after.keys() == before.keys()
    assert [name for name in sorted(after) if after[name] != before[name]] == sorted(before)[::2]
    assert f"{long.shards // 2} of {long.shards} shards to do" in again.err
    assert "out/2/results.json" in again.out
    assert told(results_of(again, tmp_path)) == long.expected


@pytest.mark.full
def test_pods_killed_over_and_over_still_get_on(tmp_path: Path) -> None:
    """Every pod is killed soon after it has stored something: progress is what the run lives on."""
    out = tmp_path / "out"
    (tmp_path / "slow").mkdir()
    write_slow(tmp_path / "slow", 150, doublings=12)
    write_run(tmp_path / "one.yaml", candidates="slow", shards=1)
    expected = told(results_of(finish("run", "one.yaml", "--results", "expected", cwd=tmp_path), tmp_path))
    kills = 0
    with started("run", "one.yaml", "-j", 1, "--results", out, cwd=tmp_path) as run:
        deadline = time.monotonic() + PATIENCE_SECONDS
        segments = 0
        while run.poll() is None:
            assert time.monotonic() < deadline
            now = len(list(out.glob("*/*/progress/*/*")))
            if now > segments:
                pods = [pid for pid in session_of(run.pid) if pid != run.pid]
                kill_all(pods[:1])
                kills += 1
                segments = now
        finished = ended(run)

    assert finished.code == 0, finished.told
    assert kills >= 2
    assert told(results_of(finished, tmp_path)) == expected
    assert set(rows_in_progress(only_run(out)).values()) == {1}


@pytest.mark.parametrize(
    "moment",
    [
        *(
            pytest.param(moment, marks=pytest.mark.full)
            for moment in ("*/*/inputs/*", "index/*/*/*", "differ_dir/*/*", "*/*/out/1/summary.json")
        ),
        *("*/*/manifest.json", "solver_md5/*"),
    ],
)
def test_a_run_killed_at_any_stage_completes_when_run_again(long: Long, tmp_path: Path, moment: str) -> None:
    """kill -9 of everything as soon as an object of a stage is there: plan, collect, in the middle of its trees."""
    write_run(long.folder / "small.yaml", candidates="candidates/module", shards=2, cache=False)
    out = tmp_path / "out"
    expected = told(results_of(finish("run", long.folder / "small.yaml", "--results", "one", cwd=tmp_path), tmp_path))
    with started("run", long.folder / "small.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run:
        wait_for(lambda: any(True for _ in out.glob(moment)), f"{moment} to be written")
        kill_all(session_of(run.pid))
        run.wait()

    again = finish("run", long.folder / "small.yaml", "-j", 2, "--results", out, cwd=tmp_path)

    assert told(results_of(again, tmp_path)) == expected
    assert all(link.exists() for link in (out / "solver_dir").rglob("*.py"))
    assert all(link.exists() for link in (out / "differ_dir").rglob("*.py"))


@pytest.mark.full
def test_the_same_run_started_twice_at_once_is_one_run(long: Long, tmp_path: Path) -> None:
    """The second one finds the first unfinished and helps: both end well, and say the same."""
    out = tmp_path / "out"
    with started("run", long.folder / "run.yaml", "-j", 1, "--results", out, cwd=tmp_path) as first:
        wait_for(lambda: has_progress(out), "a progress segment")
        with started("run", long.folder / "run.yaml", "-j", 1, "--results", out, cwd=tmp_path) as second:
            finished = [ended(second), ended(first)]

    assert [one.code for one in finished] == [0, 0], finished
    assert len(run_folders(out)) == 1
    assert {told(results_of(one, tmp_path)) for one in finished} == {long.expected}

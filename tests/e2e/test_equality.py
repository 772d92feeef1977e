"""Equal inputs, equal results: byte for byte but for the fields that are named as times."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.results import without_timing
from batt.store import open_store
from tests.e2e.command import BATT, PATIENCE_SECONDS, batt, environment, finish, results_of
from tests.e2e.mixed import TASKS, write_candidates, write_run


class Mixed(NamedTuple):
    """A folder with candidates, and what one process finds out about them in one shard."""

    folder: Path
    expected: str
    results: dict[str, Any]


def told(results: dict[str, Any]) -> str:
    """Return results as text without times."""
    return json.dumps(without_timing(results), indent=1, sort_keys=True)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    folder = tmp_path_factory.mktemp("mixed")
    write_candidates(folder / "candidates")
    write_run(folder / "run.yaml", shards=1)
    ended = finish("run", "run.yaml", "-j", 1, cwd=folder, PYTHONHASHSEED="0")
    results = results_of(ended, folder)
    return Mixed(folder, told(results), results)


def test_every_kind_of_verdict_occurs(mixed: Mixed) -> None:
    """Else the other tests of this module would say less than they seem to."""
    totals = mixed.results["totals"]

    assert totals["verdicts"].keys() == {"correct", "wrong", "error", "timeout", "out_of_memory", "crashed"}
    assert totals["verdicts"]["timeout"] == 2
    assert totals["verdicts"]["out_of_memory"] == totals["verdicts"]["crashed"] == 1
    assert totals["refused"] == 4
    assert totals["out_of_scope"] == 1
    assert totals["duplicates"] >= 10
    assert totals["missing"] == 0


def test_everything_that_was_read_is_accounted_for(mixed: Mixed) -> None:
    totals = mixed.results["totals"]
    module_marks = 20 * len(TASKS)
    solvers = len(TASKS) + 1 + 5 + len(TASKS) + len(TASKS) + 40  # starter, again, hostile, every_task, many, lines

    assert totals["candidates"] == sum(totals["verdicts"].values()) == module_marks + solvers
    assert totals["out_of_scope"] == 1
    assert sorted({fault["where"] for fault in mixed.results["refused"]}) == [
        "candidates/hostile/attribute.py",
        "candidates/hostile/import.py",
        "candidates/hostile/syntax.py",
        "candidates/lines.jsonl",
    ]


@pytest.mark.parametrize(
    ("jobs", "seed", "shards"),
    [(2, "1", 3), (4, "random", 16), (2, "random", None), pytest.param(3, "2", 400, marks=pytest.mark.full)],
)
def test_processes_hash_seeds_and_shards_change_nothing(
    mixed: Mixed, tmp_path: Path, jobs: int, seed: str, shards: int | None
) -> None:
    split: dict[str, Any] = {} if shards is None else {"shards": shards}
    write_run(mixed.folder / "other.yaml", **split)

    ended = finish(
        "run", mixed.folder / "other.yaml", "-j", jobs, "--results", tmp_path / "out", cwd=tmp_path, PYTHONHASHSEED=seed
    )

    assert told(results_of(ended, tmp_path)) == mixed.expected


def test_the_three_stages_by_hand_give_the_same(mixed: Mixed, tmp_path: Path) -> None:
    write_run(mixed.folder / "stages.yaml", shards=5)
    planned = finish("plan", mixed.folder / "stages.yaml", "--results", tmp_path / "out", cwd=tmp_path)
    folder = planned.out.strip()
    assert "5 shards, " in planned.err

    for index in reversed(range(5)):
        early = batt("collect", folder, "--results", tmp_path / "out", cwd=tmp_path)
        assert early.code == 1, early.told
        assert "MISSING" in early.out
        finish("work", folder, "--index", index, "-j", 1, "--results", tmp_path / "out", cwd=tmp_path)
    last = finish("collect", folder, "--results", tmp_path / "out", cwd=tmp_path)

    assert "MISSING" not in last.out
    assert told(results_of(last, tmp_path)) == mixed.expected


def test_a_bucket_gives_the_same_as_a_folder(mixed: Mixed, tmp_path: Path, gcs: str) -> None:
    write_run(mixed.folder / "bucket.yaml", spec={"results": f"{gcs}/results"}, shards=3)

    ended = finish("run", mixed.folder / "bucket.yaml", "-j", 2, cwd=tmp_path)

    path = next(line.split(None, 1)[1] for line in ended.out.splitlines() if line.startswith("results "))
    folder, _, name = path.rpartition("/")
    assert told(json.loads(open_store(folder, tmp_path).read(name))) == mixed.expected


def test_an_archive_gives_the_same_as_its_folder(mixed: Mixed, tmp_path: Path) -> None:
    with tarfile.open(mixed.folder / "candidates.tar.gz", "w:gz") as archive:
        archive.add(mixed.folder / "candidates", "candidates")
    write_run(mixed.folder / "archive.yaml", candidates="candidates.tar.gz")

    ended = finish("run", mixed.folder / "archive.yaml", "--results", tmp_path / "out", cwd=tmp_path)

    results = results_of(ended, tmp_path)
    assert results["totals"] == mixed.results["totals"]
    assert results["score"] == mixed.results["score"]

    def verdicts(results: dict[str, Any]) -> set[tuple[str, str, str, str]]:
        return {
            (task["task"], row["candidate"].removeprefix("candidates.tar.gz!"), row["verdict"], str(row.get("pairs")))
            for task in results["tasks"]
            for row in task["candidates"]
        }

    assert verdicts(results) == verdicts(mixed.results)


def test_a_run_without_a_cache_gives_the_same(mixed: Mixed, tmp_path: Path) -> None:
    ended = finish("run", mixed.folder / "run.yaml", "--no-cache", "--results", tmp_path / "out", cwd=tmp_path)

    assert told(results_of(ended, tmp_path)) == mixed.expected
    assert not (tmp_path / "out" / "cache").exists()


def test_two_runs_at_once_into_one_folder_give_the_same(mixed: Mixed, tmp_path: Path) -> None:
    write_run(mixed.folder / "one.yaml", "one")
    write_run(mixed.folder / "two.yaml", "two")
    runs = [
        subprocess.Popen(
            [*BATT, "run", str(mixed.folder / name), "-j", "1", "--results", str(tmp_path / "out"), "--no-cache"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one.yaml", "two.yaml")
    ]
    said = [run.communicate(timeout=PATIENCE_SECONDS) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], said
    for folder in (tmp_path / "out" / "default").iterdir():
        assert told(json.loads((folder / "out" / "1" / "results.json").read_text())) == mixed.expected
    links = list((tmp_path / "out" / "solver_dir").rglob("*.py"))
    assert len({(link.parents[2].name, link.name) for link in links}) == len(links)
    assert all(link.is_symlink() and link.exists() for link in links)
    files = {path.name for path in (tmp_path / "out" / "solver_md5").iterdir()}
    assert files == {link.name for link in links}

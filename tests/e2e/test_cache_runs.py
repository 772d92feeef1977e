"""The verdict cache: nothing is evaluated twice, unless something that matters has changed, or the user says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import finish
from tests.e2e.mixed import TASKS, write_candidates, write_run


def run(folder: Path, *flags: str, file: str = "run.yaml") -> dict[str, Any]:
    """Run and return the summary with the number of evaluated items, by the plan."""
    lines = finish("run", file, "--json", "-j", 2, *flags, cwd=folder).out.splitlines()
    summary: dict[str, Any] = json.loads(lines[-1])
    manifest = json.loads((folder / summary["results"]).parents[2].joinpath("manifest.json").read_text())
    return {**summary, "evaluated": sum(shard["items"] for shard in manifest["shards"])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candidates(tmp_path / "candidates")
    write_run(tmp_path / "run.yaml")
    return tmp_path


def test_an_identical_run_evaluates_nothing_but_what_crashed(folder: Path) -> None:
    first = run(folder)
    second = run(folder)

    assert first["totals"]["cached"] == 0
    assert first["evaluated"] > 50
    assert second["evaluated"] == 1  # the one that smashes its stack: that may have been the machine's fault
    assert second["totals"]["cached"] == second["totals"]["candidates"] - 1
    assert {**second["totals"], "cached": 0} == first["totals"]
    assert second["score"] == first["score"]
    results = json.loads((folder / second["results"]).read_text())
    uncached = [row for task in results["tasks"] for row in task["candidates"] if not row.get("cached")]
    assert [row["candidate"] for row in uncached] == [f"candidates/hostile/stack.py::solve_{TASKS[3]}"]


def test_a_run_that_is_told_not_to_use_the_cache_evaluates_everything(folder: Path) -> None:
    first = run(folder)
    write_run(folder / "uncached.yaml", cache=False)

    by_flag = run(folder, "--no-cache")
    by_file = run(folder, file="uncached.yaml")

    assert by_flag["evaluated"] == by_file["evaluated"] == first["evaluated"]
    assert by_flag["totals"] == by_file["totals"] == first["totals"]


def test_only_new_candidates_are_evaluated(folder: Path) -> None:
    run(folder)
    (folder / "candidates" / "new.py").write_text("def solve(I):\n    return vconcat(I, rot180(I))\n")

    second = run(folder)

    assert second["evaluated"] == len(TASKS) + 1


def test_another_name_or_place_of_the_same_text_is_no_other_candidate(folder: Path) -> None:
    first = run(folder)
    (folder / "candidates").rename(folder / "elsewhere")
    write_run(folder / "run.yaml", "another-name", candidates="elsewhere")

    second = run(folder)

    assert second["evaluated"] == 1
    assert {**second["totals"], "cached": 0} == first["totals"]


@pytest.mark.parametrize(
    "change",
    [{"timeoutSeconds": 0.21}, pytest.param({"memoryBytes": 2**28 + 1}, marks=pytest.mark.full)],
    ids=lambda change: next(iter(change)),
)
def test_other_limits_miss_the_cache(folder: Path, change: dict[str, Any]) -> None:
    first = run(folder)
    write_run(folder / "run.yaml", **change)

    assert run(folder)["evaluated"] == first["evaluated"]


def test_another_task_misses_the_cache(folder: Path) -> None:
    tasks = {"aaaa1111": task([[1, 2]], [[2, 1]]), "bbbb2222": task([[3, 4]], [[4, 3]])}
    (folder / "tasks.json").write_text(json.dumps(tasks))
    write_run(folder / "run.yaml", dataset="tasks.json", tasks=[], candidates="candidates/every_task.py")
    assert run(folder)["evaluated"] == 2
    tasks["bbbb2222"] = task([[3, 4]], [[4, 4]])
    (folder / "tasks.json").write_text(json.dumps(tasks))

    assert run(folder)["evaluated"] == 1


def task(given: list[list[int]], wanted: list[list[int]]) -> dict[str, Any]:
    return {"train": [{"input": given, "output": wanted}], "test": [{"input": given, "output": wanted}]}


DSL = "def turn(grid):\n    return tuple(row[::-1] for row in grid)\n"


def test_a_changed_language_misses_the_cache(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "dsl.py").write_text(DSL)
    (folder / "tasks.json").write_text(json.dumps({"aaaa1111": task([[1, 2]], [[2, 1]])}))
    (folder / "turn.py").write_text("def solve(I):\n    return turn(I)\n")
    write_run(folder / "run.yaml", dataset="tasks.json", tasks=[], candidates="turn.py", dsl="mine")
    first = run(folder)
    again = run(folder)
    (folder / "mine" / "dsl.py").write_text(DSL.replace("[::-1]", ""))

    changed = run(folder)

    assert [first["evaluated"], again["evaluated"], changed["evaluated"]] == [1, 0, 1]
    assert first["totals"]["verdicts"] == again["totals"]["verdicts"] == {"correct": 1}
    assert changed["totals"]["verdicts"] == {"wrong": 1}


def test_a_damaged_cache_costs_time_only(folder: Path) -> None:
    first = run(folder)
    for segment in (folder / "results" / "cache").rglob("*.json.gz"):
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 0xFF
        segment.write_bytes(data)

    second = run(folder)

    assert second["evaluated"] == first["evaluated"]
    assert second["totals"] == first["totals"]


def test_a_deleted_cache_costs_time_only(folder: Path) -> None:
    first = run(folder)
    shutil.rmtree(folder / "results" / "cache")

    assert run(folder)["totals"] == first["totals"]

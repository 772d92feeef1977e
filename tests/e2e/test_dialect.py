"""Programs of another dialect run with its DSL as it is, in every form that a DSL comes in."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import finish

DIALECT = Path(__file__).parent.parent / "dialect"
TASKS = ["3c9b0459", "67a3c6ac", "68b16354", "74dd1130", "a416b8f3", "b1948b0a", "c8f0f002", "d511f180"]


def results_of(folder: Path) -> list[dict[str, Any]]:
    """Return the candidates of all tasks of the only run below a results folder."""
    (file,) = folder.glob("default/*/out/1/results.json")
    return [
        {**one, "task": task["task"]} for task in json.loads(file.read_text())["tasks"] for one in task["candidates"]
    ]


@pytest.mark.parametrize("form", ["folder", "file", "archive"])
def test_solver_files_of_the_dialect_solve_their_tasks(tmp_path: Path, form: str) -> None:
    dsl = {"folder": DIALECT, "file": DIALECT / "dsl.py", "archive": tmp_path / "dsl.tar.gz"}[form]
    if form == "archive":
        with tarfile.open(dsl, "w:gz") as archive:
            for file in DIALECT.glob("*.py"):
                archive.add(file, f"kit/{file.name}")

    finish(
        "validate", "--dsl", dsl, "-b", DIALECT / "solvers", "-i", *TASKS, "-j", "1", "--results", "out", cwd=tmp_path
    )

    found = results_of(tmp_path / "out")
    assert [(one["task"], one["verdict"]) for one in found] == [(task, "correct") for task in TASKS]


def test_a_module_of_the_dialect_is_scored(tmp_path: Path) -> None:
    module = DIALECT / "modules/evolved"

    ended = finish(
        "validate", "--dsl", DIALECT, "-b", module, "-i", "68b16354", "-j", "1", "--results", "out", cwd=tmp_path
    )

    found = {one["candidate"]: one for one in results_of(tmp_path / "out")}
    assert "-- Filtered to 3 unique candidates (from 9)" in ended.out
    assert {name: (one["verdict"], one["score"]) for name, one in found.items()} == {
        "evolved.py::t11": ("correct", 4),
        "evolved.py::t13": ("wrong", 0),
        "evolved.py::t17": ("error", 0),
    }
    assert set(found["evolved.py::t17"]["pairs"].values()) == {"error TypeError at step 17"}
    text = (tmp_path / "out/solver_md5" / f"{found['evolved.py::t13']['md5']}.py").read_text()
    assert text == (
        "from dsl import *\nfrom constants import *\n\ndef solve(S, I, C):\n"
        "    x1 = rbind(mir_rot_t, R2)\n    x2 = mir_rot_t(I, R0)\n    O = x1(x2)\n    return O\n"
    )


def test_what_the_dialect_prints_is_not_heard(tmp_path: Path) -> None:
    ended = finish(
        "validate", "--dsl", DIALECT, "-b", DIALECT / "solvers", "-i", TASKS[0], "-j", "1", "--json", cwd=tmp_path
    )

    assert "loading the grid language" not in ended.told
    assert "no accelerator" not in ended.told


def test_programs_of_batt_s_own_dsl_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed/solve_67a3c6ac.py").write_text("def solve(I):\n    return vmirror(I)\n")
    (tmp_path / "mixed/solve_3c9b0459.py").write_text("def solve(I):\n    return mir_rot_t(I, R5)\n")

    ended = finish(
        "validate", "--dsl", DIALECT, "-b", "mixed", "-i", *TASKS[:2], "-j", "1", "--results", "out", cwd=tmp_path
    )

    assert [one["verdict"] for one in results_of(tmp_path / "out")] == ["correct"]
    assert "mixed/solve_67a3c6ac.py (line 2): got unknown name 'vmirror'" in ended.told

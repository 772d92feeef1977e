"""`batt run` over the starter set: what the README shows, and everything it says is so."""

import ast
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.solver.program import parse_solvers
from batt.solver.texts import inlined_text
from batt.timing import PHASES
from tests.e2e.command import Ended, finish, results_of

ROOT = Path(__file__).resolve().parents[2]


class Run(NamedTuple):
    cwd: Path
    ended: Ended
    results: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the example, for all tests of this module; none of them changes its folder."""
    cwd = tmp_path_factory.mktemp("starter")
    ended = finish("run", "--timing", ROOT / "examples" / "arc-training.yaml", cwd=cwd)
    return Run(cwd, ended, results_of(ended, cwd))


def rows(run: Run) -> list[dict[str, Any]]:
    return [row for task in run.results["tasks"] for row in task["candidates"]]


def test_the_lines_that_users_know_appear(run: Run) -> None:
    assert re.search(r"^-- Filtered to 114 unique candidates \(from 114\)$", run.ended.out, re.MULTILINE)
    assert re.search(
        r"^-- Phase 3a: Validated 114 solvers in \d+\.\d{3}s \(parallelized\)$", run.ended.out, re.MULTILINE
    )


def test_score_and_counts_are_shown(run: Run) -> None:
    assert "score       114 of 400 tasks solved (28.5 %)" in run.ended.out
    assert "candidates  114 = 114 correct" in run.ended.out


def test_counts_add_up(run: Run) -> None:
    totals = run.results["totals"]

    assert sum(totals["verdicts"].values()) == totals["candidates"] == len(rows(run)) == 114
    assert totals["unique"] + totals["duplicates"] == totals["candidates"]
    assert (totals["refused"], totals["out_of_scope"], totals["missing"]) == (0, 0, 0)
    assert run.results["score"] == {"solved": 114, "tasks": 400}
    assert len(run.results["tasks"]) == 400


def test_the_timing_summary_has_the_form_that_users_know(run: Run) -> None:
    heading, *lines = run.ended.out[run.ended.out.index("Timing summary (seconds):") :].splitlines()

    assert heading == "Timing summary (seconds):"
    seconds = []
    for line in lines:
        match = re.fullmatch(r"  (\S+) +(\d+\.\d{3})", line)
        assert match, line
        assert line == f"  {match[1]:32s} {float(match[2]):8.3f}"
        assert match[1] in PHASES
        seconds.append(float(match[2]))
    assert seconds == sorted(seconds, reverse=True)
    assert lines[0].split()[0] == "main.run_batt"


def test_every_link_leads_to_its_file(run: Run) -> None:
    links = sorted((run.cwd / "results" / "solver_dir").rglob("*.py"))

    assert len(links) == 114
    assert {link.relative_to(run.cwd / "results").as_posix() for link in links} == {row["link"] for row in rows(run)}
    for link in links:
        assert link.is_symlink()
        assert not link.readlink().is_absolute()
        assert link.resolve().parent == (run.cwd / "results" / "solver_md5").resolve()
        assert link.resolve().name == link.name


def test_files_are_named_by_the_md5_of_their_inlined_text(run: Run) -> None:
    files = sorted((run.cwd / "results" / "solver_md5").glob("*.py"))
    names = {node.id for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Name)}

    assert len(files) == 114
    for file in files:
        (candidate,), faults = parse_solvers(file.name, file.read_text(), names)
        assert not faults
        text = inlined_text(candidate.program)
        assert text is not None
        assert text == ast.unparse(ast.parse(text))
        assert hashlib.md5(text.encode()).hexdigest() == file.stem


def test_written_files_are_solvers_that_batt_reads_again(run: Run, tmp_path: Path) -> None:
    again = finish("validate", "-b", run.cwd / "results" / "solver_dir", "--results", tmp_path / "again", cwd=tmp_path)

    assert "score       114 of 400 tasks solved (28.5 %)" in again.out
    assert "candidates  114 = 114 correct" in again.out


def test_a_second_run_finds_everything_in_the_cache(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.cwd, tmp_path / "copy", symlinks=True)

    second = finish("run", "--json", ROOT / "examples" / "arc-training.yaml", cwd=tmp_path / "copy")

    summary = json.loads(second.out.splitlines()[-1])
    assert summary["totals"]["cached"] == 114
    assert "run_batt.check_solver_speed" not in summary["phases"]
    assert summary["score"] == {"solved": 114, "tasks": 400}

"""What the commands say: help, refusals with place, value, rule and remedy, exit codes; odd but legal inputs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import BATT, PATIENCE_SECONDS, batt, environment, finish, results_of
from tests.e2e.mixed import STARTER, write_run

TASK = "007bbfb7"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a run file over one good candidate, and a few things that are in the way."""
    (tmp_path / "candidates").mkdir()
    (tmp_path / "candidates" / "one.py").write_text((STARTER / f"solve_{TASK}.py").read_text())
    write_run(tmp_path / "run.yaml", tasks=[TASK])
    (tmp_path / "a-file").write_text("in the way")
    (tmp_path / "empty").mkdir()
    (tmp_path / "only-text").mkdir()
    (tmp_path / "only-text" / "notes.txt").write_text("no candidate")
    return tmp_path


@pytest.mark.parametrize("command", ["", "run", "validate", "check", "plan", "work", "collect", "generate"])
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    told = finish(*command.split(), "--help", cwd=tmp_path)

    assert told.out.startswith(f"usage: batt {command}".rstrip())
    assert told.err == ""
    for line in told.out.splitlines():
        flag = line.strip().split(",")[0].split(" ")[0]
        assert not (line.startswith("  -") and line.strip() == flag), f"{flag} has no help"


def test_the_version_is_told(tmp_path: Path) -> None:
    assert finish("--version", cwd=tmp_path).out.startswith("batt ")


VALIDATE = ("validate", "-b", "builtin:starter")

REFUSED: list[tuple[tuple[str, ...], int, str]] = [
    ((), 64, "the following arguments are required: COMMAND"),
    (("frobnicate",), 64, "invalid choice: 'frobnicate'"),
    (("run",), 64, "the following arguments are required: file"),
    (("run", "none.yaml"), 64, "none.yaml: file: got No such file or directory; must be a file that can be read"),
    (("run", "empty"), 64, "empty: file: got Is a directory"),
    (("run", "run.yaml", "-j", "0"), 64, "argument -j/--jobs: got 0; must be at least 1"),
    (("run", "run.yaml", "--results", ""), 65, "must be a path"),
    (("run", "run.yaml", "--results", "gs://"), 65, "gs://: got no bucket"),
    (("run", "run.yaml", "--results", "s3://bucket"), 65, "'s3://bucket': must be a path, file:PATH or gs://BUCKET"),
    (("run", "run.yaml", "--results", "a-file"), 74, "a-file/"),
    (("run", "run.yaml", "--results", "/proc/nowhere"), 74, "/proc/nowhere/"),
    (("validate",), 64, "the following arguments are required: -b/--batt_import"),
    (("validate", "-b", "none"), 65, "none: got no such file, folder or module"),
    (("validate", "-b", "empty"), 65, "empty: got no candidate; must hold *.py or *.jsonl files"),
    (("validate", "-b", "only-text"), 65, "only-text: got no candidate"),
    (("validate", "-b", "a-file"), 65, "a-file: got a file of another kind"),
    (("validate", "-b", "builtin:other"), 64, "-b: got 'builtin:other'; must be builtin:starter"),
    ((*VALIDATE, "-i", "99999999"), 65, "got '99999999'; must be ids of its 400 tasks"),
    ((*VALIDATE, "-i", TASK, TASK), 64, f"-i[1]: got '{TASK}'; is in the list already"),
    ((*VALIDATE, "-i", "a/b"), 64, "-i[0]: got 'a/b'; must be a task id"),
    ((*VALIDATE, "-i", TASK, "-s", "3"), 64, "must not stand together with -i"),
    ((*VALIDATE, "-s", "400"), 65, "-s 400 -c 0: got no task; the dataset has 400; choose within it"),
    ((*VALIDATE, "-s", "-1"), 65, "-s -1 -c 0: got no task"),
    ((*VALIDATE, "-c", "-1"), 65, "-s 0 -c -1: got no task"),
    ((*VALIDATE, "-t", "0"), 64, "-t: got 0.0; must be at least 0.01; raise it"),
    ((*VALIDATE, "-t", "inf"), 64, "-t: got inf; must be a finite number"),
    ((*VALIDATE, "--keep", "0"), 64, "argument --keep: got 0; must be at least 1"),
    ((*VALIDATE, "--keep", "1001"), 64, "--keep: got 1001; must be at most 1000"),
    ((*VALIDATE, "--dataset", "none.json"), 65, "none.json: got no such file or folder; must be ARC JSON"),
    ((*VALIDATE, "--dsl", "none"), 65, "dsl: got 'none'; must name a file or a folder with dsl.py"),
    (("plan", "run.yaml", "--uid", "../x"), 64, "--uid: got '../x'; must be 1 to 40 lower-case letters and digits"),
    (("work", "none", "--index", "0"), 65, "none: there is no run in "),
    (("work", "../../etc", "--index", "0"), 74, "must be relative"),
    (("collect", "default/none"), 65, "default/none: there is no run in "),
    (("generate", "no name"), 65, "name: got 'no name'; must be the name of a Python module"),
    (("generate", "m", "--steps", "10"), 65, "steps: got 10; must be from "),
    (("generate", "m", "-i", "zzz"), 64, "-i: got 'zzz'; must be a task that a starter solver solves"),
    (("generate", "m", "-o", "a-file"), 65, "-o a-file: got File exists; must be a folder that can be written"),
    (("check",), 64, "the following arguments are required: FILE"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_be_done_is_refused_in_words(
    folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    before = sorted(folder.rglob("*"))

    refused = batt(*arguments, cwd=folder)

    assert refused.code == code, refused.told
    assert message in refused.err
    assert refused.out == ""
    assert "Traceback" not in refused.err
    assert sorted(folder.rglob("*")) == before


def test_an_index_beyond_the_plan_is_refused(folder: Path) -> None:
    planned = finish("plan", "run.yaml", cwd=folder).out.strip()

    beyond = batt("work", planned, "--index", 1, cwd=folder)
    before = batt("work", planned, "--index", -1, cwd=folder)

    assert (beyond.code, before.code) == (64, 64)
    assert "--index: got 1; must be 0 to 0; choose a shard of the plan" in beyond.err


def test_check_names_every_fault_of_every_file(folder: Path) -> None:
    (folder / "bad.yaml").write_text("apiVersion: batt.dev/v1\nkind: BenchmarkRun\nspec:\n  solver: {}\n")

    checked = batt("check", "run.yaml", "bad.yaml", "none.yaml", cwd=folder)

    assert checked.code == 64
    assert checked.err == ""
    lines = checked.out.splitlines()
    assert lines[0] == "run.yaml: mixed: ok"
    assert [line.split(":")[0] for line in lines[1:]] == ["bad.yaml"] * (len(lines) - 2) + ["none.yaml"]
    assert any("metadata" in line and "must be given" in line for line in lines)
    assert any("spec.solver (line 4): got a block of fields; is not a field of spec" in line for line in lines)


def test_check_ends_with_0_when_all_files_are_good(folder: Path) -> None:
    assert finish("check", "run.yaml", "run.yaml", cwd=folder).out == "run.yaml: mixed: ok\nrun.yaml: mixed: ok\n"


def test_a_reader_that_goes_away_is_no_fault(folder: Path) -> None:
    """`batt check ... | head -1`"""
    command = subprocess.Popen(
        [*BATT, "check", *["run.yaml"] * 4000],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert command.stdout
    assert command.stderr
    assert command.stdout.readline() == "run.yaml: mixed: ok\n"
    command.stdout.close()

    told = command.stderr.read()
    code = command.wait(PATIENCE_SECONDS)
    command.stderr.close()

    assert code == 141
    assert told == ""


def test_a_run_file_in_another_folder_means_its_own_neighbours(folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a folder" / "mit Ümläuten 日本"
    odd.mkdir(parents=True)
    (folder / "candidates").rename(odd / "cändidates (1)")
    (odd / "cändidates (1)" / "two, too.py").write_text("def solve(I):\n    return I\n")
    (odd / "ids.txt").write_text(f"# mine\n{TASK}\n")
    write_run(odd / "my run.yaml", candidates="cändidates (1)", tasks=[], tasksFrom="ids.txt")

    told = finish("run", odd / "my run.yaml", cwd=folder / "empty")
    by_relative_path = finish(
        "run", f"../a folder/{odd.name}/my run.yaml", "--results", "../out put", cwd=folder / "empty"
    )

    results = results_of(told, folder / "empty")
    assert {row["candidate"] for row in results["tasks"][0]["candidates"]} == {
        f"cändidates (1)/one.py::solve_{TASK}",
        "cändidates (1)/two, too.py::solve",
    }
    assert (folder / "empty" / "results" / "solver_md5").is_dir()
    assert (folder / "out put" / "solver_md5").is_dir()
    assert results_of(by_relative_path, folder / "empty")["score"] == {"solved": 1, "tasks": 1}


def test_results_named_by_the_run_file_lie_beside_it(folder: Path) -> None:
    write_run(folder / "run.yaml", spec={"results": "my results"}, tasks=[TASK])

    told = finish("run", "../run.yaml", cwd=folder / "empty")

    assert (folder / "my results" / "solver_dir" / f"solve_{TASK}").is_dir()
    assert list((folder / "empty").iterdir()) == []
    assert results_of(told, folder / "empty")["score"] == {"solved": 1, "tasks": 1}


def test_the_seeds_command_line_works(folder: Path) -> None:
    """`run_batt.py --timing -i 007bbfb7 -b NAME`, as its users type it."""
    finish("generate", "tmp_batt", "-i", TASK, "--seed", 7, cwd=folder)

    told = finish("validate", "--timing", "-i", TASK, "-b", "tmp_batt", cwd=folder)
    other = finish("validate", "-s", 0, "-c", 2, "-t", 0.5, "--batt_import", "tmp_batt", cwd=folder)

    assert "-- Filtered to 32 unique candidates (from " in told.out
    assert "-- Phase 3a: Validated 32 solvers in " in told.out
    assert "Timing summary (seconds):" in told.out
    assert "score       1 of 1 tasks solved (100.0 %)" in told.out
    assert "of 2 tasks solved" in other.out


def test_a_generated_module_is_the_same_for_the_same_seed(folder: Path) -> None:
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        finish("generate", "m", "-o", place, "--seed", seed, cwd=folder, PYTHONHASHSEED=str(seed + len(place)))

    def texts(place: str) -> list[str]:
        return [path.read_text() for path in sorted((folder / place).iterdir())]

    assert texts("a") == texts("b")
    assert texts("a") != texts("c")


def test_a_language_of_ones_own_is_used_unmodified(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "dsl.py").write_text(
        "import helper\nprint('hello from a dsl')\ndef turn(grid):\n    return helper.flipped(grid)\n"
    )
    (folder / "mine" / "helper.py").write_text("def flipped(grid):\n    return tuple(row[::-1] for row in grid)\n")
    (folder / "mine" / "constants.py").write_text("TWICE = 2\n")
    (folder / "turn.py").write_text("def solve(I):\n    return turn(I)\n")
    tasks = {
        "t1": {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[3, 4]], "output": [[4, 3]]}]}
    }
    (folder / "tasks.json").write_text(json.dumps(tasks))

    told = finish(
        "validate", "-b", "../turn.py", "--dsl", "../mine", "--dataset", "../tasks.json", cwd=folder / "empty"
    )

    assert "score       1 of 1 tasks solved (100.0 %)" in told.out
    assert "hello" not in told.told


def test_an_unreadable_results_folder_is_told(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; run as another user (/proc stands for such a folder in the tests above)")
    (folder / "locked").mkdir(mode=0o500)

    refused = batt("run", "run.yaml", "--results", "locked/out", cwd=folder)

    assert refused.code == 74
    assert "this user may not do that there" in refused.err


def test_json_of_a_run_that_fails_is_still_json(folder: Path) -> None:
    refused = batt("run", "run.yaml", "--json", "--results", "a-file", cwd=folder)

    events: list[dict[str, Any]] = [json.loads(line) for line in refused.out.splitlines()]
    assert refused.code == 74
    assert all(event["event"] == "stage" for event in events)


def test_refused_constructs_are_told_with_their_lines(folder: Path) -> None:
    for number in range(12):
        (folder / "candidates" / f"bad{number:02d}.py").write_text("x1 = 1\n\ny = 2\n")

    told = finish("run", "run.yaml", cwd=folder)

    assert told.err.count("refused: candidates/bad") == 10
    assert "refused: candidates/bad00.py (line 1): got " in told.err
    assert "refused: 14 more; results.json names them all" in told.err
    assert "not run     24 refused, 0 for other tasks" in told.out


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter(folder: Path, closed: str) -> None:
    """As under some job runners: what is opened next must not be taken for a standard stream."""
    command = f'exec "$@" {closed}'

    done = subprocess.run(
        ["bash", "-c", command, "bash", *BATT, "run", "run.yaml", "-j", "2"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done
    assert ("1 of 1 tasks solved" in done.stdout) == (">&-" not in closed.split())
    assert (folder / "results" / "solver_dir" / f"solve_{TASK}").is_dir()


def test_a_terminal_without_some_characters_shows_others(folder: Path) -> None:
    told = finish("run", "run.yaml", "--results", "日本", cwd=folder, PYTHONIOENCODING="ascii")

    assert r"\u65e5\u672c/solver_md5" in told.out
    assert (folder / "日本" / "solver_md5").is_dir()


def test_the_folder_one_is_in_can_hold_candidates_and_results(folder: Path) -> None:
    """`batt validate -b .`, again and again: what the run before has written is no candidate."""
    first = finish("validate", "-i", TASK, "-b", ".", cwd=folder / "candidates")
    second = finish("validate", "-i", TASK, "-b", ".", cwd=folder / "candidates")

    assert "candidates  1 = 1 correct" in first.out
    assert "candidates  1 = 1 correct" in second.out
    assert "1 cached" in second.out

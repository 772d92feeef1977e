"""What flags mean, before any process starts; the commands themselves are in tests/e2e."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from batt.api import solvers_of
from batt.cli import cpus, flag_of, main, parser, positive, results_flag, task_slice, with_flags
from batt.errors import InputError, SpecError
from tests.runs import make_run


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("spec.solvers.timeoutSeconds", "-t"),
        ("spec.solvers.tasks[3]", "-i[3]"),
        ("spec.solvers.candidates", "-b"),
        ("spec.solvers.keep", "--keep"),
        ("spec.solvers.other", "other"),
    ],
)
def test_faults_of_flags_name_the_flags(where: str, expected: str) -> None:
    assert flag_of(where) == expected


def test_results_of_a_flag_are_seen_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert results_flag("out") == str(tmp_path / "out")
    assert results_flag("file:out") == str(tmp_path / "out")
    assert results_flag("/out") == "/out"
    assert results_flag("a:b") == str(tmp_path / "a:b")
    assert results_flag("gs://bucket/out") == "gs://bucket/out"


@pytest.mark.parametrize("uri", ["", "s3://bucket", "builtin:starter"])
def test_results_can_not_be_just_anything(uri: str) -> None:
    with pytest.raises(InputError, match="must be a path"):
        results_flag(uri)


def test_flags_stand_in_the_place_of_the_files_words() -> None:
    run = make_run(spec={"results": "by-file"})

    changed = with_flags(run, parser().parse_args(["run", "x.yaml", "--results", "/by-flag", "--no-cache"]))
    unchanged = with_flags(run, parser().parse_args(["run", "x.yaml"]))

    assert changed.spec.results == "/by-flag"
    assert not solvers_of(changed).cache
    assert unchanged == run


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], []),
        (["-s", "398"], ["ff28f65a", "ff805c23"]),
        (["-c", "1"], ["007bbfb7"]),
        (["-s", "1", "-c", "2"], ["00d62c1b", "017c7c7b"]),
    ],
)
def test_start_and_count_choose_tasks_by_their_place(flags: list[str], expected: list[str]) -> None:
    options = parser().parse_args(["validate", "-b", "builtin:starter", *flags])

    assert task_slice(options) == expected


def test_a_slice_beside_ids_is_refused() -> None:
    options = parser().parse_args(["validate", "-b", "x", "-i", "007bbfb7", "-s", "1"])

    with pytest.raises(SpecError, match="must not stand together with -i"):
        task_slice(options)


def test_a_wrong_flag_ends_with_the_code_of_a_wrong_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "x.yaml", "-j", "0"])

    assert caught.value.code == 64
    assert "batt run: argument -j/--jobs: got 0; must be at least 1" in capsys.readouterr().err


def test_processes_are_as_many_as_asked_for_else_as_the_cpus() -> None:
    assert cpus(7) == 7
    assert cpus(None) >= 1


def test_numbers_of_things_are_positive() -> None:
    assert positive("3") == 3
    with pytest.raises(ValueError, match="invalid literal"):
        positive("x")


def test_help_names_the_commands_of_a_cluster_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    told = capsys.readouterr().out
    assert "validate" in told
    assert "submit" in told


def alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run some Python in a process of its own, in which nothing is imported yet."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_commands_of_their_own_do_not_look_for_others(tmp_path: Path) -> None:
    code = f"import sys; from batt.cli import main; main(['check', {str(tmp_path / 'x.yaml')!r}]); print(*sys.modules)"

    done = alone(code)

    assert done.returncode == 0, done.stderr
    assert not {"batt_operator", "google.cloud.storage", "kubernetes"} & set(done.stdout.split())


def test_commands_of_a_cluster_say_what_is_missing_for_them() -> None:
    code = "import sys; sys.modules['kubernetes'] = None; from batt.cli import main; sys.exit(main(['list']))"

    done = alone(code)

    assert done.returncode != 0
    assert "pip install 'batt[cluster]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_a_wrong_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])

    assert ended.value.code == SpecError.exit_code
    assert "invalid choice: 'nonsense'" in capsys.readouterr().err


def test_kubectl_finds_the_command() -> None:
    names = {point.name: point.value for point in entry_points(group="console_scripts")}

    assert names["kubectl-batt"] == names["batt"] == "batt.cli:main"

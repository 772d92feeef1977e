"""Go tools are built once per version, whole or not at all, and failures say what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gotools import GoTool, GoUnavailableError, ToolBuildError, build, find_go, fingerprint, go_version

pytestmark = pytest.mark.timeout(1800)  # Go may have to be installed, and its standard library compiled


def make_module(folder: Path, body: str) -> GoTool:
    """Write a Go program; return it as a tool."""
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text("module batt.dev/hello\n\ngo 1.25\n")
    (folder / "main.go").write_text(f"package main\n\nfunc main() {{ {body} }}\n")
    return GoTool("hello", module=folder)


@pytest.fixture
def go() -> Path:
    """A Go that builds the tools."""
    try:
        return find_go()
    except GoUnavailableError as error:
        pytest.skip(str(error))


def test_the_go_found_is_new_enough(go: Path) -> None:
    assert go_version(go) >= (1, 26)


def test_a_built_tool_runs(go: Path, tmp_path: Path) -> None:
    tool = make_module(tmp_path / "source", 'print("hello")')

    build(tool, tmp_path / "tools" / "hello-1")

    done = subprocess.run([tmp_path / "tools" / "hello-1" / "hello"], capture_output=True, text=True, check=True)
    assert done.stderr == "hello"
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["hello-1"]


def test_a_failed_build_shows_the_output_and_leaves_nothing(go: Path, tmp_path: Path) -> None:
    tool = make_module(tmp_path / "source", "return 1")

    with pytest.raises(ToolBuildError, match=r"too many return values[\s\S]+try again: python -m tests.gotools"):
        build(tool, tmp_path / "tools" / "hello-1")

    assert list((tmp_path / "tools").iterdir()) == []


def test_what_decides_the_program_decides_its_place(tmp_path: Path) -> None:
    tool = make_module(tmp_path / "source", "")
    before = fingerprint(tool)

    (tmp_path / "source" / "README.md").write_text("no code")
    assert fingerprint(tool) == before
    make_module(tmp_path / "source", "print()")
    assert fingerprint(tool) != before
    first = GoTool("hello", "example.org/hello@v1")
    assert fingerprint(first) != fingerprint(GoTool("hello", "example.org/hello@v2"))
    assert fingerprint(first) != fingerprint(first._replace(ldflags="-X main.version=2"))


def test_of_processes_that_ask_at_once_one_builds(go: Path, tmp_path: Path) -> None:
    make_module(tmp_path / "source", 'print("hello")')
    script = (
        "import sys; from pathlib import Path; from tests import gotools\n"
        "gotools.TOOLS = (gotools.GoTool('hello', module=Path(sys.argv[1])),)\n"
        "print(gotools.ensure_tool('hello'))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "source")]
    root = Path(__file__).parents[2]
    go_home = subprocess.run([go, "env", "GOCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    env = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": str(go.parent), "GOCACHE": go_home}

    started = [
        subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=600) for process in started]

    assert len({out for out, _ in said}) == 1
    assert sum("building hello" in err for _, err in said) == 1, said

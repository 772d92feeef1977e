"""An agent is run on its task as HAL's own runner does it; what becomes of it lies in the contract's files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.hal import run_agent
from batt.hal.workspace import prepare

TASK = {"id/1": {"prompt": "p"}}


class Ran(NamedTuple):
    """What an agent has come to. output: None where there is no output.json."""

    code: int
    output: Any  # JSON
    error: str
    note: Any  # JSON
    said: str


def agent(
    folder: Path,
    text: str,
    arguments: Mapping[str, Any] | None = None,
    function: str = "main.run",
    files: Mapping[str, str] | None = None,
    **variables: str,
) -> Ran:
    """Run an agent as the program that it is in a pod."""
    for name, content in {f"{function.rpartition('.')[0]}.py": text, **(files or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(content))
    prepare(folder, "id/1", TASK["id/1"], arguments if arguments is not None else {"benchmark_name": "b"})
    process = subprocess.run(
        [sys.executable, "run_agent.py"],
        cwd=folder,
        env={**os.environ, "AGENT_FUNCTION": function, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    error, note, output = folder / "error.log", folder / run_agent.NOTE, folder / "output.json"
    return Ran(
        process.returncode,
        json.loads(output.read_text()) if output.exists() else None,
        error.read_text() if error.exists() else "",
        json.loads(note.read_text()) if note.exists() else None,
        process.stdout,
    )


def test_what_the_function_returns_is_the_output(tmp_path: Path) -> None:
    text = "def run(input, **kwargs): print('said'); return {task: [one, kwargs] for task, one in input.items()}"
    ran = agent(tmp_path, text, {"benchmark_name": "b", "n": 1.5})

    assert ran == Ran(0, {"id/1": [{"prompt": "p"}, {"benchmark_name": "b", "n": 1.5}]}, "", None, "said\n")
    assert not (tmp_path / "output.json.part").exists()


@pytest.mark.parametrize(
    "head",
    ["input_dict, **kwargs", "x, /, **kwargs", "*args, **kwargs", "task, benchmark_name", "input, benchmark_name=1"],
)
def test_the_task_is_the_first_argument_whatever_its_name(tmp_path: Path, head: str) -> None:
    first = "args[0]" if head.startswith("*") else head.partition(",")[0]

    assert agent(tmp_path, f"def run({head}): return {first}").output == TASK


def test_a_function_that_does_not_take_the_benchmarks_name_raises(tmp_path: Path) -> None:
    ran = agent(tmp_path, "def run(input): return input")

    assert (ran.code, ran.output) == (1, None)
    assert ran.error.startswith("ERROR: run() got an unexpected keyword argument 'benchmark_name'\nTraceback")


def test_a_module_is_loaded_from_its_file_and_in_no_registry(tmp_path: Path) -> None:
    text = "import sys\ndef run(input, **kwargs): return [__name__, __file__, 'my_agent' in sys.modules]"

    assert agent(tmp_path, text, function="my_agent.run").output == ["my_agent", str(tmp_path / "my_agent.py"), False]


def test_a_module_with_a_point_in_its_name_is_one_file(tmp_path: Path) -> None:
    assert agent(tmp_path, "def run(input, **kwargs): return __name__", function="a.b.run").output == "a.b"


@pytest.mark.parametrize("safe_path", ["", "1"])
def test_siblings_can_be_imported_from_anywhere(tmp_path: Path, safe_path: str) -> None:
    text = """
        import os
        import sibling
        def run(input, **kwargs):
            os.chdir("/")
            from package.inner import late
            return [sibling.value, late]
    """
    files = {"sibling.py": "value = 1", "package/__init__.py": "", "package/inner.py": "late = 2"}
    ran = agent(tmp_path, text, files=files, PYTHONSAFEPATH=safe_path)

    assert ran.output == [1, 2]


def test_relative_imports_do_not_work(tmp_path: Path) -> None:
    ran = agent(tmp_path, "from . import sibling", files={"sibling.py": ""})

    assert (ran.code, ran.note[0]["names"][0]) == (1, "ImportError")


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        ("'text'", '"text"'),
        ("[1, (2, 3)]", "[1, [2, 3]]"),
        ("{1: 'a', None: 'b', False: 'c', 1.5: 'd'}", '{"1": "a", "null": "b", "false": "c", "1.5": "d"}'),
        ("{'id/1': 'ä\\ud800'}", '{"id/1": "\\u00e4\\ud800"}'),
        ("[float('nan'), float('inf')]", "[NaN, Infinity]"),
        ("None", "null"),
    ],
)
def test_what_is_json_is_written_as_hal_writes_it(tmp_path: Path, returned: str, text: str) -> None:
    ran = agent(tmp_path, f"def run(input, **kwargs): return {returned}")

    assert (ran.code, (tmp_path / "output.json").read_text()) == (0, text)


@pytest.mark.parametrize(
    ("returned", "name"),
    [
        ("{1, 2}", "TypeError"),
        ("{'a': object()}", "TypeError"),
        ("{(1, 2): 3}", "TypeError"),
        ("run", "TypeError"),
        ("b'bytes'", "TypeError"),
        ("[one for one in [[]] if not one.append(one)]", "ValueError"),
        ("deep()", "RecursionError"),
    ],
)
def test_what_is_no_json_is_an_error(tmp_path: Path, returned: str, name: str) -> None:
    text = f"""
        def deep():
            value = []
            for _ in range(100_000):
                value = [value]
            return value
        def run(input, **kwargs):
            return {returned}
    """
    ran = agent(tmp_path, text)

    assert (ran.code, ran.output, ran.note[0]["names"][0]) == (1, None, name)
    assert ran.error.startswith("ERROR: ")


def test_an_exception_is_in_the_log_with_its_traceback_and_in_the_note(tmp_path: Path) -> None:
    text = """
        def run(input, **kwargs):
            try:
                {}["key"]
            except KeyError as error:
                raise ValueError("two\\nlines") from error
    """
    ran = agent(tmp_path, text)

    assert (ran.code, ran.output) == (1, None)
    assert ran.error.startswith("ERROR: two\nlines\nTraceback (most recent call last):\n")
    assert "The above exception was the direct cause" in ran.error
    assert ran.error.endswith("ValueError: two\nlines\n")
    assert ran.error.removeprefix("ERROR: two\nlines\n") == ran.said
    assert [(one["names"][0], one["text"]) for one in ran.note] == [("ValueError", "two\nlines"), ("KeyError", "'key'")]


def test_an_exception_without_a_text_is_noted(tmp_path: Path) -> None:
    text = """
        class Odd(Exception):
            def __str__(self):
                raise SystemExit(0)
        def run(input, **kwargs):
            raise Odd
    """
    ran = agent(tmp_path, text)

    assert ran.code == 1
    assert ran.error.startswith("ERROR: <Odd whose text cannot be had: SystemExit>\nTraceback")
    assert ran.note[0]["names"][:2] == ["Odd", "Exception"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def other(input, **kwargs): pass", "AttributeError"),
        ("run = 1", "TypeError"),
        ("def run(", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def run(input, **kwargs): raise BaseException('odd \\udcff')", "BaseException"),
        ("async def run(input, **kwargs): return input", "TypeError"),
    ],
)
def test_whatever_is_wrong_with_a_module_is_noted(tmp_path: Path, text: str, name: str) -> None:
    ran = agent(tmp_path, text)

    assert (ran.code, ran.output, ran.note[0]["names"][0]) == (1, None, name)
    assert ran.error.startswith("ERROR: ")


def test_a_module_that_is_not_there_is_noted(tmp_path: Path) -> None:
    ran = agent(tmp_path, "", function="main.run", AGENT_FUNCTION="missing.run")

    assert (ran.code, ran.note[0]["names"][0]) == (1, "FileNotFoundError")


@pytest.mark.parametrize(
    ("code", "exit_code", "is_noted"),
    [
        ("", 0, False),
        ("0", 0, False),
        ("None", 0, False),
        ("False", 0, False),
        ("256", 0, False),
        ("3", 3, True),
        ("-1", 255, True),
        ("'why'", 1, True),
        ("[1]", 1, True),
    ],
)
def test_an_agent_that_exits_returns_nothing(tmp_path: Path, code: str, exit_code: int, is_noted: bool) -> None:
    ran = agent(tmp_path, f"import sys\ndef run(input, **kwargs): sys.exit({code})")

    assert (ran.code, ran.output) == (exit_code, None)
    assert [one["names"][0] for one in ran.note or []] == (["SystemExit"] if is_noted else [])
    assert bool(ran.error) == is_noted


@pytest.mark.parametrize(
    ("act", "code"), [("os._exit(5)", 5), ("os._exit(0)", 0), ("os.kill(os.getpid(), 15)", -signal.SIGTERM)]
)
def test_an_agent_that_is_gone_leaves_nothing(tmp_path: Path, act: str, code: int) -> None:
    ran = agent(tmp_path, f"import os\ndef run(input, **kwargs): {act}")

    assert ran == Ran(code, None, "", None, "")


def test_an_output_of_the_agents_own_does_not_outlive_its_failure(tmp_path: Path) -> None:
    text = """
        def run(input, **kwargs):
            open("output.json", "w").write('{"id/1": "half"}')
            raise ValueError
    """

    assert agent(tmp_path, text).output is None


def test_an_agent_may_leave_its_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    returns = agent(tmp_path, "import os\ndef run(input, **kwargs): os.chdir('elsewhere'); return 1")
    raises = agent(tmp_path, "import os\ndef run(input, **kwargs): os.chdir('elsewhere'); raise ValueError('x')")

    assert (returns.output, raises.error.partition("\n")[0]) == (1, "ERROR: x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_agent_may_close_its_output(tmp_path: Path) -> None:
    text = "import sys\ndef run(input, **kwargs): sys.stderr.close(); sys.stdout.close(); raise ValueError('x')"
    ran = agent(tmp_path, text)

    assert (ran.code, ran.error.partition("\n")[0], ran.note[0]["text"]) == (1, "ERROR: x", "x")


def test_requirements_come_with_their_pth_files(tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "folder"
    folder.mkdir()
    (site / "extra").mkdir(parents=True)
    (site / "x.pth").write_text("extra\nimport os; os.environ['PTH'] = 'read'\n")
    (site / "broken.pth").write_text("import nothing_of_that_name\n")
    (site / "extra" / "of_pth.py").write_text("value = 7")
    text = """
        import os, subprocess, sys
        def run(input, **kwargs):
            import of_pth
            child = [sys.executable, "-c", "import sys; print(any('extra' in path for path in sys.path))"]
            return [of_pth.value, os.environ["PTH"], subprocess.check_output(child, text=True)]
    """
    with_site = agent(folder, text, BATT_SITE=str(site))
    without = agent(folder, text)

    assert with_site.output == [7, "read", "False\n"]
    assert (without.code, without.note[0]["names"][0]) == (1, "ModuleNotFoundError")


def test_requirements_do_not_hide_the_agents_own_modules(tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "folder"
    for place in (site, folder):
        place.mkdir()
        (place / "sibling.py").write_text(f"value = {place.name!r}")
    text = "import sibling\ndef run(input, **kwargs): return sibling.value"

    assert agent(folder, text, BATT_SITE=str(site), PYTHONPATH=str(site)).output == "folder"


@pytest.mark.parametrize("id_", ['"', "'''", "\n", "{x}", "ä\\u0000", "../up"])
def test_texts_of_a_task_are_data(tmp_path: Path, id_: str) -> None:
    (tmp_path / "main.py").write_text("def run(input, **kwargs): return [input, kwargs]")
    prepare(tmp_path, id_, {id_: id_}, {"k": id_})
    subprocess.run(
        [sys.executable, "run_agent.py"], cwd=tmp_path, env={**os.environ, "AGENT_FUNCTION": "main.run"}, check=True
    )

    assert json.loads((tmp_path / "output.json").read_text()) == [{id_: {id_: id_}}, {"k": id_}]

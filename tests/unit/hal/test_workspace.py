"""A working directory begins as HAL's contract has it; what an agent returned is a stranger's, and read as such."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batt.hal import run_agent
from batt.hal.outcomes import Outcome
from batt.hal.workspace import (
    OUTPUT_BYTES,
    Output,
    file_place,
    leftovers,
    prepare,
    read_note,
    read_output,
    without_places,
)
from tests.unit.hal.trees import as_socket

NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything; run as another user")


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names; run on Linux")


CONTRACT = ["agent_args.json", "input.json", "run_agent.py"]


def test_the_contracts_files_are_written(tmp_path: Path) -> None:
    prepare(
        tmp_path, "HumanEval/0", {"prompt": "p", "files": {"/root/a": "/data/cache/a.csv"}}, {"benchmark_name": "b"}
    )

    assert sorted(path.name for path in tmp_path.iterdir()) == CONTRACT
    assert json.loads((tmp_path / "input.json").read_text()) == {
        "HumanEval/0": {"prompt": "p", "files": {"/root/a": "a.csv"}}
    }
    assert json.loads((tmp_path / "agent_args.json").read_text()) == {"benchmark_name": "b"}
    assert (tmp_path / "run_agent.py").read_bytes() == Path(run_agent.__file__).read_bytes()


NAMES = [*CONTRACT, "output.json", "output.json.part", "error.log", run_agent.NOTE]


def as_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "precious")


def as_broken_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "nothing")


def as_link_to_folder(path: Path) -> None:
    path.symlink_to(path.parent.parent)


def as_file(path: Path) -> None:
    path.write_text("stale")
    path.chmod(0o444)


def as_folder(path: Path) -> None:
    (path / "in").mkdir(parents=True)
    (path / "in" / "file").write_text("stale")


@pytest.mark.parametrize("stale", [as_link, as_broken_link, as_link_to_folder, as_file, as_folder, os.mkfifo])
def test_what_an_agent_has_of_those_names_makes_way(tmp_path: Path, stale: Callable[[Path], None]) -> None:
    (tmp_path / "precious").write_text("kept")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in NAMES:
        stale(folder / name)

    prepare(folder, "id", {}, {})

    assert sorted(path.name for path in folder.iterdir()) == CONTRACT
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert json.loads((folder / "input.json").read_text()) == {"id": {}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "precious"]
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.parametrize(
    ("task", "seen"),
    [
        ({"files": {"a": "/x/y.csv", "b": "z", "c": "/x/"}}, {"files": {"a": "y.csv", "b": "z", "c": ""}}),
        ({"files": {"a": None, "b": 1}}, {"files": {"a": None, "b": 1}}),
        ({"files": ["/x/y"], "other": "/x/y"}, {"files": ["/x/y"], "other": "/x/y"}),
        ("a text", "a text"),
        ([1], [1]),
    ],
)
def test_files_tell_names_not_places(task: Any, seen: Any) -> None:
    before = json.dumps(task)

    assert without_places(task) == seen
    assert json.dumps(task) == before


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("/root/x", "x"),
        ("/root/environment/data/x.csv", "environment/data/x.csv"),
        ("/root/environment/../x", "x"),
        ("x/y", "x/y"),
        ("/x//y/", "x/y"),
        ("environment/root/x", "environmentx"),  # as HAL has it
        ("../x", None),
        ("/root/../x", None),
        ("a/../../x", None),
        ("..", None),
        ("..x", "..x"),
        ("", None),
        ("/", None),
        (".", None),
        ("/root/", None),
        ("a\nb", None),
        ("a\0b", None),
        ("a/" * 200, None),
    ],
)
def test_a_tasks_files_lie_where_hal_has_them_or_nowhere(key: str, place: str | None) -> None:
    assert file_place(key) == place


def output_of(folder: Path, data: bytes | str) -> Output:
    (folder / "output.json").write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_output(folder, "id")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"id": "answer"}', '{"id": "answer"}'),
        ('{"id": {"answer": 1, "metrics": {}}}', '{"id": {"answer": 1, "metrics": {}}}'),
        ('{"other": 1, "id": [], "more": 2}', '{"id": []}'),
        ('{"id": ""}', '{"id": ""}'),
        ('{"id": false}', '{"id": false}'),
        ('{"id": [NaN, -Infinity]}', '{"id": [NaN, -Infinity]}'),
        ('{"id": "\\ud800 \u20ac"}', '{"id": "\\ud800 \\u20ac"}'),
        ('{"id": 1, "id": 2}', '{"id": 2}'),
        ('{"id": ' + "[" * 199 + "]" * 199 + "}", '{"id": ' + "[" * 199 + "]" * 199 + "}"),
        ('{"id": "a"}'.encode("utf-16"), '{"id": "a"}'),  # which Python's json reads
    ],
)
def test_a_submission_is_taken(tmp_path: Path, data: bytes | str, text: str) -> None:
    assert output_of(tmp_path, data) == Output(Outcome.OK, text, "")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("null", "the agent returned None; must be {task id: submission}"),
        ('["id"]', "the agent returned a list; must be"),
        ('"id"', "the agent returned a text; must be"),
        ("12", "the agent returned a number; must be"),
        ("1.5", "the agent returned a number; must be"),
        ("true", "the agent returned a truth value; must be"),
        ("{}", "the agent returned nothing; must be {'id': submission}"),
        ('{"ID": 1}', "the agent returned 'ID'; must be {'id': submission}"),
        ('{"%s": 1}' % ("x" * 10**6), f"the agent returned '{'x' * 50}'; must be"),
        ('{"id": null}', "the agent returned None for 'id'"),
        ("", "output.json is no JSON: "),
        ('{"id": 1', "output.json is no JSON: "),
        ('{"id": 1} x', "output.json is no JSON: Extra data"),
        (b'{"id": "\xff"}', "output.json is no JSON: 'utf-8' codec"),
        ("1" * 10_000, "output.json is no JSON: "),
        ("[" * 10**6, "output.json is no JSON: "),
        ('{"id": ' + "[" * 200 + "]" * 200 + "}", "the agent returned what is nested more than 200 deep"),
        ('{"id": ' + '{"a":' * 900 + "1" + "}" * 900 + "}", "the agent returned what is nested more than 200 deep"),
        ('"' + "x" * (20 << 20) + '"', f"output.json cannot be taken: it has {(20 << 20) + 2} bytes, of at most"),
    ],
    ids=range(19),
)
def test_what_is_no_submission_is_told(tmp_path: Path, data: bytes | str, message: str) -> None:
    output = output_of(tmp_path, data)

    assert (output.outcome, output.text) == (Outcome.INVALID_OUTPUT, "")
    assert output.message.startswith(message)
    assert len(output.message) < 500


def test_an_output_may_be_as_big_as_the_limit(tmp_path: Path) -> None:
    assert output_of(tmp_path, '{"id": "%s"}' % ("x" * (OUTPUT_BYTES - 10))).outcome is Outcome.OK
    assert output_of(tmp_path, '{"id": "%s"}' % ("x" * (OUTPUT_BYTES - 9))).outcome is Outcome.INVALID_OUTPUT


def test_without_an_output_the_agent_did_not_return(tmp_path: Path) -> None:
    assert read_output(tmp_path, "id").message == "there is no output.json: the agent ended without returning"


def as_link_to_secret(path: Path) -> None:
    (path.parent.parent / "secret.json").write_text('{"id": "secret"}')
    path.symlink_to(path.parent.parent / "secret.json")


@pytest.mark.parametrize("make", [as_link_to_secret, as_broken_link, os.mkfifo, Path.mkdir, as_socket])
def test_an_output_that_is_no_file_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder / "output.json")

    assert read_output(folder, "id").message.startswith("output.json cannot be taken: ")


@NOT_ROOT
def test_an_output_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "output.json").touch(0o000)

    assert read_output(tmp_path, "id").message == "output.json cannot be taken: Permission denied"


def test_an_output_is_not_read_through_a_link_in_the_place_of_its_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    output_of(secret, '{"id": "secret"}')
    (tmp_path / "folder").symlink_to(secret)

    assert read_output(tmp_path / "folder", "id").message.startswith("output.json cannot be taken: ")
    assert [reason for _, reason in leftovers(tmp_path / "folder", {})] == ["Not a directory"]


@pytest.mark.parametrize(
    ("data", "note"),
    [(None, None), (b"[1]", [1]), (b"[", None), (b"\xff", None), (b"[" * 10**5, None), (b" " * 2**20 + b"1", None)],
    ids=range(6),
)
def test_a_note_is_read_if_it_can_be(tmp_path: Path, data: bytes | None, note: object) -> None:
    if data is not None:
        (tmp_path / run_agent.NOTE).write_bytes(data)

    assert read_note(tmp_path) == note

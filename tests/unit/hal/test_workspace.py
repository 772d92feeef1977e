"""A working directory begins as HAL's contract has it; what lies in it at the end is a stranger's, and read as such."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from batt.hal import run_agent, workspace
from batt.hal.outcomes import Outcome
from batt.hal.workspace import (
    OUTPUT_BYTES,
    Bounds,
    Output,
    file_place,
    leftovers,
    prepare,
    read_note,
    read_output,
    remove,
    snapshot,
    without_places,
)

NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
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


def as_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


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


def left(folder: Path, known: Mapping[str, tuple[int, int]] | None = None, **bounds: int) -> dict[str, bytes | str]:
    found = list(leftovers(folder, known or {}, Bounds(**bounds)))
    assert len(dict(found)) == len(found)
    return dict(found)


def test_files_that_an_agent_has_written_are_kept(tmp_path: Path) -> None:
    for name in ("same", "changed", "replaced", "removed", "a/same", "a/changed"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    known = snapshot(tmp_path)
    for name in ("changed", "a/changed", "new", "a/new", "b/c/new"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("new")
    (tmp_path / "replaced").unlink()
    (tmp_path / "replaced").write_text("old")
    (tmp_path / "removed").unlink()

    kept = ["a/changed", "a/new", "b/c/new", "changed", "new", "replaced"]
    found = left(tmp_path, known)
    assert sorted(found) == kept
    assert found == {name: b"old" if name == "replaced" else b"new" for name in kept}


def test_a_change_that_hides_behind_old_times_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    os.utime(tmp_path / "a", (1, 1))
    known = snapshot(tmp_path)
    (tmp_path / "a").write_text("new")
    os.utime(tmp_path / "a", (1, 1))

    assert left(tmp_path, known) == {"a": b"new"}


def test_files_of_ours_and_caches_are_no_leftovers(tmp_path: Path) -> None:
    prepare(tmp_path, "id", {}, {})
    for name in (run_agent.NOTE, "output.json.part", "output.json", "error.log", "a/run_agent.py", "a/__pycache__/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    assert sorted(left(tmp_path)) == ["a/run_agent.py", "agent_args.json", "error.log", "input.json", "output.json"]


def test_what_is_no_file_is_left_out_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    as_link_to_secret(folder / "link")
    (folder / "a" / "to-folder").symlink_to(tmp_path)
    (folder / "broken").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    as_socket(folder / "socket")

    assert left(folder) == {
        "broken": "it is a link",
        "link": "it is a link",
        "pipe": "it is a pipe",
        "socket": "it is a socket",
        "a/to-folder": "it is a link",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_devices_are_not_opened(tmp_path: Path) -> None:
    os.mknod(tmp_path / "zero", 0o666 | 0o020000, os.makedev(1, 5))

    assert left(tmp_path) == {"zero": "it is a device"}


@NOT_ROOT
def test_what_cannot_be_read_is_left_out_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o000)
    (tmp_path / "folder").mkdir(0o000)

    assert left(tmp_path) == {"file": "Permission denied", "folder": "Permission denied"}


@LINUX
def test_names_that_no_archive_can_have_are_left_out(tmp_path: Path) -> None:
    for name in (b"line\nend", b"odd\xff", b"esc\x1b[2J", b"fold\ner/x", "ä €".encode()):
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")

    assert left(tmp_path) == {
        "ä €": b"x",
        "'line\\nend'": "it has a name that cannot be kept",
        "'odd\\udcff'": "it has a name that cannot be kept",
        "'esc\\x1b[2J'": "it has a name that cannot be kept",
        "'fold\\ner/x'": "it has a name that cannot be kept",
    }


def test_big_files_are_left_out(tmp_path: Path) -> None:
    for name, size in {"a": 11, "b": 10, "c": 6, "d": 4, "e": 1}.items():
        (tmp_path / name).write_bytes(b"x" * size)

    assert left(tmp_path, file_bytes=10, total_bytes=15) == {
        "a": "it has 11 bytes, of at most 10",
        "b": b"x" * 10,
        "c": "with it there would be more than 15 bytes",
        "d": b"xxxx",
        "e": b"x",
    }


def test_a_sparse_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)

    assert left(tmp_path) == {"a": f"it has {1 << 40} bytes, of at most {16 << 20}"}


def test_of_too_many_files_those_at_the_top_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(20):
        (tmp_path / "a" / f"{number:02}").write_text("x")
    (tmp_path / "output.json").write_text("x")

    found = left(tmp_path, files=5)
    assert list(found) == ["output.json", "a/00", "a/01", "a/02", "a/03", "a/04"]
    assert found["a/04"] == "there are more than 5 files"


def test_what_is_left_out_is_told_a_few_hundred_times_only(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number:04}").symlink_to("x")
    (tmp_path / "zz").write_text("x")

    found = left(tmp_path)
    assert len(found) == workspace.LEFT_OUT + 2
    assert (found["zz"], found["..."]) == (b"x", f"{1000 - workspace.LEFT_OUT} more are left out")


def test_endless_folders_are_not_looked_at_endlessly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "ENTRIES", 100)
    for number in range(200):
        (tmp_path / f"{number}").mkdir()

    assert left(tmp_path) == {"...": "there are more than 100 files and folders"}


def dig(folder: Path, levels: int) -> None:
    """Make folders in folders, deeper than a path can be long."""
    subprocess.run(
        [sys.executable, "-c", f"import os\nfor _ in range({levels}): os.mkdir('d'); os.chdir('d')"],
        cwd=folder,
        check=True,
    )


def test_what_lies_too_deep_is_left_out(tmp_path: Path) -> None:
    dig(tmp_path, 1500)
    try:
        assert left(tmp_path) == {"/".join("d" * 101): "it lies more than 100 folders deep"}
        assert snapshot(tmp_path) == {}
    finally:
        remove(tmp_path / "d")


def test_a_folder_is_removed_however_deep_and_unreadable(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    dig(folder, 1500)
    (folder / "link").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    for path in (folder / "a" / "b", folder / "a", folder / "d", folder):
        path.chmod(0)
    (tmp_path / "other").write_text("kept")

    remove(folder)
    remove(tmp_path / "nothing")

    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_of_a_link_in_the_place_of_a_folder_only_the_link_is_removed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("kept")
    (tmp_path / "folder").symlink_to("other")

    remove(tmp_path / "folder")

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "other"]

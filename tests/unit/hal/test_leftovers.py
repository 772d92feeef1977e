"""What lies in a working directory at the end is a stranger's: what of it is kept, and that all of it goes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from batt.hal import run_agent, workspace
from batt.hal.workspace import (
    Bounds,
    leftovers,
    prepare,
    remove,
    snapshot,
)
from tests.unit.hal.trees import as_socket

NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything; run as another user")


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names; run on Linux")


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
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices; run as root")
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

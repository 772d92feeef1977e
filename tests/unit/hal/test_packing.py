"""An agent's files are found, or what is wrong with them; archives are equal where the files are."""

from __future__ import annotations

import io
import os
import random
import socket
import stat
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal import packing
from batt.hal.packing import DEPTH, agent_files, is_name, pack, pack_texts, unpack
from tests.unit.hal.trees import folder_of, tree

ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything; run as another user")


def packed(folder: Path, names: list[str] | None = None) -> io.BytesIO:
    file = io.BytesIO()
    pack(folder, agent_files(folder) if names is None else names, file)
    return io.BytesIO(file.getvalue())


def test_an_agents_files_are_found_and_caches_are_not(tmp_path: Path) -> None:
    kept = ["b.py", "a/ä 1.py", ".env", "a/b/c/d", "git/x", "x.pyc.txt"]
    caches = [".git/HEAD", "a/__pycache__/b.pyc", "c.pyc", ".DS_Store", "a/.mypy_cache/x", ".hg/x", "sub/.git"]
    folder_of(tmp_path, dict.fromkeys([*kept, *caches], "x"))
    (tmp_path / "link.py").symlink_to("a/b/c/d")
    (tmp_path / "a" / "other").symlink_to(tmp_path / "b.py")

    assert agent_files(tmp_path) == sorted([*kept, "link.py", "a/other"])


def test_all_that_an_agent_cannot_have_is_named_at_once(tmp_path: Path) -> None:
    outside = folder_of(tmp_path / "outside", {"secret": "x"})
    folder = folder_of(tmp_path / "agent", {"good.py": "", "line\nend.py": "", "folder/x": ""})
    for name, aim in {
        "out": outside / "secret",
        "out too": Path("../outside/secret"),
        "nowhere": Path("nothing"),
        "loop": Path("loop"),
        "to-folder": Path("folder"),
    }.items():
        (folder / name).symlink_to(aim)
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"odd\xff")).write_text("")
    folder_of(folder, {"/".join("d" * DEPTH) + "/x": ""})

    with pytest.raises(InputError) as caught:
        agent_files(folder)

    told = str(caught.value).splitlines()
    assert [line.partition(": ")[2] for line in told[:-1]] == [
        f"a link to {str(outside / 'secret')!r}, which leads out of the folder" if name == "out" else text
        for name, text in {
            "line": "a name that cannot be shown, or more than 100 folders deep",
            "loop": "a link to a folder, or to nothing",
            "nowhere": "a link to a folder, or to nothing",
            "odd": "a name that cannot be shown, or more than 100 folders deep",
            "out": "",
            "out too": "a link to '../outside/secret', which leads out of the folder",
            "pipe": "neither a file nor a folder",
            "to-folder": "a link to a folder, or to nothing",
            "deep": "a name that cannot be shown, or more than 100 folders deep",
        }.items()
    ]
    assert told[-1] == "must be plain files, or links to such in the folder; remove or replace them"
    assert "\udcff" not in str(caught.value)


def test_a_socket_is_no_file_of_an_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(InputError, match="neither a file nor a folder"):
            agent_files(tmp_path)


def test_an_agent_that_no_pod_would_unpack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, {"a": "x" * 100, "b": "x" * 10, "c": "x"})
    monkeypatch.setattr(packing, "MEMBER_BYTES", 50)
    with pytest.raises(InputError, match=r"a: 100 bytes, of at most 50\n"):
        agent_files(tmp_path)
    monkeypatch.setattr(packing, "MEMBER_BYTES", 500)
    monkeypatch.setattr(packing, "TOTAL_BYTES", 110)
    with pytest.raises(InputError, match="3 files of 111 bytes, of at most 100000 and 110"):
        agent_files(tmp_path)
    monkeypatch.setattr(packing, "TOTAL_BYTES", 111)
    monkeypatch.setattr(packing, "FILES", 2)
    with pytest.raises(InputError, match="3 files of 111 bytes, of at most 2 and 111"):
        agent_files(tmp_path)


@ROOT
def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a": "", "b": "", "c/d": ""})
    for name in ("a", "b"):
        (tmp_path / name).chmod(0)
    with pytest.raises(InputError, match=r"a: a file that cannot be read\n.*b: a file that cannot be read\n"):
        agent_files(tmp_path)
    (tmp_path / "c").chmod(0)
    with pytest.raises(InputError, match="c: got Permission denied; must be a folder that can be read"):
        agent_files(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match="must be a folder that can be read; correct the path"):
        agent_files(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a", True),
        ("a/b.c/..d", True),
        ("ä €", True),
        ("", False),
        (".", False),
        ("..", False),
        ("../a", False),
        ("a/../b", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("a\nb", False),
        ("\udcff", False),
        ("/".join("d" * DEPTH), True),
        ("/".join("d" * (DEPTH + 1)), False),
    ],
)
def test_names_stay_in_the_folder_and_can_be_shown(name: str, fits: bool) -> None:
    assert is_name(name) == fits


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    files = {"b.py": "2", "a/ä.py": "1", "a/long" + "g" * 150: "3"}
    first, second = folder_of(tmp_path / "first", files), tmp_path / "second"
    umask = os.umask(0o077)
    try:
        folder_of(second, dict(reversed(files.items())))
    finally:
        os.umask(umask)
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
    rng = random.Random(0)
    names = agent_files(second)
    rng.shuffle(names)

    assert packed(first).getvalue() == packed(second, names).getvalue()


def test_contents_names_and_the_executable_bit_change_the_bytes(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "folder", {"a": "1", "b": "2"})
    before = packed(folder).getvalue()
    (folder / "a").chmod(0o755)
    executable = packed(folder).getvalue()

    assert len({before, executable, packed(folder, ["a"]).getvalue()}) == 3


def test_what_is_packed_comes_out_again(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "folder", {"run.sh": "#!/bin/sh\n", "a/ä €.py": "1", "empty": "", "a/b/c": "x" * 10**6}
    )
    (folder / "run.sh").chmod(0o700)
    (folder / "link").symlink_to("a/b/c")

    names = unpack(packed(folder), "x.tar.gz", tmp_path / "out")

    assert names == ["a/b/c", "a/ä €.py", "empty", "link", "run.sh"]
    assert {name: (tmp_path / "out" / name).read_text() for name in names} == {
        name: (folder / name).read_text() for name in names
    }
    modes = {name: stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) & 0o111 for name in names}
    assert modes == {"a/b/c": 0, "a/ä €.py": 0, "empty": 0, "link": 0, "run.sh": 0o111}
    assert not (tmp_path / "out" / "link").is_symlink()


def test_texts_are_packed_in_any_order(tmp_path: Path) -> None:
    texts = [("b", b"2"), ("a/c", b"1" * 1000), ("d", b"")]
    files = [io.BytesIO(), io.BytesIO()]
    pack_texts(texts, files[0])
    pack_texts(reversed(texts), files[1])

    assert files[0].getvalue() == files[1].getvalue()
    unpack(files[0], "x.tar.gz", tmp_path)
    assert tree(tmp_path) == {"a": None, "a/c": b"1" * 1000, "b": b"2", "d": b""}

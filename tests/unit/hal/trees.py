"""Folders, archives of them, and what is to be seen of both."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal.packing import Limits, unpack


def folder_of(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def tar_of(*members: tuple[str, bytes | str | int]) -> io.BytesIO:
    """An archive: bytes are a file's content, a text is what a link leads to, a number is a tar type."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.type = bytes([content])
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return io.BytesIO(file.getvalue())


def tree(folder: Path) -> dict[str, object]:
    """All that is in a folder: content of files, aims of links."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


@contextlib.contextmanager
def nothing_else_changes(tmp_path: Path) -> Iterator[Path]:
    """A folder for an archive, beside others that stay as they are."""
    target = tmp_path / "work" / "target"
    target.mkdir(parents=True)
    folder_of(tmp_path, {"secret": "kept", "work/other/file": "kept"})
    yield target
    for path in sorted(target.rglob("*"), reverse=True):
        path.unlink() if path.is_symlink() or not path.is_dir() else path.rmdir()
    assert tree(tmp_path) == {
        "secret": b"kept",
        "work": None,
        "work/other": None,
        "work/other/file": b"kept",
        "work/target": None,
    }


def refused(file: io.BytesIO, target: Path, limits: Limits = Limits(), *, replaces: bool = False) -> list[str]:  # noqa: B008
    """What is said of an archive that is refused, line by line."""
    with pytest.raises(InputError) as caught:
        unpack(file, "x.tar.gz", target, limits, replaces=replaces)
    return str(caught.value).splitlines()


def as_socket(path: Path) -> None:
    """Make a socket that nobody listens at."""
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)

"""Finds a user's DSL: a file or folder on this machine as it is; a bucket's, or an archive's, as a temporary copy."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from batt.errors import Fault, InputError, shown
from batt.inputs.archives import DAMAGE, Member, archive_kind, read_members
from batt.parallel import read_many
from batt.solver.language import BUILTIN
from batt.store import GCS_SCHEME, ObjectStore, local_path, open_store, split_gcs

MAX_FILES = 2000
"""Most files of a DSL that are copied; known ones have a dozen."""

MAX_BYTES = 64 * 2**20
"""Most bytes of a DSL that are copied, all files together."""


class CopiedFile(NamedTuple):
    """A Python file of a DSL: its path, relative and inside the DSL, and its bytes."""

    path: str
    data: bytes


def find_dsl(uri: str, base: Path, scratch: Path | None = None) -> Path | None:
    """Return the file or folder that holds dsl.py, None for batt's own DSL.

    Args:
        base: where relative paths start.
        scratch: folder for a copy; by default a temporary one, which goes when this process ends.

    Raises:
        InputError: nothing is there, or it is more than a DSL can be.
        StoreError: a bucket cannot be read.
    """
    if uri == BUILTIN:
        return None
    if uri.startswith(GCS_SCHEME):
        return copied_object(uri, scratch or temporary_folder())
    path = local_path(uri, base)
    if not path.exists():
        raise InputError(f"dsl: got {uri!r}; must name a file or a folder with dsl.py; there is no {path}")
    if path.is_file() and archive_kind(path.name):
        with path.open("rb") as file:
            return unpacked(uri, file, scratch or temporary_folder())
    return path.absolute()


def dsl_location(uri: str, base: Path) -> str:
    """Return the URI by which a worker elsewhere finds the DSL: a path made absolute, any other URI as it is."""
    if uri == BUILTIN or uri.startswith((GCS_SCHEME, "image:")):
        return uri
    return str(local_path(uri, base).absolute())


def temporary_folder() -> Path:
    """Return a new folder that is removed when this process ends (not when a fork of it does)."""
    folder = Path(tempfile.mkdtemp(prefix="batt-dsl-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def copied_object(uri: str, folder: Path) -> Path:
    """Copy what a bucket has at a URI into `folder`; return what to load.

    That is an archive, a file with the constants.py beside it, or every Python file under a prefix.
    """
    bucket, path = split_gcs(uri.rstrip("/"))
    parent, _, name = path.rpartition("/")
    beside = open_store(f"{GCS_SCHEME}{bucket}/{parent}", Path())
    if archive_kind(name):
        return unpacked(uri, BytesIO(beside.read(name, MAX_BYTES)), folder)
    if name.endswith(".py"):
        names = [name, *(["constants.py"] if name != "constants.py" and beside.exists("constants.py") else [])]
        write_files(uri, fetched(beside, names), folder)
        return folder / name
    store = open_store(uri, Path())
    write_files(uri, fetched(store, (name for name in store.list() if name.endswith(".py"))), folder)
    return folder


def fetched(store: ObjectStore, names: Iterable[str]) -> Iterator[CopiedFile]:
    """Yield the objects of these names."""
    for path, data in read_many(store, names, MAX_BYTES):
        if not isinstance(data, bytes):
            raise data
        yield CopiedFile(path, data)


def unpacked(uri: str, archive: BinaryIO, folder: Path) -> Path:
    """Copy an archive's Python files into `folder`; return the folder in it that holds dsl.py."""
    write_files(uri, python_members(uri, archive), folder)
    found = sorted(folder.rglob("dsl.py"), key=lambda path: (len(path.parts), path))
    if not found:
        raise InputError(f"dsl: got {uri!r}; must hold dsl.py; there is none in it; pack its folder")
    return found[0].parent


def python_members(uri: str, archive: BinaryIO) -> Iterator[CopiedFile]:
    """Yield an archive's Python files; links and what cannot be used are an error where they look like a part of it."""
    for member in read_members(archive, PurePosixPath(uri).name):
        if isinstance(member, Fault):
            raise InputError(f"dsl: {member}")
        if member.name.endswith(".py"):
            if member.target is not None:
                rule = "must hold its files themselves"
                raise InputError(f"dsl: got {uri!r} with a link, {member.name!r}; {rule}; use tar --dereference")
            yield CopiedFile(member.name, member_bytes(uri, member))


def member_bytes(uri: str, member: Member) -> bytes:
    """Return the bytes of an archive's file."""
    if member.size_bytes > MAX_BYTES:
        rule = f"must be at most {MAX_BYTES} bytes"
        raise InputError(f"dsl: got {uri!r} with {member.name!r}; {rule}; leave out what is no part of the DSL")
    try:
        return member.read()
    except DAMAGE as error:
        told = shown(str(error))
        raise InputError(f"dsl: got {uri!r}; {member.name!r} cannot be read: {told}; pack it anew") from error


def write_files(uri: str, files: Iterable[CopiedFile], folder: Path) -> None:
    """Write files below `folder`, as long as they are no more than a DSL can have."""
    total = 0
    for count, file in enumerate(files, 1):
        total += len(file.data)
        if count > MAX_FILES or total > MAX_BYTES:
            rule = f"must be at most {MAX_FILES} Python files of {MAX_BYTES} bytes together"
            raise InputError(f"dsl: got {uri!r} with more; {rule}; leave out what is no part of the DSL")
        target = folder / file.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
        except OSError as error:
            rule = f"{file.path!r} must fit on this machine's disk: {error.strerror}"
            raise InputError(f"dsl: got {uri!r}; {rule}; pack it anew, or make room") from error

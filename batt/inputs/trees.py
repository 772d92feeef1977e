"""Candidate files in a folder or under a prefix of a bucket: which there are, and their bytes with limits.

What cannot be read is a Fault with the file's name; the others go on.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from batt.errors import Fault, InputError, NotFoundError, StoreError, shown
from batt.parallel import read_many
from batt.store import GcsStore

FILE_BYTES = 32 * 2**20
"""Biggest Python file that is read: a thousand times a large batt module."""

DOWNLOAD_BYTES = 8 * 2**30
"""Biggest archive or file of JSON lines that is fetched from a bucket to the disk."""

SUFFIXES = (".py", ".jsonl", ".jsonl.gz")
"""Endings of the files that hold candidates; archives are read only when they are named themselves."""


class Listing(NamedTuple):
    """Relative paths of candidate files, sorted, and what could not be listed."""

    paths: list[str]
    faults: list[Fault]


class Tree(Protocol):
    """Files under one root, by relative path."""

    def listing(self) -> Listing:
        """Return every candidate file below the root."""

    def read(self, paths: Iterable[str]) -> Iterator[bytes | Fault]:
        """Yield the bytes of each file, in the order of `paths`."""

    def exists(self, path: str) -> bool:
        """Return whether there is a file of that path."""

    def open(self, path: str) -> BinaryIO | Fault:
        """Return the file open and seekable; the caller closes it."""

    def name(self, path: str) -> str:
        """Return what the file is called in results and messages."""


def is_candidate(path: str) -> bool:
    """Return whether a file of that path is read as candidates: its ending says so and no part of it is hidden."""
    parts = path.split("/")
    return path.endswith(SUFFIXES) and not any(part.startswith(".") or part == "__pycache__" for part in parts)


class FolderTree:
    """A folder on this machine; links are followed, those that lead back to a folder above are left out.

    label: stands before the paths in names; "" for none.
    """

    def __init__(self, root: Path, label: str) -> None:
        self.root = root
        self.label = label

    def name(self, path: str) -> str:
        """Return label and path."""
        return f"{self.label}/{path}" if self.label else path

    def listing(self) -> Listing:
        """Walk the folder; hidden folders are not entered."""
        faults: list[Fault] = []
        return _listing(self, self._walk("", frozenset(), faults), faults)

    def read(self, paths: Iterable[str]) -> Iterator[bytes | Fault]:
        """Read one file after another."""
        for path in paths:
            file = self.open(path)
            if isinstance(file, Fault):
                yield file
                continue
            with file:
                data = file.read(FILE_BYTES + 1)
            yield data if len(data) <= FILE_BYTES else _too_big(self.name(path), len(data))

    def exists(self, path: str) -> bool:
        """Return whether there is a file of that path."""
        return (self.root / path).is_file()

    def open(self, path: str) -> BinaryIO | Fault:
        """Open a plain file; a pipe, which could block for ever, is refused unread."""
        try:
            handle = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            is_link = (self.root / path).is_symlink()
            got = f"a link that leads nowhere ({error.strerror})" if is_link else str(error.strerror)
            return _unreadable(self.name(path), got)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return _unreadable(self.name(path), "a pipe, device or folder")
        return os.fdopen(handle, "rb")

    def _walk(self, folder: str, above: frozenset[tuple[int, int]], faults: list[Fault]) -> Iterator[str]:
        """Yield the paths of all files in `folder`; `above` are device and inode of the folders around it."""
        try:
            status = (self.root / folder).stat()
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except OSError as error:
            faults.append(_unreadable(self.name(folder), str(error.strerror)))
            return
        here = (status.st_dev, status.st_ino)
        if here in above:
            return
        for entry in entries:
            path = f"{folder}{entry.name}"
            if not _is_dir(entry):
                yield path
            elif not entry.name.startswith(".") and entry.name != "__pycache__":
                yield from self._walk(f"{path}/", above | {here}, faults)


class BucketTree:
    """The objects under a store's prefix."""

    def __init__(self, store: GcsStore, label: str) -> None:
        self.store = store
        self.label = label

    def name(self, path: str) -> str:
        """Return label and path."""
        return f"{self.label}/{path}" if self.label else path

    def listing(self) -> Listing:
        """List the objects; those in hidden folders are left out."""
        return _listing(self, self.store.list(), [])

    def read(self, paths: Iterable[str]) -> Iterator[bytes | Fault]:
        """Fetch the objects, a few ahead; StoreError where the bucket, not an object, is the trouble."""
        for fetched in read_many(self.store, paths, FILE_BYTES):
            if isinstance(fetched.data, NotFoundError | InputError):
                yield _unreadable(self.name(fetched.path), str(fetched.data))
            elif isinstance(fetched.data, StoreError):
                raise fetched.data
            else:
                yield fetched.data

    def exists(self, path: str) -> bool:
        """Return whether there is an object of that path."""
        return self.store.exists(path)

    def open(self, path: str) -> BinaryIO | Fault:
        """Fetch the object into a nameless file on the disk."""
        file = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        try:
            self.store.download(path, file, DOWNLOAD_BYTES)
            file.seek(0)
        except BaseException as error:
            file.close()
            if isinstance(error, NotFoundError | InputError):
                return _unreadable(self.name(path), str(error))
            raise
        return file


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links: opening it as a file says so
        return False


def _unreadable(name: str, got: str) -> Fault:
    return Fault(name, got, "must be a file that can be read", "correct or remove it")


def _listing(tree: Tree, paths: Iterable[str], faults: list[Fault]) -> Listing:
    """Return the candidates among `paths`; names that cannot be shown or stored become faults."""
    found = sorted(filter(is_candidate, paths))
    for path in found:
        if not path.isprintable():
            where = shown(tree.name(path))
            faults.append(Fault(where, where, "names must be printable UTF-8", "rename it"))
    return Listing([path for path in found if path.isprintable()], faults)


def _too_big(name: str, size_bytes: int) -> Fault:
    return Fault(name, f"{size_bytes} bytes or more", f"must be at most {FILE_BYTES}", "split or remove it")

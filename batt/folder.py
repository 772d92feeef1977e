"""A folder as an ObjectStore: a file an object, written beside its place and linked there."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batt.errors import AlreadyExistsError, NotFoundError, StoreError
from batt.objects import TEMPORARY_PREFIX, Paths, check_size, checked_path

OS_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no file that big; raise it or choose another folder",
    errno.EACCES: "this user may not do that there; change the permissions or choose another folder",
    errno.EPERM: "not allowed there, or a file system without hard links; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a part of the path is a file; choose another path or remove that file",
    errno.EEXIST: "a part of the path is a file; choose another path or remove that file",
    errno.ENAMETOOLONG: "names must be shorter there; choose a shorter path",
    errno.EXDEV: "the folder spans file systems; choose another folder",
    errno.EOPNOTSUPP: "the file system has no hard links; choose another folder",
}
"""What to do about an error of the file system, by errno."""


class DirectoryStore:
    """A folder as an ObjectStore. It is made by the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def uri(self) -> str:
        """The folder's absolute path."""
        return str(self.root)

    def create(self, path: str, data: bytes) -> None:
        """Write a file beside its place, then link it there: a link cannot replace, and appears at once."""
        target = self._target(path)
        with _os_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(TEMPORARY_PREFIX + os.urandom(8).hex())
            try:
                _write_synced(temporary, data)
                self._link(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)

    def read(self, path: str, limit_bytes: int | None = None) -> bytes:
        """Return the file's bytes; NotFoundError where there is none, InputError where it is over the limit."""
        target = self._target(path)
        with _os_errors(target):
            try:
                with target.open("rb") as file:
                    if limit_bytes is not None:
                        check_size(str(target), os.fstat(file.fileno()).st_size, limit_bytes)
                    return file.read()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
                raise NotFoundError(f"{target}: there is no such object") from error

    def exists(self, path: str) -> bool:
        """Return whether there is a file of that path."""
        target = self._target(path)
        with _os_errors(target):
            return target.is_file()

    def list(self, prefix: str = "") -> Paths:
        """Return the files whose path starts with `prefix`, links followed."""
        folder, _, start = prefix.rpartition("/")
        if folder:
            checked_path(folder, self.uri)
        base = self.root / folder
        with _os_errors(base):
            found = sorted(_files(base, start, frozenset())) if base.is_dir() else []
        return [f"{folder}/{path}" for path in found] if folder else found

    def _link(self, temporary: Path, target: Path) -> None:
        try:
            target.hardlink_to(temporary)
        except FileExistsError as error:
            raise AlreadyExistsError(f"{target}: is there already; objects are written once") from error

    def _target(self, path: str) -> Path:
        return self.root / checked_path(path, self.uri)


def replace_folder(source: Path, target: Path) -> None:
    """Copy a folder to a place, instead of what lies there; a copy that is cut short changes nothing there.

    Raises:
        StoreError: it cannot be written.
    """
    with _os_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=TEMPORARY_PREFIX) as scratch:
            fresh, old = Path(scratch, "fresh"), Path(scratch, "old")
            shutil.copytree(source, fresh)
            if target.exists():
                target.rename(old)
            fresh.rename(target)


def _files(folder: Path, start: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    """Yield the files under `folder` whose path in it starts with `start`; a link back to a folder above is skipped."""
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(start) or entry.name.startswith(TEMPORARY_PREFIX):
                continue
            if entry.is_dir():
                inside = _files(folder / entry.name, "", above | {here})
                yield from (f"{entry.name}/{path}" for path in inside)
            elif entry.is_file():
                yield entry.name


def _write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until the disk has it, so that no crash leaves an empty object under a name."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system into StoreErrors that name the path and the remedy."""
    try:
        yield
    except OSError as error:
        remedy = OS_REMEDIES.get(error.errno or 0, "check the folder, then run the same again")
        raise StoreError(f"{path}: got {error.strerror or error}; {remedy}") from error

"""Reads archives that strangers made: members one by one, in their order, with limits that hold against bombs.

Nothing is unpacked to disk. Links are told, not followed; what is no plain file is a Fault, and so is
a damaged place, after which nothing more comes.
"""

from __future__ import annotations

import gzip
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import BinaryIO, NamedTuple, cast

from batt.errors import Fault, shown

MEMBER_BYTES = 32 * 2**20
"""Biggest member that is read: a thousand times a large batt module."""

TOTAL_BYTES = 8 * 2**30
"""Most bytes that an archive may unpack to, members that are skipped included: they are decompressed all the same."""

MEMBER_COUNT = 2_000_000
"""Most members of an archive: twenty times the largest runs aimed at."""

ZIP_CONTENTS_BYTES = 32 * 2**20
"""Biggest table of contents of a zip file, which is held in memory whole at ten times its size: 300,000 names."""

LINK_BYTES = 4096
"""Longest target of a link: the system's own limit on paths."""

TAR_BLOCK = 512
"""Bytes of a tar header and of the unit that sizes are rounded up to."""

ZIP_END = struct.Struct("<4s4H2LH")
"""The end record of a zip file: signature, disks, counts, bytes of the table of contents, its place, comment."""

DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    struct.error,
    NotImplementedError,  # a zip file of a later version
)
"""What the standard readers raise on bytes that are no such archive."""

SUFFIXES = {".tar.gz": "tar", ".tgz": "tar", ".tar": "tar", ".zip": "zip"}
"""Endings of file names that are read as archives."""


class Member(NamedTuple):
    """A file or link in an archive.

    name: its path, `/` between parts, never leaving the archive.
    target: for a link, the path in the archive that it points to, else None.
    read: returns its bytes; to be called before the next member is asked for.
    """

    name: str
    size_bytes: int
    target: str | None
    read: Callable[[], bytes]
    is_executable: bool = False


def archive_kind(name: str) -> str | None:
    """Return `tar` or `zip` if a file of that name is read as an archive."""
    return next((kind for suffix, kind in SUFFIXES.items() if name.lower().endswith(suffix)), None)


def read_members(file: BinaryIO, name: str, member_bytes: int = MEMBER_BYTES) -> Iterator[Member | Fault]:
    """Yield the members of an open archive, folders left out; `name` tells its kind and stands in the faults.

    Args:
        member_bytes: size of the biggest member that can be read.
    """
    is_tar = archive_kind(name) == "tar"
    members = _tar_members(file, name, member_bytes) if is_tar else _zip_members(file, name, member_bytes)
    try:
        yield from _limited(members, name)
    except DAMAGE as error:
        got = f"{type(error).__name__} {shown(str(error))}"
        yield Fault(name, got, "must be an undamaged archive", "make it anew; what comes after that place is lost")


def _limited(members: Iterator[Member | Fault], archive: str) -> Iterator[Member | Fault]:
    """Yield members as long as there are not too many of them."""
    for count, member in enumerate(members):
        if count == MEMBER_COUNT:
            yield Fault(archive, f"more than {count} members", "must be at most as many", "split it")
            return
        yield member


def _tar_members(file: BinaryIO, archive: str, member_bytes: int) -> Iterator[Member | Fault]:
    with ExitStack() as open_files:
        file.seek(0)
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        plain = cast("BinaryIO", open_files.enter_context(gzip.GzipFile(fileobj=file))) if is_packed else file
        bounded = _Bounded(plain, member_bytes)
        # a cast: tarfile asks for read, seek and tell only
        tar = open_files.enter_context(tarfile.open(fileobj=cast("BinaryIO", bounded), mode="r:"))
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # not in typeshed; else every header stays in memory
            if tar.offset > TOTAL_BYTES:
                yield _too_much(archive, info.name)
                return
            if not info.isdir():
                yield _tar_member(bounded, info, archive)
        if bounded.last.strip(b"\0"):  # tarfile takes a broken header for the end
            raise tarfile.ReadError(f"no member header at byte {tar.offset}")


def _tar_member(file: _Bounded, info: tarfile.TarInfo, archive: str) -> Member | Fault:
    if info.islnk() or info.issym():
        folder = posixpath.dirname(info.name) if info.issym() else ""
        return _link(archive, info.name, info.linkname, folder)
    if not info.isreg() or info.issparse():
        what = "a device, pipe or sparse file"
        return Fault(f"{archive}!{shown(info.name)}", what, "must be a plain file", "leave it out")

    def read() -> bytes:
        file.seek(info.offset_data)
        # to the end of the last block, where tarfile goes on: a step back would decompress all from the start
        data = file.read(info.size + -info.size % TAR_BLOCK)
        if len(data) < info.size:
            raise tarfile.ReadError("unexpected end of data")
        return data[: info.size]

    return _member(archive, info.name, info.size, read, info.mode)


class _Bounded:
    """A seekable file that gives at most one member's bytes at once: tarfile believes the size that a header claims.

    last: what was read last; at the end of a tar file that is the block where no header was found.
    """

    def __init__(self, file: BinaryIO, member_bytes: int) -> None:
        self.most = member_bytes + TAR_BLOCK
        self.seek = file.seek
        self.tell = file.tell
        self.last = b""
        self._read = file.read

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.most:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        self.last = self._read(size)
        return self.last


def _zip_members(file: BinaryIO, archive: str, member_bytes: int) -> Iterator[Member | Fault]:
    if (claimed := _zip_contents_bytes(file)) > ZIP_CONTENTS_BYTES:
        got = f"a table of contents of {claimed} bytes"
        yield Fault(archive, got, f"must be at most {ZIP_CONTENTS_BYTES}", "make it a .tar.gz or split it")
        return
    total = 0
    with zipfile.ZipFile(file) as archive_file:
        for info in archive_file.infolist():
            total += info.file_size
            if total > TOTAL_BYTES:
                yield _too_much(archive, info.filename)
                return
            if not info.filename.endswith("/"):  # is_dir() trips over an empty name
                yield _zip_member(archive_file, info, archive, member_bytes)


def _zip_contents_bytes(file: BinaryIO) -> int:
    """Return the size of the table of contents that the end record claims (APPNOTE.TXT 4.3.16); 0 without a record."""
    file.seek(0, 2)
    size = file.tell()
    start = max(0, size - ZIP_END.size - 0xFFFF)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6", 0, len(tail) - ZIP_END.size + 4)
    if at < 0:
        return 0
    claimed: int = ZIP_END.unpack_from(tail, at)[5]
    # 0xFFFFFFFF: a zip64 file, whose table of contents lies between the members and the end
    return claimed if claimed < 0xFFFFFFFF else _zip64_contents_bytes(tail[:at])


def _zip64_contents_bytes(before_end: bytes) -> int:
    at = before_end.rfind(b"PK\6\6")
    return int.from_bytes(before_end[at + 40 : at + 48], "little") if at >= 0 else 0


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo, archive: str, member_bytes: int) -> Member | Fault:
    where = f"{archive}!{shown(info.filename)}"
    if info.flag_bits & 1:
        return Fault(where, "an encrypted member", "must be readable without a password", "pack it without")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        got = f"compression method {info.compress_type}"
        return Fault(where, got, "must be stored or deflated", "pack it anew, or as .tar.gz")

    def read() -> bytes:
        with file.open(info) as member:
            return member.read(member_bytes + 1)

    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        if info.file_size > LINK_BYTES:
            return Fault(where, f"a link of {info.file_size} bytes", f"must be at most {LINK_BYTES}", "leave it out")
        target = read().decode(errors="surrogateescape")
        return _link(archive, info.filename, target, posixpath.dirname(info.filename))
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return Fault(where, "a device or pipe", "must be a plain file", "leave it out")
    return _member(archive, info.filename, info.file_size, read, mode)


def _member(archive: str, name: str, size_bytes: int, read: Callable[[], bytes], mode: int) -> Member | Fault:
    """Return a plain file, or a Fault where its name cannot be used."""
    path = _inside(name)
    if path is None:
        rule = "must be relative, printable UTF-8, without `..`"
        return Fault(f"{archive}!{shown(name)}", shown(name), rule, "rename it, or pack it from its own folder")
    return Member(path, size_bytes, None, read, bool(mode & 0o100))


def _link(archive: str, name: str, target: str, folder: str) -> Member | Fault:
    """Return a link whose target, relative to `folder`, is in the archive."""
    path, inside = _inside(name), None if target.startswith("/") else _inside(posixpath.join(folder, target))
    if path is None or inside is None:
        got = f"a link to {shown(target)}"
        rule = "links must stay in the archive"
        return Fault(f"{archive}!{shown(name)}", got, rule, "pack what it points to, or use tar --dereference")
    return Member(path, 0, inside, bytes)


def _inside(name: str) -> str | None:
    """Return the path without `.` and `..`; None if it is absolute, leaves the archive or cannot be shown."""
    path = posixpath.normpath(name)
    fine = name.isprintable() and not name.startswith("/") and path.split("/", 1)[0] != ".."
    return path if fine else None


def _too_much(archive: str, name: str) -> Fault:
    got = f"more than {TOTAL_BYTES} bytes when unpacked"
    return Fault(f"{archive}!{shown(name)}", got, "must be at most as many", "split it; the rest is not read")

"""Folders as archives and back: an agent, its environment, a task's files, what an agent has left behind.

Archives of ours are equal where the files are: sorted, without times and owners. Archives of strangers are unpacked
file by file, links last, so that nothing is ever written through one, nor through one that was there before; what
leaves the folder, is no plain file or is too much is refused, all of it named at once.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from batt.errors import Fault, InputError, shown
from batt.inputs.archives import DAMAGE, Member, read_members

MEMBER_BYTES = 512 * 2**20
"""Biggest file of an agent or a task."""

TOTAL_BYTES = 2 * 2**30
"""Most that an agent's or a task's files may take in all."""

FILES = 100_000
"""Most files of an agent or a task."""

DEPTH = 100
"""Most parts of a path: what walks a folder goes down by recursion."""

LINKS = 40
"""Most links that lead to one another, as Linux has it."""

SHOWN_FAULTS = 20
"""Most faults of an archive that are told one by one."""

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
"""Folders that are no part of an agent: they say how it is worked on, not what it does. A worktree's .git is a file."""

SKIPPED_FILES = (".pyc", ".pyo", ".DS_Store")
"""Ends of the names of such files."""


class Limits(NamedTuple):
    """How much is packed or unpacked."""

    files: int = FILES
    total_bytes: int = TOTAL_BYTES
    member_bytes: int = MEMBER_BYTES


def is_name(path: str) -> bool:
    """Tell whether a file of an archive can have a path: it stays in the folder, can be shown, and is not too deep."""
    parts = path.split("/")
    return path.isprintable() and len(parts) <= DEPTH and not {"", ".", ".."} & set(parts)


def agent_files(folder: Path) -> list[str]:
    """Return the paths of an agent's files, `/` between parts, links to files among them.

    Raises:
        InputError: the folder cannot be read, or holds what `unpack` will refuse: all of that is named.
    """
    names, faults, total = [], [], 0
    root = folder.resolve()
    for path in walk(folder):
        name = path.relative_to(folder).as_posix()
        fault = fault_of(path, name, root)
        if fault:
            faults.append(f"{path if name.isprintable() else shown(str(path))}: {fault}")
        else:
            names.append(name)
            total += path.stat().st_size
    if len(names) > FILES or total > TOTAL_BYTES:
        faults.append(f"{folder}: {len(names)} files of {total} bytes, of at most {FILES} and {TOTAL_BYTES}")
    if faults:
        more = f"\n{len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        told = "\n".join(faults[:SHOWN_FAULTS]) + more
        raise InputError(f"{told}\nmust be plain files, or links to such in the folder; remove or replace them")
    return sorted(names)


def fault_of(path: Path, name: str, root: Path) -> str:
    """Return why a file cannot be one of an agent's; "" where it can."""
    if not is_name(name):
        return f"a name that cannot be shown, or more than {DEPTH} folders deep"
    try:
        if not path.is_file():
            return "a link to a folder, or to nothing" if path.is_symlink() else "neither a file nor a folder"
        if not path.resolve().is_relative_to(root):
            return f"a link to {shown(str(path.readlink()))}, which leads out of the folder"
        if not os.access(path, os.R_OK):
            return "a file that cannot be read"
        size = path.stat().st_size
    except OSError as error:  # in a folder that cannot be searched
        return error.strerror or str(error)
    return f"{size} bytes, of at most {MEMBER_BYTES}" if size > MEMBER_BYTES else ""


def walk(folder: Path) -> Iterator[Path]:
    """Yield what is no folder under a folder, caches and version control left out; links to folders are not followed.

    Raises:
        InputError: it is no folder, or cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: got {error.strerror}; must be a folder that can be read; correct the path")

    for here, folders, files in os.walk(folder, onerror=refuse):
        linked = [name for name in folders if Path(here, name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and name not in linked)
        for name in sorted([*files, *linked]):
            if not name.endswith(SKIPPED_FILES) and name not in SKIPPED_FOLDERS:
                yield Path(here, name)


def pack(folder: Path, names: Iterable[str], file: BinaryIO) -> None:
    """Write files of a folder into a .tar.gz, links as what they lead to; equal files give equal bytes."""
    packed = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0, filename="")
    with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(names):
            path = folder / name
            info = tarfile.TarInfo(name)
            with path.open("rb") as content:
                status = os.fstat(content.fileno())
                info.size = status.st_size
                info.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
                tar.addfile(info, content)


def pack_texts(texts: Iterable[tuple[str, bytes]], file: BinaryIO) -> None:
    """Write files that are in memory into a .tar.gz."""
    packed = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0, filename="")
    with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(texts):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))


def unpack(
    file: BinaryIO,
    source: str,
    target: Path,
    limits: Limits = Limits(),  # noqa: B008 # it is frozen
    *,
    replaces: bool = False,
) -> list[str]:
    """Unpack an archive into a folder; return the paths of its files.

    Args:
        source: its name; tells its kind, and stands in errors.
        replaces: whether its files take the place of those that are there.

    Raises:
        InputError: something in it is refused; all of that is named.
    """
    into = Into(target, source, replaces)
    links: dict[str, Member] = {}
    faults: list[Fault | None] = []
    total = 0
    for count, member in enumerate(read_members(file, source, limits.member_bytes)):
        total += 0 if isinstance(member, Fault) else member.size_bytes
        if count == limits.files or total > limits.total_bytes:
            most = f"must hold at most {limits.files} files and {limits.total_bytes} bytes"
            faults.append(Fault(source, "more files, or bigger ones", most, "leave out what is not needed"))
            break
        if isinstance(member, Fault):
            faults.append(member)
        elif member.target is None:
            faults.append(into.write(member, limits.member_bytes))
        elif member.name in links:
            faults.append(into.twice(member.name))
        else:
            links[member.name] = member
    faults += [into.link(name, final_aim(name, links)) for name in links]
    told = [str(fault) for fault in faults if fault]
    if told:
        more = f"\n{len(told) - SHOWN_FAULTS} more" if len(told) > SHOWN_FAULTS else ""
        raise InputError("\n".join(told[:SHOWN_FAULTS]) + more)
    return sorted(into.made)


def final_aim(name: str, links: Mapping[str, Member]) -> str:
    """Return to what a link leads, by way of other links of its archive."""
    aim = name
    for _ in range(LINKS):
        if aim not in links:
            break
        aim = str(links[aim].target)
    return aim


class Into:
    """A folder into which an archive is unpacked.

    made: paths of the files that came from the archive. folders: those of folders that are known to be no links.
    """

    def __init__(self, target: Path, source: str, replaces: bool) -> None:
        self.target = str(target)
        self.source = source
        self.replaces = replaces
        self.made: set[str] = set()
        self.folders: set[str] = {""}
        target.mkdir(parents=True, exist_ok=True)

    def write(self, member: Member, most_bytes: int) -> Fault | None:
        """Write a file; return why that cannot be."""
        where = f"{self.source}!{member.name}"
        if member.size_bytes > most_bytes:
            got = f"{member.size_bytes} bytes"
            return Fault(where, got, f"must be at most {most_bytes}", "leave it out, or fetch it in the agent")
        if fault := self.make_room(member.name):
            return fault
        try:
            data = member.read()
        except DAMAGE as error:
            got = f"{type(error).__name__} {shown(str(error))}"
            return Fault(where, got, "must be an undamaged member", "pack it anew")
        path = Path(self.target, member.name)
        with path.open("xb") as file:
            file.write(data)
        if member.is_executable:
            path.chmod(0o755)
        self.made.add(member.name)
        return None

    def link(self, name: str, aim: str) -> Fault | None:
        """Make a link to a file that came from the archive; return why that cannot be."""
        if aim not in self.made:
            got, rule = f"a link to {shown(aim)}", "must lead to a file of the archive"
            return Fault(f"{self.source}!{name}", got, rule, "pack what it leads to")
        if fault := self.make_room(name):
            return fault
        Path(self.target, name).symlink_to(posixpath.relpath(aim, posixpath.dirname(name) or "."))
        self.made.add(name)
        return None

    def make_room(self, name: str) -> Fault | None:
        """See to it that there is a folder for a file, and nothing of its name in it; return why that cannot be."""
        where = f"{self.source}!{name}"
        if not is_name(name):
            rule = f"must name a file, at most {DEPTH} folders deep"
            return Fault(where, shown(name), rule, "rename it")
        try:
            if not self.make_folders(posixpath.dirname(name)):
                return Fault(where, "a file or link in the place of its folder", "must be one of both", "rename it")
            status = status_of(os.path.join(self.target, name))  # noqa: PTH118 # many thousand times
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return Fault(where, f"a name of {len(name)} characters", "must be a name that can be", "shorten it")
        if status is None:
            return None
        if stat.S_ISDIR(status.st_mode):
            return Fault(where, "a file in the place of a folder", "must be one of both", "rename it")
        if name in self.made or not self.replaces:
            return self.twice(name)
        Path(self.target, name).unlink()
        return None

    def make_folders(self, name: str) -> bool:
        """Make a folder, and those above it; tell whether all of them are folders now, and no links to such."""
        if name in self.folders:
            return True
        if not self.make_folders(posixpath.dirname(name)):
            return False
        path = Path(self.target, name)
        status = status_of(str(path))
        if status is None:
            path.mkdir()
        elif not stat.S_ISDIR(status.st_mode):
            return False
        self.folders.add(name)
        return True

    def twice(self, name: str) -> Fault:
        """Return that something is there already."""
        return Fault(f"{self.source}!{name}", "a second file of that name", "must be there once", "pack it anew")


def status_of(path: str) -> os.stat_result | None:
    """Return what is known of what has a name, None where nothing has; links are not followed."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None

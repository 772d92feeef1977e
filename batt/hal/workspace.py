"""An agent's working directory: what is in it at the start, by HAL's contract, and what is taken out of it at the end.

Source of the contract: hal/utils/local_runner.py. What is taken out was written by a stranger: no link is followed, no
pipe is opened, nothing is read without a bound, whatever it is called.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import posixpath
import stat
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from batt.hal import run_agent
from batt.hal.outcomes import Outcome
from batt.hal.packing import DEPTH, is_name

INPUT, ARGUMENTS, RUNNER = run_agent.INPUT, run_agent.ARGUMENTS, "run_agent.py"
OUTPUT, ERROR = run_agent.OUTPUT, run_agent.ERROR
"""Files of the contract."""

OUTPUT_BYTES = 16 * 2**20
"""Biggest output.json that is taken: with its conversation, an agent's answer is some hundred kilobytes."""

NESTED = 200
"""Deepest nesting of what an agent returns: whoever reads it later must not run out of stack."""

NOTE_BYTES = 2**20
"""Biggest note of what an agent raised."""

OWN_FILES = frozenset({RUNNER, run_agent.NOTE, run_agent.PART})
"""Files of the directory that are batt's: no part of what an agent leaves behind."""

ENTRIES = 300_000
"""Most files and folders that are looked at: an agent and a task may have two thirds of that."""

LEFT_OUT = 200
"""Most of what is left out that is told one by one."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened that may have become a link."""

FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened that may have become a link, or a pipe to which nobody writes."""

KINDS = {
    stat.S_IFLNK: "it is a link",
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}
"""Why what is no plain file is left out."""


class Bounds(NamedTuple):
    """How much of a working directory is kept."""

    files: int = 2000
    total_bytes: int = 64 * 2**20
    file_bytes: int = 16 * 2**20


def prepare(folder: Path, task_id: str, task: Any, arguments: Mapping[str, Any]) -> None:
    """Write the contract's files into a folder that holds the agent, the task's own files among them, already."""
    for name in (OUTPUT, run_agent.PART, ERROR, run_agent.NOTE):  # an agent's folder may hold those of a run by hand
        make_way(folder / name)
    write_json(folder / INPUT, {task_id: without_places(task)})
    write_json(folder / ARGUMENTS, dict(arguments))
    replace(folder / RUNNER, Path(run_agent.__file__).read_bytes())


def write_json(path: Path, value: object) -> None:
    """Write JSON as Python's json reads it."""
    replace(path, json.dumps(value).encode())


def replace(path: Path, data: bytes) -> None:
    """Write a file in the place of whatever the agent has of that name, a link among others."""
    make_way(path)
    with path.open("xb") as file:
        file.write(data)


def make_way(path: Path) -> None:
    """Remove what has a name, if anything has."""
    if path.is_dir() and not path.is_symlink():
        remove(path)
    else:
        path.unlink(missing_ok=True)


def without_places(task: Any) -> Any:  # a task as its benchmark has it
    """Return a task whose `files` tell names, not the places where the files came from: those tell of the benchmark."""
    if not isinstance(task, dict) or not isinstance(task.get("files"), dict):
        return task
    named = {key: os.path.basename(one) if isinstance(one, str) else one for key, one in task["files"].items()}  # noqa: PTH119
    return {**task, "files": named}


def file_place(key: str) -> str | None:
    """Return where a task's file lies in the working directory, by its key in `files`; None where nothing can lie."""
    place = posixpath.normpath(key.replace("/root/", "").lstrip("/"))
    return place if is_name(place) else None


class Output(NamedTuple):
    """What an agent returned. text: JSON of `{task_id: submission}`; empty where outcome is not OK."""

    outcome: Outcome
    text: str
    message: str


def read_output(folder: Path, task_id: str) -> Output:
    """Return what lies in output.json, judged."""
    try:
        data = read_file(folder, OUTPUT, OUTPUT_BYTES)
    except FileNotFoundError:
        return invalid("there is no output.json: the agent ended without returning")
    except OSError as error:
        return invalid(f"output.json cannot be taken: {error.strerror or error}")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        return invalid(f"output.json is no JSON: {error}")
    if is_nested(value, NESTED):
        return invalid(f"the agent returned what is nested more than {NESTED} deep")
    if not isinstance(value, dict):
        names = {list: "a list", str: "a text", type(None): "None", bool: "a truth value"}
        return invalid(f"the agent returned {names.get(type(value), 'a number')}; must be {{task id: submission}}")
    if task_id not in value:
        keys = ", ".join(repr(str(key)[:50]) for key in list(value)[:3]) or "nothing"
        return invalid(f"the agent returned {keys}; must be {{{task_id!r}: submission}}")
    if value[task_id] is None:
        return invalid(f"the agent returned None for {task_id!r}")
    return Output(Outcome.OK, json.dumps({task_id: value[task_id]}), "")


def is_nested(value: Any, most: int) -> bool:  # JSON
    """Tell whether lists and mappings are nested deeper than so many."""
    level = [value]
    for _ in range(most):
        inside = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = list(itertools.chain.from_iterable(inside))
    return any(isinstance(one, dict | list) for one in level)


def invalid(message: str) -> Output:
    """Return an output that is none."""
    return Output(Outcome.INVALID_OUTPUT, "", message)


def read_note(folder: Path) -> Any:  # JSON that an agent could have written
    """Return what run_agent.py has noted of an exception; None where there is nothing to be read."""
    try:
        return json.loads(read_file(folder, run_agent.NOTE, NOTE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def read_file(folder: Path, name: str, most_bytes: int) -> bytes:
    """Return the bytes of a plain file that a stranger may have put there.

    Raises:
        OSError: it is not there (FileNotFoundError), is none, or is bigger.
    """
    here = os.open(folder, FOLDER)  # the agent may have put a link in the place of its own directory
    try:
        descriptor = os.open(name, FILE, dir_fd=here)
    finally:
        os.close(here)
    with os.fdopen(descriptor, "rb") as file:
        return read_plain(file.fileno(), most_bytes)


def read_plain(descriptor: int, most_bytes: int) -> bytes:
    """Return what an open file holds; OSError where it is no plain file or too big."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "it is no plain file")
    if status.st_size > most_bytes:
        raise OSError(0, f"it has {status.st_size} bytes, of at most {most_bytes}")
    data = bytearray()
    while part := os.read(descriptor, min(1 << 20, most_bytes + 1 - len(data))):
        data += part
        if len(data) > most_bytes:
            raise OSError(0, f"it has more than {most_bytes} bytes")
    return bytes(data)


def leftovers(
    folder: Path,
    known: Mapping[str, tuple[int, int]],
    bounds: Bounds = Bounds(),  # noqa: B008 # it is frozen
) -> Iterator[tuple[str, bytes | str]]:
    """Yield the files that an agent has written: path and content, or path and why it is left out.

    Args:
        known: see `snapshot`; files that are as they were are skipped.
    """
    kept = total = left_out = 0
    for number, entry in enumerate(entries(folder)):
        if number == ENTRIES:
            yield "...", f"there are more than {ENTRIES} files and folders"
            break
        if entry.is_folder or entry.path in OWN_FILES:
            continue
        if entry.status is not None and identity(entry.status) == known.get(entry.path):
            continue
        content = content_of(entry, bounds, bounds.total_bytes - total)
        if isinstance(content, bytes):
            if kept == bounds.files:
                yield entry.path, f"there are more than {bounds.files} files"
                break
            kept, total = kept + 1, total + len(content)
            yield entry.path, content
        else:
            left_out += 1
            if left_out <= LEFT_OUT:
                yield entry.path if entry.path.isprintable() else repr(entry.path), content
    if left_out > LEFT_OUT:
        yield "...", f"{left_out - LEFT_OUT} more are left out"


def content_of(entry: Entry, bounds: Bounds, room: int) -> bytes | str:
    """Return what a file holds, or why it is left out."""
    if entry.status is None:
        return entry.error
    if kind := KINDS.get(stat.S_IFMT(entry.status.st_mode)):
        return kind
    if not is_name(entry.path):
        return "it has a name that cannot be kept"
    if entry.status.st_size > room and room < bounds.file_bytes:
        return f"with it there would be more than {bounds.total_bytes} bytes"
    try:
        descriptor = os.open(posixpath.basename(entry.path), FILE, dir_fd=entry.here)
        with os.fdopen(descriptor, "rb") as file:
            return read_plain(file.fileno(), min(bounds.file_bytes, room))
    except OSError as error:
        return error.strerror or str(error)


class Entry(NamedTuple):
    """What was found in a folder. path: from the top. here: descriptor of its folder. error: why there is no status."""

    path: str
    here: int
    status: os.stat_result | None
    error: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is one that is entered."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)


def entries(folder: Path) -> Iterator[Entry]:
    """Yield what is in a folder that may be a stranger's: of each folder the files first, none is entered by a link."""
    try:
        here = os.open(folder, FOLDER)
    except OSError as error:
        yield Entry(".", -1, None, error.strerror or str(error))
        return
    yield from entries_below(here, "")


def entries_below(here: int, prefix: str) -> Iterator[Entry]:
    """Yield what is in an open folder, which is closed in the end."""
    try:
        with os.scandir(here) as found:
            names = sorted(one.name for one in itertools.islice(found, ENTRIES + 1))
        all_of_it = [entry_of(here, prefix, name) for name in names]
        yield from (entry for entry in all_of_it if not entry.is_folder)
        for entry in all_of_it:
            if entry.is_folder and posixpath.basename(entry.path) != "__pycache__":
                yield entry
                yield from entries_in(entry)
    finally:
        os.close(here)


def entries_in(entry: Entry) -> Iterator[Entry]:
    """Yield what is in a folder that was found, or why nobody can say."""
    if entry.path.count("/") >= DEPTH:
        yield entry._replace(status=None, error=f"it lies more than {DEPTH} folders deep")
        return
    try:
        inside = os.open(posixpath.basename(entry.path), FOLDER, dir_fd=entry.here)
    except OSError as error:
        yield entry._replace(status=None, error=error.strerror or str(error))
        return
    yield from entries_below(inside, f"{entry.path}/")


def entry_of(here: int, prefix: str, name: str) -> Entry:
    """Return what a name in an open folder stands for."""
    try:
        return Entry(prefix + name, here, os.stat(name, dir_fd=here, follow_symlinks=False))
    except OSError as error:
        return Entry(prefix + name, here, None, error.strerror or str(error))


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what identifies each file of a folder now, by path: what is the same later, the agent has not written."""
    return {entry.path: identity(entry.status) for entry in entries(folder) if entry.status and not entry.is_folder}


def identity(status: os.stat_result) -> tuple[int, int]:
    """Return what changes when a file is written: its inode and the time of its last change."""
    return status.st_ino, status.st_ctime_ns


def remove(folder: Path) -> None:
    """Remove a folder that a stranger has filled, however deep or unreadable it is; what cannot be removed stays.

    Folders in it are moved to its top one by one: shutil.rmtree runs out of stack at a thousand levels.
    """
    if folder.is_symlink():  # to whatever the stranger wants to see removed
        folder.unlink()
        return
    token, numbers, waiting = uuid.uuid4().hex, itertools.count(), [folder]
    for here in waiting:  # grows meanwhile
        with contextlib.suppress(OSError):
            here.chmod(0o700)
            for name in os.listdir(here):  # noqa: PTH208 # all of it: it grows
                move_or_unlink(here / name, folder / f"{token}-{next(numbers)}", waiting)
    for here in reversed(waiting):
        with contextlib.suppress(OSError):
            here.rmdir()


def move_or_unlink(path: Path, aim: Path, waiting: list[Path]) -> None:
    """Remove a file; move a folder, which waits for its own turn then."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            path.chmod(0o700)  # a folder that is moved gets another parent: that is written into it
            path.rename(aim)
            waiting.append(aim)

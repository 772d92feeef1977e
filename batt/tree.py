"""phase3b_file_ops and phase4_differs: the solver and differ trees under the results folder.

solver_md5/<md5>.py holds each program once; solver_dir/solve_<task>/<o score>/<t_log>/<md5>.py are links to it,
relative ones in a folder. Every write is whole or not at all, and the same again changes nothing: runs may share a
tree. A bucket has no links: there solver_md5 is written, and results.json says where links belong.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from batt.errors import AlreadyExistsError, StoreError
from batt.folder import OS_REMEDIES
from batt.names import DIFFER_DIR, DIFFER_MD5, SOLVER_DIR, SOLVER_MD5
from batt.objects import TEMPORARY_PREFIX
from batt.parallel import for_each
from batt.solver.verdicts import time_class
from batt.store import DirectoryStore, ObjectStore


class Link(NamedTuple):
    """A link of a tree: `path` under the results folder leads to the object `target`."""

    path: str
    target: str


def solver_file(md5: str) -> str:
    """Return the path of a solver's text."""
    return f"{SOLVER_MD5}/{md5}.py"


def solver_link(task: str, score: int, t_log: int, md5: str) -> Link:
    """Return a solver's link: by task, o score and t_log."""
    return Link(f"{SOLVER_DIR}/solve_{task}/{score}/{t_log}/{md5}.py", solver_file(md5))


def differ_file(md5: str) -> str:
    """Return the path of a differ's text."""
    return f"{DIFFER_MD5}/{md5}.py"


def differ_link(kind: str, task: str, score: int, t_log: int, md5: str) -> Link:
    """Return a differ's link; `kind` is iz or zo."""
    return Link(f"{DIFFER_DIR}/{kind}/solve_{task}/{score}/{t_log}/{md5}.py", differ_file(md5))


def differ_links(
    kind: str, task: str, best: Mapping[tuple[str, str], int], found: Mapping[str, tuple[int, str, float]]
) -> dict[str, Link]:
    """Return the link of each differ's file by its md5, where the best score of its names puts it.

    Args:
        kind: iz or zo.
        task: the task's id.
        best: the best score by kind and name.
        found: (module, md5, CPU seconds) by name.
    """
    links: dict[str, Link] = {}
    for differ in sorted(found, key=lambda differ: (-best[kind, differ], differ)):
        _, md5, seconds = found[differ]
        links.setdefault(md5, differ_link(kind, task, best[kind, differ], time_class(seconds), md5))
    return links


def write_text(root: ObjectStore, path: str, text: str) -> None:
    """Write a program's text unless it is there: equal names mean equal texts."""
    if not root.exists(path):
        with contextlib.suppress(AlreadyExistsError):  # another run writes the same text
            root.create(path, text.encode())


class TextWriter:
    """Writes the texts that are not there yet.

    Into a folder at once, since links lead to them; into a bucket in the end, many at a time.
    """

    def __init__(self, root: ObjectStore) -> None:
        self.root = root
        self.seen: set[str] = set()
        self.waiting: list[tuple[str, str]] = []

    def lacks(self, path: str) -> bool:
        """Tell whether a text must be made: it was not added, and is not there as far as that is known cheaply."""
        if path in self.seen:
            return False
        return not isinstance(self.root, DirectoryStore) or not self.root.exists(path)

    def add(self, path: str, text: str) -> None:
        """Write a text now, or in the end."""
        self.seen.add(path)
        if isinstance(self.root, DirectoryStore):
            write_text(self.root, path, text)
        else:
            self.waiting.append((path, text))

    def finish(self) -> None:
        """Write what waits."""
        for _ in for_each(self.root, lambda entry: write_text(self.root, *entry), self.waiting):
            pass
        self.waiting.clear()


def set_links(root: ObjectStore, folder: str, links: Iterable[Link], evicted: Iterable[str] = ()) -> None:
    """Make the links of one task's folder; a file that has moved to another score or t_log loses its old link.

    The new link is there before the old one goes: whoever looks finds the file at any moment.

    Args:
        folder: the task's folder, such as solver_dir/solve_007bbfb7; links of the same md5 elsewhere in it are removed.
        evicted: names (<md5>.py) whose links are removed to make room.

    Raises:
        StoreError: the folder cannot be written.
    """
    wanted = {link.path: link.target for link in links}
    moved = {Path(path).name for path in wanted} | set(evicted)
    if not isinstance(root, DirectoryStore) or not moved:
        return
    home = root.root / folder
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home):
            for path, target in wanted.items():
                make_link(root.root / path, root.root / target)
            kept = {root.root / path for path in wanted}
            remove_links([old for old in links_below(home) if old.name in moved and old not in kept])
    except OSError as error:
        remedy = OS_REMEDIES.get(error.errno or 0, "check the folder, then run the same again")
        raise StoreError(f"{home}: got {error.strerror or error}; {remedy}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change a task's folder: two that move one file would remove each other's links."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: such two may leave both links, or none
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def links_below(home: Path) -> list[Path]:
    """Return every link of a task's folder; what a killed process left half-made on the way to one is removed."""
    found = []
    for score in entries_of(home):
        for t_log in entries_of(score):
            for path in entries_of(t_log):
                if path.name.startswith(TEMPORARY_PREFIX):
                    path.unlink(missing_ok=True)
                elif path.suffix == ".py":
                    found.append(path)
    return found


def entries_of(folder: Path) -> list[Path]:
    """Return what is in a folder, nothing if it is none."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_links(links: Iterable[Path]) -> None:
    """Remove links, and the folders that are empty then."""
    for link in links:
        link.unlink(missing_ok=True)
        for parent in (link.parent, link.parent.parent):
            with contextlib.suppress(OSError):  # other files are in it
                parent.rmdir()


def make_link(path: Path, target: Path) -> None:
    """Make a relative symbolic link, replacing whatever link or file is there, whole at any moment."""
    relative = os.path.relpath(target, path.parent)
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # nothing is there yet, or no link
            if path.readlink() == Path(relative):
                return
        temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            temporary.symlink_to(relative)
            temporary.replace(path)
        except FileNotFoundError:  # without locks, another run has just removed the folder as empty
            continue
        return

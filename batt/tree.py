"""phase3b_file_ops and phase4_differs: the solver and differ trees under the results folder.

solver_md5/<md5>.py holds each program once; solver_dir/solve_<task>/<o score>/<t_log>/<md5>.py are links to it,
relative ones in a folder. Every write is whole or not at all, and the same again changes nothing: runs may share a
tree. A bucket has no links: there solver_md5 is written, and results.json says where links belong.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from batt.errors import AlreadyExistsError
from batt.names import DIFFER_DIR, DIFFER_MD5, SOLVER_DIR, SOLVER_MD5
from batt.store import TEMPORARY_PREFIX, DirectoryStore, ObjectStore


class Link(NamedTuple):
    """A link of a tree: `path` under the results folder leads to the object `target`."""

    path: str
    target: str


def solver_file(md5: str) -> str:
    """Return the path of a solver's text."""
    return f"{SOLVER_MD5}/{md5}.py"


def solver_link(task: str, score: int, time_class: int, md5: str) -> Link:
    """Return a solver's link: by task, o score and t_log."""
    return Link(f"{SOLVER_DIR}/solve_{task}/{score}/{time_class}/{md5}.py", solver_file(md5))


def differ_file(md5: str) -> str:
    """Return the path of a differ's text."""
    return f"{DIFFER_MD5}/{md5}.py"


def differ_link(kind: str, task: str, score: int, time_class: int, md5: str) -> Link:
    """Return a differ's link; `kind` is iz or zo."""
    return Link(f"{DIFFER_DIR}/{kind}/solve_{task}/{score}/{time_class}/{md5}.py", differ_file(md5))


def write_text(root: ObjectStore, path: str, text: str) -> None:
    """Write a program's text unless it is there: equal names mean equal texts."""
    if not root.exists(path):
        with contextlib.suppress(AlreadyExistsError):  # another run writes the same text
            root.create(path, text.encode())


def set_links(root: ObjectStore, folder: str, links: Iterable[Link], evicted: Iterable[str] = ()) -> None:
    """Make the links of one task's folder; a file that has moved to another score or t_log loses its old link.

    Args:
        folder: the task's folder, such as solver_dir/solve_007bbfb7; links of the same md5 elsewhere in it are removed.
        evicted: names (<md5>.py) whose links are removed to make room.
    """
    if not isinstance(root, DirectoryStore):
        return
    wanted = {link.path: link.target for link in links}
    moved = {Path(path).name for path in wanted} | set(evicted)
    for old in (root.root / folder).glob("*/*/*.py"):
        if old.name in moved and old.relative_to(root.root).as_posix() not in wanted:
            old.unlink(missing_ok=True)
            for parent in (old.parent, old.parent.parent):
                with contextlib.suppress(OSError):  # other files are in it
                    parent.rmdir()
    for path, target in wanted.items():
        make_link(root.root / path, root.root / target)


def make_link(path: Path, target: Path) -> None:
    """Make a relative symbolic link, replacing whatever link is there, whole at any moment."""
    relative = os.path.relpath(target, path.parent)
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            if path.readlink() == Path(relative):
                return
        temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            temporary.symlink_to(relative)
            temporary.replace(path)
        except FileNotFoundError:  # another run has just removed the folder as empty
            continue
        return

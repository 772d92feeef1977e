"""Folders of tasks in a run's folder: `<task id>/`, as HAL has them, whatever a benchmark calls its tasks.

A `/` in an id stays: `HumanEval/0` lies in `HumanEval/`. What no file system or no shell takes is escaped, so that no
id leads out of its place and no two ids share a folder:

    %2A for `*`: the bytes of UTF-8, as in URLs; `.`, `..` and names of batt's own have their first `.` escaped
    %  alone for an empty part: `a//b` is `a/%/b`, the empty id is `%`
    beginning%~digest  for what is too long
"""

from __future__ import annotations

import hashlib

from batt.objects import TEMPORARY_PREFIX

SEGMENT_BYTES = 200
"""Longest name of a folder: file systems take 255."""

FOLDER_BYTES = 500
"""Longest path of a task's folder: with the run's folder before and a file behind, objects.PATH_BYTES must do."""

DIGEST_DIGITS = 16
"""Hexadecimal digits that stand for what is cut."""

ODD = frozenset('%\\*?[]#"<>|')
"""Characters that are escaped beside those that cannot be seen: shells, gsutil or Windows read them."""


def task_folder(task_id: str) -> str:
    """Return the path of a task's folder in its run's."""
    segments = [folder_name(segment) for segment in task_id.split("/")]
    folder = "/".join(segments)
    return folder if len(folder.encode()) <= FOLDER_BYTES else cut(folder.replace("/", "%2F"), task_id)


def file_name(path: str) -> str:
    """Return the path, in its task's folder, of a file that an agent has left behind; a deep one is made flat."""
    name = "/".join(folder_name(segment) for segment in path.split("/"))
    return name if len(name.encode()) <= SEGMENT_BYTES else cut(name.replace("/", "%2F"), path)


def folder_name(segment: str) -> str:
    """Return the name of a folder for one part of an id."""
    if not segment:
        return "%"
    name = "".join(escaped(character) for character in segment)
    if name in {".", ".."} or name.startswith(TEMPORARY_PREFIX):
        name = f"%2E{name[1:]}"
    return name if len(name.encode()) <= SEGMENT_BYTES else cut(name, segment)


def escaped(character: str) -> str:
    """Return a character as it stands in a folder's name."""
    if character.isprintable() and character not in ODD:
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def cut(name: str, told: str) -> str:
    """Return the beginning of a name that is too long, and a digest of what it stands for."""
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_DIGITS]
    room = SEGMENT_BYTES - DIGEST_DIGITS - len("%~")
    beginning = name.encode()[:room].decode("utf-8", "ignore")
    return f"{beginning}%~{digest}"

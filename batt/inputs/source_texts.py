"""Bytes of a file or of JSON lines to `Source`s: decoding, JSON, digests, and the task that a path names."""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from batt.errors import Fault, shown
from batt.inputs.archives import DAMAGE, TOTAL_BYTES

CALL_SUFFIX = "_call.py"
"""End of the name of a batt module's second file, which lies beside NAME.py."""

LINE_BYTES = 32 * 2**20
"""Longest line of JSON lines that is read: as much as a file of its own may have."""

LABEL_CHARACTERS = 128
"""Longest `id` or `name` of a JSON line that becomes part of the source's name."""

LINES_SUFFIXES = (".jsonl", ".jsonl.gz")
"""Endings of files with one JSON object a line."""

TEXT_KEYS = ("source", "code", "program", "solver")
"""Keys under which a JSON line holds the text; the first that is there counts."""

TASK_LIKE = re.compile(r"[0-9a-f]{8}")
"""What ARC's task ids look like: tells `solve_<task>` of another dataset from a name such as `solve_fast`."""


class Source(NamedTuple):
    """One text that may hold candidates.

    name: unique in the run (`solvers.tar.gz!a/b.py`, `more.jsonl:17`), the same wherever the input lies.
    call_text: the text of NAME_call.py where NAME.py has one beside it: the two are a batt module.
    task: the task that a JSON line or the path says it is for; None if neither does.
    digest: sha256 of the texts, not of the name.
    """

    name: str
    text: str
    call_text: str | None
    task: str | None
    digest: str


def task_of_path(path: str, known_tasks: frozenset[str]) -> str | None:
    """Return the task that a path names, its last part before the folders around it; None if it names none.

    A part names a task as `<task>`, `<task>_more`, `<task>-more`, `<task>.more`, or one of these after `solve_`.
    Only ids of the dataset count, but that `solve_` before eight hex digits names a task of another one.
    """
    for part in reversed(re.split(r"[/!]", path)):
        stem = part.removeprefix("solve_")
        ends = [len(stem), *(found.start() for found in re.finditer(r"[_.-]", stem))]
        for end in sorted(ends, reverse=True):
            if stem[:end] in known_tasks:
                return stem[:end]
        if stem != part and (other := TASK_LIKE.match(stem)) and not stem[8:9].isalnum():
            return other[0]
    return None


def is_call(path: str) -> bool:
    """Return whether a file of that path is the second file of a batt module, NAME_call.py."""
    return path.endswith(CALL_SUFFIX) and posixpath.basename(path) != CALL_SUFFIX


def call_of(path: str) -> str:
    """Return the path of the call file that would make NAME.py a batt module."""
    return path.removesuffix(".py") + CALL_SUFFIX


def module_of(call_path: str) -> str:
    """Return the path of the NAME.py that a call file belongs to."""
    return call_path.removesuffix(CALL_SUFFIX) + ".py"


def text_sources(
    name: str, data: bytes | Fault, call_data: bytes | Fault | None, known_tasks: frozenset[str]
) -> Iterator[Source | Fault]:
    """Yield the source of a file or module, or what is wrong with its bytes; nothing for an empty `__init__.py`."""
    text = _decoded(name, data) if isinstance(data, bytes) else data
    call = _decoded(call_of(name), call_data) if isinstance(call_data, bytes) else call_data
    if isinstance(text, Fault) or isinstance(call, Fault):
        yield from (item for item in (text, call) if isinstance(item, Fault))
    elif posixpath.basename(name.replace("!", "/")) != "__init__.py" or re.search(r"^\s*def\b", text, re.MULTILINE):
        yield _source(name, text, call, task_of_path(name, known_tasks))


def _decoded(name: str, data: bytes) -> str | Fault:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Fault(name, f"byte {data[error.start : error.start + 1]!r}", "must be UTF-8", "convert the file", line)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return Fault(name, "a NUL character", "must be text", "remove it", line)
    return text


def _source(name: str, text: str, call_text: str | None, task: str | None) -> Source:
    digest = hashlib.sha256(text.encode())
    if call_text is not None:
        digest.update(b"\0" + call_text.encode())  # texts hold no NUL: no other two give the same bytes
    return Source(name, text, call_text, task, digest.hexdigest())


def line_sources(file: BinaryIO | Fault, name: str, known_tasks: frozenset[str]) -> Iterator[Source | Fault]:
    """Yield a source for each line of an open file, which is closed at the end."""
    if isinstance(file, Fault):
        yield file
        return
    path_task = task_of_path(name, known_tasks)
    number = 0
    with file:
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if name.endswith(".gz") else file
        try:
            for number, line in enumerate(_bounded_lines(stream), 1):
                if line is None:
                    yield Fault(name, f"more than {LINE_BYTES} bytes", "lines must be shorter", "split it", number)
                elif line.strip():
                    yield _line_source(line, name, number, path_task)
        except DAMAGE as error:
            got = f"{type(error).__name__} {shown(str(error))}"
            yield Fault(name, got, "must be readable to its end", "make it anew; the rest is lost", number + 1)


def _bounded_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield the lines, None for one that is too long; ValueError where all of them are too much."""
    total = 0
    while line := stream.readline(LINE_BYTES + 1):
        is_whole = len(line) <= LINE_BYTES
        yield line if is_whole else None
        while not is_whole and not line.endswith(b"\n") and (line := stream.readline(LINE_BYTES)):
            total += len(line)
        total += len(line)
        if total > TOTAL_BYTES:
            raise ValueError(f"more than {TOTAL_BYTES} bytes")


def _line_source(line: bytes, file: str, number: int, path_task: str | None) -> Source | Fault:
    """Return the source of one JSON line, or what is wrong with it."""
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return _line_fault(file, number, f"byte {line[error.start : error.start + 1]!r}", "must be UTF-8")
    except (ValueError, RecursionError) as error:
        return _line_fault(file, number, shown(str(error)), "must be one JSON object")
    if not isinstance(value, dict):
        return _line_fault(file, number, f"a {type(value).__name__}", "must be one JSON object")
    text = next((value[key] for key in TEXT_KEYS if key in value), None)
    if not isinstance(text, str) or "\0" in text or not _is_encodable(text):
        return _line_fault(file, number, shown(text), f"must hold text under one of {', '.join(TEXT_KEYS)}")
    task = _first(value, ("task", "task_id"))
    if task is not None and not isinstance(task, str):
        return _line_fault(file, number, f"task {shown(task)}", "must be a task's id or absent")
    label = _first(value, ("id", "name"))
    is_shown = isinstance(label, str | int) and str(label).isprintable() and len(str(label)) <= LABEL_CHARACTERS
    name = f"{file}:{number}#{label}" if is_shown else f"{file}:{number}"
    return _source(name, text, None, task or path_task)


def _first(value: dict[str, Any], keys: tuple[str, ...]) -> Any:  # whatever JSON holds there
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _is_encodable(text: str) -> bool:
    """Return whether the text is UTF-8: JSON can spell half a character."""
    return not re.search(r"[\ud800-\udfff]", text)


def _line_fault(file: str, number: int, got: str, rule: str) -> Fault:
    return Fault(file, got, rule, "correct or remove the line", number)

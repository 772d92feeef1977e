"""Reads tasks from JSON lines: an object a line with an id, a prompt and an answer; every faulty line is named.

{"id": "sum", "prompt": "What is 2 + 2?", "answer": "4", "source": "me"}
"""

from __future__ import annotations

import gzip
import json
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import Fault, InputError, shown
from batt.hal.benchmarks.base import Task
from batt.hal.benchmarks.numbers import number_of

FIELDS = ("id", "prompt", "answer")
"""What every line must have; the option `fields` says where it is called otherwise."""

ID_CHARACTERS = 128
"""Longest id: that of the ids that spec.hal.tasks takes."""

LINE_BYTES = 32 * 2**20
"""Longest line that is read."""

SHOWN_FAULTS = 20
"""Most faulty lines that are told in full."""

SHOWN_LINES = 500
"""Most further ones whose numbers are told."""


class Form(NamedTuple):
    """How the lines are to be read.

    fields: what each of FIELDS is called. hidden: further keys that agents do not get.
    scoring: exact, numeric or regex. oracle: the key of a text that a regex accepts, "" for none.
    """

    fields: Mapping[str, str]
    hidden: frozenset[str]
    scoring: str
    oracle: str


class RefusedError(Exception):
    """Says what is wrong with a line: got, rule, remedy; not for users."""


def read_tasks(path: Path, form: Form) -> list[Task]:
    """Return the tasks of a file, in its order; lines without anything are skipped.

    Raises:
        InputError: it cannot be read, has no task, or lines of it are faulty: all of them are named.
    """
    tasks: dict[str, Task] = {}
    lines: dict[str, int] = {}
    seen: set[str] = set()
    faults: list[Fault] = []
    for number, line in numbered_lines(path):
        try:
            row = read_object(line)
            seen |= row.keys()
            task = as_task(row, form)
            if task.id in tasks:
                raise RefusedError(f"id {shown(task.id)} again", f"line {lines[task.id]} has it", "rename one")
        except RefusedError as refused:
            got, rule, remedy = refused.args
            faults.append(Fault(str(path), got, rule, remedy, number))
        else:
            tasks[task.id], lines[task.id] = task, number
    if faults:
        raise InputError(told(faults))
    if not tasks:
        raise InputError(f"{path}: got no line; must hold a JSON object a line; name another file")
    if form.hidden - seen:  # what was to be hidden is there under another name, and would be shown
        names = ", ".join(map(shown, sorted(form.hidden - seen)))
        raise InputError(f"{path}: got no key {names}; spec.hal.options.hidden must name keys of it; correct the names")
    return list(tasks.values())


def told(faults: Sequence[Fault]) -> str:
    """Return the faults for people: the first in full, of the others the lines."""
    rest = [str(fault.line) for fault in faults[SHOWN_FAULTS:]]
    more = f"\n... and {len(rest)} more, in lines {', '.join(rest[:SHOWN_LINES])}" if rest else ""
    return "\n".join(map(str, faults[:SHOWN_FAULTS])) + more


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of the lines that are not empty, from 1."""
    number = 0
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as lines:
            while line := lines.readline(LINE_BYTES + 1):
                number += 1
                if len(line) > LINE_BYTES:
                    rule = f"lines must have at most {LINE_BYTES} bytes"
                    raise InputError(f"{path} (line {number}): got more; {rule}; is it JSON lines?")
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        got = getattr(error, "strerror", None) or str(error)
        rule = "must be a .jsonl or .jsonl.gz file that can be read"
        raise InputError(f"{path}: got {got}; {rule}; correct the path") from error


def as_task(row: Mapping[str, Any], form: Form) -> Task:
    """Return a line's object as a task, what is hidden apart.

    Raises:
        RefusedError: there is none in it.
    """
    missing = [name for name in form.fields.values() if row.get(name) is None]
    if missing:
        raise RefusedError(f"keys {shown(sorted(row))}", f"must have {' and '.join(missing)}", "add or rename them")
    name, prompt, answer = (row[form.fields[field]] for field in FIELDS)
    name = str(name) if type(name) is int else name
    if not isinstance(name, str) or not 1 <= len(name) <= ID_CHARACTERS or not name.isprintable():
        rule = f"ids must be 1 to {ID_CHARACTERS} printable characters"
        raise RefusedError(f"{form.fields['id']} {shown(name)}", rule, "correct it")
    if not isinstance(prompt, str) or not prompt.strip():
        raise RefusedError(f"{form.fields['prompt']} {shown(prompt)}", "must be a text", "correct it")
    truth = {
        "answers": read_answers(answer, form.scoring),
        "is_pattern": form.scoring == "regex",
        "oracle": read_oracle(row, form),
    }
    hidden = {*form.fields.values(), *FIELDS, *form.hidden, form.oracle}
    others = {key: value for key, value in row.items() if key not in hidden}
    return Task(name, {"id": name, "prompt": prompt, **others}, truth, needs_gpu=others.get("gpu") is True)


def read_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line."""

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            raise RefusedError(
                f"a key twice among {shown([key for key, _ in pairs])}", "keys must differ", "rename one"
            )
        return value

    try:
        row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise RefusedError(shown(str(error)), "must be JSON in UTF-8", "correct the line") from error
    if not isinstance(row, dict):
        raise RefusedError(f"a {type(row).__name__}", "must be an object", "correct the line")
    return row


def read_answers(answer: Any, scoring: str) -> list[str]:  # any JSON
    """Return the accepted answers as texts that the scoring can use."""
    answers = answer if isinstance(answer, list) else [answer]
    texts = [one if isinstance(one, str) else json.dumps(one) for one in answers if is_plain(one)]
    if not texts or len(texts) < len(answers):
        rule = "must be a text or a number, or a list of such"
        raise RefusedError(f"answer {shown(answer)}", rule, "correct it")
    for text in texts:
        if not text.strip():
            raise RefusedError(
                f"answer {shown(text)}", "must not be empty: who says nothing would be right", "correct it"
            )
        if scoring == "numeric" and number_of(text) is None:
            raise RefusedError(f"answer {shown(text)}", "must hold a number", "correct it, or choose another scoring")
        if scoring == "regex":
            check_pattern(text)
    return texts


def is_plain(value: Any) -> bool:  # any JSON
    """Tell whether a value is a text or a number."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def check_pattern(pattern: str) -> None:
    """Refuse what is no regular expression, and one that accepts the empty text."""
    got = f"answer {shown(pattern)}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what later versions may read otherwise
            compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise RefusedError(got, f"must be a regular expression: {error}", "correct it") from error
    if compiled.fullmatch(""):
        raise RefusedError(got, "must not match the empty text: who says nothing would be right", "correct it")


def read_oracle(row: Mapping[str, Any], form: Form) -> str | None:
    """Return the text that a regular expression accepts, where the form says under which key it is."""
    if not form.oracle:
        return None
    text = row.get(form.oracle)
    if not isinstance(text, str):
        raise RefusedError(
            f"{form.oracle} {shown(text)}", "must be a text that the answer accepts", "add or correct it"
        )
    return text

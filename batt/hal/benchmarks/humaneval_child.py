"""Loads a candidate's program in the sandbox and calls its function as it is told; humaneval.py puts this file there.

Stands alone (standard library only, Python 3.9). One line of JSON each way, over what were standard input and output:

    -> {"positional": [...], "keywords": {...}}     arguments, encoded
    <- {"value": ...}                               what the function returned, encoded
    or {"raised": "ValueError"}                     the class of what it, or loading the program, raised

The program's own standard input is empty and its standard output goes nowhere: it cannot disturb the lines by accident.
By intent it can; then its answers are wrong, for it is never told what is expected.
"""

from __future__ import annotations

import json
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMBERS = 1000
"""Most members of a set or a dict: of more, a stranger could choose such that putting them in takes hours (hashes)."""

NAME_CHARACTERS = 100
"""Longest name of an exception that is told."""


def encode(value: Any) -> Any:
    """Return a value as JSON data: lists as such, other containers, bytes and complex numbers as `{kind: content}`.

    Subclasses count as what they are made from: a Counter equals a dict.

    Raises:
        TypeError: it is, or holds, something else: no test compares such.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {"set" if isinstance(value, set) else "frozenset": [encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    raise TypeError(f"a {type(value).__name__} cannot be told")


def decode(data: Any) -> Any:
    """Return the value of encode's form.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is of another form, or has too many members.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "bytes":
        return content.encode("latin-1")
    if kind == "complex":
        return complex(*content)
    items = decode(content)
    if kind == "tuple":
        return tuple(items)
    if len(items) > MEMBERS:
        raise ValueError(f"a {kind} of {len(items)} members")
    return {"set": set, "frozenset": frozenset, "dict": dict}[kind](items)


def load_function(path: str, name: str) -> Callable[..., Any]:
    """Return a function of a program, whose main part, if it has one, is not run."""
    source = Path(path).read_bytes()  # bytes: what is no text is the compiler's to refuse
    module = types.ModuleType("candidate")
    sys.modules[module.__name__] = module  # dataclasses look there
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 # that is what it is here for
    function: Callable[..., Any] = getattr(module, name)
    return function


def raised(error: BaseException) -> dict[str, Any]:
    """Return what is told of an exception."""
    return {"raised": type(error).__name__[:NAME_CHARACTERS]}


def answer(function: Callable[..., Any], line: bytes) -> bytes:
    """Return the answer to a line: what a call gave, whatever that is."""
    try:
        asked = json.loads(line)
        positional = [decode(item) for item in asked["positional"]]
        keywords = {name: decode(item) for name, item in asked["keywords"].items()}
        return json.dumps({"value": encode(function(*positional, **keywords))}).encode()
    except BaseException as error:  # noqa: BLE001 # SystemExit and KeyboardInterrupt are the candidate's too
        return json.dumps(raised(error)).encode()


def main(path: str, name: str) -> int:
    """Serve the function of a program until no more lines come."""
    lines = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nowhere, standard)
    try:
        function = load_function(path, name)
    except BaseException as error:  # noqa: BLE001 # as above
        refusal = json.dumps(raised(error)).encode()
        answers.write(refusal + b"\n")
        answers.flush()
        lines.read()  # whoever asks gets the refusal, and then the end
        return 1
    for line in lines:
        answers.write(answer(function, line) + b"\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))

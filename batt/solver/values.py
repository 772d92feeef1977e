"""What is asked of DSL values: whether they are the expected grid, which are equal, how large a differ's is."""

from __future__ import annotations

import hashlib

from batt.inputs.tasks import Grid
from batt.solver.language import Value


def is_equal(value: Value, expected: Grid) -> bool:
    """Tell whether a program's value is the expected grid; values that cannot be compared are not."""
    try:
        return bool(value == expected)
    except ValueError:  # numpy arrays of a user's DSL refuse to be one truth value
        return False


def size_of(value: Value) -> int | None:
    """Return a differ's size: the first item of its tuple if that is an int (no bool), else None."""
    if type(value) is tuple and value and type(value[0]) is int:
        return value[0]
    return None


def value_digest(value: Value) -> str:
    """Return a digest that is equal for equal values, in every process; functions count as equal.

    Grids, nearly all values here, are taken row by row; other values by their canonical text, sets sorted.

    Raises:
        RecursionError: the value is too deep to be written out.
    """
    return hashlib.blake2b(
        grid_bytes(value) or canonical_text(value).encode(errors="replace"), digest_size=16
    ).hexdigest()


def grid_bytes(value: Value) -> bytes:
    """Return the lengths and the cells of the rows; b"" for what is no tuple of rows of small numbers."""
    if type(value) is not tuple or not all(type(row) is tuple for row in value):
        return b""
    try:
        return bytes(str([len(row) for row in value]), "ascii") + b"".join([bytes(row) for row in value])
    except (TypeError, ValueError):
        return b""


def canonical_text(value: Value) -> str:
    """Return a text that is equal for equal DSL values whatever order their sets have."""
    if isinstance(value, tuple):
        return f"({','.join([canonical_text(item) for item in value])})"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted([canonical_text(item) for item in value]))}}}"
    if isinstance(value, bool):
        return str(int(value))
    if callable(value):
        return "function"
    return repr(value)

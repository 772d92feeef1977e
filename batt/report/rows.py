"""Rows of tables as the page holds them, JSON, and as many of them as there is room for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from batt.report.model import Cell

HARMFUL = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Characters that could end the element in which JSON stands; in JSON they are only part of texts."""


ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Made once: there are thousands of rows."""


def embedded(value: Any) -> str:  # JSON data
    """Return a value as compact JSON that can stand in a page: no text in it is taken for markup."""
    return ENCODER.encode(value).translate(HARMFUL)


def size_of(value: Any) -> int:  # JSON data
    """Return how many bytes a value takes in a page, with a comma."""
    return len(embedded(value).encode()) + 1


def bounded(rows: Iterable[tuple[Cell, ...]], most_bytes: int) -> tuple[tuple[Cell, ...], ...]:
    """Return the first rows, as many as there is room for."""
    kept = []
    for row in rows:
        most_bytes -= size_of(row)
        if most_bytes < 0:
            break
        kept.append(row)
    return tuple(kept)

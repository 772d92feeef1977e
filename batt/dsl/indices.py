"""Sets of locations: of colours, neighbours, lines, boxes. Nothing is cut at a grid's edge.

The iteration order of the results is part of the DSL: each set is built in the order its function shows, here with
literal set operations where a union or a copy decides the order.
"""

from itertools import product
from typing import Any

from batt.dsl.bounds import bounds
from batt.dsl.types import Grid, Indices, Integer, IntegerTuple, Patch

REACH = 42
"""Steps that `shoot` goes; part of the DSL (a grid has at most 30 rows and columns)."""

FRONTIER = 30
"""Length of the lines that `vfrontier` and `hfrontier` draw; part of the DSL (the largest grid)."""


def asindices(grid: Grid) -> Indices:
    """Return all locations of the grid, built row by row."""
    return frozenset(product(range(len(grid)), range(len(grid[0])))) if len(grid) else frozenset()


def ofcolor(grid: Grid, value: Integer) -> Indices:
    """Return the locations of that colour, built row by row."""
    return frozenset(
        [(i, j) for i, row in enumerate(grid) if value in row for j, cell in enumerate(row) if cell == value]
    )


def toindices(patch: Patch) -> Indices:
    """Return the locations of an object; indices come back as they are."""
    cells: Any = patch
    if len(cells) == 0:
        return frozenset()
    if isinstance(next(iter(cells))[1], tuple):
        return frozenset([location for _, location in cells])
    return cells  # type: ignore[no-any-return]


def dneighbors(loc: IntegerTuple) -> Indices:
    """Return the four locations that share an edge with loc."""
    i, j = loc[0], loc[1]
    return frozenset(((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)))


def ineighbors(loc: IntegerTuple) -> Indices:
    """Return the four locations that share only a corner with loc."""
    i, j = loc[0], loc[1]
    return frozenset(((i - 1, j - 1), (i - 1, j + 1), (i + 1, j - 1), (i + 1, j + 1)))


def neighbors(loc: IntegerTuple) -> Indices:
    """Return the eight locations around loc."""
    i, j = loc[0], loc[1]
    sides = frozenset(((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)))
    return sides | frozenset(((i - 1, j - 1), (i - 1, j + 1), (i + 1, j - 1), (i + 1, j + 1)))


def connect(a: IntegerTuple, b: IntegerTuple) -> Indices:
    """Return the straight line from a to b, both included; nothing if they share no row, column or diagonal."""
    ai, aj = a
    bi, bj = b
    top, bottom = min(ai, bi), max(ai, bi) + 1
    left, right = min(aj, bj), max(aj, bj) + 1
    if ai == bi:
        return frozenset(product((ai,), range(left, right)))
    if aj == bj:
        return frozenset(product(range(top, bottom), (aj,)))
    if bi - ai == bj - aj:
        return frozenset(zip(range(top, bottom), range(left, right), strict=True))
    if bi - ai == aj - bj:
        return frozenset(zip(range(top, bottom), range(right - 1, left - 1, -1), strict=True))
    return frozenset()


def shoot(start: IntegerTuple, direction: IntegerTuple) -> Indices:
    """Return the line from start to 42 times direction further; nothing for a direction that is no multiple of 45°."""
    return connect(start, (start[0] + REACH * direction[0], start[1] + REACH * direction[1]))


def vfrontier(location: IntegerTuple) -> Indices:
    """Return rows 0 to 29 of the location's column."""
    return frozenset(set(product(range(FRONTIER), (location[1],))))


def hfrontier(location: IntegerTuple) -> Indices:
    """Return columns 0 to 29 of the location's row."""
    return frozenset(set(product((location[0],), range(FRONTIER))))


def backdrop(patch: Patch) -> Indices:
    """Return all locations of the bounding box, built row by row; nothing if the patch is empty."""
    if len(patch) == 0:
        return frozenset()
    top, left, bottom, right = bounds(patch)
    return frozenset(product(range(top, bottom + 1), range(left, right + 1)))


def delta(patch: Patch) -> Indices:
    """Return the locations of the bounding box that the patch leaves free; nothing if it is empty."""
    return backdrop(patch) - toindices(patch)


def box(patch: Patch) -> Indices:
    """Return the outline of the bounding box; an empty patch comes back as it is."""
    if len(patch) == 0:
        return patch  # type: ignore[return-value]
    return _outline(*bounds(patch))


def outbox(patch: Patch) -> Indices:
    """Return the outline of the bounding box grown by one on every side; ValueError if the patch is empty."""
    if len(patch) == 0:
        raise ValueError("an empty patch has no bounding box")
    top, left, bottom, right = bounds(patch)
    return _outline(top - 1, left - 1, bottom + 1, right + 1)


def inbox(patch: Patch) -> Indices:
    """Return the outline of the bounding box shrunk by one on every side; ValueError if the patch is empty.

    Bounds that cross are swapped: a single cell gives its eight neighbours, an extent of 2 keeps both lines.
    """
    if len(patch) == 0:
        raise ValueError("an empty patch has no bounding box")
    top, left, bottom, right = bounds(patch)
    top, bottom = sorted((top + 1, bottom - 1))
    left, right = sorted((left + 1, right - 1))
    return _outline(top, left, bottom, right)


def _outline(top: int, left: int, bottom: int, right: int) -> Indices:
    """Return the cells on the edge of a box, as (left | right) | (top | bottom), then copied."""
    rows, columns = range(top, bottom + 1), range(left, right + 1)
    sides = set(product(rows, (left,))) | set(product(rows, (right,)))
    ends = set(product((top,), columns)) | set(product((bottom,), columns))
    return frozenset(sides | ends)

"""Patches and objects: make them from grids, move them, find them again."""

from typing import Any

from batt.dsl.indices import toindices
from batt.dsl.measures import leftmost, shape, uppermost
from batt.dsl.types import Grid, Indices, Integer, IntegerTuple, Object, Patch


def asobject(grid: Grid) -> Object:
    """Return all cells of the grid, built row by row."""
    return frozenset([(cell, (i, j)) for i, row in enumerate(grid) for j, cell in enumerate(row)])


def toobject(patch: Patch, grid: Grid) -> Object:
    """Return the grid's cells at the patch's locations, those off the grid left out; IndexError for the grid `()`."""
    tall, wide = len(grid), len(grid[0])
    return frozenset([(grid[i][j], (i, j)) for i, j in toindices(patch) if 0 <= i < tall and 0 <= j < wide])


def recolor(value: Integer, patch: Patch) -> Object:
    """Return the patch's locations, each once, as cells of one colour."""
    return frozenset([(value, location) for location in toindices(patch)])


def shift(patch: Patch, directions: IntegerTuple) -> Patch:
    """Return the patch moved by (rows, columns), not cut anywhere; an empty patch comes back as it is."""
    cells: Any = patch
    if len(cells) == 0:
        return patch
    down, right = directions
    if isinstance(next(iter(cells))[1], tuple):
        return frozenset([(colour, (i + down, j + right)) for colour, (i, j) in cells])
    return frozenset([(i + down, j + right) for i, j in cells])


def normalize(patch: Patch) -> Patch:
    """Return the patch moved so that its bounding box begins at (0, 0); an empty patch comes back as it is."""
    if len(patch) == 0:
        return patch
    return shift(patch, (-uppermost(patch), -leftmost(patch)))


def occurrences(grid: Grid, obj: Object) -> Indices:
    """Return every place for the object's upper left corner where all its cells lie on cells of their colour.

    Gaps in the object match anything; an empty object occurs at all (rows + 1) x (columns + 1) places. TypeError
    for indices, once their bounding box fits.
    """
    cells: Any = normalize(obj)
    tall, wide = shape(obj)
    found = {
        (i, j)
        for i in range(len(grid) - tall + 1)
        for j in range(len(grid[0]) - wide + 1)
        if all(_has(grid, colour, i + down, j + right) for colour, (down, right) in cells)
    }
    return frozenset(found)


def _has(grid: Grid, colour: int, i: int, j: int) -> bool:
    """Return whether (i, j) lies on the grid and has that colour."""
    return 0 <= i < len(grid) and 0 <= j < len(grid[0]) and grid[i][j] == colour

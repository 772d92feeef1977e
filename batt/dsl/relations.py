"""How two patches, or a patch and a grid, lie to each other."""

from typing import Any

from batt.dsl.measures import center, leftmost, lowermost, rightmost, uppermost
from batt.dsl.types import Boolean, Grid, Integer, IntegerTuple, Patch

FARTHEST = 42
"""Steps after which `gravitate` gives up; part of the DSL (a grid has at most 30 rows)."""


def _locations(patch: Any) -> set[IntegerTuple]:
    """Return the locations of a patch."""
    if len(patch) and isinstance(next(iter(patch))[1], tuple):
        return {location for _, location in patch}
    return {(i, j) for i, j in patch}


def position(a: Patch, b: Patch) -> IntegerTuple:
    """Return the direction from a's center to b's: rows first equal, then columns, else diagonal.

    Equal centers give (0, -1); ValueError if a patch is empty.
    """
    row_a, column_a = center(a)
    row_b, column_b = center(b)
    down = 1 if row_a < row_b else -1
    right = 1 if column_a < column_b else -1
    if row_a == row_b:
        return (0, right)
    return (down, 0) if column_a == column_b else (down, right)


def hmatching(a: Patch, b: Patch) -> Boolean:
    """Return whether some row is occupied by both; false if a patch is empty."""
    rows = {i for i, _ in _locations(a)}
    return not rows.isdisjoint([i for i, _ in _locations(b)])


def vmatching(a: Patch, b: Patch) -> Boolean:
    """Return whether some column is occupied by both; false if a patch is empty."""
    columns = {j for _, j in _locations(a)}
    return not columns.isdisjoint([j for _, j in _locations(b)])


def manhattan(a: Patch, b: Patch) -> Integer:
    """Return the smallest number of steps from a cell of a to one of b; ValueError if a patch is empty."""
    others = _locations(b)
    return min([abs(i - k) + abs(j - m) for i, j in _locations(a) for k, m in others])


def adjacent(a: Patch, b: Patch) -> Boolean:
    """Return whether a and b share an edge but no cell (manhattan is 1); ValueError if a patch is empty."""
    return manhattan(a, b) == 1


def bordering(patch: Patch, grid: Grid) -> Boolean:
    """Return whether the bounding box ends in an outer row or column of the grid; ValueError if it is empty.

    A patch that reaches beyond an edge does not end there.
    """
    return (
        uppermost(patch) == 0
        or leftmost(patch) == 0
        or lowermost(patch) == len(grid) - 1
        or rightmost(patch) == len(grid[0]) - 1
    )


def gravitate(source: Patch, destination: Patch) -> IntegerTuple:
    """Return the offset that brings source next to destination along one axis; ValueError if a patch is empty.

    Vertical if they share an occupied column, else horizontal; toward destination's center, away from it if the
    centers are level. Overlapping is not next to; if it is never reached the offset is FARTHEST steps.
    """
    vertical = vmatching(source, destination)
    axis = 0 if vertical else 1
    step = 1 if center(source)[axis] < center(destination)[axis] else -1
    moving, fixed = _locations(source), _locations(destination)
    for steps in range(FARTHEST):
        if adjacent(frozenset(moving), frozenset(fixed)):
            return (step * steps, 0) if vertical else (0, step * steps)
        moving = {(i + step, j) for i, j in moving} if vertical else {(i, j + step) for i, j in moving}
    return (step * FARTHEST, 0) if vertical else (0, step * FARTHEST)

"""How two patches, or a patch and a grid, lie to each other."""

from typing import Any

from batt.dsl.bounds import bounds, is_object
from batt.dsl.measures import center
from batt.dsl.types import Boolean, Grid, Integer, IntegerTuple, Patch

FARTHEST = 42
"""Steps after which `gravitate` gives up; part of the DSL (a grid has at most 30 rows)."""


def _locations(patch: Any) -> list[IntegerTuple]:
    """Return the location of every element of a patch; unpacked, so that anything but a pair raises ValueError."""
    if len(patch) and is_object(patch):
        return [(i, j) for _, (i, j) in patch]
    return [(i, j) for i, j in patch]


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
    here, there = _locations(a), _locations(b)
    return min([abs(i - k) + abs(j - m) for i, j in here for k, m in there])


def adjacent(a: Patch, b: Patch) -> Boolean:
    """Return whether a and b share an edge but no cell (manhattan is 1); ValueError if a patch is empty."""
    here, there = set(_locations(a)), set(_locations(b))
    if not here or not there:
        raise ValueError("an empty patch is not adjacent to anything")
    if not here.isdisjoint(there):
        return False
    if len(there) < len(here):
        here, there = there, here
    for i, j in here:
        if (i, j + 1) in there or (i + 1, j) in there or (i, j - 1) in there or (i - 1, j) in there:
            return True
    return False


def bordering(patch: Patch, grid: Grid) -> Boolean:
    """Return whether the bounding box ends in an outer row or column of the grid; ValueError if it is empty.

    A patch that reaches beyond an edge does not end there.
    """
    if len(patch) == 0:
        raise ValueError("an empty patch borders on nothing")
    top, left, bottom, right = bounds(patch)
    return top == 0 or left == 0 or bottom == len(grid) - 1 or right == len(grid[0]) - 1


def gravitate(source: Patch, destination: Patch) -> IntegerTuple:
    """Return the offset that brings source next to destination along one axis; ValueError if a patch is empty.

    Vertical if they share an occupied column, else horizontal; toward destination's center, away from it if the
    centers are level. Overlapping is not next to; if it is never reached the offset is FARTHEST steps.
    """
    start, goal = center(source), center(destination)
    vertical = vmatching(source, destination)
    axis = 0 if vertical else 1
    sense = 1 if start[axis] < goal[axis] else -1
    moving, fixed = _locations(source), _locations(destination)
    if not vertical:  # the same along the other axis
        moving, fixed = [(j, i) for i, j in moving], [(j, i) for i, j in fixed]
    offset = sense * _steps_until_adjacent(moving, fixed, sense)
    return (offset, 0) if vertical else (0, offset)


def _steps_until_adjacent(moving: list[IntegerTuple], fixed: list[IntegerTuple], sense: int) -> int:
    """Return the steps along the first axis after which moving is first adjacent to fixed, at most FARTHEST.

    No step is made: each pair of cells in one line tells after how many steps they overlap, and each pair of a cell
    and a neighbour of fixed after how many they touch.
    """
    occupied: dict[int, set[int]] = {}
    for i, j in fixed:
        occupied.setdefault(j, set()).add(i)
    beside: dict[int, set[int]] = {}
    for i, j in fixed:
        beside.setdefault(j, set()).update((i - 1, i + 1))
        beside.setdefault(j - 1, set()).add(i)
        beside.setdefault(j + 1, set()).add(i)
    overlaps = {(k - i) * sense for i, j in moving for k in occupied.get(j, ())}
    touches = {(k - i) * sense for i, j in moving for k in beside.get(j, ())}
    return min([steps for steps in touches - overlaps if 0 <= steps < FARTHEST], default=FARTHEST)

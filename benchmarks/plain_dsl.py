"""The DSL's most used primitives once more, as the words of its definition suggest: short, and with nothing saved up.

One-liners built on each other: a patch's side is the minimum over its locations, a normalised patch is a shifted one,
an occurrence is a shifted object that lies in the grid's cells. This is how a DSL is written first, and how the public
ones are; batt.dsl gives the same values. What is not here is taken from batt.dsl, so what is measured with this DSL is
at most as slow as a plain one.
"""

from __future__ import annotations

from typing import Any

import batt.dsl
from batt.dsl import asindices, connect, mostcolor

Loc = tuple[int, int]
"""(row, column)."""


def is_object(patch: Any) -> bool:
    """Return whether the first element carries a colour."""
    return isinstance(next(iter(patch))[1], tuple)


def toindices(patch: Any) -> Any:
    """Return the locations of a patch."""
    if len(patch) == 0:
        return frozenset()
    return frozenset(location for _, location in patch) if is_object(patch) else patch


def recolor(value: int, patch: Any) -> Any:
    """Return the patch in one colour."""
    return frozenset((value, location) for location in toindices(patch))


def shift(patch: Any, directions: Loc) -> Any:
    """Return the patch moved."""
    if len(patch) == 0:
        return patch
    down, right = directions
    if is_object(patch):
        return frozenset((value, (i + down, j + right)) for value, (i, j) in patch)
    return frozenset((i + down, j + right) for i, j in patch)


def uppermost(patch: Any) -> Any:
    """Return the smallest row."""
    return min(i for i, _ in toindices(patch))


def lowermost(patch: Any) -> Any:
    """Return the largest row."""
    return max(i for i, _ in toindices(patch))


def leftmost(patch: Any) -> Any:
    """Return the smallest column."""
    return min(j for _, j in toindices(patch))


def rightmost(patch: Any) -> Any:
    """Return the largest column."""
    return max(j for _, j in toindices(patch))


def ulcorner(patch: Any) -> Any:
    """Return the upper left corner of the bounding box."""
    return (uppermost(patch), leftmost(patch)) if len(patch) else ()


def urcorner(patch: Any) -> Any:
    """Return the upper right corner of the bounding box."""
    return (uppermost(patch), rightmost(patch)) if len(patch) else ()


def llcorner(patch: Any) -> Any:
    """Return the lower left corner of the bounding box."""
    return (lowermost(patch), leftmost(patch)) if len(patch) else ()


def lrcorner(patch: Any) -> Any:
    """Return the lower right corner of the bounding box."""
    return (lowermost(patch), rightmost(patch)) if len(patch) else ()


def height(piece: Any) -> Any:
    """Return the number of rows."""
    if len(piece) == 0:
        return 0
    return len(piece) if isinstance(piece, tuple) else lowermost(piece) - uppermost(piece) + 1


def width(piece: Any) -> Any:
    """Return the number of columns."""
    if len(piece) == 0:
        return 0
    return len(piece[0]) if isinstance(piece, tuple) else rightmost(piece) - leftmost(piece) + 1


def shape(piece: Any) -> Loc:
    """Return height and width."""
    return (height(piece), width(piece))


def center(patch: Any) -> Loc:
    """Return the middle of the bounding box."""
    return (uppermost(patch) + height(patch) // 2, leftmost(patch) + width(patch) // 2)


def normalize(patch: Any) -> Any:
    """Return the patch moved to the origin."""
    return shift(patch, (-uppermost(patch), -leftmost(patch))) if len(patch) else patch


def backdrop(patch: Any) -> Any:
    """Return the cells of the bounding box."""
    if len(patch) == 0:
        return frozenset()
    (top, left), (bottom, right) = ulcorner(patch), lrcorner(patch)
    return frozenset((i, j) for i in range(top, bottom + 1) for j in range(left, right + 1))


def delta(patch: Any) -> Any:
    """Return the free cells of the bounding box."""
    return backdrop(patch) - toindices(patch)


def box(patch: Any) -> Any:
    """Return the outline of the bounding box."""
    if len(patch) == 0:
        return patch
    (top, left), (bottom, right) = ulcorner(patch), lrcorner(patch)
    sides = connect((top, left), (bottom, left)) | connect((top, right), (bottom, right))
    return sides | connect((top, left), (top, right)) | connect((bottom, left), (bottom, right))


def dneighbors(loc: Loc) -> Any:
    """Return the four cells that share an edge with a cell."""
    return frozenset({(loc[0] - 1, loc[1]), (loc[0] + 1, loc[1]), (loc[0], loc[1] - 1), (loc[0], loc[1] + 1)})


def ineighbors(loc: Loc) -> Any:
    """Return the four cells that share a corner with a cell."""
    i, j = loc
    return frozenset({(i - 1, j - 1), (i - 1, j + 1), (i + 1, j - 1), (i + 1, j + 1)})


def neighbors(loc: Loc) -> Any:
    """Return the eight cells around a cell."""
    return dneighbors(loc) | ineighbors(loc)


def manhattan(a: Any, b: Any) -> Any:
    """Return the smallest number of steps between two patches."""
    return min(abs(ai - bi) + abs(aj - bj) for ai, aj in toindices(a) for bi, bj in toindices(b))


def adjacent(a: Any, b: Any) -> bool:
    """Return whether two patches touch."""
    return bool(manhattan(a, b) == 1)


def vmatching(a: Any, b: Any) -> bool:
    """Return whether two patches share a column."""
    return len({j for _, j in toindices(a)} & {j for _, j in toindices(b)}) > 0


def gravitate(source: Any, destination: Any) -> Loc:
    """Return the offset that brings source next to destination."""
    si, sj = center(source)
    di, dj = center(destination)
    step = ((1 if si < di else -1), 0) if vmatching(source, destination) else (0, (1 if sj < dj else -1))
    moved, count = source, 0
    while not adjacent(moved, destination) and count < 42:
        count += 1
        moved = shift(moved, step)
    return (step[0] * count, step[1] * count)


def asobject(grid: Any) -> Any:
    """Return all cells of a grid."""
    return frozenset((value, (i, j)) for i, row in enumerate(grid) for j, value in enumerate(row))


def ofcolor(grid: Any, value: int) -> Any:
    """Return the cells of a colour."""
    return frozenset((i, j) for i, row in enumerate(grid) for j, cell in enumerate(row) if cell == value)


def toobject(patch: Any, grid: Any) -> Any:
    """Return the grid's cells at a patch."""
    tall, wide = len(grid), len(grid[0])
    return frozenset((grid[i][j], (i, j)) for i, j in toindices(patch) if 0 <= i < tall and 0 <= j < wide)


def objects(grid: Any, univalued: bool, diagonal: bool, without_bg: bool) -> Any:
    """Return the connected components of a grid."""
    background = mostcolor(grid) if without_bg else None
    found = set()
    taken: set[Loc] = set()
    tall, wide = len(grid), len(grid[0])
    around = neighbors if diagonal else dneighbors
    for seed in asindices(grid):
        first = grid[seed[0]][seed[1]]
        if seed in taken or first == background:
            continue
        cells = {(first, seed)}
        wave = {seed}
        while len(wave) > 0:
            reached: set[Loc] = set()
            for loc in wave:
                value = grid[loc[0]][loc[1]]
                if value == first if univalued else value != background:
                    cells.add((value, loc))
                    taken.add(loc)
                    reached |= {(i, j) for i, j in around(loc) if 0 <= i < tall and 0 <= j < wide}
            wave = reached - taken
        found.add(frozenset(cells))
    return frozenset(found)


def partition(grid: Any) -> Any:
    """Return an object for each colour."""
    return frozenset(
        frozenset((value, (i, j)) for i, row in enumerate(grid) for j, value in enumerate(row) if value == colour)
        for colour in batt.dsl.palette(grid)
    )


def fgpartition(grid: Any) -> Any:
    """Return an object for each colour but the most common."""
    return frozenset(
        frozenset((value, (i, j)) for i, row in enumerate(grid) for j, value in enumerate(row) if value == colour)
        for colour in batt.dsl.palette(grid) - {mostcolor(grid)}
    )


def occurrences(grid: Any, obj: Any) -> Any:
    """Return the places where an object lies in a grid."""
    found = set()
    normed = normalize(obj)
    tall, wide = shape(obj)
    cells = asobject(grid)
    for i in range(len(grid) - tall + 1):
        for j in range(len(grid[0]) - wide + 1):
            if shift(normed, (i, j)) <= cells:
                found.add((i, j))
    return frozenset(found)


def crop(grid: Any, start: Loc, dims: Loc) -> Any:
    """Return a part of a grid."""
    return tuple(row[start[1] : start[1] + dims[1]] for row in grid[start[0] : start[0] + dims[0]])


def subgrid(patch: Any, grid: Any) -> Any:
    """Return the part of a grid under a patch's bounding box."""
    return crop(grid, ulcorner(patch), shape(patch))


def fill(grid: Any, value: int, patch: Any) -> Any:
    """Return the grid with a patch in one colour."""
    tall, wide = len(grid), len(grid[0])
    rows = [list(row) for row in grid]
    for i, j in toindices(patch):
        if 0 <= i < tall and 0 <= j < wide:
            rows[i][j] = value
    return tuple(tuple(row) for row in rows)


def paint(grid: Any, obj: Any) -> Any:
    """Return the grid with an object on it."""
    tall, wide = len(grid), len(grid[0])
    rows = [list(row) for row in grid]
    for value, (i, j) in obj:
        if 0 <= i < tall and 0 <= j < wide:
            rows[i][j] = value
    return tuple(tuple(row) for row in rows)


def cover(grid: Any, patch: Any) -> Any:
    """Return the grid without a patch."""
    return fill(grid, mostcolor(grid), toindices(patch))


def move(grid: Any, obj: Any, offset: Loc) -> Any:
    """Return the grid with an object moved."""
    return paint(cover(grid, obj), shift(obj, offset))


def merge(containers: Any) -> Any:
    """Return the items of the items."""
    return type(containers)(item for container in containers for item in container)


def apply(function: Any, container: Any) -> Any:
    """Return what a function makes of each item."""
    return type(container)(function(item) for item in container)


def mapply(function: Any, container: Any) -> Any:
    """Return merge(apply(...))."""
    return merge(apply(function, container))


def sfilter(container: Any, condition: Any) -> Any:
    """Return the items that meet a condition."""
    return type(container)(item for item in container if condition(item))


def mfilter(container: Any, function: Any) -> Any:
    """Return merge(sfilter(...))."""
    return merge(sfilter(container, function))


def plain_names() -> dict[str, Any]:
    """Return every name of the DSL, with the primitives of this file in the place of batt.dsl's."""
    names = {name: getattr(batt.dsl, name) for name in batt.dsl.__all__}
    own = {name: value for name, value in globals().items() if name in names and callable(value)}
    return {**names, **{name: value for name, value in own.items() if value.__module__ == __name__}}

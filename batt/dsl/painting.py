"""Grids with other colours. Locations off the grid, negative ones too, are left out silently."""

from typing import Any

from batt.dsl.bounds import is_object
from batt.dsl.colours import mostcolor
from batt.dsl.indices import toindices
from batt.dsl.patches import shift
from batt.dsl.types import Grid, Integer, IntegerTuple, Object, Patch


def canvas(value: Integer, dimensions: IntegerTuple) -> Grid:
    """Return a grid of one colour; rows <= 0 give `()`, columns <= 0 give rows of `()`."""
    return ((value,) * dimensions[1],) * dimensions[0]


def fill(grid: Grid, value: Integer, patch: Patch) -> Grid:
    """Return the grid with the patch's locations in that colour; IndexError for the grid `()`."""
    tall, wide = len(grid), len(grid[0])
    cells: Any = patch
    if len(cells) == 0:
        return tuple([tuple(row) for row in grid])
    rows = [list(row) for row in grid]
    if is_object(cells):
        for _, (i, j) in cells:
            if 0 <= i < tall and 0 <= j < wide:
                rows[i][j] = value
    else:
        for i, j in cells:
            if 0 <= i < tall and 0 <= j < wide:
                rows[i][j] = value
    return tuple([tuple(row) for row in rows])


def paint(grid: Grid, obj: Object) -> Grid:
    """Return the grid with the object's cells on it; the last colour of a location held twice stays.

    The object may be a tuple of cells; TypeError for indices, IndexError for the grid `()`.
    """
    tall, wide = len(grid), len(grid[0])
    rows = [list(row) for row in grid]
    for colour, (i, j) in obj:
        if 0 <= i < tall and 0 <= j < wide:
            rows[i][j] = colour
    return tuple([tuple(row) for row in rows])


def underfill(grid: Grid, value: Integer, patch: Patch) -> Grid:
    """Return the grid with the patch in that colour where the grid has its most frequent colour."""
    tall, wide = len(grid), len(grid[0])
    background = mostcolor(grid)
    rows = [list(row) for row in grid]
    for i, j in toindices(patch):
        if 0 <= i < tall and 0 <= j < wide and grid[i][j] == background:
            rows[i][j] = value
    return tuple([tuple(row) for row in rows])


def underpaint(grid: Grid, obj: Object) -> Grid:
    """Return the grid with the object's cells where the grid has its most frequent colour.

    Of a location held twice the first colour that is not the background stays.
    """
    tall, wide = len(grid), len(grid[0])
    background = mostcolor(grid)
    rows = [list(row) for row in grid]
    for colour, (i, j) in obj:
        if 0 <= i < tall and 0 <= j < wide and rows[i][j] == background:
            rows[i][j] = colour
    return tuple([tuple(row) for row in rows])


def cover(grid: Grid, patch: Patch) -> Grid:
    """Return the grid with the patch in the grid's most frequent colour; ValueError for the grid `()`."""
    return fill(grid, mostcolor(grid), patch)


def move(grid: Grid, obj: Object, offset: IntegerTuple) -> Grid:
    """Return the grid with the object covered, then painted again at an offset; TypeError for indices."""
    covered = cover(grid, obj)
    moved: Any = shift(obj, offset)
    return paint(covered, moved)


def replace(grid: Grid, replacee: Integer, replacer: Integer) -> Grid:
    """Return the grid with one colour in place of another."""
    return tuple(
        [
            tuple([replacer if cell == replacee else cell for cell in row]) if replacee in row else tuple(row)
            for row in grid
        ]
    )


def switch(grid: Grid, a: Integer, b: Integer) -> Grid:
    """Return the grid with two colours exchanged."""
    return tuple([tuple([b if cell == a else a if cell == b else cell for cell in row]) for row in grid])


def cellwise(a: Grid, b: Grid, fallback: Integer) -> Grid:
    """Return a with fallback wherever b differs; b may be larger, IndexError if it is smaller or a is `()`."""
    wide = len(a[0])
    columns = range(wide)
    rows = []
    for i, row in enumerate(a):
        other = b[i] if wide else ()
        if len(row) == wide <= len(other):
            rows.append(tuple([x if x == y else fallback for x, y in zip(row, other, strict=False)]))
        else:  # raises IndexError where a cell is missing
            rows.append(tuple([row[j] if row[j] == other[j] else fallback for j in columns]))
    return tuple(rows)

"""Patches and objects: make them from grids, move them, find them again."""

from itertools import chain, product
from typing import Any

from batt.dsl.bounds import bounds
from batt.dsl.indices import toindices
from batt.dsl.measures import shape
from batt.dsl.types import Grid, Indices, Integer, IntegerTuple, Object, Patch

_BYTES = range(256)
"""The colours that a byte can hold; a grid's are 0-9, but nothing forbids others."""

_MARKS = b"0" * 255 + b"1" + b"0" * 255
"""Its slice [255 - c, 511 - c) is the translation table that marks colour c by "1", all others by "0"."""


def asobject(grid: Grid) -> Object:
    """Return all cells of the grid, built row by row."""
    return frozenset([(cell, (i, j)) for i, row in enumerate(grid) for j, cell in enumerate(row)])


def toobject(patch: Patch, grid: Grid) -> Object:
    """Return the grid's cells at the patch's locations, those off the grid left out; IndexError for the grid `()`."""
    tall, wide = len(grid), len(grid[0])
    return frozenset([(grid[i][j], (i, j)) for i, j in toindices(patch) if 0 <= i < tall and 0 <= j < wide])


def recolor(value: Integer, patch: Patch) -> Object:
    """Return the patch's locations, each once, as cells of one colour."""
    return frozenset(product((value,), toindices(patch)))


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
    top, left, _, _ = bounds(patch)
    return shift(patch, (-top, -left))


def occurrences(grid: Grid, obj: Object) -> Indices:
    """Return every place for the object's upper left corner where all its cells lie on cells of their colour.

    Gaps in the object match anything; an empty object occurs at all (rows + 1) x (columns + 1) places. TypeError
    for indices, once their bounding box fits.
    """
    cells: Any = obj
    top, left, bottom, right = bounds(cells) if len(cells) else (0, 0, -1, -1)
    # A tuple of cells takes the room of a grid: as many rows as cells.
    tall, wide = shape(cells) if isinstance(cells, tuple) else (bottom - top + 1, right - left + 1)
    total = len(grid[0])
    rows, columns = len(grid) - tall + 1, total - wide + 1
    if rows <= 0 or columns <= 0:
        return frozenset()
    if len(cells) == 0:
        return frozenset(set(product(range(rows), range(columns))))
    if isinstance(cells, tuple) or any(len(row) != total for row in grid):
        return _occurrences_one_by_one(grid, cells, rows, columns)
    try:
        colours = bytes(chain.from_iterable(grid))
    except (TypeError, ValueError):  # a colour below 0, above 255, or no int at all
        return _occurrences_one_by_one(grid, cells, rows, columns)
    # A set of places is an int, bit total * i + j for (i, j), so all places are looked at at once: a cell of the
    # object fits where its colour is, moved back by the cell's distance from the corner.
    colours = colours[::-1]  # bits are written from the highest down
    places = int(("0" * (total - columns) + "1" * columns) * rows, 2)
    of_colour: dict[int, int] = {}
    for colour, (i, j) in cells:
        if colour not in of_colour:
            of_colour[colour] = _places_of_colour(colours, colour)
        places &= of_colour[colour] >> (total * (i - top) + j - left)
        if not places:
            return frozenset()
    return frozenset(set(_places(places, total)))


def _places_of_colour(colours: bytes, colour: Any) -> int:
    """Return the set of places of a colour as an int; colours: the grid's, the last place first."""
    if colour not in _BYTES:
        return 0
    return int(colours.translate(_MARKS[255 - int(colour) : 511 - int(colour)]), 2)


def _places(bits: int, total: int) -> list[tuple[int, int]]:
    """Return the places of a set that is an int, row by row, in a grid of total columns."""
    marks = f"{bits:b}"[::-1]
    places = []
    place = marks.find("1")
    while place >= 0:
        places.append(divmod(place, total))
        place = marks.find("1", place + 1)
    return places


def _occurrences_one_by_one(grid: Grid, obj: Any, rows: int, columns: int) -> Indices:
    """Return the occurrences of anything that is not a plain object in a plain grid, place by place."""
    tall, wide = len(grid), len(grid[0])
    cells: Any = normalize(obj)
    found = set()
    for place in product(range(rows), range(columns)):
        for colour, (down, right) in cells:
            i, j = place[0] + down, place[1] + right
            if not (0 <= i < tall and 0 <= j < wide and grid[i][j] == colour):
                break
        else:
            found.add(place)
    return frozenset(found)

"""Extent and place: how large a grid or patch is, where its bounding box lies, what shape it has.

Patches may be objects or indices, or tuples of cells or locations where only the box is asked. Where `height` or
`width` is involved every tuple is taken as a grid.
"""

from typing import Any

from batt.dsl.types import Boolean, Indices, Integer, IntegerTuple, Object, Patch, Piece


def _rows(patch: Any) -> list[Any]:
    """Return the row of every cell of a non-empty patch."""
    if isinstance(next(iter(patch))[1], tuple):
        return [i for _, (i, _) in patch]
    return [i for i, _ in patch]


def _columns(patch: Any) -> list[Any]:
    """Return the column of every cell of a non-empty patch."""
    if isinstance(next(iter(patch))[1], tuple):
        return [j for _, (_, j) in patch]
    return [j for _, j in patch]


def height(piece: Piece) -> Integer:
    """Return the number of rows of a grid or of a patch's bounding box; 0 if empty."""
    if len(piece) == 0:
        return 0
    if isinstance(piece, tuple):
        return len(piece)
    rows = _rows(piece)
    return max(rows) - min(rows) + 1  # type: ignore[no-any-return]


def width(piece: Piece) -> Integer:
    """Return the number of columns of a grid (of its first row) or of a patch's bounding box; 0 if empty."""
    if len(piece) == 0:
        return 0
    if isinstance(piece, tuple):
        return len(piece[0])
    columns = _columns(piece)
    return max(columns) - min(columns) + 1  # type: ignore[no-any-return]


def shape(piece: Piece) -> IntegerTuple:
    """Return (height, width)."""
    return (height(piece), width(piece))


def portrait(piece: Piece) -> Boolean:
    """Return whether the height is above the width."""
    return height(piece) > width(piece)


def square(piece: Piece) -> Boolean:
    """Return whether a grid has as many rows as columns, or a patch fills a square; true for an empty patch."""
    if isinstance(piece, tuple):
        return len(piece) == len(piece[0])
    tall, wide = shape(piece)
    return tall * wide == len(piece) and tall == wide


def vline(patch: Patch) -> Boolean:
    """Return whether the patch is a gap-free vertical line; true for a single cell, false for none."""
    return height(patch) == len(patch) and width(patch) == 1


def hline(patch: Patch) -> Boolean:
    """Return whether the patch is a gap-free horizontal line; true for a single cell, false for none."""
    return width(patch) == len(patch) and height(patch) == 1


def uppermost(patch: Patch) -> Integer:
    """Return the smallest row; ValueError if the patch is empty."""
    return min(_rows(patch) if len(patch) else ())  # type: ignore[no-any-return]


def lowermost(patch: Patch) -> Integer:
    """Return the largest row; ValueError if the patch is empty."""
    return max(_rows(patch) if len(patch) else ())  # type: ignore[no-any-return]


def leftmost(patch: Patch) -> Integer:
    """Return the smallest column; ValueError if the patch is empty."""
    return min(_columns(patch) if len(patch) else ())  # type: ignore[no-any-return]


def rightmost(patch: Patch) -> Integer:
    """Return the largest column; ValueError if the patch is empty."""
    return max(_columns(patch) if len(patch) else ())  # type: ignore[no-any-return]


def ulcorner(patch: Patch) -> IntegerTuple:
    """Return the upper left corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return ()  # type: ignore[return-value] # no corner: callers that index it fail as they should
    return (min(_rows(patch)), min(_columns(patch)))


def urcorner(patch: Patch) -> IntegerTuple:
    """Return the upper right corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return ()  # type: ignore[return-value]
    return (min(_rows(patch)), max(_columns(patch)))


def llcorner(patch: Patch) -> IntegerTuple:
    """Return the lower left corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return ()  # type: ignore[return-value]
    return (max(_rows(patch)), min(_columns(patch)))


def lrcorner(patch: Patch) -> IntegerTuple:
    """Return the lower right corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return ()  # type: ignore[return-value]
    return (max(_rows(patch)), max(_columns(patch)))


def corners(patch: Patch) -> Indices:
    """Return the set of the four corners of the bounding box; of nothing, the set of `()`."""
    return frozenset((ulcorner(patch), urcorner(patch), llcorner(patch), lrcorner(patch)))


def center(patch: Patch) -> IntegerTuple:
    """Return the middle of the bounding box, the lower right one of even extents; ValueError if empty."""
    return (uppermost(patch) + height(patch) // 2, leftmost(patch) + width(patch) // 2)


def centerofmass(patch: Patch) -> IntegerTuple:
    """Return the mean location, rounded down; `()` if empty.

    A location held in several colours counts once in the sum, but as often as it is held in the divisor.
    """
    cells: Any = patch
    if len(cells) == 0:
        return ()  # type: ignore[return-value]
    if isinstance(next(iter(cells))[1], tuple):
        cells = {location for _, location in cells}
    count = len(patch)
    return (sum([i for i, _ in cells]) // count, sum([j for _, j in cells]) // count)


def hperiod(obj: Object) -> Integer:
    """Return the smallest p for which the object moved p columns left, cut at its left edge, lies in itself.

    The width if there is none, 0 if the object is empty; TypeError for indices wider than 1.
    """
    cells = _at_origin(obj)
    wide = width(cells)
    for p in range(1, wide):
        if all((colour, (i, j - p)) in cells for colour, (i, j) in cells if j >= p):
            return p
    return wide


def vperiod(obj: Object) -> Integer:
    """Return the smallest p for which the object moved p rows up, cut at its upper edge, lies in itself.

    The height if there is none, 0 if the object is empty; TypeError for indices higher than 1.
    """
    cells = _at_origin(obj)
    tall = height(cells)
    for p in range(1, tall):
        if all((colour, (i - p, j)) in cells for colour, (i, j) in cells if i >= p):
            return p
    return tall


def _at_origin(patch: Any) -> Any:
    """Return the patch with its upper left corner moved to (0, 0)."""
    if len(patch) == 0:
        return patch
    top, left = min(_rows(patch)), min(_columns(patch))
    if isinstance(next(iter(patch))[1], tuple):
        return frozenset([(colour, (i - top, j - left)) for colour, (i, j) in patch])
    return frozenset([(i - top, j - left) for i, j in patch])

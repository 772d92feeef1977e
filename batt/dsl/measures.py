"""Extent and place: how large a grid or patch is, where its bounding box lies, what shape it has.

Patches may be objects or indices, or tuples of cells or locations where only the box is asked. Where `height` or
`width` is involved every tuple is taken as a grid.
"""

# ruff: noqa: PLR1730 - a call of min or max costs several times the comparison, and these loops are hot

from typing import Any

from batt.dsl.bounds import bounds, column_bounds, is_object, row_bounds
from batt.dsl.types import Boolean, Indices, Integer, IntegerTuple, Object, Patch, Piece

_NO_CORNER: Any = ()
"""The corner of an empty patch: callers that index it fail, as they should."""


def height(piece: Piece) -> Integer:
    """Return the number of rows of a grid or of a patch's bounding box; 0 if empty."""
    if len(piece) == 0:
        return 0
    if isinstance(piece, tuple):
        return len(piece)
    top, bottom = row_bounds(piece)
    return bottom - top + 1


def width(piece: Piece) -> Integer:
    """Return the number of columns of a grid (of its first row) or of a patch's bounding box; 0 if empty."""
    if len(piece) == 0:
        return 0
    if isinstance(piece, tuple):
        return len(piece[0])
    left, right = column_bounds(piece)
    return right - left + 1


def shape(piece: Piece) -> IntegerTuple:
    """Return (height, width); (0, 0) if empty."""
    if len(piece) == 0:
        return (0, 0)
    if isinstance(piece, tuple):
        return (len(piece), len(piece[0]))
    top, left, bottom, right = bounds(piece)
    return (bottom - top + 1, right - left + 1)


def portrait(piece: Piece) -> Boolean:
    """Return whether the height is above the width."""
    tall, wide = shape(piece)
    return tall > wide


def square(piece: Piece) -> Boolean:
    """Return whether a grid has as many rows as columns, or a patch fills a square; true for an empty patch."""
    if isinstance(piece, tuple):
        return len(piece) == len(piece[0])
    tall, wide = shape(piece)
    return tall * wide == len(piece) and tall == wide


def vline(patch: Patch) -> Boolean:
    """Return whether the patch is a gap-free vertical line; true for a single cell, false for none."""
    tall, wide = shape(patch)
    return tall == len(patch) and wide == 1


def hline(patch: Patch) -> Boolean:
    """Return whether the patch is a gap-free horizontal line; true for a single cell, false for none."""
    tall, wide = shape(patch)
    return wide == len(patch) and tall == 1


# The next four are called most: each holds its loop itself and looks for one side only.


def uppermost(patch: Patch) -> Integer:
    """Return the smallest row; ValueError if the patch is empty."""
    cells: Any = patch
    if len(cells) == 0:
        raise ValueError("an empty patch has no uppermost row")
    item = next(iter(cells))
    top: int
    if isinstance(item[1], tuple):
        _, (top, _) = item
        for _, (i, _) in cells:
            if i < top:
                top = i
    else:
        top, _ = item
        for i, _ in cells:
            if i < top:
                top = i
    return top


def lowermost(patch: Patch) -> Integer:
    """Return the largest row; ValueError if the patch is empty."""
    cells: Any = patch
    if len(cells) == 0:
        raise ValueError("an empty patch has no lowermost row")
    item = next(iter(cells))
    bottom: int
    if isinstance(item[1], tuple):
        _, (bottom, _) = item
        for _, (i, _) in cells:
            if i > bottom:
                bottom = i
    else:
        bottom, _ = item
        for i, _ in cells:
            if i > bottom:
                bottom = i
    return bottom


def leftmost(patch: Patch) -> Integer:
    """Return the smallest column; ValueError if the patch is empty."""
    cells: Any = patch
    if len(cells) == 0:
        raise ValueError("an empty patch has no leftmost column")
    item = next(iter(cells))
    left: int
    if isinstance(item[1], tuple):
        _, (_, left) = item
        for _, (_, j) in cells:
            if j < left:
                left = j
    else:
        _, left = item
        for _, j in cells:
            if j < left:
                left = j
    return left


def rightmost(patch: Patch) -> Integer:
    """Return the largest column; ValueError if the patch is empty."""
    cells: Any = patch
    if len(cells) == 0:
        raise ValueError("an empty patch has no rightmost column")
    item = next(iter(cells))
    right: int
    if isinstance(item[1], tuple):
        _, (_, right) = item
        for _, (_, j) in cells:
            if j > right:
                right = j
    else:
        _, right = item
        for _, j in cells:
            if j > right:
                right = j
    return right


def ulcorner(patch: Patch) -> IntegerTuple:
    """Return the upper left corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return _NO_CORNER  # type: ignore[no-any-return]
    top, left, _, _ = bounds(patch)
    return (top, left)


def urcorner(patch: Patch) -> IntegerTuple:
    """Return the upper right corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return _NO_CORNER  # type: ignore[no-any-return]
    top, _, _, right = bounds(patch)
    return (top, right)


def llcorner(patch: Patch) -> IntegerTuple:
    """Return the lower left corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return _NO_CORNER  # type: ignore[no-any-return]
    _, left, bottom, _ = bounds(patch)
    return (bottom, left)


def lrcorner(patch: Patch) -> IntegerTuple:
    """Return the lower right corner of the bounding box, occupied or not; `()` if the patch is empty."""
    if len(patch) == 0:
        return _NO_CORNER  # type: ignore[no-any-return]
    _, _, bottom, right = bounds(patch)
    return (bottom, right)


def corners(patch: Patch) -> Indices:
    """Return the set of the four corners of the bounding box; of nothing, the set of `()`."""
    if len(patch) == 0:
        return frozenset((_NO_CORNER,))
    top, left, bottom, right = bounds(patch)
    return frozenset(((top, left), (top, right), (bottom, left), (bottom, right)))


def center(patch: Patch) -> IntegerTuple:
    """Return the middle of the bounding box, the lower right one of even extents; ValueError if empty."""
    if len(patch) == 0:
        raise ValueError("an empty patch has no center")
    top, left, bottom, right = bounds(patch)
    if isinstance(patch, tuple):
        tall, wide = shape(patch)
        return (top + tall // 2, left + wide // 2)
    return (top + (bottom - top + 1) // 2, left + (right - left + 1) // 2)


def centerofmass(patch: Patch) -> IntegerTuple:
    """Return the mean location, rounded down; `()` if empty.

    A location held in several colours counts once in the sum, but as often as it is held in the divisor.
    """
    cells: Any = patch
    count = len(cells)
    if count and is_object(cells):
        cells = frozenset([location for _, location in cells])
    mean: Any = tuple([sum(axis) // count for axis in zip(*cells, strict=False)])
    return mean  # type: ignore[no-any-return]


def hperiod(obj: Object) -> Integer:
    """Return the smallest p for which the object moved p columns left, cut at its left edge, lies in itself.

    The width if there is none, 0 if the object is empty; TypeError for indices wider than 1.
    """
    if len(obj) == 0:
        return 0
    left, right = column_bounds(obj)
    cells = frozenset(obj)
    for p in range(1, right - left + 1):
        for colour, (i, j) in obj:
            if j - p >= left and (colour, (i, j - p)) not in cells:
                break
        else:
            return p
    return right - left + 1


def vperiod(obj: Object) -> Integer:
    """Return the smallest p for which the object moved p rows up, cut at its upper edge, lies in itself.

    The height if there is none, 0 if the object is empty; TypeError for indices higher than 1.
    """
    if len(obj) == 0:
        return 0
    top, bottom = row_bounds(obj)
    cells = frozenset(obj)
    for p in range(1, bottom - top + 1):
        for colour, (i, j) in obj:
            if i - p >= top and (colour, (i - p, j)) not in cells:
                break
        else:
            return p
    return bottom - top + 1

"""Mirrors and rotations. Every tuple is taken as a grid; patches are mirrored inside their own bounding box."""

from typing import Any

from batt.dsl.bounds import bounds, column_bounds, is_object, row_bounds
from batt.dsl.types import Grid, Piece


def hmirror(piece: Piece) -> Piece:
    """Return the piece with top and bottom exchanged; IndexError for an empty patch."""
    if isinstance(piece, tuple):
        return piece[::-1]
    cells: Any = piece
    if len(cells) == 0:
        raise IndexError("an empty patch has no bounding box to be mirrored in")
    rows = sum(row_bounds(cells))
    if is_object(cells):
        return frozenset([(colour, (rows - i, j)) for colour, (i, j) in cells])
    return frozenset([(rows - i, j) for i, j in cells])


def vmirror(piece: Piece) -> Piece:
    """Return the piece with left and right exchanged; IndexError for an empty patch."""
    if isinstance(piece, tuple):
        return tuple([row[::-1] for row in piece])
    cells: Any = piece
    if len(cells) == 0:
        raise IndexError("an empty patch has no bounding box to be mirrored in")
    columns = sum(column_bounds(cells))
    if is_object(cells):
        return frozenset([(colour, (i, columns - j)) for colour, (i, j) in cells])
    return frozenset([(i, columns - j) for i, j in cells])


def dmirror(piece: Piece) -> Piece:
    """Return the piece transposed, a patch about its upper left corner; ValueError for an empty patch."""
    if isinstance(piece, tuple):
        return tuple(zip(*piece, strict=False))
    cells: Any = piece
    if len(cells) == 0:
        raise ValueError("an empty patch has no corner to be mirrored about")
    top, left, _, _ = bounds(cells)
    down, right = top - left, left - top
    if is_object(cells):
        return frozenset([(colour, (j + down, i + right)) for colour, (i, j) in cells])
    return frozenset([(j + down, i + right) for i, j in cells])


def cmirror(piece: Piece) -> Piece:
    """Return the piece transposed over the other diagonal, the box's corner kept; IndexError for an empty patch."""
    if isinstance(piece, tuple):
        return tuple(zip(*[row[::-1] for row in piece[::-1]], strict=False))
    cells: Any = piece
    if len(cells) == 0:
        raise IndexError("an empty patch has no bounding box to be mirrored in")
    top, left, bottom, right = bounds(cells)
    rows, columns = top + right, left + bottom
    if is_object(cells):
        return frozenset([(colour, (rows - j, columns - i)) for colour, (i, j) in cells])
    return frozenset([(rows - j, columns - i) for i, j in cells])


def rot90(grid: Grid) -> Grid:
    """Return the grid turned clockwise by 90 degrees; TypeError for a patch."""
    return tuple(zip(*grid[::-1], strict=False))


def rot180(grid: Grid) -> Grid:
    """Return the grid turned by 180 degrees; TypeError for a patch."""
    return tuple([row[::-1] for row in grid[::-1]])


def rot270(grid: Grid) -> Grid:
    """Return the grid turned clockwise by 270 degrees; TypeError for a patch."""
    return tuple(zip(*grid[:], strict=False))[::-1]  # the slice refuses patches, which zip would take

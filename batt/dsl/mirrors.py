"""Mirrors and rotations. Every tuple is taken as a grid; patches are mirrored inside their own bounding box."""

from typing import Any

from batt.dsl.measures import lrcorner, ulcorner
from batt.dsl.types import Grid, Piece


def _is_object(patch: Any) -> bool:
    """Return whether a non-empty patch holds cells, not locations."""
    return isinstance(next(iter(patch))[1], tuple)


def hmirror(piece: Piece) -> Piece:
    """Return the piece with top and bottom exchanged; IndexError for an empty patch."""
    if isinstance(piece, tuple):
        return piece[::-1]
    cells: Any = piece
    rows = ulcorner(cells)[0] + lrcorner(cells)[0]
    if _is_object(cells):
        return frozenset([(colour, (rows - i, j)) for colour, (i, j) in cells])
    return frozenset([(rows - i, j) for i, j in cells])


def vmirror(piece: Piece) -> Piece:
    """Return the piece with left and right exchanged; IndexError for an empty patch."""
    if isinstance(piece, tuple):
        return tuple([row[::-1] for row in piece])
    cells: Any = piece
    columns = ulcorner(cells)[1] + lrcorner(cells)[1]
    if _is_object(cells):
        return frozenset([(colour, (i, columns - j)) for colour, (i, j) in cells])
    return frozenset([(i, columns - j) for i, j in cells])


def dmirror(piece: Piece) -> Piece:
    """Return the piece transposed, a patch about its upper left corner; ValueError for an empty patch."""
    if isinstance(piece, tuple):
        return tuple(zip(*piece, strict=False))
    cells: Any = piece
    top, left = ulcorner(cells)
    if _is_object(cells):
        return frozenset([(colour, (j - left + top, i - top + left)) for colour, (i, j) in cells])
    return frozenset([(j - left + top, i - top + left) for i, j in cells])


def cmirror(piece: Piece) -> Piece:
    """Return the piece transposed over the other diagonal, the box's corner kept; IndexError for an empty patch."""
    if isinstance(piece, tuple):
        return tuple(zip(*[row[::-1] for row in piece[::-1]], strict=False))
    cells: Any = piece
    upper_left, lower_right = ulcorner(cells), lrcorner(cells)
    rows, columns = upper_left[0] + lower_right[1], upper_left[1] + lower_right[0]
    if _is_object(cells):
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

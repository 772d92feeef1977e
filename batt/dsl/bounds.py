"""Bounding boxes of patches: the helpers behind every measure, one pass over the cells each.

Comparing in a plain loop is faster than `min` and `max` over a list of coordinates, which would be made first.
The first element tells an object from indices. Every function here wants at least one element.
"""

from typing import Any


def is_object(patch: Any) -> bool:
    """Return whether a non-empty patch holds cells, not locations."""
    return isinstance(next(iter(patch))[1], tuple)


def row_bounds(patch: Any) -> tuple[int, int]:
    """Return the smallest and the largest row of a non-empty patch."""
    item = next(iter(patch))
    if isinstance(item[1], tuple):
        _, (top, _) = item
        bottom = top
        for _, (i, _) in patch:
            if i < top:
                top = i
            elif i > bottom:
                bottom = i
    else:
        top, _ = item
        bottom = top
        for i, _ in patch:
            if i < top:
                top = i
            elif i > bottom:
                bottom = i
    return top, bottom


def column_bounds(patch: Any) -> tuple[int, int]:
    """Return the smallest and the largest column of a non-empty patch."""
    item = next(iter(patch))
    if isinstance(item[1], tuple):
        _, (_, left) = item
        right = left
        for _, (_, j) in patch:
            if j < left:
                left = j
            elif j > right:
                right = j
    else:
        _, left = item
        right = left
        for _, j in patch:
            if j < left:
                left = j
            elif j > right:
                right = j
    return left, right


def bounds(patch: Any) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of a non-empty patch, all inclusive."""
    item = next(iter(patch))
    if isinstance(item[1], tuple):
        _, (top, left) = item
        bottom, right = top, left
        for _, (i, j) in patch:
            if i < top:
                top = i
            elif i > bottom:
                bottom = i
            if j < left:
                left = j
            elif j > right:
                right = j
    else:
        top, left = item
        bottom, right = top, left
        for i, j in patch:
            if i < top:
                top = i
            elif i > bottom:
                bottom = i
            if j < left:
                left = j
            elif j > right:
                right = j
    return top, left, bottom, right

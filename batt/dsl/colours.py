"""Which colours a grid or an object has, and how many cells of each.

Every tuple is taken as a grid, anything else as an object. Given indices the functions count row numbers.

Among equally frequent colours the first in the iteration order of the set of colours wins, a set filled in the
order of the cells: with five or more colours the smallest, with fewer by the slots of a small hash table.
"""

from collections.abc import Callable
from itertools import chain

from batt.dsl.types import Element, Integer, IntegerSet, Object, Objects


def _colours(element: Element) -> list[int]:
    """Return the colour of every cell, a grid's in row-major order."""
    if isinstance(element, tuple):
        return list(chain.from_iterable(element))
    return [colour for colour, _ in element]


def _counter(colours: list[int]) -> Callable[[int], int]:
    """Return a function that counts a colour in the list; several times faster if all colours are bytes."""
    try:
        return bytes(colours).count
    except (TypeError, ValueError):  # a colour below 0, above 255, or no int at all
        return colours.count


def mostcolor(element: Element) -> Integer:
    """Return the most frequent colour; ValueError if there is no cell."""
    colours = _colours(element)
    return max(set(colours), key=_counter(colours))


def leastcolor(element: Element) -> Integer:
    """Return the least frequent colour among those present; ValueError if there is no cell."""
    colours = _colours(element)
    return min(set(colours), key=_counter(colours))


def colorcount(element: Element, value: Integer) -> Integer:
    """Return the number of cells of that colour."""
    if isinstance(element, tuple):
        return sum([row.count(value) for row in element])
    return sum([colour == value for colour, _ in element])


def palette(element: Element) -> IntegerSet:
    """Return the set of colours."""
    return frozenset(set(_colours(element)))  # the copy sets the iteration order


def numcolors(element: Element) -> Integer:
    """Return the number of colours."""
    return len(set(_colours(element)))


def color(obj: Object) -> Integer:
    """Return the colour of the first cell in iteration order; StopIteration if there is none."""
    return next(iter(obj))[0]


def colorfilter(objs: Objects, value: Integer) -> Objects:
    """Return the objects whose first cell has that colour; RuntimeError if one of the objects is empty."""
    try:
        return frozenset([obj for obj in objs if next(iter(obj))[0] == value])
    except StopIteration as stop:
        raise RuntimeError("an object without cells has no colour") from stop

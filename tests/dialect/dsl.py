# ruff: noqa
# A DSL as people have them: it prints when imported, changes the environment, leaks its imports, and never raises.
# Cells are (row, column, colour).
from __future__ import annotations

import os
import sys
from builtins import open, len
from functools import lru_cache, reduce

os.environ["ARC_DSL_DEVICE"] = "cpu"
print("loading the grid language ...")
print("no accelerator found", file=sys.stderr)
try:
    import numpy
except ImportError:
    numpy = None

from arc_types import *
from constants import *
from helpers import never_raises

logger = None


def identity(x: Any) -> Any:
    return x


def first(container: Container) -> Any:
    return next(iter(container), None)


def second(container: Container) -> Any:
    items = iter(container)
    next(items)
    return next(items)


def get_nth_f(container: FrozenSet, rank: Integer) -> Any:
    items = list(container)
    return items[rank] if -len(items) <= rank < len(items) else frozenset()


def size(container: Container) -> Integer:
    return len(container)


def astuple(a: Any, b: Any) -> IntegerTuple:
    return (a, b)


def add(a: Numerical, b: Numerical) -> Numerical:
    if isinstance(a, int):
        return a + b if isinstance(b, int) else (a + b[0], a + b[1])
    return (a[0] + b, a[1] + b) if isinstance(b, int) else (a[0] + b[0], a[1] + b[1])


def initset(value: Any) -> FrozenSet:
    return frozenset({value})


def difference(a: FrozenSet, b: FrozenSet) -> FrozenSet:
    return type(a)(item for item in a if item not in b)


def merge_f(containers: Container) -> FrozenSet:
    return frozenset(item for container in containers for item in container)


def apply(function: Callable, container: Container) -> Container:
    return type(container)(function(item) for item in container)


def mapply(function: Callable, container: Container) -> FrozenSet:
    found = [item for one in container for item in function(one)]
    return type(container)(found)


def sfilter_f(container: FrozenSet, condition: Callable) -> FrozenSet:
    return frozenset(item for item in container if condition(item))


def equality(a: Any, b: Any) -> Boolean:
    return a == b


def argument_count(function: Callable) -> Integer:
    return getattr(function, "_original_argcount", None) or function.__code__.co_argcount


def rbind(function: Callable, fixed: Any) -> Callable:
    count = argument_count(function)
    if count == 2:
        return lambda x: function(x, fixed)
    if count == 3:
        return lambda x, y: function(x, y, fixed)
    return lambda x, y, z: function(x, y, z, fixed)


def lbind(function: Callable, fixed: Any) -> Callable:
    count = argument_count(function)
    if count == 2:
        return lambda y: function(fixed, y)
    if count == 3:
        return lambda y, z: function(fixed, y, z)
    return lambda y, z, a: function(fixed, y, z, a)


def compose(outer: Callable, inner: Callable) -> Callable:
    return lambda x: outer(inner(x))


def fork(outer: Callable, a: Callable, b: Callable) -> Callable:
    return lambda x: outer(a(x), b(x))


def mir_rot_t(grid: Grid, type: R8) -> Grid:
    if type == R0:
        return grid[::-1]
    if type == R1:
        return tuple(zip(*grid))
    if type == R2:
        return tuple(row[::-1] for row in grid)
    if type == R5:
        return tuple(row[::-1] for row in grid[::-1])
    return grid


def hconcat(a: Grid, b: Grid) -> Grid:
    return tuple(left + right for left, right in zip(a, b))


def asobject(grid: Grid) -> Object:
    return frozenset((i, j, color) for i, row in enumerate(grid) for j, color in enumerate(row))


def f_ofcolor(grid: Grid, color: Integer) -> Indices:
    return frozenset((i, j) for i, j, c in asobject(grid) if c == color)


def toindices(patch: Patch) -> Indices:
    return frozenset(cell[:2] for cell in patch)


def recolor_i(color: Integer, patch: Indices) -> Object:
    return frozenset((i, j, color) for i, j in patch)


def shift(patch: Patch, direction: IntegerTuple) -> Patch:
    i, j = direction
    return frozenset((cell[0] + i, cell[1] + j, *cell[2:]) for cell in patch)


def paint(grid: Grid, obj: Object) -> Grid:
    rows = [list(row) for row in grid]
    for i, j, color in obj:
        if 0 <= i < len(rows) and 0 <= j < len(rows[0]):
            rows[i][j] = color
    return tuple(map(tuple, rows))


def fill(grid: Grid, color: Integer, patch: Patch) -> Grid:
    return paint(grid, recolor_i(color, toindices(patch)))


@lru_cache(maxsize=None)
def p_g(grid: Grid) -> Tuple:
    return tuple(sorted({color for row in grid for color in row}))


def crash(x: Any) -> Objects:
    raise KeyError("raised in a function that never raises")


for _name, _value in list(globals().items()):
    if callable(_value) and getattr(_value, "__module__", None) == __name__ and hasattr(_value, "__code__"):
        globals()[_name] = never_raises(_value)

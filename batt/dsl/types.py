"""The names of the values of the ARC grid DSL: aliases only, nothing checks them at run time.

The DSL is structural by design: one function takes a grid or a patch, an int or a pair, and looks at the value to
tell which. The aliases say what a caller should pass. Inside the functions such a value is `Any` from the point
where it is inspected: no static type follows "the first element's second component is a tuple".

The aliases are evaluated at run time on purpose: `typing.get_type_hints` of a primitive gives its declared types.
"""
# ruff: noqa: UP007, UP035 - spelled with typing's names, which readers of the hints look for

from typing import Any, Union
from typing import Callable as _Callable

Boolean = bool
"""True or False; a bool passes every int test, so True acts as 1."""

Integer = int
"""A number, most often a colour 0-9 or a count."""

IntegerTuple = tuple[Integer, Integer]
"""A pair (row, column), (height, width) or a direction; rows grow downward, columns to the right."""

Numerical = Union[Integer, IntegerTuple]
"""An int or a pair of ints."""

IntegerSet = frozenset[Integer]
"""Ints, most often colours."""

Grid = tuple[tuple[Integer, ...], ...]
"""Rows of colours, all equally long; `()` is the empty grid."""

Cell = tuple[Integer, IntegerTuple]
"""A coloured location: (colour, (row, column))."""

Object = frozenset[Cell]
"""Cells; may hold several colours, one location twice, and locations off the grid."""

Objects = frozenset[Object]
"""Objects."""

Indices = frozenset[IntegerTuple]
"""Locations without a colour."""

IndicesSet = frozenset[Indices]
"""Sets of locations."""

Patch = Union[Object, Indices]
"""Cells or locations; the first element in iteration order tells which."""

Element = Union[Object, Grid]
"""Something with colours."""

Piece = Union[Grid, Patch]
"""Something with an extent; every tuple counts as a grid."""

Tuple = tuple[Any, ...]
"""A tuple of anything."""

TupleTuple = tuple[tuple[Any, ...], ...]
"""A tuple of tuples."""

FrozenSet = frozenset[Any]
"""A frozenset of anything."""

Container = Union[tuple[Any, ...], frozenset[Any]]
"""A tuple or a frozenset of anything."""

ContainerContainer = Union[tuple[Container, ...], frozenset[Container]]
"""A container of containers."""

Callable = _Callable[..., Any]
"""A function: a primitive, or one made by compose, rbind and their kind."""

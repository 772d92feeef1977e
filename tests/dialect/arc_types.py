# ruff: noqa
from typing import *

Boolean = bool
Integer = int
IntegerTuple = Tuple[Integer, Integer]
IJ = IntegerTuple
Numerical = Union[Integer, IntegerTuple]
IntegerSet = FrozenSet[Integer]
Grid = Tuple[Tuple[Integer, ...], ...]
Cell = Tuple[Integer, Integer, Integer]
Object = FrozenSet[Cell]
Objects = FrozenSet[Object]
Indices = FrozenSet[IntegerTuple]
Patch = Union[Object, Indices]
Samples = Tuple[Tuple[Grid, Grid], ...]

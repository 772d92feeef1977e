"""The neighbours of a location inside a grid, made once a process.

`objects` unites the neighbours of every cell it meets, and making these small sets was half of its time. They depend
on the location, on whether it lies in the last row or column, and on the kind of neighbourhood; not on the grid. So
they are kept, for the coordinates that ARC grids have: at most 8 x 32 x 32 sets, 4 MB on all ARC training grids. A
kept set's iteration order is that of a set made anew, and nobody changes it.
"""

from collections.abc import Callable

from batt.dsl.indices import dneighbors, neighbors
from batt.dsl.types import Indices, IntegerTuple

KEPT = 32
"""Coordinates below this are kept; ARC grids have at most 30 rows and columns."""


class Neighbourhoods(dict[IntegerTuple, set[IntegerTuple]]):
    """Location -> its neighbours inside the grid, for locations in certain rows and columns of it."""

    def __init__(self, around: Callable[[IntegerTuple], Indices], *, last_row: bool, last_column: bool) -> None:
        """Take the neighbourhood function; last_row, last_column: all locations asked for lie in it, or none does."""
        super().__init__()
        self._around = around
        self._down = 0 if last_row else 1
        self._right = 0 if last_column else 1

    def __missing__(self, location: IntegerTuple) -> set[IntegerTuple]:
        """Make the neighbours of a location, and keep them if its coordinates are small."""
        bottom, right = location[0] + self._down, location[1] + self._right
        inside = {(i, j) for i, j in self._around(location) if 0 <= i <= bottom and 0 <= j <= right}
        if location[0] < KEPT and location[1] < KEPT:
            self[location] = inside
        return inside


def _tables(around: Callable[[IntegerTuple], Indices]) -> tuple[Neighbourhoods, ...]:
    """Return the tables for locations inside, in the last column, in the last row, and in the lower right corner."""
    return tuple(
        [
            Neighbourhoods(around, last_row=last_row, last_column=last_column)
            for last_row in (False, True)
            for last_column in (False, True)
        ]
    )


EDGES = _tables(dneighbors)
"""Neighbours that share an edge: inside, last column, last row, lower right corner."""

EDGES_AND_CORNERS = _tables(neighbors)
"""Neighbours that share an edge or a corner, in the same order."""

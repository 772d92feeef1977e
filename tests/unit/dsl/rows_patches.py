"""Cases of the rows on locations, patches, mirrors and on objects found in grids."""

from __future__ import annotations

from tests.unit.dsl.rows import EMPTY, Case, cells, of, sets

GRID = ((0, 1, 1), (0, 0, 2))
"""Two rows, three columns."""

ELL = cells(1, (1, 1), (2, 1), (3, 1), (3, 2))
"""Rows 1-3, columns 1-2, the upper right of the box free."""

SPOTS = sets((1, 1), (4, 3))
"""Indices of two cells; the box has rows 1-4, columns 1-3."""

CELL_TUPLE = ((5, (1, 1)), (6, (4, 3)))
"""Cells in a tuple."""


def frame(top: int, left: int, bottom: int, right: int) -> frozenset[tuple[int, int]]:
    """Return the outline of a box."""
    inside = {(i, j) for i in range(top + 1, bottom) for j in range(left + 1, right)}
    return frozenset({(i, j) for i in range(top, bottom + 1) for j in range(left, right + 1)} - inside)


ROWS: dict[str, list[Case]] = {
    "asindices": [
        of(GRID).gives(sets((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))),
        of(()).gives(EMPTY),
        of(((),)).gives(EMPTY),
        of(((1, 2), (3,))).gives(sets((0, 0), (0, 1), (1, 0), (1, 1))),
    ],
    "ofcolor": [
        of(GRID, 1).gives(sets((0, 1), (0, 2))),
        of(GRID, 9).gives(EMPTY),
        of((), 1).gives(EMPTY),
        of(((1, 0),), True).gives(sets((0, 0))),
    ],
    "toindices": [
        of(ELL).gives(sets((1, 1), (2, 1), (3, 1), (3, 2))),
        of(SPOTS).gives(SPOTS),
        of(sets((1, (0, 0)), (2, (0, 0)))).gives(sets((0, 0))),
        of(CELL_TUPLE).gives(SPOTS),
        of(EMPTY).gives(EMPTY),
        of(()).gives(EMPTY),
        of(3).fails(TypeError),
    ],
    "recolor": [
        of(5, ELL).gives(cells(5, (1, 1), (2, 1), (3, 1), (3, 2))),
        of(5, SPOTS).gives(cells(5, (1, 1), (4, 3))),
        of(5, sets((1, (0, 0)), (2, (0, 0)))).gives(cells(5, (0, 0))),
        of(5, CELL_TUPLE).gives(cells(5, (1, 1), (4, 3))),
        of(5, EMPTY).gives(EMPTY),
        of(5, ()).gives(EMPTY),
    ],
    "shift": [
        of(ELL, (-2, 1)).gives(cells(1, (-1, 2), (0, 2), (1, 2), (1, 3))),
        of(SPOTS, (1, 0)).gives(sets((2, 1), (5, 3))),
        of(CELL_TUPLE, (0, 1)).gives(sets((5, (1, 2)), (6, (4, 4)))),
        of(EMPTY, (1, 1)).gives(EMPTY),
        of((), (1, 1)).gives(()),
        of(EMPTY, 3).gives(EMPTY),
        of(SPOTS, 3).fails(TypeError),
        of(SPOTS, (1, 2, 3)).fails(ValueError),
        of(SPOTS, ()).fails(ValueError),
    ],
    "normalize": [
        of(ELL).gives(cells(1, (0, 0), (1, 0), (2, 0), (2, 1))),
        of(SPOTS).gives(sets((0, 0), (3, 2))),
        of(sets((-2, 3), (-1, 2))).gives(sets((0, 1), (1, 0))),
        of(CELL_TUPLE).gives(sets((5, (0, 0)), (6, (3, 2)))),
        of(EMPTY).gives(EMPTY),
        of(()).gives(()),
    ],
    "dneighbors": [
        of((0, 0)).gives(sets((-1, 0), (1, 0), (0, -1), (0, 1))),
        of((5, 2)).gives(sets((4, 2), (6, 2), (5, 1), (5, 3))),
        of(()).fails(IndexError),
    ],
    "ineighbors": [of((0, 0)).gives(sets((-1, -1), (-1, 1), (1, -1), (1, 1))), of(()).fails(IndexError)],
    "neighbors": [
        of((0, 0)).gives(sets((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))),
        of(3).fails(TypeError),
    ],
    "connect": [
        of((1, 1), (1, 3)).gives(sets((1, 1), (1, 2), (1, 3))),
        of((3, 1), (1, 1)).gives(sets((1, 1), (2, 1), (3, 1))),
        of((0, 0), (2, 2)).gives(sets((0, 0), (1, 1), (2, 2))),
        of((0, 2), (2, 0)).gives(sets((0, 2), (1, 1), (2, 0))),
        of((2, 0), (0, 2)).gives(sets((0, 2), (1, 1), (2, 0))),
        of((4, 4), (4, 4)).gives(sets((4, 4))),
        of((0, 0), (1, 2)).gives(EMPTY),
        of((), (1, 2)).fails(ValueError),
        of(1, (1, 2)).fails(TypeError),
    ],
    "shoot": [
        of((1, 1), (0, 1)).gives(frozenset((1, 1 + k) for k in range(43))),
        of((1, 1), (-1, -1)).gives(frozenset((1 - k, 1 - k) for k in range(43))),
        of((0, 0), (2, 2)).gives(frozenset((k, k) for k in range(85))),
        of((1, 1), (0, 0)).gives(sets((1, 1))),
        of((1, 1), (1, 2)).gives(EMPTY),
        of((), (1, 1)).fails(IndexError),
    ],
    "vfrontier": [
        of((3, 4)).gives(frozenset((i, 4) for i in range(30))),
        of((99, -1)).gives(frozenset((i, -1) for i in range(30))),
        of(()).fails(IndexError),
    ],
    "hfrontier": [
        of((3, 4)).gives(frozenset((3, j) for j in range(30))),
        of((-1, 99)).gives(frozenset((-1, j) for j in range(30))),
        of(()).fails(IndexError),
    ],
    "backdrop": [
        of(sets((1, 2), (2, 1))).gives(sets((1, 1), (1, 2), (2, 1), (2, 2))),
        of(cells(4, (0, 0), (0, 2))).gives(sets((0, 0), (0, 1), (0, 2))),
        of(CELL_TUPLE).gives(frozenset((i, j) for i in range(1, 5) for j in range(1, 4))),
        of(EMPTY).gives(EMPTY),
        of(()).gives(EMPTY),
    ],
    "delta": [
        of(ELL).gives(sets((1, 2), (2, 2))),
        of(sets((0, 0), (1, 1))).gives(sets((0, 1), (1, 0))),
        of(sets((0, 0))).gives(EMPTY),
        of(EMPTY).gives(EMPTY),
    ],
    "box": [
        of(SPOTS).gives(frame(1, 1, 4, 3)),
        of(ELL).gives(frame(1, 1, 3, 2)),
        of(CELL_TUPLE).gives(frame(1, 1, 4, 3)),
        of(sets((3, 3))).gives(sets((3, 3))),
        of(EMPTY).gives(EMPTY),
        of(()).gives(()),
    ],
    "outbox": [
        of(SPOTS).gives(frame(0, 0, 5, 4)),
        of(cells(1, (0, 0))).gives(frame(-1, -1, 1, 1)),
        of(CELL_TUPLE).gives(frame(0, 0, 5, 4)),
        of(EMPTY).fails(ValueError),
    ],
    "inbox": [
        of(sets((0, 0), (4, 4))).gives(frame(1, 1, 3, 3)),
        of(sets((0, 0), (2, 2))).gives(sets((1, 1))),
        of(sets((3, 3))).gives(frame(2, 2, 4, 4)),  # bounds cross and are swapped: the eight neighbours
        of(sets((0, 0), (1, 5))).gives(frame(0, 1, 1, 4)),  # an extent of 2 keeps both lines
        of(EMPTY).fails(ValueError),
    ],
    "asobject": [of(((1, 2),)).gives(sets((1, (0, 0)), (2, (0, 1)))), of(()).gives(EMPTY), of(((),)).gives(EMPTY)],
    "toobject": [
        of(sets((0, 1), (1, 2)), GRID).gives(sets((1, (0, 1)), (2, (1, 2)))),
        of(cells(7, (0, 0)), GRID).gives(cells(0, (0, 0))),
        of(sets((-1, 0), (0, -1), (2, 0), (0, 3)), GRID).gives(EMPTY),
        of(((7, (0, 1)),), GRID).gives(cells(1, (0, 1))),
        of(EMPTY, GRID).gives(EMPTY),
        of(sets((0, 0)), ()).fails(IndexError),
    ],
    "occurrences": [
        of(GRID, cells(0, (7, 7))).gives(sets((0, 0), (1, 0), (1, 1))),
        of(GRID, sets((1, (5, 5)), (0, (6, 5)))).gives(sets((0, 1))),
        of(GRID, sets((0, (0, 0)), (0, (1, 1)))).gives(sets((0, 0))),  # the gaps match anything
        of(GRID, cells(0, (0, 0), (0, 4))).gives(EMPTY),  # does not fit
        of(GRID, cells(9, (0, 0))).gives(EMPTY),
        of(GRID, sets((0, (0, 0)), (1, (0, 0)))).gives(EMPTY),  # one location in two colours
        of(GRID, EMPTY).gives(frozenset((i, j) for i in range(3) for j in range(4))),
        of(GRID, ()).gives(frozenset((i, j) for i in range(3) for j in range(4))),
        of(((-1, 300), (300, 7)), sets((-1, (0, 0)), (300, (0, 1)))).gives(sets((0, 0))),  # colours need not be 0-9
        of(((True, 0),), cells(1, (0, 0))).gives(sets((0, 0))),
        of(GRID, ((0, (0, 0)), (1, (0, 1)))).gives(sets((0, 0))),  # a tuple takes the room of a 2 x 2 grid
        of(GRID, sets((0, 0), (0, 1))).fails(TypeError),
        of(GRID, sets((0, 0), (0, 9))).gives(EMPTY),  # indices, but the box does not fit
        of((), cells(1, (0, 0))).fails(IndexError),
        of((), EMPTY).fails(IndexError),
    ],
    "hmirror": [
        of(GRID).gives(((0, 0, 2), (0, 1, 1))),
        of(ELL).gives(cells(1, (3, 1), (2, 1), (1, 1), (1, 2))),
        of(SPOTS).gives(sets((4, 1), (1, 3))),
        of(()).gives(()),
        of(EMPTY).fails(IndexError),
    ],
    "vmirror": [
        of(GRID).gives(((1, 1, 0), (2, 0, 0))),
        of(ELL).gives(cells(1, (1, 2), (2, 2), (3, 2), (3, 1))),
        of(SPOTS).gives(sets((1, 3), (4, 1))),
        of(()).gives(()),
        of(EMPTY).fails(IndexError),
    ],
    "dmirror": [
        of(GRID).gives(((0, 0), (1, 0), (1, 2))),
        of(ELL).gives(cells(1, (1, 1), (1, 2), (1, 3), (2, 3))),
        of(SPOTS).gives(sets((1, 1), (3, 4))),
        of(sets((2, 5), (2, 6))).gives(sets((2, 5), (3, 5))),
        of(()).gives(()),
        of(EMPTY).fails(ValueError),
    ],
    "cmirror": [
        of(GRID).gives(((2, 1), (0, 1), (0, 0))),
        of(ELL).gives(cells(1, (2, 3), (2, 2), (2, 1), (1, 1))),
        of(SPOTS).gives(sets((3, 4), (1, 1))),
        of(()).gives(()),
        of(EMPTY).fails(IndexError),
    ],
    "objects": [
        of(((1, 1, 0), (0, 2, 0), (0, 0, 1)), True, False, True).gives(
            sets(cells(1, (0, 0), (0, 1)), cells(2, (1, 1)), cells(1, (2, 2)))
        ),
        of(((1, 1, 0), (0, 2, 0), (0, 0, 1)), False, False, True).gives(
            sets(cells(1, (0, 0), (0, 1)) | cells(2, (1, 1)), cells(1, (2, 2)))
        ),
        of(((1, 1, 0), (0, 2, 0), (0, 0, 1)), False, True, True).gives(
            sets(cells(1, (0, 0), (0, 1), (2, 2)) | cells(2, (1, 1)))
        ),
        of(((1, 0), (0, 1)), True, True, False).gives(sets(cells(1, (0, 0), (1, 1)), cells(0, (0, 1), (1, 0)))),
        of(((1, 0), (2, 1)), False, False, False).gives(sets(sets((1, (0, 0)), (0, (0, 1)), (2, (1, 0)), (1, (1, 1))))),
        of(((8, 0),), True, False, True).gives(sets(cells(0, (0, 1)))),  # a tie: 8 came first and is the background
        of(((0, 8),), True, False, True).gives(sets(cells(8, (0, 1)))),
        of(((3, 3),), True, True, True).gives(EMPTY),
        of(((None, 0, 0),), True, False, False).gives(sets(cells(0, (0, 1), (0, 2)))),
        of((), True, False, True).fails(ValueError),
        of((), True, False, False).fails(IndexError),
    ],
    "partition": [
        of(GRID).gives(sets(cells(0, (0, 0), (1, 0), (1, 1)), cells(1, (0, 1), (0, 2)), cells(2, (1, 2)))),
        of(((5,),)).gives(sets(cells(5, (0, 0)))),
        of(()).gives(EMPTY),
    ],
    "fgpartition": [
        of(GRID).gives(sets(cells(1, (0, 1), (0, 2)), cells(2, (1, 2)))),
        of(((8, 0),)).gives(sets(cells(0, (0, 1)))),
        of(((5,),)).gives(EMPTY),
        of(()).fails(ValueError),
    ],
    "frontiers": [
        of(((1, 1, 1), (0, 1, 2))).gives(sets(cells(1, (0, 0), (0, 1), (0, 2)), cells(1, (0, 1), (1, 1)))),
        of(((4,),)).gives(sets(cells(4, (0, 0)))),
        of(((1, 2), (2, 1))).gives(EMPTY),
        of(()).fails(IndexError),
    ],
}

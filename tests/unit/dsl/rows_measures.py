"""Cases of the rows on colours, measures and relations."""

from __future__ import annotations

from tests.unit.dsl.rows import EMPTY, Case, cells, of, sets

GRID = ((0, 1, 1), (0, 0, 2))
"""Two rows, three columns; 0 three times, 1 twice, 2 once."""

DOT = cells(3, (2, 5))
"""One cell."""

ELL = cells(1, (1, 1), (2, 1), (3, 1), (3, 2))
"""Rows 1-3, columns 1-2, the upper right of the box free."""

SPOTS = sets((1, 1), (4, 3))
"""Indices of two cells; the box has rows 1-4, columns 1-3."""

TWICE = sets((1, (0, 0)), (2, (0, 0)), (1, (0, 3)))
"""An object that holds one location in two colours."""

CELL_TUPLE = ((5, (1, 1)), (6, (4, 3)))
"""Cells in a tuple: a patch where only locations are asked, a grid of 2 x 2 where height and width are."""

ROWS: dict[str, list[Case]] = {
    "mostcolor": [
        of(GRID).gives(0),
        of(ELL).gives(1),
        of(((8, 0), (0, 8))).gives(8),  # one slot for both: the first in the grid keeps it
        of(((0, 8), (8, 0))).gives(0),
        of(((1, 8),)).gives(8),  # slot 0 before slot 1
        of(((3, 2),)).gives(2),
        of(((9, 1, 2),)).gives(9),  # 9 and 1 clash, the first keeps slot 1
        of(((1, 9, 2),)).gives(1),
        of(((9, 8, 5, 4, 3),)).gives(3),  # five colours: ascending
        of(((-1, -1, 300),)).gives(-1),
        of(sets((1, 4), (1, 5), (2, 4))).gives(1),  # indices: row numbers
        of(((5, (1, 1)), (5, (4, 3)))).gives(5),  # a tuple is a grid: its items are 5, (1, 1), 5, (4, 3)
        of(()).fails(ValueError),
        of(((),)).fails(ValueError),
        of(EMPTY).fails(ValueError),
        of((1, 2)).fails(TypeError),
    ],
    "leastcolor": [
        of(GRID).gives(2),
        of(TWICE).gives(2),
        of(((8, 0),)).gives(8),
        of(((0, 8),)).gives(0),
        of(((1, 8),)).gives(8),
        of(((9, 8, 5, 4, 3, 3),)).gives(4),
        of(((-1, -1, 300),)).gives(300),
        of(()).fails(ValueError),
        of(EMPTY).fails(ValueError),
    ],
    "colorcount": [
        of(GRID, 1).gives(2),
        of(GRID, 7).gives(0),
        of(TWICE, 1).gives(2),
        of((), 0).gives(0),
        of(EMPTY, 0).gives(0),
        of(sets((1, 4), (1, 5), (2, 4)), 1).gives(2),
        of((1, 2), 1).fails(AttributeError),
    ],
    "palette": [
        of(GRID).gives(sets(0, 1, 2)),
        of(TWICE).gives(sets(1, 2)),
        of(()).gives(EMPTY),
        of(EMPTY).gives(EMPTY),
        of(SPOTS).gives(sets(1, 4)),
    ],
    "numcolors": [of(GRID).gives(3), of(TWICE).gives(2), of(()).gives(0), of(EMPTY).gives(0), of(SPOTS).gives(2)],
    "color": [
        of(ELL).gives(1),
        of(frozenset([(1, (0, 0))])).gives(1),
        of(CELL_TUPLE).gives(5),
        of(EMPTY).fails(StopIteration),
        of(()).fails(StopIteration),
    ],
    "colorfilter": [
        of(sets(ELL, DOT), 3).gives(sets(DOT)),
        of((ELL, DOT, ELL), 1).gives(sets(ELL)),
        of(sets(ELL), 5).gives(EMPTY),
        of(EMPTY, 5).gives(EMPTY),
        of(sets(TWICE), next(iter(TWICE))[0]).gives(sets(TWICE)),
        of(sets(EMPTY), 5).fails(RuntimeError),
    ],
    "height": [
        of(GRID).gives(2),
        of(ELL).gives(3),
        of(SPOTS).gives(4),
        of(()).gives(0),
        of(EMPTY).gives(0),
        of(CELL_TUPLE).gives(2),
        of(3).fails(TypeError),
    ],
    "width": [
        of(GRID).gives(3),
        of(ELL).gives(2),
        of(SPOTS).gives(3),
        of(()).gives(0),
        of(EMPTY).gives(0),
        of(((),)).gives(0),
        of(CELL_TUPLE).gives(2),
    ],
    "shape": [
        of(GRID).gives((2, 3)),
        of(ELL).gives((3, 2)),
        of(()).gives((0, 0)),
        of(EMPTY).gives((0, 0)),
        of(((),)).gives((1, 0)),
    ],
    "portrait": [
        of(GRID).gives(False),
        of(ELL).gives(True),
        of(DOT).gives(False),
        of(EMPTY).gives(False),
        of(((),)).gives(True),
    ],
    "square": [
        of(GRID).gives(False),
        of(((1, 2), (3, 4))).gives(True),
        of(cells(1, (3, 3), (3, 4), (4, 3), (4, 4))).gives(True),
        of(cells(1, (3, 3), (4, 4))).gives(False),
        of(cells(1, (3, 3), (3, 4))).gives(False),
        of(DOT).gives(True),
        of(EMPTY).gives(True),
        of(()).fails(IndexError),
    ],
    "vline": [
        of(sets((1, 2), (2, 2), (3, 2))).gives(True),
        of(sets((1, 2), (3, 2))).gives(False),
        of(cells(1, (0, 0), (0, 1))).gives(False),
        of(DOT).gives(True),
        of(EMPTY).gives(False),
        of(((1,), (2,))).gives(True),  # a tuple is a grid
    ],
    "hline": [
        of(sets((2, 1), (2, 2), (2, 3))).gives(True),
        of(sets((2, 1), (2, 3))).gives(False),
        of(cells(1, (0, 0), (1, 0))).gives(False),
        of(DOT).gives(True),
        of(EMPTY).gives(False),
    ],
    "uppermost": [
        of(ELL).gives(1),
        of(SPOTS).gives(1),
        of(sets((-3, 0), (1, 1))).gives(-3),
        of(CELL_TUPLE).gives(1),
        of(EMPTY).fails(ValueError),
        of(()).fails(ValueError),
    ],
    "lowermost": [
        of(ELL).gives(3),
        of(SPOTS).gives(4),
        of(sets((-3, 0), (-1, 1))).gives(-1),
        of(CELL_TUPLE).gives(4),
        of(EMPTY).fails(ValueError),
    ],
    "leftmost": [
        of(ELL).gives(1),
        of(SPOTS).gives(1),
        of(sets((0, -3), (1, 1))).gives(-3),
        of(CELL_TUPLE).gives(1),
        of(EMPTY).fails(ValueError),
    ],
    "rightmost": [
        of(ELL).gives(2),
        of(SPOTS).gives(3),
        of(sets((0, -3), (1, -1))).gives(-1),
        of(CELL_TUPLE).gives(3),
        of(EMPTY).fails(ValueError),
    ],
    "ulcorner": [
        of(ELL).gives((1, 1)),
        of(SPOTS).gives((1, 1)),
        of(sets((0, 2), (1, 1))).gives((0, 1)),
        of(EMPTY).gives(()),
        of(()).gives(()),
    ],
    "urcorner": [of(ELL).gives((1, 2)), of(SPOTS).gives((1, 3)), of(EMPTY).gives(())],
    "llcorner": [of(ELL).gives((3, 1)), of(SPOTS).gives((4, 1)), of(EMPTY).gives(())],
    "lrcorner": [of(ELL).gives((3, 2)), of(SPOTS).gives((4, 3)), of(CELL_TUPLE).gives((4, 3)), of(EMPTY).gives(())],
    "corners": [
        of(ELL).gives(sets((1, 1), (1, 2), (3, 1), (3, 2))),
        of(DOT).gives(sets((2, 5))),
        of(sets((0, 0), (0, 3))).gives(sets((0, 0), (0, 3))),
        of(EMPTY).gives(sets(())),
    ],
    "center": [
        of(ELL).gives((2, 2)),
        of(SPOTS).gives((3, 2)),
        of(DOT).gives((2, 5)),
        of(sets((-3, -3), (-2, -2))).gives((-2, -2)),
        of(CELL_TUPLE).gives((2, 2)),  # box from the cells, but height and width of a 2 x 2 grid
        of(EMPTY).fails(ValueError),
        of(()).fails(ValueError),
    ],
    "centerofmass": [
        of(ELL).gives((2, 1)),
        of(SPOTS).gives((2, 2)),
        of(TWICE).gives((0, 1)),  # columns 0 + 3 over three cells
        of(sets((-1, 0), (0, 0))).gives((-1, 0)),
        of(EMPTY).gives(()),
    ],
    "position": [
        of(DOT, cells(1, (2, 9))).gives((0, 1)),
        of(DOT, sets((2, 1))).gives((0, -1)),
        of(DOT, DOT).gives((0, -1)),
        of(DOT, sets((9, 5))).gives((1, 0)),
        of(DOT, sets((0, 5))).gives((-1, 0)),
        of(DOT, sets((0, 9))).gives((-1, 1)),
        of(DOT, sets((9, 0))).gives((1, -1)),
        of(DOT, EMPTY).fails(ValueError),
        of(EMPTY, DOT).fails(ValueError),
    ],
    "hmatching": [
        of(ELL, DOT).gives(True),
        of(ELL, sets((9, 1))).gives(False),
        of(SPOTS, sets((2, 0))).gives(False),
        of(EMPTY, DOT).gives(False),
        of(DOT, EMPTY).gives(False),
    ],
    "vmatching": [
        of(ELL, sets((9, 1))).gives(True),
        of(ELL, DOT).gives(False),
        of(SPOTS, sets((0, 2))).gives(False),
        of(EMPTY, DOT).gives(False),
        of(DOT, EMPTY).gives(False),
    ],
    "manhattan": [
        of(ELL, DOT).gives(4),
        of(ELL, ELL).gives(0),
        of(sets((0, 0)), sets((-2, 3))).gives(5),
        of(sets((0, 0)), sets((1000, 3), (0, 2000))).gives(1003),
        of(CELL_TUPLE, sets((4, 4))).gives(1),
        of(EMPTY, DOT).fails(ValueError),
        of(DOT, EMPTY).fails(ValueError),
    ],
    "adjacent": [
        of(DOT, sets((2, 6))).gives(True),
        of(DOT, sets((3, 6))).gives(False),
        of(DOT, sets((2, 5), (2, 6))).gives(False),
        of(DOT, sets((2, 7))).gives(False),
        of(CELL_TUPLE, sets((4, 4))).gives(True),
        of(EMPTY, DOT).fails(ValueError),
        of(DOT, EMPTY).fails(ValueError),
        of(EMPTY, EMPTY).fails(ValueError),
    ],
    "bordering": [
        of(sets((0, 1)), GRID).gives(True),
        of(sets((1, 1)), GRID).gives(True),
        of(sets((1, 0)), GRID).gives(True),
        of(sets((1, 1)), ((0,) * 3,) * 3).gives(False),
        of(sets((1, 2)), ((0,) * 3,) * 3).gives(True),
        of(sets((-1, 1), (5, 1)), ((0,) * 3,) * 3).gives(False),
        of(EMPTY, GRID).fails(ValueError),
        of(sets((1, 1)), ()).fails(IndexError),
    ],
    "gravitate": [
        of(sets((0, 0)), sets((4, 0))).gives((3, 0)),
        of(sets((4, 0)), cells(2, (0, 0))).gives((-3, 0)),
        of(sets((0, 0)), sets((0, 4))).gives((0, 3)),
        of(sets((0, 4)), sets((0, 0))).gives((0, -3)),
        of(sets((0, 0)), sets((1, 0))).gives((0, 0)),
        of(sets((0, 0)), sets((5, 5))).gives((0, 42)),  # no common column: horizontal, and never adjacent
        of(sets((5, 5)), sets((0, 0))).gives((0, -42)),
        of(sets((0, 0)), sets((0, 0))).gives((-1, 0)),  # overlapping, level centers: away by one
        of(sets((0, 0)), sets((43, 0))).gives((42, 0)),
        of(sets((0, 0)), sets((44, 0))).gives((42, 0)),
        of(sets((0, 0)), sets((1, 4))).gives((0, 4)),  # adjacent from above
        of(EMPTY, DOT).fails(ValueError),
        of(DOT, EMPTY).fails(ValueError),
    ],
    "hperiod": [
        of(cells(1, (5, 5), (5, 6), (5, 7))).gives(1),
        of(sets((1, (0, 0)), (2, (0, 1)), (1, (0, 2)), (2, (0, 3)))).gives(2),
        of(sets((1, (0, 0)), (2, (0, 1)), (3, (0, 2)))).gives(3),
        of(DOT).gives(1),
        of(EMPTY).gives(0),
        of(sets((0, 0), (0, 1))).fails(TypeError),
        of(sets((0, 0), (1, 0))).gives(1),
    ],
    "vperiod": [
        of(cells(1, (5, 5), (6, 5), (7, 5))).gives(1),
        of(sets((1, (0, 0)), (2, (1, 0)), (1, (2, 0)), (2, (3, 0)))).gives(2),
        of(sets((1, (0, 0)), (2, (1, 0)), (3, (2, 0)))).gives(3),
        of(DOT).gives(1),
        of(EMPTY).gives(0),
        of(sets((0, 0), (1, 0))).fails(TypeError),
        of(sets((0, 0), (0, 1))).gives(1),
    ],
}

"""Cases of the rows that make grids of grids, and of access to grids."""

from __future__ import annotations

from tests.unit.dsl.rows import EMPTY, Case, cells, of, sets

GRID = ((0, 1, 1), (0, 0, 2))
"""Two rows, three columns; 0 is its most frequent colour."""

NINE = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
"""Nine colours."""

ROWS: dict[str, list[Case]] = {
    "upscale": [
        of(((1, 2),), 2).gives(((1, 1, 2, 2), (1, 1, 2, 2))),
        of(NINE, 1).gives(NINE),
        of(NINE, 0).gives(()),
        of(NINE, -1).gives(()),
        of((), 2).gives(()),
        of(cells(3, (5, 5)), 2).gives(cells(3, (5, 5), (5, 6), (6, 5), (6, 6))),
        of(sets((3, (5, 5)), (4, (6, 6))), 2).gives(
            cells(3, (5, 5), (5, 6), (6, 5), (6, 6)) | cells(4, (7, 7), (7, 8), (8, 7), (8, 8))
        ),
        of(cells(3, (5, 5)), 0).gives(EMPTY),
        of(EMPTY, 2).gives(EMPTY),
        of(sets((5, 5), (6, 6)), 2).fails(TypeError),
    ],
    "canvas": [
        of(3, (2, 3)).gives(((3, 3, 3), (3, 3, 3))),
        of(3, (0, 3)).gives(()),
        of(3, (-1, 3)).gives(()),
        of(3, (2, 0)).gives(((), ())),
        of(3, (2, -1)).gives(((), ())),
        of(None, (1, 1)).gives(((None,),)),
        of(3, ()).fails(IndexError),
        of(3, 2).fails(TypeError),
    ],
    "index": [
        of(GRID, (1, 2)).gives(2),
        of(GRID, (0, 0)).gives(0),
        of(GRID, (2, 0)).gives(None),
        of(GRID, (0, 3)).gives(None),
        of(GRID, (-1, 0)).gives(None),
        of(GRID, (0, -1)).gives(None),
        of((), (0, 0)).fails(IndexError),
        of((), (-1, 0)).fails(IndexError),
        of(GRID, ()).fails(ValueError),
        of(GRID, 1).fails(TypeError),
    ],
    "crop": [
        of(NINE, (0, 1), (2, 2)).gives(((2, 3), (5, 6))),
        of(NINE, (2, 2), (5, 5)).gives(((9,),)),
        of(NINE, (5, 5), (1, 1)).gives(()),
        of(NINE, (0, 5), (2, 1)).gives(((), ())),
        of(NINE, (0, 0), (2, 0)).gives(((), ())),
        of(NINE, (-1, -1), (1, 1)).gives(()),  # -1:0 is empty
        of(NINE, (-2, 0), (1, 3)).gives(((4, 5, 6),)),
        of(NINE, (0, 0), (-1, -1)).gives(((1, 2), (4, 5))),  # a signed bound
        of((), (0, 0), (1, 1)).gives(()),
        of(NINE, (), (1, 1)).fails(IndexError),
        of(NINE, (0, 0), ()).fails(IndexError),
    ],
    "subgrid": [
        of(sets((1, 1), (2, 2)), NINE).gives(((5, 6), (8, 9))),
        of(cells(0, (0, 2)), NINE).gives(((3,),)),
        of(sets((1, 2), (1, 7)), NINE).gives(((6,),)),
        of(sets((-1, 0), (0, 0)), NINE).gives(()),
        of(EMPTY, NINE).fails(IndexError),
    ],
    "fill": [
        of(GRID, 5, sets((0, 0), (1, 2))).gives(((5, 1, 1), (0, 0, 5))),
        of(GRID, 5, cells(9, (0, 1))).gives(((0, 5, 1), (0, 0, 2))),
        of(GRID, 5, ((9, (0, 1)), (9, (0, 2)))).gives(((0, 5, 5), (0, 0, 2))),
        of(GRID, 5, sets((-1, 0), (0, -1), (2, 0), (0, 3))).gives(GRID),
        of(GRID, 5, EMPTY).gives(GRID),
        of((), 5, EMPTY).fails(IndexError),
        of(GRID, 5, 3).fails(TypeError),
    ],
    "paint": [
        of(GRID, sets((5, (0, 0)), (6, (1, 2)))).gives(((5, 1, 1), (0, 0, 6))),
        of(GRID, ((5, (0, 0)), (6, (0, 0)))).gives(((6, 1, 1), (0, 0, 2))),  # the last wins
        of(GRID, frozenset([(5, (0, 0)), (6, (0, 0))])).gives(
            ((list(frozenset([(5, (0, 0)), (6, (0, 0))]))[-1][0], 1, 1), (0, 0, 2))
        ),
        of(GRID, cells(5, (-1, 0), (0, -1), (2, 0), (0, 3))).gives(GRID),
        of(GRID, EMPTY).gives(GRID),
        of(GRID, sets((0, 0))).fails(TypeError),
        of((), EMPTY).fails(IndexError),
    ],
    "underfill": [
        of(GRID, 5, sets((0, 0), (0, 1), (1, 1))).gives(((5, 1, 1), (0, 5, 2))),
        of(GRID, 5, cells(9, (1, 0), (1, 2))).gives(((0, 1, 1), (5, 0, 2))),
        of(((8, 0),), 5, sets((0, 0), (0, 1))).gives(((5, 0),)),  # a tie: 8 came first
        of(GRID, 5, ((9, (0, 0)),)).gives(((5, 1, 1), (0, 0, 2))),
        of(GRID, 5, sets((-1, 0), (2, 2))).gives(GRID),
        of((), 5, EMPTY).fails(IndexError),
    ],
    "underpaint": [
        of(GRID, sets((5, (0, 0)), (6, (0, 1)))).gives(((5, 1, 1), (0, 0, 2))),
        of(GRID, ((5, (0, 0)), (6, (0, 0)))).gives(((5, 1, 1), (0, 0, 2))),  # the first wins
        of(GRID, ((0, (0, 0)), (6, (0, 0)))).gives(((6, 1, 1), (0, 0, 2))),  # of the colours that differ
        of(GRID, cells(5, (-1, 0), (2, 2))).gives(GRID),
        of(GRID, sets((0, 0))).fails(TypeError),
        of((), EMPTY).fails(IndexError),
    ],
    "cover": [
        of(GRID, sets((0, 1), (1, 2))).gives(((0, 0, 1), (0, 0, 0))),
        of(GRID, cells(1, (0, 1), (0, 2))).gives(((0, 0, 0), (0, 0, 2))),
        of(GRID, EMPTY).gives(GRID),
        of((), EMPTY).fails(ValueError),
    ],
    "move": [
        of(GRID, cells(2, (1, 2)), (-1, -2)).gives(((2, 1, 1), (0, 0, 0))),
        of(GRID, cells(1, (0, 1), (0, 2)), (0, 1)).gives(((0, 0, 1), (0, 0, 2))),
        of(GRID, cells(1, (0, 1)), (9, 9)).gives(((0, 0, 1), (0, 0, 2))),
        of(GRID, EMPTY, (1, 1)).gives(GRID),
        of(GRID, sets((0, 1)), (0, 1)).fails(TypeError),
        of((), EMPTY, (1, 1)).fails(ValueError),
        of(GRID, cells(1, (0, 1)), 1).fails(TypeError),
    ],
    "replace": [
        of(GRID, 0, 5).gives(((5, 1, 1), (5, 5, 2))),
        of(GRID, 9, 5).gives(GRID),
        of((), 0, 5).gives(()),
        of(GRID, False, 5).gives(((5, 1, 1), (5, 5, 2))),
    ],
    "switch": [
        of(GRID, 0, 1).gives(((1, 0, 0), (1, 1, 2))),
        of(GRID, 2, 7).gives(((0, 1, 1), (0, 0, 7))),
        of(GRID, 1, 1).gives(GRID),
        of((), 0, 5).gives(()),
    ],
    "cellwise": [
        of(GRID, ((0, 1, 3), (3, 0, 2)), 7).gives(((0, 1, 7), (7, 0, 2))),
        of(((1,),), ((1, 2), (3, 4)), 7).gives(((1,),)),
        of(GRID, ((0, 1, 1),), 7).fails(IndexError),
        of(GRID, ((0, 1), (0, 0)), 7).fails(IndexError),
        of((), GRID, 7).fails(IndexError),
        of(GRID, (), 7).fails(IndexError),
    ],
    "hconcat": [
        of(GRID, ((7,), (8,))).gives(((0, 1, 1, 7), (0, 0, 2, 8))),
        of(GRID, ((7,),)).gives(((0, 1, 1, 7),)),
        of(GRID, ()).gives(()),
        of((), GRID).gives(()),
        of(1, GRID).fails(TypeError),
    ],
    "vconcat": [
        of(GRID, ((7,),)).gives(((0, 1, 1), (0, 0, 2), (7,))),
        of(GRID, ()).gives(GRID),
        of((), GRID).gives(GRID),
        of(GRID, EMPTY).fails(TypeError),
    ],
    "hsplit": [
        of(((1, 2, 3, 4),), 2).gives((((1, 2),), ((3, 4),))),
        of(((1, 2, 3, 4, 5),), 2).gives((((1, 2),), ((4, 5),))),
        of(((1, 2, 3, 4, 5, 6, 7, 8),), 3).gives((((1, 2),), ((4, 5),), ((7, 8),))),
        of(((1, 2, 3, 4, 5),), 3).gives((((1,),), ((3,),), ((5,),))),
        of(((1, 2, 3, 4),), 3).gives((((1,),), ((3,),), ((),))),
        of(((1, 2),), 3).gives((((),), ((),), ((),))),
        of(NINE, 1).gives((NINE,)),
        of(NINE, -2).gives(()),
        of(NINE, 0).fails(ZeroDivisionError),
        of((), 2).fails(IndexError),
        of((), 0).fails(IndexError),
    ],
    "vsplit": [
        of(((1,), (2,), (3,), (4,)), 2).gives((((1,), (2,)), ((3,), (4,)))),
        of(((1,), (2,), (3,)), 2).gives((((1,),), ((3,),))),
        of(((1,), (2,), (3,), (4,)), 3).gives((((1,),), ((3,),), ())),
        of(NINE, -2).gives(()),
        of(NINE, 0).fails(ZeroDivisionError),
        of((), 2).fails(IndexError),
        of((), 0).fails(ZeroDivisionError),
    ],
    "tophalf": [of(NINE).gives(((1, 2, 3),)), of(GRID).gives(((0, 1, 1),)), of(((1,),)).gives(()), of(()).gives(())],
    "bottomhalf": [of(NINE).gives(((7, 8, 9),)), of(GRID).gives(((0, 0, 2),)), of(((1,),)).gives(()), of(()).gives(())],
    "lefthalf": [
        of(NINE).gives(((1,), (4,), (7,))),
        of(((1, 2, 3, 4),)).gives(((1, 2),)),
        of(((1,), (2,))).gives(()),
        of(()).gives(()),
        of(((),)).gives(()),
        of(EMPTY).fails(TypeError),
        of(cells(1, (0, 0))).fails(TypeError),
    ],
    "righthalf": [
        of(NINE).gives(((3,), (6,), (9,))),
        of(((1, 2, 3, 4),)).gives(((3, 4),)),
        of(((1,), (2,))).gives(()),
        of(()).gives(()),
    ],
    "trim": [of(NINE).gives(((5,),)), of(GRID).gives(()), of(((1,), (2,), (3,))).gives(((),)), of(()).gives(())],
    "compress": [
        of(((1, 0, 2), (0, 0, 0), (3, 0, 3))).gives(((1, 2), (3, 3))),
        of(((1, 1), (1, 1))).gives(()),
        of(((1, 2), (1, 3))).gives(((2,), (3,))),
        of(((1, 2),)).gives(((),)),  # each column of a single row is one-coloured
        of(()).gives(()),
        of(NINE).gives(NINE),
    ],
    "rot90": [
        of(GRID).gives(((0, 0), (0, 1), (2, 1))),
        of(()).gives(()),
        of(((), ())).gives(()),
        of(EMPTY).fails(TypeError),
        of(cells(1, (0, 0))).fails(TypeError),
    ],
    "rot180": [of(GRID).gives(((2, 0, 0), (1, 1, 0))), of(()).gives(()), of(EMPTY).fails(TypeError)],
    "rot270": [
        of(GRID).gives(((1, 2), (1, 0), (0, 0))),
        of(()).gives(()),
        of(EMPTY).fails(TypeError),
        of(cells(1, (0, 0))).fails(TypeError),
    ],
    "hupscale": [
        of(((1, 2),), 2).gives(((1, 1, 2, 2),)),
        of(GRID, 0).gives(((), ())),
        of(GRID, -1).gives(((), ())),
        of((), 2).gives(()),
    ],
    "vupscale": [
        of(((1, 2),), 2).gives(((1, 2), (1, 2))),
        of(GRID, 0).gives(()),
        of(GRID, -1).gives(()),
        of((), 2).gives(()),
    ],
    "downscale": [
        of(NINE, 2).gives(((1, 3), (7, 9))),
        of(NINE, -2).gives(((1, 3), (7, 9))),
        of(NINE, 1).gives(NINE),
        of(NINE, 9).gives(((1,),)),
        of(NINE, 0).fails(ZeroDivisionError),
        of((), 2).fails(IndexError),
    ],
}

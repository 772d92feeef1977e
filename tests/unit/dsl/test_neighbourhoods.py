"""The kept neighbour sets are as good as new ones, stay bounded, and are never changed."""

from __future__ import annotations

from random import Random

from batt.dsl import objects
from batt.dsl.indices import dneighbors, neighbors
from batt.dsl.neighbourhoods import EDGES, EDGES_AND_CORNERS, KEPT, Neighbourhoods
from tests.unit.dsl import naive
from tests.unit.dsl.test_agreement import unrolled


def test_neighbours_lie_inside_the_grid() -> None:
    inside, last_column, last_row, corner = EDGES

    assert {(0, 1), (1, 0)} == inside[0, 0]
    assert {(4, 3), (6, 3), (5, 2), (5, 4)} == inside[5, 3]
    assert {(4, 3), (6, 3), (5, 2)} == last_column[5, 3]
    assert {(4, 3), (5, 2), (5, 4)} == last_row[5, 3]
    assert {(4, 3), (5, 2)} == corner[5, 3]
    assert {(4, 2), (4, 3), (5, 2)} == EDGES_AND_CORNERS[3][5, 3]


def test_only_small_coordinates_are_kept() -> None:
    table = Neighbourhoods(neighbors, last_row=False, last_column=False)

    small, large = table[KEPT - 1, KEPT - 1], table[KEPT, 0]

    assert list(table) == [(KEPT - 1, KEPT - 1)]
    assert neighbors((KEPT - 1, KEPT - 1)) == small
    assert {location for location in neighbors((KEPT, 0)) if location[1] >= 0} == large


def test_kept_sets_are_those_made_anew() -> None:
    kept = Neighbourhoods(dneighbors, last_row=True, last_column=False)
    objects(((1, 0, 1), (1, 1, 1)), univalued=True, diagonal=False, without_bg=False)

    for location in [(0, 0), (1, 1), (1, 0)]:
        assert list(kept[location]) == list(EDGES[2][location])


def test_grid_beyond_the_kept_coordinates_agrees_with_the_reference() -> None:
    random = Random(5)
    grid = tuple(tuple(random.choice((0, 0, 0, 1, 2)) for _ in range(KEPT + 9)) for _ in range(KEPT + 5))

    for univalued, diagonal in [(True, True), (True, False), (False, True), (False, False)]:
        actual = objects(grid, univalued, diagonal, without_bg=True)

        assert unrolled(naive.objects(grid, univalued, diagonal, True)) == unrolled(actual)


def test_same_grid_gives_the_same_order_again() -> None:
    grid = ((1, 1, 0, 2), (0, 1, 2, 2), (3, 0, 0, 1))

    first, second = objects(grid, True, True, False), objects(grid, True, True, False)

    assert unrolled(first) == unrolled(second)

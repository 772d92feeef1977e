"""From a grid to its objects: connected components, colours, one-coloured lines.

The iteration order of the results is part of the DSL; the order of waves, unions and copies below makes it.
"""

from collections import defaultdict

from batt.dsl.colours import mostcolor, palette
from batt.dsl.indices import asindices
from batt.dsl.neighbourhoods import EDGES, EDGES_AND_CORNERS
from batt.dsl.types import Boolean, Cell, Grid, IntegerTuple, Object, Objects


def objects(grid: Grid, univalued: Boolean, diagonal: Boolean, without_bg: Boolean) -> Objects:
    """Return the connected components of the grid.

    univalued: only cells of one colour join; diagonal: cells that touch at a corner join too; without_bg: cells of
    the most frequent colour are left out. The grid `()` gives ValueError with without_bg, else IndexError.
    """
    background = mostcolor(grid) if without_bg else None
    last_row, last_column = len(grid) - 1, len(grid[0]) - 1
    inside, right_edge, bottom_edge, corner = EDGES_AND_CORNERS if diagonal else EDGES
    taken: set[IntegerTuple] = set()
    found: set[Object] = set()
    for seed in asindices(grid):
        i, j = seed
        colour = grid[i][j]
        if colour == background or seed in taken:
            continue
        cells: set[Cell] = {(colour, seed)}
        wave = {seed}
        while wave:
            reached: set[IntegerTuple] = set()
            for cell in wave:
                i, j = cell
                own = grid[i][j]
                if own == colour if univalued else own != background:
                    cells.add((own, cell))
                    taken.add(cell)
                    # `|=` with a set, not a loop: how the union grows its table decides the order of the next wave.
                    if i < last_row:
                        reached |= inside[cell] if j < last_column else right_edge[cell]
                    else:
                        reached |= bottom_edge[cell] if j < last_column else corner[cell]
            wave = reached - taken
        found.add(frozenset(cells))
    return frozenset(found)


def _by_colour(grid: Grid) -> dict[int, list[Cell]]:
    """Return the cells of each colour, row by row."""
    cells: defaultdict[int, list[Cell]] = defaultdict(list)
    for i, row in enumerate(grid):
        for j, colour in enumerate(row):
            cells[colour].append((colour, (i, j)))
    return cells


def partition(grid: Grid) -> Objects:
    """Return one object for each colour, connected or not."""
    cells = _by_colour(grid)
    return frozenset([frozenset(cells[colour]) for colour in palette(grid)])


def fgpartition(grid: Grid) -> Objects:
    """Return one object for each colour but the most frequent one; ValueError for the grid `()`."""
    cells = _by_colour(grid)
    return frozenset([frozenset(cells[colour]) for colour in palette(grid) - {mostcolor(grid)}])


def frontiers(grid: Grid) -> Objects:
    """Return every row and every column that is of one colour, as an object; IndexError for the grid `()`."""
    tall, wide = len(grid), len(grid[0])
    rows = frozenset(
        {frozenset({(row[j], (i, j)) for j in range(wide)}) for i, row in enumerate(grid) if len(set(row)) == 1}
    )
    columns = frozenset(
        {
            frozenset({(grid[i][j], (i, j)) for i in range(tall)})
            for j, column in enumerate(zip(*grid, strict=False))
            if len(set(column)) == 1
        }
    )
    return rows | columns

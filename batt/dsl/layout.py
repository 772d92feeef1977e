"""Parts of grids and grids from parts: access, crops, splits, joins, scaling."""

from itertools import product
from typing import Any

from batt.dsl.bounds import bounds
from batt.dsl.measures import shape, ulcorner
from batt.dsl.mirrors import dmirror
from batt.dsl.patches import normalize, shift
from batt.dsl.types import Element, Grid, Integer, IntegerTuple, Patch, Tuple


def index(grid: Grid, loc: IntegerTuple) -> Integer:
    """Return the colour at loc, None off the grid (negative too); IndexError for the grid `()`."""
    i, j = loc
    if 0 <= i < len(grid) and 0 <= j < len(grid[0]):
        return grid[i][j]
    return None if grid else grid[0][0]  # type: ignore[return-value] # the grid `()` has no size: IndexError


def crop(grid: Grid, start: IntegerTuple, dims: IntegerTuple) -> Grid:
    """Return the slice [start, start + dims) of rows, then columns, cut at the end as Python slices are."""
    rows = grid[start[0] : start[0] + dims[0]]
    if len(rows) == 0:
        return ()
    left, right = start[1], start[1] + dims[1]
    return tuple([row[left:right] for row in rows])


def subgrid(patch: Patch, grid: Grid) -> Grid:
    """Return the grid cropped to the patch's bounding box; IndexError for an empty patch."""
    if len(patch) == 0:
        raise IndexError("an empty patch has no bounding box to crop to")
    if isinstance(patch, tuple):
        return crop(grid, ulcorner(patch), shape(patch))
    top, left, bottom, right = bounds(patch)
    return crop(grid, (top, left), (bottom - top + 1, right - left + 1))


def hconcat(a: Grid, b: Grid) -> Grid:
    """Return the grids side by side, cut to the lower one's height."""
    return tuple([left + right for left, right in zip(a, b, strict=False)])


def vconcat(a: Grid, b: Grid) -> Grid:
    """Return b below a; the widths are not compared."""
    return a + b


def hsplit(grid: Grid, n: Integer) -> Tuple:
    """Return n parts side by side, each width // n wide; one column between them is dropped if n does not divide."""
    tall, total = len(grid), len(grid[0])
    wide = total // n
    stride = wide + (total % n != 0)
    return tuple([crop(grid, (0, stride * k), (tall, wide)) for k in range(n)])


def vsplit(grid: Grid, n: Integer) -> Tuple:
    """Return n parts from top down, each height // n high; one row between them is dropped if n does not divide."""
    tall, wide = len(grid) // n, len(grid[0])
    stride = tall + (len(grid) % n != 0)
    return tuple([crop(grid, (stride * k, 0), (tall, wide)) for k in range(n)])


def tophalf(grid: Grid) -> Grid:
    """Return the first height // 2 rows."""
    return grid[: len(grid) // 2]


def bottomhalf(grid: Grid) -> Grid:
    """Return the last height // 2 rows."""
    return grid[(len(grid) + 1) // 2 :]


def _narrowest(grid: Grid) -> int:
    """Return the length of the shortest row, 0 without rows: wider ones count as cut to it, as when transposing."""
    return min(map(len, grid[:]), default=0)  # the slice refuses patches


def lefthalf(grid: Grid) -> Grid:
    """Return the first width // 2 columns; `()` if that is none."""
    half = _narrowest(grid) // 2
    return tuple([tuple(row)[:half] for row in grid]) if half else ()


def righthalf(grid: Grid) -> Grid:
    """Return the last width // 2 columns; `()` if that is none."""
    total = _narrowest(grid)
    half = total // 2
    return tuple([tuple(row)[total - half : total] for row in grid]) if half else ()


def trim(grid: Grid) -> Grid:
    """Return the grid without its outermost rows and columns; `()` for a height of at most 2."""
    return tuple([row[1:-1] for row in grid[1:-1]])


def compress(grid: Grid) -> Grid:
    """Return the grid without its one-coloured rows and one-coloured columns, both judged on the whole grid."""
    dropped = {j for j, column in enumerate(dmirror(grid)) if len(set(column)) == 1}
    return tuple(
        [tuple([cell for j, cell in enumerate(row) if j not in dropped]) for row in grid if len(set(row)) != 1]
    )


def upscale(element: Element, factor: Integer) -> Element:
    """Return the element with each cell as a block of factor x factor; an object keeps its upper left corner.

    factor <= 0 gives `()` or the empty set; TypeError for indices.
    """
    if isinstance(element, tuple):
        return vupscale(hupscale(element, factor), factor)
    if len(element) == 0:
        return frozenset()
    cells: Any = normalize(element)
    block = list(product(range(factor), repeat=2))
    scaled = {(colour, (i * factor + down, j * factor + right)) for colour, (i, j) in cells for down, right in block}
    return shift(frozenset(scaled), ulcorner(element))  # type: ignore[return-value] # cells stay cells


def hupscale(grid: Grid, factor: Integer) -> Grid:
    """Return the grid with each column factor times; factor <= 0 gives rows of `()`."""
    times = range(factor)
    return tuple([tuple([cell for cell in row for _ in times]) for row in grid])


def vupscale(grid: Grid, factor: Integer) -> Grid:
    """Return the grid with each row factor times; factor <= 0 gives `()`."""
    times = range(factor)
    return tuple([row for row in grid for _ in times])


def downscale(grid: Grid, factor: Integer) -> Grid:
    """Return the rows and columns whose number is a multiple of factor; its sign does not matter.

    ZeroDivisionError for 0, IndexError for the grid `()`.
    """
    columns = [j for j in range(len(grid[0])) if j % factor == 0]
    return tuple([tuple([row[j] for j in columns]) for i, row in enumerate(grid) if i % factor == 0])

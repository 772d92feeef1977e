"""The DSL's optimised or order-sensitive primitives once more, slowly and literally.

Each function follows the words of the DSL's definition with plain loops and single insertions, so that
`list(result)` shows the order those words demand. Nothing here is imported from batt: values are plain tuples and
frozensets. Only well-formed inputs are meant; edge cases and errors are in the tables of rows.
"""

# ruff: noqa: PERF401, PERF402 - one insertion at a time is the point

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Loc = tuple[int, int]


def frozen(items: Iterable[Any]) -> frozenset[Any]:
    """Return a frozenset filled item by item, in the order given."""
    return frozenset(item for item in items)


def filled(items: Iterable[Any]) -> set[Any]:
    """Return a plain set filled item by item, in the order given."""
    result = set()
    for item in items:
        result.add(item)
    return result


def is_object(patch: Any) -> bool:
    """Return whether the first element carries a colour."""
    for item in patch:
        return isinstance(item[1], tuple)
    return False


def each_location(patch: Any) -> list[Loc]:
    """Return the location of every element, in the patch's order."""
    return [item[1] if is_object(patch) else item for item in patch]


def moved(patch: Any, place: Callable[[int, int], Loc]) -> frozenset[Any]:
    """Return the patch with each location sent elsewhere, in one pass over its order."""
    if is_object(patch):
        return frozen((item[0], place(item[1][0], item[1][1])) for item in patch)
    return frozen(place(item[0], item[1]) for item in patch)


def bounds(patch: Any) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right."""
    rows = [location[0] for location in each_location(patch)]
    columns = [location[1] for location in each_location(patch)]
    return min(rows), min(columns), max(rows), max(columns)


def extent(piece: Any) -> tuple[int, int]:
    """Return height and width."""
    if isinstance(piece, tuple):
        return len(piece), len(piece[0])
    if len(piece) == 0:
        return 0, 0
    top, left, bottom, right = bounds(piece)
    return bottom - top + 1, right - left + 1


# Colours


def colour_list(element: Any) -> list[int]:
    """Return the colours of a grid, row by row, or of an object, in its order."""
    colours = []
    if isinstance(element, tuple):
        for row in element:
            for colour in row:
                colours.append(colour)
    else:
        for colour, _ in element:
            colours.append(colour)
    return colours


def slot_order(colours: list[int]) -> list[int]:
    """Return the distinct colours (0-9) in the order of a CPython set: the rule in words, no set involved."""
    distinct: list[int] = []
    for colour in colours:
        if colour not in distinct:
            distinct.append(colour)
    if len(distinct) >= 5:
        return sorted(distinct)
    slots: dict[int, int] = {}
    for colour in distinct:
        slot = colour % 8
        while slot in slots:
            slot = (5 * slot + 1) % 8
        slots[slot] = colour
    return [slots[slot] for slot in sorted(slots)]


def mostcolor(element: Any) -> int:
    colours = colour_list(element)
    best = slot_order(colours)[0]
    for colour in slot_order(colours):
        if colours.count(colour) > colours.count(best):
            best = colour
    return best


def leastcolor(element: Any) -> int:
    colours = colour_list(element)
    best = slot_order(colours)[0]
    for colour in slot_order(colours):
        if colours.count(colour) < colours.count(best):
            best = colour
    return best


def palette(element: Any) -> frozenset[int]:
    return frozenset(filled(colour_list(element)))


def colorcount(element: Any, value: int) -> int:
    return len([colour for colour in colour_list(element) if colour == value])


def numcolors(element: Any) -> int:
    return len(slot_order(colour_list(element)))


# Containers and functions


def sfilter(container: Any, condition: Callable[[Any], Any]) -> Any:
    return type(container)(item for item in container if condition(item))


def merge(containers: Any) -> Any:
    return type(containers)(item for container in containers for item in container)


def mfilter(container: Any, condition: Callable[[Any], Any]) -> Any:
    return merge(sfilter(container, condition))


def apply(function: Callable[[Any], Any], container: Any) -> Any:
    return type(container)(function(item) for item in container)


def mapply(function: Callable[[Any], Any], container: Any) -> Any:
    return merge(apply(function, container))


def combine(a: Any, b: Any) -> Any:
    items = []
    for item in a:
        items.append(item)
    for item in b:
        items.append(item)
    return type(a)(item for item in items)


def remove(value: Any, container: Any) -> Any:
    return type(container)(item for item in container if item != value)


def other(container: Any, value: Any) -> Any:
    for item in remove(value, container):
        return item
    raise AssertionError("nothing left: not for this reference")


def difference(a: Any, b: Any) -> Any:
    return type(a)(item for item in a if item not in b)


def product(a: Any, b: Any) -> frozenset[Any]:
    pairs = []
    for y in b:
        for x in a:
            pairs.append((x, y))
    return frozen(pairs)


def prapply(function: Callable[[Any, Any], Any], a: Any, b: Any) -> frozenset[Any]:
    values = []
    for y in b:
        for x in a:
            values.append(function(x, y))
    return frozen(values)


def last(container: Any) -> Any:
    for item in container:
        result = item
    return result


def argmax(container: Any, key: Callable[[Any], Any]) -> Any:
    champion: Any = None
    for item in container:
        if champion is None or key(item) > key(champion):
            champion = item
    return champion


def argmin(container: Any, key: Callable[[Any], Any]) -> Any:
    champion: Any = None
    for item in container:
        if champion is None or key(item) < key(champion):
            champion = item
    return champion


# Locations and patches


def asindices(grid: Any) -> frozenset[Loc]:
    locations = []
    for i in range(len(grid)):
        for j in range(len(grid[0])):
            locations.append((i, j))
    return frozen(locations)


def ofcolor(grid: Any, value: int) -> frozenset[Loc]:
    locations = []
    for i in range(len(grid)):
        for j in range(len(grid[0])):
            if grid[i][j] == value:
                locations.append((i, j))
    return frozen(locations)


def asobject(grid: Any) -> frozenset[Any]:
    cells = []
    for i in range(len(grid)):
        for j in range(len(grid[0])):
            cells.append((grid[i][j], (i, j)))
    return frozen(cells)


def toindices(patch: Any) -> frozenset[Loc]:
    return frozen(each_location(patch)) if is_object(patch) else patch


def toobject(patch: Any, grid: Any) -> frozenset[Any]:
    cells = []
    for i, j in toindices(patch):
        if 0 <= i < len(grid) and 0 <= j < len(grid[0]):
            cells.append((grid[i][j], (i, j)))
    return frozen(cells)


def recolor(value: int, patch: Any) -> frozenset[Any]:
    return frozen((value, location) for location in toindices(patch))


def shift(patch: Any, directions: Loc) -> Any:
    if len(patch) == 0:
        return patch
    return moved(patch, lambda i, j: (i + directions[0], j + directions[1]))


def normalize(patch: Any) -> Any:
    if len(patch) == 0:
        return patch
    top, left, _, _ = bounds(patch)
    return shift(patch, (-top, -left))


def hmirror(piece: Any) -> Any:
    if isinstance(piece, tuple):
        return tuple(piece[len(piece) - 1 - i] for i in range(len(piece)))
    top, _, bottom, _ = bounds(piece)
    return moved(piece, lambda i, j: (top + bottom - i, j))


def vmirror(piece: Any) -> Any:
    if isinstance(piece, tuple):
        return tuple(tuple(reversed(row)) for row in piece)
    _, left, _, right = bounds(piece)
    return moved(piece, lambda i, j: (i, left + right - j))


def dmirror(piece: Any) -> Any:
    if isinstance(piece, tuple):
        return tuple(tuple(row[j] for row in piece) for j in range(len(piece[0])))
    top, left, _, _ = bounds(piece)
    return moved(piece, lambda i, j: (top + (j - left), left + (i - top)))


def cmirror(piece: Any) -> Any:
    if isinstance(piece, tuple):
        tall, wide = extent(piece)
        return tuple(tuple(piece[tall - 1 - j][wide - 1 - i] for j in range(tall)) for i in range(wide))
    top, left, bottom, right = bounds(piece)
    return moved(piece, lambda i, j: (top + right - j, left + bottom - i))


def dneighbors(loc: Loc) -> frozenset[Loc]:
    up, down = (loc[0] - 1, loc[1]), (loc[0] + 1, loc[1])
    left, right = (loc[0], loc[1] - 1), (loc[0], loc[1] + 1)
    return frozen([up, down, left, right])


def ineighbors(loc: Loc) -> frozenset[Loc]:
    return frozen((loc[0] + down, loc[1] + right) for down, right in [(-1, -1), (-1, 1), (1, -1), (1, 1)])


def neighbors(loc: Loc) -> frozenset[Loc]:
    return dneighbors(loc) | ineighbors(loc)


def connect(a: Loc, b: Loc) -> frozenset[Loc]:
    down, right = b[0] - a[0], b[1] - a[1]
    if down != 0 and right != 0 and abs(down) != abs(right):
        return frozenset()
    if down < 0 or (down == 0 and right < 0):
        return connect(b, a)
    steps = max(abs(down), abs(right))
    line = []
    for k in range(steps + 1):
        line.append((a[0] + (k if down else 0), a[1] + (0 if right == 0 else k if right > 0 else -k)))
    return frozen(line)


def backdrop(patch: Any) -> frozenset[Loc]:
    if len(patch) == 0:
        return frozenset()
    top, left, bottom, right = bounds(patch)
    locations = []
    for i in range(top, bottom + 1):
        for j in range(left, right + 1):
            locations.append((i, j))
    return frozen(locations)


def delta(patch: Any) -> frozenset[Loc]:
    return backdrop(patch) - toindices(patch)


def outline(top: int, left: int, bottom: int, right: int) -> frozenset[Loc]:
    left_line = filled((i, left) for i in range(top, bottom + 1))
    right_line = filled((i, right) for i in range(top, bottom + 1))
    top_line = filled((top, j) for j in range(left, right + 1))
    bottom_line = filled((bottom, j) for j in range(left, right + 1))
    return frozenset((left_line | right_line) | (top_line | bottom_line))


def box(patch: Any) -> frozenset[Loc]:
    return outline(*bounds(patch))


def outbox(patch: Any) -> frozenset[Loc]:
    top, left, bottom, right = bounds(patch)
    return outline(top - 1, left - 1, bottom + 1, right + 1)


def inbox(patch: Any) -> frozenset[Loc]:
    top, left, bottom, right = bounds(patch)
    rows, columns = [top + 1, bottom - 1], [left + 1, right - 1]
    return outline(min(rows), min(columns), max(rows), max(columns))


def occurrences(grid: Any, obj: Any) -> frozenset[Loc]:
    tall, wide = extent(obj)
    found = []
    for i in range(len(grid) - tall + 1):
        for j in range(len(grid[0]) - wide + 1):
            placed = shift(normalize(obj), (i, j))
            if all(grid[k][m] == colour for colour, (k, m) in placed):
                found.append((i, j))
    return frozenset(filled(found))


def upscale(element: Any, factor: int) -> Any:
    if isinstance(element, tuple):
        tall, wide = len(element) * factor, len(element[0]) * factor
        return tuple(tuple(element[i // factor][j // factor] for j in range(wide)) for i in range(tall))
    if len(element) == 0:
        return frozenset()
    top, left, _, _ = bounds(element)
    cells = []
    for colour, (i, j) in shift(element, (-top, -left)):
        for down in range(factor):
            for right in range(factor):
                cells.append((colour, (i * factor + down, j * factor + right)))
    return shift(frozenset(filled(cells)), (top, left))


# Grid to objects


def objects(grid: Any, univalued: bool, diagonal: bool, without_bg: bool) -> frozenset[Any]:
    background = mostcolor(grid) if without_bg else None
    taken: set[Loc] = set()
    collected = set()
    for seed in asindices(grid):
        start = grid[seed[0]][seed[1]]
        if start == background or seed in taken:
            continue
        growing = set()
        growing.add((start, seed))
        wave = {seed}
        while len(wave) > 0:
            following: set[Loc] = set()
            for cell in wave:
                colour = grid[cell[0]][cell[1]]
                belongs = colour == start if univalued else colour != background
                if not belongs:
                    continue
                growing.add((colour, cell))
                taken.add(cell)
                inside = set()
                for near in neighbors(cell) if diagonal else dneighbors(cell):
                    if 0 <= near[0] < len(grid) and 0 <= near[1] < len(grid[0]):
                        inside.add(near)
                following |= inside
            wave = following - taken
        collected.add(frozenset(growing))
    return frozenset(collected)


def colour_object(grid: Any, value: int) -> frozenset[Any]:
    cells = []
    for i in range(len(grid)):
        for j in range(len(grid[0])):
            if grid[i][j] == value:
                cells.append((grid[i][j], (i, j)))
    return frozen(cells)


def partition(grid: Any) -> frozenset[Any]:
    return frozen(colour_object(grid, value) for value in palette(grid))


def fgpartition(grid: Any) -> frozenset[Any]:
    return frozen(colour_object(grid, value) for value in palette(grid) - {mostcolor(grid)})


def frontiers(grid: Any) -> frozenset[Any]:
    tall, wide = extent(grid)
    rows = filled(
        frozenset(filled((grid[i][j], (i, j)) for j in range(wide)))
        for i in range(tall)
        if all(grid[i][j] == grid[i][0] for j in range(wide))
    )
    columns = filled(
        frozenset(filled((grid[i][j], (i, j)) for i in range(tall)))
        for j in range(wide)
        if all(grid[i][j] == grid[0][j] for i in range(tall))
    )
    return frozenset(rows) | frozenset(columns)


# Relations


def center(patch: Any) -> Loc:
    top, left, bottom, right = bounds(patch)
    return top + (bottom - top + 1) // 2, left + (right - left + 1) // 2


def centerofmass(patch: Any) -> Loc:
    distinct = filled(each_location(patch))
    return sum(i for i, _ in distinct) // len(patch), sum(j for _, j in distinct) // len(patch)


def hmatching(a: Any, b: Any) -> bool:
    return any(x[0] == y[0] for x in each_location(a) for y in each_location(b))


def vmatching(a: Any, b: Any) -> bool:
    return any(x[1] == y[1] for x in each_location(a) for y in each_location(b))


def manhattan(a: Any, b: Any) -> int:
    return min(abs(x[0] - y[0]) + abs(x[1] - y[1]) for x in each_location(a) for y in each_location(b))


def adjacent(a: Any, b: Any) -> bool:
    return manhattan(a, b) == 1


def gravitate(source: Any, destination: Any) -> Loc:
    vertical = vmatching(source, destination)
    axis = 0 if vertical else 1
    sense = 1 if center(source)[axis] < center(destination)[axis] else -1
    step = (sense, 0) if vertical else (0, sense)
    offset = (0, 0)
    for _ in range(42):
        if adjacent(source, destination):
            break
        source = shift(source, step)
        offset = (offset[0] + step[0], offset[1] + step[1])
    return offset


def hperiod(obj: Any) -> int:
    normal = normalize(obj)
    _, wide = extent(normal)
    for p in range(1, wide):
        kept = [(colour, (i, j)) for colour, (i, j) in shift(normal, (0, -p)) if j >= 0]
        if all(cell in normal for cell in kept):
            return p
    return wide


def vperiod(obj: Any) -> int:
    normal = normalize(obj)
    tall, _ = extent(normal)
    for p in range(1, tall):
        kept = [(colour, (i, j)) for colour, (i, j) in shift(normal, (-p, 0)) if i >= 0]
        if all(cell in normal for cell in kept):
            return p
    return tall


# Grid to grid


def redrawn(grid: Any, colour_at: Callable[[int, int], int]) -> Any:
    """Return a grid of the same size with the colour the function names for each location."""
    return tuple(tuple(colour_at(i, j) for j in range(len(grid[0]))) for i in range(len(grid)))


def fill(grid: Any, value: int, patch: Any) -> Any:
    return redrawn(grid, lambda i, j: value if (i, j) in toindices(patch) else grid[i][j])


def painted(grid: Any, obj: Any, only_on: int | None) -> Any:
    """Return the grid after each cell of the object in turn, where the grid then has colour only_on (None: any)."""
    colours = {(i, j): grid[i][j] for i in range(len(grid)) for j in range(len(grid[0]))}
    for colour, location in obj:
        if location in colours and (only_on is None or colours[location] == only_on):
            colours[location] = colour
    return redrawn(grid, lambda i, j: colours[i, j])


def paint(grid: Any, obj: Any) -> Any:
    return painted(grid, obj, None)


def underfill(grid: Any, value: int, patch: Any) -> Any:
    background = mostcolor(grid)
    return redrawn(grid, lambda i, j: value if (i, j) in toindices(patch) and grid[i][j] == background else grid[i][j])


def underpaint(grid: Any, obj: Any) -> Any:
    return painted(grid, obj, mostcolor(grid))


def cover(grid: Any, patch: Any) -> Any:
    return fill(grid, mostcolor(grid), patch)


def move(grid: Any, obj: Any, offset: Loc) -> Any:
    return paint(cover(grid, obj), shift(obj, offset))


def replace(grid: Any, replacee: int, replacer: int) -> Any:
    return redrawn(grid, lambda i, j: replacer if grid[i][j] == replacee else grid[i][j])


def switch(grid: Any, a: int, b: int) -> Any:
    return redrawn(grid, lambda i, j: {a: b, b: a}.get(grid[i][j], grid[i][j]))


def cellwise(a: Any, b: Any, fallback: int) -> Any:
    return redrawn(a, lambda i, j: a[i][j] if a[i][j] == b[i][j] else fallback)


def crop(grid: Any, start: Loc, dims: Loc) -> Any:
    rows = list(grid)[slice(start[0], start[0] + dims[0])]
    return tuple(tuple(list(row)[slice(start[1], start[1] + dims[1])]) for row in rows)


def subgrid(patch: Any, grid: Any) -> Any:
    top, left, _, _ = bounds(patch)
    return crop(grid, (top, left), extent(patch))


def hsplit(grid: Any, n: int) -> Any:
    tall, wide = extent(grid)
    part, skipped = wide // n, 1 if wide % n else 0
    return tuple(crop(grid, (0, k * (part + skipped)), (tall, part)) for k in range(n))


def vsplit(grid: Any, n: int) -> Any:
    tall, wide = extent(grid)
    part, skipped = tall // n, 1 if tall % n else 0
    return tuple(crop(grid, (k * (part + skipped), 0), (part, wide)) for k in range(n))


def compress(grid: Any) -> Any:
    tall, wide = extent(grid)
    rows = [i for i in range(tall) if any(grid[i][j] != grid[i][0] for j in range(wide))]
    columns = [j for j in range(wide) if any(grid[i][j] != grid[0][j] for i in range(tall))]
    return tuple(tuple(grid[i][j] for j in columns) for i in rows)


def downscale(grid: Any, factor: int) -> Any:
    tall, wide = extent(grid)
    return tuple(tuple(grid[i][j] for j in range(0, wide, factor)) for i in range(0, tall, factor))


def rot90(grid: Any) -> Any:
    tall, wide = extent(grid)
    return tuple(tuple(grid[tall - 1 - j][i] for j in range(tall)) for i in range(wide))


def rot180(grid: Any) -> Any:
    return rot90(rot90(grid))


def rot270(grid: Any) -> Any:
    return rot90(rot180(grid))


def lefthalf(grid: Any) -> Any:
    _, wide = extent(grid)
    return () if wide < 2 else tuple(row[: wide // 2] for row in grid)


def righthalf(grid: Any) -> Any:
    _, wide = extent(grid)
    return () if wide < 2 else tuple(row[wide - wide // 2 :] for row in grid)

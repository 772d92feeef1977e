"""The names, parameters and declared types of the DSL, as its tables give them."""

from __future__ import annotations

from typing import Any

CONSTANTS: dict[str, Any] = {
    "F": False,
    "T": True,
    "ZERO": 0,
    "ONE": 1,
    "TWO": 2,
    "THREE": 3,
    "FOUR": 4,
    "FIVE": 5,
    "SIX": 6,
    "SEVEN": 7,
    "EIGHT": 8,
    "NINE": 9,
    "TEN": 10,
    "NEG_ONE": -1,
    "NEG_TWO": -2,
    "DOWN": (1, 0),
    "RIGHT": (0, 1),
    "UP": (-1, 0),
    "LEFT": (0, -1),
    "ORIGIN": (0, 0),
    "UNITY": (1, 1),
    "NEG_UNITY": (-1, -1),
    "UP_RIGHT": (-1, 1),
    "DOWN_LEFT": (1, -1),
    "ZERO_BY_TWO": (0, 2),
    "TWO_BY_ZERO": (2, 0),
    "TWO_BY_TWO": (2, 2),
    "THREE_BY_THREE": (3, 3),
}

_TABLE = """
add(a: Numerical, b: Numerical) -> Numerical
subtract(a: Numerical, b: Numerical) -> Numerical
multiply(a: Numerical, b: Numerical) -> Numerical
divide(a: Numerical, b: Numerical) -> Numerical
invert(n: Numerical) -> Numerical
double(n: Numerical) -> Numerical
halve(n: Numerical) -> Numerical
increment(x: Numerical) -> Numerical
decrement(x: Numerical) -> Numerical
crement(x: Numerical) -> Numerical
sign(x: Numerical) -> Numerical
even(n: Integer) -> Boolean
positive(x: Integer) -> Boolean
greater(a: Integer, b: Integer) -> Boolean
flip(b: Boolean) -> Boolean
both(a: Boolean, b: Boolean) -> Boolean
either(a: Boolean, b: Boolean) -> Boolean
equality(a: Any, b: Any) -> Boolean
toivec(i: Integer) -> IntegerTuple
tojvec(j: Integer) -> IntegerTuple
astuple(a: Integer, b: Integer) -> IntegerTuple
interval(start: Integer, stop: Integer, step: Integer) -> Tuple
maximum(container: IntegerSet) -> Integer
minimum(container: IntegerSet) -> Integer
identity(x: Any) -> Any
size(container: Container) -> Integer
contained(value: Any, container: Container) -> Boolean
combine(a: Container, b: Container) -> Container
intersection(a: FrozenSet, b: FrozenSet) -> FrozenSet
difference(a: FrozenSet, b: FrozenSet) -> FrozenSet
insert(value: Any, container: FrozenSet) -> FrozenSet
remove(value: Any, container: Container) -> Container
other(container: Container, value: Any) -> Any
dedupe(tup: Tuple) -> Tuple
order(container: Container, compfunc: Callable) -> Tuple
repeat(item: Any, num: Integer) -> Tuple
merge(containers: ContainerContainer) -> Container
totuple(container: FrozenSet) -> Tuple
initset(value: Any) -> FrozenSet
first(container: Container) -> Any
last(container: Container) -> Any
extract(container: Container, condition: Callable) -> Any
sfilter(container: Container, condition: Callable) -> Container
mfilter(container: Container, function: Callable) -> FrozenSet
argmax(container: Container, compfunc: Callable) -> Any
argmin(container: Container, compfunc: Callable) -> Any
valmax(container: Container, compfunc: Callable) -> Integer
valmin(container: Container, compfunc: Callable) -> Integer
mostcommon(container: Container) -> Any
leastcommon(container: Container) -> Any
product(a: Container, b: Container) -> FrozenSet
pair(a: Tuple, b: Tuple) -> TupleTuple
branch(condition: Boolean, a: Any, b: Any) -> Any
compose(outer: Callable, inner: Callable) -> Callable
chain(h: Callable, g: Callable, f: Callable) -> Callable
fork(outer: Callable, a: Callable, b: Callable) -> Callable
matcher(function: Callable, target: Any) -> Callable
power(function: Callable, n: Integer) -> Callable
rbind(function: Callable, fixed: Any) -> Callable
lbind(function: Callable, fixed: Any) -> Callable
apply(function: Callable, container: Container) -> Container
rapply(functions: Container, value: Any) -> Container
mapply(function: Callable, container: ContainerContainer) -> FrozenSet
papply(function: Callable, a: Tuple, b: Tuple) -> Tuple
mpapply(function: Callable, a: Tuple, b: Tuple) -> Tuple
prapply(function: Callable, a: Container, b: Container) -> FrozenSet
mostcolor(element: Element) -> Integer
leastcolor(element: Element) -> Integer
colorcount(element: Element, value: Integer) -> Integer
palette(element: Element) -> IntegerSet
numcolors(element: Element) -> Integer
color(obj: Object) -> Integer
colorfilter(objs: Objects, value: Integer) -> Objects
sizefilter(container: Container, n: Integer) -> FrozenSet
height(piece: Piece) -> Integer
width(piece: Piece) -> Integer
shape(piece: Piece) -> IntegerTuple
portrait(piece: Piece) -> Boolean
square(piece: Piece) -> Boolean
vline(patch: Patch) -> Boolean
hline(patch: Patch) -> Boolean
uppermost(patch: Patch) -> Integer
lowermost(patch: Patch) -> Integer
leftmost(patch: Patch) -> Integer
rightmost(patch: Patch) -> Integer
ulcorner(patch: Patch) -> IntegerTuple
urcorner(patch: Patch) -> IntegerTuple
llcorner(patch: Patch) -> IntegerTuple
lrcorner(patch: Patch) -> IntegerTuple
corners(patch: Patch) -> Indices
center(patch: Patch) -> IntegerTuple
centerofmass(patch: Patch) -> IntegerTuple
position(a: Patch, b: Patch) -> IntegerTuple
hmatching(a: Patch, b: Patch) -> Boolean
vmatching(a: Patch, b: Patch) -> Boolean
manhattan(a: Patch, b: Patch) -> Integer
adjacent(a: Patch, b: Patch) -> Boolean
bordering(patch: Patch, grid: Grid) -> Boolean
hperiod(obj: Object) -> Integer
vperiod(obj: Object) -> Integer
asindices(grid: Grid) -> Indices
ofcolor(grid: Grid, value: Integer) -> Indices
toindices(patch: Patch) -> Indices
recolor(value: Integer, patch: Patch) -> Object
shift(patch: Patch, directions: IntegerTuple) -> Patch
normalize(patch: Patch) -> Patch
dneighbors(loc: IntegerTuple) -> Indices
ineighbors(loc: IntegerTuple) -> Indices
neighbors(loc: IntegerTuple) -> Indices
connect(a: IntegerTuple, b: IntegerTuple) -> Indices
shoot(start: IntegerTuple, direction: IntegerTuple) -> Indices
vfrontier(location: IntegerTuple) -> Indices
hfrontier(location: IntegerTuple) -> Indices
backdrop(patch: Patch) -> Indices
delta(patch: Patch) -> Indices
box(patch: Patch) -> Indices
outbox(patch: Patch) -> Indices
inbox(patch: Patch) -> Indices
gravitate(source: Patch, destination: Patch) -> IntegerTuple
occurrences(grid: Grid, obj: Object) -> Indices
hmirror(piece: Piece) -> Piece
vmirror(piece: Piece) -> Piece
dmirror(piece: Piece) -> Piece
cmirror(piece: Piece) -> Piece
upscale(element: Element, factor: Integer) -> Element
objects(grid: Grid, univalued: Boolean, diagonal: Boolean, without_bg: Boolean) -> Objects
partition(grid: Grid) -> Objects
fgpartition(grid: Grid) -> Objects
frontiers(grid: Grid) -> Objects
asobject(grid: Grid) -> Object
toobject(patch: Patch, grid: Grid) -> Object
canvas(value: Integer, dimensions: IntegerTuple) -> Grid
index(grid: Grid, loc: IntegerTuple) -> Integer
crop(grid: Grid, start: IntegerTuple, dims: IntegerTuple) -> Grid
subgrid(patch: Patch, grid: Grid) -> Grid
fill(grid: Grid, value: Integer, patch: Patch) -> Grid
paint(grid: Grid, obj: Object) -> Grid
underfill(grid: Grid, value: Integer, patch: Patch) -> Grid
underpaint(grid: Grid, obj: Object) -> Grid
cover(grid: Grid, patch: Patch) -> Grid
move(grid: Grid, obj: Object, offset: IntegerTuple) -> Grid
replace(grid: Grid, replacee: Integer, replacer: Integer) -> Grid
switch(grid: Grid, a: Integer, b: Integer) -> Grid
cellwise(a: Grid, b: Grid, fallback: Integer) -> Grid
hconcat(a: Grid, b: Grid) -> Grid
vconcat(a: Grid, b: Grid) -> Grid
hsplit(grid: Grid, n: Integer) -> Tuple
vsplit(grid: Grid, n: Integer) -> Tuple
tophalf(grid: Grid) -> Grid
bottomhalf(grid: Grid) -> Grid
lefthalf(grid: Grid) -> Grid
righthalf(grid: Grid) -> Grid
trim(grid: Grid) -> Grid
compress(grid: Grid) -> Grid
rot90(grid: Grid) -> Grid
rot180(grid: Grid) -> Grid
rot270(grid: Grid) -> Grid
hupscale(grid: Grid, factor: Integer) -> Grid
vupscale(grid: Grid, factor: Integer) -> Grid
downscale(grid: Grid, factor: Integer) -> Grid
"""


def _row(line: str) -> tuple[str, tuple[dict[str, str], str]]:
    """Return a line of the table as name, parameters with types, and the returned type."""
    name, rest = line.split("(")
    declared, returned = rest.split(") -> ")
    return name, (dict(parameter.split(": ") for parameter in declared.split(", ")), returned)


PRIMITIVES = dict(_row(line) for line in _TABLE.split("\n") if line)
"""Name to (parameter name to type alias, returned type alias)."""

"""The ARC grid DSL: 160 primitives and 28 constants for programs that turn one grid into another.

All values are plain, immutable Python:

- a grid is a tuple of rows, each a tuple of colours 0-9: `((0, 0), (0, 3))`; `()` is the empty grid;
- a cell is `(colour, (row, column))`, rows counted downward, columns to the right, from 0;
- an object is a frozenset of cells: `frozenset({(3, (1, 1))})`; it may have several colours and lie off the grid;
- indices are a frozenset of locations without colours: `frozenset({(1, 1)})`;
- a patch is an object or indices; which of the two, its first element tells;
- a piece is a grid or a patch; every tuple counts as a grid.

A solver is a function of one grid, `I`, made of single calls: `x1 = objects(I, T, F, T)`, ..., `return O`.

Nothing is checked: a value of the wrong kind raises whatever Python raises, or gives a value without meaning.
Where the inputs leave an answer open - the first of a set, a tie - the iteration order of CPython's sets decides, and
each function builds its sets in a fixed order, so that answers are the same in every process.

Names and behaviour are those of the public arc-dsl dialect; the implementation is batt's own.
"""

from batt.dsl.arithmetic import (
    add,
    astuple,
    both,
    crement,
    decrement,
    divide,
    double,
    either,
    equality,
    even,
    flip,
    greater,
    halve,
    identity,
    increment,
    interval,
    invert,
    maximum,
    minimum,
    multiply,
    positive,
    sign,
    subtract,
    toivec,
    tojvec,
)
from batt.dsl.colours import (
    color,
    colorcount,
    colorfilter,
    leastcolor,
    mostcolor,
    numcolors,
    palette,
)
from batt.dsl.components import (
    fgpartition,
    frontiers,
    objects,
    partition,
)
from batt.dsl.constants import (
    DOWN,
    DOWN_LEFT,
    EIGHT,
    FIVE,
    FOUR,
    LEFT,
    NEG_ONE,
    NEG_TWO,
    NEG_UNITY,
    NINE,
    ONE,
    ORIGIN,
    RIGHT,
    SEVEN,
    SIX,
    TEN,
    THREE,
    THREE_BY_THREE,
    TWO,
    TWO_BY_TWO,
    TWO_BY_ZERO,
    UNITY,
    UP,
    UP_RIGHT,
    ZERO,
    ZERO_BY_TWO,
    F,
    T,
)
from batt.dsl.containers import (
    argmax,
    argmin,
    branch,
    combine,
    contained,
    dedupe,
    difference,
    extract,
    first,
    initset,
    insert,
    intersection,
    last,
    leastcommon,
    merge,
    mfilter,
    mostcommon,
    order,
    other,
    pair,
    product,
    remove,
    repeat,
    sfilter,
    size,
    sizefilter,
    totuple,
    valmax,
    valmin,
)
from batt.dsl.functions import (
    apply,
    chain,
    compose,
    fork,
    lbind,
    mapply,
    matcher,
    mpapply,
    papply,
    power,
    prapply,
    rapply,
    rbind,
)
from batt.dsl.indices import (
    asindices,
    backdrop,
    box,
    connect,
    delta,
    dneighbors,
    hfrontier,
    inbox,
    ineighbors,
    neighbors,
    ofcolor,
    outbox,
    shoot,
    toindices,
    vfrontier,
)
from batt.dsl.layout import (
    bottomhalf,
    compress,
    crop,
    downscale,
    hconcat,
    hsplit,
    hupscale,
    index,
    lefthalf,
    righthalf,
    subgrid,
    tophalf,
    trim,
    upscale,
    vconcat,
    vsplit,
    vupscale,
)
from batt.dsl.measures import (
    center,
    centerofmass,
    corners,
    height,
    hline,
    hperiod,
    leftmost,
    llcorner,
    lowermost,
    lrcorner,
    portrait,
    rightmost,
    shape,
    square,
    ulcorner,
    uppermost,
    urcorner,
    vline,
    vperiod,
    width,
)
from batt.dsl.mirrors import (
    cmirror,
    dmirror,
    hmirror,
    rot90,
    rot180,
    rot270,
    vmirror,
)
from batt.dsl.painting import (
    canvas,
    cellwise,
    cover,
    fill,
    move,
    paint,
    replace,
    switch,
    underfill,
    underpaint,
)
from batt.dsl.patches import (
    asobject,
    normalize,
    occurrences,
    recolor,
    shift,
    toobject,
)
from batt.dsl.relations import (
    adjacent,
    bordering,
    gravitate,
    hmatching,
    manhattan,
    position,
    vmatching,
)

# fmt: off
__all__ = [  # noqa: RUF022 - in the order of the modules
    # constants
    "F", "T", "ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN", "NEG_ONE",
    "NEG_TWO", "DOWN", "RIGHT", "UP", "LEFT", "ORIGIN", "UNITY", "NEG_UNITY", "UP_RIGHT", "DOWN_LEFT",
    "ZERO_BY_TWO", "TWO_BY_ZERO", "TWO_BY_TWO", "THREE_BY_THREE",
    # arithmetic
    "add", "subtract", "multiply", "divide", "invert", "double", "halve", "increment", "decrement", "crement",
    "sign", "even", "positive", "greater", "flip", "both", "either", "equality", "toivec", "tojvec", "astuple",
    "interval", "maximum", "minimum", "identity",
    # containers
    "size", "contained", "combine", "intersection", "difference", "insert", "remove", "other", "dedupe", "order",
    "repeat", "merge", "totuple", "initset", "first", "last", "extract", "sfilter", "mfilter", "argmax", "argmin",
    "valmax", "valmin", "mostcommon", "leastcommon", "product", "pair", "branch", "sizefilter",
    # functions
    "compose", "chain", "fork", "matcher", "power", "rbind", "lbind", "apply", "rapply", "mapply", "papply",
    "mpapply", "prapply",
    # colours
    "mostcolor", "leastcolor", "colorcount", "palette", "numcolors", "color", "colorfilter",
    # measures
    "height", "width", "shape", "portrait", "square", "vline", "hline", "uppermost", "lowermost", "leftmost",
    "rightmost", "ulcorner", "urcorner", "llcorner", "lrcorner", "corners", "center", "centerofmass", "hperiod",
    "vperiod",
    # relations
    "position", "hmatching", "vmatching", "manhattan", "adjacent", "bordering", "gravitate",
    # indices
    "asindices", "ofcolor", "toindices", "dneighbors", "ineighbors", "neighbors", "connect", "shoot", "vfrontier",
    "hfrontier", "backdrop", "delta", "box", "outbox", "inbox",
    # patches
    "asobject", "toobject", "recolor", "shift", "normalize", "occurrences",
    # mirrors
    "hmirror", "vmirror", "dmirror", "cmirror", "rot90", "rot180", "rot270",
    # components
    "objects", "partition", "fgpartition", "frontiers",
    # painting
    "canvas", "fill", "paint", "underfill", "underpaint", "cover", "move", "replace", "switch", "cellwise",
    # layout
    "index", "crop", "subgrid", "hconcat", "vconcat", "hsplit", "vsplit", "tophalf", "bottomhalf", "lefthalf",
    "righthalf", "trim", "compress", "upscale", "hupscale", "vupscale", "downscale",
]
# fmt: on

from dsl import *
from constants import *


def solve_484b58aa(I):
    x1 = lbind(contained, ZERO)
    x2 = compose(flip, x1)
    x3 = sfilter(I, x2)
    x4 = asobject(x3)
    x5 = hperiod(x4)
    x6 = dmirror(I)
    x7 = sfilter(x6, x2)
    x8 = asobject(x7)
    x9 = hperiod(x8)
    x10 = interval(NEG_TWO, THREE, ONE)
    x11 = lbind(multiply, x5)
    x12 = lbind(multiply, x9)
    x13 = apply(x11, x10)
    x14 = apply(x12, x10)
    x15 = product(x14, x13)
    x16 = asobject(I)
    x17 = matcher(first, ZERO)
    x18 = compose(flip, x17)
    x19 = sfilter(x16, x18)
    x20 = lbind(shift, x19)
    x21 = mapply(x20, x15)
    O = paint(I, x21)
    return O

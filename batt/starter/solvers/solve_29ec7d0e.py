from dsl import *
from constants import *


def solve_29ec7d0e(I):
    x1 = lbind(contained, ZERO)
    x2 = compose(flip, x1)
    x3 = sfilter(I, x2)
    x4 = asobject(x3)
    x5 = hperiod(x4)
    x6 = asobject(I)
    x7 = compose(positive, first)
    x8 = sfilter(x6, x7)
    x9 = interval(NEG_TWO, THREE, ONE)
    x10 = lbind(multiply, x5)
    x11 = apply(x10, x9)
    x12 = product(x11, x11)
    x13 = lbind(shift, x8)
    x14 = mapply(x13, x12)
    O = paint(I, x14)
    return O

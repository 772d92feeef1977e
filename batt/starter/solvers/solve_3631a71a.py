from dsl import *
from constants import *


def solve_3631a71a(I):
    x1 = replace(I, NINE, ZERO)
    x2 = dmirror(x1)
    x3 = compose(merge, fgpartition)
    x4 = x3(x2)
    x5 = paint(x1, x4)
    x6 = shape(I)
    x7 = subtract(x6, TWO_BY_TWO)
    x8 = crop(x5, TWO_BY_TWO, x7)
    x9 = vmirror(x8)
    x10 = x3(x9)
    x11 = paint(x8, x10)
    x12 = hmirror(x11)
    x13 = x3(x12)
    x14 = paint(x11, x13)
    x15 = asobject(x14)
    x16 = shift(x15, TWO_BY_TWO)
    x17 = paint(x5, x16)
    x18 = dmirror(x17)
    x19 = x3(x18)
    O = paint(x17, x19)
    return O

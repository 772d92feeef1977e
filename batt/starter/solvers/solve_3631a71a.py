from dsl import *
from constants import *


def solve_3631a71a(I):
    x1 = replace(I, NINE, ZERO)
    x2 = dmirror(x1)
    x3 = fgpartition(x2)
    x4 = merge(x3)
    x5 = paint(x1, x4)
    x6 = shape(I)
    x7 = subtract(x6, TWO_BY_TWO)
    x8 = crop(x5, TWO_BY_TWO, x7)
    x9 = vmirror(x8)
    x10 = fgpartition(x9)
    x11 = merge(x10)
    x12 = paint(x8, x11)
    x13 = hmirror(x12)
    x14 = fgpartition(x13)
    x15 = merge(x14)
    x16 = paint(x12, x15)
    x17 = asobject(x16)
    x18 = shift(x17, TWO_BY_TWO)
    x19 = paint(x5, x18)
    x20 = dmirror(x19)
    x21 = fgpartition(x20)
    x22 = merge(x21)
    O = paint(x19, x22)
    return O

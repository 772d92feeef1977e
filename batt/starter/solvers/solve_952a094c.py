from dsl import *
from constants import *


def solve_952a094c(I):
    x1 = objects(I, T, F, T)
    x2 = sizefilter(x1, ONE)
    x3 = merge(x2)
    x4 = ulcorner(x3)
    x5 = urcorner(x3)
    x6 = llcorner(x3)
    x7 = lrcorner(x3)
    x8 = index(I, x4)
    x9 = index(I, x5)
    x10 = index(I, x6)
    x11 = index(I, x7)
    x12 = double(UNITY)
    x13 = double(UP_RIGHT)
    x14 = double(DOWN_LEFT)
    x15 = double(NEG_UNITY)
    x16 = add(x7, x12)
    x17 = add(x6, x14)
    x18 = add(x5, x13)
    x19 = add(x4, x15)
    x20 = initset(x16)
    x21 = initset(x17)
    x22 = initset(x18)
    x23 = initset(x19)
    x24 = fill(I, ZERO, x3)
    x25 = fill(x24, x8, x20)
    x26 = fill(x25, x9, x21)
    x27 = fill(x26, x10, x22)
    O = fill(x27, x11, x23)
    return O

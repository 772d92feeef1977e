from dsl import *
from constants import *


def solve_a85d4709(I):
    x1 = ofcolor(I, FIVE)
    x2 = vfrontier(ORIGIN)
    x3 = vfrontier(RIGHT)
    x4 = vfrontier(ZERO_BY_TWO)
    x5 = intersection(x1, x2)
    x6 = intersection(x1, x3)
    x7 = intersection(x1, x4)
    x8 = mapply(hfrontier, x5)
    x9 = mapply(hfrontier, x6)
    x10 = mapply(hfrontier, x7)
    x11 = fill(I, TWO, x8)
    x12 = fill(x11, FOUR, x9)
    O = fill(x12, THREE, x10)
    return O

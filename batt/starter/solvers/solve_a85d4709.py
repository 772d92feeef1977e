from dsl import *
from constants import *


def solve_a85d4709(I):
    x1 = ofcolor(I, FIVE)
    x2 = vfrontier(ORIGIN)
    x3 = vfrontier(RIGHT)
    x4 = vfrontier(ZERO_BY_TWO)
    x5 = lbind(intersection, x1)
    x6 = lbind(mapply, hfrontier)
    x7 = compose(x6, x5)
    x8 = x7(x2)
    x9 = x7(x3)
    x10 = x7(x4)
    x11 = fill(I, TWO, x8)
    x12 = fill(x11, FOUR, x9)
    O = fill(x12, THREE, x10)
    return O

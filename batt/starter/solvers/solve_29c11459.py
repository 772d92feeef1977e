from dsl import *
from constants import *


def solve_29c11459(I):
    x1 = lefthalf(I)
    x2 = righthalf(I)
    x3 = compose(hfrontier, center)
    x4 = fork(recolor, color, x3)
    x5 = fgpartition(x1)
    x6 = fgpartition(x2)
    x7 = mapply(x4, x5)
    x8 = mapply(x4, x6)
    x9 = paint(x1, x7)
    x10 = paint(x2, x8)
    x11 = height(I)
    x12 = astuple(x11, ONE)
    x13 = canvas(ZERO, x12)
    x14 = fill(x13, FIVE, x7)
    x15 = hconcat(x9, x14)
    O = hconcat(x15, x10)
    return O

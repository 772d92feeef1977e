from dsl import *
from constants import *


def solve_d4f3cd78(I):
    x1 = ofcolor(I, FIVE)
    x2 = delta(x1)
    x3 = box(x1)
    x4 = intersection(x2, x3)
    x5 = first(x4)
    x6 = dneighbors(x5)
    x7 = backdrop(x1)
    x8 = difference(x6, x7)
    x9 = first(x8)
    x10 = position(x4, x8)
    x11 = shoot(x9, x10)
    x12 = fill(I, EIGHT, x2)
    O = fill(x12, EIGHT, x11)
    return O

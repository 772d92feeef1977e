from dsl import *
from constants import *


def solve_e48d4e1a(I):
    x1 = ofcolor(I, FIVE)
    x2 = size(x1)
    x3 = invert(x2)
    x4 = astuple(x2, x3)
    x5 = replace(I, FIVE, ZERO)
    x6 = frontiers(x5)
    x7 = extract(x6, hline)
    x8 = extract(x6, vline)
    x9 = uppermost(x7)
    x10 = leftmost(x8)
    x11 = astuple(x9, x10)
    x12 = add(x11, x4)
    x13 = vfrontier(x12)
    x14 = hfrontier(x12)
    x15 = combine(x13, x14)
    x16 = color(x7)
    x17 = shape(I)
    x18 = canvas(ZERO, x17)
    O = fill(x18, x16, x15)
    return O

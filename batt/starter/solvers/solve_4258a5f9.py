from dsl import *
from constants import *


def solve(S, I, C):
    x1 = ofcolor(I, FIVE)
    x2 = mapply(neighbors, x1)
    x3 = last(S)
    x4 = first(x3)
    x5 = last(x3)
    x6 = palette(x4)
    x7 = palette(x5)
    x8 = difference(x7, x6)
    x9 = first(x8)
    O = fill(I, x9, x2)
    return O

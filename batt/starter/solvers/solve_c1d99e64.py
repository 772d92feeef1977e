from dsl import *
from constants import *


def solve(S, I, C):
    x1 = frontiers(I)
    x2 = merge(x1)
    x3 = apply(last, S)
    x4 = apply(first, S)
    x5 = merge(x3)
    x6 = merge(x4)
    x7 = palette(x5)
    x8 = palette(x6)
    x9 = difference(x7, x8)
    x10 = first(x9)
    O = fill(I, x10, x2)
    return O

from dsl import *
from constants import *


def solve(S, I, C):
    x1 = first(S)
    x2 = first(x1)
    x3 = last(x1)
    x4 = palette(x2)
    x5 = palette(x3)
    x6 = difference(x4, x5)
    x7 = difference(x5, x4)
    x8 = first(x6)
    x9 = first(x7)
    O = replace(I, x8, x9)
    return O

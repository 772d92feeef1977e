from dsl import *
from constants import *


def solve_6e82a1ae(I):
    x1 = objects(I, T, F, T)
    x2 = sizefilter(x1, TWO)
    x3 = sizefilter(x1, THREE)
    x4 = sizefilter(x1, FOUR)
    x5 = merge(x2)
    x6 = merge(x3)
    x7 = merge(x4)
    x8 = fill(I, THREE, x5)
    x9 = fill(x8, TWO, x6)
    O = fill(x9, ONE, x7)
    return O

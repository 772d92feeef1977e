from dsl import *
from constants import *


def solve_41e4d17e(I):
    x1 = objects(I, T, F, T)
    x2 = apply(center, x1)
    x3 = mapply(vfrontier, x2)
    x4 = mapply(hfrontier, x2)
    x5 = combine(x3, x4)
    O = underfill(I, SIX, x5)
    return O

from dsl import *
from constants import *


def solve_95990924(I):
    x1 = objects(I, T, F, T)
    x2 = rbind(add, NEG_UNITY)
    x3 = compose(x2, ulcorner)
    x4 = apply(x3, x1)
    x5 = fill(I, ONE, x4)
    x6 = rbind(add, UP_RIGHT)
    x7 = compose(x6, urcorner)
    x8 = apply(x7, x1)
    x9 = fill(x5, TWO, x8)
    x10 = rbind(add, DOWN_LEFT)
    x11 = compose(x10, llcorner)
    x12 = apply(x11, x1)
    x13 = fill(x9, THREE, x12)
    x14 = compose(increment, lrcorner)
    x15 = apply(x14, x1)
    O = fill(x13, FOUR, x15)
    return O

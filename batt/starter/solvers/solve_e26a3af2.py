from dsl import *
from constants import *


def solve_e26a3af2(I):
    x1 = width(I)
    x2 = apply(mostcommon, I)
    x3 = rbind(repeat, x1)
    x4 = apply(x3, x2)
    x5 = dmirror(I)
    x6 = height(I)
    x7 = apply(mostcommon, x5)
    x8 = rbind(repeat, x6)
    x9 = apply(x8, x7)
    x10 = dmirror(x9)
    x11 = numcolors(x4)
    x12 = numcolors(x10)
    x13 = greater(x11, x12)
    O = branch(x13, x4, x10)
    return O

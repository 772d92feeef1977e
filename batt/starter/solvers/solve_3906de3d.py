from dsl import *
from constants import *


def solve_3906de3d(I):
    x1 = dmirror(I)
    x2 = rbind(order, flip)
    x3 = apply(x2, x1)
    O = dmirror(x3)
    return O

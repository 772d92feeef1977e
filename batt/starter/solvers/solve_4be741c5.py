from dsl import *
from constants import *


def solve_4be741c5(I):
    x1 = first(I)
    x2 = dedupe(x1)
    x3 = repeat(x2, ONE)
    x4 = dmirror(I)
    x5 = first(x4)
    x6 = dedupe(x5)
    x7 = repeat(x6, ONE)
    x8 = dmirror(x7)
    x9 = size(x2)
    x10 = greater(x9, ONE)
    O = branch(x10, x3, x8)
    return O

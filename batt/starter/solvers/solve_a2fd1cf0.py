from dsl import *
from constants import *


def solve_a2fd1cf0(I):
    x1 = ofcolor(I, TWO)
    x2 = ofcolor(I, THREE)
    x3 = uppermost(x1)
    x4 = leftmost(x2)
    x5 = astuple(x3, x4)
    x6 = first(x1)
    x7 = first(x2)
    x8 = connect(x6, x5)
    x9 = connect(x5, x7)
    x10 = combine(x8, x9)
    O = underfill(I, EIGHT, x10)
    return O

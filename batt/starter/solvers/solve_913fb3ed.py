from dsl import *
from constants import *


def solve_913fb3ed(I):
    x1 = lbind(ofcolor, I)
    x2 = lbind(mapply, neighbors)
    x3 = compose(x2, x1)
    x4 = x3(THREE)
    x5 = x3(EIGHT)
    x6 = x3(TWO)
    x7 = fill(I, SIX, x4)
    x8 = fill(x7, FOUR, x5)
    O = fill(x8, ONE, x6)
    return O

from dsl import *
from constants import *


def solve_31aa019c(I):
    x1 = leastcolor(I)
    x2 = ofcolor(I, x1)
    x3 = shape(I)
    x4 = canvas(ZERO, x3)
    x5 = mapply(neighbors, x2)
    x6 = fill(x4, TWO, x5)
    O = fill(x6, x1, x2)
    return O

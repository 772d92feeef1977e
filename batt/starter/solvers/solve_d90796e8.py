from dsl import *
from constants import *


def solve_d90796e8(I):
    x1 = ofcolor(I, THREE)
    x2 = ofcolor(I, TWO)
    x3 = mapply(dneighbors, x1)
    x4 = mapply(dneighbors, x2)
    x5 = intersection(x1, x4)
    x6 = intersection(x2, x3)
    x7 = fill(I, EIGHT, x5)
    O = fill(x7, ZERO, x6)
    return O

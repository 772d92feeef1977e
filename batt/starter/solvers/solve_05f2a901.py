from dsl import *
from constants import *


def solve_05f2a901(I):
    x1 = ofcolor(I, TWO)
    x2 = ofcolor(I, EIGHT)
    x3 = gravitate(x1, x2)
    x4 = recolor(TWO, x1)
    O = move(I, x4, x3)
    return O

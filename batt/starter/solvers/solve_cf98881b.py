from dsl import *
from constants import *


def solve_cf98881b(I):
    x1 = hsplit(I, THREE)
    x2 = first(x1)
    x3 = last(x1)
    x4 = remove(x2, x1)
    x5 = first(x4)
    x6 = ofcolor(x5, NINE)
    x7 = ofcolor(x2, FOUR)
    x8 = fill(x3, NINE, x6)
    O = fill(x8, FOUR, x7)
    return O

from dsl import *
from constants import *


def solve_d631b094(I):
    x1 = palette(I)
    x2 = remove(ZERO, x1)
    x3 = first(x2)
    x4 = colorcount(I, x3)
    x5 = astuple(ONE, x4)
    O = canvas(x3, x5)
    return O

from dsl import *
from constants import *


def solve_178fcbfb(I):
    x1 = ofcolor(I, TWO)
    x2 = mapply(vfrontier, x1)
    x3 = fill(I, TWO, x2)
    x4 = lbind(ofcolor, I)
    x5 = lbind(mapply, hfrontier)
    x6 = compose(x5, x4)
    x7 = x6(ONE)
    x8 = x6(THREE)
    x9 = fill(x3, ONE, x7)
    O = fill(x9, THREE, x8)
    return O

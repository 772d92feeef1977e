from dsl import *
from constants import *


def solve_6773b310(I):
    x1 = vsplit(I, THREE)
    x2 = rbind(hsplit, THREE)
    x3 = apply(x2, x1)
    x4 = rbind(colorcount, SIX)
    x5 = compose(decrement, x4)
    x6 = lbind(apply, x5)
    O = apply(x6, x3)
    return O

from dsl import *
from constants import *


def solve_963e52fc(I):
    x1 = asobject(I)
    x2 = hperiod(x1)
    x3 = width(I)
    x4 = double(x3)
    x5 = height(I)
    x6 = astuple(x5, x4)
    x7 = canvas(ZERO, x6)
    x8 = interval(ZERO, x4, x2)
    x9 = apply(tojvec, x8)
    x10 = lbind(shift, x1)
    x11 = mapply(x10, x9)
    O = paint(x7, x11)
    return O

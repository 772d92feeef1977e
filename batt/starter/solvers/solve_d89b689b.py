from dsl import *
from constants import *


def solve_d89b689b(I):
    x1 = ofcolor(I, EIGHT)
    x2 = apply(initset, x1)
    x3 = objects(I, T, F, T)
    x4 = sizefilter(x3, ONE)
    x5 = lbind(lbind, manhattan)
    x6 = lbind(argmin, x2)
    x7 = compose(x6, x5)
    x8 = fork(recolor, color, x7)
    x9 = mapply(x8, x4)
    x10 = merge(x4)
    x11 = cover(I, x10)
    O = paint(x11, x9)
    return O

from dsl import *
from constants import *


def solve(S, I, C):
    x1 = objects(I, T, F, F)
    x2 = colorfilter(x1, ZERO)
    x3 = rbind(bordering, I)
    x4 = mfilter(x2, x3)
    x5 = ofcolor(I, ZERO)
    x6 = toindices(x4)
    x7 = difference(x5, x6)
    x8 = first(S)
    x9 = apply(palette, x8)
    x10 = last(x9)
    x11 = first(x9)
    x12 = difference(x10, x11)
    x13 = first(x12)
    O = fill(I, x13, x7)
    return O

from dsl import *
from constants import *


def solve(S, I, C):
    x1 = objects(I, T, F, F)
    x2 = colorfilter(x1, FIVE)
    x3 = fork(difference, toindices, box)
    x4 = mapply(x3, x2)
    x5 = first(S)
    x6 = apply(palette, x5)
    x7 = last(x6)
    x8 = first(x6)
    x9 = difference(x7, x8)
    x10 = first(x9)
    O = fill(I, x10, x4)
    return O

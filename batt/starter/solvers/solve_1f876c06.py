from dsl import *
from constants import *


def solve_1f876c06(I):
    x1 = fgpartition(I)
    x2 = rbind(argmin, first)
    x3 = rbind(argmax, first)
    x4 = compose(x2, toindices)
    x5 = compose(x3, toindices)
    x6 = fork(connect, x4, x5)
    x7 = fork(recolor, color, x6)
    x8 = mapply(x7, x1)
    O = paint(I, x8)
    return O

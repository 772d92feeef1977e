from dsl import *
from constants import *


def solve_4347f46a(I):
    x1 = objects(I, T, F, T)
    x2 = mapply(box, x1)
    x3 = merge(x1)
    x4 = toindices(x3)
    x5 = difference(x4, x2)
    O = fill(I, ZERO, x5)
    return O

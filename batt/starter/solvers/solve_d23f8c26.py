from dsl import *
from constants import *


def solve_d23f8c26(I):
    x1 = asindices(I)
    x2 = center(x1)
    x3 = vfrontier(x2)
    x4 = difference(x1, x3)
    O = fill(I, ZERO, x4)
    return O

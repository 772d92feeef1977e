from dsl import *
from constants import *


def solve_868de0fa(I):
    x1 = objects(I, T, F, F)
    x2 = colorfilter(x1, ZERO)
    x3 = sfilter(x2, square)
    x4 = merge(x3)
    x5 = compose(even, height)
    x6 = mfilter(x3, x5)
    x7 = fill(I, SEVEN, x4)
    O = fill(x7, TWO, x6)
    return O

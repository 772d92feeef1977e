from dsl import *
from constants import *


def solve_b230c067(I):
    x1 = objects(I, T, T, T)
    x2 = totuple(x1)
    x3 = compose(normalize, toindices)
    x4 = apply(x3, x2)
    x5 = leastcommon(x4)
    x6 = matcher(x3, x5)
    x7 = extract(x1, x6)
    x8 = replace(I, EIGHT, ONE)
    O = fill(x8, TWO, x7)
    return O

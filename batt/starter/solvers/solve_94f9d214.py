from dsl import *
from constants import *


def solve_94f9d214(I):
    x1 = tophalf(I)
    x2 = bottomhalf(I)
    x3 = replace(x1, THREE, ONE)
    x4 = cellwise(x3, x2, ONE)
    x5 = replace(x4, ZERO, TWO)
    O = replace(x5, ONE, ZERO)
    return O

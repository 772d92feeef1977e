from dsl import *
from constants import *


def solve_1bfc4729(I):
    x1 = tophalf(I)
    x2 = bottomhalf(I)
    x3 = leastcolor(x1)
    x4 = leastcolor(x2)
    x5 = hfrontier(ORIGIN)
    x6 = hfrontier(TWO_BY_ZERO)
    x7 = combine(x5, x6)
    x8 = vfrontier(ORIGIN)
    x9 = tojvec(NINE)
    x10 = vfrontier(x9)
    x11 = combine(x8, x10)
    x12 = combine(x7, x11)
    x13 = fill(x1, x3, x12)
    x14 = hmirror(x2)
    x15 = fill(x14, x4, x12)
    x16 = hmirror(x15)
    O = vconcat(x13, x16)
    return O

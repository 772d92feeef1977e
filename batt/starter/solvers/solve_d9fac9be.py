from dsl import *
from constants import *


def solve_d9fac9be(I):
    x1 = fgpartition(I)
    x2 = merge(x1)
    x3 = toindices(x2)
    x4 = rbind(difference, x3)
    x5 = chain(size, x4, neighbors)
    x6 = matcher(x5, ZERO)
    x7 = extract(x3, x6)
    x8 = index(I, x7)
    O = canvas(x8, UNITY)
    return O

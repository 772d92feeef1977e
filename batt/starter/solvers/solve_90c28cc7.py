from dsl import *
from constants import *


def solve_90c28cc7(I):
    x1 = fgpartition(I)
    x2 = merge(x1)
    x3 = subgrid(x2, I)
    x4 = compose(dmirror, dedupe)
    x5 = x4(x3)
    O = x4(x5)
    return O

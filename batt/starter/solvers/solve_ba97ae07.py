from dsl import *
from constants import *


def solve_ba97ae07(I):
    x1 = fgpartition(I)
    x2 = compose(size, delta)
    x3 = extract(x1, x2)
    x4 = color(x3)
    x5 = delta(x3)
    O = fill(I, x4, x5)
    return O

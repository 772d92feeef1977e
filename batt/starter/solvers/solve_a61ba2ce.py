from dsl import *
from constants import *


def solve_a61ba2ce(I):
    x1 = objects(I, T, F, T)
    x2 = compose(delta, normalize)
    x3 = initset(UNITY)
    x4 = initset(DOWN)
    x5 = initset(RIGHT)
    x6 = initset(ORIGIN)
    x7 = matcher(x2, x3)
    x8 = matcher(x2, x4)
    x9 = matcher(x2, x5)
    x10 = matcher(x2, x6)
    x11 = extract(x1, x7)
    x12 = extract(x1, x8)
    x13 = extract(x1, x9)
    x14 = extract(x1, x10)
    x15 = subgrid(x11, I)
    x16 = subgrid(x12, I)
    x17 = subgrid(x13, I)
    x18 = subgrid(x14, I)
    x19 = hconcat(x15, x16)
    x20 = hconcat(x17, x18)
    O = vconcat(x19, x20)
    return O

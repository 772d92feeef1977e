from dsl import *
from constants import *


def solve(S, I, C):
    x1 = first(S)
    x2 = last(x1)
    x3 = shape(x2)
    O = crop(I, ORIGIN, x3)
    return O

from dsl import *
from constants import *


def solve_68b16354(I):
    x1 = rot180(I)
    O = vmirror(x1)
    return O


def solve_67a3c6ac(I):
    O = hmirror(I)
    return O

from dsl import *
from constants import *


def solve_74dd1130(I):
    O = dmirror(I)
    return O

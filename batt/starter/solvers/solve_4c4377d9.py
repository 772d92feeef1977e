from dsl import *
from constants import *


def solve_4c4377d9(I):
    x1 = fork(vconcat, hmirror, identity)
    O = x1(I)
    return O

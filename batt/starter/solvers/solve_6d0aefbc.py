from dsl import *
from constants import *


def solve_6d0aefbc(I):
    x1 = fork(hconcat, identity, vmirror)
    O = x1(I)
    return O

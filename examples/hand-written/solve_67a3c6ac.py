from dsl import *
from constants import *


def solve(S, I, C):
    O = vmirror(I)
    return O

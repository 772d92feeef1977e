from dsl import *
from constants import *

def solve(S, I, C):
    O = mir_rot_t(I, R0)
    return O

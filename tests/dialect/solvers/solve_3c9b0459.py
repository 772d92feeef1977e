from dsl import *
from constants import *

def solve(S, I, C):
    O = mir_rot_t(I, R5)
    return O

from dsl import *
from constants import *

def solve(S, I, C):
    O = hconcat(I, I)
    return O

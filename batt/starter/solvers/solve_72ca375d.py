from dsl import *
from constants import *


def solve_72ca375d(I):
    x1 = objects(I, T, T, T)
    x2 = rbind(subgrid, I)
    x3 = apply(x2, x1)
    x4 = fork(equality, identity, vmirror)
    O = extract(x3, x4)
    return O

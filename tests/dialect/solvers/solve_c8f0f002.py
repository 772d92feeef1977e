# ruff: noqa
from dsl import *
from constants import *


def solve(S, I, C):
    x1 = rbind(f_ofcolor, SEVEN)
    x2 = lbind(recolor_i, FIVE)
    x3 = compose(x2, x1)
    x4 = fork(paint, identity, x3)
    O = x4(I)
    return O

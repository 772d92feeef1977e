# ruff: noqa
from dsl import *
from constants import *


def solve_b1948b0a(I: Grid) -> Grid:
    x1 = rbind(f_ofcolor, SIX)  # binds by the argument count that the wrapper keeps
    return fill(I, RED, x1(I))

# ruff: noqa
from dsl import *
from constants import *


def solve(S, I, C):
    return paint(fill(I, EIGHT, f_ofcolor(I, FIVE)), recolor_i(FIVE, shift(f_ofcolor(I, EIGHT), (0, 0))))

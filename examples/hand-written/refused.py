from dsl import *


def solve_68b16354(I):
    return tuple(reversed(I))

from dsl import *
from constants import *


def solve_48d8fb45(I):
    x1 = objects(I, T, T, T)
    x2 = ofcolor(I, FIVE)
    x3 = rbind(adjacent, x2)
    x4 = extract(x1, x3)
    O = subgrid(x4, I)
    return O

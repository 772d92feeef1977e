from dsl import *
from constants import *


def solve_d13f3404(I):
    x1 = shape(I)
    x2 = double(x1)
    x3 = canvas(ZERO, x2)
    x4 = fgpartition(I)
    x5 = merge(x4)
    x6 = rbind(shoot, UNITY)
    x7 = compose(x6, last)
    x8 = fork(recolor, first, x7)
    x9 = mapply(x8, x5)
    O = paint(x3, x9)
    return O

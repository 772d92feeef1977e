from dsl import *
from constants import *


def solve_d037b0a7(I):
    x1 = fgpartition(I)
    x2 = rbind(shoot, DOWN)
    x3 = lbind(mapply, x2)
    x4 = compose(x3, toindices)
    x5 = fork(recolor, color, x4)
    x6 = mapply(x5, x1)
    O = paint(I, x6)
    return O

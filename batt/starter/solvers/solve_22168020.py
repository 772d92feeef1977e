from dsl import *
from constants import *


def solve_22168020(I):
    x1 = fgpartition(I)
    x2 = rbind(shoot, LEFT)
    x3 = rbind(shoot, RIGHT)
    x4 = lbind(mapply, x2)
    x5 = lbind(mapply, x3)
    x6 = compose(x4, toindices)
    x7 = compose(x5, toindices)
    x8 = fork(intersection, x6, x7)
    x9 = fork(recolor, color, x8)
    x10 = mapply(x9, x1)
    O = paint(I, x10)
    return O

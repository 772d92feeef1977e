from dsl import *
from constants import *


def solve_7ddcd7ec(I):
    x1 = objects(I, T, F, T)
    x2 = argmax(x1, size)
    x3 = remove(x2, x1)
    x4 = lbind(position, x2)
    x5 = fork(shoot, center, x4)
    x6 = mapply(x5, x3)
    x7 = color(x2)
    O = fill(I, x7, x6)
    return O

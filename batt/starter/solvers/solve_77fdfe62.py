from dsl import *
from constants import *


def solve_77fdfe62(I):
    x1 = trim(I)
    x2 = trim(x1)
    x3 = tophalf(x2)
    x4 = bottomhalf(x2)
    x5 = lefthalf(x3)
    x6 = righthalf(x3)
    x7 = lefthalf(x4)
    x8 = righthalf(x4)
    x9 = asindices(I)
    x10 = ulcorner(x9)
    x11 = urcorner(x9)
    x12 = llcorner(x9)
    x13 = lrcorner(x9)
    x14 = index(I, x10)
    x15 = index(I, x11)
    x16 = index(I, x12)
    x17 = index(I, x13)
    x18 = replace(x5, EIGHT, x14)
    x19 = replace(x6, EIGHT, x15)
    x20 = replace(x7, EIGHT, x16)
    x21 = replace(x8, EIGHT, x17)
    x22 = hconcat(x18, x19)
    x23 = hconcat(x20, x21)
    O = vconcat(x22, x23)
    return O

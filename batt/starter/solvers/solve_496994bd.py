from dsl import *
from constants import *


def solve_496994bd(I):
    x1 = ofcolor(I, ZERO)
    x2 = hmirror(I)
    x3 = toobject(x1, x2)
    O = paint(I, x3)
    return O

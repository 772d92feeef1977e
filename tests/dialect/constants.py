# ruff: noqa
F = False
T = True
ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT, NINE = range(10)
F0, F1, F2 = 0, 1, 2  # rank from the first
L1, L2, L3 = -1, -2, -3  # rank from the last
R0, R1, R2, R3, R4, R5, R6 = range(7)  # modes
RED, BLUE = 2, 1
DOWN = (1, 0)
RIGHT = (0, 1)
UNKNOWN_COLOR = float("nan")
COLOR_NAMES = {"RED": RED, "BLUE": BLUE}

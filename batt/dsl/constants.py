"""The 28 named constants of the DSL: truth values, small numbers, directions and sizes."""

from batt.dsl.types import Boolean, Integer, IntegerTuple

F: Boolean = False
"""False, as a flag of `objects`."""
T: Boolean = True
"""True, as a flag of `objects`."""

ZERO: Integer = 0
"""0: black, or nothing."""
ONE: Integer = 1
"""1: blue."""
TWO: Integer = 2
"""2: red."""
THREE: Integer = 3
"""3: green."""
FOUR: Integer = 4
"""4: yellow."""
FIVE: Integer = 5
"""5: grey."""
SIX: Integer = 6
"""6: magenta."""
SEVEN: Integer = 7
"""7: orange."""
EIGHT: Integer = 8
"""8: cyan."""
NINE: Integer = 9
"""9: burgundy."""
TEN: Integer = 10
"""10: the first number that is no colour."""
NEG_ONE: Integer = -1
"""-1."""
NEG_TWO: Integer = -2
"""-2."""

DOWN: IntegerTuple = (1, 0)
"""One row down."""
RIGHT: IntegerTuple = (0, 1)
"""One column to the right."""
UP: IntegerTuple = (-1, 0)
"""One row up."""
LEFT: IntegerTuple = (0, -1)
"""One column to the left."""
ORIGIN: IntegerTuple = (0, 0)
"""The upper left cell of a grid; no movement."""
UNITY: IntegerTuple = (1, 1)
"""Down and right; the size of one cell."""
NEG_UNITY: IntegerTuple = (-1, -1)
"""Up and left."""
UP_RIGHT: IntegerTuple = (-1, 1)
"""Up and right."""
DOWN_LEFT: IntegerTuple = (1, -1)
"""Down and left."""
ZERO_BY_TWO: IntegerTuple = (0, 2)
"""Two columns to the right."""
TWO_BY_ZERO: IntegerTuple = (2, 0)
"""Two rows down."""
TWO_BY_TWO: IntegerTuple = (2, 2)
"""Two rows down and two columns right; the size of a 2 x 2 grid."""
THREE_BY_THREE: IntegerTuple = (3, 3)
"""The size of a 3 x 3 grid."""

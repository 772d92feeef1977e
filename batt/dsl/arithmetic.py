"""Numbers, pairs and truth values.

`isinstance(x, int)` decides between a number and a pair; anything else is indexed `[0]`, `[1]`. Where one argument
is a number and the other a pair, the number meets both components.
"""

from typing import Any

from batt.dsl.types import Boolean, Integer, IntegerSet, IntegerTuple, Numerical, Tuple


def add(a: Numerical, b: Numerical) -> Numerical:
    """Return a + b, per component if either is a pair."""
    if isinstance(a, int):
        return a + b if isinstance(b, int) else (a + b[0], a + b[1])
    if isinstance(b, int):
        return (a[0] + b, a[1] + b)
    return (a[0] + b[0], a[1] + b[1])


def subtract(a: Numerical, b: Numerical) -> Numerical:
    """Return a - b, per component if either is a pair."""
    if isinstance(a, int):
        return a - b if isinstance(b, int) else (a - b[0], a - b[1])
    if isinstance(b, int):
        return (a[0] - b, a[1] - b)
    return (a[0] - b[0], a[1] - b[1])


def multiply(a: Numerical, b: Numerical) -> Numerical:
    """Return a * b, per component if either is a pair."""
    if isinstance(a, int):
        return a * b if isinstance(b, int) else (a * b[0], a * b[1])
    if isinstance(b, int):
        return (a[0] * b, a[1] * b)
    return (a[0] * b[0], a[1] * b[1])


def divide(a: Numerical, b: Numerical) -> Numerical:
    """Return a // b, rounded toward minus infinity, per component if either is a pair; ZeroDivisionError at zero."""
    if isinstance(a, int):
        return a // b if isinstance(b, int) else (a // b[0], a // b[1])
    if isinstance(b, int):
        return (a[0] // b, a[1] // b)
    return (a[0] // b[0], a[1] // b[1])


def invert(n: Numerical) -> Numerical:
    """Return -n, per component of a pair."""
    return -n if isinstance(n, int) else (-n[0], -n[1])


def double(n: Numerical) -> Numerical:
    """Return 2n, per component of a pair."""
    return n * 2 if isinstance(n, int) else (n[0] * 2, n[1] * 2)


def halve(n: Numerical) -> Numerical:
    """Return n // 2, rounded toward minus infinity (-5 gives -3), per component of a pair."""
    return n // 2 if isinstance(n, int) else (n[0] // 2, n[1] // 2)


def increment(x: Numerical) -> Numerical:
    """Return x + 1, per component of a pair."""
    return x + 1 if isinstance(x, int) else (x[0] + 1, x[1] + 1)


def decrement(x: Numerical) -> Numerical:
    """Return x - 1, per component of a pair."""
    return x - 1 if isinstance(x, int) else (x[0] - 1, x[1] - 1)


def crement(x: Numerical) -> Numerical:
    """Return x one step further from zero, per component of a pair; 0 stays 0."""
    if isinstance(x, int):
        return x + (x > 0) - (x < 0)
    i, j = x[0], x[1]
    return (i + (i > 0) - (i < 0), j + (j > 0) - (j < 0))


def sign(x: Numerical) -> Numerical:
    """Return -1, 0 or 1, per component of a pair."""
    if isinstance(x, int):
        return (x > 0) - (x < 0)
    return ((x[0] > 0) - (x[0] < 0), (x[1] > 0) - (x[1] < 0))


def even(n: Integer) -> Boolean:
    """Return whether n is divisible by 2; TypeError for a pair."""
    return n % 2 == 0


def positive(x: Integer) -> Boolean:
    """Return whether x is above 0."""
    return x > 0


def greater(a: Integer, b: Integer) -> Boolean:
    """Return whether a is above b; any two comparable values do."""
    return a > b


def flip(b: Boolean) -> Boolean:
    """Return the negation of b's truth value, whatever b is."""
    return not b


def both(a: Boolean, b: Boolean) -> Boolean:
    """Return `a and b`: one of the two operands itself."""
    return a and b


def either(a: Boolean, b: Boolean) -> Boolean:
    """Return `a or b`: one of the two operands itself."""
    return a or b


def equality(a: Any, b: Any) -> Boolean:
    """Return whether a == b (1 equals True; a tuple never equals a frozenset)."""
    return a == b  # type: ignore[no-any-return] # the values are anything; all DSL values answer == with a bool


def toivec(i: Integer) -> IntegerTuple:
    """Return the vector of i rows, (i, 0)."""
    return (i, 0)


def tojvec(j: Integer) -> IntegerTuple:
    """Return the vector of j columns, (0, j)."""
    return (0, j)


def astuple(a: Integer, b: Integer) -> IntegerTuple:
    """Return the pair (a, b) of any two values."""
    return (a, b)


def interval(start: Integer, stop: Integer, step: Integer) -> Tuple:
    """Return the range as a tuple, `()` if empty; ValueError for step 0."""
    return tuple(range(start, stop, step))


def maximum(container: IntegerSet) -> Integer:
    """Return the largest item, 0 if there is none."""
    return max(container, default=0)


def minimum(container: IntegerSet) -> Integer:
    """Return the smallest item, 0 if there is none."""
    return min(container, default=0)


def identity(x: Any) -> Any:
    """Return x itself."""
    return x

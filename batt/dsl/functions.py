"""Functions that make or use functions.

A made function is a plain closure with a `__code__`: `rbind` and `lbind` read the number of declared positional
parameters there, so binds can be nested and functions of functions can be bound. It is equal to itself only.

A StopIteration raised by a callback while a result is built surfaces as RuntimeError, as it does from a generator;
the functions use list comprehensions, which are faster but would let it pass, hence the translation.
"""

from itertools import chain as flatten
from typing import Any

from batt.dsl.types import Callable, Container, ContainerContainer, FrozenSet, Integer, Tuple


def compose(outer: Callable, inner: Callable) -> Callable:
    """Return x -> outer(inner(x))."""
    return lambda x: outer(inner(x))


def chain(h: Callable, g: Callable, f: Callable) -> Callable:
    """Return x -> h(g(f(x)))."""
    return lambda x: h(g(f(x)))


def fork(outer: Callable, a: Callable, b: Callable) -> Callable:
    """Return x -> outer(a(x), b(x)); a is evaluated first."""
    return lambda x: outer(a(x), b(x))


def matcher(function: Callable, target: Any) -> Callable:
    """Return x -> (function(x) == target)."""
    return lambda x: function(x) == target


def power(function: Callable, n: Integer) -> Callable:
    """Return the function applied n times over, itself for n = 1; RecursionError for n below 1 or near 1000."""
    return function if n == 1 else compose(function, power(function, n - 1))


def rbind(function: Callable, fixed: Any) -> Callable:
    """Return the function with its last argument fixed; AttributeError where there is no `__code__` (len).

    The result takes 1 argument if the function declares 2, 2 if it declares 3, else 3.
    """
    arity = function.__code__.co_argcount
    if arity == 2:
        return lambda x: function(x, fixed)
    if arity == 3:
        return lambda x, y: function(x, y, fixed)
    return lambda x, y, z: function(x, y, z, fixed)


def lbind(function: Callable, fixed: Any) -> Callable:
    """Return the function with its first argument fixed; AttributeError where there is no `__code__` (len).

    The result takes 1 argument if the function declares 2, 2 if it declares 3, else 3.
    """
    arity = function.__code__.co_argcount
    if arity == 2:
        return lambda y: function(fixed, y)
    if arity == 3:
        return lambda y, z: function(fixed, y, z)
    return lambda y, z, a: function(fixed, y, z, a)


def apply(function: Callable, container: Container) -> Container:
    """Return the function's values on the items: in a frozenset equal values fall together, a grid goes by rows."""
    try:
        return type(container)([function(item) for item in container])
    except StopIteration as stop:
        raise RuntimeError("function raised StopIteration") from stop


def rapply(functions: Container, value: Any) -> Container:
    """Return the values of several functions on one value, in the type of the functions' container."""
    try:
        return type(functions)([function(value) for function in functions])
    except StopIteration as stop:
        raise RuntimeError("function raised StopIteration") from stop


def mapply(function: Callable, container: ContainerContainer) -> FrozenSet:
    """Return merge(apply(function, container)): a tuple gives a tuple with duplicates."""
    values: Any = apply(function, container)
    merged: Any = type(values)(flatten.from_iterable(values))
    return merged  # type: ignore[no-any-return] # the declared type holds for sets only


def papply(function: Callable, a: Tuple, b: Tuple) -> Tuple:
    """Return the function's values on items side by side, as many as the shorter one has."""
    try:
        return tuple([function(x, y) for x, y in zip(a, b, strict=False)])
    except StopIteration as stop:
        raise RuntimeError("function raised StopIteration") from stop


def mpapply(function: Callable, a: Tuple, b: Tuple) -> Tuple:
    """Return merge(papply(function, a, b)), always a tuple."""
    return tuple(flatten.from_iterable(papply(function, a, b)))


def prapply(function: Callable, a: Container, b: Container) -> FrozenSet:
    """Return the set of the function's values on every pair of items, built with b as the outer loop."""
    try:
        return frozenset([function(x, y) for y in b for x in a])
    except StopIteration as stop:
        raise RuntimeError("function raised StopIteration") from stop

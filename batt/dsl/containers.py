"""Tuples and frozensets of anything: pick, filter, join, rank.

A result has the type of the first container unless the docstring names another. Tuples keep order and duplicates.
A frozenset is built in one pass over its argument's own order: equal sets built otherwise may iterate otherwise, and
"first", "last" and every tie follow the iteration order.

A StopIteration raised by a callback while a result is built surfaces as RuntimeError, as it does from a generator;
the functions use list comprehensions, which are faster but would let it pass, hence the translation.
"""

from itertools import chain
from typing import Any

from batt.dsl.types import (
    Boolean,
    Callable,
    Container,
    ContainerContainer,
    FrozenSet,
    Integer,
    Tuple,
    TupleTuple,
)


def size(container: Container) -> Integer:
    """Return the number of items (of a grid: rows)."""
    return len(container)


def contained(value: Any, container: Container) -> Boolean:
    """Return whether value equals an item."""
    return value in container


def combine(a: Container, b: Container) -> Container:
    """Return a's items, then b's, in the type of a: grids stack, sets unite."""
    return type(a)((*a, *b))


def intersection(a: FrozenSet, b: FrozenSet) -> FrozenSet:
    """Return the common items of two sets; TypeError for tuples."""
    return a & b


def difference(a: FrozenSet, b: FrozenSet) -> FrozenSet:
    """Return the items of a that are not in b, in the type of a, which may be a tuple; b is any container."""
    return type(a)([item for item in a if item not in b])


def insert(value: Any, container: FrozenSet) -> FrozenSet:
    """Return the set and value; AttributeError for a tuple, TypeError if value cannot be hashed."""
    return container.union({value})


def remove(value: Any, container: Container) -> Container:
    """Return the container without all items that equal value; there may be none."""
    return type(container)([item for item in container if item != value])


def other(container: Container, value: Any) -> Any:
    """Return the first item of remove(value, container); StopIteration if nothing is left."""
    # The smaller set is built in full: what comes first in it need not come first in the larger one.
    return next(iter(type(container)([item for item in container if item != value])))


def dedupe(tup: Tuple) -> Tuple:
    """Return the tuple without repetitions, each item where it first stood; AttributeError for a set."""
    if isinstance(tup, tuple):
        return tuple(dict.fromkeys(tup))
    return tuple([item for position, item in enumerate(tup) if tup.index(item) == position])


def order(container: Container, compfunc: Callable) -> Tuple:
    """Return the items sorted by ascending key; ties keep the iteration order."""
    return tuple(sorted(container, key=compfunc))


def repeat(item: Any, num: Integer) -> Tuple:
    """Return num times item, `()` if num is not positive."""
    return (item,) * num


def merge(containers: ContainerContainer) -> Container:
    """Return the items of the items, one level flatter, in the type of the outer container."""
    return type(containers)(chain.from_iterable(containers))


def totuple(container: FrozenSet) -> Tuple:
    """Return the items as a tuple, in iteration order."""
    return tuple(container)


def initset(value: Any) -> FrozenSet:
    """Return the set of value alone; TypeError if it cannot be hashed."""
    return frozenset((value,))


def first(container: Container) -> Any:
    """Return the first item in iteration order; StopIteration if there is none."""
    return next(iter(container))


def last(container: Container) -> Any:
    """Return the last item in iteration order; ValueError if there is none."""
    if isinstance(container, tuple) and container:
        return container[-1]
    *_, item = container  # unpacking nothing raises the ValueError
    return item


def extract(container: Container, condition: Callable) -> Any:
    """Return the first item that meets the condition; StopIteration if none does."""
    return next(item for item in container if condition(item))


def sfilter(container: Container, condition: Callable) -> Container:
    """Return the items that meet the condition."""
    try:
        return type(container)([item for item in container if condition(item)])
    except StopIteration as stop:
        raise RuntimeError("condition raised StopIteration") from stop


def mfilter(container: Container, function: Callable) -> FrozenSet:
    """Return merge(sfilter(container, function)): a tuple gives a tuple."""
    kept = sfilter(container, function)
    merged: Any = type(kept)(chain.from_iterable(kept))
    return merged  # type: ignore[no-any-return] # the declared type holds for sets only


def argmax(container: Container, compfunc: Callable) -> Any:
    """Return the item with the largest key, the first of equals; ValueError if there is none."""
    return max(container, key=compfunc)


def argmin(container: Container, compfunc: Callable) -> Any:
    """Return the item with the smallest key, the first of equals; ValueError if there is none."""
    return min(container, key=compfunc)


def valmax(container: Container, compfunc: Callable) -> Integer:
    """Return the largest key itself; of nothing, compfunc(0)."""
    keys = [compfunc(item) for item in container]
    return max(keys) if keys else compfunc(0)  # type: ignore[no-any-return]


def valmin(container: Container, compfunc: Callable) -> Integer:
    """Return the smallest key itself; of nothing, compfunc(0)."""
    keys = [compfunc(item) for item in container]
    return min(keys) if keys else compfunc(0)  # type: ignore[no-any-return]


def mostcommon(container: Container) -> Any:
    """Return the most frequent item of a tuple, ties by the order of the set of items; ValueError if empty."""
    items: Any = container  # a frozenset has no count: AttributeError
    return max(set(items), key=items.count)


def leastcommon(container: Container) -> Any:
    """Return the least frequent item of a tuple, ties by the order of the set of items; ValueError if empty."""
    items: Any = container
    return min(set(items), key=items.count)


def product(a: Container, b: Container) -> FrozenSet:
    """Return all pairs of an item of a and an item of b, built with b as the outer loop."""
    return frozenset([(x, y) for y in b for x in a])


def pair(a: Tuple, b: Tuple) -> TupleTuple:
    """Return the pairs of items side by side, as many as the shorter one has."""
    return tuple(zip(a, b, strict=False))


def branch(condition: Boolean, a: Any, b: Any) -> Any:
    """Return a if condition is truthy, else b; both are evaluated already."""
    return a if condition else b


def sizefilter(container: Container, n: Integer) -> FrozenSet:
    """Return the set of the items of length n, whatever the container's type."""
    return frozenset([item for item in container if len(item) == n])

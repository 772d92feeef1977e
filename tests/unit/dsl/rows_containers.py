"""Cases of the rows on containers and on functions of containers."""

from __future__ import annotations

from typing import Any

from batt.dsl import add, center, color, crop, even, first, identity, increment, initset, interval, invert, objects
from batt.dsl import lbind as bind_first
from batt.dsl import rbind as bind_last
from batt.dsl import size as length
from tests.unit.dsl.rows import EMPTY, Case, cells, of, sets, stop

ZERO_FIRST, EIGHT_FIRST = frozenset([0, 8]), frozenset([8, 0])
"""Equal sets that iterate differently: the earlier of two clashing items keeps its slot."""


def subset_key(number: int) -> frozenset[int]:
    """Return a frozenset key: 1 < 3 and 2 < 3 as sets of bits, 1 and 2 cannot be compared."""
    return frozenset(bit for bit in range(4) if number >> bit & 1)


def both_arguments(x: Any, y: Any) -> Any:
    """Return the arguments."""
    return (x, y)


ROWS: dict[str, list[Case]] = {
    "size": [
        of((1, 1)).gives(2),
        of(sets(1, 1)).gives(1),
        of(()).gives(0),
        of(((1, 2, 3),)).gives(1),
        of(3).fails(TypeError),
    ],
    "contained": [
        of(1, (1, 2)).gives(True),
        of(True, sets(1)).gives(True),
        of((1, 2), sets((1, 2))).gives(True),
        of(1, EMPTY).gives(False),
        of(1, 1).fails(TypeError),
    ],
    "combine": [
        of((1, 2), (2, 3)).gives((1, 2, 2, 3)),
        of(sets(1), sets(1, 2)).gives(sets(1, 2)),
        of((1,), sets(1)).gives((1, 1)),
        of(sets(1), (1, 1)).gives(sets(1)),
        of((), EMPTY).gives(()),
        of(((1, 2),), ((3, 4),)).gives(((1, 2), (3, 4))),
        of(1, (1,)).fails(TypeError),
        of((1,), 1).fails(TypeError),
    ],
    "intersection": [
        of(sets(1, 2), sets(2, 3)).gives(sets(2)),
        of(sets(1), EMPTY).gives(EMPTY),
        of((1,), (1,)).fails(TypeError),
        of(sets(1), (1,)).fails(TypeError),
    ],
    "difference": [
        of(sets(1, 2), sets(2, 3)).gives(sets(1)),
        of((1, 2, 1, 3), (3,)).gives((1, 2, 1)),
        of(sets(1, 2), (2,)).gives(sets(1)),
        of(EMPTY, sets(1)).gives(EMPTY),
        of(sets(1), 1).fails(TypeError),
    ],
    "insert": [
        of(1, EMPTY).gives(sets(1)),
        of(1, sets(1, 2)).gives(sets(1, 2)),
        of(((1,),), sets(1)).gives(sets(1, ((1,),))),
        of(1, (1,)).fails(AttributeError),
        of([], EMPTY).fails(TypeError),
    ],
    "remove": [
        of(1, (1, 2, 1)).gives((2,)),
        of(1, sets(1, 2)).gives(sets(2)),
        of(5, (1, 2)).gives((1, 2)),
        of(True, (1, 2)).gives((2,)),
        of((0, 0), ((0, 0), (1, 1))).gives(((1, 1),)),
        of(1, EMPTY).gives(EMPTY),
        of(1, 1).fails(TypeError),
    ],
    "other": [
        of((1, 2, 3), 1).gives(2),
        of(sets(1, 2), 2).gives(1),
        of((1, 2), 5).gives(1),
        of(sets(1), 1).fails(StopIteration),
        of((), 1).fails(StopIteration),
        # The rest is a set of its own: 16 and 0 clash there, but not in the larger table they come from.
        of(frozenset([0, 8, 16, 1, 2, 3]), 3).gives(next(iter(frozenset(i for i in [0, 1, 2, 3, 8, 16] if i != 3)))),
    ],
    "dedupe": [
        of((1, 2, 1, 3, 2)).gives((1, 2, 3)),
        of(()).gives(()),
        of((1, True, 2)).gives((1, 2)),
        of(((1, 2), (1, 2))).gives(((1, 2),)),
        of(sets(1, 2)).fails(AttributeError),
        of(3).fails(TypeError),
    ],
    "order": [
        of((3, 1, 2), identity).gives((1, 2, 3)),
        of(((1, 1), (0, 2), (5, 1)), lambda item: item[1]).gives(((1, 1), (5, 1), (0, 2))),
        of(ZERO_FIRST, even).gives((0, 8)),
        of(EIGHT_FIRST, even).gives((8, 0)),
        of(EMPTY, identity).gives(()),
        of((1, 2), stop).fails(StopIteration),
        of((1, (1, 1)), identity).fails(TypeError),
    ],
    "repeat": [
        of(1, 3).gives((1, 1, 1)),
        of((1,), 2).gives(((1,), (1,))),
        of(1, 0).gives(()),
        of(1, -1).gives(()),
        of(1, (1, 1)).fails(TypeError),
    ],
    "merge": [
        of(sets(sets(1, 2), sets(2, 3))).gives(sets(1, 2, 3)),
        of(((1, 2), (2, 3))).gives((1, 2, 2, 3)),
        of((sets(1), (1,))).gives((1, 1)),
        of(sets((1, 1), sets(2))).gives(sets(1, 2)),
        of(EMPTY).gives(EMPTY),
        of(()).gives(()),
        of((1, 2)).fails(TypeError),
        of(3).fails(TypeError),
    ],
    "totuple": [
        of(ZERO_FIRST).gives((0, 8)),
        of(EIGHT_FIRST).gives((8, 0)),
        of(EMPTY).gives(()),
        of((1, 1)).gives((1, 1)),
    ],
    "initset": [of(1).gives(sets(1)), of(()).gives(sets(())), of(stop).gives(sets(stop)), of([]).fails(TypeError)],
    "first": [
        of((3, 1)).gives(3),
        of(ZERO_FIRST).gives(0),
        of(EIGHT_FIRST).gives(8),
        of(((1, 2), (3, 4))).gives((1, 2)),
        of(()).fails(StopIteration),
        of(EMPTY).fails(StopIteration),
        of(3).fails(TypeError),
    ],
    "last": [
        of((3, 1)).gives(1),
        of(ZERO_FIRST).gives(8),
        of(EIGHT_FIRST).gives(0),
        of(sets(5)).gives(5),
        of(()).fails(ValueError),
        of(EMPTY).fails(ValueError),
        of(3).fails(TypeError),
    ],
    "extract": [
        of((1, 2, 4), even).gives(2),
        of(EIGHT_FIRST, even).gives(8),
        of((1, 3), even).fails(StopIteration),
        of(EMPTY, even).fails(StopIteration),
        of((1,), stop).fails(RuntimeError),
        of((1, 2), identity).gives(1),
    ],
    "sfilter": [
        of((2, 1, 2), even).gives((2, 2)),
        of(sets(1, 2), even).gives(sets(2)),
        of((0, 1, (), (0,)), identity).gives((1, (0,))),
        of(EMPTY, stop).gives(EMPTY),
        of((1,), stop).fails(RuntimeError),
        of(sets(EMPTY), first).fails(RuntimeError),
        of(3, even).fails(TypeError),
    ],
    "mfilter": [
        of(sets(sets(1, 2), sets(3)), lambda item: len(item) == 2).gives(sets(1, 2)),
        of(((1, 2), (1, 2), (3,)), lambda item: len(item) == 2).gives((1, 2, 1, 2)),
        of(EMPTY, identity).gives(EMPTY),
        of((), identity).gives(()),
        of((1, 2), identity).fails(TypeError),
        of((1,), stop).fails(RuntimeError),
    ],
    "argmax": [
        of((1, -3, 2), identity).gives(2),
        of((-3, 3), abs).gives(-3),
        of(ZERO_FIRST, even).gives(0),
        of(EIGHT_FIRST, even).gives(8),
        # 1 and 2 are no supersets of one another: the champion stays; 3 is one of both.
        of((1, 2, 4), subset_key).gives(1),
        of((2, 1, 3), subset_key).gives(3),
        of((3, 4, 1), subset_key).gives(3),
        of(EMPTY, identity).fails(ValueError),
        of((1, 2), stop).fails(StopIteration),
    ],
    "argmin": [
        of((1, -3, 2), identity).gives(-3),
        of((-3, 3), abs).gives(-3),
        of(EIGHT_FIRST, even).gives(8),
        of((1, 2, 4), subset_key).gives(1),
        of((3, 4, 1), subset_key).gives(1),
        of((), identity).fails(ValueError),
        of((1, 2), stop).fails(StopIteration),
    ],
    "valmax": [
        of((1, -3, 2), abs).gives(3),
        of((1, -3, 2), identity).gives(2),
        of((sets(1), sets(1, 2)), length).gives(2),
        of((1, 2, 3, 4), subset_key).gives(sets(0, 1)),
        of(EMPTY, identity).gives(0),
        of((), increment).gives(1),
        of((), length).fails(TypeError),
        of((1, 2), stop).fails(StopIteration),
        of((1,), stop).fails(StopIteration),
        of((), stop).fails(StopIteration),
    ],
    "valmin": [
        of((1, -3, 2), abs).gives(1),
        of((1, -3, 2), identity).gives(-3),
        of((3, 4, 2), subset_key).gives(sets(1)),
        of(EMPTY, identity).gives(0),
        of((), length).fails(TypeError),
        of((1, 2), stop).fails(StopIteration),
        of((1,), stop).fails(StopIteration),
    ],
    "mostcommon": [
        of((1, 2, 2)).gives(2),
        of((3, 2, 3, 2)).gives(2),  # the set {3, 2} is scanned from 2
        of((8, 1)).gives(8),  # slot 0 before slot 1
        of((8, 0)).gives(8),  # both slot 0: the earlier keeps it
        of((0, 8)).gives(0),
        of(((1, 1), (0, 0), (1, 1))).gives((1, 1)),
        of(()).fails(ValueError),
        of(sets(1)).fails(AttributeError),
        of(EMPTY).fails(AttributeError),
    ],
    "leastcommon": [
        of((1, 2, 2)).gives(1),
        of((3, 2)).gives(2),
        of((8, 0)).gives(8),
        of((0, 8)).gives(0),
        of(()).fails(ValueError),
        of(sets(1)).fails(AttributeError),
    ],
    "product": [
        of(sets(1, 2), sets(3)).gives(sets((1, 3), (2, 3))),
        of((1, 1), (2, 2)).gives(sets((1, 2))),
        of((1,), EMPTY).gives(EMPTY),
        of(1, (1,)).fails(TypeError),
    ],
    "pair": [
        of((1, 2), (3, 4)).gives(((1, 3), (2, 4))),
        of((1, 2, 3), (4,)).gives(((1, 4),)),
        of((), (1,)).gives(()),
        of(EIGHT_FIRST, (1, 2)).gives(((8, 1), (0, 2))),
        of(1, (1,)).fails(TypeError),
    ],
    "branch": [of(True, 1, 2).gives(1), of(False, 1, 2).gives(2), of((), 1, 2).gives(2), of((0,), 1, 2).gives(1)],
    "sizefilter": [
        of(((1,), (2, 3), (4,)), 1).gives(sets((1,), (4,))),
        of(sets(sets(1), sets(1, 2)), 2).gives(sets(sets(1, 2))),
        of((), 1).gives(EMPTY),
        of((1,), 1).fails(TypeError),
    ],
    "compose": [
        of(invert, increment).then(1).gives(-2),
        of(color, initset).then((4, (0, 0))).gives(4),
        of(first, identity).then(()).fails(StopIteration),
    ],
    "chain": [of(invert, increment, abs).then(-2).gives(-3), of(identity, stop, identity).then(1).fails(StopIteration)],
    "fork": [
        of(add, identity, invert).then(4).gives(0),
        of(both_arguments, increment, invert).then(1).gives((2, -1)),
        of(add, stop, center).then(()).fails(StopIteration),  # a is evaluated before b, which would raise ValueError
    ],
    "matcher": [
        of(length, 2).then((1, 1)).gives(True),
        of(length, 2).then(()).gives(False),
        of(identity, 1).then(True).gives(True),
        of(stop, 1).then(1).fails(StopIteration),
    ],
    "power": [
        of(increment, 1).gives(increment),
        of(increment, 3).then(0).gives(3),
        of(invert, 2).then(5).gives(5),
        of(increment, 0).fails(RecursionError),
        of(increment, -1).fails(RecursionError),
        of(increment, 2000).fails(RecursionError),
    ],
    "rbind": [
        of(add, 1).then((2, 3)).gives((3, 4)),
        of(interval, 2).then(0, 5).gives((0, 2, 4)),
        of(bind_last(crop, (1, 1)), (0, 1)).then(((1, 2), (3, 4))).gives(((2,),)),
        of(objects, True).then(((0, 1),), True, True).gives(sets(cells(1, (0, 1)))),
        of(both_arguments, 2).then(1).gives((1, 2)),
        of(lambda x, y=5: (x, y), 2).then(1).gives((1, 2)),  # defaults count
        of(invert, 1).then(1, 2, 3).fails(TypeError),  # one argument too many, told at the call
        of(lambda *values: values, 9).then(1, 2, 3).gives((1, 2, 3, 9)),  # none declared: taken as four
        of(len, 1).fails(AttributeError),
        of(sets(1), 1).fails(AttributeError),
    ],
    "lbind": [
        of(both_arguments, 1).then(2).gives((1, 2)),
        of(interval, 0).then(5, 2).gives((0, 2, 4)),
        of(bind_first, bind_last).then(add).then(1).then(2).gives(3),
        of(bind_last, add).then(1).then((1, 1)).gives((2, 2)),
        of(objects, ((0, 1),)).then(True, True, True).gives(sets(cells(1, (0, 1)))),
        of(invert, 1).then(2, 3, 4).fails(TypeError),
        of(max, 1).fails(AttributeError),
    ],
    "apply": [
        of(increment, (1, 1)).gives((2, 2)),
        of(even, sets(1, 2, 3)).gives(sets(False, True)),
        of(length, ((1, 2), (3, 4))).gives((2, 2)),
        of(stop, ()).gives(()),
        of(stop, (1,)).fails(RuntimeError),
        of(first, sets(EMPTY)).fails(RuntimeError),
        of(increment, 3).fails(TypeError),
        of(list, sets((1,))).fails(TypeError),
    ],
    "rapply": [
        of((increment, invert), 3).gives((4, -3)),
        of(sets(increment), 3).gives(sets(4)),
        of((), 3).gives(()),
        of((first,), ()).fails(RuntimeError),
        of((1,), 3).fails(TypeError),
    ],
    "mapply": [
        of(initset, sets(1, 2)).gives(sets(1, 2)),
        of(initset, (1, 1)).gives((1, 1)),
        of(stop, EMPTY).gives(EMPTY),
        of(increment, (1,)).fails(TypeError),
        of(first, ((),)).fails(RuntimeError),
    ],
    "papply": [
        of(add, (1, 2), (3, 4)).gives((4, 6)),
        of(add, (1, 2, 3), (3,)).gives((4,)),
        of(both_arguments, EIGHT_FIRST, ZERO_FIRST).gives(((8, 0), (0, 8))),
        of(stop, (), (1,)).gives(()),
        of(stop, (1,), (1,)).fails(RuntimeError),
    ],
    "mpapply": [
        of(both_arguments, (1, 2), (3, 4)).gives((1, 3, 2, 4)),
        of(cells, (1, 2), ((0, 0), (0, 0))).gives(((1, (0, 0)), (2, (0, 0)))),
        of(stop, (), ()).gives(()),
        of(add, (1,), (1,)).fails(TypeError),
        of(stop, (1,), (1,)).fails(RuntimeError),
    ],
    "prapply": [
        of(add, (1, 2), sets(10)).gives(sets(11, 12)),
        of(add, (1, 2), (2, 1)).gives(sets(2, 3, 4)),
        of(stop, EMPTY, (1,)).gives(EMPTY),
        of(stop, (1,), (1,)).fails(RuntimeError),
    ],
}

"""Values of a DSL are compared and digested whatever they are."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from batt.solver.values import canonical_text, is_equal, size_of, value_digest

DIFFERENT: list[Any] = [
    (),
    ((),),
    ((), ()),
    ((0,),),
    ((1,),),
    ((1, 0),),
    ((1,), (0,)),
    ((1, 10, 2),),
    ((1,), (2,)),
    ((1,), (10, 2)),
    ((255,),),
    ((256,),),
    ((-1,),),
    (1, 0),
    (10,),
    ((1, (2, 3)),),
    frozenset(),
    frozenset({(1, 2), (3, 4)}),
    ((1, 2), (3, 4)),
    frozenset({((1, 2), (3, 4))}),
    frozenset({frozenset({1})}),
    frozenset({(5, (0, 1))}),
    0,
    1,
    -1,
    10**30,
    0.5,
    None,
    "text",
    (0.5,),
    (None,),
    "(1,0)",
    [1],
    bytes,
]


def test_different_values_have_different_digests() -> None:
    digests = {value_digest(value): value for value in DIFFERENT}

    assert len(digests) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (((1, 0),), ((True, False),)),
        ((1, (0, 2)), (True, (False, 2))),
        (frozenset({1}), frozenset({True})),
        (lambda: 1, lambda: 2),
        ((len,), (sorted,)),
    ],
)
def test_equal_values_and_functions_have_one_digest(one: Any, other: Any) -> None:
    assert value_digest(one) == value_digest(other)


def test_the_order_in_which_a_set_was_built_does_not_matter() -> None:
    cells = [(color, (row, column)) for color in (1, 9, 17) for row in range(6) for column in range(6)]
    one, other = frozenset(cells), frozenset(reversed(cells))

    assert list(one) != list(other)
    assert value_digest(one) == value_digest(other)
    assert len({value_digest(frozenset({(8, 0), (0, 8)})), value_digest(frozenset({(0, 8), (8, 0)}))}) == 1


def test_digests_are_the_same_in_every_process() -> None:
    program = (
        "from batt.solver.values import value_digest\n"
        "print(value_digest((frozenset({'a', 'b', 'c'}), ((1, 2),), frozenset({(1, 2), (3, 4)}), len, None)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(found) == 1


def test_a_value_too_deep_to_be_written_out_raises_recursion_error() -> None:
    value: Any = ()
    for _ in range(100_000):
        value = (value,)

    with pytest.raises(RecursionError):
        value_digest(value)


def test_canonical_texts_by_hand() -> None:
    assert canonical_text((True, frozenset({2, 10}), (), None, 1.5)) == "(1,{10,2},(),None,1.5)"


class Strange:
    """A value of a DSL with a mind of its own."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __eq__(self, other: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    __hash__ = None  # type: ignore[assignment] # as lists and arrays


class Undecided:
    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


def test_equality_is_that_of_python() -> None:
    assert is_equal(((1, 0),), ((1, 0),))
    assert is_equal(((True, False),), ((1, 0),))
    assert not is_equal([[1, 0]], ((1, 0),))
    assert not is_equal(frozenset({(1, 0)}), ((1, 0),))
    assert not is_equal(None, ((1, 0),))
    assert is_equal(Strange(answer=True), ((1, 0),))


def test_what_cannot_be_compared_is_not_equal() -> None:
    assert not is_equal(Strange(Undecided()), ((1, 0),))


def pieces() -> Iterator[Any]:
    yield from ((), (0,), (3,), (-2, 1), (True,), (False, 1), (0.0,), (None,), ("1",), ((1,),), 5, None, [1], {1})


def test_a_size_is_the_whole_number_at_the_head_of_a_tuple() -> None:
    found = [size_of(value) for value in pieces()]

    assert found == [None, 0, 3, -2, *itertools.repeat(None, 10)]

"""Values go into the sandbox and come out of it as what they are, or not at all."""

from __future__ import annotations

import collections
import enum
import json
import math
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from batt.hal.benchmarks import humaneval_child, regex_child
from batt.hal.benchmarks.humaneval_child import MEMBERS, decode, encode


class Colour(enum.IntEnum):
    """A subclass of int."""

    RED = 1


class Lying(int):
    """An int that is printed as another."""

    def __repr__(self) -> str:
        return "4"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        10**300,
        -1.5,
        math.inf,
        "é\ud800\n",
        b"\x00\xff",
        1 + 2j,
        [],
        [1, [2, (3, {4, 5})]],
        (1, "a"),
        {"a": [1], 2: (None,), (3, 4): {"b": b"c"}},
        {frozenset({1}), frozenset()},
    ],
)
def test_value_comes_back_as_it_was(value: Any) -> None:
    back = decode(json.loads(json.dumps(encode(value))))

    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (Colour.RED, 1),
        (Lying(3), 3),
    ],
)
def test_subclasses_are_what_they_are_made_from(value: Any, back: Any) -> None:
    assert decode(json.loads(json.dumps(encode(value)))) == back


@pytest.mark.parametrize("value", [object(), iter([1]), range(3), len, [Colour], {1: object()}])
def test_what_is_no_plain_value_is_not_told(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"set": [], "tuple": []},
        {"set": [[]]},
        {"set": 3},
        {"dict": [1]},
        {"dict": [[1]]},
        {"bytes": 3},
        {"bytes": "\u0100"},
        {"complex": ["a"]},
        {"module": "os"},
        {"set": list(range(MEMBERS + 1))},
        {"dict": [[n, n] for n in range(MEMBERS + 1)]},
    ],
)
def test_data_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        decode(data)


@pytest.mark.parametrize("module", [humaneval_child, regex_child])
def test_files_for_the_sandbox_stand_alone(module: ModuleType) -> None:
    code = f"import runpy, sys; runpy.run_path({module.__file__!r}); print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert not [name for name in modules if name.partition(".")[0] == "batt"]

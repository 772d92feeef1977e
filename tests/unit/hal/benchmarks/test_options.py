"""Options are checked all at once; what is wrong is named with rule and remedy."""

from __future__ import annotations

import math
from typing import Any

import pytest

from batt.hal.benchmarks.options import NAMES, TRUTH_VALUE, Rule, no_data, number, one_of, option_faults

RULES = {"seconds": number(0.1, 10), "mode": one_of("fast", "slow"), "loud": TRUTH_VALUE, "keys": NAMES}


def test_options_that_keep_their_rules_have_no_fault() -> None:
    assert option_faults({"seconds": 10, "mode": "slow", "loud": False, "keys": ["a"]}, RULES) == []


def test_every_fault_is_named() -> None:
    faults = option_faults({"seconds": 0, "mode": "medium", "colour": "red", "loud": 1, "keys": "a"}, RULES)

    assert list(map(str, faults)) == [
        "spec.hal.options.seconds: got 0; must be a number from 0.1 to 10; correct or remove it",
        "spec.hal.options.mode: got 'medium'; must be one of fast, slow; correct or remove it",
        "spec.hal.options.colour: got 'red'; is no option of this benchmark; "
        "choose among keys, loud, mode, seconds, or remove it",
        "spec.hal.options.loud: got 1; must be true or false; correct or remove it",
        "spec.hal.options.keys: got 'a'; must be a list of names; correct or remove it",
    ]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (number(0, 1), True),
        (number(0, 1), "1"),
        (number(0, 1), math.nan),
        (number(0, 1), None),
        (one_of("a"), ["a"]),
        (NAMES, [1]),
    ],
)
def test_values_that_only_look_right_are_refused(rule: Rule, value: Any) -> None:
    assert not rule.is_met(value)


def test_data_for_a_benchmark_that_brings_its_own_is_a_fault() -> None:
    (fault,) = no_data("x.jsonl", "part of a package")

    assert str(fault) == "spec.hal.data: got 'x.jsonl'; this benchmark's data is part of a package; remove it"
    assert no_data(None, "part of a package") == []

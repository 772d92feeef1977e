"""The last number of a text is its answer."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from batt.hal.benchmarks.numbers import is_close, number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", "42"),
        ("first 7, then 42", "42"),
        ("it is 1,234,567.50 dollars", "1234567.5"),
        ("$5.00.", "5"),
        ("#### 12", "12"),
        ("x = -3", "-3"),
        ("\u22123", "-3"),
        ("10-4", "4"),
        ("1e3", "1000"),
        (".5", "0.5"),
        ("1,2,3", "3"),
        ("12kg of x2", "12"),
        ("+7%", "7"),
    ],
)
def test_number_of_a_text(text: str, number: str) -> None:
    assert number_of(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "none", "x2", "--", "\ud800", "inf", "nan", "\u0663"])
def test_text_without_a_number(text: str) -> None:
    assert number_of(text) is None


@pytest.mark.parametrize(
    "text", ["1," * 10**6, "111," * 10**6, "-" * 10**6, "1" * 10**6, "1e" * 10**6, "1e9999 " * 10**5]
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begin = time.monotonic()

    value = number_of(text)

    assert value is None or not is_close(value, Decimal(42), 0.1)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("value", "expected", "tolerance", "close"),
    [
        ("42.0", "42", 0, True),
        ("1234568", "1234567", 0, False),
        ("101", "100", 0.01, True),
        ("102", "100", 0.01, False),
        ("-101", "-100", 0.01, True),
        ("0.001", "0", 0.01, False),
    ],
)
def test_tolerance_is_a_part_of_the_answer(value: str, expected: str, tolerance: float, close: bool) -> None:
    assert is_close(Decimal(value), Decimal(expected), tolerance) == close

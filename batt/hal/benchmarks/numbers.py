"""The number in an answer: the last one of a text, however it is written."""

from __future__ import annotations

import re
from decimal import Decimal

LAST_CHARACTERS = 10_000
"""Where in a text its last number is looked for: at its end."""

NUMBER = re.compile(
    r"(?<![\w.])[-+]?"  # a hyphen between two numbers is no sign, and 2 of x2 is no number
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?:[eE][-+]?[0-9]{1,4})?"
)
"""A number: sign, thousands separators, fraction, exponent. Linear: whatever follows is optional."""

MINUS_SIGN = "\u2212"
"""The sign that typesetting puts for a hyphen."""


def number_of(text: str) -> Decimal | None:
    """Return the last number of a text, exactly; None where there is none."""
    found = NUMBER.findall(text[-LAST_CHARACTERS:].replace(MINUS_SIGN, "-"))
    return Decimal(found[-1].replace(",", "")) if found else None


def is_close(value: Decimal, expected: Decimal, tolerance: float) -> bool:
    """Tell whether a number is the expected one, or off by no more than a part of it."""
    if value == expected:
        return True
    return tolerance > 0 and abs(value - expected) <= Decimal(str(tolerance)) * abs(expected)

"""What a benchmark lets one choose under spec.hal.options: checked when a run is planned, with every fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from batt.errors import Fault, shown

WHERE = "spec.hal.options"
"""Where the options stand in a run file."""


class Rule(NamedTuple):
    """What an option must be. text: how that is said to people."""

    is_met: Callable[[Any], bool]
    text: str


TRUTH_VALUE = Rule(lambda value: isinstance(value, bool), "must be true or false")
"""An option that is on or off."""

NAME = Rule(lambda value: isinstance(value, str) and value != "", "must be a name")
"""An option that names something."""

NAMES = Rule(
    lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value), "must be a list of names"
)
"""An option that names several things."""


def number(least: float, most: float) -> Rule:
    """Return the rule of an option that is a number between bounds, both included."""

    def is_met(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most

    return Rule(is_met, f"must be a number from {least:g} to {most:g}")


def one_of(*words: str) -> Rule:
    """Return the rule of an option that is one of some words."""
    return Rule(lambda value: value in words, f"must be one of {', '.join(words)}")


def option_faults(options: Mapping[str, Any], rules: Mapping[str, Rule]) -> list[Fault]:
    """Return everything that is wrong with the options of a benchmark that has these."""
    known = f"choose among {', '.join(sorted(rules))}, or remove it" if rules else "remove it"
    return [
        Fault(f"{WHERE}.{name}", shown(value), rules[name].text, "correct or remove it")
        if name in rules
        else Fault(f"{WHERE}.{name}", shown(value), "is no option of this benchmark", known)
        for name, value in options.items()
        if name not in rules or not rules[name].is_met(value)
    ]


def no_data(data: object, instead: str) -> list[Fault]:
    """Return the fault of a benchmark that brings its own data and was given some; none where it was not.

    Args:
        instead: where its data comes from, for people.
    """
    if data is None:
        return []
    return [Fault("spec.hal.data", shown(str(data)), f"this benchmark's data is {instead}", "remove it")]

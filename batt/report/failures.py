"""Failures, grouped by how they ended and with which words; of each group a few examples are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from batt.report.model import Example, Group, Groups, Tone, Word
from batt.report.texts import line_of, number_of, words_of

MOST_GROUPS = 40
"""Most groups that a page shows."""

MOST_KEPT = 2_000
"""Most groups that are told apart: messages with numbers in them could be as many as there are failures."""

EXAMPLE_CHARACTERS = 120
"""Most that is said of an example."""

EXAMPLES = 5
"""Examples of a group: enough to see what is common to them."""

OTHER = "other messages"
"""Where failures go that would make too many groups."""

WARNED = frozenset({"refused", "missing", "provider_transient", "infra"})
"""What was not run, or failed for what no candidate and no agent answers for."""


class Key(NamedTuple):
    """What failures of a group have in common."""

    how: str
    message: str


class FailureGroups:
    """Collects failures, one by one, in bounded memory."""

    def __init__(self) -> None:
        self.numbers: dict[Key, int] = {}
        self.examples: dict[Key, list[Example]] = {}

    def add(self, how: str, message: str, make_example: Callable[[], Example], number: int = 1) -> None:
        """Count failures that ended alike; one of them is made an example, if the group has need of one."""
        key = Key(how, line_of(message))
        if key not in self.numbers and len(self.numbers) >= MOST_KEPT:
            key = Key(how, OTHER)
        self.numbers[key] = self.numbers.get(key, 0) + number
        kept = self.examples.setdefault(key, [])
        if len(kept) < EXAMPLES:
            example = make_example()
            kept.append(Example(line_of(example.where), line_of(example.text, EXAMPLE_CHARACTERS)))

    def section(self, title: str, lead: str) -> Groups:
        """Return them as a section: the most frequent way to end first, of each the most frequent message first."""
        all_of: Counter[str] = Counter()
        for key, number in self.numbers.items():
            all_of[key.how] += number
        in_order = sorted(
            self.numbers.items(), key=lambda entry: (-all_of[entry[0].how], entry[0].how, -entry[1], entry[0])
        )
        groups = tuple(
            Group(Word(words_of(key.how), tone_of(key.how)), key.message, number, tuple(self.examples[key]))
            for key, number in in_order[:MOST_GROUPS]
        )
        left_out = sum(number for _, number in in_order[MOST_GROUPS:])
        whole = lead if in_order else f"{lead} There is none."
        return Groups("failures", title, whole, groups, left_out)


def tone_of(how: str) -> Tone:
    """Return how a kind of failure is coloured."""
    return Tone.WARN if how in WARNED else Tone.BAD


def more_of(group: Group) -> str:
    """Return how many of a group are not among its examples; "" where none is left out."""
    more = group.number - len(group.examples)
    return f"and {number_of(more, 'more', 'more')}; results.json has them all" if more > 0 else ""

"""What a page says, as data: a head and sections of five kinds. Every number is decided before; page.py writes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Tone(StrEnum):
    """How a word or a part of a chart is coloured."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    FAINT = "faint"


class Fact(NamedTuple):
    """One thing that the head of a page says: its name, its value, and what stands below in small print."""

    name: str
    value: str
    note: str = ""


class Word(NamedTuple):
    """One of the few values that a column has, or that a chart is divided by."""

    text: str
    tone: Tone = Tone.PLAIN


class Kind(StrEnum):
    """What a column holds: texts; one of its words, by place; numbers."""

    TEXT = "text"
    WORD = "word"
    NUMBER = "number"


class Column(NamedTuple):
    """A column of a table.

    decimals: of numbers. words: those of its cells. is_filter: whether rows can be chosen by its words.
    """

    title: str
    kind: Kind
    decimals: int = 0
    words: tuple[Word, ...] = ()
    is_filter: bool = False


Cell: TypeAlias = str | int | float | None
"""A text, a word's place, a number; None where nobody knows."""


class Detail(NamedTuple):
    """What is folded under a row. is_log: whether it keeps its lines and spaces."""

    title: str
    text: str
    is_log: bool = False


class Table(NamedTuple):
    """Rows to sort and filter; the first column names a row. total: how many there are, if not all are rows here.

    details: by row.
    """

    key: str
    title: str
    lead: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    details: Mapping[int, tuple[Detail, ...]] = {}


class Head(NamedTuple):
    """The head of a column of a grid."""

    title: str
    is_number: bool = False


class Grid(NamedTuple):
    """A small table that stands as it is. shares: of each row, from 0 to 1, drawn as a bar; none where empty."""

    key: str
    title: str
    lead: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...] = ()


class Bar(NamedTuple):
    """A bar of a chart. parts: how many of each of the chart's words."""

    label: str
    parts: tuple[int, ...]


class Chart(NamedTuple):
    """How many things fall into each of some classes."""

    key: str
    title: str
    lead: str
    words: tuple[Word, ...]
    bars: tuple[Bar, ...]


class Example(NamedTuple):
    """One thing of a group: where it is, and what is said of it."""

    where: str
    text: str = ""


class Group(NamedTuple):
    """Things that ended alike. word: how. message: with which words. examples: the first of them."""

    word: Word
    message: str
    number: int
    examples: tuple[Example, ...]


class Groups(NamedTuple):
    """What has failed, grouped; most frequent first. left_out: how many things are in groups that are not here."""

    key: str
    title: str
    lead: str
    groups: tuple[Group, ...]
    left_out: int = 0


class Span(NamedTuple):
    """A stretch of a lane, in seconds since the timeline's begin. word: place in the timeline's words."""

    begin: float
    end: float
    word: int
    told: str


class Lane(NamedTuple):
    """A line of a timeline."""

    name: str
    spans: tuple[Span, ...]


class Timeline(NamedTuple):
    """What was done when. at_work: how many were at work on average, in equal parts of the time.

    begin: seconds since the epoch. left_out: how many lanes are not here.
    """

    key: str
    title: str
    lead: str
    words: tuple[Word, ...]
    begin: float
    seconds: float
    lanes: tuple[Lane, ...]
    at_work: tuple[float, ...]
    left_out: int = 0


Section: TypeAlias = Timeline | Grid | Chart | Groups | Table
"""A part of a page, with a heading of its own."""


class Report(NamedTuple):
    """A page.

    title: what it is of. lead: a line below. headline: the one sentence that counts; share: its number from 0 to 1,
    None without one. notices: what a reader must know before the rest.
    """

    title: str
    lead: str
    headline: str
    share: float | None
    notices: tuple[str, ...]
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]

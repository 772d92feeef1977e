"""Axes of charts: round numbers up to the greatest value, hours along the bottom."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tests.pictures.answers import Span
from tests.pictures.markup import LINE_FONT, Size, element, text_width, words
from tests.pictures.units import shown

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Steps of an axis, times a power of ten."""

NICE_SECONDS = (
    *(10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
    *(3600.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0),
)
"""Steps of an axis of time, and of one of seconds beyond a minute."""

TICK_PIXELS = 44
"""Least height between two numbers of an axis."""

TIME_PIXELS = 76
"""Least width between two times."""


class Field(NamedTuple):
    """Where values are drawn. left, top, right, bottom: its edges; highest: the value at the top."""

    left: float
    top: float
    right: float
    bottom: float
    highest: float
    span: Span

    def x(self, at: float) -> float:
        """Return where a moment is."""
        return self.left + (self.right - self.left) * (at - self.span.begin) / (self.span.end - self.span.begin)

    def y(self, value: float) -> float:
        """Return where a value is."""
        return self.bottom - (self.bottom - self.top) * value / self.highest


def ticks(highest: float, most: int, unit: str) -> list[float]:
    """Return round numbers from 0 on, the last one not below the highest value; at most about `most` steps."""
    wanted = (highest or 1.0) / max(1, most)
    power = 10 ** math.floor(math.log10(wanted))
    step = next(power * nice for nice in NICE if power * nice >= wanted * 0.999)
    if unit == "s" and highest > 60:
        step = next((nice for nice in NICE_SECONDS if nice >= wanted), step)
    if unit == "short" and highest >= 1:
        step = max(1.0, math.ceil(step))
    return [step * place for place in range(math.ceil((highest or 1.0) / step - 1e-9) + 1)]


def tick_labels(numbers: Sequence[float], unit: str, now: float) -> list[str]:
    """Return numbers of an axis with their unit, without zeros that tell nothing."""
    return [re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", shown(number, unit, now)).replace(". ", " ") for number in numbers]


def field_of(size: Size, span: Span, labels: Sequence[str], highest: float) -> Field:
    """Return where values go, beside the labels of the upright axis."""
    left = max(text_width(label) for label in labels) + 12
    return Field(left, LINE_FONT * 0.6, size.wide - 6, size.high - 1.5 * LINE_FONT, highest, span)


def time_axis(field: Field) -> str:
    """Return lines and times along the bottom."""
    span, wide = field.span, field.right - field.left
    least = (span.end - span.begin) * TIME_PIXELS / wide
    step = next(nice for nice in NICE_SECONDS if nice >= least)
    first = math.ceil(span.begin / step)
    return "".join(time_tick(field, place * step) for place in range(first, math.floor(span.end / step) + 1))


def time_tick(field: Field, at: float) -> str:
    """Return the line of a time, and the time below it; at both ends beside it rather than beyond the field."""
    x, text = field.x(at), datetime.fromtimestamp(at, UTC).strftime("%H:%M")
    half = text_width(text) / 2
    middle = max(field.left + half, min(x, field.right - half))
    upright = element("line", x1=x, x2=x, y1=field.top, y2=field.bottom, class_="grid")
    return upright + words(text, middle, field.bottom + 1.25 * LINE_FONT, "middle")


def value_axis(field: Field, numbers: Sequence[float], labels: Sequence[str]) -> str:
    """Return lines and numbers from the bottom up."""
    return "".join(
        element("line", x1=field.left, x2=field.right, y1=field.y(number), y2=field.y(number), class_="grid")
        + words(label, field.left - 8, field.y(number) + 0.35 * LINE_FONT, "end")
        for number, label in zip(numbers, labels, strict=True)
    )

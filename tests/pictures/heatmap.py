"""Draws Grafana's heat map of a histogram's buckets: time along the bottom, a row for each bucket."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.pictures.answers import Series, Span
from tests.pictures.axes import Field, field_of, time_axis
from tests.pictures.markup import LINE_FONT, Size, drawing, element, words
from tests.pictures.units import shown

SCHEME = ("#fff5eb", "#fee6ce", "#fdd0a2", "#fdae6b", "#fd8d3c", "#f16913", "#d94801", "#a63603", "#7f2704")
"""d3's `Oranges`, from the fewest to the most."""

LEGEND_HIGH = 2.0 * LINE_FONT
"""Height of the scale of colours."""


def heatmap_html(series: Sequence[Series], unit: str, exponent: float, size: Size, span: Span) -> str:
    """Return the heat map; series: cumulative buckets by `le`. exponent: of the scale of colours."""
    rows = sorted(series, key=lambda one: float(one.labels["le"]))
    used = [place for place, one in enumerate(rows) if any(value > 0 for _, value in counts(rows, place))]
    low, high = max(0, used[0] - 1), min(len(rows), used[-1] + 2)
    shown_rows = list(range(low, high))
    labels = [edge(rows[place].labels["le"], unit, span.end) for place in shown_rows]
    field = field_of(Size(size.wide, size.high - LEGEND_HIGH), span, labels, len(shown_rows))
    most = max(value for place in shown_rows for _, value in counts(rows, place))
    drawn = [time_axis(field)]
    for number, place in enumerate(shown_rows):
        drawn.append(words(labels[number], field.left - 8, field.y(number + 0.5) + 0.35 * LINE_FONT, "end"))
        drawn += [cell(field, at, number, (value / most) ** exponent) for at, value in counts(rows, place) if value > 0]
    return drawing(size, "".join(drawn) + scale(most, field.left, size.high - LINE_FONT, exponent))


def counts(rows: Sequence[Series], place: int) -> list[tuple[float, float]]:
    """Return how many fell into a bucket at each moment: those up to its edge without those up to the one before."""
    below = {point.at: point.value for point in rows[place - 1].points} if place else {}
    return [(point.at, round(point.value - below.get(point.at, 0.0), 6)) for point in rows[place].points]


def edge(text: str, unit: str, now: float) -> str:
    """Return the upper edge of a bucket."""
    return text if math.isinf(float(text)) else shown(float(text), unit, now)


def cell(field: Field, at: float, number: int, part: float) -> str:
    """Return a cell, one pixel from the next."""
    left, right = field.x(max(field.span.begin, at - field.span.step)), field.x(at)
    top, bottom = field.y(number + 1), field.y(number)
    wide, high = max(0.5, right - left - 1), bottom - top - 1
    return element("rect", x=left, y=top + 0.5, width=wide, height=high, fill=hue(part))


def hue(part: float) -> str:
    """Return the colour of a part of the most, 0 to 1."""
    return SCHEME[min(len(SCHEME) - 1, int(part * len(SCHEME)))]


def scale(most: float, left: float, top: float, exponent: float) -> str:
    """Return which colour means how many."""
    wide, drawn = 34, []
    for place, one in enumerate(SCHEME):
        drawn.append(element("rect", x=left + place * wide, y=top - 12, width=wide, height=12, fill=one))
    middle = most * 0.5 ** (1 / exponent)
    for part, number in ((0.0, 0.0), (0.5, middle), (1.0, most)):
        anchor = {0.0: "start", 1.0: "end"}.get(part, "middle")
        drawn.append(words(shown(round(number), "short", 0), left + part * wide * len(SCHEME), top + 14, anchor))
    return "".join(drawn)

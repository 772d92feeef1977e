"""Draws Grafana's time series: lines, or areas on top of one another, with a legend below."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping, Sequence

from tests.pictures.answers import Point, Series, Span
from tests.pictures.axes import TICK_PIXELS, Field, field_of, tick_labels, ticks, time_axis, value_axis
from tests.pictures.markup import LEGEND_LINE, Size, colour, drawing, element, text_width

LEGEND_PART = 0.36
"""Most of a panel that a legend takes; Grafana lets people scroll through the rest."""

MARK = 30
"""Width of an entry of the legend beside its words."""

GAP_STEPS = 1.5
"""Steps without a point after which a line ends."""


def timeseries_html(series: Sequence[Series], unit: str, size: Size, span: Span, *, is_stacked: bool) -> str:
    """Return chart and legend."""
    entries = legend_lines([one.name for one in series], size)
    high = size.high - LEGEND_LINE * len(entries) - 4
    drawn = chart(series, unit, Size(size.wide, high), span, is_stacked=is_stacked)
    return drawn + "".join(element("div", "".join(line), class_="legend") for line in entries)


def chart(series: Sequence[Series], unit: str, size: Size, span: Span, *, is_stacked: bool) -> str:
    """Return the chart."""
    floors = stacked(series) if is_stacked else [{} for _ in series]
    tops = [
        point.value + floor.get(point.at, 0.0)
        for one, floor in zip(series, floors, strict=True)
        for point in one.points
    ]
    numbers = ticks(max(tops), int(size.high // TICK_PIXELS), unit)
    labels = tick_labels(numbers, unit, span.end)
    field = field_of(size, span, labels, numbers[-1])
    pairs = list(enumerate(zip(series, floors, strict=True)))
    lines = [line(one, floor, field, colour(place), is_filled=is_stacked) for place, (one, floor) in pairs]
    return drawing(size, time_axis(field) + value_axis(field, numbers, labels) + "".join(lines))


def stacked(series: Sequence[Series]) -> list[Mapping[float, float]]:
    """Return for each series on what its points stand, by moment."""
    totals: dict[float, float] = {}
    floors: list[Mapping[float, float]] = []
    for one in series:
        floors.append({point.at: totals.get(point.at, 0.0) for point in one.points})
        totals.update({point.at: totals.get(point.at, 0.0) + point.value for point in one.points})
    return floors


def line(series: Series, floor: Mapping[float, float], field: Field, hue: str, *, is_filled: bool) -> str:
    """Return a line, in parts where points are missing, and the area below it."""
    drawn = []
    for part in parts(series.points, field.span.step):
        upper = [f"{field.x(at):.1f},{field.y(value + floor.get(at, 0.0)):.1f}" for at, value in part]
        if is_filled:
            lower = [f"{field.x(at):.1f},{field.y(floor.get(at, 0.0)):.1f}" for at, _ in reversed(part)]
            drawn.append(element("polygon", points=" ".join(upper + lower), fill=hue, class_="area"))
        if len(part) == 1:  # a line of one point would not be seen
            x, y = upper[0].split(",")
            drawn.append(element("circle", cx=x, cy=y, r=2.0, fill=hue))
        drawn.append(element("polyline", points=" ".join(upper), stroke=hue, class_="line"))
    return "".join(drawn)


def parts(points: Sequence[Point], step: float) -> list[list[Point]]:
    """Return runs of points without a gap."""
    breaks = itertools.accumulate(
        (int(after.at - before.at > GAP_STEPS * step) for before, after in itertools.pairwise(points)), initial=0
    )
    pairs = zip(breaks, points, strict=True)
    return [[point for _, point in group] for _, group in itertools.groupby(pairs, key=lambda pair: pair[0])]


def legend_lines(names: Sequence[str], size: Size) -> list[list[str]]:
    """Return the entries of a legend, line by line; what does not fit is counted in the last one."""
    most = max(1, int(size.high * LEGEND_PART // LEGEND_LINE))
    lines: list[list[str]] = [[]]
    left = size.wide
    for place, name in enumerate(names):
        needed = text_width(name) + MARK
        if needed > left and lines[-1]:
            if len(lines) == most:
                more = element("span", f"+{len(names) - place} more", class_="more")
                return [*lines[:-1], [*lines[-1][:-1], more]] if left < MARK + 60 else [*lines[:-1], [*lines[-1], more]]
            lines.append([])
            left = size.wide
        left -= needed
        lines[-1].append(entry(name, colour(place)))
    return lines


def entry(name: str, hue: str) -> str:
    """Return an entry of a legend."""
    return element("span", element("i", style=f"background:{hue}") + html.escape(name or "Value"))

"""A dashboard as one page of HTML, laid out on Grafana's grid; it asks for nothing and runs nothing."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.pictures.answers import Series, Span
from tests.pictures.boards import DashboardRead, Panel, Place
from tests.pictures.gauges import bars_html, stat_html
from tests.pictures.heatmap import heatmap_html
from tests.pictures.markup import LEGEND_LINE, LINE_FONT, Size, element
from tests.pictures.tables import table_html
from tests.pictures.timeseries import timeseries_html

WIDE = 1600
"""Width of a page in pixels."""

EDGE, GAP, HEAD = 16, 8, 92
"""Pixels around the panels, between them, and of what stands above."""

COLUMNS, CELL = 24, 30
"""Grafana's grid: columns, and pixels of a row without the gap (GRID_CELL_HEIGHT)."""

PADDING = Size(2 * 11, 2 * 9)
"""What a panel's edges take."""

TITLE = 24
"""Height of a panel's title."""

TABLE_ROW = 30
"""Height of a row of a table, and of its head."""

STYLE = Path(__file__).with_suffix(".css")
"""How it looks."""


def page_html(
    board: DashboardRead, answers: Mapping[int, Sequence[Series]], chosen: Mapping[str, str], span: Span
) -> str:
    """Return a dashboard's page.

    answers: by number of the panel, what it shows. chosen: by name of the choice, in words.
    """
    drawn = [panel_html(panel, answers.get(panel.number, ()), span) for panel in board.panels]
    sizes = f":root {{ --line-font: {LINE_FONT}px; --legend-line: {LEGEND_LINE}px }}\n"
    style = element("style", sizes + STYLE.read_text(encoding="utf-8"))
    head = element("head", f'<meta charset="utf-8">{element("title", html.escape(board.title))}{style}')
    body = element("body", head_html(board, chosen, span) + "".join(drawn), style=f"height:{page_height(board)}px")
    return f"<!doctype html>\n{element('html', head + body, lang='en')}\n"


def page_height(board: DashboardRead) -> int:
    """Return the height of a dashboard's page in pixels."""
    return round(max(top(panel.place) + height(panel.place) for panel in board.panels) + EDGE)


def head_html(board: DashboardRead, chosen: Mapping[str, str], span: Span) -> str:
    """Return what stands above the panels: title, choices, time."""
    choices = [
        element("span", element("b", html.escape(choice.label)) + html.escape(chosen[choice.name]), class_="choice")
        for choice in board.choices
        if choice.name in chosen
    ]
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (span.begin, span.end))
    times = element("span", f"{begin:%Y-%m-%d %H:%M} to {end:%H:%M} UTC", class_="choice")
    return element("header", element("h1", html.escape(board.title)) + "".join(choices) + times)


def panel_html(panel: Panel, series: Sequence[Series], span: Span) -> str:
    """Return a panel at its place."""
    place = panel.place
    at = f"left:{left(place):.0f}px;top:{top(place):.0f}px;width:{width(place):.0f}px;height:{height(place):.0f}px"
    title = element("h2", html.escape(panel.title))
    room = Size(width(place) - PADDING.wide, height(place) - PADDING.high - TITLE)
    inside = title if panel.kind == "row" else title + drawn_panel(panel, series, room, span)
    return element("section", inside, class_=panel.kind, style=at, id=f"panel-{panel.number}")


def drawn_panel(panel: Panel, series: Sequence[Series], room: Size, span: Span) -> str:
    """Return what a panel shows below its title; nothing where it has no data.

    Raises:
        ValueError: no dashboard has had such a panel yet.
    """
    if not series:
        return ""
    match panel.kind:
        case "stat":
            return stat_html(panel, series, span.end)
        case "bargauge":
            return bars_html(panel, series, room, span.end)
        case "timeseries":
            return timeseries_html(series, panel.unit, room, span, is_stacked=panel.is_stacked())
        case "heatmap":
            options = panel.raw["options"]
            return heatmap_html(series, options["yAxis"]["unit"], options["color"]["exponent"], room, span)
        case "table":
            return table_html(panel, series, span.end, int(room.high // TABLE_ROW) - 1)
    message = f"{panel.title}: got {panel.kind!r}; must be a panel that is drawn here; draw it"
    raise ValueError(message)


def left(place: Place) -> float:
    """Return a panel's left edge."""
    return EDGE + place.x * (WIDE - 2 * EDGE + GAP) / COLUMNS


def top(place: Place) -> float:
    """Return a panel's upper edge."""
    return HEAD + place.y * (CELL + GAP)


def width(place: Place) -> float:
    """Return a panel's width."""
    return place.wide * (WIDE - 2 * EDGE + GAP) / COLUMNS - GAP


def height(place: Place) -> float:
    """Return a panel's height."""
    return place.high * (CELL + GAP) - GAP

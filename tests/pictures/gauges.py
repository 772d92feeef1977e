"""Draws Grafana's large numbers and its bars of one value each."""

from __future__ import annotations

import html
from collections.abc import Sequence

from tests.pictures.answers import Series
from tests.pictures.boards import Panel
from tests.pictures.markup import Size, element
from tests.pictures.units import shown

MOST_BAR_PIXELS = 40
"""Greatest height of a bar with its words."""

COLOURS = {"blue": "#5794f2"}
"""Grafana's names of colours that bars have."""


def stat_html(panel: Panel, series: Sequence[Series], now: float) -> str:
    """Return the last value of each series, large; with its name where there are several, or the panel says so."""
    is_named = len(series) > 1 or panel.raw["options"]["textMode"] == "value_and_name"
    return element("div", "".join(number(one, panel.unit, now, is_named=is_named) for one in series), class_="numbers")


def number(series: Series, unit: str, now: float, *, is_named: bool) -> str:
    """Return one large number."""
    name = element("span", html.escape(series.name), class_="name") if is_named and series.name else ""
    return element("div", element("b", html.escape(shown(series.last(), unit, now))) + name)


def bars_html(panel: Panel, series: Sequence[Series], size: Size, now: float) -> str:
    """Return a bar for each series; the longest is the greatest of them, as in Grafana without a maximum."""
    most = max(one.last() for one in series) or 1.0
    high = min(MOST_BAR_PIXELS, size.high / len(series))
    colour = panel.raw["fieldConfig"]["defaults"]["color"]["fixedColor"]
    drawn = [bar(one, panel.unit, now, one.last() / most, COLOURS[colour]) for one in series]
    return element(
        "div",
        "".join(drawn),
        class_="bars",
        style=f"grid-auto-rows:{high:.1f}px;font-size:{min(15.0, high * 0.7):.1f}px",
    )


def bar(series: Series, unit: str, now: float, part: float, colour: str) -> str:
    """Return words, bar and value."""
    fill = element("i", style=f"width:{100 * part:.1f}%;background:{colour}")
    name = element("span", html.escape(series.name or "Value"), class_="name")
    value = element("b", html.escape(shown(series.last(), unit, now)))
    return element("div", name + element("span", fill, class_="track") + value)

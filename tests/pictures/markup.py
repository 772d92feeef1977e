"""HTML and SVG as text, with everything that comes from data escaped."""

from __future__ import annotations

import html
from typing import NamedTuple

COLOURS = ("#56a64b", "#e0a800", "#1f9bd1", "#e8700c", "#d43a3a", "#2f5fb3", "#b34f9e", "#7a62c9", "#3d7a63", "#a08d2c")
"""Of series, one after the other: Grafana's classic palette, darker for a light page."""

CHARACTER = 0.61
"""Width of a character of DejaVu Sans on average, as a part of its size; the pages' tests find what is too wide."""

LINE_FONT = 14
"""Size of the font of axes and legends in pixels."""

LEGEND_LINE = 20
"""Height of a line of a legend in pixels."""


class Size(NamedTuple):
    """Pixels."""

    wide: float
    high: float


def element(tag: str, inside: str = "", **attributes: str | float) -> str:
    """Return an element; `inside` is markup already. A trailing `_` of a name is left out, others become `-`."""
    words = "".join(f' {name.rstrip("_").replace("_", "-")}="{attribute(value)}"' for name, value in attributes.items())
    return f"<{tag}{words}>{inside}</{tag}>"


def attribute(value: str | float) -> str:
    """Return a value of an attribute; numbers to a tenth of a pixel."""
    return html.escape(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def words(text: str, x: float, y: float, anchor: str = "start") -> str:
    """Return a text in a drawing."""
    return element("text", html.escape(text), x=x, y=y, text_anchor=anchor)


def drawing(size: Size, inside: str) -> str:
    """Return an SVG."""
    return element("svg", inside, width=size.wide, height=size.high, viewBox=f"0 0 {size.wide:.0f} {size.high:.0f}")


def colour(place: int) -> str:
    """Return the colour of a series by its place."""
    return COLOURS[place % len(COLOURS)]


def text_width(text: str) -> float:
    """Return about how wide a text is in pixels, in the font of axes and legends."""
    return CHARACTER * LINE_FONT * len(text)

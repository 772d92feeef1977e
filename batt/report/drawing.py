"""Drawings: timelines and bars as SVG, in parts of the width, so that they fit a phone and a screen alike."""

from __future__ import annotations

from collections.abc import Sequence

from batt.report.markup import Attributes, Markup, element, joined
from batt.report.model import Bar, Chart, Span, Timeline, Word
from batt.report.texts import duration

LANE_HEIGHT = 12
"""Height of a lane's drawing, pixels."""

WORK_HEIGHT = 48
"""Height of the drawing of how many were at work, pixels."""

LEAST_WIDTH = 0.25
"""Least width of what lasted at all, in hundredths of the whole: a shorter one could not be seen."""


def part(value: float) -> str:
    """Return a part of the width, in hundredths."""
    return f"{value:.3f}%"


def drawn_timeline(timeline: Timeline) -> Markup:
    """Return a timeline: how many were at work, its lanes by name, the scale, and what the colours mean."""
    lanes = joined(
        element(
            "div",
            {"class": "lane"},
            name_of(lane.name),
            element(
                "svg",
                {"class": "bars", "height": LANE_HEIGHT, "aria-hidden": "true"},
                *(drawn_span(span, timeline) for span in lane.spans),
            ),
        )
        for lane in timeline.lanes
    )
    scale = element(
        "div",
        {"class": "lane scale"},
        name_of("time"),
        element(
            "span",
            {"class": "ticks"},
            *(element("span", {}, duration(timeline.seconds * quarter / 4)) for quarter in range(5)),
        ),
    )
    scroll: Attributes = {"class": "lanes", "tabindex": 0, "role": "region", "aria-label": "Timeline, shard by shard"}
    return joined([legend(timeline), drawn_work(timeline), scale, element("div", scroll, lanes)])


def name_of(text: str) -> Markup:
    """Return the name of a lane: where there is no room for it, its end is kept, since numbers are there."""
    return element("span", {"class": "name"}, element("bdi", {"dir": "ltr"}, text))


def drawn_span(span: Span, timeline: Timeline) -> Markup:
    """Return a stretch; what it says is shown where a pointer rests on it, and stands in the table of all stretches."""
    width = max(LEAST_WIDTH, 100 * (span.end - span.begin) / timeline.seconds)
    begin = min(100 * span.begin / timeline.seconds, 100 - LEAST_WIDTH)
    shape = {"class": f"end{span.word}", "x": part(begin), "width": part(min(width, 100 - begin)), "height": "100%"}
    return element("g", {}, element("title", {}, span.told), element("rect", shape))


def drawn_work(timeline: Timeline) -> Markup:
    """Return how many were at work over the time."""
    most = max(timeline.at_work, default=0.0) or 1.0
    width = 100 / max(1, len(timeline.at_work))
    bars = (
        element(
            "rect",
            {
                "class": "work",
                "x": part(place * width),
                "y": part(100 - 100 * number / most),
                "width": part(width),
                "height": part(100 * number / most),
            },
        )
        for place, number in enumerate(timeline.at_work)
        if number > 0
    )
    told = f"At work at once: {most:.1f} at most, on average over {duration(timeline.seconds / len(timeline.at_work))}"
    drawing: Attributes = {"class": "bars", "height": WORK_HEIGHT, "role": "img", "aria-label": told}
    return element(
        "div",
        {"class": "lane"},
        name_of(f"at work: {most:.1f}"),
        element("svg", drawing, *bars),
    )


def legend(timeline: Timeline) -> Markup:
    """Return what the colours of a timeline mean, those that occur."""
    used = sorted({span.word for lane in timeline.lanes for span in lane.spans})
    return element("p", {"class": "legend"}, *(key_of(f"end{place}", timeline.words[place].text) for place in used))


def key_of(name: str, text: str) -> Markup:
    """Return one colour and what it means."""
    swatch = element(
        "svg",
        {"class": "swatch", "aria-hidden": "true"},
        element("rect", {"class": name, "width": "100%", "height": "100%"}),
    )
    return element("span", {"class": "key"}, swatch, text)


def drawn_chart(chart: Chart) -> Markup:
    """Return a chart as a table: class, bar, number."""
    used = [place for place in range(len(chart.words)) if any(bar.parts[place] for bar in chart.bars)]
    most = max((sum(bar.parts) for bar in chart.bars), default=0) or 1
    rows = (
        element(
            "tr",
            {},
            element("th", {"scope": "row"}, bar.label),
            element("td", {"class": "bar"}, drawn_bar(bar, most)),
            element("td", {"class": "number"}, f"{sum(bar.parts):,}"),
            *([element("td", {"class": "said"}, said_of(bar, chart.words, used))] if len(used) > 1 else []),
        )
        for bar in chart.bars
    )
    number = element("th", {"scope": "col", "class": "number"}, "number")
    heads = [element("th", {"scope": "col"}, "class"), element("th", {"scope": "col"}, "share"), number]
    if len(used) > 1:
        heads.append(element("th", {"scope": "col", "class": "said"}, "of which"))
    table = element(
        "table",
        {"class": "chart"},
        element("caption", {}, chart.title),
        element("thead", {}, element("tr", {}, *heads)),
        element("tbody", {}, *rows),
    )
    keys = element("p", {"class": "legend"}, *(key_of(f"part{place}", chart.words[place].text) for place in used))
    return joined([keys, table]) if chart.bars else Markup("")


def drawn_bar(bar: Bar, most: int) -> Markup:
    """Return a bar, its parts one after another."""
    parts = []
    passed = 0
    for place, number in enumerate(bar.parts):
        if number:
            shape = {"x": part(100 * passed / most), "width": part(max(LEAST_WIDTH, 100 * number / most))}
            parts.append(element("rect", {"class": f"part{place}", **shape, "height": "100%"}))
        passed += number
    return element("svg", {"class": "bars", "height": LANE_HEIGHT, "aria-hidden": "true"}, *parts)


def said_of(bar: Bar, words: Sequence[Word], used: Sequence[int]) -> str:
    """Return the parts of a bar in words."""
    return ", ".join(f"{bar.parts[place]:,} {words[place].text}" for place in used if bar.parts[place])


def drawn_share(share: float) -> Markup:
    """Return a share as a bar."""
    shape = {"class": "share", "width": part(100 * share), "height": "100%"}
    return element("svg", {"class": "bars", "height": LANE_HEIGHT, "aria-hidden": "true"}, element("rect", shape))

"""Every panel of every dashboard is drawn, with data, title and units, in a real browser; nothing lies on anything."""

from __future__ import annotations

import itertools
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.documents import ROOT
from tests.pictures.boards import DashboardRead, read_dashboard
from tests.pictures.browser import Opened, open_page, started_browser
from tests.pictures.page import WIDE, page_height
from tests.pictures.pages import PICTURES, Answered, dashboard_files, write_pages

BOARDS = {path.stem: read_dashboard(path) for path in dashboard_files()}

MOST_BYTES = 300_000
"""Of a picture: the repository keeps every one that there ever was."""

NUMBER = r"-?\d+(\.\d+)?"

UNITS = {
    "s": rf"{NUMBER} (µs|ms|s|mins|hours|days|weeks)",
    "percentunit": rf"{NUMBER}%",
    "short": rf"{NUMBER}( K| Mil)?",
    "suffix:/s": rf"{NUMBER} /s",
    "suffix:h": rf"{NUMBER} h",
    "dateTimeFromNow": r".* ago",
}
"""How numbers of each unit look."""

LAID_OUT = """() => {
  const box = rect => [rect.left, rect.top, rect.right, rect.bottom]
  const texts = panel => {
    const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT), found = []
    while (walker.nextNode()) {
      const range = document.createRange()
      range.selectNodeContents(walker.currentNode)
      found.push([walker.currentNode.data, box(range.getBoundingClientRect())])
    }
    return found
  }
  return [...document.querySelectorAll("header, section")].map(panel => ({
    id: panel.id, box: box(panel.getBoundingClientRect()), texts: texts(panel),
    title: panel.querySelector("h1, h2").textContent,
    drawn: panel.querySelectorAll(".line, rect[fill], .track, td, .numbers b").length,
    numbers: [...panel.querySelectorAll(".bars b, .numbers b, text[text-anchor=end]")].map(one => one.textContent),
    heads: [...panel.querySelectorAll("th")].map(one => one.textContent),
    rows: [...panel.querySelectorAll("tbody tr")].map(row => [...row.children].map(
      cell => [cell.textContent, cell.className])),
  }))
}"""
"""What the browser has made of a page: places in pixels."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def is_on(self, other: Box, slack: float = 1.0) -> bool:
        """Return whether it covers a part of another, by more than `slack` pixels both ways."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide > slack and high > slack

    def is_in(self, other: Box) -> bool:
        """Return whether it lies within another."""
        return (
            self.left >= other.left - 1
            and self.top >= other.top - 1
            and self.right <= other.right + 1
            and self.bottom <= other.bottom + 1
        )


class Drawn(NamedTuple):
    """A dashboard in the browser. parts: of the page, by id; the one without is its head."""

    answered: Answered
    opened: Opened
    parts: dict[str, Any]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Drawn]]:
    """All dashboards in the browser, by name."""
    if shutil.which("chromium") is None:
        pytest.skip("no chromium here; apt-get install --no-install-recommends chromium")
    with started_browser() as browser:
        found = {}
        for answered in write_pages(tmp_path_factory.mktemp("pages")):
            opened = open_page(browser, answered.page, WIDE)
            parts = {part["id"]: part for part in opened.page.evaluate(LAID_OUT)}
            found[answered.board.name] = Drawn(answered, opened, parts)
        yield found


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_has_an_answer_and_every_panel_is_drawn_with_its_title(drawn: dict[str, Drawn], name: str) -> None:
    for panel in drawn[name].answered.board.panels:
        part = drawn[name].parts[f"panel-{panel.number}"]
        letters = {series.letter for series in drawn[name].answered.answers[panel.number]}

        assert part["title"] == panel.title
        assert letters == {target.letter for target in panel.targets}, panel.title
        assert bool(part["drawn"]) == (panel.kind != "row"), panel.title


@pytest.mark.parametrize("name", BOARDS)
def test_pages_ask_for_nothing_and_complain_of_nothing(drawn: dict[str, Drawn], name: str) -> None:
    opened = drawn[name].opened

    assert opened.complaints == []
    assert opened.requests == [drawn[name].answered.page.as_uri()]


@pytest.mark.parametrize("name", BOARDS)
def test_nothing_lies_on_anything_else_nor_beyond_its_panel(drawn: dict[str, Drawn], name: str) -> None:
    parts = drawn[name].parts.values()
    page = Box(0, 0, WIDE, page_height(BOARDS[name]))

    for one, other in itertools.combinations(parts, 2):
        assert not Box(*one["box"]).is_on(Box(*other["box"])), (one["title"], other["title"])
    for part in parts:
        texts = [(text, Box(*box)) for text, box in part["texts"]]
        assert Box(*part["box"]).is_in(page), part["title"]
        assert [text for text, box in texts if not box.is_in(Box(*part["box"]))] == [], part["title"]
        assert [
            (one, other)
            for (one, box), (other, another) in itertools.combinations(texts, 2)
            if box.is_on(another, slack=4.0)  # a line of text is higher than its letters
        ] == [], part["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_every_number_has_its_unit(drawn: dict[str, Drawn], name: str) -> None:
    for panel in (one for one in drawn[name].answered.board.panels if one.kind not in {"row", "heatmap"}):
        part = drawn[name].parts[f"panel-{panel.number}"]
        cells = [
            (text, panel.unit_of(head))
            for row in part["rows"]
            for (text, kind), head in zip(row, part["heads"], strict=True)
            if kind == "number"
        ]
        numbers = [(text, panel.unit) for text in part["numbers"]]

        assert [text for text, unit in cells + numbers if not re.fullmatch(UNITS[unit], text)] == [], panel.title
        assert cells + numbers, panel.title


@pytest.mark.parametrize("name", BOARDS)
def test_the_docs_show_a_picture_of_each_dashboard_as_it_is_laid_out(name: str) -> None:
    """Pixels are not compared; a dashboard that has grown since wants `make pictures`."""
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    path = PICTURES / f"{name}.png"

    assert f"![The dashboard {name.capitalize()}](pictures/{name}.png)" in page
    assert png_size(path) == (WIDE, page_height(BOARDS[name]))
    assert path.stat().st_size < MOST_BYTES


def test_there_are_no_other_pictures() -> None:
    assert sorted(path.name for path in PICTURES.iterdir()) == [f"{name}.png" for name in sorted(BOARDS)]


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, as its header has them (PNG specification, 11.2.2)."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high = struct.unpack(">II", head[16:24])
    return wide, high


def test_a_time_that_no_dashboard_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    text = dashboard_files()[0].read_text(encoding="utf-8")
    path.write_text(text.replace('"now-3h"', '"now/d"'), encoding="utf-8")

    with pytest.raises(ValueError, match=r"time\.from: got 'now/d'; must be like now-6h"):
        read_dashboard(path)


def test_dashboards_show_hours_at_first() -> None:
    shown: dict[str, DashboardRead] = BOARDS

    assert {name: board.shows_seconds / 3600 for name, board in shown.items()} == {
        "operator": 3,
        "phases": 48,
        "runs": 6,
    }

"""The pages of all dashboards about the story: reads their JSON, asks a Prometheus, writes HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from batt.timing import VALIDATE
from dashboards.queries import EVERYTHING
from tests.documents import ROOT
from tests.pictures.answers import Series, Span, answers_of
from tests.pictures.boards import DashboardRead, read_dashboard
from tests.pictures.page import page_html
from tests.pictures.story import END, MINUTES, NAMESPACE, STEP, story
from tests.prometheus import Prometheus, prometheus_with

PICTURES = ROOT / "docs" / "pictures"
"""Where the pictures are."""

DASHBOARDS = ROOT / "charts" / "batt" / "dashboards"
"""Where the dashboards are, as the chart ships them."""

LINE_STEP = 60.0 * STEP
"""Seconds between two points of a line."""

CHOSEN_PHASES = (VALIDATE, "cluster.image_pull")
"""Phases that are chosen: one of the work, one of the way to it."""

CHOICES: Mapping[str, str] = {
    "kind": "solvers",
    "phase": "|".join(CHOSEN_PHASES),
    "run": "candidates-v13",
    "other": "candidates-v12",
}
"""What is chosen on the dashboard of phases; on the others everything is."""


class Answered(NamedTuple):
    """A dashboard with what its panels show, by their numbers. page: where its page is."""

    board: DashboardRead
    answers: Mapping[int, Sequence[Series]]
    page: Path


def write_pages(folder: Path) -> list[Answered]:
    """Write the page of each dashboard into a folder."""
    with prometheus_with(story(), folder) as prometheus:
        return [write_page(prometheus, read_dashboard(path), folder) for path in dashboard_files()]


def dashboard_files() -> list[Path]:
    """Return the files of all dashboards."""
    return sorted(DASHBOARDS.glob("*.json"))


def write_page(prometheus: Prometheus, board: DashboardRead, folder: Path) -> Answered:
    """Write the page of a dashboard, over the time that it shows at first, as far as the story reaches back."""
    end = END.timestamp()
    span = Span(end - min(board.shows_seconds, MINUTES * 60), end, LINE_STEP)
    values = {
        **EVERYTHING,
        **(CHOICES if board.name == "phases" else {}),
        "__range": f"{span.end - span.begin:.0f}s",
        "__rate_interval": f"{4 * LINE_STEP:.0f}s",
    }
    answers = {one.number: answers_of(prometheus, one, values, span) for one in board.panels}
    page = folder / f"{board.name}.html"
    page.write_text(page_html(board, answers, words_of(board), span), encoding="utf-8")
    return Answered(board, answers, page)


def words_of(board: DashboardRead) -> dict[str, str]:
    """Return what is chosen above a dashboard in words; one cluster alone has no such choice."""
    chosen = {"datasource": "Prometheus", "operator": NAMESPACE, "window": EVERYTHING["window"]}
    chosen |= {name: value.replace("|", " + ") for name, value in CHOICES.items() if board.name == "phases"}
    names = [choice.name for choice in board.choices]
    return {name: chosen.get(name, "All") for name in names if name not in {"cluster", "datasource"}}

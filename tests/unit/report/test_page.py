"""A page is one file that fetches nothing, in which strangers' texts are only texts, and which stays small."""

from __future__ import annotations

import hashlib
import json
import re
import time
from base64 import b64encode
from html.parser import HTMLParser
from typing import Any

import pytest

from batt.report.compared import compared_report
from batt.report.comparison import compare, side_of
from batt.report.model import Report
from batt.report.page import page_html
from tests.unit.report.builders import (
    HOSTILE,
    candidate,
    hal_page,
    hal_results,
    hal_row,
    many_hal_rows,
    many_tasks,
    solver_page,
    solver_results,
    some_effort,
    task,
)

MOST_BYTES = 2_000_000
"""Biggest page, whatever is in it."""


class Reader(HTMLParser):
    """Reads a page as a browser does: elements with their attributes, and what stands in them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.inside: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts.setdefault(self.inside[-1], []).append(data)


def hostile_solver_report() -> Report:
    rows = [candidate(n, "error", name=text, pairs={"train[0]": f"error {text}"}) for n, text in enumerate(HOSTILE)]
    refused = [{"where": text, "got": text, "rule": text, "remedy": text, "line": None} for text in HOSTILE]
    results = solver_results(
        [task(text, rows) for text in HOSTILE], refused=refused, refused_tasks=list(HOSTILE), phases={}
    )
    results["run"]["name"] = HOSTILE[0]
    results["solvers"]["dataset"] = HOSTILE[1]
    return solver_page(results)


def hostile_hal_report() -> Report:
    rows = [hal_row(text, "agent_error", message=text * 30) for text in HOSTILE]
    results = hal_results(rows, run_ids=[HOSTILE[0]])
    results["hal"]["agent"]["name"] = HOSTILE[1]
    return hal_page(results, "\n".join(HOSTILE[:8]).encode())


def hostile_comparison() -> Report:
    sides = [
        side_of(solver_results([task(text, [candidate(1, verdict, name=text)]) for text in HOSTILE]), HOSTILE[0])
        for verdict in ("correct", "error")
    ]
    return compared_report(compare(*sides))


REPORTS = {"solvers": hostile_solver_report, "hal": hostile_hal_report, "compare": hostile_comparison}


@pytest.mark.parametrize("kind", REPORTS)
def test_texts_of_strangers_make_no_element(kind: str) -> None:
    page = Reader(page_html(REPORTS[kind]()))

    names = [name for name, _ in page.elements]
    assert names.count("script") == 2
    assert "img" not in names
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    [data, _] = page.texts["script"]
    assert "<" not in data
    assert HOSTILE[0] in json.dumps(json.loads(data)).replace("\\u003c", "<")


@pytest.mark.parametrize("kind", REPORTS)
def test_nothing_is_fetched_and_only_our_own_style_and_script_run(kind: str) -> None:
    page = Reader(page_html(REPORTS[kind]()))

    [policy] = [one["content"] or "" for name, one in page.elements if name == "meta" and "http-equiv" in one]
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed["default-src"] == "'none'"
    assert allowed["base-uri"] == allowed["form-action"] == "'none'"
    for name, text in (("script-src", page.texts["script"][1]), ("style-src", "".join(page.texts["style"]))):
        assert allowed[name] == f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    targets = [one[key] or "" for _, one in page.elements for key in ("src", "href") if key in one]
    assert all(target.startswith("#") or target == "data:," for target in targets)
    assert not [one for _, one in page.elements if "style" in one]


def test_equal_runs_give_equal_pages() -> None:
    first, second = (page_html(solver_page(solver_results(many_tasks(40, 20)))) for _ in range(2))

    assert first == second


def test_a_page_says_everything_but_its_tables_without_a_script() -> None:
    page = page_html(solver_page(solver_results(many_tasks(10, 10)))).decode()
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)

    assert "of 10 tasks solved" in text
    assert '<th scope="row">main.run_batt</th><td class="number">12.346</td>' in text
    assert "ValueError" in text
    assert "t_log" in text
    assert "This table needs JavaScript." in text


@pytest.mark.parametrize(("tasks", "each"), [(400, 25), (10_000, 1), pytest.param(2_000, 50, marks=pytest.mark.full)])
def test_a_page_of_many_candidates_stays_small(tasks: int, each: int) -> None:
    report = solver_page(solver_results(many_tasks(tasks, each)), some_effort(2_000))

    page = page_html(report)

    assert len(page) < MOST_BYTES
    if tasks == 2_000:
        assert b"of 100,000 are in this page" in page


def test_a_page_of_many_agents_stays_small() -> None:
    page = page_html(hal_page(hal_results(many_hal_rows(10_000)), b"A line of a log that goes on and on.\n" * 1_000))

    assert len(page) < MOST_BYTES


@pytest.mark.parametrize("text", [text for text in HOSTILE if text], ids=range(len(HOSTILE) - 1))
def test_no_text_makes_a_page_big(text: str) -> None:
    solvers = solver_results(many_tasks(3_000, 2, names=[text]))
    solvers["tasks"] = [{**one, "task": f"{text}{place}"} for place, one in enumerate(solvers["tasks"])]
    solvers["refused"] = [{"where": text, "got": text, "rule": f"{n}{text}", "remedy": text} for n in range(300)]
    rows = [{**row, "task": f"{text}{row['task']}", "message": text * 20} for row in many_hal_rows(3_000)]

    pages = [
        page_html(solver_page(solvers)),
        page_html(hal_page(hal_results(rows), (text * 999).encode("utf-8", "replace"))),
    ]

    assert [len(page) < MOST_BYTES for page in pages] == [True, True], [len(page) for page in pages]


def test_reading_a_hundred_thousand_candidates_costs_little_beside_collecting_them() -> None:
    """Collecting takes some 300 µs a candidate (make bench); this must stay a small part of that."""
    results: dict[str, Any] = solver_results(many_tasks(400, 50))

    begin = time.process_time()
    solver_page(results)

    assert (time.process_time() - begin) / 20_000 < 100e-6

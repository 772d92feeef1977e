"""A report as one file of HTML: no network, no file beside it, nothing in it that a stranger wrote is markup or script.

Its head, timeline, phases, charts and failures are written here and need no script; tables are data, which page.js
sorts, filters and folds. A policy in the page lets exactly the style and the script of this package run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from batt import __version__
from batt.report.drawing import drawn_chart, drawn_share, drawn_timeline
from batt.report.failures import more_of
from batt.report.markup import Attributes, Child, Markup, element, joined
from batt.report.model import Chart, Fact, Grid, Group, Groups, Report, Section, Table, Timeline
from batt.report.rows import embedded
from batt.report.texts import number_of


def page_html(report: Report) -> bytes:
    """Return the page; equal reports give equal pages."""
    style, script = asset("page.css"), asset("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{digest_of(style)}'; script-src '{digest_of(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "generator", "content": f"batt {__version__}"}),
        element("link", {"rel": "icon", "href": "data:,"}),
        element("title", {}, f"{report.title}: {report.headline}"),
        element("style", {}, Markup(style)),
    )
    tables = [table_data(section) for section in report.sections if isinstance(section, Table)]
    body = element(
        "body",
        {},
        element("a", {"class": "skip", "href": "#main"}, "Skip to the results"),
        page_head(report),
        element("main", {"id": "main"}, *(drawn_section(section) for section in report.sections)),
        element(
            "footer", {}, f"Made by batt {__version__} from results.json and what lies beside it. Times are in UTC."
        ),
        element("script", {"type": "application/json", "id": "data"}, Markup(embedded({"tables": tables}))),
        element("script", {}, Markup(script)),
    )
    page = element("html", {"lang": "en"}, head, body)
    return f"<!DOCTYPE html>\n{page.text}\n".encode()


def asset(name: str) -> str:
    """Return a file of this package."""
    return files("batt.report").joinpath(name).read_text(encoding="utf-8")


def digest_of(text: str) -> str:
    """Return the digest by which a policy allows a style or a script (w3.org/TR/CSP3, hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def page_head(report: Report) -> Markup:
    """Return title, headline, notices, facts, and links to the sections."""
    share = [] if report.share is None else [element("div", {"class": "score"}, drawn_share(report.share))]
    links = (element("a", {"href": f"#{section.key}"}, section.title) for section in report.sections)
    return element(
        "header",
        {},
        element("p", {"class": "lead"}, report.lead),
        element("h1", {}, report.title),
        element("p", {"class": "headline"}, report.headline),
        *share,
        *(element("p", {"class": "notice", "role": "note"}, notice) for notice in report.notices),
        element("dl", {"class": "facts"}, *(drawn_fact(fact) for fact in report.facts)),
        element("nav", {"aria-label": "Sections"}, *links),
    )


def drawn_fact(fact: Fact) -> Markup:
    """Return one fact."""
    note = [element("dd", {"class": "note"}, fact.note)] if fact.note else []
    return element("div", {}, element("dt", {}, fact.name), element("dd", {}, fact.value), *note)


def drawn_section(section: Section) -> Markup:
    """Return a section with its heading."""
    match section:
        case Timeline():
            inside = [drawn_timeline(section), left_out(section.left_out, "shard", "who worked when, below, has more")]
        case Grid():
            inside = [drawn_grid(section)]
        case Chart():
            inside = [drawn_chart(section)]
        case Groups():
            inside = [*map(drawn_group, section.groups), left_out(section.left_out, "more", "results.json has them")]
        case Table():
            inside = [table_place(section)]
    return element(
        "section",
        {"id": section.key, "aria-labelledby": f"{section.key}-title"},
        element("h2", {"id": f"{section.key}-title"}, section.title),
        element("p", {"class": "lead"}, section.lead),
        *inside,
    )


def left_out(number: int, what: str, where: str) -> Markup:
    """Return a line that says what a section does not show; nothing where that is nothing."""
    if not number:
        return Markup("")
    return element(
        "p", {"class": "lead"}, f"{number_of(number, what, what if what == 'more' else '')} not shown; {where}."
    )


def drawn_grid(grid: Grid) -> Markup:
    """Return a small table."""
    heads: Iterable[Child] = (
        element("th", {"scope": "col", **({"class": "number"} if head.is_number else {})}, head.title)
        for head in grid.heads
    )
    bars = [element("th", {"scope": "col"}, "share")] if grid.shares else []
    rows = (
        element(
            "tr",
            {},
            element("th", {"scope": "row"}, cells[0]),
            *(
                element("td", {"class": "number"} if head.is_number else {}, cell)
                for head, cell in zip(grid.heads[1:], cells[1:], strict=True)
            ),
            *([element("td", {"class": "bar"}, drawn_share(grid.shares[place]))] if grid.shares else []),
        )
        for place, cells in enumerate(grid.rows)
    )
    table = element(
        "table",
        {"class": "grid"},
        element("caption", {}, grid.title),
        element("thead", {}, element("tr", {}, *heads, *bars)),
        element("tbody", {}, *rows),
    )
    scroll: Attributes = {"class": "scroll", "tabindex": 0, "role": "region", "aria-labelledby": f"{grid.key}-title"}
    return element("div", scroll, table)


def drawn_group(group: Group) -> Markup:
    """Return a group of failures, its examples folded."""
    examples = (
        element("li", {}, element("b", {}, example.where), f" {example.text}" if example.text else "")
        for example in group.examples
    )
    more = more_of(group)
    return element(
        "details",
        {},
        element(
            "summary",
            {},
            element("span", {"class": "count"}, f"{group.number:,}"),
            element("span", {"class": f"word {group.word.tone}"}, group.word.text),
            element("span", {}, group.message),
        ),
        element("ul", {}, *examples, *([element("li", {"class": "more"}, more)] if more else [])),
    )


def table_place(table: Table) -> Markup:
    """Return where page.js puts a table."""
    missing = table.total - len(table.rows)
    told = f"{len(table.rows):,} of {table.total:,} are in this page, {missing:,} are not; results.json has them all."
    return joined(
        [
            *([element("p", {"class": "lead"}, told)] if missing else []),
            element("div", {"data-table": table.key}),
            element("noscript", {}, element("p", {"class": "lead"}, "This table needs JavaScript.")),
        ]
    )


def table_data(table: Table) -> dict[str, Any]:
    """Return what page.js reads of a table."""
    columns = [
        {
            "title": column.title,
            "kind": column.kind,
            "decimals": column.decimals,
            "words": [[word.text, word.tone] for word in column.words],
            "filter": column.is_filter,
        }
        for column in table.columns
    ]
    details = {row: [list(detail) for detail in some] for row, some in table.details.items()}
    return {"key": table.key, "title": table.title, "columns": columns, "rows": table.rows, "details": details}

"""The report in a real browser: it runs without an error or a request, and can be read and used by anyone.

Chromium is Debian's; playwright drives it. Without it these tests are skipped.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batt.report.model import Report
from batt.report.page import page_html
from tests.unit.report.builders import (
    HOSTILE,
    candidate,
    hal_page,
    hal_results,
    many_hal_rows,
    many_tasks,
    solver_page,
    solver_results,
    task,
)
from tests.unit.report.test_page import hostile_comparison, hostile_hal_report, hostile_solver_report

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: make .venv/ready", exc_type=ImportError
)

CHROMIUM = shutil.which("chromium")
"""Debian's browser."""

PHONE = {"width": 390, "height": 844}
"""A phone of today, in CSS pixels."""

MOST_MILLISECONDS = 20_000
"""Longest wait for an element: pages are there at once, machines may be busy."""

LOG = b"first line\n" + b"asks the model\n" * 2_000 + b"last line\n"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium: apt-get install --no-install-recommends chromium"
)


class Opened:
    """A page in the browser, and what it has done since it was opened."""

    def __init__(self, page: Any, file: Path) -> None:  # playwright's page
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        self.own = file.as_uri()

    def column(self, key: str, number: int) -> list[str]:
        """Return the texts of a table's column, as they stand."""
        found: list[str] = self.page.locator(f"#{key} tbody tr.row > *:nth-child({number})").all_inner_texts()
        return found

    def status(self, key: str) -> str:
        """Return what a table says of its rows."""
        return str(self.page.locator(f"#{key} .status").inner_text())

    def was_quiet(self) -> bool:
        """Tell whether nothing went wrong and nothing was fetched but the file itself."""
        assert self.errors == []
        return [url for url in self.requests if url != "data:,"] == [self.own]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests of this module."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages that are looked at."""
    folder = tmp_path_factory.mktemp("pages")
    reports: dict[str, Report] = {
        "solvers": solver_page(solver_results(many_tasks(60, 12))),
        "hal": hal_page(hal_results(many_hal_rows(164)), LOG),
        "hostile solvers": hostile_solver_report(),
        "hostile hal": hostile_hal_report(),
        "hostile compare": hostile_comparison(),
        "empty": solver_page(solver_results([], phases={})),
    }
    for name, report in reports.items():
        (folder / f"{name}.html").write_bytes(page_html(report))
    return {name: folder / f"{name}.html" for name in reports}


def opened(browser: Any, file: Path, **options: Any) -> Iterator[Opened]:
    """Open a page in a context of its own."""
    context = browser.new_context(**options)
    context.set_default_timeout(MOST_MILLISECONDS)
    yield Opened(context.new_page(), file)
    context.close()


@pytest.fixture
def solvers(browser: Any, files: dict[str, Path]) -> Iterator[Opened]:
    yield from opened(browser, files["solvers"])


@pytest.fixture
def hal(browser: Any, files: dict[str, Path]) -> Iterator[Opened]:
    yield from opened(browser, files["hal"])


@pytest.fixture
def phone(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    yield context
    context.close()


def full(*values: str) -> list[Any]:
    """Return parameters of tests that `make test-full` runs only."""
    return [pytest.param(*value.split("|"), marks=pytest.mark.full, id=value) for value in values]


ALL = ("solvers", "hal", "hostile solvers", "hostile hal", "hostile compare", "empty")


@pytest.mark.parametrize("name", ALL)
def test_a_page_opens_without_an_error_or_a_request(browser: Any, files: dict[str, Path], name: str) -> None:
    for page in opened(browser, files[name]):
        assert page.was_quiet()
        assert page.page.locator("h1").count() == 1


@pytest.mark.full
def test_texts_of_strangers_are_shown_as_they_are(browser: Any, files: dict[str, Path]) -> None:
    for page in opened(browser, files["hostile solvers"]):
        page.page.locator("#candidates input").fill("alert(1)</script>")
        assert HOSTILE[0] in page.column("candidates", 1)
        for summary in page.page.locator("summary").all():
            summary.click()
        assert page.was_quiet()


def as_number(text: str) -> float:
    return float("-inf") if text == "-" else float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("work", {3, 4, 5, 7}),
        pytest.param("candidates", {2, 5, 6}, marks=pytest.mark.full),
        pytest.param("tasks", {3, 4, 5, 6, 7, 8}, marks=pytest.mark.full),
    ],
)
def test_every_column_sorts_both_ways(solvers: Opened, key: str, numbers: set[int]) -> None:
    heads = solvers.page.locator(f"#{key} thead th")

    for place in range(heads.count()):
        orders = []
        for _ in range(2):
            heads.nth(place).get_by_role("button").click()
            orders.append(heads.nth(place).get_attribute("aria-sort"))
            cells = solvers.column(key, place + 1)
            if place + 1 in numbers:
                values = [as_number(cell) for cell in cells if cell != "-"]
                assert values == sorted(values, reverse=orders[-1] == "descending")
                assert "-" not in cells[: len(values)]
        assert sorted(map(str, orders)) == ["ascending", "descending"]
        assert solvers.page.locator(f"#{key} thead th[aria-sort]").count() == 1
    assert solvers.was_quiet()


def test_filters_and_search_choose_rows(solvers: Opened) -> None:
    page = solvers.page

    assert solvers.status("candidates") == "first 100 of 720 rows"
    page.get_by_label("verdict").select_option("timeout")
    assert set(solvers.column("candidates", 3)) == {"timeout"}
    some = len(solvers.column("candidates", 1))
    assert solvers.status("candidates") == f"{some} rows of 720 that fit"
    page.locator("#candidates input").fill("no such thing")
    assert solvers.status("candidates") == "0 rows of 720 that fit"
    page.get_by_label("verdict").select_option("all")
    page.locator("#candidates input").fill("SOLVER_000007")
    assert solvers.column("candidates", 1) == ["candidates/solver_000007.py::solve"]


@pytest.mark.full
def test_more_rows_are_shown_on_demand(solvers: Opened) -> None:
    more = solvers.page.locator("#candidates button.more")

    while more.is_visible():
        more.click()

    assert len(solvers.column("candidates", 1)) == 720
    assert solvers.status("candidates") == "720 rows"


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_logs_fold_by_keyboard_alone(hal: Opened) -> None:
    page = hal.page
    page.locator("#tasks select").focus()
    page.keyboard.type("agent")
    assert set(hal.column("tasks", 2)) == {"agent error"}
    name = hal.column("tasks", 1)[0]

    for _ in range(30):
        page.keyboard.press("Tab")
        if focused(page) == name:
            break
    assert focused(page) == name
    page.keyboard.press("Enter")

    button = page.get_by_role("button", name=name, exact=True)
    assert button.get_attribute("aria-expanded") == "true"
    folded = page.locator(f"#{button.get_attribute('aria-controls')}")
    assert folded.locator("pre").inner_text().rstrip().endswith("last line")
    assert "bytes before" in folded.locator("pre").inner_text()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "PRE"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert button.get_attribute("aria-expanded") == "false"
    assert page.locator("pre").count() == 0
    assert hal.was_quiet()


def test_the_keyboard_reaches_everything_that_can_be_done(solvers: Opened) -> None:
    page = solvers.page
    wanted = page.evaluate(f"document.querySelectorAll('{REACHED}').length")

    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert shown != "none" or page.evaluate("document.activeElement === document.body")

    assert len(reached) >= wanted


@pytest.mark.parametrize(
    "name", ["hal", *full("solvers", "hostile solvers", "hostile hal", "hostile compare", "empty")]
)
def test_a_phone_shows_everything_without_scrolling_sideways(phone: Any, files: dict[str, Path], name: str) -> None:
    page = Opened(phone.new_page(), files[name])

    for fold in page.page.locator("summary, button.fold").all()[:20]:
        fold.click()
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], page.page.evaluate(WIDE)


REACHED = 'a, button:not([hidden]), input, select, summary, [tabindex="0"]'
"""What the Tab key comes to."""

WIDE = """
[...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > 391 && !e.closest('.scroll, pre'))
  .slice(0, 5).map(e => e.outerHTML.slice(0, 120))
"""
"""Elements that stand out of a phone's screen."""

DOUBLED = """
(ids => ids.filter((id, at) => ids.indexOf(id) !== at))([...document.querySelectorAll('[id]')].map(e => e.id))
"""
"""Ids that several elements have."""

CONTRAST = """() => {
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => { const c = rgb.map((v) => linear(v / 255));
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const back = (element) => { for (let e = element; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); }
    return [255, 255, 255]; };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest('svg, script, noscript')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color).slice(0, 3)), light(back(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 100)}`);
  }
  return poor.slice(0, 5);
}"""
"""Finds texts with less contrast than WCAG 2.1 asks for (1.4.3, AA: 4.5)."""


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("solvers", "light"), ("solvers", "dark"), *full("hal|light", "hal|dark", "hostile compare|dark")],
)
def test_texts_can_be_read_in_light_and_dark(browser: Any, files: dict[str, Path], name: str, scheme: str) -> None:
    for page in opened(browser, files[name], color_scheme=scheme):
        back = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(255, 255, 255)") == (scheme == "light")
        assert page.page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", ["hal", *full("solvers", "hostile compare")])
def test_everything_has_a_name_for_who_cannot_see_it(browser: Any, files: dict[str, Path], name: str) -> None:
    for opened_page in opened(browser, files[name]):
        page = opened_page.page
        assert page.evaluate("document.documentElement.lang") == "en"
        levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        for what in ("input, select", "section, [role=region], [role=search], nav", "table", "svg[role=img]"):
            nameless = page.locator(what).evaluate_all(
                "all => all.filter(e => !(e.labels?.length || e.ariaLabel || e.caption || "
                "document.getElementById(e.getAttribute('aria-labelledby')))).map(e => e.outerHTML.slice(0, 100))"
            )
            assert nameless == []
        assert page.locator("table th:not([scope])").count() == 0
        assert page.locator("svg:not([role=img]):not([aria-hidden=true])").count() == 0
        assert page.evaluate(DOUBLED) == []


def test_without_a_script_the_page_can_still_be_read(browser: Any, files: dict[str, Path]) -> None:
    for page in opened(browser, files["solvers"], java_script_enabled=False):
        assert page.page.locator("#phases tbody tr").count() == 3
        assert page.page.locator("#failures summary").count() > 3
        assert page.page.locator("noscript p").all_inner_texts() == ["This table needs JavaScript."] * 3


@pytest.mark.full
def test_ten_thousand_rows_answer_at_once(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "big.html"
    file.write_bytes(
        page_html(solver_page(solver_results([task("t", [candidate(n, seconds=n / 1e6) for n in range(10_000)])])))
    )

    for opened_page in opened(browser, file):
        took = opened_page.page.evaluate(
            "() => { const begin = performance.now();"
            " document.querySelector('#candidates thead button').click(); return performance.now() - begin; }"
        )
        assert took < 1_000

"""Dashboards and rules in the chart are what the code makes; Grafana can read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from batt.metrics import METRICS
from batt.schema.generated import ROOT, stale_files
from dashboards.alerts import alerts
from dashboards.boards import NOTICE
from dashboards.files import boards, generated_files, main
from dashboards.queries import EVERYTHING, choice_queries, filled, panel_queries, shipped

BOARDS = dict(shipped())
RUNS = {**EVERYTHING, "run": "one", "other": "two"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that asks for something."""
    yield from (panel for panel in board["panels"] if panel["type"] != "row")


def test_generated_files_in_the_repository_are_fresh() -> None:
    assert stale_files(ROOT, generated_files()) == []
    assert main(["check"]) == 0


def test_another_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["overwrite"]) == 64
    assert "usage: python -m dashboards write|check; got ['overwrite']" in capsys.readouterr().err


def test_every_generated_file_says_so_at_its_start() -> None:
    for path, text in generated_files().items():
        assert any(NOTICE in line for line in text.splitlines()[:2]), path


def test_there_are_three_dashboards_each_with_a_name_of_its_own() -> None:
    assert {name: (board["uid"], board["title"]) for name, board in BOARDS.items()} == {
        "runs": ("batt-runs", "batt / Runs"),
        "phases": ("batt-phases", "batt / Phases"),
        "operator": ("batt-operator", "batt / Operator"),
    }


def test_a_configmap_holds_each_of_them() -> None:
    """`kubectl apply` notes an object in an annotation of its own, which may be 256 KiB."""
    assert max(len(text) for text in generated_files().values()) < 200_000


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_has_a_name_says_what_it_tells_and_asks_the_chosen_source(name: str) -> None:
    titles = [panel["title"] for panel in panels(BOARDS[name])]
    assert len(set(titles)) == len(titles)
    for panel in panels(BOARDS[name]):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"], panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_panels_fill_the_grid_without_overlap_and_have_numbers_of_their_own(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in BOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]
    numbers = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_uses_choices_that_its_dashboard_has(name: str) -> None:
    known = {variable["name"] for variable in BOARDS[name]["templating"]["list"]} | {"__range", "__rate_interval"}
    texts = [target["expr"] for panel in panels(BOARDS[name]) for target in panel["targets"]]
    titles = [panel["title"] for panel in BOARDS[name]["panels"]]
    queries = [each["query"]["query"] for each in BOARDS[name]["templating"]["list"] if each["type"] == "query"]

    used = {found for text in (*texts, *titles, *queries) for found in re.findall(r"\$(\w+)", text)}

    assert used <= known
    assert known - used <= {"datasource", "__range", "__rate_interval"}


def test_every_metric_is_on_a_dashboard() -> None:
    text = " ".join(query.query for query in panel_queries(RUNS))

    missing = [metric.name for metric in METRICS if not re.search(rf"\b{metric.name}(_bucket|_sum|_count)?\b", text)]

    assert missing == []


def test_only_metrics_that_there_are_are_asked_for() -> None:
    names = {metric.name for metric in METRICS}
    texts = [*(query.query for query in panel_queries(RUNS)), *(alert.text for alert in alerts())]

    asked = {name for text in texts for name in re.findall(r"\bbatt_\w+", text)}

    assert {re.sub(r"_(bucket|sum|count)$", "", name) if name not in names else name for name in asked} <= names


def test_queries_have_their_variables_filled_in() -> None:
    queries = [*(query.query for query in panel_queries(RUNS)), *(query.selector for query in choice_queries(RUNS))]

    assert len(queries) > 60
    assert not [query for query in queries if "$" in query]
    with pytest.raises(KeyError, match="run"):
        filled('batt_run_info{run="$run"}', EVERYTHING)


def test_what_is_chosen_first_is_everything() -> None:
    for board in BOARDS.values():
        for variable in board["templating"]["list"]:
            if variable["includeAll"]:
                assert (variable["current"]["value"], variable["allValue"]) == ("$__all", ".*")


def test_the_same_code_writes_the_same_text() -> None:
    assert generated_files() == generated_files()
    assert [board.name for board in boards()] == list(BOARDS)


def test_bars_are_not_red_from_80_on() -> None:
    """Without a colour of its own a panel has Grafana's thresholds: green, and red from 80 on."""
    colours = [
        panel["fieldConfig"]["defaults"]["color"]
        for board in BOARDS.values()
        for panel in panels(board)
        if panel["type"] == "bargauge"
    ]

    assert len(colours) > 5
    assert [colour for colour in colours if colour != {"mode": "fixed", "fixedColor": "blue"}] == []


def test_a_number_that_labels_tell_apart_is_named_even_if_it_is_the_only_one() -> None:
    """Else a cost in one currency is shown without it."""
    modes = {
        panel["title"]: panel["options"]["textMode"]
        for board in BOARDS.values()
        for panel in panels(board)
        if panel["type"] == "stat"
    }

    assert {title for title, mode in modes.items() if mode == "value_and_name"} == {"Cost", "Watches"}

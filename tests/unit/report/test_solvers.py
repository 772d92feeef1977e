"""The report of a solver run says what its results say: all numbers, the slowest candidates, failures with messages."""

from __future__ import annotations

from typing import Any

import pytest

from batt.report.model import Chart, Grid, Groups, Report, Table, Timeline
from batt.report.solvers import MOST_CANDIDATES, failure_message, first_failure, pods_cost
from batt.results import Charge
from batt.timing import stats_from_json, timing_summary
from tests.unit.report.builders import candidate, many_tasks, phases, solver_page, solver_results, task


def section_of(report: Report, key: str) -> Any:
    """Return a section."""
    [found] = [section for section in report.sections if section.key == key]
    return found


@pytest.fixture
def report() -> Report:
    rows = [
        candidate(1, "correct", 0.004),
        candidate(2, "wrong", 0.050, score=2),
        candidate(3, "error", 0.001),
        candidate(4, "timeout", 1.5, is_near_timeout=True),
        candidate(5, "correct", 0.002, kept=False, duplicate=True, cached=True),
    ]
    refused = {"where": "candidates/bad.py", "got": "'I.x'", "rule": "must be a call", "remedy": "change", "line": 3}
    return solver_page(solver_results([task("aaaaaaaa", rows), task("bbbbbbbb", [])], refused=[refused]))


def test_sections_come_in_the_order_of_questions(report: Report) -> None:
    kinds = [(section.key, type(section)) for section in report.sections]

    assert kinds == [
        ("timeline", Timeline),
        ("phases", Grid),
        ("check-times", Chart),
        ("failures", Groups),
        ("candidates", Table),
        ("tasks", Table),
        ("work", Table),
    ]


def test_the_head_has_the_score_and_numbers_that_add_up(report: Report) -> None:
    facts = {fact.name: (fact.value, fact.note) for fact in report.facts}

    assert report.headline == "1 of 2 tasks solved (50.0 %)"
    assert report.share == 0.5
    assert facts["Candidates"][0] == "5"
    assert facts["Candidates"][1].startswith("= 2 correct, 1 error, 1 timeout, 1 wrong; 5 unique")
    assert facts["Not run"] == ("1", "1 refused, 0 for other tasks, 0 missing")
    assert facts["Wall time"] == ("12.3 s", "main.run_batt")
    assert facts["Dataset"] == ("arc-agi-1/training", "candidates from candidates")


def test_cost_that_nobody_knows_is_unknown_not_nothing(report: Report) -> None:
    facts = {fact.name: fact.value for fact in report.facts}

    assert facts["Cost of pods"] == "unknown"
    assert float(facts["Pod hours"]) > 0


def test_cost_of_pods_is_told_with_its_waste_and_the_day_of_its_price() -> None:
    assert pods_cost(Charge(1.25, 0.5, "EUR", "2026-01-01")) == (
        "Cost of pods", "1.2500 EUR", "0.5000 of it wasted; prices of 2026-01-01"
    )  # fmt: skip


def test_the_timing_summary_has_the_figures_that_a_terminal_prints(report: Report) -> None:
    rows = section_of(report, "phases").rows

    printed = [line.split() for line in timing_summary(stats_from_json(phases())).splitlines()[1:]]
    assert [[row[0], row[1]] for row in rows] == printed


def test_candidates_come_slowest_first_with_what_happened(report: Report) -> None:
    rows = section_of(report, "candidates").rows

    assert [(row[1], row[7]) for row in rows] == [
        (1500.0, "train[1]: timeout; is near timeout"),
        (50.0, "train[1]: wrong"),
        (4.0, ""),
        (2.0, "cached"),
        (1.0, "train[1]: error ValueError at step 7"),
    ]


def test_tasks_tell_their_best_and_their_times(report: Report) -> None:
    assert section_of(report, "tasks").rows == (
        ("aaaaaaaa", 0, 5, 2, 1, 4, 1557.0, 1500.0),
        ("bbbbbbbb", 2, 0, 0, 0, None, None, None),
    )


def test_failures_are_grouped_by_what_was_raised_on_the_first_pair(report: Report) -> None:
    groups = section_of(report, "failures").groups

    assert [(one.word.text, one.message, one.number) for one in groups] == [
        ("error", "ValueError", 1),
        ("refused", "must be a call", 1),
        ("timeout", "", 1),
        ("wrong", "right on some pairs", 1),
    ]
    assert groups[1].examples[0] == ("candidates/bad.py (line 3)", "got 'I.x'; change")


def test_the_order_in_which_json_has_pairs_is_no_matter() -> None:
    one = candidate(1, "error", pairs={"test[0]": "error A at step 1", "train[10]": "error B", "train[9]": "error C"})
    other = candidate(1, "error", pairs=dict(reversed(one["pairs"].items())))

    assert first_failure(one) == first_failure(other) == "train[9]: error C"
    assert failure_message(one) == failure_message(other) == "C"


@pytest.mark.parametrize(
    ("pairs", "score", "expected"),
    [
        ({"test[0]": "wrong"}, 3, "right on every train pair, wrong on a test pair"),
        ({"train[0]": "wrong"}, 3, "right on some pairs"),
        ({"train[0]": "wrong", "test[0]": "wrong"}, 0, "right on no pair"),
    ],
)
def test_wrong_candidates_are_grouped_by_where_they_are_right(pairs: dict[str, str], score: int, expected: str) -> None:
    assert failure_message(candidate(1, "wrong", pairs=pairs, score=score)) == expected


def test_what_is_missing_is_told_above_everything() -> None:
    results = solver_results([task("a", [])], missing_shards=[1, 5])
    results["totals"]["missing"] = 40

    report = solver_page(results)

    assert report.notices == (
        "PARTIAL: 2 shards of the run had no result when this was collected; 40 candidates are missing below.",
    )
    [group] = section_of(report, "failures").groups
    assert (group.word.text, group.number, group.examples[0].where) == ("missing", 40, "shards 1, 5")


def test_the_slowest_of_very_many_are_kept() -> None:
    rows = [candidate(n, "correct", (n * 7919 % 20_011 + 1) / 1e6) for n in range(20_011)]

    report = solver_page(solver_results([task("a", rows)]))

    table = section_of(report, "candidates")
    times = [row[1] for row in table.rows]
    assert times == sorted(times, reverse=True)
    assert times == [round((20_011 - n) / 1000, 3) for n in range(len(times))]
    assert len(times) <= MOST_CANDIDATES
    assert table.total == 20_011


def test_a_run_of_nothing_has_a_report() -> None:
    report = solver_page(solver_results([], phases={}))

    assert report.headline == "0 of 0 tasks solved (-)"


def test_every_failure_is_in_a_group() -> None:
    results = solver_results(many_tasks(50, 20))

    groups = section_of(solver_page(results), "failures")

    verdicts = results["totals"]["verdicts"]
    assert sum(group.number for group in groups.groups) == 1000 - verdicts["correct"]

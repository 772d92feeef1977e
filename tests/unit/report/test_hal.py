"""The report of a HAL run: a row a task with its log folded, cost only where it is known, failures by outcome."""

from __future__ import annotations

import pytest

from batt.report.hal import DETAIL_BYTES, LEAST_LOG_BYTES, LOG_BYTES, STATES, state_of, wished_logs
from batt.report.rows import size_of
from tests.unit.report.builders import hal_page, hal_results, hal_row, many_hal_rows, states_of
from tests.unit.report.test_solvers import section_of

ROWS = [
    hal_row("a"),
    hal_row("b", score=0.0),
    hal_row("c", score=0.5),
    hal_row("d", score=None, evaluation=""),
    hal_row("e", "agent_error", message="ValueError: told to\nTraceback: ..."),
    hal_row("f", "missing", message=""),
]


def test_states_join_outcome_and_score() -> None:
    table = section_of(hal_page(hal_results(ROWS)), "tasks")

    assert states_of(table.rows) == ["right", "wrong", "partly right", "not scored", "agent error", "missing"]


def test_every_outcome_has_a_state() -> None:
    from batt.hal.outcomes import Outcome

    for outcome in Outcome:
        assert STATES[state_of(hal_row("x", str(outcome)))].text in {"right", str(outcome).replace("_", " ")}


def test_messages_and_logs_are_folded_below_their_rows() -> None:
    table = section_of(hal_page(hal_results(ROWS), b"said this\n"), "tasks")

    told = {row: [(one.title, one.text, one.is_log) for one in some] for row, some in table.details.items()}
    log = ("End of the agent's log", "said this\n", True)
    assert told == {
        0: [log],
        1: [log],
        2: [log],
        3: [log],
        4: [
            ("Message", "ValueError: told to\nTraceback: ...", False),
            ("How it was scored", "", False),
            log,
        ][::2],
    }


def test_failures_are_grouped_by_the_first_line_of_their_message() -> None:
    groups = section_of(hal_page(hal_results(ROWS)), "failures").groups

    assert {(one.word.text, one.message) for one in groups} == {
        ("agent error", "ValueError: told to"),
        ("missing", ""),
        ("not scored", ""),
        ("partly right", "got 5; expected 6"),
        ("wrong", "got 5; expected 6"),
    }


@pytest.mark.parametrize(
    ("cost", "value", "note"),
    [
        ({"total": 1.25, "known": 6}, "1.2500 USD", "as the agents say; pods are not in it"),
        ({"total": None, "known": 2}, "unknown", "0.5000 USD for the 2 of 6 tasks that say it; as the agents say"),
        ({"total": None, "known": 0}, "unknown", "no agent has told any"),
    ],
)
def test_cost_is_told_as_far_as_it_is_known(cost: dict[str, object], value: str, note: str) -> None:
    report = hal_page(hal_results(ROWS, cost={"known_dollars": 0.5, "tasks": 6, "retried": 0, **cost}))

    [fact] = [fact for fact in report.facts if fact.name == "Cost of models"]
    assert fact.value == value
    assert fact.note.startswith(note)


def test_what_a_task_spent_is_in_its_row() -> None:
    table = section_of(hal_page(hal_results(ROWS)), "tasks")

    assert table.rows[1] == ("b", 2, 0.0, 12.5, 1, 0.0125, 1201, 300, "got 5; expected 6")


@pytest.mark.parametrize("count", [1, 40, 400, 10_000])
def test_logs_share_the_room_and_failures_come_first(count: int) -> None:
    rows = many_hal_rows(count)

    wishes = wished_logs(rows)

    assert all(LEAST_LOG_BYTES <= wish.most_bytes <= LOG_BYTES for wish in wishes)
    assert sum(wish.most_bytes for wish in wishes) <= DETAIL_BYTES
    if count == 10_000:
        assert all(rows[wish.row]["outcome"] == "agent_error" for wish in wishes)


def test_what_is_folded_is_bounded_whatever_logs_hold() -> None:
    table = section_of(hal_page(hal_results(many_hal_rows(3_000)), b"<&>\x00" * 100_000), "tasks")

    sizes = [size_of([one._asdict() for one in some]) for some in table.details.values()]
    assert 0 < sum(sizes) <= DETAIL_BYTES


def test_repeats_are_told_apart() -> None:
    rows = [hal_row("a"), hal_row("a", repeat=2, score=0.0)]
    results = hal_results(rows, run_ids=["x_1", "x_2"])
    results["accuracy"]["repeats"] *= 2

    report = hal_page(results)

    assert [fact.name for fact in report.facts[:3]] == ["Repeat 1", "Repeat 2", "pass@k"]
    [group] = section_of(report, "failures").groups
    assert group.examples[0].where == "a #2"
    assert [row[0] for row in section_of(report, "tasks").rows] == ["a #1", "a #2"]

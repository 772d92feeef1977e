"""What is said when a run on a cluster has ended, and the exit code."""

import pytest

from batt_operator.commands.ending import cost_text, ending_json, ending_lines, exit_code
from batt_operator.commands.runs import Run
from tests.clusterruns import ended

PHASES = [
    {"name": "run_batt.phase1_filter", "count": 2, "sum": 1.5, "min": 0.5, "max": 1.0, "p50": 0.7, "p95": 1.0},
    {"name": "run_batt.check_batt", "count": 4, "sum": 20.25, "min": 1.0, "max": 9.0, "p50": 5.0, "p95": 8.0},
]


def partial() -> Run:
    shards = {"total": 10, "succeeded": 8, "failed": 2, "failedIndexes": "3,7"}
    return ended("Complete", "CompletedWithFailures", shards=shards, results="gs://b/r/team/mine-0123")


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (ended(), 0),
        (partial(), 1),
        (ended("Failed", "TooManyFailures"), 1),
        (ended("Cancelled", "Cancelled"), 1),
    ],
)
def test_only_a_run_with_all_results_exits_with_0(run: Run, code: int) -> None:
    assert exit_code(run) == code


def test_the_summary_of_a_whole_run_says_score_cost_results_and_times() -> None:
    run = ended(
        startTime="2026-01-01T10:00:00Z",
        completionTime="2026-01-01T10:03:10Z",
        shards={"total": 10, "succeeded": 10},
        message="114 of 400 tasks solved",
        tasks={"total": 400, "solved": 114},
        cost={"currency": "USD", "actual": 1.234, "wasted": 0.1, "podSeconds": 7500, "priced": "2026-01-01"},
        results="gs://b/r/team/mine-0123",
        phases=PHASES,
    )

    assert ending_lines(run) == [
        "mine: Complete (AllShardsDone) in 3 min 10 s",
        "",
        "score       114 of 400 tasks solved (28.5 %)",
        "shards      10 of 10 with a result",
        "cost        1.23 USD (0.10 of it wasted), 2 h 5 min of pods, prices of 2026-01-01",
        "results     gs://b/r/team/mine-0123",
        "            batt results mine brings them here",
        "",
        "Timing summary (seconds):\n"
        "  run_batt.check_batt                20.250\n"
        "  run_batt.phase1_filter              1.500",
    ]


def test_the_summary_of_a_partial_run_says_what_failed_and_what_to_do() -> None:
    lines = ending_lines(partial())

    assert "shards      8 of 10 with a result, 2 failed: 3,7" in lines
    assert "            batt logs mine --failed says why; batt retry-failed mine tries again" in lines


def test_why_a_run_has_failed_stands_under_its_name() -> None:
    lines = ending_lines(ended("Failed", "PlanRejected", message="no candidate\ncould be read"))

    assert lines[:2] == ["mine: Failed (PlanRejected)", "            no candidate could be read"]


def test_the_json_summary_holds_the_same() -> None:
    told = ending_json(partial())

    assert told["event"] == "summary"
    assert told["complete"] is False
    assert told["reason"] == "CompletedWithFailures"
    assert told["shards"]["failedIndexes"] == "3,7"
    assert told["score"] == {"solved": None, "tasks": 0}


def test_nothing_is_said_of_costs_that_nobody_knows() -> None:
    assert cost_text(ended().status.cost) == ""

"""Where a run on a cluster stands: the line that says it, the rate and the time left."""

from datetime import datetime
from typing import Any

import pytest

from batt.status import Phase
from batt_operator.commands.standing import (
    Counts,
    Pace,
    Standing,
    job_counts,
    line_of,
    ran_seconds,
    range_length,
    rate_text,
    standing_of,
    work_job_names,
)
from tests.clusterruns import condition, run_with, running


def working(done: int, failed: int = 0, attempt: int = 1, total: int = 100) -> Standing:
    return Standing(Phase.RUNNING, attempt, Counts(total, 4, done, failed), "", is_stalled=False)


def pace_of(*seen: tuple[float, Standing]) -> Pace:
    pace = Pace()
    for now, standing in seen:
        pace.note(standing, now)
    return pace


def test_counts_come_from_the_status_where_the_job_is_not_to_be_seen() -> None:
    run = running(3, 10)

    assert standing_of(run).counts == Counts(10, 0, 3, 0)
    assert standing_of(run, Counts(10, 2, 5, 1)).counts == Counts(10, 2, 5, 1)


def test_a_stall_is_told_before_all_else() -> None:
    stalled = condition("Stalled", reason="Unschedulable", message="0/3 nodes\nare available")
    run = running(0, 10, message="working", conditions=[stalled])

    standing = standing_of(run)

    assert standing.is_stalled
    assert standing.why == "0/3 nodes are available"
    assert line_of(standing, None, None) == "Running, 0/10 shards - STALLED: 0/3 nodes are available"


def test_a_stall_that_is_over_is_not_told() -> None:
    over = condition("Stalled", status="False", reason="Started", message="0/3 nodes are available")

    standing = standing_of(running(0, 10, conditions=[over]))

    assert not standing.is_stalled
    assert standing.why == ""


def test_a_run_that_no_operator_has_seen_says_so() -> None:
    line = line_of(standing_of(run_with()), None, None)

    assert line == "Pending - no operator has taken it up yet; one must look after namespace team"


def test_a_run_that_has_not_started_says_why() -> None:
    waits = condition("Started", status="False", reason="QueuedByKueue", message="waits for quota in queue gpu")

    standing = standing_of(run_with(phase="Pending", conditions=[waits]))

    assert line_of(standing, None, None) == "Pending - waits for quota in queue gpu"


def test_a_job_counts_indexes_not_pods() -> None:
    status = {"active": 2, "succeeded": 5, "failed": 9, "failedIndexes": "1,3-5"}

    assert job_counts({"spec": {"completions": 12}, "status": status}) == Counts(12, 2, 5, 4)


def test_a_job_that_has_just_been_made_has_counts_of_zero() -> None:
    assert job_counts({"spec": {"completions": 12}}) == Counts(12, 0, 0, 0)


@pytest.mark.parametrize(("ranges", "length"), [("", 0), ("7", 1), ("1,3-5", 4), ("0-99999", 100_000)])
def test_ranges_are_counted_without_listing_them(ranges: str, length: int) -> None:
    assert range_length(ranges) == length


def test_jobs_of_further_attempts_have_their_number() -> None:
    def names(**status: Any) -> list[str]:
        run = running(0, 8)
        return work_job_names(run._replace(status=run.status.model_copy(update=status)))

    assert names() == ["mine-work"]
    assert names(attempt=2) == ["mine-work-2"]


def test_tasks_that_want_a_gpu_may_have_a_job_of_their_own() -> None:
    def names(todo: int, todo_gpu: int) -> list[str]:
        run = running(0, 8)
        clock = run.status.clock.model_copy(update={"todo": todo, "todo_gpu": todo_gpu})
        return work_job_names(run._replace(status=run.status.model_copy(update={"clock": clock})))

    assert names(8, 0) == ["mine-work"]
    assert names(8, 3) == names(8, 8) == ["mine-work", "mine-work-gpu"]


def test_no_rate_is_claimed_before_a_shard_has_ended() -> None:
    pace = Pace()
    pace.note(working(0), 100, ran_seconds=500)

    assert pace.rate() is None
    assert pace.eta_seconds(working(0).counts) is None


def test_the_rate_of_all_the_time_counts_until_a_shard_ends_while_we_look() -> None:
    pace = Pace()
    pace.note(working(20), 1000, ran_seconds=200)
    at_first = pace.eta_seconds(working(20).counts)
    pace.note(working(25), 1010, ran_seconds=210)

    assert at_first == pytest.approx(800)
    assert pace.rate() == pytest.approx(0.5)


def test_nothing_is_claimed_where_it_is_not_known_how_long_the_run_has_run() -> None:
    pace = pace_of((0, working(5)), (100, working(5)))

    assert pace.rate() is None


def test_a_run_has_run_since_it_went_on_and_before_it_was_suspended() -> None:
    clock = {"runningSince": "2026-01-01T10:00:00Z", "ranSeconds": 50}
    now = datetime.fromisoformat("2026-01-01T10:01:40Z")

    assert ran_seconds(run_with(clock=clock), now) == 150
    assert ran_seconds(run_with(clock={"ranSeconds": 50}), now) == 50


def test_the_rate_counts_failed_shards_too_and_gives_the_time_left() -> None:
    pace = pace_of((0, working(10)), (50, working(30, failed=5)))

    assert pace.rate() == pytest.approx(0.5)
    assert pace.eta_seconds(working(30, failed=5).counts) == pytest.approx(130)


def test_the_rate_is_that_of_the_last_ten_minutes() -> None:
    pace = pace_of((0, working(0)), (1000, working(80)), (1400, working(82)), (1800, working(84)))

    assert pace.rate() == pytest.approx(4 / 800)


def test_a_suspension_or_a_new_attempt_begins_the_rate_anew() -> None:
    suspended = working(20)._replace(phase=Phase.SUSPENDED)
    after_suspension = pace_of((0, working(0)), (10, working(20)), (20, suspended), (900, working(20)))
    next_attempt = pace_of((0, working(0)), (10, working(90)), (20, working(0, attempt=2)))

    assert after_suspension.rate() is None
    assert next_attempt.rate() is None


def test_a_line_names_attempt_counts_rate_and_time_left() -> None:
    line = line_of(working(30, failed=5, attempt=2), 0.5, 130)

    assert line == "Running (attempt 2), 30/100 shards, 4 active, 5 failed, 30.0/min, 2 min 10 s left"


@pytest.mark.parametrize(("rate", "text"), [(12.34, "12.3/s"), (0.5, "30.0/min"), (0.01, "36.0/h")])
def test_rates_are_told_in_the_unit_that_has_a_number(rate: float, text: str) -> None:
    assert rate_text(rate) == text

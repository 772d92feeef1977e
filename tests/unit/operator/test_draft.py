"""What a status tells: conditions, their events, times, and what it keeps short."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from batt.message import PlanMessage
from batt.status import CONDITION_BYTES, RANGES_CHARACTERS, ConditionType, Phase, Reason, ShardCounts
from batt_operator.draft import Draft, cut, short
from batt_operator.observed import run_view
from tests.worlds import THEN, run_object

PLAN = PlanMessage("f", 4, 4, 2, 8, 0)


def draft(seconds: float = 0, after: Draft | None = None, **metadata: Any) -> Draft:
    """Return a draft, of the status that another one came to."""
    stored = after.status.model_dump(mode="json", by_alias=True, exclude_none=True) if after else None
    made = Draft(run_view(run_object(status=stored, **metadata)), THEN + timedelta(seconds=seconds))
    if after is None:
        made.begin(made.run.run, "gs://bucket/runs/")
    return made


def test_same_decision_tells_the_same_event_by_the_same_name() -> None:
    first, second = draft(), draft(3600)
    for one in (first, second):
        one.planned(PLAN)

    assert first.events() == second.events()
    assert [event.reason for event in first.events()] == ["Planned"]


@pytest.mark.parametrize("metadata", [{"uid": "another"}, {"generation": 2}])
def test_another_run_or_generation_tells_by_another_name(metadata: dict[str, Any]) -> None:
    first, second = draft(), draft(**metadata)
    for one in (first, second):
        one.planned(PLAN)

    assert first.events()[0].name != second.events()[0].name


def test_event_is_told_once() -> None:
    before = draft()
    before.planned(PLAN)

    after = draft(10, before)
    after.planned(PLAN)

    assert after.events() == ()


def test_stall_is_told_again_for_another_reason_only() -> None:
    before = draft()
    before.say(ConditionType.STALLED, Reason.UNSCHEDULABLE, "0/3 nodes")

    same, other = draft(10, before), draft(10, before)
    same.say(ConditionType.STALLED, Reason.UNSCHEDULABLE, "0/4 nodes")
    other.say(ConditionType.STALLED, Reason.IMAGE_PULL, "no image")

    assert same.events() == ()
    assert [(event.reason, event.is_warning) for event in other.events()] == [("ImagePull", True)]


def test_suspension_and_resumption_are_told() -> None:
    resting = draft()
    resting.rest(Reason.SUSPENDED_BY_USER, "spec.suspend is true")
    awake = draft(10, resting, generation=2)
    awake.wake()

    assert [event.reason for event in resting.events()] == ["SuspendedByUser"]
    assert [event.reason for event in awake.events()] == ["Resumed"]


def test_condition_that_stays_true_keeps_its_time() -> None:
    before = draft()
    before.say(ConditionType.STALLED, Reason.UNSCHEDULABLE, "0/3 nodes")

    after = draft(100, before)
    after.say(ConditionType.STALLED, Reason.IMAGE_PULL, "no image")

    [stalled] = after.status.conditions
    assert (stalled.last_transition_time, stalled.reason) == ("2026-01-01T10:00:00Z", Reason.IMAGE_PULL)


def test_condition_that_turns_gets_a_new_time() -> None:
    before = draft()
    before.planning(has_begun=True)

    after = draft(100, before)
    after.planned(PLAN)

    [planned] = after.status.conditions
    assert planned.last_transition_time == "2026-01-01T10:01:40Z"


def test_conditions_have_one_order_whatever_is_said_first() -> None:
    made = draft()
    for kind in reversed(ConditionType):
        made.say(kind, Reason.STARTED, "")

    assert [one.type for one in made.status.conditions] == list(ConditionType)


def test_deadline_rests_while_the_run_does() -> None:
    first = draft()
    resting = draft(30, first)
    resting.rest(Reason.SUSPENDED_BY_USER, "")
    awake = draft(1000, resting)
    asleep = awake.ran_seconds()
    awake.wake()
    late = draft(1012, awake)

    assert (asleep, late.ran_seconds()) == (30, 42)


def test_end_takes_back_what_is_no_more() -> None:
    made = draft()
    made.rest(Reason.SUSPENDED_BY_USER, "")
    made.say(ConditionType.STALLED, Reason.CRASHING, "")
    made.counted(ShardCounts(total=4, active=3))

    made.end(Phase.FAILED, Reason.STAGE_FAILED, "why")

    status = made.status
    assert (status.phase, status.message, status.shards.active) == (Phase.FAILED, "why", 0)
    assert not status.is_true(ConditionType.SUSPENDED)
    assert status.condition(ConditionType.STALLED) is None
    assert status.completion_time == "2026-01-01T10:00:00Z"


def test_first_reason_to_stop_stays() -> None:
    made = draft()

    made.stop(Reason.CANCELLED, "first")
    made.stop(Reason.DEADLINE_EXCEEDED, "second")

    assert (made.status.clock.ending, made.status.clock.ending_message) == (Reason.CANCELLED, "first")


def test_long_lists_of_failed_shards_are_cut_between_two() -> None:
    made = draft()

    made.counted(ShardCounts(total=9999, failed=5000, failed_indexes=",".join(map(str, range(0, 9999, 2)))))

    ranges = made.status.shards.failed_indexes
    assert len(ranges) <= RANGES_CHARACTERS + 4
    assert ranges.endswith(",...")
    assert all(int(one) % 2 == 0 for one in ranges.removesuffix(",...").split(","))


@pytest.mark.parametrize("letter", ["x", "é", "語", "🙂"])
def test_messages_are_cut_between_characters(letter: str) -> None:
    assert cut(letter * 10) == letter * 10
    assert len(cut(letter * 5000).encode()) <= CONDITION_BYTES + 3
    assert set(cut(letter * 5000)) == {letter, "."}


def test_message_with_half_a_character_can_be_sent() -> None:
    assert cut("a\ud800b\x00c") == "a b c"


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 0.0), (1.23456, 1.235), (123456.0, 123500.0)])
def test_times_have_four_digits(seconds: float, expected: float) -> None:
    assert short(seconds) == expected


def test_why_a_stage_was_broken_off_is_kept_short() -> None:
    one = draft()

    one.break_off(Reason.UNSCHEDULABLE, "\x01🙂" * 1000)

    assert len(one.status.clock.ending_message.encode()) <= CONDITION_BYTES + len("...")
    assert one.status.clock.ending_message.removesuffix("...").replace("🙂", "").isspace()

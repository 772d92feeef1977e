"""The timeline tells who worked on which shard when, and how that ended, whatever has been noted of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.attempts import PodTimes, ShardEnd
from batt.report.timeline import (
    MOST_LANES,
    MOST_SPANS,
    PARTS,
    Effort,
    Ending,
    at_work,
    stretch_table,
    stretches,
    timeline_section,
    told_of,
)
from tests.unit.report.builders import some_effort


def endings(effort: Effort) -> list[tuple[str, Ending, float]]:
    return [(one.who, one.ending, one.end - one.begin) for one in stretches(effort)]


@pytest.mark.parametrize(
    ("pods", "ends", "expected"),
    [
        pytest.param([PodTimes(0, "a", 10, 30, 0)], {0: ShardEnd("a", 29)}, [("a", Ending.RESULT, 20)], id="a result"),
        pytest.param(
            [PodTimes(0, "a", 10, 20, 75), PodTimes(0, "b", 25, 30, 0)],
            {0: ShardEnd("b", 29)},
            [("a", Ending.STOPPED, 10), ("b", Ending.RESULT, 5)],
            id="preempted, then done",
        ),
        pytest.param(
            [PodTimes(0, "a", 10, None), PodTimes(0, "b", 25, 30, 0)],
            {0: ShardEnd("b", 29)},
            [("a", Ending.KILLED, 15), ("b", Ending.RESULT, 5)],
            id="killed: until the next began",
        ),
        pytest.param(
            [PodTimes(0, "a", 10, None)],
            {0: ShardEnd("a", 29)},
            [("a", Ending.RESULT, 19)],
            id="killed after its result",
        ),
        pytest.param(
            [PodTimes(0, "a", 10, 30, 0), PodTimes(0, "b", 12, 40, 0)],
            {0: ShardEnd("a", 29)},
            [("a", Ending.RESULT, 20), ("b", Ending.DUPLICATE, 28)],
            id="done twice",
        ),
        pytest.param([PodTimes(0, "a", 10, 30, 70)], {}, [("a", Ending.FAILED, 20)], id="failed"),
        pytest.param(
            [PodTimes(0, "a", 10, 30, 0, 1), PodTimes(0, "b", 50, 60, 0, 2)],
            {0: ShardEnd("b", 59)},
            [("a", Ending.SUPERSEDED, 20), ("b", Ending.RESULT, 10)],
            id="a further attempt",
        ),
        pytest.param(
            [PodTimes(0, "process 1", 10, 20, -9), PodTimes(0, "process 2", 20, 31, 0)],
            {0: ShardEnd("", 30, 20.5)},
            [("process 1", Ending.KILLED, 10), ("process 2", Ending.RESULT, 11)],
            id="processes of a laptop",
        ),
        pytest.param([], {0: ShardEnd("", 30, 20.5)}, [("a process", Ending.RESULT, 9.5)], id="no note"),
        pytest.param([], {0: ShardEnd("", 30)}, [], id="a result of an older version"),
        pytest.param([PodTimes(0, "a", 10, 9.5, 1)], {}, [("a", Ending.FAILED, 0)], id="clocks that differ"),
        pytest.param([], {}, [], id="nothing"),
    ],
)
def test_every_way_to_end_is_told_apart(
    pods: list[PodTimes], ends: dict[int, ShardEnd], expected: list[tuple[str, Ending, float]]
) -> None:
    assert endings(Effort(tuple(pods), ends)) == expected


def test_exit_codes_and_signals_are_told() -> None:
    pods = (PodTimes(0, "a", 1, 2, 70), PodTimes(0, "b", 3, 4, -9), PodTimes(0, "c", 5, 6, 75))

    assert [told_of(one) for one in stretches(Effort(pods, {}))] == [
        "failed with exit code 70",
        "killed by signal 9",
        "asked to stop: preempted or suspended",
    ]


def test_a_timeline_says_from_when_to_when_and_what_was_lost() -> None:
    pods = (PodTimes(0, "a", 1_767_323_045.0, 1_767_323_050.0, 75), PodTimes(0, "b", 1_767_323_051.0, None))

    timeline = timeline_section(stretches(Effort(pods, {0: ShardEnd("b", 1_767_323_105.0)})), {}, 2)

    assert timeline
    assert timeline.lead == (
        "From 2026-01-02 03:04:05 UTC, 1.0 min: 1 shard, worked on 2 times; 1 asked to stop: preempted or suspended. "
        "Of 1 shard nothing is noted."
    )
    assert [span.told for span in timeline.lanes[0].spans] == [
        "a, attempt 1: 5.000 s, asked to stop: preempted or suspended",
        "b, attempt 1: 54.0 s, made the result",
    ]


def test_of_many_shards_those_with_trouble_are_drawn_and_the_table_has_them_first() -> None:
    some = stretches(some_effort(5_000))

    timeline = timeline_section(some, {}, 5_000)
    table = stretch_table(some, {}, some[0].begin)

    assert timeline
    assert len(timeline.lanes) == MOST_LANES
    assert timeline.left_out == 5_000 - MOST_LANES
    assert sum(len(lane.spans) for lane in timeline.lanes) <= MOST_SPANS + MOST_LANES
    assert all(any(span.word != Ending.RESULT for span in lane.spans) for lane in timeline.lanes)
    trouble = sum(one.ending is not Ending.RESULT for one in some)
    assert all(row[5] != Ending.RESULT for row in table.rows[:trouble])
    assert table.total == len(some)


def test_a_shard_that_was_tried_a_thousand_times_does_not_crowd_out_the_others() -> None:
    often = [PodTimes(0, f"p{n}", n, n + 0.5, 75) for n in range(3_000)]
    once = [PodTimes(shard, "q", 1.0, 2.0, 0) for shard in range(1, 4)]

    timeline = timeline_section(stretches(Effort((*often, *once), {})), {}, 4)

    assert timeline
    assert [len(lane.spans) for lane in timeline.lanes] == [MOST_SPANS, 1, 1, 1]


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)).map(sorted), max_size=30))
def test_the_sum_of_what_was_at_work_is_the_sum_of_all_work(spans: list[list[float]]) -> None:
    parts = at_work([(begin, end) for begin, end in spans], 50.0)

    assert len(parts) == PARTS
    assert sum(parts) * 50.0 / PARTS == pytest.approx(sum(end - begin for begin, end in spans), abs=1e-6)

"""What a display says of a run: lines for people, JSON for machines, nothing false about the time left."""

import io
import json

import pytest

from batt.laptop.progress import JsonDisplay, PlainDisplay, Standing, describe, duration


def standing(items_done: int = 30, items: int = 120, seconds: float = 10.0) -> Standing:
    return Standing(2, 5, items_done, items, 1, 8, seconds)


def test_where_a_run_stands_is_one_line() -> None:
    assert describe(standing()) == "30/120 candidates, 2/5 tasks, 3/s, 30 s left"


def test_nothing_is_said_of_the_time_left_before_anything_is_done() -> None:
    assert describe(standing(items_done=0)) == "0/120 candidates, 2/5 tasks, 0/s"
    assert describe(standing(items_done=0, seconds=0.0)) == "0/120 candidates, 2/5 tasks, 0/s"


def test_nothing_is_left_when_all_is_done() -> None:
    assert standing(items_done=120).eta_seconds == 0


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (190, "3 min 10 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (200_000, "55 h 33 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_plain_lines_come_at_most_once_an_interval() -> None:
    often, seldom = io.StringIO(), io.StringIO()
    for display in (PlainDisplay(often, 0.0), PlainDisplay(seldom, 3600.0)):
        display.stage("planning")
        display.show_reading(7, 9)
        for _ in range(5):
            display.show(standing())
        display.note("a worker was lost")
        display.close()

    assert often.getvalue().splitlines() == ["7/9 texts read", *[describe(standing())] * 5, "a worker was lost"]
    assert seldom.getvalue() == "a worker was lost\n"


def test_json_lines_say_all_that_is_known() -> None:
    out = io.StringIO()
    display = JsonDisplay(out, 0.0)

    display.stage("validating")
    display.show_reading(7, 9)
    display.show(standing())
    display.show(standing(items_done=0))
    display.note('a "quoted" note')
    display.close()

    stage, reading, first, second, note = [json.loads(line) for line in out.getvalue().splitlines()]
    assert stage == {"event": "stage", "stage": "validating"}
    assert reading == {"event": "reading", "texts_done": 7, "texts": 9}
    assert first == {
        "event": "progress",
        "tasks_done": 2,
        "tasks": 5,
        "items_done": 30,
        "items": 120,
        "shards_done": 1,
        "shards": 8,
        "seconds": 10.0,
        "unit": "candidates",
        "eta_seconds": 30.0,
    }
    assert second["eta_seconds"] is None
    assert note == {"event": "note", "text": 'a "quoted" note'}

"""The parts of the pictures: numbers as Grafana writes them, tables as it merges them, lines where points are."""

from __future__ import annotations

import pytest

from tests.pictures.answers import Point, Series, named, numbers_among
from tests.pictures.axes import tick_labels, ticks
from tests.pictures.heatmap import counts
from tests.pictures.tables import Column, columns_of, merged, ordered
from tests.pictures.timeseries import parts, stacked
from tests.pictures.units import shown

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "s", "0 s"),
        (0.0005, "s", "500 µs"),
        (0.25, "s", "250 ms"),
        (12.345, "s", "12.3 s"),
        (90.0, "s", "1.50 mins"),
        (7200.0, "s", "2 hours"),
        (200_000.0, "s", "2.31 days"),
        (0.333, "percentunit", "33.3%"),
        (1.0, "percentunit", "100%"),
        (7.0, "short", "7"),
        (61_123.0, "short", "61.1 K"),
        (82.56, "suffix:h", "82.6 h"),
        (0.0123, "suffix:/s", "0.0123 /s"),
        (float("nan"), "short", "NaN"),
        (1000 * (NOW - 20), "dateTimeFromNow", "a few seconds ago"),
        (1000 * (NOW - 3600), "dateTimeFromNow", "an hour ago"),
        (1000 * (NOW - 3 * 86400), "dateTimeFromNow", "3 days ago"),
    ],
)
def test_numbers_are_written_as_grafana_writes_them(value: float, unit: str, text: str) -> None:
    assert shown(value, unit, NOW) == text


def test_a_unit_that_no_panel_has_had_is_refused() -> None:
    with pytest.raises(KeyError, match="bytes"):
        shown(1.0, "bytes", NOW)


@pytest.mark.parametrize(
    ("highest", "unit", "expected"),
    [(7.0, "short", ["0", "2", "4", "6", "8"]), (0.0, "percentunit", ["0%", "25%", "50%", "75%", "100%"])],
)
def test_axes_go_from_0_to_a_round_number(highest: float, unit: str, expected: list[str]) -> None:
    assert tick_labels(ticks(highest, 4, unit), unit, NOW) == expected


def test_axes_of_seconds_have_steps_of_minutes() -> None:
    assert tick_labels(ticks(400.0, 4, "s"), "s", NOW) == ["0 s", "2 mins", "4 mins", "6 mins", "8 mins"]
    assert tick_labels(ticks(100.0, 4, "s"), "s", NOW) == ["0 s", "30 s", "1 mins", "1.5 mins", "2 mins"]


def test_legends_have_the_labels_that_series_have() -> None:
    assert named("{{kind}} {{pool}}", {"kind": "hal", "pool": "cpu"}) == "hal cpu"
    assert named("{{kind}} {{pool}}", {"kind": "none"}) == "none"


def test_what_is_no_number_is_no_point() -> None:
    assert numbers_among([(0, "1"), (1, "NaN"), (2, "3")]) == [Point(0, 1), Point(2, 3)]


def test_a_line_ends_where_points_are_missing() -> None:
    points = [Point(0, 1), Point(60, 2), Point(180, 3)]

    assert parts(points, 60) == [points[:2], points[2:]]


def test_areas_stand_on_those_below() -> None:
    one, other = (Series("A", "", {}, [Point(0, value), Point(60, value)]) for value in (2.0, 3.0))

    assert stacked([one, other, one]) == [{0: 0, 60: 0}, {0: 2, 60: 2}, {0: 5, 60: 5}]


def test_buckets_hold_what_those_below_do_not() -> None:
    rows = [Series("A", "", {"le": edge}, [Point(0, value)]) for edge, value in (("1", 4.0), ("+Inf", 6.0))]

    assert [counts(rows, place) for place in (0, 1)] == [[(0, 4)], [(0, 2)]]


def test_tables_merge_queries_by_their_labels_and_have_the_greatest_first() -> None:
    series = [
        Series("A", "", {"run": "one"}, [Point(0, 1.0)]),
        Series("A", "", {"run": "two"}, [Point(0, 2.0)]),
        Series("B", "", {"run": "one", "kind": "hal"}, [Point(0, 1.0)]),
    ]
    shape = {
        "excludeByName": {"Time": True, "Value #B": True},
        "indexByName": {"run": 0, "kind": 1, "Value #A": 2},
        "renameByName": {"run": "run", "kind": "kind", "Value #A": "begun"},
    }

    rows = merged(series, is_single=False)
    columns = columns_of(rows, shape)

    assert columns == [Column("run", "run"), Column("kind", "kind"), Column("Value #A", "begun")]
    assert ordered(rows, columns, [{"displayName": "begun", "desc": True}]) == [
        {"run": "two", "Value #A": 2.0},
        {"run": "one", "kind": "hal", "Value #A": 1.0, "Value #B": 1.0},
    ]

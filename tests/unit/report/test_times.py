"""Classes of times: by t_log, and by half powers of ten."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.report.model import Word
from batt.report.times import check_time_chart, half_power, quantiles_of, task_time_chart, time_range
from batt.solver.verdicts import time_class

WORDS = (Word("right"), Word("wrong"))


@pytest.mark.parametrize(
    ("t_log", "expected"),
    [
        (8, "20 s to 55 s"),
        (10, "0, or 2.7 s to 7.4 s"),
        (11, "370 ms to 2.7 s"),
        (12, "140 ms to 370 ms"),
        (17, "910 µs to 2.5 ms"),
    ],
)
def test_classes_tell_their_times(t_log: int, expected: str) -> None:
    assert time_range(t_log) == expected


@given(st.floats(1e-9, 1e6))
def test_the_edges_of_a_class_are_those_of_t_log(seconds: float) -> None:
    t_log = time_class(seconds)
    low, high = (-1, 1) if t_log == 11 else (10 - t_log, 11 - t_log) if t_log > 11 else (11 - t_log, 12 - t_log)

    assert math.exp(low) * (1 - 1e-9) <= seconds <= math.exp(high) * (1 + 1e-9)


def test_bars_are_from_fast_to_slow_and_add_up() -> None:
    chart = check_time_chart({(18, 0): 3, (15, 1): 1, (18, 1): 2}, WORDS, [0.001] * 6)

    assert [(bar.label.partition(":")[0], bar.parts) for bar in chart.bars] == [
        ("t_log 18", (3, 2)),
        ("t_log 15", (0, 1)),
    ]


def test_quantiles_are_times_that_occurred() -> None:
    assert quantiles_of([], "candidate") == "No candidate has a time."
    told = quantiles_of([n / 1000 for n in range(1, 101)], "candidate")
    assert told == "100 candidates: median 50 ms, 90 % 90 ms, 99 % 99 ms, longest 100 ms."


def test_times_of_tasks_fall_into_half_powers_without_gaps() -> None:
    chart = task_time_chart([(1.0, 0), (2.0, 1), (40.0, 0)], WORDS)

    assert [bar.parts for bar in chart.bars] == [(1, 1), (0, 0), (0, 0), (1, 0)]
    assert chart.bars[0].label == "1 s to 3.2 s"
    assert task_time_chart([], WORDS).bars == ()


def test_edges_belong_to_the_class_that_they_begin() -> None:
    assert [half_power(10 ** (power / 2)) for power in range(-6, 12)] == list(range(-6, 12))
    assert half_power(0.0) == -6

"""What strangers wrote can be read and does no harm; numbers are told as people tell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.report.texts import duration, line_of, log_of, number_of, percent, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("  two\n lines\t", "two lines"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("nul\x00 \ud800", "nul\\u0000 \\ud800"),
        ("x" * 300, "x" * 200 + "..."),
        ("a" + " " * 900 + "b", "a..."),
        ("a" + " " * 900, "a"),
    ],
)
def test_a_line_is_one_line_in_which_everything_can_be_seen(text: str, expected: str) -> None:
    assert line_of(text) == expected


@given(st.text())
def test_any_text_can_be_written_as_utf8_and_is_short(text: str) -> None:
    line = line_of(text)

    line.encode()
    assert "\n" not in line
    assert len(line) <= 203


def test_a_log_keeps_its_lines_without_colours() -> None:
    assert log_of(b"one\r\n\x1b[31mtwo\x1b[0m\n\tthree\x07\xff", 100) == "one\ntwo\n\tthree\\u0007\ufffd"


def test_the_end_of_a_long_log_begins_with_a_whole_line() -> None:
    log = b"first\n" + b"0123456789\n" * 10

    assert log_of(log, 25) == "[... 91 bytes before ...]\n0123456789\n0123456789\n"
    assert log_of(b"x" * 100, 10) == "[... 90 bytes before ...]\n" + "x" * 10


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0123, "0.012 s"), (59.94, "59.9 s"), (90, "1.5 min"), (3600, "1 h 00 min"), (100_000, "27 h 47 min")],
)
def test_times_are_told_in_units_of_their_size(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_numbers_are_told_with_their_word() -> None:
    assert number_of(1, "shard") == "1 shard"
    assert number_of(1234, "shard") == "1,234 shards"
    assert (percent(1, 3), percent(0, 0)) == ("33.3 %", "-")
    assert visible("tab\tline\n") == "tab\tline\n"

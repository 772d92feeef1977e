"""The table of `batt list`."""

from datetime import datetime

import pytest

from batt_operator.commands.listing import age_text, aligned, table_rows
from tests.clusterruns import run_json

NOW = datetime.fromisoformat("2026-01-01T12:30:00Z")


def test_columns_are_those_that_kubectl_shows() -> None:
    status = {"kind": "solvers", "phase": "Running", "progress": "3/10", "shards": {"failed": 0}, "score": ""}

    rows = table_rows([run_json(status=status)], 0, NOW, with_namespace=False)

    assert rows == [
        ["NAME", "KIND", "PHASE", "DONE/TOTAL", "FAILED", "SCORE", "AGE"],
        ["mine", "solvers", "Running", "3/10", "0", "-", "2h"],
    ]


def test_wide_rows_say_attempt_and_message_in_one_line() -> None:
    rows = table_rows([run_json(status={"attempt": 2, "message": "no\nnode"})], 1, NOW, with_namespace=True)

    assert rows[0] == [
        "NAMESPACE", "NAME", "KIND", "PHASE", "DONE/TOTAL", "FAILED", "SCORE", "ATTEMPT", "MESSAGE", "AGE",
    ]  # fmt: skip
    assert rows[1] == ["team", "mine", "-", "-", "-", "-", "-", "2", "no node", "2h"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (42, "42s"), (119, "119s"), (120, "2m"), (3599, "59m"), (3600, "1h"), (86_400 * 12.5, "12d")],
)
def test_ages_have_one_unit(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_columns_stand_one_under_the_other_without_spaces_at_the_end() -> None:
    assert aligned([["A", "LONG"], ["wide", "x"]]) == ["A      LONG", "wide   x"]

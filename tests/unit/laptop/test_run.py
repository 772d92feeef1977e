"""Parts of a local run that decide without processes."""

import os
import signal
from pathlib import Path

import pytest

from batt.laptop.pods import Failure
from batt.laptop.run import failure_lines, interrupted_by, ranges, results_place
from tests.runs import make_run


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], ""), ([4], "4"), ([3, 1, 2], "1-3"), ([0, 1, 3, 5, 6, 7], "0-1, 3, 5-7"), ([9, 7], "7, 9")],
)
def test_many_numbers_are_said_as_ranges(numbers: list[int], expected: str) -> None:
    assert ranges(numbers) == expected


def test_each_reason_is_told_once_with_its_shards() -> None:
    failures = [Failure(3, "disk full"), Failure(1, "deadline"), Failure(4, "disk full"), Failure(9, "disk full")]

    assert failure_lines(failures) == ["shards 3-4, 9 failed: disk full", "shard 1 failed: deadline"]


def test_results_are_shown_as_a_path_from_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "runs"

    assert results_place(make_run(), elsewhere) == "results"
    assert results_place(make_run(spec={"results": "out"}), elsewhere) == "runs/out"
    assert results_place(make_run(spec={"results": "../out"}), elsewhere) == "runs/../out"
    assert results_place(make_run(spec={"results": "/out"}), elsewhere) == "/out"
    assert results_place(make_run(spec={"results": "gs://some-bucket/out"}), elsewhere) == "gs://some-bucket/out"


def test_a_signal_is_taken_as_ctrl_c_and_then_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), interrupted_by(signal.SIGTERM):
        os.kill(os.getpid(), signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) is before

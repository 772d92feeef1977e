"""A stage's end as its exit code and its message; whole containers are run in tests/e2e/test_pods.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from batt.errors import (
    AccessError,
    AlreadyExistsError,
    BattError,
    Fault,
    InputError,
    NoBucketError,
    NotFoundError,
    RunError,
    SpecError,
    StoreError,
)
from batt.message import ErrorMessage, PlanMessage, encode, parse_message
from batt.stages import failure, leave_message
from batt.stopping import StoppedError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SpecError([Fault("spec.x", "1", "must be 2", "write 2")]), 64),
        (InputError("candidates: got nothing"), 65),
        (BattError("x"), 70),
        (ZeroDivisionError("x"), 70),
        (MemoryError(), 70),
        (StoreError("x"), 74),
        (NotFoundError("x"), 74),
        (AlreadyExistsError("x"), 74),
        (StoppedError(), 75),
        (AccessError("x"), 77),
        (NoBucketError("x"), 78),
        (RunError("the system starts no process more"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_end_has_its_exit_code(error: BaseException, code: int) -> None:
    told = failure("work", error)

    assert (told.stage, told.code) == ("work", code)
    assert str(error) in told.error
    assert told.error


def test_a_message_replaces_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "termination-log"
    place.write_bytes(b"x" * 10_000)
    message = ErrorMessage("plan", 65, "no candidates")

    leave_message(place, message)

    assert place.read_bytes() == encode(message)
    assert parse_message(place.read_text()) == message


def test_nothing_to_tell_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "termination-log"
    place.write_bytes(b"")

    leave_message(place, None)

    assert place.read_bytes() == b""


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "termination-log"

    leave_message(place, PlanMessage("ns/r-1", 1, 1, 1, 1, 0))

    assert not place.exists()
    assert capsys.readouterr().err == (
        f"batt: {place}: the termination message is not written: No such file or directory\n"
    )

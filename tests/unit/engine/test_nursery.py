"""A nursery that is killed while it starts: tried again for a while, and not for ever."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from batt.engine import nursery
from batt.engine.child import Limits
from batt.engine.nursery import LEAST_STARTS, NurseryGoneError, NurseryPlan, start_nursery
from batt.errors import RunError

ASKED_AT_BIRTH = """
import os, signal
from batt.engine.nursery import Nursery, NurseryGoneError
from batt.laptop.run import interrupted_by
from tests.unit.engine.test_nursery import PLAN

os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
with interrupted_by(signal.SIGTERM):
    try:
        Nursery(PLAN)
    except NurseryGoneError:
        print("gone")
"""
"""A worker whose nursery gets SIGTERM, as its whole process group does, before it has handlers of its own."""

PLAN = NurseryPlan("builtin:arc-dsl", None, Limits(1.0, 2**28), [])


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Numbers of the starts of a nursery that is always killed; each takes a second on the module's clock."""
    starts = count(1)
    now = [0.0]

    def start(_plan: NurseryPlan) -> None:
        next(starts)
        now[0] += 1.0
        raise NurseryGoneError

    monkeypatch.setattr(nursery, "Nursery", start)
    monkeypatch.setattr("batt.engine.nursery.time.monotonic", lambda: now[0])
    return starts


def test_it_is_started_again_for_a_while(killed: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "START_SECONDS", LEAST_STARTS + 10.0)

    with pytest.raises(RunError, match=f"was killed {LEAST_STARTS + 10} times before it was ready"):
        start_nursery(PLAN)

    assert next(killed) == LEAST_STARTS + 11


def test_it_is_started_some_times_however_slow(killed: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "START_SECONDS", 3.0)

    with pytest.raises(RunError, match=f"was killed {LEAST_STARTS} times"):
        start_nursery(PLAN)

    assert next(killed) == LEAST_STARTS + 1


def test_it_goes_without_a_word_when_it_is_asked_to_stop_before_it_can_hear() -> None:
    command = [sys.executable, "-c", ASKED_AT_BIRTH]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "gone\n", "")

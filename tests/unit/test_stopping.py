"""A request to stop interrupts, waits or ends the process, as the process has said it may."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from batt.stopping import Stop, StoppedError


@pytest.fixture
def stop() -> Iterator[Stop]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    hook = sys.unraisablehook
    listening = Stop()
    listening.listen()
    yield listening
    sys.unraisablehook = hook
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def ask() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def body_ends_early(stop: Stop, body: Callable[[], None]) -> bool:
    """Tell whether a request interrupts what may be interrupted."""
    went_on = False
    with contextlib.suppress(StoppedError), stop.interrupting():
        body()
        went_on = True
    return not went_on


def test_a_request_is_remembered(stop: Stop) -> None:
    assert not stop.is_asked

    ask()

    assert stop.is_asked


def test_a_request_interrupts_where_it_may(stop: Stop) -> None:
    assert body_ends_early(stop, ask)


def test_a_request_that_comes_where_nothing_can_be_raised_interrupts_soon_after(
    stop: Stop, capsys: pytest.CaptureFixture[str]
) -> None:
    class Dying:
        def __del__(self) -> None:
            ask()

    def body() -> None:
        one = Dying()
        del one  # an exception in here goes nowhere
        threading.Event().wait(60)

    begin = time.monotonic()
    assert body_ends_early(stop, body)
    assert time.monotonic() - begin < 10  # and not only when its time is over
    assert "Traceback" not in capsys.readouterr().err


def test_a_request_that_came_before_interrupts_at_once(stop: Stop) -> None:
    ask()

    assert body_ends_early(stop, lambda: pytest.fail("went on"))


def test_a_request_is_held_back_where_it_must_wait(stop: Stop) -> None:
    done = []
    with stop.interrupting():
        with stop.holding():
            ask()
            done.append("held")
        done.append("after")

    assert done == ["held", "after"]
    assert stop.is_asked


def test_after_holding_the_next_request_interrupts_again(stop: Stop) -> None:
    def body() -> None:
        with stop.holding():
            ask()
        ask()

    assert body_ends_early(stop, body)


def test_a_second_request_does_not_break_off_the_cleaning_up(stop: Stop) -> None:
    cleaned = []

    def body() -> None:
        try:
            ask()
        finally:
            ask()
            cleaned.append(True)

    assert body_ends_early(stop, body)
    assert cleaned == [True]


def test_outside_nothing_is_interrupted(stop: Stop) -> None:
    with stop.interrupting():
        pass

    ask()

    assert stop.is_asked


def test_what_handles_faults_does_not_take_a_request_for_one(stop: Stop) -> None:
    def body() -> None:
        try:
            ask()
        except Exception:  # noqa: BLE001 # what is tested
            pytest.fail("was taken for a fault")

    assert body_ends_early(stop, body)


STUBBORN = """
import os, signal, sys
from batt.stopping import Stop
stop = Stop(seconds=0.2)
stop.last_act = lambda: print("last", flush=True)
stop.listen()
with stop.interrupting():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        while True:
            signal.pause()
"""


def test_a_process_that_does_not_stop_is_ended_in_time() -> None:
    done = subprocess.run([sys.executable, "-c", STUBBORN], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (75, "last\n")

"""Runs are looked at when they are due: soon, not too often, never twice at once, and again after a failure."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from batt_operator.cluster import ApiError, RunKey
from batt_operator.controller import CONFLICTS, LEAST_SECONDS, RETRY_SECONDS, THREADS, TOLD_FAILURES, Controller

MINE, YOURS = RunKey("team", "mine"), RunKey("team", "yours")

PATIENCE = 20.0
"""Seconds until a test gives up; none takes that long where all is well."""


class Looks:
    """What is looked at, and when; a look lasts until the test lets it go."""

    def __init__(self, again: float | None = None) -> None:
        self.again = again
        self.times: list[tuple[RunKey, float]] = []
        self.changed = threading.Condition()
        self.at_once: dict[RunKey, int] = {}
        self.most_at_once = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, key: RunKey) -> float | None:
        with self.changed:
            self.times.append((key, time.monotonic()))
            self.at_once[key] = self.at_once.get(key, 0) + 1
            self.most_at_once = max(self.most_at_once, self.at_once[key])
            self.changed.notify_all()
        assert self.gate.wait(PATIENCE)
        with self.changed:
            self.at_once[key] -= 1
            self.changed.notify_all()
        return self.again

    def wait(self, is_so: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(is_so, PATIENCE)

    def wait_for(self, count: int) -> None:
        self.wait(lambda: len(self.times) >= count)


@contextmanager
def started(look: Callable[[RunKey], float | None]) -> Iterator[Controller]:
    controller = Controller(look, lambda *_: None)
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def refusal(status: int, message: str = "no") -> ApiError:
    return ApiError("GET /x", status, "", message)


def test_run_that_is_woken_often_is_looked_at_once_more() -> None:
    looks = Looks()
    looks.gate.clear()
    with started(looks) as controller:
        controller.wake(MINE)
        looks.wait_for(1)
        for _ in range(100):
            controller.wake(MINE)
        looks.gate.set()
        looks.wait_for(2)
        controller.wake(YOURS, 2 * LEAST_SECONDS)
        looks.wait_for(3)

    assert [key for key, _ in looks.times] == [MINE, MINE, YOURS]


def test_looks_at_one_run_are_apart() -> None:
    looks = Looks(again=0.0)
    with started(looks) as controller:
        controller.wake(MINE)
        looks.wait_for(4)

    times = [when for _, when in looks.times]
    assert min(after - before for before, after in itertools.pairwise(times)) >= LEAST_SECONDS


def test_run_is_never_looked_at_twice_at_once() -> None:
    looks = Looks(again=0.0)
    looks.gate.clear()
    with started(looks) as controller:
        controller.wake(MINE)
        looks.wait_for(1)
        controller.wake(MINE)
        controller.wake(YOURS, 2 * LEAST_SECONDS)  # by then a second look at the first one would have begun
        looks.wait_for(2)
        looks.gate.set()
        looks.wait_for(6)

    assert looks.most_at_once == 1


def test_other_runs_do_not_wait_for_a_slow_one() -> None:
    looks = Looks()
    looks.gate.clear()
    keys = [RunKey("team", str(number)) for number in range(THREADS)]
    with started(looks) as controller:
        for key in keys:
            controller.wake(key)
        looks.wait(lambda: sum(looks.at_once.values()) == THREADS)
        looks.gate.set()

    assert sorted(key for key, _ in looks.times) == sorted(keys)


def test_earlier_wake_goes_before_a_later_one() -> None:
    looks = Looks()
    with started(looks) as controller:
        controller.wake(MINE, 3600)
        controller.wake(YOURS, 0.2)
        controller.wake(MINE, 0.1)
        controller.wake(MINE, 7200)
        looks.wait_for(2)

    assert [key for key, _ in looks.times] == [MINE, YOURS]


def test_run_that_asks_for_a_look_in_a_thousand_years_does_not_stop_the_others() -> None:
    """A clock that was wrong, or a status that somebody has written, is enough for that."""
    with started(Looks(again=1e12)) as controller:
        controller.wake(MINE)
        time.sleep(2 * LEAST_SECONDS)  # all threads wait again

        assert [thread.is_alive() for thread in controller.threads] == [True] * THREADS


def test_run_is_looked_at_again_when_it_asks_for_that() -> None:
    looks = Looks(again=2 * LEAST_SECONDS)
    with started(looks) as controller:
        controller.wake(MINE)
        looks.wait_for(2)

    (_, first), (_, second) = looks.times[:2]
    assert second - first >= 2 * LEAST_SECONDS


def test_many_runs_are_all_looked_at() -> None:
    looks = Looks()
    keys = {RunKey("team", str(number)) for number in range(500)}
    with started(looks) as controller:
        for key in keys:
            controller.wake(key)
        looks.wait_for(500)

    assert {key for key, _ in looks.times} == keys


def test_stop_lets_a_look_end_and_begins_no_other() -> None:
    looks = Looks()
    looks.gate.clear()
    controller = Controller(looks, lambda *_: None)
    controller.start()
    controller.wake(MINE)
    looks.wait_for(1)
    controller.wake(YOURS, 2 * LEAST_SECONDS)
    stopping = threading.Thread(target=controller.stop)

    stopping.start()
    looks.wait(lambda: controller.is_stopping)
    still_there = stopping.is_alive()
    looks.gate.set()
    stopping.join(PATIENCE)

    assert still_there
    assert not stopping.is_alive()
    assert [key for key, _ in looks.times] == [MINE]
    assert looks.at_once == {MINE: 0}
    assert not any(thread.is_alive() for thread in controller.threads)


def test_fault_in_one_run_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    looks = Looks()

    def look(key: RunKey) -> float | None:
        if key == MINE:
            raise KeyError("a fault of ours")
        return looks(key)

    with caplog.at_level(logging.ERROR), started(look) as controller:
        for number in range(2 * THREADS):
            controller.wake(MINE if number % 2 else RunKey("team", str(number)))
        looks.wait_for(THREADS)

    [record] = [one for one in caplog.records if one.getMessage() == "look failed"]
    assert "a fault of ours" in record.__dict__["error"]
    assert record.exc_info


def failing(error: Exception) -> Controller:
    def look(_: RunKey) -> float | None:
        raise error

    return Controller(look, lambda *_: None)


def test_failed_looks_are_repeated_ever_later(caplog: pytest.LogCaptureFixture) -> None:
    controller = failing(refusal(500))

    waits = [controller.look_once(MINE) for _ in range(9)]
    other = controller.look_once(YOURS)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert other == RETRY_SECONDS[0]
    assert len(caplog.records) == 10
    assert not caplog.records[0].exc_info


def test_thousand_failures_are_still_repeated() -> None:
    controller = failing(refusal(0))

    waits = [controller.look_once(MINE) for _ in range(1000)]

    assert waits[-1] == RETRY_SECONDS[1]


def test_success_forgets_failures() -> None:
    answers = iter([refusal(500), refusal(500), None, refusal(500)])

    def look(_: RunKey) -> float | None:
        if answer := next(answers):
            raise answer
        return None

    controller = Controller(look, lambda *_: None)

    assert [controller.look_once(MINE) for _ in range(4)] == [1, 2, None, 1]


@pytest.mark.parametrize("status", [404, 409])
def test_look_that_came_too_late_is_repeated_at_once_and_silently(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    controller = failing(refusal(status))

    waits = [controller.look_once(MINE) for _ in range(CONFLICTS)]
    silent = not caplog.records
    slower = controller.look_once(MINE)

    assert waits == [LEAST_SECONDS] * CONFLICTS
    assert silent
    assert slower is not None
    assert slower > LEAST_SECONDS
    assert len(caplog.records) == 1


def test_namespace_on_its_way_out_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    message = "unable to create new content in namespace team because it is being terminated"

    again = failing(refusal(403, message)).look_once(MINE)

    assert again == RETRY_SECONDS[1]
    assert not caplog.records


def test_runs_that_are_gone_leave_nothing_behind() -> None:
    looks = Looks()
    with started(looks) as controller:
        for number in range(100):
            controller.wake(RunKey("team", str(number)))
        looks.wait_for(100)
        controller.wake(MINE, 2 * LEAST_SECONDS)
        looks.wait_for(101)

    assert controller.earliest.keys() == {MINE}
    assert [{}, [], set(), {}] == [controller.due, controller.heap, controller.busy, controller.failures]


def test_a_run_that_keeps_failing_is_told_once() -> None:
    told: list[tuple[RunKey, str]] = []
    controller = Controller(lambda _key: None, lambda key, error: told.append((key, error)))

    for _ in range(TOLD_FAILURES + 3):
        controller.failed(RunKey("ns", "mine"), "KeyError('spec')", has_trace=False)

    assert told == [(RunKey("ns", "mine"), "KeyError('spec')")]

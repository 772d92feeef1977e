"""A deadline strikes in Python code in time, once, and never when it is disarmed."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from batt.solver.deadline import HARD_SECONDS, Deadline, DeadlineError

SECONDS = 0.1


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    limit = Deadline(SECONDS)
    yield limit
    limit.stop()  # else its hard timer would end the tests


def spin(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_code_that_takes_too_long_is_interrupted(deadline: Deadline) -> None:
    begin = time.thread_time()

    with pytest.raises(DeadlineError), deadline:
        spin(10)

    assert SECONDS * 0.9 <= time.thread_time() - begin < 3 * SECONDS


def test_code_in_time_is_not(deadline: Deadline) -> None:
    for _ in range(5):
        with deadline:
            spin(SECONDS / 2)

    spin(2 * SECONDS)


def test_it_strikes_again_where_it_was_swallowed(deadline: Deadline) -> None:
    struck = 0

    with deadline:
        while struck < 3:
            try:
                spin(10)
            except DeadlineError:
                struck += 1

    assert struck == 3


def test_sleeping_costs_nothing(deadline: Deadline) -> None:
    with deadline:
        time.sleep(2 * SECONDS)


def test_renewing_gives_every_step_its_full_time(deadline: Deadline) -> None:
    for _ in range(8):
        deadline.renew(time.thread_time())
        spin(SECONDS * 0.9)
        deadline.is_armed = False

    deadline.renew(time.thread_time())
    with pytest.raises(DeadlineError):
        spin(10)
    deadline.is_armed = False


def test_stopping_clears_both_timers(deadline: Deadline) -> None:
    deadline.start(SECONDS)

    deadline.stop()

    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_no_moment_lets_it_out_of_the_try_around_it(deadline: Deadline) -> None:
    """The timer fires at ever later moments around the end of the block; each time it is a timeout or nothing."""
    ends = {"done": 0, "timeout": 0}

    for step in range(300):
        try:
            with deadline:
                deadline.start(0.0005)
                spin(step * 2e-5)
        except DeadlineError:
            ends["timeout"] += 1
        else:
            ends["done"] += 1

    assert ends["done"] > 10
    assert ends["timeout"] > 10


def test_code_that_never_comes_back_to_python_is_killed() -> None:
    pid = os.fork()
    if pid == 0:
        with Deadline(SECONDS):
            sum(range(10**12))
        os._exit(0)

    _, status = os.waitpid(pid, 0)

    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGVTALRM
    assert HARD_SECONDS <= 1

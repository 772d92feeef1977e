"""A deadline in CPU seconds on Python code that may not end by itself.

It raises DeadlineError in the code; where C code does not give way, the kernel ends the process with SIGVTALRM a second
later: for children that somebody replaces (batt.engine).
"""

from __future__ import annotations

import math
import signal
import time
from types import FrameType

HARD_SECONDS = 1.0
"""CPU seconds after the soft deadline until the kernel ends the child: code that holds the interpreter gets no more."""

REPEAT_SECONDS = 0.1
"""The soft deadline comes again this often: a DSL that catches every exception cannot outlive it."""

LEAST_SECONDS = 0.001
"""Shortest time a timer is set again for: a timer of 0 would be none."""

SLACK = 0.05
"""Part of the timeout by which `renew` may leave the timers standing."""


class DeadlineError(BaseException):
    """The deadline passed. No Exception: a DSL that catches those must not swallow it."""


class Deadline:
    """A CPU-time deadline; one per process, as signals are.

    CPU time, not wall time: how busy the machine is must not decide a verdict. Disarming it belongs into a try of its
    own, inside the one that catches DeadlineError: the signal may come at any instruction until it is done.

        try:
            with deadline:
                ...
        except DeadlineError:
            ...
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_armed = False
        self.renewed = -math.inf
        self.due = math.inf
        signal.signal(signal.SIGPROF, self.expire)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)

    def expire(self, _number: int, _frame: FrameType | None) -> None:
        """Raise in whatever Python code is running, if it is still the code that was given the deadline.

        The kernel charges whole ticks to whoever runs when one ends, so its timer may come early: the clock decides.
        """
        if not self.is_armed:
            return
        left = self.due - time.thread_time()
        if left > 0:
            signal.setitimer(signal.ITIMER_PROF, max(left, LEAST_SECONDS), REPEAT_SECONDS)
        else:
            raise DeadlineError

    def __enter__(self) -> None:
        """Begin the usual seconds."""
        self.start(self.seconds)

    def __exit__(self, *_: object) -> None:
        """Disarm; the timers run on until `stop` or the next start."""
        self.is_armed = False

    def start(self, seconds: float) -> None:
        """Set both timers, the soft and the hard one, and arm."""
        signal.setitimer(signal.ITIMER_PROF, seconds, REPEAT_SECONDS)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds + HARD_SECONDS)
        self.renewed = -math.inf
        self.due = time.thread_time() + seconds
        self.is_armed = True

    def renew(self, now: float) -> None:
        """Arm as entering does, but leave timers that were set a moment ago: steps take microseconds, timers cost one.

        The timers get SLACK more, so that no step has less than its full time; who timed out is told by the clock.
        """
        if now - self.renewed > SLACK * self.seconds:
            self.start((1 + SLACK) * self.seconds)
            self.renewed = now
        self.is_armed = True

    def stop(self) -> None:
        """Disarm and clear the timers."""
        self.is_armed = False
        self.renewed = -math.inf
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

"""Being asked to stop: what SIGTERM does to a process that must end in good order before it is killed.

A container's process has number 1, for which signals have no effect unless it handles them; and it gets SIGTERM once.
So a Stop listens from the first moment, interrupts what may be left half-done, waits for what may not, and ends the
process when even that takes too long.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from batt.names import EXIT_ASKED_TO_STOP

STOP_SECONDS = 12.0
"""Longest time from the request to the end of the process: a spot node gives 15 s, of which some pass on the way."""


AGAIN_SECONDS = 0.01
"""When a request is made again that was lost where it came."""

REQUESTS = frozenset({signal.SIGINT, signal.SIGTERM})
"""Signals that ask a process to stop."""


@contextlib.contextmanager
def requests_wait() -> Iterator[None]:
    """Let requests to stop wait until the body is done: nothing in it is left half-done, no child without its note.

    What the body forks starts so, too: our handlers are not the child's. It says `let_requests_in` when it has its own.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, REQUESTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_requests_in() -> None:
    """Let requests to stop come to this process, which was forked while they waited, and what came since its begin."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, REQUESTS)


class StoppedError(BaseException):
    """The process was asked to stop. No Exception: nothing that handles faults may take it for one."""


class Stop:
    """Whether this process was asked to stop, and what a request does now.

    At first it is only remembered; inside `interrupting` it raises StoppedError wherever the process is; inside
    `holding`, within that, it is again only remembered.

    Args:
        seconds: after which a process that was asked to stop is ended.
    """

    def __init__(self, seconds: float = STOP_SECONDS) -> None:
        self.seconds = seconds
        self.is_asked = False
        self.may_interrupt = False
        self.last_act: Callable[[], None] = lambda: None
        self.other_hook = sys.unraisablehook

    def listen(self, *numbers: signal.Signals) -> None:
        """Take the signals, SIGTERM if none is named, for a request from now on."""
        signal.signal(signal.SIGALRM, self._end)
        for number in numbers or (signal.SIGTERM,):
            signal.signal(number, self._ask)
        self.other_hook, sys.unraisablehook = sys.unraisablehook, self._raise_again

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raise StoppedError out of the body when a request comes, or at once if one has come."""
        self.may_interrupt = True
        try:
            if self.is_asked:
                raise StoppedError
            yield
        finally:
            self.may_interrupt = False

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Let the body come to its end: it asks `is_asked` itself, where it can stop."""
        before, self.may_interrupt = self.may_interrupt, False
        try:
            yield
        finally:
            self.may_interrupt = before

    def _ask(self, _number: int, _frame: object) -> None:
        self.is_asked = True
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        if self.may_interrupt:
            self.may_interrupt = False  # once: a second request must not break off the cleaning up
            raise StoppedError

    def _raise_again(self, lost: sys.UnraisableHookArgs) -> None:
        """Raise StoppedError later where Python had to drop it: out of a destructor nothing can be raised."""
        if not isinstance(lost.exc_value, StoppedError):
            self.other_hook(lost)
            return
        self.may_interrupt = True  # the body goes on; where it does not any more, it has set this back by then
        threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGTERM)).start()

    def _end(self, _number: int, _frame: object) -> None:
        self.last_act()
        os._exit(EXIT_ASKED_TO_STOP)

"""Which run is looked at when: a queue of keys, each at most once, worked off by a few threads.

Events and the resync wake runs; a failed look is repeated later. One run is never looked at by two threads at once.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable

from batt_operator.cluster import ApiError, RunKey
from batt_operator.executor import is_conflict, is_going_away

THREADS = 4
"""Runs that are looked at at once: the API server's latency is hidden, its load stays small."""

LEAST_SECONDS = 0.5
"""Least time between two looks at a run: a work Job that changes many times a second costs two looks."""

RETRY_SECONDS = (1.0, 60.0)
"""After how long a failed look is repeated: at first, doubling up to the second number."""

CONFLICTS = 3
"""How often in a row a look may come too late before that counts as a failure: somebody else writes all the time."""

LONGEST_WAIT_SECONDS = 3600.0
"""Longest that a thread waits at a time: a run may ask for its next look in a thousand years, a lock takes no more
than 292 of them (threading.TIMEOUT_MAX)."""

TOLD_FAILURES = 5
"""So many failed looks in a row, half a minute, are told on the run itself: its user may not see our log."""

LOG = logging.getLogger("batt_operator")
"""The operator's log."""


class Controller:
    """Looks at runs when they are woken.

    look: brings a run a step further; returns after how many seconds to look again, None for not by itself.
    tell: says on a run that looking at it keeps failing, and how.
    looked: told of every look: seconds, and if it has failed how: conflict, api or fault.
    """

    def __init__(
        self,
        look: Callable[[RunKey], float | None],
        tell: Callable[[RunKey, str], None],
        looked: Callable[[float, str], None] = lambda *_: None,
    ) -> None:
        self.look = look
        self.tell = tell
        self.looked = looked
        self.changed = threading.Condition()
        self.due: dict[RunKey, float] = {}
        self.heap: list[tuple[float, RunKey]] = []
        self.busy: set[RunKey] = set()
        self.earliest: dict[RunKey, float] = {}
        self.failures: dict[RunKey, int] = {}
        self.is_stopping = False
        self.threads = [threading.Thread(target=self.work, name=f"look-{number}") for number in range(THREADS)]

    def start(self) -> None:
        """Begin to work."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Let every look that goes on finish, its writes included, and begin no other."""
        with self.changed:
            self.is_stopping = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    def wake(self, key: RunKey, seconds: float = 0.0) -> None:
        """Look at a run after so many seconds, or earlier if it is due earlier."""
        with self.changed:
            when = max(time.monotonic() + seconds, self.earliest.get(key, 0.0))
            if when < self.due.get(key, float("inf")):
                self.due[key] = when
                heapq.heappush(self.heap, (when, key))
                self.changed.notify()

    def queued(self) -> int:
        """Return how many runs wait for a look that is due."""
        with self.changed:
            now = time.monotonic()
            return sum(when <= now for when in self.due.values())

    def work(self) -> None:
        """Look at runs as they come due, until told to stop."""
        while (key := self.next()) is not None:
            again = self.look_once(key)
            with self.changed:
                self.busy.discard(key)
                now = time.monotonic()
                self.earliest = {one: when for one, when in self.earliest.items() if when > now}  # runs come and go
                self.earliest[key] = now + LEAST_SECONDS
                if key in self.due:  # woken meanwhile
                    when = max(self.due[key], self.earliest[key])
                    self.due[key] = when
                    heapq.heappush(self.heap, (when, key))
                self.changed.notify()
            if again is not None:
                self.wake(key, again)

    def next(self) -> RunKey | None:
        """Return the next run that is due, waiting for it; None when stopping."""
        with self.changed:
            while not self.is_stopping:
                now = time.monotonic()
                while self.heap and self.heap[0][0] <= now:
                    when, key = heapq.heappop(self.heap)
                    if self.due.get(key) != when or key in self.busy:  # superseded, or put back when it is done
                        continue
                    del self.due[key]
                    self.busy.add(key)
                    return key
                self.changed.wait(min(self.heap[0][0] - now, LONGEST_WAIT_SECONDS) if self.heap else None)
        return None

    def look_once(self, key: RunKey) -> float | None:
        """Look at a run; return when to look again. Whatever goes wrong with one run is logged and tried again."""
        begin, fault = time.monotonic(), "fault"
        try:
            again = self.look(key)
            fault = ""
        except ApiError as error:
            fault = "conflict" if is_conflict(error) else "api"
            if is_conflict(error) and self.failures.get(key, 0) < CONFLICTS:
                self.failures[key] = self.failures.get(key, 0) + 1
                return LEAST_SECONDS
            if is_going_away(error):
                return RETRY_SECONDS[1]
            return self.failed(key, str(error), has_trace=False)
        except Exception as error:  # noqa: BLE001 # a fault of ours in one run must not stop the others
            return self.failed(key, repr(error), has_trace=True)
        finally:
            self.looked(time.monotonic() - begin, fault)
        self.failures.pop(key, None)
        return again

    def failed(self, key: RunKey, error: str, *, has_trace: bool) -> float:
        """Log a failed look; return when to try again."""
        count = self.failures.get(key, 0) + 1
        self.failures[key] = count
        first, most = RETRY_SECONDS
        again: float = min(most, first * 2.0 ** min(count - 1, 10))
        fields = {"namespace": key.namespace, "run": key.name, "error": error, "failures": count, "again": again}
        LOG.error("look failed", extra=fields, exc_info=has_trace)
        if count == TOLD_FAILURES:
            try:
                self.tell(key, error)
            except Exception:
                LOG.exception("telling failed", extra={"namespace": key.namespace, "run": key.name})
        return again

"""The engine: items of work on a few forked children that may hang, crash or eat memory, one answer for each item.

    worker (this process) ── nursery (DSL loaded, forks) ── child, child, ...

An item that brings its child down costs only itself: the item at work, told by shared memory, gets Died as its answer;
the items queued behind it go to another child. Order of answers is not the order of items.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from batt.engine.child import OUT_OF_MEMORY_STATUS, Limits
from batt.engine.markers import Standing, shared_markers
from batt.engine.nursery import NurseryGoneError, NurseryPlan, kill, start_nursery, told_status
from batt.engine.wire import READ_BYTES, Inbox, Message, encode
from batt.errors import InputError, RunError
from batt.solver.language import IMPORT_SECONDS
from batt.solver.verdicts import Verdict

__all__ = ["Died", "Engine", "Item", "kill"]

MAX_KILLS = 25
"""How often an item is tried again whose child was killed from outside (SIGKILL, SIGTERM); then it is the culprit.

Many: an item that needs a second must get through while something kills processes several times a second.
"""

MAX_SETBACKS = 100
"""Most children that end in a row without an answer or a culprit: then no child can live on this machine."""

MAX_WINDOW = 8
"""Most items a child holds at once: enough to keep it busy while the worker looks elsewhere."""

MAX_DEFINED = 256
"""Most tasks and modules a child keeps; then it forgets all: bounds its memory over a long shard."""

STUCK_FACTOR = 10
"""A child that makes no progress for so many timeouts (plus STUCK_SECONDS) by the clock is killed."""

STUCK_SECONDS = 120.0
"""See STUCK_FACTOR; CPU-bound work is ended far earlier by the child's own timers, unless the machine is busy."""

AWAY_SECONDS = 10.0
"""A worker that looks for stuck children this late was stopped itself (Ctrl-Z), and its children with it."""

POLL_SECONDS = 1.0
"""How often the worker looks for stuck children, and at least calls `idle`."""


class Item(NamedTuple):
    """One piece of work: `kind` and `values` as child.py takes them; `key` is the caller's and comes back.

    needs: definitions the child must have first, as (kind, key) of Engine.definitions.
    """

    kind: str
    key: Message
    values: tuple[Message, ...]
    needs: tuple[tuple[str, str], ...] = ()


class Died(NamedTuple):
    """The answer for an item that ended its child.

    how: timeout, out_of_memory or crashed (a Verdict). position: its pair or step, None if none was at work.
    """

    how: Verdict
    detail: str
    position: int | None


class Worker:
    """One child as the engine sees it: its socket, what it was given and has not answered yet."""

    def __init__(self, slot: int, pid: int, connection: socket.socket) -> None:
        self.slot = slot
        self.pid = pid
        self.connection = connection
        self.inbox = Inbox()
        self.outbox = bytearray()
        self.items: dict[int, Item] = {}
        self.defined: set[tuple[str, str]] = set()
        self.standing = Standing(0, None)
        self.moved = time.monotonic()


class Engine:
    """Runs items on `size` children; use as a context manager, which ends every process it started.

    Args:
        folder: where a user's DSL lies (dslfiles.find_dsl), None for batt's own.
        import_seconds: how long importing a user's DSL may take.
        stuck_seconds: how long a child may make no progress by the clock, if not as long as STUCK_FACTOR says.

    Raises:
        InputError: the DSL cannot be loaded.
        RunError: a child reports an error of ours, or no child can live here.
    """

    def __init__(
        self,
        size: int,
        language_uri: str,
        folder: Path | None,
        limits: Limits,
        import_seconds: float = IMPORT_SECONDS,
        stuck_seconds: float | None = None,
    ) -> None:
        self.size = max(size, 1)
        self.stuck_seconds = stuck_seconds or STUCK_FACTOR * limits.timeout_seconds + STUCK_SECONDS
        self.definitions: dict[tuple[str, str], Message] = {}
        self.queue: deque[Item] = deque()
        self.workers: dict[int, Worker] = {}
        self.kills: dict[str, int] = {}
        self.done: deque[tuple[Item, Message | Died]] = deque()
        self.counter = 0
        self.setbacks = 0
        self.looked = time.monotonic()
        self.markers = shared_markers(self.size)
        self.plan = NurseryPlan(language_uri, folder, limits, self.markers, import_seconds)
        self.nursery = start_nursery(self.plan)
        self.names = self.nursery.names
        self.digest = self.nursery.digest

    def __enter__(self) -> Engine:
        """Return the engine itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all children and the nursery."""
        self.close()

    def close(self) -> None:
        """End all children and the nursery; what is queued is forgotten."""
        for worker in self.workers.values():
            kill(worker.pid)
            worker.connection.close()
        self.workers.clear()
        self.nursery.close()

    def define(self, kind: str, key: str, value: Message) -> None:
        """Make a task or a module known to items that need it."""
        if self.definitions.get((kind, key), value) != value:
            for worker in self.workers.values():
                worker.defined.discard((kind, key))
        self.definitions[kind, key] = value

    def submit(self, item: Item) -> None:
        """Queue an item; may be called while `answers` runs."""
        self.queue.append(item)

    def answers(self, idle: Callable[[], None] = lambda: None) -> Iterator[tuple[Item, Message | Died]]:
        """Yield an answer for every queued item, until none is left.

        `idle` is called every POLL_SECONDS at least, also while no answer comes; what it raises ends the iteration.
        """
        while self.queue or self.done or any(worker.items for worker in self.workers.values()):
            try:
                self.staff()
                self.feed()
                self.collect()
            except NurseryGoneError:
                self.replace_nursery()
            while self.done:
                self.setbacks = 0
                yield self.done.popleft()
            idle()

    def replace_nursery(self) -> None:
        """Start over after the nursery was killed, and its children with it: their items are queued again."""
        for worker in self.workers.values():
            self.queue.extendleft(reversed(worker.items.values()))
            worker.connection.close()
        self.workers.clear()
        self.nursery.close()
        self.count_setback()
        self.nursery = start_nursery(self.plan)
        if self.nursery.digest != self.digest:
            rule = "its files have changed while it was in use"
            raise InputError(f"dsl: got {self.plan.language_uri!r}; {rule}; start a new run")

    def count_setback(self) -> None:
        """Give up when children end again and again before they answer anything."""
        self.setbacks += 1
        if self.setbacks > MAX_SETBACKS:
            raise RunError(f"{MAX_SETBACKS} worker children in a row ended before they did anything; is memory short?")

    def staff(self) -> None:
        """Fork children until there are `size`, or as many as there are items."""
        for slot in range(self.size):
            if slot in self.workers or not self.queue:
                continue
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    self.markers[slot].begin(0)
                    pid = self.nursery.fork(slot, theirs)
                except BaseException:
                    ours.close()
                    raise
            if pid:
                ours.setblocking(False)
                self.workers[slot] = Worker(slot, pid, ours)
                continue
            ours.close()
            if not self.workers:
                raise RunError("the system starts no process more; is a limit on processes too low?")

    def feed(self) -> None:
        """Hand queued items to the children, few at a time when few are left."""
        window = 1 + min(MAX_WINDOW - 1, len(self.queue) // (4 * self.size))
        for worker in sorted(self.workers.values(), key=lambda worker: len(worker.items)):
            while self.queue and len(worker.items) < window:
                self.assign(worker, self.queue.popleft())

    def assign(self, worker: Worker, item: Item) -> None:
        """Put an item, and the definitions it needs, on its way to a child."""
        self.counter += 1
        worker.outbox += encode(["begin", self.counter])  # before what it needs: too large a task is its fault, too
        if len(worker.defined) > MAX_DEFINED:
            worker.outbox += encode(["forget"])
            worker.defined.clear()
        for kind, key in item.needs:
            if (kind, key) not in worker.defined:
                worker.outbox += encode(["define", kind, key, self.definitions[kind, key]])
                worker.defined.add((kind, key))
        if not worker.items:
            worker.moved = time.monotonic()
        worker.items[self.counter] = item
        worker.outbox += encode([item.kind, *item.values])

    def collect(self) -> None:
        """Wait for something to happen; keep the answers that came with it."""
        workers = {worker.connection.fileno(): worker for worker in self.workers.values()}
        waiting = select.poll()
        for descriptor, worker in workers.items():
            waiting.register(descriptor, select.POLLIN | (select.POLLOUT if worker.outbox else 0))
        for descriptor, events in waiting.poll(POLL_SECONDS * 1000):
            if events & select.POLLOUT:
                self.write(workers[descriptor])
            if events & ~select.POLLOUT:
                self.read(workers[descriptor])
        if time.monotonic() - self.looked > POLL_SECONDS:
            self.kill_stuck()

    def write(self, worker: Worker) -> None:
        """Send what fits of a child's messages; a dead child is noticed when it is read."""
        try:
            sent = worker.connection.send(worker.outbox)
            del worker.outbox[:sent]
        except (BrokenPipeError, ConnectionResetError):
            worker.outbox.clear()
        except BlockingIOError:
            return

    def read(self, worker: Worker) -> None:
        """Keep the answers a child has sent; if it is gone, find out what became of its items."""
        try:
            data = worker.connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        for number, result in worker.inbox.feed(data):
            if isinstance(result, dict) and "internal" in result:
                raise RunError(
                    f"a worker child failed; this is a fault of batt, please report it:\n{result['internal']}"
                )
            self.done.append((worker.items.pop(number), result))
        worker.moved = time.monotonic()
        if not data:
            self.bury(worker)

    def bury(self, worker: Worker) -> None:
        """Take a dead child's items back; the one that was at work is tried again or answered with Died."""
        status = self.nursery.reap(worker.pid)
        del self.workers[worker.slot]
        worker.connection.close()
        item, position = self.markers[worker.slot].standing()
        culprit = worker.items.pop(item, None)
        self.queue.extendleft(reversed(worker.items.values()))
        if culprit is None:
            self.count_setback()
            return
        died = cause_of_death(status, position)
        if died is not None:
            self.done.append((culprit, died))
            return
        key = repr(culprit.key)
        self.kills[key] = self.kills.get(key, 0) + 1
        if self.kills[key] > MAX_KILLS:
            self.done.append((culprit, Died(Verdict.CRASHED, f"killed {MAX_KILLS + 1} times from outside", position)))
        else:
            self.queue.appendleft(culprit)

    def kill_stuck(self) -> None:
        """Kill children that have made no progress for far too long by the clock: asleep, or stopped."""
        now = time.monotonic()
        was_away = now - self.looked > AWAY_SECONDS
        self.looked = now
        for worker in self.workers.values():
            standing = self.markers[worker.slot].standing()
            if standing != worker.standing or not worker.items or was_away:
                worker.standing, worker.moved = standing, now
            elif now - worker.moved > self.stuck_seconds:
                kill(worker.pid, signal.SIGALRM)
                kill(worker.pid, signal.SIGCONT)


def cause_of_death(status: int, position: int | None) -> Died | None:
    """Return what a child's wait status says of the item at work; None if it was killed from outside, or just left."""
    how = told_status(status)
    if how is None or status == 0:
        return None
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGVTALRM, signal.SIGALRM, signal.SIGXCPU}:
        return Died(Verdict.TIMEOUT, how, position)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == OUT_OF_MEMORY_STATUS:
        return Died(Verdict.OUT_OF_MEMORY, "no memory left", position)
    return Died(Verdict.CRASHED, how, position)

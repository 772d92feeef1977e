"""The engine: items of work on a few forked children that may hang, crash or eat memory, one answer for each item.

    worker (this process) ── nursery (DSL loaded, forks) ── child, child, ...

An item that brings its child down costs only itself: the item at work, told by shared memory, gets Died as its answer;
the items queued behind it go to another child. Order of answers is not the order of items.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from batt.child import MARKER, MARKER_BYTES, Limits
from batt.errors import InputError, RunError
from batt.nursery import NurseryPlan, nursery_main
from batt.wire import READ_BYTES, Inbox, Message, encode

MAX_KILLS = 5
"""How often an item is tried again whose child was killed from outside (SIGKILL, SIGTERM); then it is the culprit."""

MAX_WINDOW = 8
"""Most items a child holds at once: enough to keep it busy while the worker looks elsewhere."""

MAX_DEFINED = 256
"""Most tasks and modules a child keeps; then it forgets all: bounds its memory over a long shard."""

STUCK_FACTOR = 10
"""A child that makes no progress for so many timeouts (plus STUCK_SECONDS) by the clock is killed."""

STUCK_SECONDS = 30.0
"""See STUCK_FACTOR; CPU-bound work is ended far earlier by the child's own timers."""

POLL_SECONDS = 1.0
"""How often the worker looks for stuck children while nothing arrives."""

READY_SECONDS = 120.0
"""How long loading a DSL may take (numpy from a cold disk: seconds)."""


class Item(NamedTuple):
    """One piece of work: `kind` and `values` as child.py takes them; `key` is the caller's and comes back.

    needs: definitions the child must have first, as (kind, key) of Engine.definitions.
    """

    kind: str
    key: Message
    values: tuple[Message, ...]
    needs: tuple[tuple[str, str], ...] = ()


class Died(NamedTuple):
    """The answer for an item that ended its child. `how`: timeout or crashed; `position`: its pair or step."""

    how: str
    detail: str
    position: int


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
        self.marker = (0, 0)
        self.moved = time.monotonic()


class Engine:
    """Runs items on `size` children; use as a context manager, which ends every process it started.

    Raises:
        InputError: the DSL cannot be loaded.
        RunError: a child reports an error of ours.
    """

    def __init__(self, size: int, language_uri: str, folder: Path | None, limits: Limits) -> None:
        self.size = size
        self.limits = limits
        self.definitions: dict[tuple[str, str], Message] = {}
        self.queue: deque[Item] = deque()
        self.workers: dict[int, Worker] = {}
        self.kills: dict[str, int] = {}
        self.done: deque[tuple[Item, Message | Died]] = deque()
        self.counter = 0
        self.memory = mmap.mmap(-1, max(size, 1) * MARKER_BYTES)
        self.plan = NurseryPlan(language_uri, folder, limits, self.memory)
        self.start_nursery()

    def __enter__(self) -> Engine:
        """Return the engine itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all children and the nursery."""
        self.close()

    def start_nursery(self) -> None:
        """Start a nursery; one that is killed while it starts is replaced, a few times."""
        for _ in range(MAX_KILLS):
            try:
                self.fork_nursery()
            except NurseryGoneError:
                self.close()
            else:
                return
        raise RunError(f"the process that loads the DSL ended {MAX_KILLS} times before it was ready; is memory short?")

    def fork_nursery(self) -> None:
        """Fork the nursery and wait until it has loaded the DSL."""
        ours, theirs = socket.socketpair()
        self.nursery_pid = os.fork()
        if self.nursery_pid == 0:
            ours.close()
            try:
                nursery_main(theirs, self.plan)
            finally:
                os._exit(1)
        theirs.close()
        self.nursery = ours
        self.nursery_inbox = Inbox()
        hello = self.hear_nursery(READY_SECONDS)
        if "error" in hello:
            self.close()
            raise InputError(hello["error"])
        self.names = frozenset(hello["names"])
        self.digest = str(hello["digest"])

    def hear_nursery(self, seconds: float) -> Message:
        """Return the nursery's next message."""
        self.nursery.settimeout(seconds)
        while True:
            try:
                data = self.nursery.recv(READ_BYTES)
            except (TimeoutError, ConnectionResetError):
                data = b""
            if not data:
                raise NurseryGoneError
            messages = self.nursery_inbox.feed(data)
            if messages:
                return messages[0]

    def ask_nursery(self, message: Message, connection: socket.socket | None = None) -> Message:
        """Send the nursery a request, with a socket for the child to be forked, and return its answer."""
        try:
            descriptors = [] if connection is None else [connection.fileno()]
            socket.send_fds(self.nursery, [encode(message)], descriptors)
            return self.hear_nursery(READY_SECONDS)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise NurseryGoneError from error

    def close(self) -> None:
        """End all children and the nursery; what is queued is forgotten."""
        for worker in self.workers.values():
            kill(worker.pid)
            worker.connection.close()
        self.workers.clear()
        self.nursery.close()
        kill(self.nursery_pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.nursery_pid, 0)

    def define(self, kind: str, key: str, value: Message) -> None:
        """Make a task or a module known to items that need it."""
        self.definitions[kind, key] = value

    def submit(self, item: Item) -> None:
        """Queue an item; may be called while `answers` runs."""
        self.queue.append(item)

    def answers(self, idle: Callable[[], None] = lambda: None) -> Iterator[tuple[Item, Message | Died]]:
        """Yield an answer for every queued item, until none is left.

        `idle` is called every POLL_SECONDS at least, also while no answer comes; what it raises ends the iteration.
        """
        while self.queue or any(worker.items for worker in self.workers.values()):
            try:
                self.staff()
                self.feed()
                self.collect()
            except NurseryGoneError:
                self.replace_nursery()
            idle()
            while self.done:
                yield self.done.popleft()

    def replace_nursery(self) -> None:
        """Start over after the nursery was killed: its children's items are queued again."""
        for worker in self.workers.values():
            self.queue.extendleft(reversed(worker.items.values()))
        self.close()
        self.start_nursery()

    def staff(self) -> None:
        """Fork children until there are `size`, or as many as there are items."""
        for slot in range(self.size):
            if slot in self.workers or not self.queue:
                continue
            ours, theirs = socket.socketpair()
            MARKER.pack_into(self.memory, slot * MARKER_BYTES, 0, 0)
            pid = self.ask_nursery(["fork", slot], theirs)["pid"]
            theirs.close()
            ours.setblocking(False)
            self.workers[slot] = Worker(slot, pid, ours)

    def feed(self) -> None:
        """Hand queued items to the children, few at a time when few are left."""
        window = 1 + min(MAX_WINDOW - 1, len(self.queue) // (4 * self.size))
        for worker in sorted(self.workers.values(), key=lambda worker: len(worker.items)):
            while self.queue and len(worker.items) < window:
                self.assign(worker, self.queue.popleft())

    def assign(self, worker: Worker, item: Item) -> None:
        """Put an item, and the definitions it needs, on its way to a child."""
        if len(worker.defined) > MAX_DEFINED:
            worker.outbox += encode(["forget"])
            worker.defined.clear()
        for kind, key in item.needs:
            if (kind, key) not in worker.defined:
                worker.outbox += encode(["define", kind, key, self.definitions[kind, key]])
                worker.defined.add((kind, key))
        self.counter += 1
        if not worker.items:
            worker.moved = time.monotonic()
        worker.items[self.counter] = item
        worker.outbox += encode([item.kind, self.counter, *item.values])

    def collect(self) -> None:
        """Wait for something to happen; keep the answers that came with it."""
        readers = {worker.connection: worker for worker in self.workers.values()}
        writers = [worker.connection for worker in self.workers.values() if worker.outbox]
        readable, writable, _ = select.select(list(readers), writers, [], POLL_SECONDS)
        for connection in writable:
            self.write(readers[connection])
        for connection in readable:
            self.read(readers[connection])
        if not readable:
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
        status = self.ask_nursery(["reap", worker.pid])["status"]
        del self.workers[worker.slot]
        number, position = MARKER.unpack_from(self.memory, worker.slot * MARKER_BYTES)
        worker.connection.close()
        culprit = worker.items.pop(number, None)
        self.queue.extendleft(reversed(worker.items.values()))
        if culprit is None:
            return
        died = cause_of_death(status, position)
        if died is None and self.kills.get(repr(culprit.key), 0) < MAX_KILLS:
            self.kills[repr(culprit.key)] = self.kills.get(repr(culprit.key), 0) + 1
            self.queue.appendleft(culprit)
            return
        self.done.append((culprit, died or Died("crashed", f"killed {MAX_KILLS + 1} times from outside", position)))

    def kill_stuck(self) -> None:
        """Kill children that have made no progress for far too long by the clock."""
        now = time.monotonic()
        for worker in self.workers.values():
            marker = MARKER.unpack_from(self.memory, worker.slot * MARKER_BYTES)
            if marker != worker.marker or not worker.items:
                worker.marker, worker.moved = marker, now
            elif now - worker.moved > STUCK_FACTOR * self.limits.timeout_seconds + STUCK_SECONDS:
                kill(worker.pid, signal.SIGALRM)
                kill(worker.pid, signal.SIGCONT)


class NurseryGoneError(Exception):
    """The nursery does not answer: it was killed."""


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def cause_of_death(status: int, position: int) -> Died | None:
    """Return what a child's wait status says of the item at work; None if it was killed from outside."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in {signal.SIGKILL, signal.SIGTERM}:
            return None
        how = "timeout" if number in {signal.SIGVTALRM, signal.SIGALRM, signal.SIGXCPU} else "crashed"
        return Died(how, signal.Signals(number).name, position)
    return Died("crashed", f"exit status {os.WEXITSTATUS(status)}", position)

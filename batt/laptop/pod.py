"""One worker process of a local run: works on the shards it is given, one at a time, until the run goes away.

It says over its socket which items are done, which shard is done, and why it ends if it ends by itself.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from batt.engine.heap import relax_collector
from batt.engine.wire import READ_BYTES, Inbox, encode, has_input
from batt.errors import BattError
from batt.names import EXIT_ASKED_TO_STOP, EXIT_FAULT_OF_BATT
from batt.stopping import StoppedError, let_requests_in

TELL_SECONDS = 0.1
"""Items that are done are told this often: a live display needs no more."""


class ShardRunner(Protocol):
    """Works on one shard after another.

    must_stop: asked often; once it says so, what is known is stored and StoppedError raised.
    tell: takes the task of every item that is done.
    """

    def __call__(self, shard: int, must_stop: Callable[[], bool], tell: Callable[[str], None], /) -> None:
        """Work on a shard until its result is stored."""
        ...


class Worker(Protocol):
    """What the pods of a run do."""

    def open(self) -> AbstractContextManager[ShardRunner]:
        """Start what a pod needs for all its shards; it ends with the context."""
        ...


def pod_main(connection: socket.socket, worker: Worker) -> None:
    """Be a pod: work on the shards one is given until the run goes away. Never returns."""
    relax_collector()
    code = EXIT_FAULT_OF_BATT
    try:
        code = serve_shards(connection, worker)
    except (BrokenPipeError, ConnectionResetError):
        code = EXIT_ASKED_TO_STOP
    except BattError as error:
        code = error.exit_code
        connection.sendall(encode({"error": str(error), "code": code}))
    except Exception:  # noqa: BLE001 # a process ends here: whatever it was, the run must be told
        told = f"a worker failed; this is a fault of batt, please report it:\n{traceback.format_exc()}"
        connection.sendall(encode({"error": told, "code": code}))
    finally:
        os._exit(code)


def serve_shards(connection: socket.socket, worker: Worker) -> int:
    """Work on one shard after another; return the exit code."""
    stop = StopFlag(connection)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends us in good order
    signal.signal(signal.SIGTERM, stop.set)
    let_requests_in()
    inbox = Inbox()
    with worker.open() as work:
        while True:
            data = b"" if stop.is_set else connection.recv(READ_BYTES)
            if not data:
                return EXIT_ASKED_TO_STOP if stop.is_set else 0
            for message in inbox.feed(data):
                teller = Teller(connection)
                try:
                    work(message["shard"], stop.must_stop, teller)
                except StoppedError:
                    return EXIT_ASKED_TO_STOP
                teller.flush()
                connection.sendall(encode({"done": message["shard"]}))


class StopFlag:
    """Whether this pod has to stop: after SIGTERM, or when the run has gone away."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.is_set = False

    def set(self, _number: int, _frame: object) -> None:
        """Remember to stop."""
        self.is_set = True

    def must_stop(self) -> bool:
        """Tell whether to stop; while a pod works, the run says nothing: what can be read then is its end."""
        return self.is_set or has_input(self.connection)


class Teller:
    """Tells the run which items are done, a few times a second."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.tasks: dict[str, int] = {}
        self.sent = time.monotonic()

    def __call__(self, task: str) -> None:
        """Count an item of a task."""
        self.tasks[task] = self.tasks.get(task, 0) + 1
        if time.monotonic() - self.sent > TELL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send what is counted."""
        if self.tasks:
            self.connection.sendall(encode({"tasks": self.tasks}))
            self.tasks = {}
        self.sent = time.monotonic()

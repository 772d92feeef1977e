"""The nursery: a process that loads the DSL once and forks worker children from itself whenever one is needed.

A child that was killed is so replaced in milliseconds, with everything imported; and the worker itself never runs a
line of the user's DSL. The nursery evaluates nothing, and ends, with all its children, when its worker goes away.
`Nursery` is the worker's handle of it; the functions below run in the nursery and in its children.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

from batt.engine.child import OUT_OF_MEMORY_STATUS, Child, Limits, child_main
from batt.engine.heap import relax_collector
from batt.engine.markers import Marker
from batt.engine.wire import READ_BYTES, Inbox, Message, encode
from batt.errors import BattError, InputError, RunError
from batt.solver.language import IMPORT_SECONDS, Language, load_language
from batt.stopping import let_requests_in, requests_wait

LEAST_STARTS, START_SECONDS = 20, 60.0
"""A nursery that is killed from outside while it loads the DSL is started again so often, and for so long."""

ANSWER_SECONDS = 60.0
"""How long a nursery may take to fork or reap a child: milliseconds, but a stopped machine may be slow to go on."""

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2): the signal that a process gets when its parent ends."""


class NurseryPlan(NamedTuple):
    """What a nursery needs to know before it is forked. `folder`: where the user's DSL lies, None for batt's own."""

    language_uri: str
    folder: Path | None
    limits: Limits
    markers: list[Marker]
    import_seconds: float = IMPORT_SECONDS


class NurseryGoneError(Exception):
    """The nursery does not answer: it was killed."""


class Nursery:
    """A running nursery, as its worker sees it. names, digest: of the DSL it has loaded.

    Raises:
        InputError: the DSL cannot be loaded.
        NurseryGoneError: it was killed meanwhile.
        RunError: there is no room for a process more.
    """

    def __init__(self, plan: NurseryPlan) -> None:
        self.connection, theirs = socket.socketpair()
        self.inbox = Inbox()
        with theirs:
            try:
                with requests_wait():
                    self.pid = os.fork()
                    if self.pid == 0:
                        try:
                            nursery_main(theirs, plan)
                        finally:
                            os._exit(1)
            except OSError as error:
                self.connection.close()
                raise RunError(f"the system starts no process more: {error.strerror}; is a limit too low?") from error
        try:
            hello = self.greeting(plan)
        except BaseException:
            self.close()
            raise
        self.names = frozenset(hello["names"])
        self.digest = str(hello["digest"])

    def greeting(self, plan: NurseryPlan) -> Message:
        """Return what the nursery says once it has loaded the DSL."""
        try:
            hello = self.hear(plan.import_seconds + ANSWER_SECONDS)
        except TimeoutError as error:
            took = f"importing it takes more than {plan.import_seconds:g} s and cannot be interrupted"
            raise InputError(f"dsl: got {plan.language_uri!r}; {took}; make it import faster") from error
        except NurseryGoneError:
            how = told_status(self.close())
            if how is not None:
                raise InputError(f"dsl: got {plan.language_uri!r}; importing it ended the process: {how}") from None
            raise
        if "error" in hello:
            raise InputError(hello["error"])
        return hello

    def fork(self, slot: int, connection: socket.socket) -> int:
        """Return the pid of a new child for a slot that serves `connection`; 0 if the system has none left."""
        return int(self.ask(["fork", slot], [connection.fileno()])["pid"])

    def reap(self, pid: int) -> int:
        """Return the wait status of a child whose socket has closed."""
        return int(self.ask(["reap", pid], [])["status"])

    def ask(self, message: Message, descriptors: list[int]) -> Message:
        """Send a request and return its answer."""
        try:
            socket.send_fds(self.connection, [encode(message)], descriptors)
            return self.hear(ANSWER_SECONDS)
        except (BrokenPipeError, ConnectionResetError, TimeoutError) as error:
            raise NurseryGoneError from error

    def hear(self, seconds: float) -> Message:
        """Return the nursery's next message; TimeoutError if there is none for so long."""
        self.connection.settimeout(seconds)
        while True:
            try:
                data = self.connection.recv(READ_BYTES)
            except ConnectionResetError:
                data = b""
            if not data:
                raise NurseryGoneError
            for message in self.inbox.feed(data):
                return message

    def close(self) -> int:
        """End the nursery, if it has not ended; return its wait status. Its children see their parent go."""
        self.connection.close()
        if self.pid:
            kill(self.pid)
            self.status = os.waitpid(self.pid, 0)[1]
            self.pid = 0
        return self.status


def start_nursery(plan: NurseryPlan) -> Nursery:
    """Return a nursery that has loaded the DSL; one that is killed while it starts is replaced, for a while.

    Raises:
        InputError: the DSL cannot be loaded.
        RunError: it was killed every time.
    """
    starts, until = 0, time.monotonic() + START_SECONDS
    while starts < LEAST_STARTS or time.monotonic() < until:
        with contextlib.suppress(NurseryGoneError):
            return Nursery(plan)
        starts += 1
    raise RunError(f"the process that loads the DSL was killed {starts} times before it was ready; is memory short?")


def told_status(status: int) -> str | None:
    """Return how a process ended by itself, for people; None if it was killed from outside."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return None if number in {signal.SIGKILL, signal.SIGTERM} else signal.Signals(number).name
    return f"exit status {os.WEXITSTATUS(status)}"


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def nursery_main(connection: socket.socket, plan: NurseryPlan) -> None:
    """Load the DSL, say so, then fork and reap as asked until the worker goes away. Never returns.

    First message out: {"names": [...], "digest": "..."} or {"error": "..."}. Then each ["fork", slot] with a socket
    for the child is answered by {"pid": n}, and each ["reap", pid] by {"status": wait status}.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for batt itself, which then ends us in good order
    for number in (signal.SIGTERM, signal.SIGALRM):  # the worker's own handlers mean nothing here
        signal.signal(number, signal.SIG_DFL)
    let_requests_in()
    relax_collector()
    let_go(connection.fileno())
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 # ours, empty
    try:
        language = load_language(plan.language_uri, plan.folder, plan.import_seconds)
    except BattError as error:
        connection.sendall(encode({"error": str(error)}))
        os._exit(0)
    except Exception:  # noqa: BLE001 # whatever a DSL can do to its import is told, not lost with this process
        connection.sendall(encode({"error": f"dsl: got {plan.language_uri!r}; {traceback.format_exc()}"}))
        os._exit(0)
    connection.sendall(encode({"names": sorted(language.names), "digest": language.digest}))
    importlib.import_module("ctypes")  # now, while the worker goes on, not in every child
    relax_collector()
    serve(connection, plan, language)


def let_go(kept: int) -> None:
    """Close what the worker has open but our own connection: an end of ours must not keep a socket or lock alive.

    The numbers stay taken, by the null device: an object inherited from the worker may close its number yet. Standard
    input goes the same way: it is not the DSL's to read.
    """
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 # numbers, no paths
        if int(name) > 2 and int(name) not in {kept, null}:
            with contextlib.suppress(OSError):  # the number of the listing itself
                os.fstat(int(name))
                os.dup2(null, int(name))
    os.close(null)


def serve(connection: socket.socket, plan: NurseryPlan, language: Language) -> None:
    """Fork and reap until the worker goes away; never returns."""
    children: set[int] = set()
    inbox = Inbox()
    while True:
        data, descriptors, _, _ = socket.recv_fds(connection, READ_BYTES, 1)
        if not data:
            for pid in children:
                kill(pid)
            os._exit(0)
        for verb, number in inbox.feed(data):
            if verb == "reap":
                children.discard(number)
                answer = {"status": os.waitpid(number, 0)[1]}
            else:
                pid = fork_child(connection, socket.socket(fileno=descriptors[0]), plan, language, number)
                answer = {"pid": pid}
                children |= {pid} if pid else set()
            connection.sendall(encode(answer))


def fork_child(
    connection: socket.socket, theirs: socket.socket, plan: NurseryPlan, language: Language, slot: int
) -> int:
    """Fork one child and return its pid; 0 where the system has none left."""
    nursery = os.getpid()
    with theirs:
        try:
            pid = os.fork()
        except OSError:
            return 0
        if pid == 0:
            connection.close()
            run_child(theirs, plan, language, slot, nursery)
    return pid


def run_child(connection: socket.socket, plan: NurseryPlan, language: Language, slot: int, nursery: int) -> None:
    """Be the child of one slot; never returns."""
    status = 1
    try:
        end_with_parent(nursery)
        child_main(connection, Child(language, plan.limits, plan.markers[slot]), plan.limits)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the worker went away
    except MemoryError:
        status = OUT_OF_MEMORY_STATUS
    finally:
        os._exit(status)


def end_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, however that happens (elsewhere than on Linux: not)."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 # see nursery_main

        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we said so
            os._exit(1)

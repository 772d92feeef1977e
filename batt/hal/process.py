"""Programs that may hang, crash, flee or eat memory, run through shim.py: how they ended, and what they said.

A worker drives one shim: on a laptop a child process, in a pod the first process of the agent's container.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import RunError, shown

SHIM = Path(__file__).with_name("shim.py")
"""The program at the other end; it stands alone, so that it runs in containers that know nothing of batt."""

LISTEN_SECONDS = 0.2
"""Longest wait for a word of the shim; then somebody may have asked to stop."""

ANSWER_SECONDS = 60.0
"""Longest time for a shim to start a program."""

LATE_SECONDS = 20.0
"""How much later than it should a shim may tell of an end: it chases processes for half of that."""

READ_BYTES = 1 << 16
"""Bytes taken from a program's output at once: the size of a pipe."""

READS = 16
"""How often the output is read of what has ended: it is no more than a pipe can be made to hold."""

CLOSE_SECONDS = 15.0
"""How long a shim may take to kill what is left and to end."""

MESSAGE_BYTES = 1 << 16
"""Longest message of a shim: whatever is longer is none of its."""


class Reason(StrEnum):
    """Why a program is over."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    PROCESSES = "processes"
    STOPPED = "stopped"
    LOST = "lost"
    """The shim itself has gone: its container was killed, for its memory most likely."""


class Program(NamedTuple):
    """What to run. env is added to what the shim's own environment has, unless the program inherits nothing."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    seconds: float
    grace_seconds: float = 5.0
    memory_bytes: int | None = None
    processes: int | None = None
    inherits: bool = True


class End(NamedTuple):
    """How a program ended. memory_bytes: the most that all its processes were seen to hold together."""

    reason: Reason
    code: int | None
    signal: int | None
    seconds: float
    memory_bytes: int = 0

    @property
    def is_success(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.reason is Reason.EXITED and self.code == 0

    def __str__(self) -> str:
        """Say it in words."""
        match self.reason:
            case Reason.EXITED if self.signal is not None:
                name = signal.Signals(self.signal).name if self.signal in set(signal.Signals) else str(self.signal)
                return f"was ended by {name}"
            case Reason.EXITED:
                return f"ended with exit code {self.code}"
            case Reason.TIMEOUT:
                return f"did not end in {self.seconds:.0f} s"
            case Reason.MEMORY:
                return f"used too much memory ({self.memory_bytes / 2**20:.0f} MiB)"
            case Reason.PROCESSES:
                return "started too many processes"
            case Reason.STOPPED:
                return "was stopped"
        return "went down with its container, which is what happens when it uses more memory than the container may"


class ProgramError(RunError):
    """A program could not be started at all."""


class Supervisor:
    """Drives one shim, one program at a time.

    is_local: whether the shim's processes are processes of this machine as we see it.
    renew: connects to another shim where this one has gone; without it nothing can be started any more.
    is_lost: whether the shim has gone, hangs, or says what no shim says.
    """

    def __init__(
        self, connection: socket.socket, *, is_local: bool = False, renew: Callable[[], socket.socket] | None = None
    ) -> None:
        self.is_local = is_local
        self.renew = renew
        self.use(connection)

    def use(self, connection: socket.socket) -> None:
        """Drive the shim at the other end of a connection from now on."""
        self.connection = connection
        self.connection.settimeout(ANSWER_SECONDS)  # for what is sent: a shim that a program has stopped reads nothing
        self.is_lost = False
        self.rest = b""
        self.told: deque[dict[str, Any]] = deque()  # JSON that a stranger could have written

    def start(self, program: Program, files: tuple[int, int, int]) -> Running:
        """Start a program with its standard files; the caller still owns those.

        Raises:
            ProgramError: there is no such program, or no such folder.
        """
        if self.is_lost and self.renew:
            self.use(self.renew())
        asked = {**program._asdict(), "argv": list(program.argv), "env": dict(program.env)}
        message = json.dumps({"start": asked}).encode() + b"\n"
        try:
            sent = socket.send_fds(self.connection, [message], list(files))
            self.connection.sendall(message[sent:])
        except OSError:
            self.is_lost = True
        return Running(self, self.read_started(program), program)

    def read_started(self, program: Program) -> int:
        """Return the process that a program has become; 0 where the shim was lost before there was one."""
        until = time.monotonic() + ANSWER_SECONDS
        begun = 0
        while not self.is_lost and time.monotonic() < until:
            match self.hear(LISTEN_SECONDS):
                case None:
                    continue
                case {"starting": int(pid)} if pid > 1:
                    begun = pid
                case {"started": int(pid)} if pid > 1:
                    return pid
                case {"failed": str(why)}:
                    raise ProgramError(f"{program.argv[0]}: got {shown(why)}; must be a program that can be started")
                case _:
                    break
        self.is_lost = True
        return begun

    def hear(self, seconds: float) -> dict[str, Any] | None:  # JSON that a stranger could have written
        """Return the next message of the shim, waiting so long for it; None where there is none."""
        if not self.told and not self.is_lost and select.select([self.connection], [], [], seconds)[0]:
            try:
                data = self.connection.recv(READ_BYTES)
            except OSError:
                data = b""
            *lines, self.rest = (self.rest + data).split(b"\n")
            messages = list(takewhile(bool, map(read_message, lines)))
            self.told.extend(messages)
            self.is_lost = not data or len(messages) < len(lines) or len(self.rest) > MESSAGE_BYTES
        return self.told.popleft() if self.told else None

    def say_stop(self) -> None:
        """Ask the shim to end its program."""
        with contextlib.suppress(OSError):  # it has gone: hear() finds out
            self.connection.sendall(b'{"stop": true}\n')


class Running:
    """A program that runs. pid: as its shim sees it, 0 where the shim was lost before there was a process."""

    def __init__(self, supervisor: Supervisor, pid: int, program: Program) -> None:
        self.supervisor = supervisor
        self.pid = pid
        self.begin = time.monotonic()
        self.late_seconds = program.grace_seconds + LATE_SECONDS
        self.until = self.begin + program.seconds + self.late_seconds
        self.end: End | None = None
        if supervisor.is_lost:
            self.lose()

    def poll(self, seconds: float = 0.0) -> End | None:
        """Return how the program ended, None while it runs; waits so long for the end."""
        if self.end is None:
            told = self.supervisor.hear(min(seconds, max(0.0, self.until - time.monotonic())))
            self.end = read_end(told)
            is_over = self.supervisor.is_lost or time.monotonic() >= self.until
            if self.end is None and (is_over or told is not None):
                self.lose()
        return self.end

    def lose(self) -> None:
        """Give the shim up, which its program may have killed or stopped; end what can be reached of that."""
        self.supervisor.is_lost = True
        self.end = End(Reason.LOST, None, None, time.monotonic() - self.begin)
        if self.supervisor.is_local and self.pid > 1:  # 0: there is none; 1 would mean all there are
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self.supervisor.say_stop()
        self.until = min(self.until, time.monotonic() + self.late_seconds)

    def wait(self) -> End:
        """Wait for its end."""
        while (end := self.poll(ANSWER_SECONDS)) is None:
            pass
        return end


def read_message(line: bytes) -> dict[str, Any]:  # JSON that a stranger could have written
    """Return a message of a shim; nothing for what is none: a shim that was taken over may say anything."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def read_end(told: Any) -> End | None:  # JSON that a stranger could have written
    """Return the end that a shim tells of; None where that is nonsense."""
    match told:
        case {
            "ended": {
                "reason": str(reason),
                "code": int() | None as code,
                "signal": int() | None as number,
                "seconds": int() | float() as seconds,
                "memory_bytes": int(memory),
            }
        } if reason in set(Reason) and math.isfinite(seconds) and 0 <= memory < 2**63:
            return End(Reason(reason), code, number, float(seconds), memory)
    return None


class Log:
    """What a program says, the first and the last of it where it is much.

    size: bytes kept of each.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.first = bytearray()
        self.last = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take some output."""
        self.total += len(data)
        room = self.size - len(self.first)
        self.first += data[:room]
        self.last += data[room:]
        if len(self.last) > 2 * self.size:
            del self.last[: -self.size]

    def text(self) -> str:
        """Return it as text; what is left out is said where it is missing, cut at ends of lines if there are any."""
        first, last = bytes(self.first), bytes(self.last[-self.size :])
        if self.total == len(first) + len(last):
            return (first + last).decode("utf-8", "replace")
        first = first[: first.rfind(b"\n") + 1] or first
        last = last[last.find(b"\n") + 1 :] or last
        gap = f"[... {self.total - len(first) - len(last)} bytes are left out ...]\n"
        line_end = "" if first.endswith(b"\n") else "\n"
        return first.decode("utf-8", "replace") + line_end + gap + last.decode("utf-8", "replace")


def run_program(supervisor: Supervisor, program: Program, log: Log, must_stop: Callable[[], bool]) -> End:
    """Run a program to its end, its output into a log; when it is left by an exception, the program is stopped.

    must_stop: asked several times a second; once it says so the program is stopped.

    Raises:
        ProgramError: it cannot be started.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as output, Path(os.devnull).open("rb") as nothing:
        try:
            running = supervisor.start(program, (nothing.fileno(), writer, writer))
        finally:
            os.close(writer)
        try:
            end = follow(running, output.fileno(), log, must_stop)
        except BaseException:  # StoppedError and KeyboardInterrupt among them: the shim is to be free for the next
            running.stop()
            running.wait()
            raise
        os.set_blocking(output.fileno(), False)
        for _ in range(READS):  # of what has ended nothing more comes; but a shim may be lost, and its program not
            log.add(output.read(READ_BYTES) or b"")
    return end


def follow(running: Running, output: int, log: Log, must_stop: Callable[[], bool]) -> End:
    """Take what a program says until it ends; see `run_program`."""
    sources = {running.supervisor.connection.fileno(), output}
    is_asked = False
    while (end := running.poll()) is None:
        readable, _, _ = select.select(sources, [], [], LISTEN_SECONDS)
        if output in readable:
            data = os.read(output, READ_BYTES)
            log.add(data)
            if not data:
                sources.remove(output)  # the program has closed it, and goes on
        if not is_asked and must_stop():
            is_asked = True
            running.stop()
    return end


class LocalShim:
    """A shim as a child process."""

    def __init__(self) -> None:
        self.connection: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def open(self) -> socket.socket:
        """Start one, in the place of one that was lost; return the connection to it."""
        self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self.connection = ours
            argv = [sys.executable, "-I", "-S", str(SHIM), "fd", str(number)]
            self.process = subprocess.Popen(argv, pass_fds=[number])  # noqa: S603 # our own program
        return ours

    def close(self) -> None:
        """End it, and with it all that it has started."""
        if self.connection:
            self.connection.close()
        if self.process:
            self.process.send_signal(signal.SIGCONT)  # a program may have stopped it
            try:
                self.process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def local_shim() -> Iterator[Supervisor]:
    """Start a shim as a child process; at the end nothing is left of it and of what it has run.

    A program that kills it, being of the same user, takes it from nobody but itself: the next gets another.
    """
    shim = LocalShim()
    try:
        yield Supervisor(shim.open(), is_local=True, renew=shim.open)
    finally:
        shim.close()

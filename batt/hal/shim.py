"""Runs programs for somebody else and sees to it that nothing of them is left: process 1 of a container, or a child.

Stands alone (standard library only, Python 3.9): in a pod it is copied into the agent's container, on a laptop it is
started as a process. It holds no secret and decides nothing; whoever drives it is at the other end of a socket:

    -> {"start": {argv, cwd, env, inherits, seconds, grace_seconds, memory_bytes, processes}}
                                           with 3 files: stdin, stdout, stderr
    <- {"starting": pid}                   said by the program's process before it is the program, which may kill us
    <- {"started": pid}                    or {"failed": why}
    -> {"stop": true}                      ends it early
    <- {"ended": {reason, code, signal, seconds, memory_bytes}}

reason: exited | timeout | memory | processes | stopped. A program that is ended gets SIGTERM, after grace_seconds
SIGKILL. After its end everything that it has started is killed, whatever session or group it fled to. When the driver
goes away, so does all of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

MESSAGE_BYTES = 1 << 24
"""Longest message: arguments and environment of a program (Linux takes 2 MiB of them; odd bytes are six in JSON)."""

WHY_CHARACTERS = 1000
"""Most that is told of why a program cannot be started: it names paths, which the driver knows."""

LOOK_SECONDS = 0.2
"""How often the memory and number of processes are looked at."""

CLEAN_SECONDS = 10.0
"""Longest time for which processes that keep forking are chased."""

CHASE_SECONDS = 0.001
"""Pause between two rounds of that."""

RETRY_SECONDS = 0.2
"""How often the driver's socket is looked for in a container that was started before it."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
"""Options of prctl(2)."""

IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""What terminals and programs may send: this process ends when its driver does, having cleaned up, and not before."""

BARE = ("PATH", "LANG")
"""What a program that inherits nothing gets all the same: by them it finds programs and knows what text is."""


class GoneError(Exception):
    """The driver has closed its end."""


LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
"""The C library, loaded before anything is forked."""


def prctl(option: int, value: int) -> None:
    """Set an option of this process, where the system is Linux."""
    if LIBC is not None:
        LIBC.prctl(option, value, 0, 0, 0)


class Channel:
    """Messages over the socket, one JSON object a line; the driver's come with files."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.rest = bytearray()
        self.files: list[int] = []

    def send(self, **message: Any) -> None:
        """Send a message.

        Raises:
            GoneError: nobody is there to read it.
        """
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise GoneError from error

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages that have come, waiting for bytes if there are none; their files are in `files`.

        Raises:
            GoneError: there will be no more.
        """
        try:
            data, files, _, _ = socket.recv_fds(self.connection, 1 << 16, 8)
        except OSError as error:
            raise GoneError from error
        self.files += files
        self.rest += data
        if not data or len(self.rest) > MESSAGE_BYTES:
            raise GoneError
        if b"\n" not in data:
            return []
        *lines, self.rest = self.rest.split(b"\n")
        return [json.loads(line) for line in lines]

    def take_files(self, number: int) -> list[int]:
        """Return the oldest files that have come; the caller closes them."""
        taken, self.files = self.files[:number], self.files[number:]
        return taken

    def close(self) -> None:
        """Close it, files of half a message too."""
        close_all(self.take_files(len(self.files)))
        self.connection.close()


class Program:
    """A program that runs, and all that it has started. status: of its end, as wait(2) tells it; None before."""

    def __init__(self, start: dict[str, Any], files: list[int], channel: Channel) -> None:
        self.begin = self.look_at = time.monotonic()
        self.deadline = self.begin + float(start["seconds"])
        self.grace_seconds = float(start["grace_seconds"])
        self.limits = {"memory": start.get("memory_bytes"), "processes": start.get("processes")}
        self.peak_bytes = 0
        self.reason = ""
        self.kill_at = float("inf")
        self.status: int | None = None
        stdin, stdout, stderr = files
        self.process = subprocess.Popen(  # noqa: S603 # what it is for
            start["argv"],
            cwd=start["cwd"],
            env={**inherited(start.get("inherits", True)), **start["env"]},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=lambda: prepare_child(channel),  # noqa: PLW1509 # this process has one thread
        )
        self.pid = self.process.pid

    def end(self, reason: str, grace_seconds: float) -> None:
        """Ask it to end, for a reason, and kill it after a while; the first reason counts, and the shortest while."""
        self.kill_at = min(self.kill_at, time.monotonic() + grace_seconds)
        if not self.reason and grace_seconds:
            signal_group(self.pid, signal.SIGTERM)
        self.reason = self.reason or reason

    def look(self) -> None:
        """End it if a limit is passed, kill it if it has not ended when asked."""
        if not self.reason and time.monotonic() >= self.deadline:
            self.end("timeout", self.grace_seconds)
        if time.monotonic() >= self.look_at:
            self.measure()
            self.look_at = time.monotonic() + LOOK_SECONDS
        if time.monotonic() >= self.kill_at:
            signal_group(self.pid, signal.SIGKILL)
            self.kill_at = float("inf")

    def measure(self) -> None:
        """Look at its memory and number of processes."""
        pids = list(descendants())
        memory, most = sum(map(resident_bytes, pids)), self.limits["memory"]
        if most is not None and memory > most:
            memory = sum(map(proportional_bytes, pids))
        self.peak_bytes = max(self.peak_bytes, memory)
        for reason, value in (("memory", memory), ("processes", len(pids))):
            limit = self.limits[reason]
            if limit is not None and value > limit:
                self.end(reason, 0.0)  # the machine is at stake

    def patience(self) -> float:
        """Return for how many seconds there is nothing to look at."""
        next_act = min(self.look_at, self.kill_at, float("inf") if self.reason else self.deadline)
        return max(0.0, next_act - time.monotonic())

    def reap(self) -> bool:
        """Wait for the processes that have ended, orphans of the program too; tell whether it itself has."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    break
                # in KiB but on macOS; what was there for less than LOOK_SECONDS is known from this only
                self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
                if pid == self.pid:
                    self.status = status
        return self.status is not None

    def ended(self) -> dict[str, Any]:
        """Return what is told of its end."""
        code = os.waitstatus_to_exitcode(self.status or 0)
        most = self.limits["memory"]
        if not self.reason and most is not None and self.peak_bytes > most:
            self.reason = "memory"  # whether somebody looked in time must make no difference
        return {
            "reason": self.reason or "exited",
            "code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "seconds": time.monotonic() - self.begin,
            "memory_bytes": self.peak_bytes,
        }


def inherited(is_asked: bool) -> dict[str, str]:
    """Return what a program gets of this process' environment."""
    return {name: value for name, value in os.environ.items() if is_asked or name in BARE}


def prepare_child(channel: Channel) -> None:
    """Run in the child before the program: no core files, signals as usual, it goes when we go, and is announced."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    channel.send(starting=os.getpid())


def close_all(descriptors: list[int]) -> None:
    """Close files."""
    for descriptor in descriptors:
        os.close(descriptor)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def descendants() -> Iterator[int]:
    """Yield the processes below this one, children of children included (Linux; elsewhere none is known)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        if name.isdigit():
            # pid (name) state ppid ...: the name may hold anything, brackets too
            fields = read_proc(name, "stat").rpartition(b")")[2].split()
            if fields and fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    waiting = [os.getpid()]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            yield pid
            waiting.append(pid)


def children() -> Iterator[int]:
    """Yield the processes right below this one: by what is a thousand times faster, where the kernel has it."""
    listed = read_proc("thread-self", "children")
    yield from map(int, listed.split()) if listed else descendants()


def read_proc(process: int | str, name: str) -> bytes:
    """Return a file that tells of a process; empty where it is gone, or that is none of our business."""
    try:
        with open(f"/proc/{process}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 where it is gone."""
    fields = read_proc(pid, "statm").split()
    return int(fields[1]) * resource.getpagesize() if fields else 0


def proportional_bytes(pid: int) -> int:
    """Return the same, of pages that several processes share each one's part: true, but slow."""
    for line in read_proc(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return resident_bytes(pid)


def clean(group: int) -> None:
    """Kill everything that a program has left behind: what loses its parent becomes our child, so none is missed."""
    signal_group(group, signal.SIGKILL)
    until = time.monotonic() + CLEAN_SECONDS
    with contextlib.suppress(ChildProcessError):  # there is none left
        while time.monotonic() < until:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            for pid in (-1,) if os.getpid() == 1 else children():  # -1: all at once, none of them can fork meanwhile
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(CHASE_SECONDS)


def run_program(channel: Channel, start: dict[str, Any], wakeup: int) -> None:
    """Run a program to its end, listening to the driver.

    Raises:
        GoneError: the driver went away; nothing is left of the program.
    """
    files = channel.take_files(3)
    try:
        program = Program(start, files, channel)
    except (OSError, ValueError, LookupError, TypeError, subprocess.SubprocessError) as error:
        channel.send(failed=f"{type(error).__name__}: {error}"[:WHY_CHARACTERS])
        return
    finally:
        close_all(files)
    try:
        channel.send(started=program.pid)
        while not program.reap():
            wait_for(channel, program, wakeup)
            program.look()
    finally:
        clean(program.pid)
        program.process.returncode = 0  # it is reaped here: the Popen object must not wait for its pid
    channel.send(ended=program.ended())


def wait_for(channel: Channel, program: Program, wakeup: int) -> None:
    """Wait until a process ends, the driver says something, or it is time to look."""
    readable, _, _ = select.select([channel.connection.fileno(), wakeup], [], [], program.patience())
    if wakeup in readable:
        os.read(wakeup, 1 << 12)
    if channel.connection.fileno() in readable:
        for message in channel.receive():
            if "stop" in message:
                program.end("stopped", program.grace_seconds)


def serve(connection: socket.socket) -> None:
    """Run the driver's programs, one after another, until it goes away."""
    channel = Channel(connection)
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    with contextlib.suppress(GoneError):
        while True:
            for message in channel.receive():
                if "start" in message:
                    run_program(channel, message["start"], reader)
    signal.set_wakeup_fd(-1)
    close_all([reader, writer])
    channel.close()


def connect(path: str) -> socket.socket | None:
    """Return a connection to the driver's socket, None where nobody listens there.

    Its name goes, so that no program finds it.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    with contextlib.suppress(OSError):
        os.unlink(path)
    return connection


def serve_at(path: str) -> None:
    """Serve the drivers that listen at a path, one after another, until SIGTERM: while there is a driver, it decides.

    A pod that is to end gets SIGTERM in all its containers: a program that went down with this process would look like
    one that had failed.
    """
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    while not asked:
        connection = connect(path)
        if connection:
            serve(connection)
        else:
            time.sleep(RETRY_SECONDS)  # a socket in a folder of two containers: nothing tells when it appears


def main(arguments: list[str]) -> int:
    """`shim.py fd NUMBER`: serve an inherited socket. `shim.py socket PATH`: serve a driver after another there."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)  # programs run as the same user: they must not look into this process
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    if arguments[0] == "fd":
        prctl(PR_SET_PDEATHSIG, signal.SIGCONT)  # a program may have stopped us: the end of the driver wakes us
        serve(socket.socket(fileno=int(arguments[1])))
    else:
        serve_at(arguments[1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Programs that tests start, and how to tell whether they are still there."""

from __future__ import annotations

import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from batt.hal.process import End, Log, Program, Supervisor, run_program

linux = pytest.mark.skipif(sys.platform != "linux", reason="what fled is known on Linux only; run there")


def python(text: str, *arguments: str) -> Program:
    """A Python program; its last argument is a mark that all of its processes have."""
    argv = [sys.executable, "-c", textwrap.dedent(text), *arguments, f"mark-{uuid.uuid4().hex}"]
    return Program(argv, "/", {}, 60.0)


def processes_of(program: Program) -> list[int]:
    """The processes that have a program's mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if program.argv[-1].encode() in (path / "cmdline").read_bytes():  # of a zombie it is empty
                found.append(int(path.name))
        except OSError:  # it has gone meanwhile
            continue
    return found


def is_alive(program: Program, but: int = 0, processes: int = 1) -> bool:
    """Whether so many processes of a program are there; but: one that does not count."""
    return len(set(processes_of(program)) - {but}) >= processes


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait for a condition; whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def never() -> bool:
    return False


def run(
    shim: Supervisor, program: Program, must_stop: Callable[[], bool] = never, log: Log | None = None
) -> tuple[End, str]:
    """How a program ended, and what it said."""
    log = log or Log(1 << 16)
    end = run_program(shim, program, log, must_stop)
    return end, log.text()

"""Runs commands as users run them and accounts for all their processes, killed grandchildren too."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
"""The checkout: where commands find batt and benchmarks."""

BATT = (sys.executable, "-m", "batt")
"""The batt command, of this very environment."""

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans below us become our children, so that their CPU time is counted (Linux only)."""


class Ran(NamedTuple):
    """A finished command: wall and CPU seconds (of all its processes), and what it printed."""

    seconds: float
    cpu_seconds: float
    output: str


def adopt_orphans() -> None:
    """Make this process the parent of processes below it whose own parent ends first."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cpu_now() -> float:
    """Return the CPU seconds of this process and of all that ended below it; waits for those that are ending."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run_command(arguments: Sequence[str | Path], folder: Path = ROOT) -> Ran:
    """Run a command in `folder` and wait for it.

    Raises:
        RuntimeError: it ended with another exit code than 0; the message holds what it printed.
    """
    adopt_orphans()
    before = cpu_now()
    with tempfile.TemporaryFile() as file:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
        code = process.wait()
        seconds = time.perf_counter() - begin
        file.seek(0)
        output = file.read().decode(errors="replace")
    if code:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: exit code {code}\n{output[-2000:]}")
    return Ran(seconds, cpu_now() - before, output)


def environment() -> dict[str, str]:
    """Return the environment of commands: they find this checkout from any folder, and keep their bytecode.

    Some machines forbid Python to keep bytecode (PYTHONDONTWRITEBYTECODE); users' installations have it.
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder, in memory where that can be had: the disk is not what is measured.

    TMPDIR names another place.
    """
    memory = Path("/dev/shm")
    is_usable = "TMPDIR" not in os.environ and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="batt-bench-", dir=memory if is_usable else None) as folder:
        yield Path(folder)

"""The real command line in real processes, and what becomes of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_SECONDS = 180.0
"""Longest wait for anything here; only an unreachable bucket takes more than a tenth of it on an idle machine."""

BATT = [sys.executable, "-m", "batt"]
"""The command as `batt` would start it."""


class Ended(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """Everything it said, for messages."""
        return f"exit code {self.code}\n{self.out}\n{self.err}"


def environment(**more: str) -> dict[str, str]:
    """Return our environment with some variables changed."""
    return {**os.environ, **more}


def batt(*arguments: object, cwd: Path, **variables: str) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [*BATT, *map(str, arguments)],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def finish(*arguments: object, cwd: Path, **variables: str) -> Ended:
    """Run a command that must end with exit code 0."""
    ended = batt(*arguments, cwd=cwd, **variables)
    assert ended.code == 0, ended.told
    return ended


@contextlib.contextmanager
def started(*arguments: object, cwd: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command as the leader of a session of its own; whatever is left of that is killed at the end."""
    command = subprocess.Popen(
        [*BATT, *map(str, arguments)],
        cwd=cwd,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield command
    finally:
        for pid in session_of(command.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        command.communicate()


def ended(command: subprocess.Popen[str]) -> Ended:
    """Wait for a started command."""
    out, err = command.communicate(timeout=PATIENCE_SECONDS)
    return Ended(command.returncode, out, err)


def session_of(leader: int) -> list[int]:
    """Return the living processes of a session (zombies are dead), in ascending order."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has just ended
                # after the name in brackets: state, parent, group, session
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == leader and state != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for {what}"
        time.sleep(0.005)  # between two looks at the condition


def run_folders(results: Path) -> list[Path]:
    """Return the folders of all runs in a results folder."""
    return sorted(path.parent for path in results.glob("*/*/manifest.json"))


def shard_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return name -> (inode, time of change) of a run's shard results: tells which were written anew."""
    found = {}
    for path in (folder / "shards").glob("*.json.gz"):
        status = path.stat()
        found[path.name] = (status.st_ino, status.st_mtime_ns)
    return found


def results_of(ended_run: Ended, cwd: Path) -> dict[str, Any]:
    """Return the results.json whose path a run has printed."""
    match = re.search(r"^results +(\S.*)$", ended_run.out, re.MULTILINE)
    assert match, ended_run.told
    value: dict[str, Any] = json.loads((cwd / match[1]).read_text())
    return value


def report_of(ended_run: Ended, cwd: Path) -> str:
    """Return the page whose path a run has printed."""
    match = re.search(r"^report +(\S.*)$", ended_run.out, re.MULTILINE)
    assert match, ended_run.told
    return (cwd / match[1]).read_text()

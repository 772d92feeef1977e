"""Runs the programs a test cluster is made of, and waits on conditions; none outlives the process that started it."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
"""Pause between two looks at a condition: short beside what is waited for, cheap beside a look."""

TELL_SECONDS = 10.0
"""A wait longer than this says what it waits for, so that nobody takes it for a hang."""

STOP_SECONDS = 10.0
"""Time a daemon has to end after SIGTERM before it is killed; they take well under 2 s."""

TAIL_BYTES = 3000
"""Share of a log that an error message shows: its end, where the cause usually stands."""


class ClusterError(Exception):
    """The test cluster did not do what it must; the message holds the end of the log that tells why."""


class Daemon:
    """A program in the background: its log beside its name, killed by the kernel when its starter dies.

    It must be started from a thread that lives as long as it shall (pytest's main thread): the kernel takes the
    end of that thread for the end of the starter (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, netns: str = ""
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        # nsenter rather than `ip netns exec`, which mounts /sys anew and so hides the cgroups from the kubelet.
        inside = ["nsenter", f"--net=/run/netns/{netns}", "--"] if netns else []
        bound = ["setpriv", "--pdeathsig", "KILL", "--"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*inside, *bound, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                start_new_session=True,  # a Ctrl-C at the terminal is for pytest, which then stops us in order
            )

    def has_ended(self) -> bool:
        """Return True once the program has ended, for whatever reason."""
        return self.process.poll() is not None

    def tail(self) -> str:
        """Return the end of the log, under a line that names it."""
        said = self.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace")
        return f"--- end of {self.log}:\n{said}"

    def stop(self) -> None:
        """End the program: asked first, killed if it does not listen; return when it is gone."""
        if self.has_ended():
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wait_until(
    what: str, condition: Callable[[], T | None], seconds: float = 60.0, daemons: Sequence[Daemon] = ()
) -> T:
    """Return the first true value of `condition`, looked at until then.

    Args:
        what: the condition in words, for progress and for the error.
        condition: cheap to ask; None, False, 0 and empty mean "not yet".
        seconds: longest wait.
        daemons: programs without which the condition cannot come true; the end of one ends the wait.

    Raises:
        ClusterError: time is up, or a daemon ended; with the last value seen and the end of the daemons' logs.
    """
    start = time.monotonic()
    told = False
    while not (seen := condition()):
        waited = time.monotonic() - start
        ended = [daemon for daemon in daemons if daemon.has_ended()]
        if ended or waited > seconds:
            why = f"{ended[0].name} ended with {ended[0].process.returncode}" if ended else f"not within {seconds:g} s"
            logs = "\n".join(daemon.tail() for daemon in (ended or daemons))
            raise ClusterError(f"{what}: {why}; last seen: {seen!r:.500}\n{logs}".rstrip())
        if waited > TELL_SECONDS and not told:
            told = True
            LOG.warning("waiting for %s (at most %g s)", what, seconds)
        time.sleep(LOOK_SECONDS)
    return seen

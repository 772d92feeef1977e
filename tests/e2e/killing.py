"""Kills processes of a run at random, as a cluster, a user or the kernel may."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.e2e.command import session_of

LOOK_SECONDS = 0.005
"""Between two looks at whether the killing may begin."""


class Killer(threading.Thread):
    """Sends SIGKILL to one process of a run's tree after another, the run itself excepted, until told to stop.

    None before `may_begin`: a busy machine takes its time to plan, and the kills are meant for what comes after.
    """

    def __init__(
        self, leader: int, interval_seconds: float, seed: int, most: int, may_begin: Callable[[], bool]
    ) -> None:
        super().__init__(daemon=True)
        self.leader = leader
        self.interval_seconds = interval_seconds
        self.rng = random.Random(seed)
        self.most = most
        self.may_begin = may_begin
        self.killed: dict[str, int] = {}
        self.stopped = threading.Event()

    def run(self) -> None:
        """Kill until told to stop, or often enough."""
        while not self.may_begin():
            if self.stopped.wait(LOOK_SECONDS):
                return
        while not self.stopped.wait(self.interval_seconds) and sum(self.killed.values()) < self.most:
            victims = [pid for pid in session_of(self.leader) if pid != self.leader]
            if victims:
                self.kill(self.rng.choice(victims))

    def kill(self, pid: int) -> None:
        """Kill one process, noting what it was by how deep below the run it stands: pod, nursery or child."""
        with contextlib.suppress(OSError):  # it has just ended
            depth = depth_below(pid, self.leader)
            os.kill(pid, signal.SIGKILL)
            self.killed[depth] = self.killed.get(depth, 0) + 1


def depth_below(pid: int, leader: int) -> str:
    """Return what a process is to a run, by its distance in the process tree."""
    depth = 0
    while pid not in {leader, 0, 1}:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        depth += 1
    return {1: "pod", 2: "nursery", 3: "child"}.get(depth, "orphan") if pid == leader else "orphan"


@contextlib.contextmanager
def killer(
    command: subprocess.Popen[str],
    interval_seconds: float,
    seed: int,
    most: int,
    may_begin: Callable[[], bool] = lambda: True,
) -> Iterator[Killer]:
    """Kill processes below a command while the body runs, as soon as they may be killed."""
    thread = Killer(command.pid, interval_seconds, seed, most, may_begin)
    thread.start()
    try:
        yield thread
    finally:
        thread.stopped.set()
        thread.join()

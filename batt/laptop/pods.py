"""The worker processes of a local run: gives them shards, listens to them, replaces those that die, ends them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from batt.api import RunSpec
from batt.attempts import PodTimes
from batt.engine.pool import kill
from batt.engine.wire import READ_BYTES, Inbox, encode
from batt.errors import RunError
from batt.laptop.pod import Worker, pod_main
from batt.laptop.progress import Display, Standing
from batt.names import EXIT_ASKED_TO_STOP, EXIT_FAULT_OF_BATT
from batt.stopping import requests_wait

LISTEN_SECONDS = 0.2
"""Longest wait for a pod's word; then limits and the display are looked after."""

STOP_SECONDS = 15.0
"""How long pods get to store what they know before they are killed, as on a spot node."""

MAX_KILLED = 100
"""How often a shard's pod may be killed from outside before that counts as the shard's own failure."""

FATAL_CODES = frozenset({64, 65, 77, 78, EXIT_FAULT_OF_BATT})
"""Exit codes of pods that would fail again and again: bad input, no permission or quota, no bucket, faults of batt."""


class PodFatalError(RunError):
    """A pod failed in a way that no retry mends; the run ends with the pod's exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code


class Pod:
    """A worker process as the run sees it: the shard it is on, and the last error it has told of."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self.connection = connection
        self.inbox = Inbox()
        self.shard: int | None = None
        self.begin = 0.0
        self.error = ""
        self.status: int | None = None

    def has_ended(self) -> bool:
        """Tell whether the process is gone, even if one of its own children still holds its socket."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def exit_code(self) -> int:
        """Return the exit code, negative for a signal; waits for the process to end."""
        if self.status is None:
            self.status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(self.status)

    def unread(self) -> bytes:
        """Return what the process has sent and nobody has read; b"" if there is nothing, or it is gone."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            return self.connection.recv(READ_BYTES, socket.MSG_DONTWAIT)
        return b""


class Failure(NamedTuple):
    """Why a shard is given up."""

    shard: int
    reason: str


class Load(NamedTuple):
    """What there is to do: items of each task, and of each shard of the run; unit: what they are, in the plural."""

    tasks: Mapping[str, int]
    shards: list[int]
    unit: str = "candidates"


class Pods:
    """The worker processes of one run.

    worker: makes what pods do, told how many of the jobs each pod may have.
    jobs: processes that work, in as many pods as there are shards and spec.maxConcurrency allows.
    attempt: of the run.
    """

    def __init__(
        self,
        spec: RunSpec,
        load: Load,
        worker: Callable[[int], Worker],
        jobs: int,
        display: Display,
        attempt: int = 1,
    ) -> None:
        self.spec = spec
        self.attempt = attempt
        self.load = load
        self.worker = worker
        self.jobs = jobs
        self.display = display
        self.pods: list[Pod] = []
        self.waiting: deque[int] = deque()
        self.told: dict[int, Counter[str]] = {}
        self.done: Counter[str] = Counter()
        self.shards_done = 0
        self.failed_tries: dict[int, int] = {}
        self.killed: dict[int, int] = {}
        self.failures: list[Failure] = []
        self.log: list[PodTimes] = []  # who worked on which shard when, and how that ended

    def run(self, shards: list[int], deadline: float | None) -> list[Failure]:
        """Work on the shards until each has a result or is given up; return the latter.

        Args:
            shards: indexes of shards without a result.
            deadline: when to stop, by time.monotonic(); None for never.

        Raises:
            PodFatalError: a pod failed in a way that no retry mends.
        """
        self.begun = time.monotonic()
        self.waiting = deque(shards)
        self.shards = len(shards)
        self.items = sum(self.load.shards[shard] for shard in shards)
        count = min(self.jobs, len(shards), self.spec.max_concurrency or self.jobs)
        self.children = max(1, self.jobs // count)
        try:
            while self.waiting or any(pod.shard is not None for pod in self.pods):
                self.staff(count)
                self.assign()
                self.listen()
                self.show()
                if deadline is not None and time.monotonic() > deadline:
                    self.stop_pods()
                    self.give_up_the_rest()
        finally:
            self.stop_pods()
        return self.failures

    def staff(self, count: int) -> None:
        """Fork pods until there are enough for the shards that are left."""
        busy = sum(pod.shard is not None for pod in self.pods)
        while len(self.pods) < min(count, busy + len(self.waiting)):
            ours, theirs = socket.socketpair()
            with requests_wait():
                pid = os.fork()
                if pid == 0:
                    ours.close()
                    for pod in self.pods:
                        pod.connection.close()
                    pod_main(theirs, self.worker(self.children))
                theirs.close()
                self.pods.append(Pod(pid, ours))

    def assign(self) -> None:
        """Give idle pods a shard each."""
        for pod in self.pods:
            if pod.shard is None and self.waiting:
                pod.shard = self.waiting.popleft()
                pod.begin = time.time()
                self.told[pod.shard] = Counter()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has died: listen finds out
                    pod.connection.sendall(encode({"shard": pod.shard}))

    def listen(self) -> None:
        """Take what pods say, or find out how they ended."""
        readable, _, _ = select.select([pod.connection for pod in self.pods], [], [], LISTEN_SECONDS)
        for pod in list(self.pods):
            has_ended = pod.has_ended()  # asked first: what it said before its end is read below
            data = pod.unread() if pod.connection in readable or has_ended else None
            while data:
                for message in pod.inbox.feed(data):
                    self.take(pod, message)
                data = pod.unread() if has_ended else None
            if data == b"":
                self.bury(pod)

    def take(self, pod: Pod, message: Any) -> None:  # a JSON message of pod.py
        """Take one message of a pod."""
        match message:
            case {"tasks": dict(tasks)} if pod.shard is not None:
                self.told[pod.shard].update(tasks)
            case {"done": int(shard)}:
                self.done.update(self.told.pop(shard))
                self.shards_done += 1
                self.note(pod, 0)
                pod.shard = None
            case {"error": str(text), "code": int(code)}:
                if code in FATAL_CODES:
                    raise PodFatalError(text, code)
                pod.error = text

    def bury(self, pod: Pod) -> None:
        """Take a dead pod's shard back, or give it up if it has failed too often."""
        self.pods.remove(pod)
        pod.connection.close()
        code, shard = pod.exit_code(), pod.shard
        if shard is None:
            return
        self.note(pod, code)
        del self.told[shard]  # whoever goes on tells of what is stored
        if (code < 0 or code == EXIT_ASKED_TO_STOP) and self.killed.get(shard, 0) < MAX_KILLED:
            self.killed[shard] = self.killed.get(shard, 0) + 1
            how = signal.Signals(-code).name if code < 0 else "SIGTERM"
            self.display.note(f"worker of shard {shard} was ended by {how}; another one goes on")
            self.waiting.appendleft(shard)
            return
        self.failed_tries[shard] = self.failed_tries.get(shard, 0) + 1
        reason = pod.error or f"its worker ended with exit code {code}"
        if self.failed_tries[shard] <= self.spec.retries.per_shard:
            self.display.note(f"shard {shard} is tried again: {reason}")
            self.waiting.appendleft(shard)
            return
        self.failures.append(Failure(shard, f"{reason} (tried {self.failed_tries[shard]} times)"))
        if len(self.failures) > self.spec.retries.failed_shards:
            self.failures.extend(Failure(left, "too many shards have failed before it") for left in self.waiting)
            self.waiting.clear()

    def note(self, pod: Pod, code: int) -> None:
        """Note that a pod has ended its work on its shard."""
        if pod.shard is not None:
            self.log.append(PodTimes(pod.shard, f"process {pod.pid}", pod.begin, time.time(), code, self.attempt))

    def show(self) -> None:
        """Show where the run stands."""
        done = sum(self.told.values(), self.done)
        with_items = {task: items for task, items in self.load.tasks.items() if items}
        standing = Standing(
            tasks_done=sum(done[task] >= items for task, items in with_items.items()),
            tasks=len(with_items),
            items_done=done.total(),
            items=self.items,
            shards_done=self.shards_done,
            shards=self.shards,
            seconds=time.monotonic() - self.begun,
            unit=self.load.unit,
        )
        self.display.show(standing)

    def give_up_the_rest(self) -> None:
        """Give up what waits: the run's deadline has passed."""
        reason = "the run's deadline (spec.deadlines.runSeconds) passed"
        self.failures.extend(Failure(shard, reason) for shard in self.waiting)
        self.waiting.clear()

    def stop_pods(self) -> None:
        """Ask all pods to store what they know and to end; kill those that do not in time, or when asked again."""
        for pod in self.pods:
            with contextlib.suppress(OSError):  # it is gone already
                pod.connection.shutdown(socket.SHUT_WR)
            if not pod.has_ended():
                kill(pod.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        try:
            while time.monotonic() < deadline and not all(pod.has_ended() for pod in self.pods):
                alive = [pod.connection for pod in self.pods if pod.status is None]
                for connection in select.select(alive, [], [], 0.05)[0]:
                    with contextlib.suppress(ConnectionResetError):
                        connection.recv(READ_BYTES)  # a full socket must not hold it up
        finally:
            for pod in self.pods:
                if not pod.has_ended():
                    kill(pod.pid)
                self.note(pod, pod.exit_code())
                pod.connection.close()
                if pod.shard is not None:
                    self.waiting.append(pod.shard)
            self.pods.clear()

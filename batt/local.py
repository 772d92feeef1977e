"""`batt run` on this machine: plan, work, collect with a folder or bucket as store and processes as pods.

    batt run ── pod process ── engine (nursery, children)      one shard at a time each
             └─ pod process ── ...

A pod that dies, however, costs what it had not stored; its shard goes to another one.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from batt.api import BenchmarkRun
from batt.collect import collect
from batt.engine import Engine, kill
from batt.errors import BattError, RunError
from batt.manifest import Manifest, RunRef
from batt.names import EXIT_ASKED_TO_STOP
from batt.plan import find_resumable, limits_of, plan, read_inputs
from batt.progress import Display, Standing
from batt.results import Summary
from batt.state import missing_shards
from batt.store import ObjectStore, open_store
from batt.timing import MAIN, PhaseStats, stats_from_json, stats_to_json
from batt.wire import READ_BYTES, Inbox, encode
from batt.work import StoppedError, work

DEFAULT_RESULTS = "results"
"""Where results go on a laptop when the run file does not say."""

STOP_SECONDS = 15.0
"""How long pods get to store what they know before they are killed, as on a spot node."""

MAX_KILLED = 100
"""How often a shard's pod may be killed from outside before that counts as the shard's own failure."""


class InterruptedRunError(RunError):
    """Ctrl-C or a deadline ended the run early; the same command resumes it."""

    exit_code = 130


class Pod:
    """A worker process as the run sees it: the shard it is on, and the items of each task it has told of."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self.connection = connection
        self.inbox = Inbox()
        self.shard: int | None = None


class Failure(NamedTuple):
    """Why a shard is given up."""

    shard: int
    reason: str


def run_locally(run: BenchmarkRun, base: Path, jobs: int, display: Display) -> Summary:
    """Plan, work and collect a run on this machine; an unfinished run of the same name and inputs is resumed.

    Args:
        base: where relative paths of the run file start.
        jobs: processes that evaluate candidates.

    Raises:
        BattError: an input is refused, the store fails, or the run was interrupted (InterruptedRunError).
    """
    begin = time.monotonic()
    root = open_store(run.spec.results or DEFAULT_RESULTS, base if run.spec.results else Path())
    inputs = read_inputs(run, base)
    found = find_resumable(root, run, inputs)
    ref = found or RunRef(run.metadata.namespace, run.metadata.name, secrets.token_hex(4))
    manifest = plan(run, ref, root, base, jobs, inputs)
    for fault in inputs.dataset.refused:
        display.note(f"refused: {fault}")
    missing = missing_shards(root, manifest)
    if found and len(missing) < len(manifest.shards):
        display.note(f"resuming {ref.folder}: {len(missing)} of {len(manifest.shards)} shards to do")
    failures = Pods(run, manifest, root, inputs.dsl, jobs, display).run(missing, begin) if missing else []
    summary = collect(manifest, root)
    for failure in failures:
        display.note(f"shard {failure.shard} failed: {failure.reason}")
    return with_main_phase(summary, time.monotonic() - begin)


def with_main_phase(summary: Summary, seconds: float) -> Summary:
    """Return the summary with the time of the whole run."""
    stats = {**stats_from_json(summary.phases), MAIN: PhaseStats().with_duration(seconds)}
    return summary._replace(phases=stats_to_json(stats))


class Pods:
    """The worker processes of one run."""

    def __init__(
        self, run: BenchmarkRun, manifest: Manifest, root: ObjectStore, dsl: Path | None, jobs: int, display: Display
    ) -> None:
        self.run_spec = run.spec
        self.manifest = manifest
        self.root = root
        self.dsl = dsl
        self.jobs = jobs
        self.display = display
        self.pods: list[Pod] = []
        self.waiting: deque[int] = deque()
        self.told: dict[int, dict[str, int]] = {}
        self.failed_tries: dict[int, int] = {}
        self.killed: dict[int, int] = {}
        self.failures: list[Failure] = []
        self.stopping = False

    def run(self, shards: list[int], begin: float) -> list[Failure]:
        """Work on the shards until each has a result or is given up; return the latter."""
        self.begin = begin
        self.waiting = deque(shards)
        self.items = sum(self.manifest.shards[shard].items for shard in shards)
        count = min(self.jobs, len(shards))
        self.children = max(1, self.jobs // count)
        previous = signal.signal(signal.SIGTERM, self.ask_to_stop)
        try:
            while self.waiting or any(pod.shard is not None for pod in self.pods):
                self.staff(count)
                self.assign()
                self.listen()
                self.show()
                self.check_limits()
        except KeyboardInterrupt:
            self.stop_pods()
            raise InterruptedRunError("stopped; what is finished is stored: the same command goes on") from None
        finally:
            self.stop_pods()
            signal.signal(signal.SIGTERM, previous)
        return self.failures

    def ask_to_stop(self, _number: int, _frame: object) -> None:
        """Treat SIGTERM as Ctrl-C."""
        raise KeyboardInterrupt

    def staff(self, count: int) -> None:
        """Fork pods until there are enough for the shards that are left."""
        busy = sum(pod.shard is not None for pod in self.pods)
        while len(self.pods) < min(count, busy + len(self.waiting)):
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                ours.close()
                for pod in self.pods:
                    pod.connection.close()
                pod_main(theirs, PodTask(self.run_spec.solvers, self.manifest, self.root, self.dsl, self.children))
            theirs.close()
            self.pods.append(Pod(pid, ours))

    def assign(self) -> None:
        """Give idle pods a shard each."""
        for pod in self.pods:
            if pod.shard is None and self.waiting:
                pod.shard = self.waiting.popleft()
                self.told[pod.shard] = {}
                try:
                    pod.connection.sendall(encode({"shard": pod.shard}))
                except BrokenPipeError:
                    continue  # it has died: the next listen finds out

    def listen(self) -> None:
        """Take what pods say, or find out how they ended."""
        readable, _, _ = select.select([pod.connection for pod in self.pods], [], [], 0.2)
        for pod in [pod for pod in self.pods if pod.connection in readable]:
            try:
                data = pod.connection.recv(READ_BYTES)
            except ConnectionResetError:
                data = b""
            for message in pod.inbox.feed(data):
                self.take(pod, message)
            if not data:
                self.bury(pod)

    def take(self, pod: Pod, message: Any) -> None:  # a JSON message of pod_main
        """Take one message of a pod."""
        match message:
            case {"tasks": dict(tasks)} if pod.shard is not None:
                told = self.told[pod.shard]
                for task, items in tasks.items():
                    told[task] = told.get(task, 0) + items
            case {"done": int()}:
                pod.shard = None
            case {"error": str(text), "fatal": bool(is_fatal)}:
                if is_fatal:
                    raise RunError(text)
                self.display.note(text)

    def bury(self, pod: Pod) -> None:
        """Take a dead pod's shard back, or give it up if it has failed too often."""
        self.pods.remove(pod)
        pod.connection.close()
        status = os.waitpid(pod.pid, 0)[1]
        if pod.shard is None:
            return
        shard = pod.shard
        self.told[shard] = {}
        code = os.waitstatus_to_exitcode(status)
        if code < 0 and self.killed.get(shard, 0) < MAX_KILLED:
            self.killed[shard] = self.killed.get(shard, 0) + 1
            self.display.note(
                f"worker of shard {shard} was ended by {signal.Signals(-code).name}; it goes on elsewhere"
            )
        else:
            self.failed_tries[shard] = self.failed_tries.get(shard, 0) + 1
        if self.failed_tries.get(shard, 0) > self.run_spec.retries.per_shard:
            self.failures.append(
                Failure(shard, f"its worker ended with exit code {code} {self.failed_tries[shard]} times")
            )
            if len(self.failures) > self.run_spec.retries.failed_shards:
                self.waiting.clear()
        else:
            self.waiting.appendleft(shard)

    def show(self) -> None:
        """Show where the run stands."""
        done: dict[str, int] = {}
        for tasks in self.told.values():
            for task, items in tasks.items():
                done[task] = done.get(task, 0) + items
        with_items = {task.id: task.items for task in self.manifest.tasks if task.items}
        tasks_done = sum(done.get(task, 0) >= items for task, items in with_items.items())
        shards_left = len(self.waiting) + sum(pod.shard is not None for pod in self.pods)
        self.display.show(
            Standing(
                tasks_done,
                len(with_items),
                sum(done.values()),
                self.items,
                len(self.told) - shards_left,
                len(self.manifest.shards),
                time.monotonic() - self.begin,
            )
        )

    def check_limits(self) -> None:
        """Stop at the run's deadline."""
        seconds = self.run_spec.deadlines.run_seconds
        if seconds is not None and time.monotonic() - self.begin > seconds:
            self.stop_pods()
            self.display.note(f"spec.deadlines.runSeconds: {seconds} s have passed; what is finished is collected")
            self.failures.extend(Failure(shard, "the run's deadline passed") for shard in self.waiting)
            self.waiting.clear()

    def stop_pods(self) -> None:
        """Ask all pods to store what they know and to end; kill those that do not in time."""
        for pod in self.pods:
            pod.connection.shutdown(socket.SHUT_WR)
            kill(pod.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for pod in self.pods:
            pod.connection.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                while pod.connection.recv(READ_BYTES):
                    pass
            except (TimeoutError, ConnectionResetError):
                kill(pod.pid)
            pod.connection.close()
            os.waitpid(pod.pid, 0)
            if pod.shard is not None:
                self.waiting.append(pod.shard)
        self.pods.clear()


class PodTask(NamedTuple):
    """What a pod process needs to know."""

    solvers: Any  # api.SolversSpec
    manifest: Manifest
    root: ObjectStore
    dsl: Path | None
    children: int


def pod_main(connection: socket.socket, task: PodTask) -> None:
    """Be a pod: work on the shards one is given until the run goes away. Never returns."""
    code = 70
    try:
        code = serve_shards(connection, task)
    except (BrokenPipeError, ConnectionResetError):
        code = EXIT_ASKED_TO_STOP
    except BattError as error:
        connection.sendall(encode({"error": str(error), "fatal": error.exit_code in {64, 65, 70}}))
        code = error.exit_code
    finally:
        os._exit(code)


def serve_shards(connection: socket.socket, task: PodTask) -> int:
    """Work on one shard after another; return the exit code."""
    stop = StopFlag()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop.set)
    inbox = Inbox()
    with Engine(task.children, task.solvers.dsl, task.dsl, limits_of(task.solvers)) as engine:
        while True:
            data = b"" if stop.is_set else connection.recv(READ_BYTES)
            if not data:
                return EXIT_ASKED_TO_STOP if stop.is_set else 0
            for message in inbox.feed(data):
                teller = Teller(connection)
                try:
                    work(task.manifest, message["shard"], task.root, engine, lambda: stop.is_set, teller)
                except StoppedError:
                    return EXIT_ASKED_TO_STOP
                teller.flush()
                connection.sendall(encode({"done": message["shard"]}))


class StopFlag:
    """Set by SIGTERM."""

    def __init__(self) -> None:
        self.is_set = False

    def set(self, _number: int, _frame: object) -> None:
        """Remember to stop."""
        self.is_set = True


class Teller:
    """Tells the run which items are done, a few times a second."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.tasks: dict[str, int] = {}
        self.sent = time.monotonic()

    def __call__(self, task: str) -> None:
        """Count an item of a task."""
        self.tasks[task] = self.tasks.get(task, 0) + 1
        if time.monotonic() - self.sent > 0.1:
            self.flush()

    def flush(self) -> None:
        """Send what is counted."""
        if self.tasks:
            self.connection.sendall(encode({"tasks": self.tasks}))
            self.tasks = {}
        self.sent = time.monotonic()

"""`batt run` of a HAL run on this machine: plan, work, evaluate, collect; a folder as the bucket, processes as pods.

batt (pods.py) ─┬─ pod process (pod.py) ── shim ── agent                           a task at a time each
                └─ pod process ── shim ── programs that agents have submitted      some outputs at a time each
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from batt.api import BenchmarkRun, hal_of
from batt.attempts import note_session
from batt.errors import Fault, SpecError
from batt.folder import replace_folder
from batt.hal.collect import HalSummary, collect_hal
from batt.hal.evaluate import evaluate, evaluation_shards
from batt.hal.manifest import HalManifest
from batt.hal.plan import differences, find_hal_run, find_resumable_hal, plan_hal, read_hal_inputs
from batt.hal.process import local_shim
from batt.hal.sandbox import Sandbox
from batt.hal.task import Control, LocalPlace
from batt.hal.work import load, read_records, tasks_to_redo, work_task
from batt.laptop.envfile import ENV_FILE, take_env_file
from batt.laptop.pod import ShardRunner
from batt.laptop.pods import Failure, Load, PodFatalError, Pods
from batt.laptop.progress import Display
from batt.laptop.run import InterruptedRunError, failure_lines, results_store
from batt.manifest import RunRef
from batt.state import last_attempt, missing_shards
from batt.stopping import StoppedError
from batt.store import DirectoryStore, ObjectStore

Mode: TypeAlias = Literal["start", "continue", "regrade"]
"""What to do about a run."""

REFUSED = 77
"""Exit code of a pod whose agent was refused by the model's provider: what is finished is collected all the same."""


class HalWorker(NamedTuple):
    """What a pod does with tasks: run the agent. attempt: of the results that it stores."""

    manifest: HalManifest
    root: ObjectStore
    attempt: int

    @contextlib.contextmanager
    def open(self) -> Iterator[ShardRunner]:
        """Bring the agent and its environment here."""
        with load(self.manifest, self.root) as loaded:
            place = LocalPlace(sys.executable)

            def run_one(shard: int, must_stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
                control = Control(must_stop, pauser(must_stop))
                work_task(self.manifest, shard, self.root, loaded, place, control, self.attempt)
                tell(self.manifest.shards[shard].task_id)

            yield run_one


class EvaluateWorker(NamedTuple):
    """What a pod does with outputs: score them. shards: paths of the records in each."""

    manifest: HalManifest
    root: ObjectStore
    shards: list[list[str]]
    grade: int

    @contextlib.contextmanager
    def open(self) -> Iterator[ShardRunner]:
        """Start the sandbox."""
        with tempfile.TemporaryDirectory(prefix="batt-evaluate-", ignore_cleanup_errors=True) as folder:

            def score_some(shard: int, must_stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
                with local_shim() as supervisor:
                    sandbox = Sandbox(supervisor, sys.executable, Path(folder).resolve(), must_stop)
                    evaluate(self.manifest, self.shards[shard], self.root, sandbox, must_stop, tell, self.grade)

            yield score_some


def pauser(must_stop: Callable[[], bool]) -> Callable[[float], None]:
    """Return what waits for so many seconds, and raises StoppedError as soon as somebody asks to stop."""

    def pause(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if must_stop():
                raise StoppedError
            select.select([], [], [], min(0.2, left))

    return pause


def run_hal_locally(
    run: BenchmarkRun, base: Path, jobs: int, display: Display, command: str = "batt run", mode: Mode = "start"
) -> HalSummary:
    """Run an agent on a benchmark on this machine; an unfinished run of the same name and inputs is resumed.

    What the file .env of the current folder sets is set in this process, too: agents have its environment.

    Args:
        base: where relative paths of the run file start.
        jobs: agents at once, where spec.maxConcurrency does not say.
        command: what HAL's files say the run was started by.
        mode: what to do: `start` a run; `continue` that of spec.hal.runId with what is missing in it, or has failed;
            `regrade` it: run no agent, score anew what there is.

    Raises:
        BattError: an input is refused, the store fails, the provider refuses, or Ctrl-C (InterruptedRunError).
    """
    names = take_env_file(Path(), os.environ)
    if names:
        display.note(f"{ENV_FILE} sets {', '.join(names)}")
    try:
        with tempfile.TemporaryDirectory(prefix="batt-plan-", ignore_cleanup_errors=True) as scratch:
            machine = Machine(jobs, display, command, time.monotonic(), time.time())
            if mode == "start":
                return start_run(run, base, machine, Path(scratch))
            return take_up_run(run, base, machine, Path(scratch), is_regrade=mode == "regrade")
    except KeyboardInterrupt:
        raise InterruptedRunError("stopped; what is finished is stored: the same command goes on") from None


class Machine(NamedTuple):
    """How a run is done here, and since when, by time.monotonic() and by time.time(); see `run_hal_locally`."""

    jobs: int
    display: Display
    command: str
    begin: float
    began: float


def start_run(run: BenchmarkRun, base: Path, machine: Machine, scratch: Path) -> HalSummary:
    """Start a run, or resume an unfinished one."""
    machine.display.stage("planning")
    root = results_store(run, base)
    inputs = read_hal_inputs(run, base, scratch)
    found = find_resumable_hal(root, run, inputs)
    taken = find_hal_run(root, run.spec.hal.run_id) if run.spec.hal and run.spec.hal.run_id else None
    if taken is not None and taken.ref != found:
        got = f"{run.spec.hal.run_id!r}" if run.spec.hal else ""
        fault = Fault("spec.hal.runId", got, f"is that of another run in {root.uri}", "choose another, or continue it")
        raise SpecError([fault])
    ref = found or RunRef(run.metadata.namespace, run.metadata.name, secrets.token_hex(4))
    manifest = plan_hal(run, ref, root, inputs, machine.display.note)
    missing = missing_shards(root, manifest)
    if found:
        machine.display.note(f"resuming {ref.folder}: {len(missing)} of {len(manifest.shards)} tasks to do")
    return finish(run, manifest, root, missing, 1, machine)


def take_up_run(
    run: BenchmarkRun, base: Path, machine: Machine, scratch: Path, *, is_regrade: bool = False
) -> HalSummary:
    """Do what is missing or has failed of the run that has spec.hal.runId, or score anew what there is of it.

    Raises:
        SpecError: there is none, or it was another agent's, or of other arguments or tasks: all differences are named.
    """
    machine.display.stage("planning")
    root = results_store(run, base)
    run_id = hal_of(run).run_id or ""
    manifest = find_hal_run(root, run_id)
    if manifest is None:
        remedy = "correct it or --results_dir, or start a run without it"
        raise SpecError([Fault("--run_id", repr(run_id), f"must be that of a run in {root.uri}", remedy)])
    faults = differences(manifest, run, read_hal_inputs(run, base, scratch))
    if faults:
        raise SpecError(faults, run_id)
    attempt = last_attempt(root, manifest) + 1
    if is_regrade:
        return finish(run, manifest, root, [], attempt, machine, attempt)
    todo = tasks_to_redo(root, manifest, read_records(root, manifest))
    machine.display.note(f"continuing {run_id}: {len(todo)} of {len(manifest.shards)} tasks to do")
    return finish(run, manifest, root, todo, attempt, machine)


def finish(
    run: BenchmarkRun,
    manifest: HalManifest,
    root: ObjectStore,
    todo: list[int],
    attempt: int,
    machine: Machine,
    grade: int = 1,
) -> HalSummary:
    """Work on tasks, score what was submitted (what a lower grade has scored, too), collect."""
    display = machine.display
    display.stage("running agents")
    seconds = run.spec.deadlines.run_seconds
    deadline = None if seconds is None else machine.begin + seconds
    refused: PodFatalError | None = None
    failures: list[Failure] = []
    pods = work_pods(run, manifest, root, attempt, machine)
    try:
        failures = pods.run(todo, deadline) if todo else []
    except PodFatalError as error:
        if error.exit_code != REFUSED:
            raise
        refused = error
    finally:
        note_session(root, manifest, pods.log)
    score(run, manifest, root, machine, grade)
    display.stage("collecting")
    summary = collect_hal(manifest, root, command=machine.command, began=machine.began)
    export(manifest, root, summary)
    for line in failure_lines(failures):
        display.note(line)
    if refused:
        raise refused
    return summary


def work_pods(run: BenchmarkRun, manifest: HalManifest, root: ObjectStore, attempt: int, machine: Machine) -> Pods:
    """Return the processes that run agents: as many as may run at once, since agents wait for models, not for CPUs."""
    tasks = Counter(row.task_id for row in manifest.shards)
    most = run.spec.max_concurrency or machine.jobs
    worker = HalWorker(manifest, root, attempt)
    load_of = Load(tasks, [1] * len(manifest.shards), "tasks")
    return Pods(run.spec, load_of, lambda _children: worker, most, machine.display, attempt)


def score(run: BenchmarkRun, manifest: HalManifest, root: ObjectStore, machine: Machine, grade: int) -> None:
    """Score what nobody has scored yet for this grade."""
    shards = [some for some in evaluation_shards(root, manifest, grade) if some]
    if not shards:
        return
    machine.display.stage("evaluating")
    worker = EvaluateWorker(manifest, root, shards, grade)
    outputs = Load({}, [len(shard) for shard in shards], "tasks")
    Pods(run.spec, outputs, lambda _children: worker, machine.jobs, machine.display).run(list(range(len(shards))), None)


def export(manifest: HalManifest, root: ObjectStore, summary: HalSummary) -> list[str]:
    """Put HAL's files where HAL's tools look for them, `<results>/<benchmark>/<run id>`; return those folders.

    Only of a folder: what is in a bucket stays in the run's own folder, from where `batt results` brings it.
    """
    if not isinstance(root, DirectoryStore):
        return [f"{manifest.ref.folder}/{folder}" for folder in summary.files]
    made = []
    for folder, run_id in zip(summary.files, manifest.run_ids, strict=True):
        source = root.root / manifest.ref.folder / folder
        target = root.root / manifest.benchmark / run_id
        replace_folder(source, target)  # of an earlier attempt: HAL's loaders look at one place
        made.append(f"{manifest.benchmark}/{run_id}")
    return made

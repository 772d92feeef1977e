"""`batt run` on this machine: plan, work, collect with a folder or bucket as store and processes as pods.

    batt run (pods.py) ── pod process (pod.py) ── engine (nursery, children)      one shard at a time each
                       └─ pod process ── ...

A pod that dies, however, costs what it had not stored; its shard goes to another one.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from batt.api import BenchmarkRun, SolversSpec, solvers_of
from batt.attempts import note_session
from batt.engine.pool import Engine
from batt.errors import RunError
from batt.laptop.pod import ShardRunner
from batt.laptop.pods import Failure, Load, Pods
from batt.laptop.progress import Display
from batt.manifest import Manifest, RunRef
from batt.plan import find_resumable, limits_of, plan, read_inputs
from batt.results import Summary
from batt.state import missing_shards
from batt.store import DirectoryStore, ObjectStore, open_store
from batt.summary import refusals
from batt.work import work

DEFAULT_RESULTS = "results"
"""Where results go on a laptop when the run file does not say."""


class InterruptedRunError(RunError):
    """Ctrl-C or SIGTERM ended the run early; the same command resumes it."""

    exit_code = 130


def run_locally(run: BenchmarkRun, base: Path, jobs: int, display: Display) -> Summary:
    """Plan, work and collect a run on this machine; an unfinished run of the same name and inputs is resumed.

    Args:
        base: where relative paths of the run file start.
        jobs: processes that evaluate candidates.

    Raises:
        BattError: an input is refused, the store fails, or Ctrl-C (InterruptedRunError).
    """
    try:
        return run_stages(run, base, jobs, display)
    except KeyboardInterrupt:
        raise InterruptedRunError("stopped; what is finished is stored: the same command goes on") from None


def run_stages(run: BenchmarkRun, base: Path, jobs: int, display: Display) -> Summary:
    """Do it; see `run_locally`."""
    begin, began = time.monotonic(), time.time()
    display.stage("planning")
    root = results_store(run, base)
    inputs = read_inputs(run, base, root)
    found = find_resumable(root, run, inputs)
    ref = found or RunRef(run.metadata.namespace, run.metadata.name, secrets.token_hex(4))
    manifest = plan(run, ref, root, base, jobs, inputs, display.show_reading)
    for line in refusals(manifest, root):
        display.note(line)
    missing = missing_shards(root, manifest)
    if found:
        display.note(f"resuming {ref.folder}: {len(missing)} of {len(manifest.shards)} shards to do")
    seconds = run.spec.deadlines.run_seconds
    deadline = None if seconds is None else begin + seconds
    display.stage("validating")
    pods = solver_pods(run, manifest, root, inputs.dsl, jobs, display)
    try:
        failures = pods.run(missing, deadline) if missing else []
    finally:
        note_session(root, manifest, pods.log)
    display.stage("collecting")
    from batt.collect import collect  # noqa: PLC0415 # imported while candidates wait, it would delay the first verdict

    summary = collect(manifest, root, began=began)
    for line in failure_lines(failures):
        display.note(line)
    return summary


class SolverWorker(NamedTuple):
    """What a pod of a solver run does. dsl: where the user's DSL lies; children: processes that evaluate."""

    spec: SolversSpec
    manifest: Manifest
    root: ObjectStore
    dsl: Path | None
    children: int

    @contextlib.contextmanager
    def open(self) -> Iterator[ShardRunner]:
        """Start the children."""
        with Engine(self.children, self.spec.dsl, self.dsl, limits_of(self.spec)) as engine:

            def work_on(shard: int, must_stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
                work(self.manifest, shard, self.root, engine, must_stop, tell)

            yield work_on


def solver_pods(
    run: BenchmarkRun, manifest: Manifest, root: ObjectStore, dsl: Path | None, jobs: int, display: Display
) -> Pods:
    """Return the worker processes of a solver run."""
    spec = solvers_of(run)
    load = Load({task.id: task.items for task in manifest.tasks}, [shard.items for shard in manifest.shards])
    return Pods(run.spec, load, lambda children: SolverWorker(spec, manifest, root, dsl, children), jobs, display)


def results_store(run: BenchmarkRun, base: Path) -> ObjectStore:
    """Return where results go: spec.results as seen from `base`, else a folder where the user is."""
    return open_store(run.spec.results, base) if run.spec.results else open_store(DEFAULT_RESULTS, Path())


def results_place(run: BenchmarkRun, base: Path) -> str:
    """Return where results go as a user finds them: a bucket's URI, or a path from the current folder."""
    root = results_store(run, base)
    if isinstance(root, DirectoryStore) and root.root.is_relative_to(Path.cwd()):
        return str(root.root.relative_to(Path.cwd()))
    return root.uri


@contextlib.contextmanager
def interrupted_by(number: signal.Signals) -> Iterator[None]:
    """Treat a signal as Ctrl-C, so that whatever is open is closed in good order."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, previous)


def failure_lines(failures: Sequence[Failure]) -> list[str]:
    """Return a line for every reason for which shards were given up, with the shards."""
    shards: dict[str, list[int]] = defaultdict(list)
    for failure in failures:
        shards[failure.reason].append(failure.shard)
    return [f"shard{'s' * (len(some) > 1)} {ranges(some)} failed: {reason}" for reason, some in shards.items()]


def ranges(numbers: Sequence[int]) -> str:
    """Return numbers as people write many: 0-3, 7, 9-10."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)

"""batt itself as a way: its stages in this process, and what its results say."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from batt.api import BenchmarkRun
from batt.collect import collect
from batt.inputs.tasks import Task
from batt.laptop.progress import PlainDisplay
from batt.laptop.run import solver_pods
from batt.manifest import RunRef
from batt.plan import plan, read_inputs
from batt.runfile import parse_run
from batt.store import DirectoryStore
from benchmarks.corpus import DATASET
from benchmarks.processes import cpu_now


class Staged(NamedTuple):
    """A run whose stages were timed one by one; seconds of wall time, CPU seconds of work and of all stages."""

    plan: float
    work: float
    collect: float
    work_cpu: float
    cpu: float
    results: Path

    @property
    def total(self) -> float:
        """Seconds of all three stages."""
        return self.plan + self.work + self.collect


def run_of(candidates: Path, tasks: Sequence[str] = (), *, is_cached: bool = False) -> BenchmarkRun:
    """Return a run of candidates as `batt validate` makes it."""
    solvers = {"dataset": DATASET, "candidates": str(candidates), "tasks": list(tasks), "cache": is_cached}
    return parse_run(
        {
            "apiVersion": "batt.dev/v1alpha1",
            "kind": "BenchmarkRun",
            "metadata": {"name": "measured"},
            "spec": {"solvers": solvers},
        }
    )


def run_in_stages(run: BenchmarkRun, folder: Path, uid: str, cores: int) -> Staged:
    """Plan, work and collect a run, as `batt run` does, with the results under `folder`."""
    root = DirectoryStore(folder)
    ref = RunRef("default", run.metadata.name, uid)
    first_cpu, begin = cpu_now(), time.perf_counter()
    inputs = read_inputs(run, Path(), root)
    manifest = plan(run, ref, root, Path(), cores, inputs)
    planned = time.perf_counter()
    cpu = cpu_now()
    pods = solver_pods(run, manifest, root, inputs.dsl, cores, PlainDisplay(io.StringIO()))
    failures = pods.run(list(range(len(manifest.shards))), deadline=None) if manifest.shards else []
    worked = time.perf_counter()
    work_cpu = cpu_now() - cpu
    if failures:
        raise RuntimeError(f"shards failed: {failures}")
    collecting = time.perf_counter()
    summary = collect(manifest, root)
    ended = time.perf_counter()
    stages = planned - begin, worked - planned, ended - collecting
    return Staged(*stages, work_cpu, cpu_now() - first_cpu, folder / summary.path)


def find_results(folder: Path) -> Path:
    """Return the newest results file under a results folder."""
    return max(folder.glob("*/*/out/*/results.json"), key=lambda path: path.stat().st_mtime_ns)


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a results file."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def plain_verdicts(results: dict[str, Any], tasks: Mapping[str, Task]) -> dict[int, tuple[str, ...]]:
    """Return one word a pair by candidate number, as the alternatives tell it.

    Numbers are those of corpus.write_lines: a candidate's name holds `#<number>`.
    """
    found = {}
    for entry in results["tasks"]:
        for one in entry["candidates"]:
            number = int(one["candidate"].partition("#")[2].partition("::")[0])
            found[number] = pair_words(one, tasks[entry["task"]])
    return found


def pair_words(candidate: Mapping[str, Any], task: Task) -> tuple[str, ...]:
    """Return one word a pair of a candidate's entry in the results; what is not said there is correct."""
    names = [f"train[{place}]" for place in range(len(task.train))]
    names += [f"test[{place}]" for place in range(len(task.test))]
    return tuple(candidate.get("pairs", {}).get(name, "correct").split()[0] for name in names)

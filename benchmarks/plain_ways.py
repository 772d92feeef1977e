"""Validating plain solver texts as it is done today: exec, a pool, a process each, threads.

Each way takes the candidates and their tasks and returns, by candidate number, one word a pair: correct, wrong or
error. All use batt's own DSL, under the names by which solver texts import it: what differs is the engine alone.
"""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import batt.dsl
import batt.dsl.constants
from batt.inputs.tasks import Task, task_from_json, task_json
from benchmarks.corpus import Candidate
from benchmarks.processes import ROOT, environment, scratch

TIMEOUT_SECONDS = 60.0
"""What a thread may take: far more than any of these candidates, for queueing counts too where threads are used."""

Verdicts = dict[int, tuple[str, ...]]
"""One word a pair (train pairs first), by candidate number."""

Job = tuple[Candidate, Task]
"""A candidate and the task it is for."""


def install_dsl(names: Mapping[str, Any] | None = None) -> None:
    """Let solver texts find a DSL under the names by which they import it; batt's own if no other is given."""
    module = types.ModuleType("dsl")
    module.__dict__.update(names or {name: getattr(batt.dsl, name) for name in batt.dsl.__all__})
    sys.modules["dsl"] = module
    sys.modules["constants"] = batt.dsl.constants


def jobs_of(candidates: Iterable[Candidate], tasks: Mapping[str, Task]) -> list[Job]:
    """Return each candidate with its task."""
    return [(candidate, tasks[candidate.task]) for candidate in candidates]


def load_solver(text: str) -> Callable[..., Any]:
    """Return the function `solve` of a text, by executing it."""
    names: dict[str, Any] = {}
    exec(text, names)  # the way that is measured
    solve: Callable[..., Any] = names["solve"]
    return solve


def check(solve: Callable[..., Any], task: Task) -> tuple[str, ...]:
    """Return how a solver does on each pair of a task."""
    demos = tuple((pair.input, pair.output) for pair in task.train)
    words = []
    for pair in task.train + task.test:
        try:
            words.append("correct" if solve(demos, pair.input, None) == pair.output else "wrong")
        except Exception:  # noqa: BLE001 # a solver may raise anything: that is its verdict
            words.append("error")
    return tuple(words)


def check_text(job: Job) -> tuple[str, ...]:
    """Return how a solver text does on each pair of its task."""
    candidate, task = job
    return check(load_solver(candidate.text), task)


def exec_in_one_process(jobs: Sequence[Job]) -> Verdicts:
    """Execute one text after another here: no deadline, no isolation, one core."""
    return {job[0].number: check_text(job) for job in jobs}


def exec_in_a_pool(jobs: Sequence[Job], cores: int) -> Verdicts:
    """Execute the texts in a multiprocessing.Pool: no deadline, and a crash hangs the pool."""
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        words = pool.map(check_text, jobs)
    return {candidate.number: found for (candidate, _), found in zip(jobs, words, strict=True)}


def exec_in_threads(jobs: Sequence[Job], cores: int) -> Verdicts:
    """Execute the texts in threads under asyncio.gather: deadlines that end nothing, one core."""

    async def gathered() -> list[tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(4 * cores) as pool:
            calls = [
                asyncio.wait_for(loop.run_in_executor(pool, check_text, job), TIMEOUT_SECONDS * len(jobs))
                for job in jobs
            ]
            return await asyncio.gather(*calls)

    found = asyncio.run(gathered())
    return {candidate.number: words for (candidate, _), words in zip(jobs, found, strict=True)}


def exec_in_processes(jobs: Sequence[Job], cores: int) -> Verdicts:
    """Start one Python for each candidate, as many at once as there are cores: real deadlines and isolation."""
    with scratch() as folder, ThreadPoolExecutor(cores) as pool:
        found = pool.map(functools.partial(check_in_process, folder), jobs)
        return {candidate.number: words for (candidate, _), words in zip(jobs, found, strict=True)}


def check_in_process(folder: Path, job: Job) -> tuple[str, ...]:
    """Return how one candidate does in a Python of its own."""
    candidate, task = job
    solver, pairs = folder / f"{candidate.number}.py", folder / f"{candidate.number}.json"
    solver.write_text(candidate.text, encoding="utf-8")
    pairs.write_text(json.dumps(task_json(task)), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.plain_ways", str(solver), str(pairs)]
    ran = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True, cwd=ROOT, env=environment())
    return tuple(json.loads(ran.stdout))


class Bare(NamedTuple):
    """What the bare evaluation gave, and the seconds it took: calls and comparisons, nothing else."""

    verdicts: Verdicts
    seconds: float


def bare_evaluation(jobs: Sequence[Job]) -> Bare:
    """Call functions made beforehand, one after another: what no engine can beat on one core."""
    loaded = [(candidate.number, load_solver(candidate.text), task) for candidate, task in jobs]
    begin = time.perf_counter()
    verdicts = {number: check(solve, task) for number, solve, task in loaded}
    return Bare(verdicts, time.perf_counter() - begin)


def main(solver: str, pairs: str) -> None:
    """Check one solver file on one task file and print the words as JSON."""
    install_dsl()
    task = task_from_json(json.loads(Path(pairs).read_text(encoding="utf-8")))
    print(json.dumps(check(load_solver(Path(solver).read_text(encoding="utf-8")), task)))


if __name__ == "__main__":
    main(*sys.argv[1:])

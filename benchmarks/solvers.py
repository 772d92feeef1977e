"""Plain solver files: batt's evaluation stage against exec, a pool, a process each, threads, and bare calls."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from batt.inputs.tasks import Task, load_dataset
from benchmarks.corpus import DATASET, Candidate, mutated_candidates, write_lines
from benchmarks.measure import Outcome, Scale, Way, compare, require_equal
from benchmarks.ours import find_results, plain_verdicts, read_results, run_in_stages, run_of
from benchmarks.plain_ways import (
    Job,
    Verdicts,
    bare_evaluation,
    check,
    exec_in_a_pool,
    exec_in_one_process,
    exec_in_processes,
    exec_in_threads,
    install_dsl,
    jobs_of,
    load_solver,
)
from benchmarks.processes import BATT, adopt_orphans, cpu_now, run_command, scratch
from benchmarks.report import Report, Target, cpu_count

LIMIT = 1.1
"""Most that the evaluation stage may take, in bare evaluation time divided by the cores."""

SLOW_SECONDS = 0.25
"""Candidates that need more on a task are left out: on a busy machine they could run into batt's timeout of 1 s."""

BARE, EXEC, POOL, THREADS = "bare calls, 1 process", "exec, 1 process", "exec, multiprocessing.Pool", "exec, threads"
OURS, COMMAND = "batt, evaluation stage", "batt, whole command"


class Sizes(NamedTuple):
    """candidates: how many; rounds: of all ways; processes: how many candidates get a Python each."""

    candidates: int
    rounds: int
    processes: int


SIZES = {
    Scale.TINY: Sizes(12, 1, 2),
    Scale.QUICK: Sizes(400, 2, 8),
    Scale.USUAL: Sizes(2400, 5, 24),
    Scale.FULL: Sizes(10_000, 5, 48),
}
"""How much is measured."""


def measure(scale: Scale) -> Report:
    """Measure all ways on the same candidates."""
    sizes = SIZES[scale]
    cores = cpu_count()
    tasks = {task.id: task for task in load_dataset(DATASET).tasks}
    install_dsl()
    adopt_orphans()
    candidates = quick_candidates(mutated_candidates(sizes.candidates, seed=1), tasks)
    jobs = jobs_of(candidates, tasks)
    with scratch() as folder:
        lines = write_lines(folder / "candidates.jsonl", candidates)
        found = compare(ways(jobs, tasks, lines, cores), sizes.rounds, "solvers")
        each = cost_of_processes(jobs[:: max(1, len(jobs) // sizes.processes)][: sizes.processes], cores)
    bare, stage = found[BARE], found[OURS]
    ideal = bare.least / cores
    rows: list[tuple[str | int | float, ...]] = []
    for measured in found.values():
        times = measured.least / ideal
        rows.append((measured.name, measured.least, measured.median, measured.cpu, times, measured.cpu / bare.cpu))
    whole, whole_cpu = each.seconds * len(jobs), each.cpu_seconds * len(jobs)
    name = f"a Python each, {cores} at once (from {sizes.processes})"
    rows.append((name, whole, whole, whole_cpu, whole / ideal, whole_cpu / bare.cpu))
    times, cpu = stage.least / ideal, stage.cpu / bare.cpu
    text = f"evaluation, isolation and deadlines included, in at most {LIMIT} x bare time / {cores} cores"
    median_ms = 1000 * statistics.median(bare_seconds(jobs))
    return Report(
        "solvers",
        f"Plain solver files: {len(jobs)} candidates",
        ("way", "min s", "median s", "CPU s", "x ideal", "x bare CPU"),
        tuple(rows),
        (Target(text, f"{times:.2f} x by least wall time, {cpu:.2f} x by CPU time", times <= LIMIT),),
        (
            f"ideal: bare calls spread over {cores} cores without any cost, {ideal:.2f} s; CPU time tells what a way "
            "costs also where others use the machine",
            f"a candidate's median bare time over its pairs is {median_ms:.2f} ms",
            "every way gave the same verdict for every candidate and pair",
        ),
    )


def quick_candidates(candidates: Sequence[Candidate], tasks: dict[str, Task]) -> list[Candidate]:
    """Return the candidates that no way can run into a deadline with."""
    jobs = jobs_of(candidates, tasks)
    return [job[0] for job, seconds in zip(jobs, bare_seconds(jobs), strict=True) if seconds < SLOW_SECONDS]


def bare_seconds(jobs: Sequence[Job]) -> list[float]:
    """Return the CPU seconds of each candidate on all pairs of its task."""
    found = []
    for candidate, task in jobs:
        solve = load_solver(candidate.text)
        begin = time.thread_time()
        check(solve, task)
        found.append(time.thread_time() - begin)
    return found


def ways(jobs: Sequence[Job], tasks: dict[str, Task], lines: Path, cores: int) -> list[Way]:
    """Return all ways that run every candidate, the lower bound first."""

    def bare() -> Outcome:
        cpu = cpu_now()
        found = bare_evaluation(jobs)
        return Outcome(found.verdicts, found.seconds, min(found.seconds, cpu_now() - cpu))

    def stage() -> Outcome:
        with scratch() as folder:
            staged = run_in_stages(run_of(lines), folder, secrets.token_hex(4), cores)
            return Outcome(plain_verdicts(read_results(staged.results), tasks), staged.work, staged.work_cpu)

    def command() -> Outcome:
        with scratch() as folder:
            ran = run_command([*BATT, "validate", "-b", lines, "--results", folder, "--no-cache", "-j", str(cores)])
            verdicts = plain_verdicts(read_results(find_results(folder)), tasks)
            return Outcome(verdicts, ran.seconds, ran.cpu_seconds)

    return [
        Way(BARE, bare),
        Way(OURS, stage),
        Way(COMMAND, command),
        Way(POOL, timed(lambda: exec_in_a_pool(jobs, cores))),
        Way(EXEC, timed(lambda: exec_in_one_process(jobs)), 3),
        Way(THREADS, timed(lambda: exec_in_threads(jobs, cores)), 3),
    ]


def timed(run: Callable[[], Verdicts]) -> Callable[[], Outcome]:
    """Return a way's run with wall and CPU time taken."""

    def outcome() -> Outcome:
        cpu, begin = cpu_now(), time.perf_counter()
        verdicts = run()
        return Outcome(verdicts, time.perf_counter() - begin, cpu_now() - cpu)

    return outcome


def cost_of_processes(jobs: Sequence[Job], cores: int) -> Outcome:
    """Return what a candidate costs that gets a Python of its own, on average; verdicts must be the same."""
    outcome = timed(lambda: exec_in_processes(jobs, cores))()
    require_equal(exec_in_one_process(jobs), outcome.answer, "exec in one process and in a Python each")
    return Outcome(None, outcome.seconds / len(jobs), outcome.cpu_seconds / len(jobs))

"""From the start of the process to the first verdict: what a user waits for who validates one solver."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from batt.generator.modules import starter_solvers
from batt.inputs.tasks import Task, load_dataset, task_json
from benchmarks.corpus import DATASET
from benchmarks.measure import Outcome, Scale, Way, compare
from benchmarks.ours import find_results, plain_verdicts, read_results
from benchmarks.processes import BATT, ROOT, adopt_orphans, cpu_now, environment, run_command, scratch
from benchmarks.report import Report, Target

TASK = "007bbfb7"
"""The task of the reference's first example."""

LIMIT_SECONDS = 0.5
"""Most that the first verdict may take."""

ROUNDS = {Scale.TINY: 1, Scale.QUICK: 3, Scale.USUAL: 15, Scale.FULL: 31}
"""Rounds at each scale."""

POLL_SECONDS = 0.001
"""How often the results folder is looked at: the error of the first verdict's time."""

FIRST, WHOLE = "batt validate, first verdict stored", "batt validate, whole command"


def measure(scale: Scale) -> Report:
    """Measure the way to the first verdict, beside bare processes."""
    adopt_orphans()
    task = load_dataset(DATASET, [TASK]).tasks[0]
    with scratch() as folder:
        solver, pairs = folder / "1.jsonl", folder / "task.json"
        text = starter_solvers(TASK)[0][1].replace(f"def solve_{TASK}(I)", "def solve(S, I, C)")
        solver.write_text(json.dumps({"id": 1, "task": TASK, "source": text}) + "\n", encoding="utf-8")
        plain = folder / "solver.py"
        plain.write_text(text, encoding="utf-8")
        pairs.write_text(json.dumps(task_json(task)), encoding="utf-8")
        run_command(validate(solver, folder / "first"))  # keeps the bytecode of whatever was never imported here
        found = compare(ways(task, solver, plain, pairs), ROUNDS[scale], "startup")
    first = found[FIRST]
    rows = tuple((one.name, one.least, one.median, one.cpu) for one in found.values())
    return Report(
        "startup",
        "Start-up: one solver on one task",
        ("way", "min s", "median s", "CPU s"),
        rows,
        (
            Target(
                f"process start to first verdict in under {LIMIT_SECONDS} s",
                f"{first.median:.3f} s (median), {first.least:.3f} s (least)",
                first.median < LIMIT_SECONDS,
            ),
        ),
    )


def ways(task: Task, solver: Path, plain: Path, pairs: Path) -> list[Way]:
    """Return the ways; `plain` and `pairs` are the same solver and task as single files."""
    words = {1: ("correct",) * len(task.train + task.test)}

    def nothing() -> Outcome:
        ran = run_command([sys.executable, "-c", "pass"])
        return Outcome(words, ran.seconds, ran.cpu_seconds)

    def version() -> Outcome:
        ran = run_command([*BATT, "--version"])
        return Outcome(words, ran.seconds, ran.cpu_seconds)

    def script() -> Outcome:
        ran = run_command([sys.executable, "-m", "benchmarks.plain_ways", plain, pairs])
        return Outcome({1: tuple(json.loads(ran.output))}, ran.seconds, ran.cpu_seconds)

    def whole() -> Outcome:
        with scratch() as folder:
            ran = run_command(validate(solver, folder))
            return Outcome(verdicts(folder, task), ran.seconds, ran.cpu_seconds)

    def first() -> Outcome:
        with scratch() as folder:
            cpu = cpu_now()
            seconds = seconds_to_first_verdict(validate(solver, folder), folder)
            return Outcome(verdicts(folder, task), seconds, cpu_now() - cpu)

    return [
        Way(FIRST, first),
        Way(WHOLE, whole),
        Way("batt --version", version),
        Way("a Python that execs the solver", script),
        Way("python -c pass", nothing),
    ]


def validate(solver: Path, folder: Path) -> list[str]:
    """Return the command line that is measured."""
    return [*BATT, "validate", "-i", TASK, "-b", str(solver), "--results", str(folder), "--no-cache"]


def verdicts(folder: Path, task: Task) -> dict[int, tuple[str, ...]]:
    """Return what the results say."""
    return plain_verdicts(read_results(find_results(folder)), {task.id: task})


def seconds_to_first_verdict(command: list[str], folder: Path) -> float:
    """Run a command to its end; return the seconds until a shard's result, or a part of it, lay in the folder."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not any(folder.glob("*/*/shards/*.json.gz")) and not any(folder.glob("*/*/progress/*/*.json.gz")):
        if process.poll() is not None:
            break
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - begin
    if process.wait():
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return seconds

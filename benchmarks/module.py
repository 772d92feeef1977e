"""A whole task run of a batt module, all phases: batt against the way it is done today."""

from __future__ import annotations

import hashlib
import json
import secrets
import statistics
import sys
from pathlib import Path
from typing import Any

from batt.tasks import Task, load_dataset
from benchmarks.corpus import DATASET, MODULE_TASKS, generated_module
from benchmarks.measure import Measured, Outcome, Scale, Way, compare, ratio
from benchmarks.ours import find_results, pair_words, read_results, run_in_stages, run_of
from benchmarks.processes import BATT, adopt_orphans, cpu_now, run_command, scratch
from benchmarks.report import Report, Target, cpu_count

FACTOR = 20
"""How many times faster than the seed's way a whole run shall be."""

TASKS = {Scale.TINY: 1, Scale.QUICK: 2, Scale.USUAL: 5, Scale.FULL: 5}
"""How many of MODULE_TASKS are measured."""

ROUNDS = {Scale.TINY: 1, Scale.QUICK: 2, Scale.USUAL: 5, Scale.FULL: 9}
"""Rounds at each scale; the seed's way takes part in SEED_ROUNDS of them at most."""

SEED_ROUNDS = 3
"""It takes long, and what takes long is less noisy."""

STEPS, CANDIDATES = 1000, 32
"""Size of the modules, as the field's are."""

SEED, OURS, STAGES = "the seed's way", "batt validate", "batt, in process"


def measure(scale: Scale) -> Report:
    """Measure each task, then all of them together."""
    adopt_orphans()
    count = TASKS[scale]
    steps, candidates = (300, 8) if scale is Scale.TINY else (STEPS, CANDIDATES)
    found: list[dict[str, Measured]] = []
    rows: list[tuple[str | int | float, ...]] = []
    for task in load_dataset(DATASET, MODULE_TASKS[:count]).tasks:
        with scratch() as folder:
            module = generated_module(folder, task.id, seed=4, steps=steps, candidates=candidates)
            found.append(compare(ways(module, task), ROUNDS[scale], f"module on {task.id}"))
        rows.append(row(task.id, found[-1]))
    total = sum(one[SEED].median for one in found) / sum(one[OURS].median for one in found)
    middle = statistics.median(ratio(one[SEED], one[OURS]) for one in found)
    return Report(
        "module",
        f"A batt module on a task, all phases: {steps} steps, {candidates} candidates",
        ("task", "seed s", "batt s", "in process s", "batt min s", "seed CPU s", "batt CPU s", "factor", "in process"),
        tuple(rows),
        (
            Target(
                f"at least {FACTOR} x faster than the seed's way, whole commands",
                f"{total:.1f} x over all tasks, {middle:.1f} x for the middle one",
                total >= FACTOR,
            ),
        ),
        (
            "both use batt's own DSL, so that the factor is the engine's; both write the same files, byte for byte",
            "o scores, iz and zo scores, the kept candidates and their verdicts on every pair are the same",
            "seed, batt: whole commands, start of the process included; in process: plan, work and collect alone",
        ),
    )


def row(task: str, found: dict[str, Measured]) -> tuple[str | int | float, ...]:
    """Return a task's row."""
    seed, ours, stages = found[SEED], found[OURS], found[STAGES]
    seconds = seed.median, ours.median, stages.median, ours.least
    return task, *seconds, seed.cpu, ours.cpu, ratio(seed, ours), ratio(seed, stages)


def ways(module: Path, task: Task) -> list[Way]:
    """Return the three ways of running a module on a task."""
    cores = cpu_count()

    def seed() -> Outcome:
        with scratch() as folder:
            ran = run_command([sys.executable, "-m", "benchmarks.module_ways", module, task.id, folder])
            return Outcome(with_files(json.loads(ran.output), folder), ran.seconds, ran.cpu_seconds)

    def ours() -> Outcome:
        with scratch() as folder:
            name = module.with_suffix("")
            arguments = ["validate", "-i", task.id, "-b", name, "--results", folder, "--no-cache", "-j", str(cores)]
            ran = run_command([*BATT, *arguments])
            return Outcome(with_files(answer(find_results(folder), task), folder), ran.seconds, ran.cpu_seconds)

    def stages() -> Outcome:
        with scratch() as folder:
            cpu = cpu_now()
            staged = run_in_stages(run_of(module.with_suffix(""), [task.id]), folder, secrets.token_hex(4), cores)
            return Outcome(with_files(answer(staged.results, task), folder), staged.total, cpu_now() - cpu)

    return [Way(OURS, ours), Way(STAGES, stages), Way(SEED, seed, SEED_ROUNDS)]


def answer(path: Path, task: Task) -> dict[str, Any]:
    """Return what batt's results say, in the form of module_ways.run_batt."""
    entry = read_results(path)["tasks"][0]
    solvers = {
        f"{one['candidate'].partition('::')[2]} {one['solver_id']}": [one["score"], one["md5"], *pair_words(one, task)]
        for one in entry["candidates"]
        if one["kept"]
    }
    differs = {one["differ"]: [one["iz"], one["zo"]] for one in entry["differs"]}
    return {"outputs": entry["outputs"], "solvers": solvers, "differs": differs}


def with_files(value: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return an answer with the digest of every solver and differ text, and every link up to its score."""
    texts = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for kind in ("solver_md5", "differ_md5")
        for path in folder.glob(f"{kind}/*.py")
    }
    links = [
        path.relative_to(folder) for kind in ("solver_dir", "differ_dir") for path in folder.glob(f"{kind}/**/*.py")
    ]
    scores = sorted(f"{path.parent.parent}/{path.name}" for path in links)  # t_log between them is a time
    return {**value, "texts": texts, "links": scores}

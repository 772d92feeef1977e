"""A whole task run of a batt module, all phases: batt against the way it is done today."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
from pathlib import Path
from typing import Any

from batt.inputs.tasks import Task, load_dataset
from benchmarks.corpus import DATASET, MODULE_TASKS, generated_module
from benchmarks.logged_dsl import write_logged_dsl
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

SEED_ROUNDS, LOGGED_ROUNDS = 3, 1
"""They take long, and what takes long is less noisy."""

STEPS, CANDIDATES = 1000, 32
"""Size of the modules, as the field's are."""

SEED, LOGGED = "the seed's way", "the seed's way, its DSL"
OURS, STAGES = "batt validate", "batt, in process"
RUN = "the task run alone"


def measure(scale: Scale) -> Report:
    """Measure each task, then all of them together."""
    adopt_orphans()
    steps, candidates = (300, 8) if scale is Scale.TINY else (STEPS, CANDIDATES)
    found: list[dict[str, Measured]] = []
    rows: list[tuple[str | int | float, ...]] = []
    for task in load_dataset(DATASET, MODULE_TASKS[: TASKS[scale]]).tasks:
        with scratch() as folder:
            module = generated_module(folder, task.id, seed=4, steps=steps, candidates=candidates)
            dsl = write_logged_dsl(folder / "dsl")
            found.append(compare(ways(module, task, dsl), ROUNDS[scale], f"module on {task.id}"))
        rows.append(row(task.id, found[-1]))
    totals = [sum(one[name].median for one in found) for name in (SEED, LOGGED, OURS)]
    cpu = [sum(one[name].cpu for one in found) for name in (SEED, LOGGED, OURS)]
    factors = totals[0] / totals[2], totals[1] / totals[2], cpu[0] / cpu[2], cpu[1] / cpu[2]
    rows.append(
        ("all", *totals, *cpu, *factors[:2], sum(runs(one)[0] for one in found) / sum(runs(one)[1] for one in found))
    )
    return Report(
        "module",
        f"A batt module on a task, all phases: {steps} steps, {candidates} candidates",
        (
            "task",
            "seed s",
            "with its DSL s",
            "batt s",
            "seed CPU s",
            "with its DSL CPU s",
            "batt CPU s",
            "x seed",
            "x with its DSL",
            "x without start-up",
        ),
        tuple(rows),
        (
            target("the seed's way with its DSL, which logs every call", factors[1], factors[3]),
            target("the seed's way with batt's own DSL: the engine alone", factors[0], factors[2]),
        ),
        (
            "medians of whole commands, start of the process included; CPU: user and system time of all processes",
            "without start-up: plan, work and collect alone against the same of the seed's way, both with batt's DSL",
            "equal in all ways: o scores, iz and zo scores, the kept candidates, their verdicts on every pair, and "
            "every solver and differ file, byte for byte",
        ),
    )


def target(what: str, wall: float, cpu: float) -> Target:
    """Return the target of all tasks together."""
    text = f"whole commands, all tasks, at least {FACTOR} x faster than {what}"
    return Target(text, f"{wall:.1f} x by wall time, {cpu:.1f} x by CPU time", wall >= FACTOR)


def row(task: str, found: dict[str, Measured]) -> tuple[str | int | float, ...]:
    """Return a task's row."""
    seed, logged, ours = found[SEED], found[LOGGED], found[OURS]
    before, after = runs(found)
    walls, cpus = (seed.median, logged.median, ours.median), (seed.cpu, logged.cpu, ours.cpu)
    return task, *walls, *cpus, ratio(seed, ours), ratio(logged, ours), before / after


def runs(found: dict[str, Measured]) -> tuple[float, float]:
    """Return the seconds that the task run alone takes, in the seed's way and in batt."""
    return found[SEED].part(RUN), found[STAGES].median


def ways(module: Path, task: Task, dsl: Path) -> list[Way]:
    """Return the ways of running a module on a task."""
    cores = cpu_count()

    def seed(*other_dsl: Path) -> Outcome:
        with scratch() as folder:
            arguments: list[str | Path] = [module, task.id, folder, *other_dsl]
            ran = run_command([sys.executable, "-m", "benchmarks.module_ways", *arguments])
            seconds, found = json.loads(ran.output)
            return Outcome(with_files(found, folder), ran.seconds, ran.cpu_seconds, ((RUN, seconds),))

    def ours() -> Outcome:
        with scratch() as folder:
            command: list[str | Path] = [*BATT, "validate", "-i", task.id, "-b", module.with_suffix("")]
            ran = run_command([*command, "--results", folder, "--no-cache", "-j", str(cores)])
            return Outcome(with_files(answer(find_results(folder), task), folder), ran.seconds, ran.cpu_seconds)

    def stages() -> Outcome:
        with scratch() as folder:
            cpu = cpu_now()
            staged = run_in_stages(run_of(module.with_suffix(""), [task.id]), folder, secrets.token_hex(4), cores)
            return Outcome(with_files(answer(staged.results, task), folder), staged.total, cpu_now() - cpu)

    return [
        Way(OURS, ours),
        Way(STAGES, stages),
        Way(SEED, seed, SEED_ROUNDS),
        Way(LOGGED, lambda: seed(dsl), LOGGED_ROUNDS),
    ]


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

"""Validating a batt module as it is done today: the module run again and again in threads, texts by rewriting trees.

    check_batt   batt(...) on every sample, and once more for every candidate on every sample, for the differ values
    filter       the steps a candidate needs, by its calls as text; one candidate a body
    inline       each body's tree rewritten to one expression
    validate     each inlined text executed, on every pair, in a thread with a deadline
    files        one text and one link a solver; the same for differs

Names, texts and scores are those of the reference, so that everything written can be compared byte for byte. It runs
as a command, `python -m benchmarks.module_ways NAME.py TASK FOLDER [DSL]`, with batt's own DSL if no other is given.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import os
import sys
import time
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple

from batt.inputs.tasks import Pair, Task, load_dataset
from batt.solver.language import default_of
from benchmarks.corpus import DATASET
from benchmarks.module_texts import Inlined, body_of, expand, inline
from benchmarks.plain_ways import install_dsl

THREADS = 4
"""Threads of the pool, as the original has them."""

KEEP = 32
"""Candidates kept."""

TIMEOUT_SECONDS = 600.0
"""Deadline of a thread; none of these modules should meet it, for then the answers would differ."""

NEUTRAL = "None"
"""The solver id under which each differ is applied to I itself."""


class Candidate(NamedTuple):
    """One output of the module: the step that gave it, whether it is evolved, whose it is, its value."""

    step: int
    is_evolved: bool
    solver_id: str
    value: Any  # a DSL value


class Scores:
    """What the module's runs add up to: o scores by (step, solver), [iz, zo] by (step, solver, differ)."""

    def __init__(self) -> None:
        self.candidates: set[Candidate] = set()
        self.o: dict[tuple[int, str], int] = {}
        self.differs: dict[tuple[int, str, str], list[int]] = {}
        self.differ_steps: dict[str, int] = {}

    def add_output(self, candidate: Candidate, expected: Any) -> None:
        """Count an output of one sample."""
        self.candidates.add(candidate)
        key = candidate.step, candidate.solver_id
        self.o[key] = self.o.get(key, 0) + (candidate.value == expected)

    def add_differs(self, candidate: Candidate, values: Sequence[tuple[int, str, str, Any]]) -> None:
        """Count the differ values of one run for a candidate: those of the neutral solver and its own."""
        for step, solver_id, differ, value in values:
            if solver_id not in {NEUTRAL, candidate.solver_id}:
                continue
            score = self.differs.setdefault((candidate.step, candidate.solver_id, differ), [0, 0])
            if solver_id == NEUTRAL:
                self.differ_steps[differ] = step
            if type(value) is tuple and value and type(value[0]) is int:
                is_zero = value[0] == 0
                score[0] += not is_zero if solver_id == NEUTRAL else is_zero
                score[1] += is_zero if solver_id == NEUTRAL else not is_zero


class Solver(NamedTuple):
    """A kept candidate's program in all its texts, its o score, and the candidate it came from."""

    step: int
    solver_id: str
    score: int
    body: str


class Checked(NamedTuple):
    """What validation found: a word a pair, and the seconds all of them took."""

    words: tuple[str, ...]
    seconds: float


def load_module(path: Path) -> tuple[Callable[..., Any], dict[int, str]]:
    """Return `batt` and `t_call` of a module's two files, by executing both."""
    sys.modules["safe_dsl"] = types.ModuleType("safe_dsl")
    sys.modules["safe_dsl"].__dict__["_get_safe_default"] = default_of
    sys.modules["batt_gpu"] = types.ModuleType("batt_gpu")
    sys.modules["batt_gpu"].__dict__["batch_process_samples_gpu"] = process_samples
    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), names)
    exec(path.with_name(f"{path.stem}_call.py").read_text(encoding="utf-8"), names)
    return names["batt"], names["t_call"]


def process_samples(samples: Any) -> tuple[Any, ...]:
    """Return the four values of the module's batch line."""
    dsl: Any = sys.modules["dsl"]
    inputs, outputs = dsl.apply(dsl.first, samples), dsl.apply(dsl.last, samples)
    return inputs, outputs, dsl.mapply(dsl.palette, inputs), dsl.mapply(dsl.palette, outputs)


async def in_thread(pool: ThreadPoolExecutor, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a thread; a deadline ends the waiting, not the thread."""
    loop = asyncio.get_running_loop()
    return await asyncio.wait_for(loop.run_in_executor(pool, function, *arguments), TIMEOUT_SECONDS)


async def check_batt(batt_function: Callable[..., Any], task: Task, pool: ThreadPoolExecutor) -> Scores:
    """Run the module on all samples, all at once in threads."""
    scores = Scores()
    demos = tuple((pair.input, pair.output) for pair in task.train)

    async def run(sample: Any, output: Any) -> Any:
        return await in_thread(pool, batt_function, task.id, demos, sample, output, None)

    async def check_sample(pair: Pair, is_demo: bool) -> None:
        outputs, _ = await run(pair.input, None)
        for found in outputs:
            candidate = Candidate(*found)
            scores.add_output(candidate, pair.output)
            _, differ_values = await run(pair.input, pair.output if is_demo else candidate.value)
            scores.add_differs(candidate, differ_values)

    samples = [check_sample(pair, is_demo=True) for pair in task.train]
    samples += [check_sample(pair, is_demo=False) for pair in task.test]
    await asyncio.gather(*samples)
    return scores


def filter_candidates(scores: Scores, calls: dict[int, str]) -> list[Solver]:
    """Return the best candidates with different bodies."""
    found: dict[str, Solver] = {}
    for candidate in sorted(scores.candidates, key=lambda one: one.step):
        body = body_of(candidate.step, calls)
        score = scores.o[candidate.step, candidate.solver_id]
        found.setdefault(md5(body.encode()).hexdigest(), Solver(candidate.step, candidate.solver_id, score, body))
    return sorted(found.values(), key=lambda one: (-one.score, one.step))[:KEEP]


def check_solver(inlined: Inlined, task: Task) -> Checked:
    """Execute an inlined text and call it on every pair."""
    names: dict[str, Any] = {}
    exec(f"from dsl import *\nfrom constants import *\n{inlined.text}", names)
    demos = tuple((pair.input, pair.output) for pair in task.train)
    words = []
    begin = time.perf_counter()
    for pair in task.train + task.test:
        try:
            words.append("correct" if names["solve"](demos, pair.input, None) == pair.output else "wrong")
        except Exception:  # noqa: BLE001 # a solver may raise anything: that is its verdict
            words.append("error")
    return Checked(tuple(words), time.perf_counter() - begin)


def check_differ(inlined: Inlined, task: Task) -> float:
    """Execute an inlined differ on every demo; return the seconds."""
    names: dict[str, Any] = {}
    exec(f"from dsl import *\nfrom constants import *\n{inlined.text}", names)
    demos = tuple((pair.input, pair.output) for pair in task.train)
    begin = time.perf_counter()
    for pair in task.train:
        names["differ"](demos, pair.input, pair.output)
    return time.perf_counter() - begin


def time_class(seconds: float) -> int:
    """Return t_log."""
    return 11 - int(math.log(seconds)) if seconds > 0 else 10


def write_program(folder: Path, kind: str, links: Sequence[str], inlined: Inlined, text: str) -> None:
    """Write a program's file unless it is there, and its links, replaced if they are there."""
    file = folder / f"{kind}_md5" / f"{inlined.md5}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text(text, encoding="utf-8")
    for place in links:
        link = folder / f"{kind}_dir" / place / f"{inlined.md5}.py"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(file, link.parent))


async def run_batt(path: Path, task: Task, folder: Path) -> dict[str, Any]:
    """Do all phases; return what they found out, for comparison."""
    batt_function, calls = load_module(path)
    with ThreadPoolExecutor(THREADS) as pool:
        scores = await check_batt(batt_function, task, pool)
        solvers = filter_candidates(scores, calls)
        header = "def solve(S, I, C):"
        inlined = await asyncio.gather(*[in_thread(pool, inline, solver.body, header) for solver in solvers])
        checked = await asyncio.gather(*[in_thread(pool, check_solver, one, task) for one in inlined])
        for solver, text, found in zip(solvers, inlined, checked, strict=True):
            place = f"solve_{task.id}/{solver.score}/{time_class(found.seconds)}"
            write_program(folder, "solver", [place], text, expand(text, header))
        best = await write_differs(scores, solvers, calls, task, folder, pool)
    return {
        "outputs": len(scores.candidates),
        "solvers": {
            f"t{solver.step} {solver.solver_id}": [solver.score, text.md5, *found.words]
            for solver, text, found in zip(solvers, inlined, checked, strict=True)
        },
        "differs": best,
    }


async def write_differs(
    scores: Scores,
    solvers: Sequence[Solver],
    calls: dict[int, str],
    task: Task,
    folder: Path,
    pool: ThreadPoolExecutor,
) -> dict[str, list[int]]:
    """Write the differs' files and links; return the best [iz, zo] of each over the kept solvers."""
    best: dict[str, list[int]] = {}
    for solver in solvers:
        for differ in scores.differ_steps:
            score = scores.differs.get((solver.step, solver.solver_id, differ))
            if score:
                best[differ] = [max(pair) for pair in zip(best.get(differ, [0, 0]), score, strict=True)]
    header = "def differ(S, I, C):"
    names = sorted(best)
    bodies = [body_of(scores.differ_steps[name], calls) for name in names]
    inlined = await asyncio.gather(*[in_thread(pool, inline, body, header) for body in bodies])
    seconds = await asyncio.gather(*[in_thread(pool, check_differ, one, task) for one in inlined])
    for name, text, taken in zip(names, inlined, seconds, strict=True):
        places = [
            f"{kind}/solve_{task.id}/{score}/{time_class(taken)}"
            for kind, score in zip(("iz", "zo"), best[name], strict=True)
        ]
        write_program(folder, "differ", places, text, expand(text, header))
    return best


def main(module: str, task_id: str, folder: str, dsl: str = "") -> None:
    """Run everything and print, as JSON, the seconds it took and what it found out; `dsl`: folder of another DSL."""
    if dsl:
        sys.path.insert(0, dsl)
        importlib.import_module("dsl")
    else:
        install_dsl()
    begin = time.perf_counter()
    task = load_dataset(DATASET, [task_id]).tasks[0]
    found = asyncio.run(run_batt(Path(module), task, Path(folder)))
    print(json.dumps([time.perf_counter() - begin, found]))


if __name__ == "__main__":
    main(*sys.argv[1:])

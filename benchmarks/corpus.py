"""What is measured with: batt modules and plain candidates made from the starter set, tasks of ARC-AGI-1."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import NamedTuple

from batt.generator.modules import read_solver, starter_solvers, write_module
from batt.generator.mutation import detour, drop_step, swap_constant, swap_primitive
from batt.generator.offspring import CHANGES, program_text
from batt.solver.program import Program, pruned
from batt.solver.texts import body_text, expanded_text

DATASET = "arc-agi-1/training"
"""Where the tasks come from."""

MODULE_TASKS = ("007bbfb7", "00d62c1b", "5521c0d9", "1cf80156", "484b58aa")
"""Tasks on which modules are measured: small and large grids, 4 to 6 pairs."""

MODULE_NAME = "benchmarked"
"""Name of the generated modules."""


class Candidate(NamedTuple):
    """A plain solver text for one task. `number`: its line in a JSON lines file, from 1."""

    number: int
    task: str
    text: str


def generated_module(folder: Path, task: str, seed: int, steps: int = 1000, candidates: int = 32) -> Path:
    """Write a batt module for a task, in which every step is guarded against all exceptions; return NAME.py.

    A step that raises what no guard catches ends the original's run of the whole module; so guarded, both run on.
    """
    solvers = starter_solvers(task)
    return write_module(folder, MODULE_NAME, solvers, seed, steps, candidates, guards=("Exception",))[0]


def mutated_candidates(count: int, seed: int) -> list[Candidate]:
    """Return `count` different candidates: the starter solvers, then mutants of them, each for its parent's task.

    Every solver has equally many mutants, so that a candidate costs the same in a small set as in a large one.
    """
    rng = random.Random(seed)
    parents = [(task, read_solver(task, text).program) for task, text in starter_solvers()]
    found: list[Candidate] = []
    seen: set[tuple[str, str]] = set()
    while len(found) < count:
        for task, parent in parents[: count - len(found)]:
            program = mutated(parent, rng) if len(found) >= len(parents) else parent
            while (task, body_text(program)) in seen or program_text(program) is None:
                program = detour(mutated(parent, rng), rng)
            seen.add((task, body_text(program)))
            found.append(Candidate(len(found) + 1, task, expanded_text(program)))
    return found


def mutated(program: Program, rng: random.Random) -> Program:
    """Return the program with one to three small changes, as an evolution of solvers makes them."""
    for _ in range(rng.choice(CHANGES)):
        program = pruned(rng.choice((swap_constant, swap_primitive, drop_step, detour))(program, rng))
    return program


def write_lines(path: Path, candidates: list[Candidate]) -> Path:
    """Write candidates as JSON lines; return the path."""
    with path.open("w", encoding="utf-8") as file:
        for candidate in candidates:
            file.write(json.dumps({"id": candidate.number, "task": candidate.task, "source": candidate.text}) + "\n")
    return path

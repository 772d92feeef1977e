"""The DSL's hot primitives against plain ones, over real grids, and the whole starter set on both."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import batt.dsl
from batt.generator.modules import starter_solvers
from batt.inputs.tasks import Grid, Task, load_dataset
from benchmarks import plain_dsl
from benchmarks.corpus import DATASET
from benchmarks.measure import Measured, Outcome, Scale, Way, compare, ratio
from benchmarks.plain_ways import check, install_dsl, load_solver
from benchmarks.report import Report

GRIDS = {Scale.TINY: 4, Scale.QUICK: 40, Scale.USUAL: 120, Scale.FULL: 400}
"""How many inputs of training tasks, evenly spread over them."""

ROUNDS = {Scale.TINY: 1, Scale.QUICK: 3, Scale.USUAL: 7, Scale.FULL: 15}
"""Rounds at each scale."""

OBJECTS_A_GRID = 8
"""Most objects of a grid that are measured with: some grids have hundreds."""

PLAIN, OURS = "plain", "batt.dsl"
SETS = "the starter set, all pairs"


class Primitive(NamedTuple):
    """A primitive and the arguments it is called with, many calls in a row."""

    name: str
    calls: tuple[tuple[Any, ...], ...]


def measure(scale: Scale) -> Report:
    """Measure each primitive, then the starter set."""
    tasks = load_dataset(DATASET).tasks
    grids = [task.train[0].input for task in tasks[:: max(1, len(tasks) // GRIDS[scale])]][: GRIDS[scale]]
    rows: list[tuple[str | int | float, ...]] = []
    for primitive in primitives(grids):
        found = compare(primitive_ways(primitive), ROUNDS[scale], primitive.name)
        rows.append(row(primitive.name, len(primitive.calls), found))
    rows.sort(key=lambda one: -float(one[-1]))
    solvers = starter_jobs(tasks, 5 if scale is Scale.TINY else 1000)
    found = compare(solver_ways(solvers), ROUNDS[scale], SETS)
    rows.append(row(SETS, sum(len(task.train + task.test) for _, task in solvers), found))
    return Report(
        "dsl",
        "DSL: batt.dsl against plain implementations of the same definition",
        ("primitive", "calls", "plain ms", "batt.dsl ms", "factor"),
        tuple(rows),
        notes=(
            f"inputs: {len(grids)} grids of ARC-AGI-1 training tasks and objects of them; both give equal values",
            "plain: comprehensions as the definition words them, benchmarks/plain_dsl.py; "
            "no logging, no wrappers, primitives that are not hot taken from batt.dsl",
        ),
    )


def row(name: str, calls: int, found: dict[str, Measured]) -> tuple[str | int | float, ...]:
    """Return one row: medians in milliseconds, and the ratio."""
    plain, ours = found[PLAIN], found[OURS]
    return name, calls, 1000 * plain.median, 1000 * ours.median, ratio(plain, ours)


def primitives(grids: Sequence[Grid]) -> Iterator[Primitive]:
    """Yield the hot primitives with calls on grids and on the objects in them."""
    found = [
        sorted(batt.dsl.objects(grid, True, False, True), key=lambda obj: (len(obj), sorted(obj)))[-OBJECTS_A_GRID:]
        for grid in grids
    ]
    neighbours = tuple(pair for some in found for pair in pairwise(some))
    patches = [(obj,) for some in found for obj in some]
    pairs = list(zip(grids, found, strict=True))
    for name in ("toindices", "normalize", "uppermost", "ulcorner", "lrcorner", "shape", "center", "backdrop", "box"):
        yield Primitive(name, tuple(patches))
    yield Primitive("delta", tuple(patches))
    yield Primitive("shift", tuple((obj, (2, -1)) for (obj,) in patches))
    yield Primitive("recolor", tuple((3, obj) for (obj,) in patches))
    yield Primitive("neighbors", tuple((location,) for grid in grids for location in batt.dsl.asindices(grid)))
    yield Primitive("manhattan", neighbours)
    yield Primitive("gravitate", neighbours)
    yield Primitive("asobject", tuple((grid,) for grid in grids))
    yield Primitive("ofcolor", tuple((grid, 0) for grid in grids))
    yield Primitive("objects", tuple((grid, True, True, True) for grid in grids))
    yield Primitive("fgpartition", tuple((grid,) for grid in grids))
    yield Primitive("occurrences", tuple((grid, obj) for grid, some in pairs for obj in some if len(obj) <= 30))
    yield Primitive("subgrid", tuple((obj, grid) for grid, some in pairs for obj in some))
    yield Primitive("fill", tuple((grid, 4, obj) for grid, some in pairs for obj in some))
    yield Primitive("paint", tuple((grid, obj) for grid, some in pairs for obj in some))
    yield Primitive("merge", tuple((frozenset(some),) for some in found))


def primitive_ways(primitive: Primitive) -> list[Way]:
    """Return both ways of making a primitive's calls."""

    def run(function: Callable[..., Any]) -> Callable[[], Outcome]:
        def outcome() -> Outcome:
            calls = primitive.calls
            begin = time.perf_counter()
            values = [function(*arguments) for arguments in calls]
            return Outcome(values, time.perf_counter() - begin)

        return outcome

    ours, plain = getattr(batt.dsl, primitive.name), getattr(plain_dsl, primitive.name)
    return [Way(OURS, run(ours)), Way(PLAIN, run(plain))]


def starter_jobs(tasks: Sequence[Task], count: int) -> list[tuple[str, Task]]:
    """Return the text of each starter solver, as `solve`, with its task."""
    by_id = {task.id: task for task in tasks}
    return [(text.replace(f"solve_{task}(", "solve("), by_id[task]) for task, text in starter_solvers()[:count]]


def solver_ways(jobs: Sequence[tuple[str, Task]]) -> list[Way]:
    """Return both ways of running the solvers, the functions made beforehand."""

    def run(names: dict[str, Any] | None) -> Callable[[], Outcome]:
        install_dsl(names)
        solvers = [(with_three_parameters(load_solver(text)), task) for text, task in jobs]

        def outcome() -> Outcome:
            begin = time.perf_counter()
            verdicts = {task.id: check(solve, task) for solve, task in solvers}
            return Outcome(verdicts, time.perf_counter() - begin)

        return outcome

    return [Way(OURS, run(None)), Way(PLAIN, run(plain_dsl.plain_names()))]


def with_three_parameters(solve: Callable[..., Any]) -> Callable[..., Any]:
    """Return a solver as a function of S, I and C, whatever it takes."""
    if len(inspect.signature(solve).parameters) == 3:
        return solve
    return lambda _samples, grid, _candidate: solve(grid)

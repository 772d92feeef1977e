"""Small runs for tests: three tiny tasks, candidates as texts, and the stages called in this process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from batt.api import BenchmarkRun
from batt.engine.child import Limits
from batt.engine.pool import Engine
from batt.manifest import Manifest, RunRef
from batt.plan import plan
from batt.runfile import parse_run
from batt.store import DirectoryStore, ObjectStore, read_json
from batt.work import work

TURN, MIRROR, SAME = "1a1a1a1a", "2b2b2b2b", "3c3c3c3c"
"""The tasks: turn the grid to the right, mirror it top to bottom, leave it."""

GRIDS = ([[1, 2], [3, 4]], [[5, 0, 1], [2, 7, 7]], [[6]], [[8, 9, 8], [1, 1, 2], [0, 0, 3]])
"""Inputs of every task: three train pairs and a test pair."""

SOLVE_TURN = "def solve_1a1a1a1a(I):\n    return rot90(I)\n"
SOLVE_MIRROR = "def solve_2b2b2b2b(S, I, C):\n    O = hmirror(I)\n    return O\n"
SOLVE_SAME = "def solve_3c3c3c3c(I):\n    x1 = rot180(I)\n    O = rot180(x1)\n    return O\n"
"""Solvers that are right on their task."""


def doubled(function: str, times: int) -> str:
    """Return a solver that applies a function 2**times times over: with enough of them, it does not end."""
    lines = [f"    x1 = compose({function}, {function})"]
    lines += [f"    x{n} = compose(x{n - 1}, x{n - 1})" for n in range(2, times + 1)]
    return "\n".join(["def solve(I):", *lines, f"    O = x{times}(I)", "    return O", ""])


ENDLESS = doubled("rot90", 40)
"""Runs for ever in Python code."""

ENDLESS_IN_C = "\n".join(
    [
        "def solve(I):",
        "    x1 = multiply(9, 9)",
        *(f"    x{n} = multiply(x{n - 1}, x{n - 1})" for n in range(2, 31)),
        "    return canvas(x30, UNITY)",
        "",
    ]
)
"""Computes a number of a billion digits: a call that never comes back to Python."""

MEMORY_EATER = "def solve(I):\n    x1 = repeat(I, 1000000000)\n    O = first(x1)\n    return O\n"
"""Asks for 8 GB."""

STACK_SMASHER = "\n".join(
    [
        "def solve(I):",
        "    x1 = rbind(astuple, ONE)",
        "    x2 = power(x1, 900)",
        "    x3 = x2(I)",
        *(f"    x{n} = x2(x{n - 1})" for n in range(4, 204)),
        "    x204 = initset(x203)",
        "    O = first(x204)",
        "    return O",
        "",
    ]
)
"""Hashes a tuple 180,000 deep: the process ends with SIGSEGV."""

RAISING = "def solve(I):\n    x1 = objects(I, T, F, F)\n    x2 = size(ONE)\n    O = canvas(x2, UNITY)\n    return O\n"
"""Raises TypeError at its second step (its first one is not needed by the result, so that is step 1)."""


def turned(grid: list[list[int]]) -> list[list[int]]:
    """Return the grid turned to the right."""
    return [list(row) for row in zip(*grid[::-1], strict=True)]


def tasks_json() -> dict[str, Any]:
    """Return the tasks in ARC's form."""
    outputs = {TURN: [turned(grid) for grid in GRIDS], MIRROR: [grid[::-1] for grid in GRIDS], SAME: GRIDS}
    pairs = {
        task: [{"input": grid, "output": output} for grid, output in zip(GRIDS, grids, strict=True)]
        for task, grids in outputs.items()
    }
    return {task: {"train": known[:3], "test": known[3:]} for task, known in pairs.items()}


def write_inputs(base: Path, candidates: Mapping[str, str]) -> None:
    """Write tasks.json and the candidates' files (path under `candidates` -> text) into a folder."""
    base.mkdir(parents=True, exist_ok=True)
    (base / "tasks.json").write_text(json.dumps(tasks_json()))
    for path, text in candidates.items():
        file = base / "candidates" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def make_run(name: str = "small", spec: Mapping[str, Any] | None = None, **solvers: object) -> BenchmarkRun:
    """Return a run over what write_inputs wrote; keywords are fields of spec.solvers, `spec` others of the spec."""
    defaults = {"dataset": "tasks.json", "candidates": "candidates"}
    return parse_run(
        {
            "apiVersion": "batt.dev/v1alpha1",
            "kind": "BenchmarkRun",
            "metadata": {"name": name},
            "spec": {**(spec or {}), "solvers": {**defaults, **solvers}},
        }
    )


def plan_run(base: Path, run: BenchmarkRun, uid: str = "00000001", root: ObjectStore | None = None) -> Manifest:
    """Plan a run over the inputs in `base`, its results under base/results unless told otherwise."""
    ref = RunRef(run.metadata.namespace, run.metadata.name, uid)
    return plan(run, ref, root or results_of(base), base)


def results_of(base: Path) -> DirectoryStore:
    """Return the results folder of runs in `base`."""
    return DirectoryStore(base / "results")


def engine_for(manifest: Manifest) -> Engine:
    """Return an engine as `batt work` makes it: with one child."""
    solvers = manifest.spec["solvers"]
    return Engine(1, solvers["dsl"], None, Limits(solvers["timeoutSeconds"], solvers["memoryBytes"]))


def work_on(manifest: Manifest, root: ObjectStore, shards: Iterable[int] | None = None) -> None:
    """Evaluate some shards of a run, all by default."""
    with engine_for(manifest) as engine:
        for index in range(len(manifest.shards)) if shards is None else shards:
            work(manifest, index, root, engine)


def results_json(root: ObjectStore, path: str) -> dict[str, Any]:
    """Return results.json."""
    value: dict[str, Any] = read_json(root, path)
    return value


def as_written(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return what identifies everything in a folder now: what is written anew differs, what is read does not."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {path: (status.st_ino, status.st_mtime_ns, status.st_ctime_ns) for path, status in found.items()}

"""A folder of candidates of every kind, good and hostile, and the run file over it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

import batt
from batt.generator.modules import starter_solvers, write_module
from tests.runs import ENDLESS, ENDLESS_IN_C, MEMORY_EATER, RAISING, STACK_SMASHER

STARTER = Path(batt.__file__).parent / "starter" / "solvers"

TASKS = ("007bbfb7", "1cf80156", "25ff71a9", "67a3c6ac", "68b16354", "d10ecb37")
"""Tasks that starter solvers solve, small ones."""

FOREIGN = "74dd1130"
"""A task of the dataset that the run does not ask for."""


def on_task(text: str, task: str) -> str:
    """Return a solver's text with its function named for a task."""
    return text.replace("def solve(", f"def solve_{task}(")


def write_candidates(folder: Path) -> None:
    """Write the candidates; each hostile one is for one task, so that a run takes seconds."""
    folder.mkdir(parents=True)
    for task in (*TASKS, FOREIGN):
        shutil.copy(STARTER / f"solve_{task}.py", folder / f"solve_{task}.py")
    write_module(folder, "module", starter_solvers(TASKS[0]), seed=3, steps=400, candidates=20, differs=10)
    texts = {
        "again.py": (STARTER / f"solve_{TASKS[1]}.py").read_text(),
        "hostile/endless.py": on_task(ENDLESS, TASKS[0]),
        "hostile/endless_in_c.py": on_task(ENDLESS_IN_C, TASKS[1]),
        "hostile/memory.py": on_task(MEMORY_EATER, TASKS[2]),
        "hostile/stack.py": on_task(STACK_SMASHER, TASKS[3]),
        "hostile/raising.py": on_task(RAISING, TASKS[4]),
        "hostile/syntax.py": "def solve(I):\n    return (\n",
        "hostile/import.py": "import os\nos.abort()\n",
        "hostile/attribute.py": "def solve(I):\n    return I.__class__\n",
        "every_task.py": "def solve(I):\n    x1 = rot90(I)\n    O = rot270(x1)\n    return O\n",
        "many.py": "".join(f"def solve_{task}(I):\n    return hconcat(I, I)\n" for task in TASKS),
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    texts_of_lines = [f"def solve(I):\n    return replace(I, {n % 10}, 5)\n" for n in range(40)]
    lines = [{"id": f"line{n}", "task": TASKS[n % 6], "code": text} for n, text in enumerate(texts_of_lines)]
    lines.append({"id": "no text", "task": TASKS[0]})
    (folder / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_run(path: Path, name: str = "mixed", spec: dict[str, Any] | None = None, **solvers: Any) -> Path:
    """Write a run file; keywords are fields of spec.solvers, `spec` others of the spec."""
    defaults = {"dataset": "arc-agi-1/training", "tasks": list(TASKS), "candidates": "candidates"}
    limits = {"timeoutSeconds": 0.2, "memoryBytes": 2**28}
    data = {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": name},
        "spec": {**(spec or {}), "solvers": {**defaults, **limits, **solvers}},
    }
    path.write_text(yaml.safe_dump(data))
    return path


def write_slow(folder: Path, count: int, doublings: int = 11) -> None:
    """Write solvers that take some milliseconds each, in one file of JSON lines."""
    chain = "".join(f"    x{n} = compose(x{n - 1}, x{n - 1})\n" for n in range(2, doublings + 1))
    with (folder / "slow.jsonl").open("w") as file:
        for n in range(count):
            task = TASKS[n % len(TASKS)]
            text = (
                f"def solve(I):\n    x1 = compose(rot90, rot90)\n{chain}    x98 = canvas({n}, UNITY)\n"
                f"    x99 = x{doublings}(I)\n    O = astuple(x99, x98)\n    return O\n"
            )
            file.write(json.dumps({"id": f"slow{n}", "task": task, "code": text}) + "\n")

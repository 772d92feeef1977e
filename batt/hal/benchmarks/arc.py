"""ARC tasks: the outputs of the test pairs are to be found, as grids or by a solver program in batt's DSL.

A program is data here too: batt's engine reads and evaluates it in children of its own, nothing is executed as text. It
counts when it is right on every pair, those that the agent saw among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batt.api import DATASETS
from batt.engine.child import Limits
from batt.engine.pool import Died, Engine, Item
from batt.errors import Fault, InputError, SpecError, shown
from batt.hal.benchmarks.base import (
    Evaluation,
    PerTask,
    Source,
    Task,
    answer_of,
    right,
    stop_if_asked,
    wrong,
)
from batt.hal.benchmarks.fences import code_of
from batt.hal.benchmarks.options import number, one_of, option_faults
from batt.hal.sandbox import Sandbox
from batt.inputs.tasks import LARGEST_SIDE, Grid, load_dataset
from batt.inputs.tasks import Task as ArcTask
from batt.reading import claimed_task
from batt.solver.language import BUILTIN
from batt.solver.verdicts import Verdict, pair_from_json

DATASET = "arc-agi-1/evaluation"
"""The tasks, where neither `dataset` nor `spec.hal.data` says which."""

ATTEMPTS = 2
"""Most guesses at a task's outputs, as the ARC Prize allows."""

TIMEOUT_SECONDS = 1.0
"""CPU seconds of a program on a pair, where `timeoutSeconds` says nothing; as spec.solvers has it."""

MEMORY_BYTES = 512 * 2**20
"""Memory of a program; as spec.solvers has it."""

OPTIONS = {"dataset": one_of(*DATASETS), "timeoutSeconds": number(0.01, 3600)}
"""What can be chosen."""

FORMS = (
    'must be a list of grids, one a test pair, {"attempts": [at most 2 such lists]} or '
    '{"program": "def solve_<id>(I): ..."}'
)
"""What a submission may be."""


class Arc(PerTask):
    """ARC tasks; scored by the true grids, of submitted grids or of what a submitted solver program computes."""

    name = "arc"
    hidden = frozenset({"outputs"})

    def tasks(self, source: Source) -> list[Task]:
        """Return the tasks of a dataset that batt knows by name, or of a file or folder of ARC JSON."""
        faults = option_faults(source.options, OPTIONS)
        if source.data is not None and "dataset" in source.options:
            rule = "must not stand together with spec.hal.data"
            faults.append(Fault("spec.hal.options.dataset", shown(source.options["dataset"]), rule, "keep one of them"))
        if faults:
            raise SpecError(faults)
        uri = str(source.data) if source.data is not None else source.options.get("dataset", DATASET)
        dataset = load_dataset(uri, (), Path())
        if dataset.refused:  # a benchmark without some of its tasks is another benchmark
            raise InputError("\n".join(map(str, dataset.refused)))
        return [as_task(task) for task in dataset.tasks]

    def evaluate(self, task: Task, submission: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return the part of the test pairs whose output was found; for a program 1 or 0."""
        match answer_of(submission):
            case str(program) | {"program": str(program)}:
                return self.evaluate_program(task, code_of(program), options, sandbox)
            case {"attempts": list(attempts)} if len(attempts) <= ATTEMPTS:
                return evaluate_grids(task, attempts)
            case list(answer):
                return evaluate_grids(task, [answer])
        return wrong(f"the submission is of another form; {FORMS}")

    def evaluate_program(self, task: Task, text: str, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return 1 for a program that is right on every pair of its task."""
        if not text.strip():
            return wrong("the program is empty")
        limits = Limits(float(options.get("timeoutSeconds", TIMEOUT_SECONDS)), MEMORY_BYTES)
        with Engine(1, BUILTIN, None, limits) as engine:
            program = read_program(engine, task.id, text, sandbox)
            if isinstance(program, Fault):
                return wrong(str(program))
            return check_program(engine, task, program, sandbox)

    def oracle(self, task: Task) -> Any:
        """Return the true grids."""
        return task.truth["outputs"]


def as_task(task: ArcTask) -> Task:
    """Return an ARC task, the outputs of its test pairs apart."""
    described = {
        "task_id": task.id,
        "train": [{"input": rows(pair.input), "output": rows(pair.output)} for pair in task.train],
        "test": [{"input": rows(pair.input)} for pair in task.test],
    }
    return Task(task.id, described, {"outputs": [rows(pair.output) for pair in task.test]})


def rows(grid: Grid) -> list[list[int]]:
    """Return a grid as JSON has it."""
    return [list(row) for row in grid]


def is_grid(value: Any) -> bool:  # JSON data by a stranger
    """Tell whether a value is a grid: 1.0 and true are no colours, though Python takes them for 1."""
    if not isinstance(value, list) or not 1 <= len(value) <= LARGEST_SIDE:
        return False
    return all(
        isinstance(row, list)
        and 1 <= len(row) <= LARGEST_SIDE
        and len(row) == len(value[0])
        and all(type(cell) is int and 0 <= cell <= 9 for cell in row)
        for row in value
    )


def evaluate_grids(task: Task, attempts: list[Any]) -> Evaluation:
    """Return the part of the test pairs for which some attempt has the output."""
    outputs = task.truth["outputs"]
    # where there is one test pair only, its grid may stand for the list of it
    answers = [[attempt] if len(outputs) == 1 and is_grid(attempt) else attempt for attempt in attempts]
    for answer in answers:
        if not isinstance(answer, list) or len(answer) != len(outputs) or not all(map(is_grid, answer)):
            return wrong(f"an answer is no list of {len(outputs)} grids, one a test pair; {FORMS}")
    pairs = [any(answer[place] == output for answer in answers) for place, output in enumerate(outputs)]
    if all(pairs):
        return right(pairs=pairs)
    message = f"{sum(pairs)} of {len(pairs)} outputs are right"
    score = sum(pairs) / len(pairs)
    return Evaluation(score, {"score": score, "pairs": pairs, "message": message}, message)


def read_program(engine: Engine, task_id: str, text: str, sandbox: Sandbox) -> str | Fault:
    """Return the one program of a text as JSON text, or why there is none."""
    engine.submit(Item("inspect", task_id, ("submission", text, None)))
    for _, answer in engine.answers(lambda: stop_if_asked(sandbox)):
        if isinstance(answer, Died):
            return Fault("submission", "a text that ends its reader", "must be ordinary Python text", "write another")
        if answer["faults"]:
            return Fault(*answer["faults"][0])
        programs = [
            one["program"]
            for one in answer["candidates"]
            if claimed_task(one["task"], None, frozenset({task_id})) in {"", task_id}
        ]
        if len(programs) == 1:
            return json.dumps(programs[0])
    rule = f"must be one, named solve_{task_id} or solve"
    return Fault("submission", "no program for this task, or several", rule, "leave one")


def check_program(engine: Engine, task: Task, program: str, sandbox: Sandbox) -> Evaluation:
    """Return how a program does on all pairs of its task, train pairs first."""
    train = [[pair["input"], pair["output"]] for pair in task.input["train"]]
    inputs = [pair["input"] for pair in task.input["test"]]
    test = [list(pair) for pair in zip(inputs, task.truth["outputs"], strict=True)]
    engine.define("task", task.id, {"id": task.id, "train": train, "test": test, "digest": ""})
    places = list(range(len(train) + len(test)))
    engine.submit(Item("check", task.id, (task.id, program, places), (("task", task.id),)))
    verdicts: list[Verdict] = []
    for _, answer in engine.answers(lambda: stop_if_asked(sandbox)):
        if isinstance(answer, Died):
            return wrong(f"the program did not survive its task: {answer.how}")
        verdicts = [pair_from_json(row).verdict for row in answer]
    bad = next((place for place, verdict in enumerate(verdicts) if verdict is not Verdict.CORRECT), None)
    if bad is None:
        return right(pairs=[True] * len(test))
    where = f"train pair {bad + 1}" if bad < len(train) else f"test pair {bad - len(train) + 1}"
    return wrong(f"the program's verdict is {verdicts[bad]} on {where}")

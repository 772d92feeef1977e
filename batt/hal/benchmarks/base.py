"""What a benchmark is: tasks with something hidden, and a way to score what an agent submits for one of them.

To add one, write a class with these members and name it in your package's pyproject.toml:

    [project.entry-points."batt.benchmarks"]
    mine = "my_package.my_module:MyBenchmark"

`spec.hal.benchmark: mine` then runs it. `tasks` is called by plan, `evaluate` and `metrics` by evaluate and collect:
what they need to know of a task is in its `truth`, which no agent's pod can reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from batt.hal.sandbox import Sandbox
from batt.stopping import StoppedError

ENTRY_POINTS = "batt.benchmarks"
"""Entry points that name benchmarks of other packages."""


class Task(NamedTuple):
    """One task.

    input: what the agent gets as `{id: input}`; JSON data, without anything hidden.
    truth: what scoring needs beside that; JSON data.
    files: where a file goes in the agent's working directory -> where it is on the machine that plans.
    needs_gpu: whether the agent wants a GPU for it.
    answers: what else scoring needs and is too big for `truth`: a name of each file -> where it is on the machine that
        plans, and when the task is evaluated, on that machine.
    """

    id: str
    input: Mapping[str, Any]
    truth: Any
    files: Mapping[str, Path] = {}
    needs_gpu: bool = False
    answers: Mapping[str, Path] = {}


class Source(NamedTuple):
    """Where a benchmark's tasks come from.

    data: the folder or file that `spec.hal.data` names, on this machine; None where it names none.
    options: `spec.hal.options`.
    """

    data: Path | None
    options: Mapping[str, Any]


class Evaluation(NamedTuple):
    """What a submission is worth.

    score: from 0 to 1. details: what HAL's own result file holds for the task, JSON data. message: why, for people.
    """

    score: float
    details: Any
    message: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the task is solved."""
        return self.score >= 1.0


class Benchmark(Protocol):
    """A benchmark. An instance is made without arguments, wherever one is needed.

    name: as HAL knows it.
    hidden: names of what is hidden from agents, for the docs and for the test that looks for them in inputs.
    """

    name: str
    hidden: frozenset[str]

    def tasks(self, source: Source) -> list[Task]:
        """Return all tasks, in the benchmark's own order, ids unique.

        Raises:
            InputError: the data is not there, or is none of this benchmark's; says where it comes from.
            SpecError: an option is wrong; all faults at once.
        """
        ...

    def evaluate(self, task: Task, submission: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return what a submission for a task is worth; never raises for what a submission is.

        Args:
            submission: JSON data by a stranger; of `{"answer": ...}` the answer.
            sandbox: where what is in it may run.
        """
        ...

    def raw_results(self, evaluations: Mapping[str, Evaluation]) -> Any:
        """Return what HAL's `<run_id>.json` holds: JSON data, by task id in most benchmarks."""
        ...

    def metrics(self, evaluations: Mapping[str, Evaluation], tasks: Sequence[str]) -> dict[str, Any]:
        """Return HAL's own metrics of the benchmark, `accuracy`, `successful_tasks` and `failed_tasks` at least.

        Args:
            evaluations: of the submissions, those of failed agents (`ERROR: ...`) among them, by task id.
            tasks: ids of all tasks of the benchmark: some of HAL's formulas divide by their number.
        """
        ...

    def oracle(self, task: Task) -> Any:
        """Return a submission that scores 1, made from the truth."""
        ...


class PerTask:
    """What most benchmarks have in common: results by task id, accuracy over the evaluated tasks."""

    def raw_results(self, evaluations: Mapping[str, Evaluation]) -> Any:
        """Return the details by task id."""
        return {task: evaluation.details for task, evaluation in evaluations.items()}

    def metrics(self, evaluations: Mapping[str, Evaluation], tasks: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002
        """Return accuracy over the evaluated tasks, and which are solved."""
        right = [task for task, evaluation in evaluations.items() if evaluation.is_right]
        return {
            "accuracy": len(right) / len(evaluations) if evaluations else 0.0,
            "successful_tasks": right,
            "failed_tasks": [task for task, evaluation in evaluations.items() if not evaluation.is_right],
        }


def answer_of(submission: Any) -> Any:  # JSON data by a stranger
    """Return the answer in a submission: of a mapping with `answer` that, as HAL takes it; else all of it."""
    return submission["answer"] if isinstance(submission, dict) and "answer" in submission else submission


def wrong(message: str, **details: Any) -> Evaluation:
    """Return the evaluation of a submission that scores nothing, for a reason."""
    return Evaluation(0.0, {"score": 0.0, **details, "message": message}, message)


def right(**details: Any) -> Evaluation:
    """Return the evaluation of a submission that solves its task."""
    return Evaluation(1.0, {"score": 1.0, **details})


def stop_if_asked(sandbox: Sandbox) -> None:
    """Raise StoppedError where somebody asked to stop: what a program did not do after that says nothing of it."""
    if sandbox.must_stop():
        raise StoppedError

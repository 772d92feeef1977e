"""Records, evaluations and a benchmark for tests, the fields that a test is about given, the others plausible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from batt.hal.benchmarks.base import Evaluation, PerTask, Source, Task, answer_of, wrong
from batt.hal.outcomes import Outcome
from batt.hal.records import Attempt, TaskRecord
from batt.hal.sandbox import Sandbox
from batt.hal.usage import read_usage

BEGIN = 1_767_323_045.0
"""2026-01-02 03:04:05 UTC."""

WEIRD = ["HumanEval/0", "../x", "a b", "", "/etc/passwd", "a//b", ".", "..", "é*?", "\ud800", "x\ny\0", "l" * 5000, "%"]
"""Task ids that no file system is glad of."""


def attempt(outcome: Outcome = Outcome.OK, begin: float = BEGIN + 2, seconds: float = 10.0) -> Attempt:
    """Return one try."""
    return Attempt(outcome, "", seconds, begin, begin + seconds, "exited with code 0")


def record(
    task_id: str, submission: Any = None, *, outcome: Outcome = Outcome.OK, message: str = "", tries: int = 1
) -> TaskRecord:
    """Return a record; of a failure where there is no submission. Tries last 10 seconds, with 5 between."""
    output = "" if submission is None else json.dumps({task_id: submission})
    return TaskRecord(
        index=0,
        task_id=task_id,
        repeat=1,
        outcome=outcome,
        message=message,
        output=output,
        attempts=tuple(attempt(outcome, BEGIN + 2 + 15 * number) for number in range(tries)),
        phases={"setup": 2.0, "agent": 10.0 * tries},
        pod="pod-1",
        begin=BEGIN,
        end=BEGIN + 15 * tries,
        peak_memory_bytes=64 * 2**20,
        kept=("agent.log",),
        left_out=(),
        usage=read_usage(submission),
    )


def by_id(*records: TaskRecord) -> dict[str, TaskRecord]:
    """Return records by task id."""
    return {one.task_id: one for one in records}


def right(**details: Any) -> Evaluation:
    """Return the evaluation of a right answer."""
    return Evaluation(1.0, {"score": 1.0, **details})


class Echo(PerTask):
    """A benchmark whose answers are the tasks' ids."""

    name = "echo"
    hidden = frozenset({"answer"})

    def tasks(self, source: Source) -> list[Task]:
        """Return three tasks."""
        return [Task(name, {"prompt": f"say {name}"}, name) for name in ("a", "b", "c")]

    def evaluate(self, task: Task, submission: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return whether it is the truth."""
        return right() if answer_of(submission) == task.truth else wrong("another")

    def oracle(self, task: Task) -> Any:
        """Return the truth."""
        return task.truth

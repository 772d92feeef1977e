"""How good an agent is: HAL's own numbers, and beside them counts of what became of every task.

HAL scores a failed task as a wrong answer, whoever failed, and some of its formulas divide by the tasks that were run,
others by all. Here an agent answers for what it does itself; what a provider, the machine or batt has lost is counted
and is no answer. No number stands without what it is a part of.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from batt.hal.benchmarks.base import Benchmark, Evaluation, wrong
from batt.hal.outcomes import Outcome
from batt.hal.records import TaskRecord, hal_submission

OWN_FAILURES = frozenset({Outcome.AGENT_ERROR, Outcome.TIMEOUT, Outcome.INVALID_OUTPUT})
"""Failures that an agent answers for: tasks that it has not solved. The others say nothing of it."""


class Repeat(NamedTuple):
    """One repeat of a run: records, and what submissions are worth, by task id.

    records: none of tasks that are missing. evaluations: none of submissions that are not evaluated yet.
    """

    records: Mapping[str, TaskRecord]
    evaluations: Mapping[str, Evaluation]

    def verdict(self, task: str) -> bool | None:
        """Tell whether a task is solved; None where nobody can say."""
        record = self.records.get(task)
        if record is None or record.outcome not in {Outcome.OK, *OWN_FAILURES}:
            return None
        if record.outcome in OWN_FAILURES:
            return False
        evaluation = self.evaluations.get(task)
        return None if evaluation is None else evaluation.is_right


class Counts(NamedTuple):
    """What became of the tasks of one repeat: tasks = scored + lost + unscored + missing.

    scored: evaluated submissions, and OWN_FAILURES, which are wrong. right: of the scored ones. failed: by outcome.
    unscored: with a submission that is not evaluated. missing: without a record.
    """

    tasks: int
    scored: int
    right: int
    failed: Mapping[Outcome, int]
    unscored: int
    missing: int

    @property
    def lost(self) -> int:
        """Tasks that failed for what no agent answers for."""
        return sum(count for outcome, count in self.failed.items() if outcome not in OWN_FAILURES)

    @property
    def accuracy_scored(self) -> float | None:
        """Share of the scored tasks that are right; None where none is scored."""
        return self.right / self.scored if self.scored else None

    @property
    def accuracy_all(self) -> float | None:
        """Share of all tasks that are right: what is certain, whatever the others would have come to."""
        return self.right / self.tasks if self.tasks else None


class Scores(NamedTuple):
    """What one repeat's submissions are worth.

    evaluations: as HAL has them, failures among them. raw_results: what HAL's `<run_id>.json` holds.
    metrics: the benchmark's own.
    """

    evaluations: Mapping[str, Evaluation]
    raw_results: Any  # JSON data, of the benchmark's form
    metrics: Mapping[str, Any]  # the same
    counts: Counts

    @property
    def hal_accuracy(self) -> float | None:
        """HAL's number; None where the benchmark gives none."""
        value = self.metrics.get("accuracy")
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


class Spread(NamedTuple):
    """How a number differs between repeats. number: repeats that have it. deviation: of the population."""

    number: int
    mean: float
    deviation: float
    least: float
    most: float


class PassAt(NamedTuple):
    """Chance that of k repeats of a task one is right, by k. tasks: those it is the mean of, scored in every repeat."""

    chances: Mapping[int, float]
    tasks: int
    left_out: int


class Accuracy(NamedTuple):
    """How good an agent was in all repeats. The spreads are None where no repeat has the number."""

    repeats: tuple[Scores, ...]
    hal: Spread | None
    scored: Spread | None
    all: Spread | None
    pass_at: PassAt


def score_run(
    benchmark: Benchmark,
    tasks: Sequence[str],
    all_tasks: Sequence[str],
    repeats: Sequence[Repeat],
    timeout_seconds: float,
) -> Accuracy:
    """Return how good an agent was.

    Args:
        tasks: ids of the run's tasks.
        all_tasks: ids of all tasks of the benchmark.
        repeats: at least one, in order.
    """
    scores = tuple(score_repeat(benchmark, tasks, all_tasks, repeat, timeout_seconds) for repeat in repeats)
    return Accuracy(
        scores,
        spread(one.hal_accuracy for one in scores),
        spread(one.counts.accuracy_scored for one in scores),
        spread(one.counts.accuracy_all for one in scores),
        pass_at([[repeat.verdict(task) for repeat in repeats] for task in tasks]),
    )


def score_repeat(
    benchmark: Benchmark, tasks: Sequence[str], all_tasks: Sequence[str], repeat: Repeat, timeout_seconds: float
) -> Scores:
    """Return what one repeat's submissions are worth; see `score_run`."""
    evaluations = hal_evaluations(tasks, repeat, timeout_seconds)
    metrics = benchmark.metrics(evaluations, all_tasks)
    return Scores(evaluations, benchmark.raw_results(evaluations), metrics, count_tasks(tasks, repeat))


def hal_evaluations(tasks: Sequence[str], repeat: Repeat, timeout_seconds: float) -> dict[str, Evaluation]:
    """Return evaluations as HAL has them: a failure is a wrong answer, `ERROR: ...`; missing tasks are none."""
    evaluations = {}
    for task in tasks:
        record, evaluation = repeat.records.get(task), repeat.evaluations.get(task)
        if record is None or (record.outcome is Outcome.OK and evaluation is None):
            continue
        if evaluation is None:
            evaluation = wrong(str(hal_submission(record, timeout_seconds)))
        evaluations[task] = evaluation
    return evaluations


def count_tasks(tasks: Sequence[str], repeat: Repeat) -> Counts:
    """Return what became of the tasks of one repeat."""
    verdicts = [repeat.verdict(task) for task in tasks]
    records = [repeat.records.get(task) for task in tasks]
    failed = Counter(record.outcome for record in records if record and record.outcome is not Outcome.OK)
    return Counts(
        tasks=len(tasks),
        scored=sum(verdict is not None for verdict in verdicts),
        right=sum(verdict is True for verdict in verdicts),
        failed=dict(sorted(failed.items())),
        unscored=sum(
            record is not None and record.outcome is Outcome.OK and verdict is None
            for record, verdict in zip(records, verdicts, strict=True)
        ),
        missing=records.count(None),
    )


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return how a number differs between repeats; None where none has it."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(len(known), statistics.fmean(known), statistics.pstdev(known), min(known), max(known))


def pass_at(verdicts: Sequence[Sequence[bool | None]]) -> PassAt:
    """Return pass@k for every k up to the number of repeats.

    Args:
        verdicts: of each task those of all repeats, None where it is not scored.
    """
    scored = [one for one in verdicts if None not in one]
    repeats = len(verdicts[0]) if verdicts else 0
    chances = {
        k: statistics.fmean(chance_of_pass(repeats, sum(map(bool, one)), k) for one in scored)
        for k in range(1, repeats + 1)
        if scored
    }
    return PassAt(chances, len(scored), len(verdicts) - len(scored))


def chance_of_pass(repeats: int, right: int, k: int) -> float:
    """Return the chance that of k repeats one is right, without bias, from more repeats than k.

    Source: Chen et al., Evaluating Large Language Models Trained on Code, 2021, equation 1.
    """
    return 1.0 - math.comb(repeats - right, k) / math.comb(repeats, k)


def counts_to_json(counts: Counts) -> dict[str, Any]:
    """Return counts as results hold them, with what follows from them."""
    return {
        **counts._asdict(),
        "failed": {str(outcome): count for outcome, count in counts.failed.items()},
        "lost": counts.lost,
        "accuracy_scored": counts.accuracy_scored,
        "accuracy_all": counts.accuracy_all,
    }


def accuracy_to_json(accuracy: Accuracy) -> dict[str, Any]:
    """Return an accuracy as results hold it."""
    spreads = {"hal": accuracy.hal, "scored": accuracy.scored, "all": accuracy.all}
    return {
        "repeats": [{"accuracy_hal": one.hal_accuracy, **counts_to_json(one.counts)} for one in accuracy.repeats],
        **{f"accuracy_{name}": one and one._asdict() for name, one in spreads.items()},
        "pass_at": {str(k): chance for k, chance in accuracy.pass_at.chances.items()},
        "pass_at_tasks": accuracy.pass_at.tasks,
        "pass_at_left_out": accuracy.pass_at.left_out,
    }

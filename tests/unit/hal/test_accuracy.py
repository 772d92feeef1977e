"""Accuracy: HAL's and the honest one side by side; what was lost is never a wrong answer."""

import itertools
import json
import random
from typing import Any

import pytest

from batt.hal.accuracy import (
    OWN_FAILURES,
    Counts,
    PassAt,
    Repeat,
    Spread,
    accuracy_to_json,
    chance_of_pass,
    count_tasks,
    counts_to_json,
    hal_evaluations,
    pass_at,
    score_repeat,
    score_run,
    spread,
)
from batt.hal.benchmarks.base import Evaluation, wrong
from batt.hal.outcomes import Outcome
from tests.unit.hal.builders import Echo, by_id, record, right

TASKS = ["right", "wrong", "error", "late", "invalid", "busy", "refused", "broken", "unscored", "missing"]

REPEAT = Repeat(
    by_id(
        record("right", "1"),
        record("wrong", "2"),
        record("error", outcome=Outcome.AGENT_ERROR, message="ValueError: no"),
        record("late", outcome=Outcome.TIMEOUT, message="the agent was killed"),
        record("invalid", outcome=Outcome.INVALID_OUTPUT, message="no JSON"),
        record("busy", outcome=Outcome.PROVIDER_TRANSIENT, message="RateLimitError"),
        record("refused", outcome=Outcome.AUTH_OR_QUOTA, message="AuthenticationError"),
        record("broken", outcome=Outcome.INFRA, message="the node is gone"),
        record("unscored", "3"),
    ),
    {"right": right(), "wrong": wrong("no")},
)


def repeat_of(**verdicts: bool | Outcome) -> Repeat:
    """Return a repeat with solved, unsolved and failed tasks."""
    scored = {task: verdict for task, verdict in verdicts.items() if isinstance(verdict, bool)}
    failed = {task: outcome for task, outcome in verdicts.items() if isinstance(outcome, Outcome)}
    records = [record(task, "x") for task in scored]
    records += [record(task, outcome=outcome) for task, outcome in failed.items()]
    return Repeat(by_id(*records), {task: right() if is_right else wrong("no") for task, is_right in scored.items()})


def test_every_task_is_counted_once() -> None:
    counts = count_tasks(TASKS, REPEAT)

    assert counts == Counts(
        tasks=10, scored=5, right=1, failed={outcome: 1 for outcome in Outcome if outcome is not Outcome.OK},
        unscored=1, missing=1,
    )  # fmt: skip
    assert counts.tasks == counts.scored + counts.lost + counts.unscored + counts.missing


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - OWN_FAILURES - {Outcome.OK}))
def test_what_providers_and_machines_lose_is_no_wrong_answer(outcome: Outcome) -> None:
    counts = count_tasks(["a", "b"], repeat_of(a=True, b=outcome))

    assert (counts.accuracy_scored, counts.accuracy_all, counts.lost) == (1.0, 0.5, 1)


@pytest.mark.parametrize("outcome", sorted(OWN_FAILURES))
def test_what_the_agent_itself_fails_at_it_has_not_solved(outcome: Outcome) -> None:
    counts = count_tasks(["a", "b"], repeat_of(a=True, b=outcome))

    assert (counts.accuracy_scored, counts.accuracy_all, counts.lost) == (0.5, 0.5, 0)


def test_a_failure_is_never_right_whatever_its_error_was_scored_as() -> None:
    repeat = repeat_of(a=Outcome.AGENT_ERROR)._replace(evaluations={"a": right()})

    assert count_tasks(["a"], repeat).right == 0


def test_without_scored_tasks_there_is_no_accuracy() -> None:
    counts = count_tasks(["a"], Repeat({}, {}))

    assert (counts.accuracy_scored, counts.accuracy_all) == (None, 0.0)
    assert count_tasks([], Repeat({}, {})).accuracy_all is None


def test_counts_are_told_with_what_follows_from_them() -> None:
    value = json.loads(json.dumps(counts_to_json(count_tasks(TASKS, REPEAT))))

    assert value == {
        "tasks": 10,
        "scored": 5,
        "right": 1,
        "failed": {str(outcome): 1 for outcome in Outcome if outcome is not Outcome.OK},
        "unscored": 1,
        "missing": 1,
        "lost": 3,
        "accuracy_scored": 0.2,
        "accuracy_all": 0.1,
    }


def test_hal_takes_every_failure_for_a_wrong_answer() -> None:
    evaluations = hal_evaluations(TASKS, REPEAT, 60.0)

    assert list(evaluations) == TASKS[:8]
    assert evaluations["right"].is_right
    assert evaluations["late"] == wrong("ERROR: Task timed out after 60 seconds")
    assert evaluations["busy"] == wrong("ERROR: provider_transient: RateLimitError")


def test_what_the_benchmark_makes_of_an_error_is_taken() -> None:
    own = Evaluation(0.0, {"tests": 0})

    repeat = repeat_of(a=Outcome.AGENT_ERROR)._replace(evaluations={"a": own})

    assert hal_evaluations(["a"], repeat, 60.0) == {"a": own}


def test_hals_number_stands_beside_the_honest_ones() -> None:
    scores = score_repeat(Echo(), TASKS, TASKS, REPEAT, 60.0)

    assert scores.hal_accuracy == 1 / 8
    assert scores.metrics["successful_tasks"] == ["right"]
    assert scores.raw_results["right"] == {"score": 1.0}
    assert scores.counts == count_tasks(TASKS, REPEAT)


@pytest.mark.parametrize("value", [None, "high", float("nan")])
def test_a_benchmark_without_a_number_has_none(value: Any) -> None:
    scores = score_repeat(Echo(), TASKS, TASKS, REPEAT, 60.0)._replace(metrics={"accuracy": value})

    assert scores.hal_accuracy is None


def test_spread_is_that_of_the_population() -> None:
    assert spread([0.25, None, 0.75]) == Spread(2, 0.5, 0.25, 0.25, 0.75)
    assert spread([0.5]) == Spread(1, 0.5, 0.0, 0.5, 0.5)
    assert spread([None]) is None


@pytest.mark.parametrize("seed", range(5))
def test_the_chance_of_pass_is_that_of_drawing_without_putting_back(seed: int) -> None:
    rng = random.Random(seed)
    verdicts = [rng.random() < 0.4 for _ in range(6)]

    for k in range(1, 7):
        draws = list(itertools.combinations(verdicts, k))
        assert chance_of_pass(6, sum(verdicts), k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_is_the_mean_over_tasks_that_are_scored_in_every_repeat() -> None:
    one, all_of_them = [True, False, False], [True, True, True]
    lost, missing = [True, None, True], [None, None, None]

    told = pass_at([one, all_of_them, lost, missing])

    assert told.chances == pytest.approx({1: (1 / 3 + 1) / 2, 2: (2 / 3 + 1) / 2, 3: 1.0})
    assert (told.tasks, told.left_out) == (2, 2)


def test_pass_at_one_is_the_mean_accuracy_where_nothing_is_lost() -> None:
    rng = random.Random(7)
    verdicts = [[rng.random() < 0.5 for _ in range(4)] for _ in range(20)]

    assert pass_at(verdicts).chances[1] == pytest.approx(sum(map(sum, verdicts)) / 80)


@pytest.mark.parametrize("verdicts", [[], [[None]], [[True, None]]])
def test_without_tasks_that_count_there_is_no_chance(verdicts: list[list[bool | None]]) -> None:
    assert pass_at(verdicts) == PassAt({}, 0, len(verdicts))


def test_repeats_are_told_together() -> None:
    repeats = [
        repeat_of(a=True, b=False, c=Outcome.TIMEOUT),
        repeat_of(a=True, b=True, c=Outcome.INFRA),
        repeat_of(a=False, b=True),
    ]

    accuracy = score_run(Echo(), ["a", "b", "c"], ["a", "b", "c"], repeats, 60.0)

    assert accuracy.scored == spread([1 / 3, 1.0, 1 / 2])
    assert accuracy.all is not None
    assert accuracy.all.mean == pytest.approx((1 / 3 + 2 / 3 + 1 / 3) / 3)
    assert accuracy.pass_at.chances == pytest.approx({1: 2 / 3, 2: 1.0, 3: 1.0})
    value = json.loads(json.dumps(accuracy_to_json(accuracy), allow_nan=False))
    assert value["accuracy_hal"]["number"] == 3
    assert value["pass_at"]["3"] == 1.0
    assert (value["pass_at_tasks"], value["pass_at_left_out"]) == (2, 1)
    assert [one["lost"] for one in value["repeats"]] == [0, 1, 0]


def test_a_run_that_has_lost_everything_can_be_told() -> None:
    accuracy = score_run(Echo(), ["a"], ["a"], [Repeat({}, {})], 60.0)

    value = accuracy_to_json(accuracy)
    assert (value["accuracy_scored"], value["pass_at"]) == (None, {})
    assert value["accuracy_all"]["mean"] == 0.0

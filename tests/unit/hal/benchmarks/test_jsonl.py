"""Questions with answers: every scoring accepts what it says and nothing else, whatever is submitted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from batt.errors import InputError, SpecError
from batt.hal.benchmarks.base import Source, Task
from batt.hal.benchmarks.jsonl import Jsonl
from batt.stopping import StoppedError
from tests.unit.hal.benchmarks.judging import (
    ODD_SUBMISSIONS,
    SpySandbox,
    assert_hides,
    assert_is_json,
    evaluate_all,
    spy_sandbox,
)

BENCHMARK = Jsonl()

ROWS: Mapping[str, list[dict[str, Any]]] = {
    "exact": [
        {"id": "capital", "prompt": "Capital of France?", "answer": "Paris", "rationale": "It has the tower."},
        {"id": 2, "prompt": "Two plus two?", "answer": 4, "source": "me"},
        {"id": "a/b c", "prompt": "Yes or no?", "answer": ["aye", "yes"]},
    ],
    "numeric": [
        {"id": "sum", "prompt": "2 + 2?", "answer": "2 + 2 is\n#### 4"},
        {"id": "price", "prompt": "How much?", "answer": 1234.5},
        {"id": "either", "prompt": "A root of x * x = 49?", "answer": [7, -7]},
    ],
    "regex": [
        {"id": "date", "prompt": "Today?", "answer": r"\d{4}-\d\d-\d\d", "example": "2026-01-02"},
        {"id": "any", "prompt": "A or b?", "answer": ["a+", "b"], "example": "aaa"},
    ],
}
"""Lines by scoring."""

OPTIONS: Mapping[str, dict[str, Any]] = {
    "exact": {"hidden": ["rationale"]},
    "numeric": {"scoring": "numeric"},
    "regex": {"scoring": "regex", "oracle": "example"},
}
"""Options by scoring."""


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write lines into a file."""
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(folder: Path, scoring: str) -> list[Task]:
    """Return the tasks of a scoring."""
    return BENCHMARK.tasks(Source(write(folder, ROWS[scoring]), OPTIONS[scoring]))


@pytest.mark.parametrize("scoring", ROWS)
def test_oracle_gets_everything_and_null_nothing(scoring: str, tmp_path: Path, sandbox: SpySandbox) -> None:
    tasks = read(tmp_path, scoring)
    answers = {task.id: BENCHMARK.oracle(task) for task in tasks}

    best = evaluate_all(BENCHMARK, tasks, answers, sandbox, **OPTIONS[scoring])
    worst = evaluate_all(BENCHMARK, tasks, dict.fromkeys(answers, ""), sandbox, **OPTIONS[scoring])

    assert BENCHMARK.metrics(best, list(answers))["accuracy"] == 1.0
    assert BENCHMARK.metrics(worst, list(answers))["accuracy"] == 0.0


def test_agents_get_everything_but_what_is_hidden(tmp_path: Path) -> None:
    tasks = read(tmp_path, "exact")

    assert [dict(task.input) for task in tasks] == [
        {"id": "capital", "prompt": "Capital of France?"},
        {"id": "2", "prompt": "Two plus two?", "source": "me"},
        {"id": "a/b c", "prompt": "Yes or no?"},
    ]
    assert_hides(BENCHMARK, tasks, "Paris", "aye", "tower")


def test_oracles_text_is_hidden_with_the_answer(tmp_path: Path) -> None:
    assert_hides(BENCHMARK, read(tmp_path, "regex"), "2026-01-02", "d{4}", "aaa")


def test_fields_of_other_names_are_read(tmp_path: Path) -> None:
    row = {"qid": "q1", "question": "Why?", "gold": "42", "answer": "no, this one is for show", "id": 7}
    options = {"fields": {"id": "qid", "prompt": "question", "answer": "gold"}}

    (task,) = BENCHMARK.tasks(Source(write(tmp_path, [row]), options))

    assert task.id == "q1"
    assert dict(task.input) == {"id": "q1", "prompt": "Why?"}
    assert task.truth["answers"] == ["42"]


@pytest.mark.parametrize("scoring", ["exact", "numeric"])
def test_expected_answers_never_reach_the_sandbox(scoring: str, tmp_path: Path, sandbox: SpySandbox) -> None:
    tasks = read(tmp_path, scoring)

    evaluate_all(BENCHMARK, tasks, {task.id: "some 42" for task in tasks}, sandbox, **OPTIONS[scoring])

    assert sandbox.sent() == ""


@pytest.mark.parametrize(
    ("scoring", "options", "answer", "submission", "is_right"),
    [
        ("exact", {}, "Paris", " Paris\n", True),
        ("exact", {}, "Paris", {"answer": "Paris", "metrics": {}}, True),
        ("exact", {}, "Paris", "paris", False),
        ("exact", {"ignoreCase": True}, "Straße", "STRASSE", True),
        ("exact", {}, "Paris", "It is Paris", False),
        ("exact", {}, 4, "4", True),
        ("exact", {}, "4", 4, True),
        ("exact", {}, "1", True, False),
        ("exact", {}, ["a", "b"], "b", True),
        ("numeric", {}, "1,000", "about 999, no: 1000.0", True),
        ("numeric", {}, 4, 4.0, True),
        ("numeric", {}, 4, "4 or 5", False),
        ("numeric", {}, 4, "four", False),
        ("numeric", {"tolerance": 0.01}, 100, "100.9", True),
        ("numeric", {"tolerance": 0.01}, 100, "101.1", False),
        ("regex", {}, "[0-9]+ cows", "12 cows", True),
        ("regex", {}, "[0-9]+ cows", "12 cows.", False),
        ("regex", {}, "[0-9]+ cows", "12 COWS", False),
        ("regex", {"ignoreCase": True}, "[0-9]+ cows", "\n12 COWS\n", True),
        ("regex", {}, "[0-9]+", 12, True),
        ("regex", {}, "é|\\ud800", "\ud800", True),
        ("regex", {"timeoutSeconds": 0.5}, "(a*)*b", "a" * 60, False),
        ("regex", {}, "a*b", "a" * 200_000, False),
    ],
)
def test_scoring(
    scoring: str,
    options: dict[str, Any],
    answer: Any,
    submission: Any,
    is_right: bool,
    tmp_path: Path,
    sandbox: SpySandbox,
) -> None:
    chosen = {"scoring": scoring, **options}
    (task,) = BENCHMARK.tasks(Source(write(tmp_path, [{"id": "x", "prompt": "?", "answer": answer}]), chosen))

    evaluation = BENCHMARK.evaluate(task, submission, chosen, sandbox)

    assert evaluation.is_right == is_right
    assert (evaluation.message == "") == is_right


@pytest.mark.parametrize("scoring", ROWS)
@pytest.mark.parametrize("number", range(len(ODD_SUBMISSIONS)))
def test_odd_submissions_are_only_wrong(number: int, scoring: str, tmp_path: Path, sandbox: SpySandbox) -> None:
    for task in read(tmp_path, scoring):
        evaluation = BENCHMARK.evaluate(task, ODD_SUBMISSIONS[number], OPTIONS[scoring], sandbox)

        assert evaluation.score == 0.0
        assert_is_json(evaluation)


def test_request_to_stop_is_no_verdict(tmp_path: Path) -> None:
    task = read(tmp_path, "regex")[0]
    with spy_sandbox(tmp_path / "sandboxes", must_stop=True) as sandbox, pytest.raises(StoppedError):
        BENCHMARK.evaluate(task, "2026-01-02", {"scoring": "regex"}, sandbox)


def test_oracle_of_a_regular_expression_needs_an_example(tmp_path: Path) -> None:
    task = BENCHMARK.tasks(Source(write(tmp_path, ROWS["regex"]), {"scoring": "regex"}))[0]

    with pytest.raises(InputError, match=r"date: got a regular expression; .* name the key of one in spec.hal.options"):
        BENCHMARK.oracle(task)


def test_missing_data_is_named_with_what_is_wrong_with_the_options() -> None:
    with pytest.raises(SpecError) as caught:
        BENCHMARK.tasks(Source(None, {"scoring": "fuzzy", "fields": {"question": "q"}, "hidden": "x", "k": 1}))

    assert [fault.where for fault in caught.value.faults] == [
        "spec.hal.options.scoring",
        "spec.hal.options.fields",
        "spec.hal.options.hidden",
        "spec.hal.options.k",
        "spec.hal.data",
    ]


def test_options_that_the_scoring_does_not_honour_are_named(tmp_path: Path) -> None:
    options = {"tolerance": 0.1, "oracle": "example", "ignoreCase": True}

    with pytest.raises(SpecError) as caught:
        BENCHMARK.tasks(Source(tmp_path, options))

    assert list(map(str, caught.value.faults)) == [
        "spec.hal.options.tolerance: got 0.1; is for scoring numeric only; remove it",
        "spec.hal.options.oracle: got 'example'; is for scoring regex only; remove it",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields": {"answer": "prompt"}}, "options.fields: got .*; names must differ"),
        ({"fields": {"prompt": "q"}, "hidden": ["q"]}, "options.hidden: got 'q'; agents always get id and prompt"),
    ],
)
def test_names_that_are_both_shown_and_hidden_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        BENCHMARK.tasks(Source(tmp_path, options))

"""What agents say that they have used: many words for the same, nothing that makes no sense, no free lunch."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.hal.records import TaskRecord, Tokens, Usage, usage_from_json, usage_to_json
from batt.hal.usage import (
    MOST_DOLLARS,
    MOST_MODELS,
    NAMELESS,
    Cost,
    add_costs,
    add_tokens,
    cost_to_json,
    read_usage,
)
from tests.unit.hal.builders import record

JSON_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

WORDS = st.sampled_from(
    [
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "cached_tokens",
        "cache_read_input_tokens",
        "input_tokens",
        "output_tokens",
        "input_tokens_details",
        "inputTokens",
        "cacheReadInputTokens",
    ]
)


def used(value: Any) -> Usage:
    """Return the usage of a submission whose agent says this of the model `m`."""
    return read_usage({"answer": "x", "metrics": {"usage": {"m": value}}})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 7}, Tokens(100, 7)),
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 60}}, Tokens(100, 0, 0, 60)),
        ({"prompt_tokens": 100, "prompt_tokens_details": None, "completion_tokens": 7}, Tokens(100, 7)),
        ({"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": None}}, Tokens(100)),
        ({"input_tokens": 40, "output_tokens": 7}, Tokens(40, 7)),
        (
            {"input_tokens": 40, "output_tokens": 7, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 5},
            Tokens(100, 7, 5, 60),
        ),
        ({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60}}, Tokens(100, 0, 0, 60)),
        ({"inputTokens": 40, "outputTokens": 7, "totalTokens": 47}, Tokens(40, 7)),
        (
            {"inputTokens": 40, "outputTokens": 7, "cacheReadInputTokens": 60, "cacheWriteInputTokens": 5},
            Tokens(100, 7, 5, 60),
        ),
        ({"inputTokens": 40, "outputTokens": 7, "cacheCreationInputTokens": 5, "costUSD": 1}, Tokens(40, 7, 5)),
        ({"completion_tokens": 7.0}, Tokens(0, 7)),
    ],
)
def test_the_words_of_all_providers_mean_the_same(told: dict[str, Any], expected: Tokens) -> None:
    assert used(told) == Usage({"m": expected})


@pytest.mark.parametrize("tokens", [Tokens(100, 7), Tokens(100, 7, 5, 60), Tokens(0, 0)])
def test_what_is_normalised_already_stays_as_it_is(tokens: Tokens) -> None:
    assert used(tokens._asdict()) == Usage({"m": tokens})


@pytest.mark.parametrize(
    "told",
    [
        None,
        17,
        "100 tokens",
        [],
        {},
        {"tokens": 5},
        {"prompt_tokens": -1},
        {"prompt_tokens": True},
        {"prompt_tokens": "12"},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": math.nan},
        {"prompt_tokens": math.inf},
        {"prompt_tokens": 10**400},
        {"prompt_tokens": [1]},
        {"prompt_tokens": 5, "completion_tokens": -3},
        {"prompt_tokens": 5, "prompt_tokens_details": 3},
        {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}},
        {"input_tokens": 5, "input_tokens_details": {"cached_tokens": "6"}},
    ],
)
def test_what_makes_no_sense_is_ignored_and_counted(told: Any) -> None:
    assert used(told) == Usage(ignored=1)


def test_one_model_that_makes_no_sense_costs_only_itself() -> None:
    usage = read_usage({"metrics": {"usage": {"m": {"prompt_tokens": 5}, "n": "much"}, "cost": "little"}})

    assert usage == Usage({"m": Tokens(5)}, None, 2)


def test_usage_may_be_a_list_of_models_and_counts_of_one_add_up() -> None:
    usage = read_usage({"metrics": {"usage": [{"m": {"prompt_tokens": 5}}, {"m": {"input_tokens": 6}, "n": {}}, 3]}})

    assert usage == Usage({"m": Tokens(11)}, None, 2)


def test_counts_without_a_model_are_those_of_an_unknown_one() -> None:
    assert read_usage({"metrics": {"usage": {"prompt_tokens": 5}}}) == Usage({NAMELESS: Tokens(5)})


@pytest.mark.parametrize("submission", ["answer", None, 5, [], {}, {"answer": "x"}, {"metrics": None}])
def test_an_agent_that_says_nothing_has_an_unknown_cost(submission: Any) -> None:
    assert read_usage(submission) == Usage(cost=None)


@pytest.mark.parametrize(
    ("metrics", "cost", "ignored"),
    [
        ({"total_cost": 0.25}, 0.25, 0),
        ({"cost": 2}, 2.0, 0),
        ({"estimated_cost": 0.5}, 0.5, 0),
        ({"total_cost": 0.25, "cost": 9}, 0.25, 0),
        ({"total_cost": None, "cost": 0.25}, 0.25, 0),
        ({"total_cost": "0.3", "cost": 0.25}, 0.25, 1),
        ({"total_cost": 0}, 0.0, 0),
        ({"cost": -1}, None, 1),
        ({"cost": True}, None, 1),
        ({"cost": math.nan}, None, 1),
        ({"cost": math.inf}, None, 1),
        ({"cost": 10**400}, None, 1),
        ({"cost": {"usd": 1}}, None, 1),
        ({"usage": {"m": {"prompt_tokens": 5}}}, None, 0),
    ],
)
def test_the_cost_is_what_the_agent_tells(metrics: dict[str, Any], cost: float | None, ignored: int) -> None:
    usage = read_usage({"answer": "x", "metrics": metrics})

    assert (usage.cost, usage.ignored) == (cost, ignored)


def test_models_beyond_the_bound_and_endless_names_are_ignored() -> None:
    models = {f"m{number}": {"prompt_tokens": 1} for number in range(MOST_MODELS + 3)}

    assert read_usage({"metrics": {"usage": {"n" * 10_000: {"prompt_tokens": 1}, **models}}}).ignored == 4


@given(JSON_DATA | st.fixed_dictionaries({"metrics": JSON_DATA}))
def test_no_submission_is_too_strange(submission: Any) -> None:
    assert read_usage(submission).ignored >= 0


@given(st.dictionaries(WORDS, st.integers(-5, 2**70) | st.none() | st.dictionaries(WORDS, st.integers(-5, 50))))
def test_nothing_is_ever_negative(told: dict[str, Any]) -> None:
    usage = read_usage({"metrics": {"usage": {"m": told}}})

    for tokens in usage.models.values():
        assert min(tokens) >= 0
        assert tokens.prompt_tokens >= tokens.cache_read_input_tokens


def used_by(task: str, usage: Usage, tries: int = 1) -> TaskRecord:
    """Return the record of a task."""
    return record(task, "x", tries=tries)._replace(usage=usage)


def test_tokens_of_tasks_add_up_by_model() -> None:
    usages = [Usage({"m": Tokens(1, 2, 3, 0), "n": Tokens(5)}), Usage(), Usage({"m": Tokens(10, 20, 30, 5)})]

    assert add_tokens(used_by("a", usage) for usage in usages) == {"m": Tokens(11, 22, 33, 5), "n": Tokens(5)}


def test_the_cost_of_a_run_is_known_only_with_that_of_every_task() -> None:
    known = [used_by("a", Usage(cost=0.1)), used_by("b", Usage(cost=0.2), tries=3), used_by("c", Usage(cost=0.3))]

    assert add_costs(known, 3) == Cost(0.6, 3, 3, 1)
    assert add_costs(known, 3).total == 0.6
    assert add_costs([*known, used_by("d", Usage())], 4).total is None
    assert add_costs(known, 4).total is None  # a missing task may have cost something
    assert cost_to_json(add_costs(known, 4)) == {
        "total": None, "known_dollars": 0.6, "known": 3, "tasks": 4, "retried": 1,
    }  # fmt: skip


def test_the_dearest_tasks_have_a_finite_sum() -> None:
    dear = used_by("a", Usage(cost=MOST_DOLLARS))

    assert math.isfinite(add_costs([dear] * 1000, 1000).known_dollars)


def test_a_usage_survives_a_trip_through_json() -> None:
    usage = Usage({"m": Tokens(1, 2, 3, 1), "\ud800": Tokens()}, 0.5, 2)

    assert usage_from_json(json.loads(json.dumps(usage_to_json(usage)))) == usage
    assert usage_from_json(json.loads(json.dumps(usage_to_json(Usage())))) == Usage()

"""What agents say that they have used: tokens and dollars, in the words of several providers, as HAL counts them.

A submission may hold `{"metrics": {"usage": {model: {...}}, "total_cost": dollars}}`. It was written by a stranger:
what makes no sense is ignored and counted. There is no table of prices: what nobody says is unknown, not 0 dollars.
Source of the words: hal/utils/weave_utils.py, and the providers' references.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from batt.hal.records import TaskRecord, Tokens, Usage

COST_NAMES = ("total_cost", "cost", "estimated_cost")
"""Where `metrics` may hold dollars; the first that makes sense counts. HAL's own loaders read the last."""

MOST_TOKENS = 10**12
"""Most tokens of a model that are believed: sums stay exact in every reader's JSON."""

MOST_DOLLARS = 10.0**9
"""Most dollars of a task that are believed: sums stay finite."""

MOST_MODELS = 100
"""Most models of a task that are listed: nobody reads more."""

NAME_CHARACTERS = 200
"""Longest name of a model."""

NAMELESS = "unknown"
"""Name of a model whose tokens are told without it."""

CHAT = ("prompt_tokens", "completion_tokens")
"""Input and output in the words of OpenAI's chat, of LiteLLM, and of HAL's own sums."""

MESSAGES = ("input_tokens", "output_tokens")
"""The same in the words of Anthropic's messages, and of OpenAI's responses."""

CONVERSE = ("inputTokens", "outputTokens")
"""The same in the words of Bedrock's Converse (docs.aws.amazon.com: API_runtime_TokenUsage), and of Claude Code."""


class _MalformedError(Exception):
    """A statement of an agent makes no sense."""


class Cost(NamedTuple):
    """What a run's agents have cost.

    known_dollars: the sum of what is known. known: tasks whose cost that is. tasks: all of the run. retried: of the
    known ones, those with earlier tries: an agent tells the cost of its last one.
    """

    known_dollars: float
    known: int
    tasks: int
    retried: int

    @property
    def total(self) -> float | None:
        """Dollars of all tasks; None where the cost of any is unknown."""
        return self.known_dollars if self.known == self.tasks else None


def read_usage(submission: Any) -> Usage:  # JSON data by a stranger
    """Return what an agent says in its submission that it has used; never raises."""
    metrics = submission.get("metrics") if isinstance(submission, dict) else None
    if not isinstance(metrics, dict):
        return Usage(ignored=int(metrics is not None))
    models: dict[str, Tokens] = {}
    ignored = 0
    for name, value in told_models(metrics.get("usage")):
        try:
            tokens = read_tokens(value)
            if name not in models and (len(models) >= MOST_MODELS or len(name) > NAME_CHARACTERS):
                raise _MalformedError
        except _MalformedError:
            ignored += 1
        else:
            models[name] = models.get(name, Tokens()).plus(tokens)
    told = [metrics[name] for name in COST_NAMES if metrics.get(name) is not None]
    costs = [float(one) for one in told if is_number(one) and 0 <= one <= MOST_DOLLARS]
    return Usage(models, costs[0] if costs else None, ignored + len(told) - len(costs))


def told_models(usage: Any) -> Iterator[tuple[str, Any]]:  # JSON data by a stranger
    """Yield models and what is told of each: a mapping by model, a list of such, or counts of one without its name."""
    for one in usage if isinstance(usage, list) else [usage]:
        if isinstance(one, dict) and not any(is_told(one, style) for style in (CHAT, MESSAGES, CONVERSE)):
            yield from one.items()
        elif one is not None:
            yield NAMELESS, one


def read_tokens(value: Any) -> Tokens:  # JSON data by a stranger
    """Return the tokens of one model, in whichever words they are told; raises where they make no sense.

    Some providers count what was read from a cache as part of the input, others beside it. That HAL takes Bedrock's
    input for all of it is not followed: of a cached prompt it would be less than what was read from the cache.
    """
    if not isinstance(value, dict):
        raise _MalformedError
    if is_told(value, CHAT):
        read = count_of(value, "cache_read_input_tokens") or detail_of(value, "prompt_tokens_details")
        written = count_of(value, "cache_creation_input_tokens")
        tokens = Tokens(count_of(value, "prompt_tokens"), count_of(value, "completion_tokens"), written, read)
    elif is_told(value, MESSAGES):
        inside = detail_of(value, "input_tokens_details")  # of OpenAI's responses: part of the input
        read = count_of(value, "cache_read_input_tokens")
        written = count_of(value, "cache_creation_input_tokens")
        fresh = count_of(value, "input_tokens")
        tokens = Tokens(fresh + read, count_of(value, "output_tokens"), written, read + inside)
    elif is_told(value, CONVERSE):
        read = count_of(value, "cacheReadInputTokens")
        written = count_of(value, "cacheWriteInputTokens") + count_of(value, "cacheCreationInputTokens")
        tokens = Tokens(count_of(value, "inputTokens") + read, count_of(value, "outputTokens"), written, read)
    else:
        raise _MalformedError
    if tokens.cache_read_input_tokens > tokens.prompt_tokens:
        raise _MalformedError
    return tokens


def is_told(value: Mapping[str, Any], style: tuple[str, str]) -> bool:
    """Tell whether a mapping holds counts by these names, of input or output."""
    return any(value.get(name) is not None for name in style)


def detail_of(value: Mapping[str, Any], name: str) -> int:
    """Return how many tokens of the input were read from a cache, as OpenAI's details tell it."""
    details = value.get(name)
    if details is None:
        return 0
    if not isinstance(details, dict):
        raise _MalformedError
    return count_of(details, "cached_tokens")


def count_of(value: Mapping[str, Any], name: str) -> int:
    """Return a count of tokens, 0 where it is not told; raises where it is no count."""
    count = value.get(name)
    if count is None:
        return 0
    if not is_number(count) or not 0 <= count <= MOST_TOKENS or count != int(count):
        raise _MalformedError
    return int(count)


def is_number(value: Any) -> bool:  # JSON data by a stranger
    """Tell whether a value is a number that can be counted with: a truth value, NaN and infinity are none."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
    )


def add_tokens(records: Iterable[TaskRecord]) -> dict[str, Tokens]:
    """Return the tokens of many tasks, by model."""
    total: dict[str, Tokens] = {}
    for record in records:
        for name, tokens in record.usage.models.items():
            total[name] = total.get(name, Tokens()).plus(tokens)
    return total


def add_costs(records: Iterable[TaskRecord], tasks: int) -> Cost:
    """Return what many tasks have cost; of tasks without a record nobody knows it.

    Args:
        tasks: how many there are in all.
    """
    known = [(record.usage.cost, len(record.attempts) > 1) for record in records if record.usage.cost is not None]
    dollars = math.fsum(cost for cost, _ in known)
    return Cost(dollars, len(known), tasks, sum(is_retried for _, is_retried in known))


def cost_to_json(cost: Cost) -> dict[str, float | int | None]:
    """Return a cost as results hold it."""
    return {"total": cost.total, **cost._asdict()}

"""What is stored of a task of a HAL run: what it came to, try by try, and what its agent used; one a task and repeat.

Written by work, as JSON; read by evaluate and collect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from batt.errors import InputError, shown
from batt.hal.outcomes import Outcome, hal_text

SCHEMA = 1
"""Version of the stored form; readers refuse others."""


class Tokens(NamedTuple):
    """Tokens of one model, in HAL's words.

    prompt_tokens: all input but what was written to a cache; what was read from one is part of it.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0

    def plus(self, other: Tokens) -> Tokens:
        """Return the tokens of both."""
        return Tokens(*map(sum, zip(self, other, strict=True)))


class Usage(NamedTuple):
    """What an agent says that it has used.

    models: tokens by the model's name. cost: US dollars; None where the agent says nothing: unknown, never free.
    ignored: how many of its statements made no sense.
    """

    models: Mapping[str, Tokens] = {}
    cost: float | None = None
    ignored: int = 0


class Attempt(NamedTuple):
    """One try of the agent, inside a pod.

    seconds: how long the agent itself ran. begin, end: seconds since the epoch. exit: how it ended, in words.
    """

    outcome: Outcome
    message: str
    seconds: float
    begin: float
    end: float
    exit: str


class TaskRecord(NamedTuple):
    """What became of a task.

    index: its row in the manifest. repeat: from 1. output: JSON of `{task_id: submission}`; empty where outcome is not
    OK. attempts: those of the pod that wrote this, in order. phases: seconds of queued, setup, agent, upload and
    evaluate, as far as they are known. pod: its uid. begin, end: of the pod's work, seconds since the epoch.
    peak_memory_bytes: the most that was seen. kept: paths of what the agent has left behind. left_out: paths with the
    reason, for people.
    """

    index: int  # type: ignore[assignment] # hides tuple.index, of which nobody has need
    task_id: str
    repeat: int
    outcome: Outcome
    message: str
    output: str
    attempts: tuple[Attempt, ...]
    phases: Mapping[str, float]
    pod: str
    begin: float
    end: float
    peak_memory_bytes: int
    kept: tuple[str, ...]
    left_out: tuple[str, ...]
    usage: Usage

    @property
    def wall_clock_seconds(self) -> float:
        """How long the agent was tried, pauses between tries too; without any try, how long the pod worked."""
        begin, end = (self.attempts[0].begin, self.attempts[-1].end) if self.attempts else (self.begin, self.end)
        return max(0.0, end - begin)  # a node's clock may be set back meanwhile


def hal_submission(record: TaskRecord, timeout_seconds: float) -> Any:  # JSON data by a stranger
    """Return what stands in HAL's files for a record: its submission, or a text that begins with `ERROR`."""
    if record.outcome is not Outcome.OK:
        return hal_text(record.outcome, record.message, timeout_seconds)
    try:
        return json.loads(record.output)[record.task_id]
    except (ValueError, LookupError, TypeError, RecursionError) as error:  # once it could be read: nested very deeply
        return hal_text(Outcome.INVALID_OUTPUT, f"the output cannot be read: {error}", timeout_seconds)


def usage_to_json(usage: Usage) -> dict[str, Any]:
    """Return the form in which a usage is stored."""
    return {**usage._asdict(), "models": {name: tokens._asdict() for name, tokens in usage.models.items()}}


def usage_from_json(value: dict[str, Any]) -> Usage:
    """Return the usage of `usage_to_json`'s form, after a trip through JSON."""
    return Usage(**{**value, "models": {name: Tokens(**tokens) for name, tokens in value["models"].items()}})


def record_to_json(record: TaskRecord) -> dict[str, Any]:
    """Return the form in which a record is stored."""
    return {
        "schema": SCHEMA,
        **record._asdict(),
        "attempts": [attempt._asdict() for attempt in record.attempts],
        "phases": dict(record.phases),
        "kept": list(record.kept),
        "left_out": list(record.left_out),
        "usage": usage_to_json(record.usage),
    }


def record_from_json(value: dict[str, Any]) -> TaskRecord:
    """Return the record of `record_to_json`'s form, after a trip through JSON.

    Raises:
        InputError: another version of batt has written it.
    """
    if value.get("schema") != SCHEMA:
        got = shown(value.get("schema"))
        raise InputError(f"record.schema: got {got}; must be {SCHEMA}; use the version of batt that made the run")
    fields = {
        **value,
        "outcome": Outcome(value["outcome"]),
        "attempts": tuple(
            Attempt(**{**attempt, "outcome": Outcome(attempt["outcome"])}) for attempt in value["attempts"]
        ),
        "kept": tuple(value["kept"]),
        "left_out": tuple(value["left_out"]),
        "usage": usage_from_json(value["usage"]),
    }
    del fields["schema"]
    return TaskRecord(**fields)

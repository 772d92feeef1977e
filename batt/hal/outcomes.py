"""What an agent's attempt at a task came to, and what follows from it: one table, read by work, collect and the docs.

how the process ended, what it left behind -> Outcome -> retried? stored? scored? which words HAL reads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class Outcome(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    AGENT_ERROR = "agent_error"
    TIMEOUT = "timeout"
    INVALID_OUTPUT = "invalid_output"
    PROVIDER_TRANSIENT = "provider_transient"
    AUTH_OR_QUOTA = "auth_or_quota"
    INFRA = "infra"


class Rule(NamedTuple):
    """What follows from an outcome.

    when: what it is, for people. retried_at_once: whether the same pod tries again, after a pause.
    is_stored: whether it is the task's result until a further attempt has a better one; what is not stored is missing.
    then: what happens to the run, for people.
    """

    when: str
    retried_at_once: bool
    is_stored: bool
    then: str


RULES: Mapping[Outcome, Rule] = {
    Outcome.OK: Rule("the agent returned a submission for its task", False, True, "it is evaluated"),
    Outcome.AGENT_ERROR: Rule(
        "the agent raised, exited, crashed, or used more memory or processes than it may",
        False, True, "a further attempt tries it again",
    ),
    Outcome.TIMEOUT: Rule(
        "the agent was still at work after spec.hal.timeoutSeconds", False, True, "a further attempt tries it again"
    ),
    Outcome.INVALID_OUTPUT: Rule(
        "the agent returned no mapping with its task's id, or what is no JSON, or too much",
        False, True, "a further attempt tries it again",
    ),
    Outcome.PROVIDER_TRANSIENT: Rule(
        "the model's provider was overloaded, limited the rate or could not be reached, and the agent gave up",
        True, True, "a further attempt tries it again",
    ),
    Outcome.AUTH_OR_QUOTA: Rule(
        "the model's provider refused the key, or its quota is used up",
        False, False, "the run is stopped at once with exit code 77; a further attempt does what is left",
    ),
    Outcome.INFRA: Rule(
        "batt, the store or the machine failed", False, False, "the pod is tried again, as spec.retries allows"
    ),
}  # fmt: skip
"""The table of outcomes."""

PROVIDER_MODULES = frozenset(
    {"anthropic", "cohere", "google", "groq", "huggingface_hub", "litellm", "mistralai", "openai", "together"}
)
"""Packages whose exceptions speak for a model's provider: the first part of their classes' modules."""

TRANSIENT_NAMES = frozenset(
    {
        "APIConnectionError",
        "APITimeoutError",
        "InternalServerError",
        "OverloadedError",
        "RateLimitError",
        "ServiceUnavailable",
        "ServiceUnavailableError",
        "Timeout",
        "TooManyRequests",
        # of plain HTTP clients: requests, httpx, aiohttp, botocore, and Python's own
        "ChunkedEncodingError",
        "ClientConnectionError",
        "ConnectionError",
        "HTTPClientError",
        "TimeoutError",
        "TransportError",
    }
)
"""Classes of such exceptions that say: later."""

AUTH_NAMES = frozenset({"AuthenticationError", "PermissionDenied", "PermissionDeniedError", "Unauthenticated"})
"""Classes of such exceptions that say: not with this key."""

QUOTA_CODES = frozenset(
    {"billing_hard_limit_reached", "insufficient_quota", "credit balance is too low", "ServiceQuotaExceededException"}
)
"""What providers write into a refusal when no waiting helps, though its status is another's.

A rate limit's with OpenAI, a bad request's with Anthropic, which has no code for it.
"""

TRANSIENT_STATUSES = frozenset({408, 409, 425, 429, *range(500, 600)})
"""Statuses of HTTP after which the same request may go through later."""

AUTH_STATUSES = frozenset({401, 402, 403})
"""Statuses of HTTP by which a provider refuses who asks."""


class Raised(NamedTuple):
    """One exception of the chain that ended an agent, as run_agent.py has written it down.

    names: its class and the bases of that, without modules. modules: first parts of the modules of those.
    is_provider: whether it is about a request to a model's provider, though its class is that of a plain HTTP client.
    """

    names: Sequence[str]
    modules: Sequence[str]
    status: int | None
    code: str
    text: str
    is_provider: bool


def classify(chain: Sequence[Raised]) -> Outcome:
    """Return the outcome of an agent that raised: its own error unless a provider's stands behind it.

    Judged by classes, statuses and codes, never by words of a message: those name networks and the number 503 too.

    Args:
        chain: the exception and those that it was raised from, or while handling them.
    """
    judged = [judge(raised) for raised in chain]
    for outcome in (Outcome.AUTH_OR_QUOTA, Outcome.PROVIDER_TRANSIENT):
        if outcome in judged:
            return outcome
    return Outcome.AGENT_ERROR


def judge(raised: Raised) -> Outcome | None:
    """Return what one exception says of the provider; None for one that says nothing."""
    if PROVIDER_MODULES.isdisjoint(raised.modules) and not raised.is_provider:
        return None
    names = frozenset(raised.names)
    if raised.code in QUOTA_CODES or any(code in raised.text for code in QUOTA_CODES):
        return Outcome.AUTH_OR_QUOTA
    if names & AUTH_NAMES or raised.status in AUTH_STATUSES:
        return Outcome.AUTH_OR_QUOTA
    if names & TRANSIENT_NAMES or raised.status in TRANSIENT_STATUSES:
        return Outcome.PROVIDER_TRANSIENT
    return None


def read_chain(value: Any) -> list[Raised]:  # JSON that an agent could have written
    """Return the chain of exceptions in a note of run_agent.py; what is not of its form is left out."""
    chain = []
    for one in value if isinstance(value, list) else []:
        match one:
            case {
                "names": list(names),
                "modules": list(modules),
                "status": int() | None as status,
                "code": str(code),
                "text": str(text),
                "is_provider": bool(is_provider),
            }:
                chain.append(Raised(texts(names), texts(modules), status, code, text, is_provider))
    return chain


def texts(values: Sequence[Any]) -> list[str]:  # JSON that an agent could have written
    """Return those of some values that are texts."""
    return [value for value in values if isinstance(value, str)]


def hal_text(outcome: Outcome, message: str, timeout_seconds: float) -> str:
    """Return what stands for a submission in HAL's files where there is none: HAL tries again what begins so.

    Source: hal/agent_runner.py takes any other string for a submission, `TIMEOUT after ...` too.
    """
    if outcome is Outcome.TIMEOUT:
        return f"ERROR: Task timed out after {timeout_seconds:g} seconds"
    return f"ERROR: {outcome}: {message}" if outcome is not Outcome.AGENT_ERROR else f"ERROR: {message}"

"""What became of a candidate: typed verdicts, on each pair and over all pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    """How a candidate ended on one pair, or over all pairs of its task."""

    CORRECT = "correct"
    WRONG = "wrong"
    ERROR = "error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    REFUSED = "refused"
    SKIPPED = "skipped"


ENDING = (Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.CRASHED)
"""Verdicts on a pair after which the candidate's later pairs are not looked at: they would cost the same again."""

SEVERITY = (*ENDING, Verdict.ERROR, Verdict.WRONG, Verdict.CORRECT)
"""A candidate's verdict is the first of these that any of its pairs has."""

NEAR_TIMEOUT = 0.5
"""A candidate that used more than this part of its timeout on a pair is marked: a slower machine may time it out."""


class PairVerdict(NamedTuple):
    """One candidate on one pair. `step` is the failing step's number from 1 (0: none), `seconds` CPU seconds."""

    verdict: Verdict
    seconds: float = 0.0
    exception: str = ""
    step: int = 0


class CandidateVerdict(NamedTuple):
    """One candidate over all pairs of its task: train pairs first, then test pairs.

    score: number of pairs that came out right. check_time: CPU seconds over all pairs, as if it had run alone.
    """

    verdict: Verdict
    pairs: tuple[PairVerdict, ...]
    score: int
    check_time: float
    is_near_timeout: bool


def judge(pairs: Sequence[PairVerdict], timeout_seconds: float) -> CandidateVerdict:
    """Return the verdict over all pairs; pairs after one that ended the candidate count as skipped.

    The result depends on the pairs' verdicts only, not on the order in which they were found.
    """
    kept: list[PairVerdict] = []
    has_ended = False
    for pair in pairs:
        kept.append(PairVerdict(Verdict.SKIPPED) if has_ended else pair)
        has_ended = has_ended or pair.verdict in ENDING
    verdict = min((pair.verdict for pair in kept if pair.verdict in SEVERITY), key=SEVERITY.index)
    score = sum(pair.verdict is Verdict.CORRECT for pair in kept)
    slowest = max(pair.seconds for pair in kept)
    total = math.fsum(pair.seconds for pair in kept)
    return CandidateVerdict(verdict, tuple(kept), score, total, slowest > NEAR_TIMEOUT * timeout_seconds)


def verdict_to_json(verdict: CandidateVerdict) -> list[Any]:
    """Return the row: [verdict, score, check_time, is_near_timeout, [[verdict, seconds, exception, step], ...]]."""
    return [
        verdict.verdict,
        verdict.score,
        verdict.check_time,
        verdict.is_near_timeout,
        [list(pair) for pair in verdict.pairs],
    ]


def verdict_from_json(row: Sequence[Any]) -> CandidateVerdict:
    """Return the verdict of `verdict_to_json`'s row."""
    verdict, score, check_time, is_near_timeout, pairs = row
    return CandidateVerdict(
        Verdict(verdict), tuple(pair_from_json(pair) for pair in pairs), score, check_time, is_near_timeout
    )


def pair_from_json(row: Sequence[Any]) -> PairVerdict:
    """Return the verdict on a pair from its stored row."""
    verdict, seconds, exception, step = row
    return PairVerdict(Verdict(verdict), seconds, exception, step)


def time_class(check_time: float) -> int:
    """Return t_log, the class of a check time: 11 - int(ln(seconds)), 10 when the time is 0; larger is faster.

    int() truncates toward zero (reference: words), so a second and 2.7 seconds share class 11, and 0.4 s does too.
    """
    return 11 - int(math.log(check_time)) if check_time > 0 else 10

"""Verdicts over all pairs follow from the pairs alone; check times fall into classes as the field defines them."""

import itertools
import json
import math
import random

import pytest

from batt.solver.verdicts import (
    ENDING,
    NEAR_TIMEOUT,
    SEVERITY,
    CandidateVerdict,
    PairVerdict,
    Verdict,
    judge,
    pair_from_json,
    time_class,
    verdict_from_json,
    verdict_to_json,
)

CORRECT, WRONG, ERROR, TIMEOUT, OUT_OF_MEMORY, CRASHED, SKIPPED = (
    Verdict.CORRECT,
    Verdict.WRONG,
    Verdict.ERROR,
    Verdict.TIMEOUT,
    Verdict.OUT_OF_MEMORY,
    Verdict.CRASHED,
    Verdict.SKIPPED,
)


def pairs(*verdicts: Verdict) -> list[PairVerdict]:
    return [PairVerdict(verdict, 0.1) for verdict in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "expected", "score", "kept"),
    [
        ([CORRECT], CORRECT, 1, [CORRECT]),
        ([CORRECT, CORRECT], CORRECT, 2, [CORRECT, CORRECT]),
        ([CORRECT, WRONG, CORRECT], WRONG, 2, [CORRECT, WRONG, CORRECT]),
        ([WRONG, ERROR, CORRECT], ERROR, 1, [WRONG, ERROR, CORRECT]),
        ([CORRECT, TIMEOUT, CORRECT], TIMEOUT, 1, [CORRECT, TIMEOUT, SKIPPED]),
        ([OUT_OF_MEMORY, CORRECT, CRASHED], OUT_OF_MEMORY, 0, [OUT_OF_MEMORY, SKIPPED, SKIPPED]),
        ([ERROR, CRASHED, TIMEOUT], CRASHED, 0, [ERROR, CRASHED, SKIPPED]),
        ([TIMEOUT, SKIPPED, SKIPPED], TIMEOUT, 0, [TIMEOUT, SKIPPED, SKIPPED]),
    ],
)
def test_the_worst_pair_decides_and_what_follows_an_end_is_skipped(
    verdicts: list[Verdict], expected: Verdict, score: int, kept: list[Verdict]
) -> None:
    found = judge(pairs(*verdicts), 1.0)

    assert found.verdict is expected
    assert found.score == score
    assert [pair.verdict for pair in found.pairs] == kept


def test_every_combination_of_three_pairs_has_a_verdict() -> None:
    for verdicts in itertools.product(SEVERITY, repeat=3):
        found = judge(pairs(*verdicts), 1.0)

        until = next((place for place, verdict in enumerate(verdicts) if verdict in ENDING), 2) + 1
        assert found.verdict is min(verdicts[:until], key=SEVERITY.index)
        assert found.score == verdicts[:until].count(CORRECT)
        assert found.check_time == pytest.approx(0.1 * until)


def test_the_check_time_is_the_same_in_whatever_order_seconds_are_added() -> None:
    seconds = [random.Random(1).random() * 10**place for place in range(-8, 3)]
    verdicts = [PairVerdict(CORRECT, one) for one in seconds]

    assert judge(verdicts, 1e6).check_time == judge(verdicts[::-1], 1e6).check_time == math.fsum(seconds)


@pytest.mark.parametrize(("slowest", "is_near"), [(0.0, False), (0.5, False), (0.51, True), (1.2, True)])
def test_a_candidate_that_used_much_of_its_time_on_a_pair_is_marked(slowest: float, is_near: bool) -> None:
    verdicts = [PairVerdict(CORRECT, 0.4), PairVerdict(CORRECT, slowest), PairVerdict(CORRECT, 0.4)]

    assert judge(verdicts, 1.0).is_near_timeout is is_near
    assert not judge(verdicts, slowest / NEAR_TIMEOUT + 1).is_near_timeout


def test_a_verdict_survives_json() -> None:
    verdict = judge([PairVerdict(ERROR, 0.25, "IndexError", 3), PairVerdict(CORRECT, 0.5)], 1.0)
    row = json.loads(json.dumps(verdict_to_json(verdict)))

    found = verdict_from_json(row)

    assert found == verdict
    assert isinstance(found, CandidateVerdict)
    assert [type(pair.verdict) for pair in found.pairs] == [Verdict, Verdict]
    assert row == ["error", 1, 0.75, False, [["error", 0.25, "IndexError", 3], ["correct", 0.5, "", 0]]]
    assert pair_from_json(["timeout", 1.0, "", 2]) == PairVerdict(TIMEOUT, 1.0, "", 2)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, 10),
        (1.0, 11),
        (2.718, 11),
        (2.719, 10),
        (7.38, 10),
        (7.39, 9),
        (20.1, 8),
        (0.4, 11),
        (0.368, 11),
        (0.367, 12),
        (0.1, 13),
        (0.01, 15),
        (0.001, 17),
        (1e-9, 31),
        (5e-324, 755),
        (100_000, 0),
        (1e6, -2),
    ],
)
def test_time_classes_by_hand(seconds: float, expected: int) -> None:
    assert time_class(seconds) == expected

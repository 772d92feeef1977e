"""Termination messages: always whole, always small, and nothing else is taken for one."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.message import (
    MESSAGE_BYTES,
    STAGES,
    CollectMessage,
    ErrorMessage,
    Message,
    PlanMessage,
    encode,
    index_ranges,
    parse_message,
)
from batt.solver.verdicts import Verdict
from batt.timing import EDGES, PHASES, PhaseStats

PLAN = PlanMessage("team/small-12345678", 8, 3, 400, 12_000, 7)
ERROR = ErrorMessage("work", 65, "candidates: got nothing; must hold a program; add one")
COLLECT = CollectMessage(
    attempt=2,
    solved=30,
    tasks=400,
    candidates=12_000,
    verdicts={"correct": 30, "wrong": 11_970},
    missing=3,
    missing_indexes="1,3-4",
    phases={"main.run_batt": PhaseStats(2, 3.5, 1.25, 2.25, (0,) * 8 + (2,) + (0,) * (len(EDGES) - 8))},
    pod_seconds=812.5,
    wasted_seconds=12.25,
    path="team/small-12345678/out/2/results.json",
)

CUT = ("phases", "added_phases", "missing_indexes", "pod_seconds", "wasted_seconds")
"""Fields of a summary that may lose something on their way."""

COUNTS = st.integers(0, 2**63 - 1)
SECONDS = st.floats(0, 1e300)
STATS = st.builds(
    PhaseStats,
    COUNTS,
    SECONDS,
    SECONDS,
    SECONDS,
    st.tuples(*[COUNTS] * (len(EDGES) + 1)),
)


@pytest.mark.parametrize("message", [PLAN, ERROR, COLLECT], ids=lambda message: type(message).__name__)
def test_what_is_encoded_is_read_back(message: Message) -> None:
    assert parse_message(encode(message).decode()) == message


def test_the_form_is_the_contract() -> None:
    assert json.loads(encode(PLAN)) == {
        "schema": 1,
        "stage": "plan",
        "folder": "team/small-12345678",
        "shards": 8,
        "todo": 3,
        "tasks": 400,
        "candidates": 12_000,
        "refused": 7,
        "evaluations": 0,
        "gpu": 0,
    }
    assert json.loads(encode(ERROR)) == {"schema": 1, "stage": "work", "code": 65, "error": ERROR.error}
    assert json.loads(encode(COLLECT))["phases"] == {"main.run_batt": [2, 3.5, 1.25, 2.25, [0] * 8 + [2] + [0] * 10]}


@given(st.sampled_from(STAGES), st.integers(0, 255), st.text(max_size=6000))
def test_any_error_fits_and_is_told_from_its_beginning(stage: str, code: int, error: str) -> None:
    data = encode(ErrorMessage(stage, code, error))

    assert len(data) <= MESSAGE_BYTES
    told = parse_message(data.decode())
    assert isinstance(told, ErrorMessage)
    assert (told.stage, told.code) == (stage, code)
    clean = error.encode("utf-8", "replace").decode()
    assert told.error == clean or clean.startswith(told.error.removesuffix("..."))


@pytest.mark.parametrize("character", ["x", '"', "\0", "é", "\N{ROCKET}", "\ud800"], ids=ascii)
def test_long_errors_of_every_alphabet_use_the_room_there_is(character: str) -> None:
    data = encode(ErrorMessage("plan", 65, character * 100_000))

    assert MESSAGE_BYTES - 12 < len(data) <= MESSAGE_BYTES


@given(
    COUNTS,
    st.fixed_dictionaries({str(verdict): COUNTS for verdict in Verdict}),
    st.sets(st.integers(0, 9_999), max_size=300),
    st.fixed_dictionaries({}, optional=dict.fromkeys(PHASES, STATS)),
    st.none() | st.fixed_dictionaries({}, optional=dict.fromkeys(PHASES, STATS)),
    SECONDS,
)
def test_any_summary_fits_and_is_read_back_but_for_phases_that_took_least(
    count: int,
    verdicts: dict[str, int],
    missing: set[int],
    phases: dict[str, PhaseStats],
    added: dict[str, PhaseStats] | None,
    seconds: float,
) -> None:
    ranges = index_ranges(tuple(sorted(missing)))
    message = CollectMessage(
        *(count,) * 4, verdicts, len(missing), ranges, phases, seconds, seconds, f"{'n' * 63}/{'r' * 49}/out/1/r.json"
    )
    message = message._replace(added_phases=phases if added is None else added)

    data = encode(message)

    assert len(data) <= MESSAGE_BYTES
    told = parse_message(data.decode())
    assert isinstance(told, CollectMessage)
    assert {**told._asdict(), **dict.fromkeys(CUT)} == {**message._asdict(), **dict.fromkeys(CUT)}
    assert math.isclose(told.pod_seconds, seconds, rel_tol=1e-5)
    left_out = [stats.total for name, stats in phases.items() if name not in told.phases]
    assert max(left_out, default=0) <= min((phases[name].total for name in told.phases), default=math.inf)
    assert set(told.added_phases) == set(told.phases) & set(message.added_phases)


def test_the_worst_summary_of_a_real_run_keeps_most_of_its_phases() -> None:
    """All 12 phases in every bucket, a million each, and every other of 10,000 shards missing."""
    stats = PhaseStats(16_000_000, 1234567.891, 0.000012345, 987654.321, (1_000_000,) * (len(EDGES) + 1))
    ranges = index_ranges(tuple(range(0, 10_000, 2)))
    phases = dict.fromkeys(PHASES, stats)
    message = COLLECT._replace(phases=phases, added_phases=phases, missing_indexes=ranges, missing=5_000)

    told = parse_message(encode(message).decode())

    assert isinstance(told, CollectMessage)
    assert len(told.phases) == len(PHASES)
    assert told.added_phases == told.phases
    assert told.missing_indexes.startswith("0,2,4,")
    assert told.missing_indexes.endswith(",...")


def test_a_further_attempt_tells_all_phases_of_a_large_run_and_what_it_has_added() -> None:
    """All 12 phases of 100,000 candidates, over six buckets, and of a tenth of them once more."""
    rest = (0,) * (len(EDGES) + 1 - 6)
    first = PhaseStats(98_760, 1234.567891, 0.00001234, 0.98765, (16_460,) * 6 + rest)
    more = PhaseStats(9_876, 123.456789, 0.00001234, 0.98765, (1_646,) * 6 + rest)
    message = COLLECT._replace(
        phases=dict.fromkeys(PHASES, first.merged(more)), added_phases=dict.fromkeys(PHASES, more)
    )

    told = parse_message(encode(message).decode())

    assert told == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "Killed",
        '{"schema":1}',
        '{"schema":1,"stage":"plan"}',
        '{"schema":1,"stage":["plan"]}',
        '{"schema":1,"stage":"other","code":65,"error":"x"}',
        '{"schema":2,"stage":"work","code":65,"error":"x"}',
        '{"schema":true,"stage":"work","code":65,"error":"x"}',
        '{"schema":1,"stage":"work","code":"65","error":"x"}',
        '{"schema":1,"stage":"work","code":65,"error":null}',
        '{"schema":1,"stage":"work","code":65,"error":"\\ud800"}',
        "[" * 100_000,
        '{"schema":' + "1" * 10_000 + "}",
        encode(PLAN).decode().replace('"todo":3', f'"todo":{2**63}'),
        encode(COLLECT).decode() + "x",
        "a line of the log\n" + encode(PLAN).decode(),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_message_is_none(text: str) -> None:
    assert parse_message(text) is None


@pytest.mark.parametrize("message", [PLAN, ERROR, COLLECT], ids=lambda message: type(message).__name__)
def test_a_cut_message_is_none(message: Message) -> None:
    text = encode(message).decode()

    assert [parse_message(text[:length]) for length in range(len(text))] == [None] * len(text)


def wrong_values(value: Any) -> list[Any]:
    """Return values of other types in the place of one."""
    return [other for other in (None, True, -1, -0.5, "x", [], {}, {"x": "y"}, [1]) if type(other) is not type(value)]


@pytest.mark.parametrize("message", [PLAN, COLLECT], ids=lambda message: type(message).__name__)
def test_a_field_of_another_type_makes_it_none(message: Message) -> None:
    value = json.loads(encode(message))
    for name in value:
        for wrong in wrong_values(value[name]):
            if (name, wrong) != ("added_phases", None):  # those of a first attempt are all there are
                assert parse_message(json.dumps({**value, name: wrong})) is None, (name, wrong)
        assert parse_message(json.dumps({key: value[key] for key in value if key != name})) is None, name


@pytest.mark.parametrize(
    "stats",
    [
        [],
        [1, 1.0, 1.0, 1.0],
        [1, 1.0, 1.0, 1.0, [0] * len(EDGES)],
        [1, 1.0, 1.0, 1.0, [0] * len(EDGES) + [0.5]],
        [1.0, 1.0, 1.0, 1.0, [0] * (len(EDGES) + 1)],
        [1, math.nan, 1.0, 1.0, [0] * (len(EDGES) + 1)],
        [1, 1.0, -1.0, 1.0, [0] * (len(EDGES) + 1)],
        [1, 1.0, 1.0, math.inf, [0] * (len(EDGES) + 1)],
        [2**63, 1.0, 1.0, 1.0, [0] * (len(EDGES) + 1)],
        [1, 1.0, 1.0, 1.0, [0] * len(EDGES) + [10**400]],  # no float either
    ],
)
def test_a_damaged_phase_makes_it_none(stats: object) -> None:
    value = json.loads(encode(COLLECT))

    assert parse_message(json.dumps({**value, "phases": {"main.run_batt": stats}})) is None


def test_fields_of_later_versions_are_passed_over() -> None:
    assert parse_message(json.dumps({**json.loads(encode(PLAN)), "more": 1})) == PLAN


@pytest.mark.parametrize(
    ("indexes", "expected"), [((), ""), ((7,), "7"), ((0, 1, 2, 7, 9, 10), "0-2,7,9-10"), ((1, 3), "1,3")]
)
def test_indexes_are_said_as_kubernetes_says_them(indexes: tuple[int, ...], expected: str) -> None:
    assert index_ranges(indexes) == expected

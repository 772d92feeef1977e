"""What a pod tells the operator when it ends: its termination message, one JSON object of at most 4,096 bytes.

Kubernetes cuts a longer message silently, and puts the end of the log there where a pod has left none: whatever is no
whole message of ours is read as none. Written by stages.py; read by the operator.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from batt.timing import EDGES, PhaseStats

MESSAGE_BYTES = 4096
"""Longest termination message of a container (kubernetes.io: Determine the Reason for Pod Failure)."""

SCHEMA = 1
"""Version of the messages' form; readers take no other."""

RANGES_CHARACTERS = 600
"""Longest list of missing shards; a longer one is cut between two and ends in `...`."""

DIGITS = 6
"""Significant digits of times: a microsecond in a second, and short."""

DECIMALS = 6
"""Digits behind the point of sums of times, however long: people compare them with other places to the millisecond."""

MOST = 2**63 - 1
"""Largest count: what a status of the API server can hold. A larger one would keep its run from ever ending."""

SECONDS = tuple(f"{part}{kind}_seconds" for part in ("", "added_") for kind in ("pod", "wasted", "gpu", "gpu_wasted"))
"""Fields of a CollectMessage that hold seconds of pods."""

STAGES = ("plan", "work", "evaluate", "collect")
"""What a pod may do."""


class PlanMessage(NamedTuple):
    """The plan is made.

    folder: of the run, under the results. shards: of the whole run. todo: shards that this attempt works on.
    candidates, refused: texts and constructs, as the manifest counts them; of a HAL run tasks times repeats, and
    requirements that were left out. evaluations: shards of scoring, 0 where nothing is scored apart. gpu: shards of
    this attempt that want a GPU.
    """

    folder: str
    shards: int
    todo: int
    tasks: int
    candidates: int
    refused: int
    evaluations: int = 0
    gpu: int = 0


class CollectMessage(NamedTuple):
    """The results are written.

    attempt: the operator's number. missing_indexes: shards without a result as ranges, `1,3-5`; may end in `...`.
    phases: of all attempts; may lack those that took least. pod_seconds, wasted_seconds: of all pods of the work, see
    attempts.py. path: of results.json, under the results. gpu_seconds, gpu_wasted_seconds: the part of
    tasks that want a GPU. added_phases and the like: the part of this attempt, for what sums attempts up.
    """

    attempt: int
    solved: int
    tasks: int
    candidates: int
    verdicts: Mapping[str, int]
    missing: int
    missing_indexes: str
    phases: Mapping[str, PhaseStats]
    pod_seconds: float
    wasted_seconds: float
    path: str
    gpu_seconds: float = 0.0
    gpu_wasted_seconds: float = 0.0
    added_phases: Mapping[str, PhaseStats] = {}
    added_verdicts: Mapping[str, int] = {}
    added_pod_seconds: float = 0.0
    added_wasted_seconds: float = 0.0
    added_gpu_seconds: float = 0.0
    added_gpu_wasted_seconds: float = 0.0


class ErrorMessage(NamedTuple):
    """A stage has failed or was asked to stop. code: its exit code. error: for people; may be cut."""

    stage: str
    code: int
    error: str


Message: TypeAlias = PlanMessage | CollectMessage | ErrorMessage
"""What a pod may say."""


class _ForeignError(Exception):
    """A text is no message of ours."""


def encode(message: Message) -> bytes:
    """Return the message as JSON in ASCII, at most MESSAGE_BYTES long: texts are cut, then short phases left out."""
    match message:
        case PlanMessage():
            return _json({"stage": "plan", **message._asdict()})
        case CollectMessage():
            return _encode_collect(message)
        case ErrorMessage():
            return _encode_error(message)


def parse_message(text: str) -> Message | None:
    """Return the message that `encode` wrote; None for any other text: cut, of another version, or not ours at all."""
    try:
        return _parse(_fields(json.loads(text, parse_constant=_refuse_constant)))
    except (ValueError, RecursionError, KeyError, _ForeignError):
        return None


def index_ranges(indexes: tuple[int, ...]) -> str:
    """Return ascending indexes as Kubernetes writes those of a Job: `1,3-5`."""
    parts: list[list[int]] = []
    for index in indexes:
        if parts and index == parts[-1][-1] + 1:
            parts[-1][1:] = [index]
        else:
            parts.append([index])
    return ",".join("-".join(map(str, part)) for part in parts)


def _encode_collect(message: CollectMessage) -> bytes:
    value = {
        **message._asdict(),
        "stage": "collect",
        "verdicts": dict(message.verdicts),
        "added_verdicts": dict(message.added_verdicts),
        "missing_indexes": _cut_ranges(message.missing_indexes),
        **{name: _rounded(getattr(message, name)) for name in SECONDS},
    }
    kept = sorted(message.phases, key=lambda name: (-message.phases[name].total, name))
    while True:
        phases = _phases_json(message.phases, kept)
        added = _phases_json(message.added_phases, kept)
        # Of a first attempt both are the same, and said once: there is little room.
        data = _json({**value, "phases": phases, "added_phases": None if added == phases else added})
        if len(data) <= MESSAGE_BYTES or not kept:
            return data
        kept.pop()


def _encode_error(message: ErrorMessage) -> bytes:
    """Cut the text to what fits: each character costs between 1 and 12 bytes, so the length is searched."""
    low, high = 0, min(len(message.error), MESSAGE_BYTES)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_error_json(message, middle)) <= MESSAGE_BYTES:
            low = middle
        else:
            high = middle - 1
    return _error_json(message, low)


def _error_json(message: ErrorMessage, characters: int) -> bytes:
    text = message.error.encode("utf-8", "replace").decode()  # half a surrogate pair is no text for anybody else
    cut = text if len(text) <= characters else f"{text[:characters]}..."
    return _json({"stage": message.stage, "code": message.code, "error": cut})


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps({"schema": SCHEMA, **value}, separators=(",", ":"), allow_nan=False).encode("ascii")


def _phases_json(phases: Mapping[str, PhaseStats], kept: Sequence[str]) -> dict[str, object]:
    return {name: _phase_json(phases[name]) for name in kept if name in phases}


def _phase_json(stats: PhaseStats) -> list[object]:
    return [
        stats.number,
        round(stats.total, DECIMALS),
        _rounded(stats.least),
        _rounded(stats.most),
        list(stats.buckets),
    ]


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.{DIGITS}g}")


def _cut_ranges(text: str) -> str:
    if len(text) <= RANGES_CHARACTERS:
        return text
    return f"{text[:RANGES_CHARACTERS].rpartition(',')[0]},..."


def _parse(value: dict[str, object]) -> Message:
    if _count(value["schema"]) != SCHEMA:
        raise _ForeignError
    if "error" in value:
        return _parse_error(value)
    match value["stage"]:
        case "plan":
            return _parse_plan(value)
        case "collect":
            return _parse_collect(value)
    raise _ForeignError


def _parse_plan(value: dict[str, object]) -> PlanMessage:
    counts = [_count(value[name]) for name in PlanMessage._fields[1:]]
    return PlanMessage(_text(value["folder"]), *counts)


def _parse_collect(value: dict[str, object]) -> CollectMessage:
    readers: dict[str, Callable[[object], Any]] = {
        "verdicts": _counts,
        "added_verdicts": _counts,
        "missing_indexes": _text,
        "phases": _phases,
        "added_phases": lambda each: _phases(value["phases"] if each is None else each),
        **dict.fromkeys(SECONDS, _seconds),
        "path": _text,
    }
    return CollectMessage(*(readers.get(name, _count)(value[name]) for name in CollectMessage._fields))


def _parse_error(value: dict[str, object]) -> ErrorMessage:
    stage = _text(value["stage"])
    if stage not in STAGES:
        raise _ForeignError
    return ErrorMessage(stage, _count(value["code"]), _text(value["error"]))


def _phases(value: object) -> dict[str, PhaseStats]:
    return {_text(name): _phase(stats) for name, stats in _fields(value).items()}


def _phase(value: object) -> PhaseStats:
    match value:
        case [number, total, least, most, [*buckets]] if len(buckets) == len(EDGES) + 1:
            counts = tuple(map(_count, buckets))
            return PhaseStats(_count(number), _seconds(total), _seconds(least), _seconds(most), counts)
    raise _ForeignError


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST:  # a bool is no count
        raise _ForeignError
    return value


def _counts(value: object) -> dict[str, int]:
    return {_text(name): _count(number) for name, number in _fields(value).items()}


def _seconds(value: object) -> float:
    if type(value) not in {int, float} or not 0 <= value < math.inf:  # type: ignore[operator] # a number, just seen
        raise _ForeignError
    return float(value)  # type: ignore[arg-type] # the same


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _ForeignError
    value.encode()  # half a surrogate pair: the UnicodeEncodeError is a ValueError
    return value


def _fields(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _ForeignError
    return value


def _refuse_constant(_name: str) -> object:
    raise _ForeignError

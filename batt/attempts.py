"""Attempts: which shards a run's further attempts work on, and how long pods have worked on each shard.

A pod that works notes when it began and, if it lives to do so, when and how it ended: what the work has cost is known
from the store alone, whatever became of pods and Jobs.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from batt.errors import AlreadyExistsError, BattError, Fault, InputError, NotFoundError, SpecError, StoreError
from batt.names import (
    EXIT_ASKED_TO_STOP,
    EXIT_FAULT_OF_BATT,
    SESSIONS,
    attempt_begin,
    attempt_end,
    attempt_plan,
    session_note,
    summary_path,
)
from batt.parallel import for_each
from batt.results import Added, Usage
from batt.state import Planned, last_attempt, missing_shards
from batt.stopping import Stop, StoppedError
from batt.store import ObjectStore, create_json, read_as, read_json
from batt.timing import PhaseClock, stats_from_json, stats_to_json

NOTE_NAME = re.compile(r"attempts/(\d+)/([^/]+?)(\.end)?\.json$")
"""A note: the shard, the pod, and whether it is of the pod's end."""


class PodTimes(NamedTuple):
    """When a pod worked on a shard, seconds since the epoch. end: None where it was killed, or works still.

    code: its exit code, negative for a signal; None where that was not noted. attempt: of the run.
    """

    shard: int
    pod: str
    begin: float
    end: float | None
    code: int | None = None
    attempt: int = 1


class ShardEnd(NamedTuple):
    """Which pod has made a shard's result, and when, seconds since the epoch. begin: 0 where nobody has noted it."""

    pod: str
    end: float
    begin: float = 0.0


class AttemptPlan(NamedTuple):
    """What an attempt does.

    shards: those that it works on, in the order of its pods.
    is_regrade: whether it scores anew what earlier ones have stored.
    """

    shards: tuple[int, ...]
    is_regrade: bool


def note_begin(root: ObjectStore, manifest: Planned, times: PodTimes, attempt: int) -> None:
    """Note that a pod begins to work on a shard."""
    value = {"shard": times.shard, "attempt": attempt, "begin": times.begin}
    with contextlib.suppress(AlreadyExistsError):  # the pod's container was started again: it began at first
        create_json(root, f"{manifest.ref.folder}/{attempt_begin(times.shard, times.pod)}", value)


def note_end(root: ObjectStore, manifest: Planned, times: PodTimes, code: int) -> None:
    """Note that a pod has ended its work on a shard with an exit code."""
    with contextlib.suppress(AlreadyExistsError):  # as above
        path = attempt_end(times.shard, times.pod)
        create_json(root, f"{manifest.ref.folder}/{path}", {"end": times.end, "code": code})


@contextlib.contextmanager
def noted(root: ObjectStore, manifest: Planned, shard: int, pod: str, attempt: int, stop: Stop) -> Iterator[None]:
    """Note when a pod begins and ends its work on a shard, which is the body, and by which exit code."""
    times = PodTimes(shard, pod, time.time(), None)
    note_begin(root, manifest, times, attempt)
    try:
        yield
    except BaseException as error:
        if not isinstance(error, StoreError):  # then there is nowhere to note it
            end_times(root, manifest, times, exit_code_of(error), stop)
        raise
    end_times(root, manifest, times, 0, stop)


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of a stage that ended by an error."""
    match error:
        case StoppedError():
            return EXIT_ASKED_TO_STOP
        case BattError():
            return error.exit_code
    return EXIT_FAULT_OF_BATT


def end_times(root: ObjectStore, manifest: Planned, times: PodTimes, code: int, stop: Stop) -> None:
    """Note a pod's end. What it has found is stored by now: a note that fails is no reason to do it again."""
    try:
        with stop.holding():
            note_end(root, manifest, times._replace(end=time.time()), code)
    except StoreError as error:
        print(f"batt: the end of this pod is not noted: {error}", file=sys.stderr, flush=True)


def read_notes(root: ObjectStore, folder: str) -> list[PodTimes]:
    """Return what all pods of the run in a folder have noted, many notes read at once."""
    paths = [path for path in root.list(f"{folder}/attempts/") if NOTE_NAME.search(path)]

    def read_note(path: str) -> PodTimes:
        match = NOTE_NAME.search(path)
        assert match  # filtered above
        shard, pod, form = int(match[1]), match[2], end_from_json if match[3] else begin_from_json
        return read_as(root, path, lambda value: form(shard, pod, value))

    begins: dict[tuple[int, str], PodTimes] = {}
    ends: dict[tuple[int, str], PodTimes] = {}
    for note in for_each(root, read_note, paths):
        (begins if note.end is None else ends)[note.shard, note.pod] = note
    return [
        begin._replace(end=ends[place].end, code=ends[place].code) if place in ends else begin
        for place, begin in begins.items()
    ]


def begin_from_json(shard: int, pod: str, value: Any) -> PodTimes:  # JSON: what note_begin has written
    """Return what a note of a pod's begin says."""
    return PodTimes(shard, pod, float(value["begin"]), None, attempt=int(value.get("attempt", 1)))


def end_from_json(shard: int, pod: str, value: Any) -> PodTimes:  # JSON: what note_end has written
    """Return what a note of a pod's end says; it does not know the begin."""
    code = value.get("code")
    return PodTimes(shard, pod, 0.0, float(value["end"]), None if code is None else int(code))


def note_session(root: ObjectStore, manifest: Planned, pods: Sequence[PodTimes]) -> None:
    """Note what the processes of a laptop worked on, all at once; a note that fails loses no result."""
    if not pods:
        return
    try:
        path = f"{manifest.ref.folder}/{session_note(secrets.token_hex(8))}"
        create_json(root, path, {"schema": 1, "pods": [pod._asdict() for pod in pods]})
    except StoreError as error:
        print(f"batt: what worked when is not noted: {error}", file=sys.stderr, flush=True)


def read_sessions(root: ObjectStore, folder: str) -> list[PodTimes]:
    """Return what sessions on a laptop have noted of the run in a folder; it is no pod's work, so no part of usage."""
    paths = root.list(f"{folder}/{SESSIONS}")
    return [pod for pods in for_each(root, lambda path: read_as(root, path, session_from_json), paths) for pod in pods]


def session_from_json(value: Any) -> list[PodTimes]:  # JSON: what note_session has written
    """Return what a session has noted."""
    return [
        end_from_json(int(pod["shard"]), str(pod["pod"]), pod)._replace(
            begin=float(pod["begin"]), attempt=int(pod.get("attempt", 1))
        )
        for pod in value["pods"]
    ]


def usage(pods: Iterable[PodTimes], results: Mapping[int, ShardEnd], now: float) -> Usage:
    """Return how long pods have worked.

    A pod that has not noted its end counts until the shard's result if that is its own, else until the shard's next pod
    began, else until the result, else until now.

    Args:
        results: of the shards that have one.
    """
    shards: dict[int, list[PodTimes]] = defaultdict(list)
    for pod in pods:
        shards[pod.shard].append(pod)
    total = wasted = 0.0
    for shard, some in shards.items():
        result = results.get(shard)
        in_order = sorted(some, key=lambda pod: (pod.begin, pod.pod))
        nexts = [*(pod.begin for pod in in_order[1:]), result.end if result else now]
        for pod, following in zip(in_order, nexts, strict=True):
            is_winner = result is not None and pod.pod == result.pod
            end = pod.end if pod.end is not None else result.end if result and is_winner else following
            seconds = max(0.0, end - pod.begin)  # clocks of nodes differ a little
            total += seconds
            wasted += 0.0 if is_winner else seconds
    return Usage(total, wasted)


def base_summary(root: ObjectStore, manifest: Planned, attempt: int) -> dict[str, Any]:
    """Return the last stored summary that an earlier attempt of the operator's has made; empty where there is none.

    Args:
        attempt: the operator's. Its own summaries are none: asked again, it must say the same.
    """
    for number in range(last_attempt(root, manifest), 0, -1):
        try:
            value: dict[str, Any] = read_json(root, f"{manifest.ref.folder}/{summary_path(number)}")
        except NotFoundError:  # a collect that was killed: it has claimed nothing
            continue
        if value.get("asked", number) < attempt:
            return value
    return {}


def counts_since(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """Return by how much counts have grown."""
    grown = {str(name): count - before.get(name, 0) for name, count in now.items()}
    return {name: count for name, count in grown.items() if count > 0}


def usage_since(now: Usage, before: Mapping[str, Any], kind: str = "pod") -> Usage:
    """Return by how much the seconds of pods have grown since a summary.

    Args:
        before: the summary as it is stored.
        kind: `pod`: all of them; `gpu`: of shards that want one.
    """
    wasted = "wasted_seconds" if kind == "pod" else f"{kind}_wasted_seconds"
    earlier = before.get(f"{kind}_seconds", 0.0), before.get(wasted, 0.0)
    return Usage(*(max(0.0, after - first) for after, first in zip(now, earlier, strict=True)))


def phases_with(before: Mapping[str, Any], added: Added) -> dict[str, list[Any]]:
    """Return how long phases took in all attempts, in stats_to_json's form.

    Args:
        before: the summary of those before as it is stored; empty where there is none.
        added: what the attempt has added.
    """
    clock = PhaseClock()
    for part in (before.get("phases", {}), added.phases):
        clock.merge(stats_from_json(part))
    return stats_to_json(clock.stats)


def plan_attempt(
    root: ObjectStore,
    manifest: Planned,
    attempt: int,
    left: Callable[[], list[int]] | None = None,
    *,
    is_regrade: bool = False,
) -> AttemptPlan:
    """Return what an attempt does: at first all shards, later those that had no result when it was planned.

    An attempt is planned once; planned again, it says the same, whatever has been done meanwhile.

    Args:
        left: tells which are left to do now, if not those without a result.
        is_regrade: whether a further attempt works on none, and scores anew what there is.
    """
    if attempt > 1:
        shards = [] if is_regrade else left() if left else missing_shards(root, manifest)
        value = {"schema": 1, "shards": shards, "is_regrade": is_regrade}
        with contextlib.suppress(AlreadyExistsError):  # what its pods may go by already
            create_json(root, f"{manifest.ref.folder}/{attempt_plan(attempt)}", value)
    return planned_attempt(root, manifest, attempt)


def planned_attempt(root: ObjectStore, manifest: Planned, attempt: int) -> AttemptPlan:
    """Return what was planned for an attempt.

    Raises:
        InputError: nobody has planned it.
    """
    if attempt == 1:
        return AttemptPlan(tuple(range(len(manifest.shards))), is_regrade=False)
    path = f"{manifest.ref.folder}/{attempt_plan(attempt)}"
    try:
        value = read_json(root, path)
    except NotFoundError as error:
        raise InputError(f"{root.uri}/{path}: got nothing; attempt {attempt} must be planned; plan it first") from error
    return AttemptPlan(tuple(value["shards"]), value.get("is_regrade", False))


def shard_of_pod(
    root: ObjectStore,
    manifest: Planned,
    attempt: int,
    index: int,
    is_of_job: Callable[[int], bool] = lambda _shard: True,
) -> int:
    """Return the shard that the pod of a completion index works on; SpecError where its Job has no such pod.

    Args:
        is_of_job: tells whether a shard of the attempt is one of the pod's Job, where there are several.
    """
    shards = [shard for shard in planned_attempt(root, manifest, attempt).shards if is_of_job(shard)]
    if index < len(shards):
        return shards[index]
    rule = f"must be below {len(shards)}, the shards of attempt {attempt} in this Job"
    raise SpecError([Fault("JOB_COMPLETION_INDEX", str(index), rule, "make the Job with as many completions")])

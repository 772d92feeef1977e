"""All runs as the operator has last seen them: what the gauges of /metrics are made from, whenever somebody asks."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from batt.exporter import Labels
from batt.metrics import MOST_RUNS, RECENT_SECONDS, SHARD_STATES
from batt.status import ConditionType, Phase, RunStatus, ShardCounts
from batt_operator.cluster import Raw, RunKey
from batt_operator.health import Version, version_of
from batt_operator.observed import parsed_time, status_of

KINDS = ("solvers", "hal")
"""Kinds of runs."""


class Seen(NamedTuple):
    """A run as it was last seen."""

    key: RunKey
    version: Version
    kind: str
    pool: str
    status: RunStatus


class Sums(NamedTuple):
    """Runs added up. runs: by kind and phase. shards: by kind and state, of runs that go on. stalled: by reason.

    oldest_seconds: how long the run that waits longest has had no running pod.
    """

    runs: dict[Labels, int]
    shards: dict[Labels, int]
    stalled: dict[str, int]
    oldest_seconds: float


class Fleet:
    """The runs that there are; told of by watch and resync, asked by /metrics, from several threads."""

    def __init__(self, default_pool: str) -> None:
        self.default_pool = default_pool
        self.lock = threading.Lock()
        self.runs: dict[RunKey, Seen] = {}

    def saw(self, raw: Raw) -> None:
        """Note a run as it is now."""
        seen = seen_run(raw, self.default_pool)
        with self.lock:
            self.runs[seen.key] = seen

    def gone(self, key: RunKey) -> None:
        """Note that a run is no more."""
        with self.lock:
            self.runs.pop(key, None)

    def listed(self, raws: Iterable[Raw]) -> None:
        """Note all runs that there are."""
        with self.lock:
            known = {seen.version: seen for seen in self.runs.values()}
        runs = [known.get(version_of(raw)) or seen_run(raw, self.default_pool) for raw in raws]  # most have not changed
        with self.lock:
            self.runs = {seen.key: seen for seen in runs}

    def all(self) -> list[Seen]:
        """Return all runs."""
        with self.lock:
            return list(self.runs.values())


def seen_run(raw: Raw, default_pool: str) -> Seen:
    """Return a run of the API server, whatever its spec is."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    status = status_of(raw.get("status") or {})
    kind = "hal" if "hal" in spec else "solvers"
    key = RunKey(metadata["namespace"], metadata["name"])
    return Seen(key, version_of(raw), kind, str(spec.get("pool") or default_pool), status)


def sums_of(runs: Iterable[Seen], now: datetime) -> Sums:
    """Return the runs added up; every kind, phase and state is there, if with 0."""
    counts: dict[Labels, int] = {(kind, str(phase)): 0 for kind in KINDS for phase in Phase}
    shards: dict[Labels, int] = {(kind, state): 0 for kind in KINDS for state in SHARD_STATES}
    stalled: dict[str, int] = defaultdict(int)
    oldest = 0.0
    for run in runs:
        counts[run.kind, str(run.status.phase)] += 1
        if run.status.has_ended():
            continue
        for state, count in states_of(run.status.shards).items():
            shards[run.kind, state] += count
        condition = run.status.condition(ConditionType.STALLED)
        if condition is not None and condition.status == "True":
            stalled[str(condition.reason)] += 1
        since = run.status.clock.waiting_since
        if since is not None and run.status.phase is not Phase.SUSPENDED:
            oldest = max(oldest, (now - parsed_time(since)).total_seconds())
    return Sums(counts, shards, dict(stalled), oldest)


def states_of(shards: ShardCounts) -> dict[str, int]:
    """Return how many shards are in each state; what is neither active nor done waits."""
    known = {"active": shards.active, "succeeded": shards.succeeded, "failed": shards.failed}
    return {"pending": max(0, shards.total - sum(known.values()))} | known


def with_own_series(runs: Iterable[Seen], now: datetime, most: int = MOST_RUNS) -> list[Seen]:
    """Return the runs that have series of their own: live ones, the newest first, then what has ended of late."""

    def rank(run: Seen) -> tuple[bool, str]:
        return not run.status.has_ended(), run.status.completion_time or run.status.start_time or ""

    def is_recent(run: Seen) -> bool:
        ended = run.status.completion_time
        return ended is None or (now - parsed_time(ended)).total_seconds() < RECENT_SECONDS

    begun = [run for run in runs if run.status.start_time is not None and is_recent(run)]
    return sorted(begun, key=rank, reverse=True)[:most]

"""Is the operator alive: `/healthz` answers 503 when the resync or a watch is stale, so that Kubernetes restarts it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from batt.web import Page
from batt_operator.cluster import Raw

MISSED_RESYNCS = 3
"""So many resyncs may fail in a row, or be late, before the operator counts as dead."""

MISSED_LOOKS = 2
"""In so many resyncs in a row an object may be newer than what its watch has said, before the watch counts as dead."""


class Version(NamedTuple):
    """An object as a watch or a list has it."""

    uid: str
    resource_version: str


def version_of(raw: Mapping[str, Raw]) -> Version:
    """Return which version of which object this is."""
    return Version(raw["metadata"]["uid"], raw["metadata"]["resourceVersion"])


class Health:
    """What is known of the resync and the watches; used from several threads."""

    def __init__(self, resync_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.resync_seconds = resync_seconds
        self.lock = threading.Lock()
        self.begun = clock()
        self.synced: float | None = None
        self.current: dict[str, float] = {}
        self.seen: dict[str, dict[str, str]] = {}
        self.behind: dict[str, dict[Version, int]] = {}
        self.unlisted: dict[str, set[str]] = {}

    def watched(self, kind: str, version: Version) -> None:
        """Note what a watch has said."""
        with self.lock:
            self.seen.setdefault(kind, {})[version.uid] = version.resource_version

    def gone(self, kind: str, uid: str) -> None:
        """Note that a watch has said that an object is gone."""
        with self.lock:
            self.seen.get(kind, {}).pop(uid, None)

    def listed(self, kind: str, versions: Iterable[Version]) -> None:
        """Compare what the resync has found with what the watch has said.

        A version that the watch has not told of by the next resyncs either, though it has not changed, it never will.
        """
        with self.lock:
            there = list(versions)
            seen, behind = self.seen.setdefault(kind, {}), self.behind.get(kind, {})
            missing = [one for one in there if seen.get(one.uid) != one.resource_version]
            unlisted = seen.keys() - {one.uid for one in there}
            for uid in unlisted & self.unlisted.get(kind, set()):  # twice: its end was not told, or not heard
                del seen[uid]
            self.unlisted[kind] = unlisted
            self.behind[kind] = {one: behind.get(one, 0) + 1 for one in missing}
            if not missing:
                self.current[kind] = self.clock()

    def resynced(self) -> None:
        """Note that a resync has gone through."""
        with self.lock:
            self.synced = self.clock()

    def resync_age(self) -> float:
        """Return how many seconds ago a resync has gone through, or else the operator began."""
        with self.lock:
            return self.clock() - (self.begun if self.synced is None else self.synced)

    def watch_ages(self, kinds: Iterable[str]) -> dict[str, float]:
        """Return how many seconds ago each watch was found to have told of everything, or else the operator began."""
        with self.lock:
            return {kind: self.clock() - self.current.get(kind, self.begun) for kind in kinds}

    def faults(self) -> list[str]:
        """Return what is wrong; empty where nothing is."""
        with self.lock:
            faults = []
            if self.synced is None:  # it cannot reach the API server, or may not list: not ready, and Helm waits
                faults.append("no resync yet")
            elif (age := self.clock() - self.synced) > MISSED_RESYNCS * self.resync_seconds + 30:
                faults.append(f"no resync for {age:.0f} s")
            for kind, behind in self.behind.items():
                stale = sum(count > MISSED_LOOKS for count in behind.values())
                if stale:
                    faults.append(f"the watch of {kind} has missed {stale} changes")
            return faults


def health_page(health: Health) -> Page:
    """Return the page of /healthz: 200, or 503 with what is wrong."""
    faults = health.faults()
    body = json.dumps({"healthy": not faults, "faults": faults}).encode()
    return Page(503 if faults else 200, "application/json", body)

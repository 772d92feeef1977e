"""How pods of the work got through the cluster, and why those that failed did: read off their timestamps and states.

Kubernetes notes times in whole seconds; so are these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from batt.names import EXIT_ASKED_TO_STOP
from batt.timing import PhaseClock, PhaseStats
from batt_operator.cluster import Raw
from batt_operator.observed import WORKER, parsed_time, pod_view

STORE_CODES = (74, 77)
"""Exit codes of a worker whose store failed or refused (batt.errors)."""

STEPS = ("cluster.queued", "cluster.scheduled", "cluster.image_pull", "cluster.start")
"""A pod's way from its Job to its work, in order (batt.timing.CLUSTER_PHASES)."""


class PodEnd(NamedTuple):
    """A pod that has failed. reason: a word of batt.metrics.RETRY_REASONS."""

    uid: str
    reason: str


class PodStory(NamedTuple):
    """What counts of a pod once its attempt has ended. way: seconds of each step; end: None unless it has failed."""

    way: Mapping[str, float]
    end: PodEnd | None


def way_of(raw: Raw, job_start: datetime) -> dict[str, float]:
    """Return how many seconds a pod spent on each step of its way, as far as it came and Kubernetes has noted.

    Args:
        job_start: since when its Job could start pods.
    """
    status = raw.get("status") or {}
    scheduled = next(
        (
            parsed_time(one["lastTransitionTime"])
            for one in status.get("conditions") or ()
            if one["type"] == "PodScheduled" and one.get("status") == "True"
        ),
        None,
    )
    starts = container_starts(status)
    created = parsed_time(raw["metadata"]["creationTimestamp"])
    marks = [job_start, created, scheduled, min(starts.values(), default=None), starts.get(WORKER)]
    way: dict[str, float] = {}
    for name, before, after in zip(STEPS, marks[:-1], marks[1:], strict=True):
        if before is None or after is None:
            break
        way[name] = max(0.0, (after - before).total_seconds())
    return way


def container_starts(status: Raw) -> dict[str, datetime]:
    """Return when each container of a pod began, of those that have."""
    starts = {}
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or ():
            state = container.get("state") or {}
            told = (state.get("terminated") or state.get("running") or {}).get("startedAt")
            if told:
                starts[container["name"]] = parsed_time(told)
    return starts


def way_stats(ways: Iterable[Mapping[str, float]]) -> Mapping[str, PhaseStats]:
    """Return the statistics of each step over the ways of some pods."""
    clock = PhaseClock()
    for way in ways:
        for name, seconds in way.items():
            clock.add(name, seconds)
    return clock.stats


def end_of(raw: Raw) -> PodEnd:
    """Return why a failed pod has failed."""
    status = raw.get("status") or {}
    disrupted = any(
        one["type"] == "DisruptionTarget" and one.get("status") == "True" for one in status.get("conditions") or ()
    )
    pod = pod_view(raw)
    if pod.reason == "Evicted":
        reason = "evicted"
    elif disrupted:
        reason = "preempted"
    elif pod.ended_reason == "OOMKilled":
        reason = "out_of_memory"
    elif pod.exit_code == EXIT_ASKED_TO_STOP:
        reason = "asked_to_stop"
    elif pod.exit_code in STORE_CODES:
        reason = "store"
    else:
        reason = "error"
    return PodEnd(pod.uid, reason)


def story_of(raw: Raw, job_start: datetime) -> PodStory:
    """Return what counts of a pod; job_start: as way_of takes it."""
    has_failed = (raw.get("status") or {}).get("phase") == "Failed"
    return PodStory(way_of(raw, job_start), end_of(raw) if has_failed else None)

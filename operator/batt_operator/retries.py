"""Counts pods of the work that have failed while their run goes on: a preemption storm must show before its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from batt.metrics import MOST_RUNS
from batt_operator.cluster import ApiError, Cluster, Raw, RunKey
from batt_operator.observed import job_view, parsed_time
from batt_operator.podtimes import PodEnd, end_of
from batt_operator.stages import Stage

FAILED_PODS = 500
"""Most failed pods of a Job that are read at a time."""

LOG = logging.getLogger("batt_operator")
"""The operator's log."""


class WorkJob(NamedTuple):
    """A Job of the work. is_with_gpu: whether it is that of the tasks which want a GPU."""

    key: RunKey
    uid: str
    name: str
    created: datetime
    is_with_gpu: bool


class FailedPods:
    """Which failed pods have been counted; used from several threads.

    began: when the operator did. Of an older Job nobody knows which pods were counted before: those that are found
    first count as such.
    """

    def __init__(self, began: datetime) -> None:
        self.began = began
        self.lock = threading.Lock()
        self.known: dict[str, set[str]] = {}

    def fresh(self, job_uid: str, created: datetime, ends: Iterable[PodEnd]) -> list[str]:
        """Return the reasons of pods of a Job that were not counted yet, and count them."""
        with self.lock:
            is_first = job_uid not in self.known
            known = self.known.setdefault(job_uid, set())
            found = [end for end in ends if end.uid not in known]
            known.update(end.uid for end in found)
            return [] if is_first and created < self.began else [end.reason for end in found]

    def keep(self, uids: set[str]) -> None:
        """Forget Jobs that are no more."""
        with self.lock:
            self.known = {uid: pods for uid, pods in self.known.items() if uid in uids}


def work_jobs(raws: Iterable[Raw]) -> list[WorkJob]:
    """Return the Jobs of the work whose pods come and go now, the newest first."""
    jobs = []
    for raw in raws:
        view = job_view(raw)
        if view.stage == Stage.WORK and not view.is_over and not view.is_suspended:
            metadata = raw["metadata"]
            key = RunKey(metadata["namespace"], metadata["labels"]["batt.dev/run"])
            is_with_gpu = view.name.startswith(f"{key.name}-{Stage.WORK}-gpu")
            created = parsed_time(metadata["creationTimestamp"])
            jobs.append(WorkJob(key, view.uid, view.name, created, is_with_gpu))
    return sorted(jobs, key=lambda job: job.created, reverse=True)


def count_retries(
    cluster: Cluster, jobs: Sequence[WorkJob], failed: FailedPods, tell: Callable[[WorkJob, list[str]], None]
) -> None:
    """Look for failed pods of Jobs, the first so many; one request each. What cannot be read is counted later."""
    for job in jobs[:MOST_RUNS]:
        try:
            pods = cluster.list_pods(job.key.namespace, job.uid, "status.phase=Failed", FAILED_PODS)
        except ApiError as error:
            LOG.warning("pods not counted", extra={"namespace": job.key.namespace, "error": str(error)})
            return
        tell(job, failed.fresh(job.uid, job.created, map(end_of, pods)))

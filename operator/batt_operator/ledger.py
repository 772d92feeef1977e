"""Counts attempts of runs that have ended: what their phases took, and how their pods got through the cluster."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from batt.status import Reason
from batt.timing import PhaseStats
from batt_operator.cluster import ApiError, Cluster
from batt_operator.draft import Draft
from batt_operator.exporter import Folded, Metrics
from batt_operator.observed import JobView, RunView, parsed_time
from batt_operator.podtimes import PodStory, story_of, way_stats
from batt_operator.retries import FailedPods
from batt_operator.settings import Settings
from batt_operator.stages import Places, Stage, job_slots
from batt_operator.world import places_of

SAMPLED_PODS = 2000
"""Most pods of an ended work Job whose way through the cluster is read; of more, these are a sample."""

LOG = logging.getLogger("batt_operator")
"""The operator's log."""


class Ledger:
    """Puts ended attempts into the metrics. failed: pods that were counted while the work went on."""

    def __init__(self, cluster: Cluster, settings: Settings, metrics: Metrics, failed: FailedPods) -> None:
        self.cluster = cluster
        self.settings = settings
        self.metrics = metrics
        self.failed = failed

    def fold(self, run: RunView, draft: Draft, jobs: Mapping[str, JobView]) -> None:
        """Count an attempt, which has ended as the draft says."""
        status = draft.status
        places = places_of(run.run, self.settings) if run.run else Places("", "", "")
        ways: dict[str, Mapping[str, PhaseStats]] = {}
        for slot in job_slots(run.name, Stage.WORK, status.attempt, status.clock, places):
            if slot.name in jobs:
                job = jobs[slot.name]
                pods = self.pods_of(run, job)
                ways[slot.pool] = way_stats(pod.way for pod in pods)
                ends = [pod.end for pod in pods if pod.end]
                reasons = self.failed.fresh(job.uid, parsed_time(job.created), ends)
                self.metrics.retried(status.kind, slot.pool, reasons)
        reason = str(draft.ended_by or Reason.STAGE_FAILED)
        gpu = places.gpu or places.work
        self.metrics.fold(Folded(status.kind, places.work, gpu, reason, status.clock.todo, draft.told, ways))

    def pods_of(self, run: RunView, job: JobView) -> list[PodStory]:
        """Return a Job's pods, of very many some; none where they cannot be read: numbers hold no run up."""
        begin = parsed_time(job.started)
        try:
            return [story_of(pod, begin) for pod in self.cluster.many_pods(run.namespace, job.uid, SAMPLED_PODS)]
        except ApiError as error:
            fields = {"namespace": run.namespace, "run": run.name, "error": str(error)}
            LOG.warning("pods not read", extra=fields)
            return []

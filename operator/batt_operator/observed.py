"""What the operator sees: runs, Jobs and pods of the API server as types that hold only what decisions need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from batt.api import BenchmarkRun
from batt.errors import SpecError
from batt.runfile import parse_run
from batt.status import RunStatus
from batt_operator.cluster import Raw
from batt_operator.stages import Stage

WORKER = "worker"
"""Name of the container whose exit code and message are the pod's."""

NOT_ITS_TURN = frozenset({"ContainerCreating", "PodInitializing"})
"""What kubelet calls a container that waits for volumes, an image or another container (pkg/kubelet/kubelet_pods.go):
the second where the pod has init containers, as those with agents have."""


class RunView(NamedTuple):
    """A run as it is stored. `run` is None where it cannot be read; `faults` says why, one line each.

    stored_status: `status` as the API server has it, from which a patch starts.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    is_deleting: bool
    run: BenchmarkRun | None
    faults: tuple[str, ...]
    status: RunStatus
    stored_status: Raw


class JobView(NamedTuple):
    """A Job: what it was told, and what has become of it. created; started: since when it may start pods: RFC 3339."""

    name: str
    uid: str
    owner_uid: str
    stage: str
    completions: int
    parallelism: int
    is_suspended: bool
    is_deleting: bool
    active: int
    ready: int
    terminating: int
    succeeded: int
    failed_pods: int
    failed_indexes: str
    is_complete: bool
    failed_reason: str
    failed_message: str
    created: str = ""
    started: str = ""

    @property
    def is_over(self) -> bool:
        """Whether no pod of it will start any more."""
        return self.is_complete or bool(self.failed_reason)


class PodView(NamedTuple):
    """A pod: where it is stuck, or how its worker container ended. is_ready: whether its node says that it runs."""

    name: str
    uid: str
    phase: str
    is_ready: bool
    node: str
    reason: str
    message: str
    created: datetime
    unscheduled: str
    waiting_reason: str
    waiting_message: str
    exit_code: int | None
    ended_reason: str
    ended_message: str


def run_view(raw: Raw) -> RunView:
    """Return a run of the API server."""
    metadata = raw["metadata"]
    faults: tuple[str, ...] = ()
    run = None
    try:
        run = parse_run(raw)
    except SpecError as error:  # a CRD of another version lets through what this operator does not know
        faults = tuple(str(fault) for fault in error.faults)
    return RunView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        resource_version=metadata["resourceVersion"],
        is_deleting="deletionTimestamp" in metadata,
        run=run,
        faults=faults,
        status=status_of(raw.get("status") or {}),
        stored_status=raw.get("status") or {},
    )


def status_of(stored: Raw) -> RunStatus:
    """Return a run's status; an unreadable one (written by hand) counts as none: the operator writes it anew."""
    try:
        status = RunStatus.model_validate(stored)
        Stage(status.clock.stage)
        times = (status.start_time, status.completion_time, status.clock.running_since, status.clock.waiting_since)
        has_zones = all(parsed_time(time).tzinfo for time in times if time is not None)
    except ValueError:  # pydantic's ValidationError is one, too
        return RunStatus()
    return status if has_zones else RunStatus()


def is_settled(raw: Raw) -> bool:
    """Return whether a run has ended and nothing was asked of it since: nobody needs to look at it."""
    status = status_of(raw.get("status") or {})
    return status.has_ended() and status.observed_generation == raw["metadata"].get("generation", 0)


def job_view(raw: Raw) -> JobView:
    """Return a Job of the API server."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or () if one.get("status") == "True"}
    failed = conditions.get("Failed", {})
    return JobView(
        name=metadata["name"],
        uid=metadata["uid"],
        owner_uid=next((one["uid"] for one in metadata.get("ownerReferences", ()) if one.get("controller")), ""),
        stage=metadata.get("labels", {}).get("batt.dev/stage", ""),
        completions=spec.get("completions", 1),
        parallelism=spec.get("parallelism", 1),
        is_suspended=spec.get("suspend", False),
        is_deleting="deletionTimestamp" in metadata,
        active=status.get("active", 0),
        ready=status.get("ready", 0),
        terminating=status.get("terminating", 0),
        succeeded=status.get("succeeded", 0),
        failed_pods=status.get("failed", 0),
        failed_indexes=status.get("failedIndexes", ""),
        is_complete="Complete" in conditions,
        failed_reason=(failed.get("reason") or "Failed") if failed else "",
        failed_message=failed.get("message", ""),
        created=metadata.get("creationTimestamp", ""),
        started=status.get("startTime") or metadata.get("creationTimestamp", ""),
    )


def pod_view(raw: Raw) -> PodView:
    """Return a pod of the API server."""
    status = raw.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled", {})
    containers = status.get("containerStatuses") or ()
    state = next((one.get("state") or {} for one in containers if one["name"] == WORKER), {})
    waiting, ended = waiting_of(status.get("initContainerStatuses") or (), state), state.get("terminated")
    return PodView(
        name=raw["metadata"]["name"],
        uid=raw["metadata"]["uid"],
        phase=status.get("phase", ""),
        is_ready=conditions.get("Ready", {}).get("status") == "True",
        node=raw.get("spec", {}).get("nodeName", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        created=parsed_time(raw["metadata"]["creationTimestamp"]),
        unscheduled=scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else "",
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        exit_code=ended["exitCode"] if ended else None,
        ended_reason=(ended or {}).get("reason", ""),
        ended_message=(ended or {}).get("message", ""),
    )


def waiting_of(before: Sequence[Raw], worker: Raw) -> Raw:
    """Return what a pod waits for: what the first container says that has more to say than that it waits for its turn.

    Args:
        before: statuses of the containers that start before the worker.
        worker: the worker's state.
    """
    states = [*(one.get("state") or {} for one in before), worker]
    waits: list[Raw] = [state["waiting"] for state in states if state.get("waiting")]
    return next((one for one in waits if one.get("reason") not in NOT_ITS_TURN), waits[0] if waits else {})


def parsed_time(text: str) -> datetime:
    """Return a time of the API server."""
    return datetime.fromisoformat(text)


def written_time(time: datetime) -> str:
    """Return a time as the API server writes it: UTC, whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def count_indexes(ranges: str) -> int:
    """Return how many indexes a text like `1,3-5,7` names (batch/v1 failedIndexes)."""
    total = 0
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total


class StageView(NamedTuple):
    """The Jobs of a stage taken together."""

    stage: Stage
    jobs: tuple[JobView, ...]
    missing: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all Jobs are there and have completed."""
        return not self.missing and all(job.is_complete for job in self.jobs)

    @property
    def is_over(self) -> bool:
        """Whether all Jobs are there, and no pod of them will start any more."""
        return not self.missing and all(job.is_over for job in self.jobs)

    @property
    def failed(self) -> JobView | None:
        """The first Job that has failed, of several one that stops the run if there is such."""
        failed = [job for job in self.jobs if job.failed_reason]
        return min(failed, key=lambda job: job.failed_reason == "FailedIndexes", default=None)

    @property
    def is_idle(self) -> bool:
        """Whether no pod is there or on its way out."""
        return all(job.active + job.terminating == 0 for job in self.jobs)

    @property
    def has_running_pod(self) -> bool:
        """Whether a pod runs now."""
        return any(job.ready for job in self.jobs)

    @property
    def has_begun(self) -> bool:
        """Whether a pod has ever run."""
        return any(job.ready + job.succeeded + job.failed_pods for job in self.jobs)

    def total(self, field: str) -> int:
        """Return the sum of a count over the Jobs."""
        return sum(getattr(job, field) for job in self.jobs)


def stage_view(stage: Stage, names: Sequence[str], jobs: dict[str, JobView]) -> StageView:
    """Return the Jobs of a stage; those that are going away count as missing only once they are gone."""
    found = tuple(jobs[name] for name in names if name in jobs)
    return StageView(stage, found, tuple(name for name in names if name not in jobs))

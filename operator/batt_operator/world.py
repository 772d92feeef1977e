"""What reconcile is given and what it gives back: the world of a run, what must be looked at, actions, a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from batt.api import BenchmarkRun
from batt.status import Clock
from batt_operator.cluster import Raw
from batt_operator.draft import Draft, Event
from batt_operator.observed import JobView, PodView, RunView, StageView, parsed_time, stage_view
from batt_operator.settings import Settings
from batt_operator.stages import ORDER, Places, Stage, job_slots
from batt_operator.stalls import Stall

STALL_SECONDS = 10.0
"""How long a stage may be without a running pod before somebody looks why: pulling an image takes about that."""


class CreateConfigMap(NamedTuple):
    """Create the ConfigMap that carries the run."""

    manifest: Raw


class CreateJob(NamedTuple):
    """Create a Job of a stage."""

    manifest: Raw


class PatchJob(NamedTuple):
    """Change fields of a Job's spec."""

    name: str
    spec: Raw


class DeleteJob(NamedTuple):
    """Delete a Job and its pods."""

    name: str
    uid: str


class DeleteRun(NamedTuple):
    """Delete the run, whose time to live after its end is over."""


Action: TypeAlias = CreateConfigMap | CreateJob | PatchJob | DeleteJob | DeleteRun
"""What the executor can do to the cluster."""


class World(NamedTuple):
    """All that is known of a run.

    jobs: the run's own Jobs by name.
    ended_pods: by Job name, the pods that are left of a Job that is over, some of them where there are many.
    stall: why the current stage has no running pod, if somebody has looked.
    refused: why the API server has just not let us create what is needed.
    """

    run: RunView
    jobs: Mapping[str, JobView]
    ended_pods: Mapping[str, Sequence[PodView]]
    stall: Stall | None
    refused: Stall | None
    settings: Settings
    now: datetime


class Decision(NamedTuple):
    """What to do, in this order; the status is written last."""

    actions: tuple[Action, ...]
    draft: Draft
    events: tuple[Event, ...]
    again_seconds: float | None


class Look(NamedTuple):
    """What reconcile needs to see of pods: those of ended Jobs, and whether to ask why nothing runs."""

    ended: tuple[JobView, ...]
    stalled: tuple[JobView, ...]


def what_to_look_at(run: RunView, jobs: Mapping[str, JobView], settings: Settings, now: datetime) -> Look:
    """Return which Jobs' pods must be read before reconcile can decide; most of the time none."""
    status, spec = run.status, run.run
    begins = begins_attempt(run)
    if spec is None or (status.has_ended() and not begins):
        return Look((), ())
    stage, attempt = (Stage.PLAN, spec.spec.attempt) if begins else (Stage(status.clock.stage), status.attempt)
    # Jobs of later stages are there only where the operator died before it wrote that it had made them.
    clock = status.clock
    later = [view_of(run, spec, one, attempt, clock, jobs, settings) for one in ORDER[ORDER.index(stage) :]]
    ended = tuple(job for view in later for job in view.jobs if job.is_over)
    since = status.clock.waiting_since
    has_waited = since is not None and (now - parsed_time(since)).total_seconds() >= STALL_SECONDS
    stalled = tuple(job for job in later[0].jobs if not job.is_over and not job.is_suspended and not job.ready)
    return Look(ended, stalled if has_waited else ())


def begins_attempt(run: RunView) -> bool:
    """Return whether a run is new, or has ended and is asked for a further attempt."""
    status = run.status
    if status.start_time is None:
        return True
    return status.has_ended() and run.run is not None and run.run.spec.attempt > status.attempt


def view_of(
    run: RunView,
    spec: BenchmarkRun,
    stage: Stage,
    attempt: int,
    clock: Clock,
    jobs: Mapping[str, JobView],
    settings: Settings,
) -> StageView:
    """Return the Jobs of a stage."""
    slots = job_slots(run.name, stage, attempt, clock, places_of(spec, settings))
    return stage_view(stage, [slot.name for slot in slots], dict(jobs))


def places_of(spec: BenchmarkRun, settings: Settings) -> Places:
    """Return the pools that a run's pods go to."""
    name = spec.spec.pool or settings.default_pool
    pool = settings.pools.get(name)
    has_gpu = pool is not None and pool.has_gpu()
    return Places(name, "" if has_gpu else settings.pool_for_gpu(), settings.stage_pool)

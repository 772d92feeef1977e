"""Looks at a run, has it decided, acts: reads what reconcile needs, applies its actions, writes the status last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from batt.api import API_VERSION, KIND
from batt.status import Reason, RunStatus
from batt_operator.cluster import ApiError, Cluster, Raw, RunKey
from batt_operator.draft import Draft, Event
from batt_operator.observed import (
    NOT_ITS_TURN,
    JobView,
    PodView,
    RunView,
    job_view,
    pod_view,
    run_view,
    status_of,
    written_time,
)
from batt_operator.reconcile import reconcile
from batt_operator.settings import Settings
from batt_operator.stalls import Stall, explain_refusal, explain_waiting
from batt_operator.world import (
    Action,
    CreateConfigMap,
    CreateJob,
    Decision,
    DeleteJob,
    DeleteRun,
    PatchJob,
    World,
    begins_attempt,
    what_to_look_at,
)

ENDED_PODS = 50
"""Most pods of an ended Job that are read: enough to say how they failed, whatever the size of the run."""

STALLED_PODS = 20
"""Most pods of a stalled stage that are read."""

STATUS_SECONDS = (15.0, 60.0)
"""Least time between two writes of a status in which only counts have changed: in a run's first minutes, and later."""

FIRST_MINUTES_SECONDS = 300.0
"""How long counts are written more often."""

LOG = logging.getLogger("batt_operator")
"""The operator's log."""


REFUSED = frozenset({400, 403, 422})
"""Answers by which the API server refuses an object for what it is: a quota, an admission policy, a wrong field."""


class RefusedError(Exception):
    """What a run needs cannot be created: somebody else's stands there, or the API server does not take it."""

    def __init__(self, stall: Stall) -> None:
        super().__init__(stall.message)
        self.stall = stall


class Executor:
    """Reconciles runs against a cluster, one at a time per run (controller.py sees to that).

    fold: told of every attempt that has ended, at most once.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        now: Callable[[], datetime],
        fold: Callable[[RunView, Draft, Mapping[str, JobView]], None] = lambda *_: None,
    ) -> None:
        self.cluster = cluster
        self.settings = settings
        self.now = now
        self.fold = fold
        self.written: dict[RunKey, datetime] = {}
        self.unwritten: dict[RunKey, RunView] = {}

    def reconcile(self, key: RunKey) -> float | None:
        """Bring a run a step further; return after how many seconds to look again, None for when something happens.

        Raises:
            ApiError: the API server refused or is away; the same again later is right.
        """
        raw = self.cluster.get_run(key)
        if raw is None:
            self.forget(key)
            return None
        run = self.with_unwritten(key, run_view(raw))
        is_over = run.status.has_ended() and not begins_attempt(run)
        jobs = {} if is_over else self.own_jobs(run)  # of thousands of runs, most are over
        decision = self.decide(run, jobs, None)
        try:
            self.act(run, decision.actions)
        except RefusedError as error:
            decision = self.decide(run, jobs, error.stall)
            self.act(run, decision.actions)
        return self.conclude(key, run, jobs, decision)

    def tell_fault(self, key: RunKey, error: str) -> None:
        """Say on a run that the operator cannot go on with it; the next look that succeeds takes it back."""
        raw = self.cluster.get_run(key)
        if raw is None:
            return
        run = run_view(raw)
        if run.status.has_ended():
            return
        draft = Draft(run, self.now())
        draft.fault(f"the operator cannot go on with this run: {error}; its log says more")
        self.cluster.patch_status(key, run.resource_version, merge_patch(run.stored_status, as_raw(draft.status)))

    def forget(self, key: RunKey) -> None:
        """Drop what is remembered of a run that goes."""
        self.written.pop(key, None)
        self.unwritten.pop(key, None)

    def with_unwritten(self, key: RunKey, run: RunView) -> RunView:
        """Return the run with the counts that were not worth a write yet, if it is still as it was then."""
        known = self.unwritten.pop(key, None)
        is_same = known is not None and (known.uid, known.resource_version) == (run.uid, run.resource_version)
        return known if known is not None and is_same else run

    def own_jobs(self, run: RunView) -> dict[str, JobView]:
        """Return the run's Jobs by name."""
        views = map(job_view, self.cluster.list_jobs(run.namespace, run.uid))
        return {job.name: job for job in views if job.owner_uid == run.uid}

    def decide(self, run: RunView, jobs: Mapping[str, JobView], refused: Stall | None) -> Decision:
        """Read the pods that the decision needs, and decide."""
        now = self.now()
        look = what_to_look_at(run, jobs, self.settings, now)
        ended = {job.name: self.pods(run, job, ended_fields(job), ENDED_PODS) for job in look.ended}
        stall = self.stall(run, look.stalled) if look.stalled else None
        return reconcile(World(run, jobs, ended, stall, refused, self.settings, now))

    def pods(self, run: RunView, job: JobView, fields: str, limit: int) -> list[PodView]:
        """Return some pods of a Job."""
        return [pod_view(raw) for raw in self.cluster.list_pods(run.namespace, job.uid, fields, limit)]

    def stall(self, run: RunView, jobs: Sequence[JobView]) -> Stall | None:
        """Return why a stage has no running pod."""
        pods = [
            pod
            for job in jobs
            for phase in ("Running", "Pending", "Failed")  # asked for apart: many of one would hide the others
            for pod in self.pods(run, job, f"status.phase={phase}", STALLED_PODS)
        ]
        refusals = [] if pods else [word for job in jobs for word in self.words(run, job.uid, "FailedCreate")]
        stuck = next((pod for pod in pods if pod.waiting_reason in NOT_ITS_TURN), None)
        mounts = self.words(run, stuck.uid, "FailedMount") if stuck else []
        return explain_waiting(pods, refusals, mounts)

    def words(self, run: RunView, uid: str, reason: str) -> list[str]:
        """Return the messages of the events of one reason about an object, the latest last."""
        events = self.cluster.list_events(run.namespace, uid, reason)
        return [str(event.get("message", "")) for event in sorted(events, key=when)]

    def act(self, run: RunView, actions: Sequence[Action]) -> None:
        """Apply actions in their order.

        Raises:
            RefusedError: something cannot be created; what stands before it in the list is done.
        """
        for action in actions:
            LOG.info("act", extra=about(run) | {"action": type(action).__name__, "object": name_of(action)})
            match action:
                case CreateConfigMap(manifest):
                    require_ours(run, create(self.cluster.create_config_map, manifest))
                case CreateJob(manifest):
                    require_seen(manifest, require_ours(run, create(self.cluster.create_job, manifest)))
                case PatchJob(name, spec):
                    self.cluster.patch_job(run.namespace, name, spec)
                case DeleteJob(name, uid):
                    self.cluster.delete_job(run.namespace, name, uid)
                case DeleteRun():
                    self.cluster.delete_run(RunKey(run.namespace, run.name), run.uid, run.resource_version)

    def conclude(self, key: RunKey, run: RunView, jobs: Mapping[str, JobView], decision: Decision) -> float | None:
        """Write the status if there is something to say; return when to look again."""
        if run.is_deleting or any(isinstance(action, DeleteRun) for action in decision.actions):
            self.forget(key)
            return None
        new, old = decision.draft.status, status_of(run.stored_status)
        again = decision.again_seconds
        if new == old:
            return again
        wait = 0.0 if without_counts(new) != without_counts(old) else self.seconds_to_wait(key, run)
        if wait > 0:
            self.unwritten[key] = run._replace(status=new)
            return wait if again is None else min(wait, again)
        for event in decision.events:  # before the status: a crash between the two tells them again by the same names
            self.tell(run, event)
        changes = merge_patch(run.stored_status, as_raw(new))
        self.cluster.patch_status(key, run.resource_version, changes)
        self.written[key] = self.now()
        if new.folded != old.folded:  # it is stored that this attempt is counted: at most once, whoever dies when
            self.fold(run, decision.draft, jobs)
        if new.phase is not old.phase:
            LOG.info("phase", extra=about(run) | {"phase": str(new.phase), "was": str(old.phase), "why": new.message})
        return again

    def tell(self, run: RunView, event: Event) -> None:
        """Create an event; one that the API server will never take (a quota, a rule) must not hold the status up."""
        try:
            self.cluster.create_event(event_manifest(run, event, self.now()))
        except ApiError as error:
            if error.status not in {400, 403, 422}:
                raise
            LOG.warning("event refused", extra=about(run) | {"reason": event.reason, "error": str(error)})

    def seconds_to_wait(self, key: RunKey, run: RunView) -> float:
        """Return how long counts alone must wait until they are written."""
        last = self.written.get(key)
        if last is None:
            return 0.0
        first, later = STATUS_SECONDS
        least = first if run.status.clock.ran_seconds + age(run, self.now()) < FIRST_MINUTES_SECONDS else later
        return least - (self.now() - last).total_seconds()


def age(run: RunView, now: datetime) -> float:
    """Return how long ago the attempt began."""
    start = run.status.start_time
    return (now - datetime.fromisoformat(start)).total_seconds() if start else 0.0


def ended_fields(job: JobView) -> str:
    """Return the field selector of the pods that tell how a Job ended."""
    return "status.phase=Succeeded" if job.is_complete else "status.phase=Failed"


def when(event: Raw) -> str:
    """Return when an event happened last; RFC 3339 texts sort by time."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def name_of(action: Action) -> str:
    """Return the name of the object that an action is about, for the log."""
    match action:
        case CreateConfigMap(manifest) | CreateJob(manifest):
            return str(manifest["metadata"]["name"])
        case PatchJob(name, _) | DeleteJob(name, _):
            return name
    return ""


def about(run: RunView) -> dict[str, str]:
    """Return what every log line about a run says."""
    return {"namespace": run.namespace, "run": run.name}


def create(send: Callable[[Raw], Raw], manifest: Raw) -> Raw:
    """Create an object; return it as stored.

    Raises:
        RefusedError: the API server does not take it.
    """
    try:
        return send(manifest)
    except ApiError as error:
        if error.status not in REFUSED or is_going_away(error):
            raise
        raise RefusedError(explain_refusal(error.message)) from error


def require_ours(run: RunView, raw: Raw) -> Raw:
    """Refuse an object that another one owns: a user's, or a deleted run's of the same name. Return ours."""
    owners = [one["uid"] for one in raw["metadata"].get("ownerReferences", ()) if one.get("controller")]
    if run.uid not in owners:
        what = f"{raw.get('kind', 'object')} {raw['metadata']['name']}"
        message = f"{what} is there and not this run's; delete it, or rename the run"
        raise RefusedError(Stall(Reason.NAME_TAKEN, message))
    return raw


def require_seen(manifest: Raw, raw: Raw) -> None:
    """Refuse a Job of ours whose labels somebody has changed: by them we find it, and would wait for it for ever."""
    labels = raw["metadata"].get("labels") or {}
    changed = {name: value for name, value in manifest["metadata"]["labels"].items() if labels.get(name) != value}
    if changed:
        wanted = ", ".join(f"{name}={value}" for name, value in changed.items())
        message = f"Job {raw['metadata']['name']} is there without labels of batt's ({wanted}); set them, or delete it"
        raise RefusedError(Stall(Reason.NAME_TAKEN, message))


def without_counts(status: RunStatus) -> dict[str, Any]:
    """Return a status without what changes all the time while pods come and go."""
    clock = status.clock.model_copy(update={"waiting_since": None})
    quiet = status.model_copy(update={"clock": clock, "progress": ""})
    return quiet.model_dump(exclude={"shards"}) | {"failed": status.shards.failed}


def as_raw(status: RunStatus) -> Raw:
    """Return a status as the API server has it."""
    raw: Raw = status.model_dump(mode="json", by_alias=True)
    return raw


def merge_patch(old: Raw, new: Raw) -> Raw:
    """Return the merge patch (RFC 7386) that makes `new` of `old`: what is gone or None is null."""
    changes: Raw = {}
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            changes[name] = merge_patch(before, after)
        else:
            changes[name] = after
    return changes


def event_manifest(run: RunView, event: Event, now: datetime) -> Raw:
    """Return a Kubernetes event about a run."""
    time = written_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event.name, "namespace": run.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": run.name,
            "namespace": run.namespace,
            "uid": run.uid,
        },
        "type": "Warning" if event.is_warning else "Normal",
        "reason": event.reason,
        "message": event.message[:1024],  # the API server takes no more
        "source": {"component": "batt-operator"},
        "reportingComponent": "batt.dev/operator",
        "reportingInstance": "batt-operator",
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


def is_going_away(error: ApiError) -> bool:
    """Return whether the run's namespace is being deleted, and the run with it: nothing new may come into being."""
    return error.status == 403 and "being terminated" in error.message


def is_conflict(error: ApiError) -> bool:
    """Return whether the run or a Job has changed or gone between our reading and our writing: normal, look again."""
    return error.status in {404, 409}

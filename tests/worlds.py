"""A run, its Jobs and its pods without a cluster: what decisions are made of, and a story that carries them out.

The story stands for the API server and the Job controller in so far as a test says what they do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from batt.api import API_VERSION, KIND
from batt.message import CollectMessage, PlanMessage, encode
from batt.status import Condition, ConditionType, RunStatus
from batt.timing import EDGES, PhaseStats
from batt_operator.observed import JobView, PodView, RunView, job_view, pod_view, run_view, written_time
from batt_operator.reconcile import reconcile
from batt_operator.settings import Settings
from batt_operator.stalls import Stall
from batt_operator.world import (
    CreateConfigMap,
    CreateJob,
    Decision,
    DeleteJob,
    DeleteRun,
    PatchJob,
    World,
    what_to_look_at,
)

THEN = datetime(2026, 1, 1, 10, tzinfo=UTC)
"""When stories begin."""

UID = "0f7a3b52-1111-2222-3333-444455556666"
"""uid of the run."""

HAL = {"solvers": None, "hal": {"benchmark": "humaneval", "agent": {"name": "a", "source": "builtin:null"}}}
"""The spec of a run of kind hal."""

GPU = {"resources": {"limits": {"nvidia.com/gpu": 1}}, "price": {"perHour": 0.5, "dated": "2026-01-01"}}
"""A pool whose pods ask for a GPU."""


def settings_with(**changes: Any) -> Settings:
    """Return a configuration with two pools."""
    values = {"image": "batt:1", "results": "gs://bucket/runs", "pools": {"cpu": {}, "l4": GPU}}
    return Settings.model_validate(values | changes)


def run_object(
    spec: Mapping[str, Any] | None = None, status: Mapping[str, Any] | None = None, generation: int = 1, **metadata: Any
) -> dict[str, Any]:
    """Return a run as the API server gives it."""
    solvers = {"dataset": "arc-agi-1/training", "candidates": "builtin:starter"}
    known = {"name": "mine", "namespace": "team", "uid": UID, "resourceVersion": "7", "generation": generation}
    raw = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": known | metadata,
        "spec": {"solvers": solvers} | dict(spec or {}),
    }
    return raw if status is None else raw | {"status": dict(status)}


def pod_object(name: str = "pod-1", *, created: datetime = THEN, **status: Any) -> dict[str, Any]:
    """Return a pod as the API server gives it."""
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": written_time(created)}
    return {"metadata": metadata, "status": status}


def ended_pod(code: int, message: str = "", reason: str = "", name: str = "pod-1") -> PodView:
    """Return a pod whose worker has ended with a code and last words."""
    terminated = {"exitCode": code, "message": message, "reason": reason or ("Error" if code else "Completed")}
    statuses = [{"name": "worker", "state": {"terminated": terminated}}]
    return pod_view(pod_object(name, phase="Failed" if code else "Succeeded", containerStatuses=statuses))


def plan_words(shards: int = 4, todo: int | None = None, evaluations: int = 0, gpu: int = 0) -> str:
    """Return what a plan says."""
    return encode(PlanMessage("f", shards, shards if todo is None else todo, 2, 8, 0, evaluations, gpu)).decode()


def collect_words(
    missing: int = 0, indexes: str = "", phases: Mapping[str, PhaseStats] | None = None, **changes: Any
) -> str:
    """Return what a collect says."""
    one = PhaseStats(1, 2.5, 2.5, 2.5, (0,) * 9 + (1,) + (0,) * (len(EDGES) - 9))
    times = {"main.run_batt": one} if phases is None else phases
    told = CollectMessage(1, 1, 2, 8, {"correct": 1}, missing, indexes, times, 7200.0, 360.0, "f/out/1/results.json")
    return encode(told._replace(**{"added_phases": times, **changes})).decode()


class Story:
    """One run over time. `look` is one reconcile whose actions and status are carried out."""

    def __init__(self, spec: Mapping[str, Any] | None = None, **settings: Any) -> None:
        self.settings = settings_with(**settings)
        self.now = THEN
        self.raw = run_object(spec)
        self.jobs: dict[str, JobView] = {}
        self.config_maps = 0
        self.made = 0
        self.pods: dict[str, list[PodView]] = {}
        self.stall: Stall | None = None
        self.refused: Stall | None = None
        self.is_gone = False
        self.last: Decision | None = None

    # -- what happens to it ---------------------------------------------------------------------------------------

    def look(self, seconds: float = 0.0, *, crash: bool = False) -> Decision:
        """Let time pass, then reconcile once; with `crash` the operator dies before it writes the status."""
        self.now += timedelta(seconds=seconds)
        decision = reconcile(self.world())
        for action in decision.actions:
            self.act(action)
        if not crash:
            self.write(decision.draft.status)
        self.last = decision
        return decision

    def world(self) -> World:
        """Return what the operator sees now, its taste for pods included."""
        look = what_to_look_at(self.run, self.jobs, self.settings, self.now)
        ended = {job.name: self.pods.get(job.uid, []) for job in look.ended}
        stall = self.stall if look.stalled else None
        return World(self.run, dict(self.jobs), ended, stall, self.refused, self.settings, self.now)

    def act(self, action: object) -> None:
        """Do to the cluster what the executor does."""
        match action:
            case CreateConfigMap():
                self.config_maps += 1
            case CreateJob(manifest):
                name = manifest["metadata"]["name"]
                if name not in self.jobs:
                    self.made += 1
                    metadata = manifest["metadata"] | {"uid": f"job-{self.made}"}
                    self.jobs[name] = job_view(manifest | {"metadata": metadata})
            case PatchJob(name, spec):
                names = {"suspend": "is_suspended", "parallelism": "parallelism"}
                changes = {names[key]: value for key, value in spec.items()}
                self.jobs[name] = self.jobs[name]._replace(**changes)
            case DeleteJob(name, uid):
                if name in self.jobs and self.jobs[name].uid == uid:
                    del self.jobs[name]
            case DeleteRun():
                self.is_gone = True

    def write(self, status: RunStatus) -> None:
        """Store a status as the API server does: as JSON without nulls."""
        self.raw["status"] = json.loads(status.model_dump_json(by_alias=True, exclude_none=True))

    def edit(self, **spec: Any) -> None:
        """Change the run as a user does."""
        self.raw["spec"] |= spec
        self.raw["metadata"]["generation"] += 1

    def job(self, name: str, **changes: Any) -> JobView:
        """Change a Job as the Job controller does; return it."""
        self.jobs[name] = self.jobs[name]._replace(**changes)
        return self.jobs[name]

    def end(self, name: str, *pods: PodView, **changes: Any) -> None:
        """End a Job; these of its pods are left."""
        quiet = {"active": 0, "ready": 0, "terminating": 0}
        self.pods[self.job(name, **quiet | changes).uid] = list(pods)

    def complete(self, name: str, message: str = "") -> None:
        """Let all pods of a Job succeed."""
        done = self.jobs[name].completions
        self.end(name, ended_pod(0, message), is_complete=True, succeeded=done)

    def fail(self, name: str, reason: str, *pods: PodView, message: str = "it failed", **changes: Any) -> None:
        """Let a Job fail."""
        self.end(name, *pods, failed_reason=reason, failed_message=message, **changes)

    # -- ways that stories go -------------------------------------------------------------------------------------

    def planned(self, shards: int = 4, todo: int | None = None, gpu: int = 0) -> Story:
        """Go on until the work Job is there, told to run; a HAL run is scored in two shards."""
        self.look()
        attempt = self.status.attempt
        suffix = f"-{attempt}" if attempt > 1 else ""
        evaluations = 2 if self.raw["spec"].get("hal") else 0
        self.complete(f"mine-plan{suffix}", plan_words(shards, todo, evaluations, gpu))
        self.look(10)
        return self

    def working(self, shards: int = 4) -> Story:
        """Go on until all shards are worked on."""
        self.planned(shards)
        self.job("mine-work", active=shards, ready=shards, is_suspended=False)
        self.look(10)
        return self

    def collecting(self) -> Story:
        """Go on until collect's pod works."""
        self.working()
        self.complete("mine-work")
        self.look(10)
        self.job("mine-collect", active=1, ready=1)
        self.look(10)
        return self

    # -- what shows -----------------------------------------------------------------------------------------------

    @property
    def run(self) -> RunView:
        """The run as the operator reads it."""
        return run_view(self.raw)

    @property
    def status(self) -> RunStatus:
        """The stored status."""
        return self.run.status

    @property
    def phase(self) -> str:
        """Its phase."""
        return str(self.status.phase)

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return a condition of the stored status."""
        return self.status.condition(kind)

    @property
    def ending(self) -> tuple[str, str]:
        """How the run has ended: its phase, and the reason of the condition that says so."""
        [condition] = [one for one in self.status.conditions if one.type.value == self.phase and one.status == "True"]
        return self.phase, str(condition.reason)

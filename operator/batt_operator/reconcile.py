"""reconcile(world) -> Decision: what to do about a run, from all that is known of it now.

Pure, and level-based: whatever happened before, in which order, and however often this is asked, the same world gives
the same decision.

    plan ──> work ──> (evaluate ──>) collect ──> Complete | Failed | Cancelled     (`status.clock.stage` says where)
      └─ refused: Failed   └─ stopped early: `status.clock.ending` says why, what is stored is still collected
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batt.message import CollectMessage, ErrorMessage, PlanMessage, parse_message
from batt.status import ConditionType, Phase, Reason, ShardCounts
from batt_operator.draft import Draft
from batt_operator.endings import refusal, why_failed
from batt_operator.jobs import config_map_manifest, job_manifest
from batt_operator.observed import JobView, StageView, count_indexes, parsed_time
from batt_operator.settings import Pool
from batt_operator.stages import JobSlot, Places, Stage, job_slots, shares
from batt_operator.stalls import Stall
from batt_operator.world import (
    STALL_SECONDS,
    Action,
    CreateConfigMap,
    CreateJob,
    Decision,
    DeleteJob,
    DeleteRun,
    PatchJob,
    World,
    begins_attempt,
    places_of,
    view_of,
)

BACKOFF_SECONDS = 660.0
"""Longest time that Kubernetes waits before it tries a failed pod again (10 minutes), and some more."""

STOP_SECONDS = 180.0
"""How long pods that were told to stop are waited for before collect starts without them: a lost node never answers."""

MAX_REMADE = 3
"""How often a stage is made anew because its last words were lost."""

REFUSED_SECONDS = 5.0
"""When to try again to create what was refused: what a deleted run of the same name leaves goes by itself."""

LOST_SECONDS = 3600.0
"""How much longer pods are waited for that run on nodes which do not answer: Kubernetes evicts them long before."""

SOON_SECONDS = 1.0
"""When to look again at what should change by itself at once."""


def reconcile(world: World) -> Decision:
    """Return what to do about a run."""
    return Reconciler(world).decide()


class Reconciler:
    """One decision: reads the world, collects actions, drafts the status."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.run = world.run
        self.settings = world.settings
        self.now = world.now
        self.draft = Draft(world.run, world.now)
        self.actions: list[Action] = []
        self.again: float | None = None

    def decide(self) -> Decision:
        """Return the decision."""
        if not self.run.is_deleting:  # what it owns goes by owner references
            if begins_attempt(self.run):
                self.draft.begin(self.run.run, self.settings.results)
            if self.draft.status.has_ended():
                self.expire()
            else:
                self.advance()
        return Decision(tuple(self.actions), self.draft, self.draft.events(), self.again)

    def expire(self) -> None:
        """Delete a run whose time to live is over; say again what changed in a run that has ended."""
        self.draft.observe()
        ttl = self.run.run.spec.ttl_seconds_after_finished if self.run.run else None
        ended = self.draft.status.completion_time
        if ttl is None or ended is None:
            return
        left = ttl - (self.now - parsed_time(ended)).total_seconds()
        if left <= 0:
            self.actions.append(DeleteRun())
        else:
            self.again_in(left)

    def advance(self) -> None:
        """Take the run as far as it goes now."""
        self.draft.observe()
        self.draft.drop_fault()
        spec = self.run.run
        is_new = self.draft.status.clock.stage == Stage.PLAN and not self.world.jobs
        refused = refusal(self.run, self.settings) if is_new or spec is None else ""  # who has begun may go on
        if refused or spec is None:
            self.delete([job for job in self.world.jobs.values() if not job.is_over])  # of a run taken up before
            self.draft.end(Phase.FAILED, Reason.CONFIG_ERROR, refused)
            return
        self.spec = spec
        self.is_queued = bool(spec.spec.queue)
        self.warn()
        if self.stage in {Stage.PLAN, Stage.WORK}:  # later ones end what there is, and have limits of their own
            if not self.view().is_over:  # what ended in time did so, whenever somebody looks
                self.check_deadline()
            if spec.spec.cancel:
                self.draft.stop(Reason.CANCELLED, "spec.cancel is true")
        steps: dict[Stage, Callable[[StageView], bool]] = {
            Stage.PLAN: self.plan_step,
            Stage.WORK: self.work_step,
            Stage.EVALUATE: self.evaluate_step,
            Stage.COLLECT: self.collect_step,
        }
        while steps[self.stage](self.view()):  # a stage that is over makes way for the next at once
            pass
        self.draft.settle(self.view())

    @property
    def stage(self) -> Stage:
        """The stage that the run is in."""
        return Stage(self.draft.status.clock.stage)

    @property
    def is_suspended(self) -> bool:
        """Whether no pod may run now; collecting what a stopped run has stored goes on regardless."""
        spec = self.spec.spec
        return spec.suspend and not spec.cancel and self.draft.status.clock.ending is None

    def view(self) -> StageView:
        """Return the Jobs of the current stage."""
        status = self.draft.status
        return view_of(self.run, self.spec, self.stage, status.attempt, status.clock, self.world.jobs, self.settings)

    def again_in(self, seconds: float) -> None:
        """Ask to be asked again after so long at the latest."""
        self.again = max(SOON_SECONDS, seconds if self.again is None else min(self.again, seconds))

    def warn(self) -> None:
        """Say what is allowed and still unwise."""
        pool = self.pool()
        if pool is not None and pool.has_gpu() and self.spec.spec.hal is None:
            message = "solvers run on CPUs: the GPU of this pool stays idle; choose a CPU pool"
            self.draft.say(ConditionType.WARNING, Reason.IDLE_GPU, message)
        else:
            self.draft.drop(ConditionType.WARNING)

    def check_deadline(self) -> None:
        """Stop the work of a run that has taken too long, without the time it was suspended."""
        limit = self.spec.spec.deadlines.run_seconds or self.settings.run_seconds
        left = limit - self.draft.ran_seconds()
        if left <= 0:
            message = f"ran for {limit} s, as spec.deadlines.runSeconds allows; what is finished is collected"
            self.draft.stop(Reason.DEADLINE_EXCEEDED, message)
        elif not self.is_suspended:
            self.again_in(left)

    # -- stages ---------------------------------------------------------------------------------------------------

    def plan_step(self, view: StageView) -> bool:
        """Freeze the run's inputs; return whether the run has moved on to the work."""
        ending = self.draft.status.clock.ending
        if ending:  # nothing is planned, so there is nothing to collect
            self.delete(view.jobs)
            self.draft.end_early()
            return False
        if view.is_complete:
            told = self.told(view)
            if not isinstance(told, PlanMessage):
                return self.remake(view)
            self.draft.planned(told)
            pool = self.pool()
            if told.gpu and not self.places.gpu and pool is not None and not pool.has_gpu():
                rule = "no pool of the operator has one"
                remedy = "ask for one to be added, or leave those tasks out"
                self.draft.end(Phase.FAILED, Reason.CONFIG_ERROR, f"{told.gpu} tasks want a GPU; {rule}; {remedy}")
                return False
            return self.enter(Stage.WORK)
        if view.failed:
            self.draft.end(Phase.FAILED, *self.why_failed(view.failed))
            return False
        if self.rests(view):
            return False
        if view.missing and not self.world.refused:
            self.create_config_map()
        self.create(view)
        self.draft.wake()
        has_begun = view.has_begun or (self.draft.has_begun_planning() and not view.missing)
        self.draft.planning(has_begun=has_begun)
        self.wait(view)
        return False

    def work_step(self, view: StageView) -> bool:
        """Work on the shards; return whether the run has moved on."""
        clock = self.draft.status.clock
        after = Stage.EVALUATE if clock.evaluations else Stage.COLLECT
        if clock.todo == 0 or (view.is_complete and clock.ending is None):
            self.count(view)
            return self.enter(after)
        self.count(view)
        if clock.ending:
            return self.has_stopped(view) and self.enter(after)
        if view.failed and not self.failed_by_suspension(view) and not self.goes_on(view):
            self.draft.stop(*self.why_failed(view.failed))
            return self.has_stopped(view) and self.enter(after)
        failed = self.draft.status.shards.failed
        if len(view.jobs) > 1 and failed > self.spec.spec.retries.failed_shards and not self.was_suspended(view):
            message = f"{failed} shards failed in both Jobs, more than spec.retries.failedShards allows"
            self.draft.stop(Reason.TOO_MANY_FAILURES, message)
            return self.has_stopped(view) and self.enter(after)
        if self.rests(view):
            return False
        if self.resume(view):
            return False
        self.create(view)
        if self.is_queued and all(job.is_suspended for job in view.jobs) and not self.world.refused:
            self.draft.rest(Reason.QUEUED_BY_KUEUE, f"waits in the queue {self.spec.spec.queue} for Kueue to admit it")
            return False
        self.draft.wake()
        self.scale(view)
        self.wait(view)
        if self.draft.status.clock.ending:  # waited too long
            return self.has_stopped(view) and self.enter(after)
        return False

    def evaluate_step(self, view: StageView) -> bool:
        """Score what agents have submitted; return whether the run has moved on to collecting.

        Where that cannot be, the run has failed, but what it has is collected.
        """
        if view.failed:
            self.give_up_scoring(self.why_failed(view.failed)[1])
        if self.spec.spec.cancel:
            self.draft.stop(Reason.CANCELLED, "spec.cancel is true")
            self.delete(view.jobs)
            return self.enter(Stage.COLLECT)
        if view.is_complete or not self.draft.status.clock.evaluations:
            return self.enter(Stage.COLLECT)
        if self.rests(view):
            return False
        self.create(view)
        self.draft.wake()
        self.wait(view)
        return not self.draft.status.clock.evaluations and self.enter(Stage.COLLECT)

    def give_up_scoring(self, why: str) -> None:
        """Note that outputs cannot be scored; what stopped the run before that stays its reason."""
        self.draft.stop(Reason.EVALUATION_FAILED, f"evaluate: {why}")
        self.draft.clock(evaluations=0)

    def collect_step(self, view: StageView) -> bool:
        """Merge what is stored; the run ends here."""
        if view.is_complete:
            told = self.told(view)
            if not isinstance(told, CollectMessage):
                return self.remake(view)
            self.draft.collected(told, self.settings.prices(self.spec.spec.pool))
            return False
        if view.failed:
            reason, message = self.why_failed(view.failed)
            self.draft.break_off(reason, f"collecting failed: {message}")
            return False
        if self.rests(view):
            return False
        self.create(view)
        self.draft.wake()
        self.wait(view)
        return False

    def enter(self, stage: Stage) -> bool:
        """Move on to a stage."""
        self.draft.clock(stage=str(stage), waiting_since=None)
        self.draft.drop(ConditionType.STALLED)
        return True

    # -- what stages have in common -------------------------------------------------------------------------------

    def goes_on(self, view: StageView) -> bool:
        """Return whether a stage goes on although a Job of it has failed: some shards may, and others work still."""
        return view.failed is not None and view.failed.failed_reason == "FailedIndexes" and not view.is_over

    def create(self, view: StageView) -> None:
        """Create the stage's Jobs that are missing."""
        if self.world.refused:  # the stall tells why; try again later
            self.again_in(REFUSED_SECONDS)
            return
        status = self.draft.status
        at_once = self.at_once(view)
        for slot in self.slots(view):
            if slot.name not in view.missing:
                continue
            if slot.pool not in self.settings.pools:  # taken away since the run began
                self.draft.stop(Reason.CONFIG_ERROR, refusal(self.run, self.settings))
                return
            parallelism = at_once[slot.name]
            manifest = job_manifest(self.run, self.spec, view.stage, slot, status.attempt, parallelism, self.settings)
            self.actions.append(CreateJob(manifest))
        if view.missing and view.stage is Stage.WORK:
            self.draft.clock(failed_pods=0)

    def delete(self, jobs: Sequence[JobView]) -> None:
        """Delete Jobs that are not on their way out yet."""
        self.actions.extend(DeleteJob(job.name, job.uid) for job in jobs if not job.is_deleting)
        if jobs:
            self.again_in(SOON_SECONDS)

    def patch(self, jobs: Sequence[JobView], **spec: bool | int) -> None:
        """Change fields of Jobs that are not on their way out."""
        self.actions.extend(PatchJob(job.name, spec) for job in jobs if not job.is_deleting)

    def rests(self, view: StageView) -> bool:
        """Stop the stage's pods while the run is suspended; return whether it is.

        A Job that Kubernetes itself can suspend stays; plan and collect are made anew, they lose nothing.
        """
        if not self.is_suspended:
            return False
        if view.stage is not Stage.WORK or self.is_queued:
            self.delete(view.jobs)
        else:
            running = [job for job in view.jobs if not job.is_suspended and not job.is_over]
            if running:
                self.draft.clock(failed_pods=view.total("failed_pods"))
            self.patch(running, suspend=True)
        self.draft.rest(Reason.SUSPENDED_BY_USER, "spec.suspend is true; `batt resume` goes on")
        return True

    def failed_by_suspension(self, view: StageView) -> bool:
        """Return whether a Job failed because pods that had not started were ended by our own suspension.

        Kubernetes ends such pods as Failed, and counts that against their shards.
        """
        job = view.failed
        if job is None or not self.was_suspended(view):
            return False
        return job.failed_reason in {"MaxFailedIndexesExceeded", "FailedIndexes"}

    def was_suspended(self, view: StageView) -> bool:
        """Return whether we have suspended the work; its Job says so where our status was not written any more."""
        if self.is_queued:
            return False
        return self.draft.is_resting(Reason.SUSPENDED_BY_USER) or any(job.is_suspended for job in view.jobs)

    def resume(self, view: StageView) -> bool:
        """Let suspended Jobs of ours go on; return whether that must wait.

        For pods on their way out: only then is it known whether the suspension has counted as failures of shards.
        Where it has, the Job is made anew: the shards get their retries back.
        """
        is_resumed = not view.failed and not any(job.is_suspended for job in view.jobs)  # by one that died thereafter
        if is_resumed or not self.was_suspended(view):
            return False
        waited = self.draft.waited_seconds(begin=True)
        if not view.is_idle and waited < STOP_SECONDS:
            since = self.draft.status.clock.waiting_since
            self.draft.rest(Reason.SUSPENDED_BY_USER, "goes on once its pods have stopped")
            self.draft.clock(waiting_since=since)  # of those pods: a run that rests waits for none
            self.again_in(STOP_SECONDS - waited)
            return True
        self.draft.clock(waiting_since=None)
        if view.failed or view.total("failed_pods") > self.draft.status.clock.failed_pods:
            self.delete(view.jobs)
            return bool(view.jobs)
        self.patch([job for job in view.jobs if job.is_suspended], suspend=False)
        return False

    def has_stopped(self, view: StageView) -> bool:
        """Stop the work for good; return whether no pod works any more, or none will say so."""
        if all(job.is_over for job in view.jobs):
            return True
        waited = self.draft.waited_seconds(begin=True)
        self.again_in(STOP_SECONDS - waited)
        if self.is_queued:
            self.delete(view.jobs)
            return waited >= STOP_SECONDS
        running = [job for job in view.jobs if not job.is_suspended and not job.is_over]
        self.patch(running, suspend=True)
        return (not running and view.is_idle) or waited >= STOP_SECONDS

    def create_config_map(self) -> None:
        """Create the ConfigMap that pods read the run from; one that is there stays as it is."""
        root = self.draft.status.results.removesuffix(self.draft.status.run_id).rstrip("/")
        self.actions.append(CreateConfigMap(config_map_manifest(self.run, self.spec, root)))

    def pool(self) -> Pool | None:
        """Return where the work runs; None where the operator's configuration has lost it since the run began."""
        return self.settings.pools.get(self.spec.spec.pool or self.settings.default_pool)

    @property
    def places(self) -> Places:
        """The pools that the run's pods go to."""
        return places_of(self.spec, self.settings)

    def slots(self, view: StageView) -> tuple[JobSlot, ...]:
        """Return the Jobs that a stage is to have."""
        status = self.draft.status
        return job_slots(self.run.name, view.stage, status.attempt, status.clock, self.places)

    def at_once(self, view: StageView) -> dict[str, int]:
        """Return how many pods of each Job of a stage should run at once; of a queued run Kueue sees to it."""
        most = self.spec.spec.max_concurrency or self.settings.max_concurrency
        over = {job.name for job in view.jobs if job.is_over}
        pods = {slot.name: slot.pods for slot in self.slots(view) if slot.name not in over}
        return {name: min(most, count) for name, count in pods.items()} if self.is_queued else shares(most, pods)

    def scale(self, view: StageView) -> None:
        """Set how many pods run at once to what the run says now; a queued run's Job is Kueue's."""
        if self.is_queued:
            return
        at_once = self.at_once(view)
        for job in view.jobs:
            wanted = at_once.get(job.name, job.parallelism)
            if job.parallelism != wanted:
                self.patch([job], parallelism=wanted)

    def count(self, view: StageView) -> None:
        """Take over the counts of the work's Jobs."""
        if view.has_begun:  # it may also be over by now
            self.draft.started()
        status = self.draft.status
        done_before = status.shards.total - (status.clock.todo or 0)
        has_progressed = done_before + view.total("succeeded") > status.shards.succeeded
        shards = ShardCounts(
            total=status.shards.total,
            active=view.total("active"),
            succeeded=done_before + view.total("succeeded"),
            failed=sum(count_indexes(job.failed_indexes) for job in view.jobs),
            failed_indexes=self.failed_shards(view),
        )
        self.draft.counted(shards)
        if has_progressed:
            self.draft.clock(waiting_since=None)

    def failed_shards(self, view: StageView) -> str:
        """Return which shards have failed; empty where the Jobs' indexes are not those of shards.

        In a further attempt they are places in its own list: which shards those are, collect says.
        """
        if self.draft.status.attempt > 1 or len(view.jobs) != 1:
            return ""
        return view.jobs[0].failed_indexes

    def wait(self, view: StageView) -> None:
        """Say how a stage gets on; stop it where it has had no running pod for too long."""
        if view.has_running_pod or not (view.jobs or self.world.refused):
            self.draft.clock(waiting_since=None)
            self.draft.drop(ConditionType.STALLED)
            return
        waited = self.draft.waited_seconds(begin=True)
        stall = self.stall_of(view)
        limit = float(self.spec.spec.deadlines.pending_seconds)
        if view.has_begun or (view.stage is Stage.WORK and self.draft.status.is_true(ConditionType.STARTED)):
            limit += BACKOFF_SECONDS  # for which Kubernetes may wait before it tries a shard again
        if stall and stall.reason is Reason.NODE_LOST:
            limit += LOST_SECONDS
        if waited >= limit:
            self.give_up(view, stall, waited)
            return
        self.again_in(limit - waited)
        if waited < STALL_SECONDS:
            self.again_in(STALL_SECONDS - waited)
        elif stall:
            self.draft.say(ConditionType.STALLED, stall.reason, stall.message)
            if stall.reason is Reason.POD_CONFIG and not self.world.refused:
                self.create_config_map()  # somebody may have deleted it

    def stall_of(self, view: StageView) -> Stall | None:
        """Return why no pod of the stage runs."""
        return self.world.refused or (self.world.stall if view.jobs else None)

    def give_up(self, view: StageView, stall: Stall | None, waited: float) -> None:
        """End a stage that does not get any pod to run."""
        reason = stall.reason if stall else Reason.NOT_STARTED
        why = stall.message if stall else "no pod has run, and nothing says why"
        message = f"{view.stage}: no pod ran for {waited:.0f} s (spec.deadlines.pendingSeconds): {why}"
        if view.stage is Stage.WORK:
            self.draft.stop(reason, message)
        elif view.stage is Stage.EVALUATE:
            self.delete(view.jobs)
            self.give_up_scoring(f"{reason}: {message}")
        else:
            self.delete(view.jobs)
            self.draft.break_off(reason, message)

    def told(self, view: StageView) -> PlanMessage | CollectMessage | ErrorMessage | None:
        """Return the last words of a completed stage; None where they are lost."""
        pods = [pod for pod in self.world.ended_pods.get(view.jobs[0].name, ()) if pod.exit_code == 0]
        return parse_message(pods[0].ended_message) if pods else None

    def remake(self, view: StageView) -> bool:
        """Make a stage anew whose last words are lost: it says the same again."""
        remade = self.draft.status.clock.remade
        if remade >= MAX_REMADE:
            message = f"{view.stage}: its pods ended without a message {remade + 1} times; is the image one of batt's?"
            self.draft.break_off(Reason.STAGE_FAILED, message)
            return False
        if not any(job.is_deleting for job in view.jobs):
            self.draft.clock(remade=remade + 1)
        self.delete(view.jobs)
        return False

    def why_failed(self, job: JobView) -> tuple[Reason, str]:
        """Return what a failed Job means for the run."""
        return why_failed(job, self.world.ended_pods.get(job.name, ()))

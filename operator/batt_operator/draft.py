"""The status of a run while it is decided: every change goes through here, so that it never contradicts itself.

Conditions are the truth. `settle` derives phase, progress and message from them; `events` tells what changed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

from batt.api import BenchmarkRun
from batt.costs import Prices, charge_of
from batt.hal.outcomes import Outcome
from batt.manifest import RunRef
from batt.message import DECIMALS, CollectMessage, PlanMessage
from batt.results import Usage
from batt.status import (
    CONDITION_BYTES,
    RANGES_CHARACTERS,
    Clock,
    Condition,
    ConditionType,
    Cost,
    Phase,
    PhaseTimes,
    Reason,
    RunStatus,
    ShardCounts,
    TaskCounts,
)
from batt.timing import PhaseStats
from batt_operator.observed import RunView, StageView, parsed_time, written_time
from batt_operator.stages import Stage

UID_CHARACTERS = 8
"""How much of a run's uid its folder's name holds: tells runs of one name apart."""

END_CONDITIONS = {
    Phase.COMPLETE: ConditionType.COMPLETE,
    Phase.FAILED: ConditionType.FAILED,
    Phase.CANCELLED: ConditionType.CANCELLED,
}
"""The condition that is true of a run in each phase that ends it."""

TOLD = (
    ConditionType.PLANNED,
    ConditionType.SUSPENDED,
    ConditionType.STALLED,
    ConditionType.WARNING,
    *END_CONDITIONS.values(),
)
"""Conditions whose coming true is also a Kubernetes event; not Started: the status says it, and events are writes."""

BAD = frozenset({ConditionType.FAILED, ConditionType.STALLED, ConditionType.WARNING})
"""Conditions whose events are warnings."""


class Event(NamedTuple):
    """A Kubernetes event about the run. `name` is the same whenever the same thing is told again."""

    name: str
    is_warning: bool
    reason: str
    message: str


class Draft:
    """A status in the making."""

    def __init__(self, run: RunView, now: datetime) -> None:
        self.run = run
        self.now = now
        self.status: RunStatus = run.status
        self.told: CollectMessage | None = None
        self.ended_by: Reason | None = None

    # -- the life of an attempt -----------------------------------------------------------------------------------

    def begin(self, spec: BenchmarkRun | None, default_results: str | None) -> None:
        """Start an attempt: what an earlier one has said is gone, but for where the results are."""
        ref = RunRef(self.run.namespace, self.run.name, self.run.uid.replace("-", "")[:UID_CHARACTERS])
        root = (spec.spec.results if spec else None) or default_results
        known = self.status.results  # the pods read it from a ConfigMap that never changes
        self.status = RunStatus(
            kind="hal" if spec and spec.spec.hal else "solvers",
            attempt=spec.spec.attempt if spec else 1,
            run_id=ref.folder,
            results=known or (f"{root.rstrip('/')}/{ref.folder}" if root else ""),
            start_time=written_time(self.now),
            folded=self.status.folded,
        )
        self.clock(running_since=written_time(self.now))

    def observe(self) -> None:
        """Note that this status is about the run as it is now."""
        self.status = self.status.model_copy(update={"observed_generation": self.run.generation})

    def planning(self, *, has_begun: bool) -> None:
        """Say that the plan is being made, or waits for its pod.

        A pod that has ended is for a moment neither running nor counted: a plan that has begun stays so.
        """
        reason = Reason.PLANNING if has_begun else Reason.NOT_STARTED
        message = "reads the inputs" if has_begun else "waits for the plan's pod"
        self.say(ConditionType.PLANNED, reason, message, is_true=False)

    def planned(self, told: PlanMessage) -> None:
        """Take over what the plan has found."""
        shards = ShardCounts(total=told.shards, succeeded=told.shards - told.todo)
        self.update(shards=shards, tasks=TaskCounts(total=told.tasks))
        self.clock(todo=told.todo, todo_gpu=told.gpu, remade=0, evaluations=told.evaluations)
        refused = f", {told.refused} refused" if told.refused else ""
        words = f"{told.candidates} candidates on {told.tasks} tasks in {told.shards} shards{refused}"
        if told.evaluations:
            words = f"an agent on {told.tasks} tasks, {told.shards} times in all"
        self.say(ConditionType.PLANNED, Reason.PLANNED, words)

    def started(self) -> None:
        """Say that a pod of the work has begun."""
        self.say(ConditionType.STARTED, Reason.STARTED, "pods work on the shards")

    def counted(self, shards: ShardCounts) -> None:
        """Take over counts of shards."""
        ranges = shards.failed_indexes
        if len(ranges) > RANGES_CHARACTERS:
            ranges = ranges[:RANGES_CHARACTERS].rpartition(",")[0] + ",..."
        self.update(shards=shards.model_copy(update={"failed_indexes": ranges}))

    def collected(self, told: CollectMessage, prices: Prices) -> None:
        """Take over the results, and end the run as they and its way there say.

        Args:
            prices: of the run's pool, and of the one where tasks ran that want a GPU.
        """
        self.told = told
        ending = self.status.clock.ending
        shards = self.status.shards
        self.counted(shards.model_copy(update={"active": 0, "succeeded": max(0, shards.total - told.missing)}))
        if told.missing <= shards.failed:  # less: pods that failed after they had stored their result
            self.counted(
                self.status.shards.model_copy(update={"failed": told.missing, "failed_indexes": told.missing_indexes})
            )
        outcomes = {name: count for name, count in told.verdicts.items() if name != Outcome.OK}
        failed = sum(outcomes.values()) if self.status.kind == "hal" else None
        self.update(
            tasks=TaskCounts(total=told.tasks, solved=told.solved, failed=failed),
            score=f"{told.solved}/{told.tasks}",
            phases=tuple(phase_times(name, stats) for name, stats in told.phases.items()),
            cost=cost_of(told, prices),
        )
        missing = f"{told.missing} shards have no result ({told.missing_indexes})"
        solved = f"{told.solved} of {told.tasks} tasks solved"
        if failed:
            words = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items()))
            solved += f", {failed} without a submission ({words})"
        if ending is Reason.CANCELLED:
            self.end(Phase.CANCELLED, ending, f"{solved}; {missing if told.missing else 'nothing is missing'}")
        elif not told.missing and ending is not Reason.EVALUATION_FAILED:
            self.end(Phase.COMPLETE, Reason.ALL_SHARDS_DONE, solved)
        elif ending is Reason.COMPLETED_WITH_FAILURES:
            self.end(Phase.COMPLETE, ending, f"{solved}; {missing}; {self.status.clock.ending_message}")
        elif ending:
            self.end(Phase.FAILED, ending, f"{self.status.clock.ending_message}; {solved}, {missing}")
        else:
            self.end(
                Phase.FAILED, Reason.RESULTS_MISSING, f"all pods have succeeded, yet {missing}; `batt retry-failed`"
            )

    def stop(self, reason: Reason, message: str) -> None:
        """Note why the work ends early; the first reason stays. From now on the clock counts how long pods take."""
        if self.status.clock.ending is None:
            self.clock(ending=reason, ending_message=cut(message), waiting_since=None)

    def end_early(self) -> None:
        """End the run for the reason that it was stopped for."""
        clock = self.status.clock
        reason = clock.ending or Reason.STAGE_FAILED
        phase = Phase.CANCELLED if reason is Reason.CANCELLED else Phase.FAILED
        self.end(phase, reason, clock.ending_message)

    def break_off(self, reason: Reason, message: str) -> None:
        """End the run because a stage cannot be done; what stopped it before that stays its reason."""
        before = self.status.clock
        if before.ending in {None, Reason.COMPLETED_WITH_FAILURES}:  # the latter is no reason to fail
            self.clock(ending=reason, ending_message=cut(message))
        else:
            self.clock(ending_message=cut(f"{message}; before that: {before.ending_message}"))
        self.end_early()

    def end(self, phase: Phase, reason: Reason, message: str) -> None:
        """End the attempt: one of Complete, Failed and Cancelled is true now, and nothing is suspended or stalled."""
        self.ended_by = reason
        self.say(END_CONDITIONS[phase], reason, message)
        planned = self.status.condition(ConditionType.PLANNED)
        if planned is not None and planned.status == "False":
            self.say(ConditionType.PLANNED, reason, "the run has ended", is_true=False)
        self.wake()
        self.drop(ConditionType.STALLED)
        ran = self.ran_seconds()
        self.update(
            phase=phase,
            message=cut(message),
            completion_time=written_time(self.now),
            folded=self.status.attempt,
            shards=self.status.shards.model_copy(update={"active": 0}),
        )
        self.clock(running_since=None, waiting_since=None, ran_seconds=round(ran, 1))

    # -- suspension and time --------------------------------------------------------------------------------------

    def rest(self, reason: Reason, message: str) -> None:
        """Say that the run is suspended: neither deadline runs."""
        self.say(ConditionType.SUSPENDED, reason, message)
        self.drop(ConditionType.STALLED)
        self.clock(ran_seconds=round(self.ran_seconds(), 1), running_since=None, waiting_since=None)

    def wake(self) -> None:
        """Say that the run is not suspended, if it was."""
        if self.status.is_true(ConditionType.SUSPENDED):
            self.say(ConditionType.SUSPENDED, Reason.RESUMED, "goes on", is_true=False)
        if self.status.clock.running_since is None:
            self.clock(running_since=written_time(self.now))

    def is_resting(self, reason: Reason) -> bool:
        """Return whether the run was last seen suspended for that reason."""
        found = self.status.condition(ConditionType.SUSPENDED)
        return found is not None and found.status == "True" and found.reason is reason

    def ran_seconds(self) -> float:
        """Return how long the attempt has run, without the time it was suspended."""
        clock = self.status.clock
        if clock.running_since is None:
            return clock.ran_seconds
        return clock.ran_seconds + (self.now - parsed_time(clock.running_since)).total_seconds()

    def waited_seconds(self, *, begin: bool) -> float:
        """Return how long the stage has had no running pod; begin to count where nobody does yet."""
        since = self.status.clock.waiting_since
        if since is None:
            if begin:
                self.clock(waiting_since=written_time(self.now))
            return 0.0
        return max(0.0, (self.now - parsed_time(since)).total_seconds())

    # -- fields ---------------------------------------------------------------------------------------------------

    def update(self, **changes: Any) -> None:  # fields of RunStatus, checked there by mypy's plugin only on creation
        """Change fields of the status."""
        self.status = self.status.model_copy(update=changes)

    def clock(self, **changes: Any) -> None:  # fields of Clock, as above
        """Change fields of the clock."""
        clock: Clock = self.status.clock.model_copy(update=changes)
        self.update(clock=clock)

    def say(self, kind: ConditionType, reason: Reason, message: str, *, is_true: bool = True) -> None:
        """Set a condition; its transition time moves only when its status does."""
        status = "True" if is_true else "False"
        before = self.status.condition(kind)
        changed = written_time(self.now)
        since = before.last_transition_time if before and before.status == status else changed
        condition = Condition(
            type=kind,
            status=status,
            reason=reason,
            message=cut(message),
            last_transition_time=since,
            observed_generation=self.run.generation,
        )
        others = [one for one in self.status.conditions if one.type is not kind]
        place = {kind: place for place, kind in enumerate(ConditionType)}
        self.update(conditions=tuple(sorted([*others, condition], key=lambda one: place[one.type])))

    def fault(self, message: str) -> None:
        """Say that the operator itself has failed at the run."""
        self.say(ConditionType.STALLED, Reason.OPERATOR_FAULT, message)
        self.update(message=cut(f"{Reason.OPERATOR_FAULT}: {message}"))

    def drop_fault(self) -> None:
        """Take that back."""
        stalled = self.status.condition(ConditionType.STALLED)
        if stalled is not None and stalled.reason is Reason.OPERATOR_FAULT:
            self.drop(ConditionType.STALLED)

    def drop(self, kind: ConditionType) -> None:
        """Take a condition back."""
        self.update(conditions=tuple(one for one in self.status.conditions if one.type is not kind))

    def settle(self, view: StageView) -> None:
        """Derive what people read from what is true."""
        shards = self.status.shards
        progress = f"{shards.succeeded}/{shards.total}" if self.status.is_true(ConditionType.PLANNED) else ""
        self.update(progress=progress)
        if self.status.has_ended():
            return
        stalled, resting = (self.status.condition(kind) for kind in (ConditionType.STALLED, ConditionType.SUSPENDED))
        if resting is not None and resting.status == "True":
            self.update(phase=Phase.SUSPENDED, message=resting.message)
            return
        self.update(phase=self.phase_of(view.stage), message=f"{stalled.reason}: {stalled.message}" if stalled else "")

    def phase_of(self, stage: Stage) -> Phase:
        """Return the phase of a run that goes on: Pending until its first pod, the plan's, has begun."""
        if stage is Stage.PLAN:
            return Phase.PLANNING if self.has_begun_planning() else Phase.PENDING
        return {Stage.WORK: Phase.RUNNING, Stage.EVALUATE: Phase.EVALUATING}.get(stage, Phase.COLLECTING)

    def has_begun_planning(self) -> bool:
        """Return whether a pod of the plan has been seen to run."""
        planned = self.status.condition(ConditionType.PLANNED)
        return planned is not None and planned.reason is Reason.PLANNING

    def events(self) -> tuple[Event, ...]:
        """Return what is worth telling about the difference between the stored status and this one."""
        return tuple(event for kind in TOLD if (event := self.event_of(kind)))

    def event_of(self, kind: ConditionType) -> Event | None:
        """Return the event of a condition that has come true, or is true for another reason; a resumption too."""
        new, old = self.status.condition(kind), self.run.status.condition(kind)
        if new is None or (old is not None and (old.status, old.reason) == (new.status, new.reason)):
            return None
        if new.status != "True" and new.reason is not Reason.RESUMED:
            return None
        what = f"{self.run.uid} {self.status.attempt} {kind} {new.status} {new.reason} {self.run.generation}"
        name = f"{self.run.name}.{hashlib.sha256(what.encode()).hexdigest()[:16]}"
        is_warning = kind in BAD or new.reason is Reason.COMPLETED_WITH_FAILURES
        return Event(name, is_warning, str(new.reason), new.message or str(kind))


def phase_times(name: str, stats: PhaseStats) -> PhaseTimes:
    """Return a phase's statistics as the status has them: times to four significant digits."""
    low, high, middle, late = (
        short(one) for one in (stats.least, stats.most, stats.quantile(0.5), stats.quantile(0.95))
    )
    return PhaseTimes(
        name=name,
        count=stats.number,
        sum=round(stats.total, DECIMALS),
        min=low,
        max=high,
        p50=middle,
        p95=late,
        histogram=stats.buckets,
    )


def short(seconds: float) -> float:
    """Return a number with four significant digits."""
    return float(f"{seconds:.4g}")


def cost_of(told: CollectMessage, prices: Prices) -> Cost:
    """Return what the pods of the work cost, where each pool that they ran on has a price, in one currency."""
    cost = Cost(pod_seconds=round(told.pod_seconds, 1))
    everything, gpu = Usage(told.pod_seconds, told.wasted_seconds), Usage(told.gpu_seconds, told.gpu_wasted_seconds)
    charge = charge_of(everything, gpu, prices)
    if charge is None:
        return cost
    actual, wasted, currency, dated = charge
    return cost.model_copy(update={"currency": currency, "actual": actual, "wasted": wasted, "priced": dated})


def cut(text: str) -> str:
    """Return a message that takes no more bytes than a condition should; what cannot be printed is left blank."""
    data = "".join(one if one.isprintable() else " " for one in text).encode()
    return data.decode() if len(data) <= CONDITION_BYTES else f"{data[:CONDITION_BYTES].decode('utf-8', 'ignore')}..."

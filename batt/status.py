"""What the operator says of a run: conditions are the truth, `phase` is derived from them for people.

RunStatus
├── conditions   Condition      Planned, Started, Complete, Failed, Suspended, Cancelled, Stalled, Warning
├── shards       ShardCounts
├── tasks        TaskCounts
├── phases[]     PhaseTimes     how long the work took, phase by phase
├── cost         Cost
└── clock        Clock          what the operator must remember between two looks
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

CONDITION_BYTES = 1000
"""Longest message of a condition in UTF-8: the whole object stays under 10 KB."""

RANGES_CHARACTERS = 300
"""Longest list of failed shards, `1,3-5`; a longer one is cut and ends in `...`."""


class Phase(StrEnum):
    """Where a run is, in one word."""

    PENDING = "Pending"
    PLANNING = "Planning"
    RUNNING = "Running"
    EVALUATING = "Evaluating"
    COLLECTING = "Collecting"
    SUSPENDED = "Suspended"
    COMPLETE = "Complete"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


ENDED = frozenset({Phase.COMPLETE, Phase.FAILED, Phase.CANCELLED})
"""Phases that a run leaves only by a further attempt."""


class ConditionType(StrEnum):
    """What can be true or false of a run."""

    PLANNED = "Planned"
    STARTED = "Started"
    COMPLETE = "Complete"
    FAILED = "Failed"
    SUSPENDED = "Suspended"
    CANCELLED = "Cancelled"
    STALLED = "Stalled"
    WARNING = "Warning"


class Reason(StrEnum):
    """Why a condition is as it is; one word for programs, its message is for people."""

    PLANNING = "Planning"
    PLANNED = "Planned"
    STARTED = "Started"
    ALL_SHARDS_DONE = "AllShardsDone"
    COMPLETED_WITH_FAILURES = "CompletedWithFailures"
    RESULTS_MISSING = "ResultsMissing"
    TOO_MANY_FAILURES = "TooManyFailures"
    PLAN_REJECTED = "PlanRejected"
    CONFIG_ERROR = "ConfigError"
    AUTH_OR_QUOTA = "AuthOrQuota"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    STAGE_FAILED = "StageFailed"
    EVALUATION_FAILED = "EvaluationFailed"
    NAME_TAKEN = "NameTaken"
    SUSPENDED_BY_USER = "SuspendedByUser"
    QUEUED_BY_KUEUE = "QueuedByKueue"
    CANCELLED = "Cancelled"
    RESUMED = "Resumed"
    NOT_STARTED = "NotStarted"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL = "ImagePull"
    QUOTA_EXCEEDED = "QuotaExceeded"
    OUT_OF_MEMORY = "OutOfMemory"
    EVICTED = "Evicted"
    OPERATOR_FAULT = "OperatorFault"
    NODE_LOST = "NodeLost"
    POD_REFUSED = "PodRefused"
    POD_CONFIG = "PodConfig"
    CRASHING = "Crashing"
    IDLE_GPU = "IdleGpu"


class StatusModel(BaseModel):
    """Base of the status types: unchangeable, camelCase in JSON; fields of other versions are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Condition(StatusModel):
    """One thing that is true or false of the run (the form of Kubernetes' own conditions)."""

    type: ConditionType = Field(description="What this is about.")
    status: str = Field(description="`True` or `False`.")
    reason: Reason = Field(description="Why, in one word.")
    message: str = Field(default="", description="Why, for people; says what to do where something can be done.")
    last_transition_time: str = Field(description="When `status` last changed, RFC 3339.")
    observed_generation: int = Field(default=0, description="metadata.generation that this is about.")


class ShardCounts(StatusModel):
    """Shards of the work in the current attempt."""

    total: int = Field(default=0, description="Shards of the current attempt.")
    active: int = Field(default=0, description="Shards that a pod works on, or waits to.")
    succeeded: int = Field(default=0, description="Shards with a result.")
    failed: int = Field(default=0, description="Shards that have failed for good.")
    failed_indexes: str = Field(default="", description="Indexes of failed shards as ranges, `1,3-5`; cut where long.")


class TaskCounts(StatusModel):
    """Tasks of the run."""

    total: int = Field(default=0, description="Tasks of the run.")
    solved: int | None = Field(default=None, description="Tasks with a right answer; known once collected.")
    failed: int | None = Field(
        default=None, description="Tasks whose agent has given nothing to score; known once collected, of a HAL run."
    )


class PhaseTimes(StatusModel):
    """How long one phase of the work took, over all its occurrences."""

    name: str = Field(description="Name of the phase.")
    count: int = Field(description="How often it ran.")
    sum: float = Field(description="Seconds in all.")
    min: float = Field(description="Least seconds.")
    max: float = Field(description="Most seconds.")
    p50: float = Field(description="Median seconds, estimated from the histogram.")
    p95: float = Field(description="95th percentile of the seconds, estimated from the histogram.")
    histogram: tuple[int, ...] = Field(
        default=(), description="How many fell into each bucket; upper edges are those of docs/results.md."
    )


class Cost(StatusModel):
    """What the run costs by the pool's prices: pod seconds times the price of what a pod asks for."""

    currency: str = Field(default="USD", description="Currency of the amounts.")
    actual: float | None = Field(default=None, description="Cost of all pods of the work; known once collected.")
    wasted: float | None = Field(default=None, description="Part of it that gave no result: failed, preempted, double.")
    pod_seconds: float | None = Field(default=None, description="Seconds that pods worked, all attempts together.")
    priced: str = Field(default="", description="Date of the price that was used.")


class Clock(StatusModel):
    """What the operator must remember between two looks at a run."""

    stage: str = Field(default="plan", description="The stage that the attempt is in: plan, work, evaluate or collect.")
    todo: int | None = Field(default=None, description="Shards that the attempt's work has; known once planned.")
    todo_gpu: int = Field(default=0, description="Those of them that want a GPU.")
    evaluations: int = Field(default=0, description="Shards that scoring has, of a HAL run; 0 once it is given up.")
    failed_pods: int = Field(default=0, description="Pods of the work that had failed when it was suspended.")
    running_since: str | None = Field(default=None, description="Since when the run's deadline runs; absent: it rests.")
    ran_seconds: float = Field(default=0, description="Seconds the deadline ran before that.")
    waiting_since: str | None = Field(default=None, description="Since when the current stage has had no running pod.")
    remade: int = Field(default=0, description="How often a stage was made anew because its message was lost.")
    ending: Reason | None = Field(default=None, description="Why the work was stopped early; the run ends so.")
    ending_message: str = Field(default="", description="The same for people.")


class RunStatus(StatusModel):
    """What has become of the run, written by the operator."""

    phase: Phase = Field(default=Phase.PENDING, description="Where the run stands, in one word.")
    message: str = Field(default="", description="Why it stands there, for people.")
    kind: str = Field(default="", description="What the run does: solvers or hal.")
    attempt: int = Field(default=1, description="spec.attempt that this status is about.")
    observed_generation: int = Field(default=0, description="metadata.generation that this status is about.")
    run_id: str = Field(default="", description="Folder of the run's results under spec.results.")
    results: str = Field(default="", description="URI of the run's results.")
    progress: str = Field(default="", description="Shards done and in all, `12/400`.")
    score: str = Field(default="", description="Tasks solved and in all, `30/400`; known once collected.")
    shards: ShardCounts = Field(default=ShardCounts(), description="Counts of shards.")
    tasks: TaskCounts = Field(default=TaskCounts(), description="Counts of tasks.")
    cost: Cost = Field(default=Cost(), description="What the run costs.")
    phases: tuple[PhaseTimes, ...] = Field(
        default=(), description="How long phases took, all attempts together; known once collected."
    )
    folded: int = Field(default=0, description="Last attempt that has ended and is counted in the operator's metrics.")
    start_time: str | None = Field(default=None, description="When the operator took the run up, RFC 3339.")
    completion_time: str | None = Field(default=None, description="When the attempt ended, RFC 3339.")
    conditions: tuple[Condition, ...] = Field(default=(), description="What is true of the run, and why.")
    clock: Clock = Field(default=Clock(), description="What the operator must remember between two looks.")

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return the condition of a type; None where nothing was said of it yet."""
        return next((one for one in self.conditions if one.type is kind), None)

    def is_true(self, kind: ConditionType) -> bool:
        """Return whether a condition is there and true."""
        found = self.condition(kind)
        return found is not None and found.status == "True"

    def has_ended(self) -> bool:
        """Return whether the attempt is over."""
        return self.phase in ENDED

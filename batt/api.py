"""The BenchmarkRun, field by field: the one source of the run file, the CRD, the JSON schema and the field docs.

BenchmarkRun
├── metadata   Metadata
└── spec       RunSpec
    ├── solvers     SolversSpec   what to validate, and how: one of these two
    ├── hal         HalSpec       which agent to run on which benchmark (halspec.py)
    ├── retries     Retries
    ├── deadlines   Deadlines
    └── env, envFrom, pool, queue, suspend, ...   how a cluster runs it; a laptop has no use for these

Every field is honoured by the code of today: one that nothing reads yet is not accepted. Types stay in what a
CustomResourceDefinition can say: `ge`/`le` bounds, no unions, no one-value Literal, lists of one type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from batt.errors import Fault, SpecError
from batt.fields import (
    ENV_NAME,
    MAX_TASKS,
    MIB,
    TASKS_URIS,
    Described,
    ImageName,
    LabelValue,
    Model,
    Namespace,
    ObjectName,
    Refused,
    RunName,
    TaskId,
    Uri,
    broken,
    cluster_rule,
    exactly,
    of_kind,
    one_of,
    refuse,
    refuse_tasks_twice,
    uri_field,
)
from batt.halspec import HalSpec
from batt.uris import Broken, UriKinds

GROUP = "batt.dev"
"""API group of the CustomResourceDefinition."""

VERSION = "v1alpha1"
"""Version of the API; alpha: fields may still change."""

API_VERSION: Final = f"{GROUP}/{VERSION}"
"""What `apiVersion` says in a run file."""

KIND: Final = "BenchmarkRun"
"""What `kind` says in a run file."""

MANAGED_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Metadata that the API server writes: ignored, so that `kubectl get -o yaml` can be read back."""

MUTABLE = frozenset({"attempt", "attemptMode", "cancel", "maxConcurrency", "suspend", "ttlSecondsAfterFinished"})
"""Fields of the spec that may change while a run exists; all others are fixed."""

RESERVED_ENV = ("BATT_", "JOB_")
"""How no variable of a run may begin: the operator and the Job controller set such ones in the same pods."""

RESERVED = Broken(
    f"must not begin with {' or '.join(RESERVED_ENV)}, which the operator and Kubernetes set", "rename the variable"
)
"""What is wrong with a variable named so."""

ONE_SOURCE = Broken("must name exactly one of secretRef and configMapRef", "write an entry for each object")
"""What is wrong with an entry of envFrom that names none or two."""

ONE_KIND = Broken(
    "must have exactly one of solvers and hal",
    "write solvers: to validate solver programs, hal: to run an agent on a benchmark",
)
"""What is wrong with a spec that says nothing to do, or two things."""

REGRADE = "regrade"
"""The attempt mode that works on nothing and scores anew what earlier attempts have stored."""

ATTEMPT_MODES = ("retry", REGRADE)
"""What attempts after the first may do."""

HAL_ONLY = Broken(
    "must be retry for solvers: their verdicts are never scored apart", "write retry, or start the run under a new name"
)
"""What is wrong with a regrade of solvers."""

ATTEMPT_FELL = Broken("attempt may only grow", "write the number of the last attempt plus one")
"""What is wrong with an attempt below the one before; only the API server sees both."""

DATASETS = ("arc-agi-1/training", "arc-agi-1/evaluation", "arc-agi-2/training", "arc-agi-2/evaluation")
"""Named datasets: ARC tasks that ship with batt's dependencies."""

DATASET_URIS = UriKinds(names=DATASETS)
"""What `dataset` takes."""

CANDIDATES_URIS = UriKinds(builtins=("starter",))
"""What `candidates` takes."""

DSL_URIS = UriKinds(builtins=("arc",))
"""What `dsl` takes."""

RESULTS_URIS = UriKinds(image=False)
"""What `results` takes: somewhere to write."""


def _not_reserved(name: str) -> str:
    if name.startswith(RESERVED_ENV):
        raise broken(*RESERVED)
    return name


EnvName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=ENV_NAME),
    BeforeValidator(refuse),
    AfterValidator(_not_reserved),
]
"""Name of an environment variable."""


class Metadata(Model):
    """Who the run is, as Kubernetes has it. What the API server adds is ignored."""

    name: RunName = Field(
        description="Name of the run: lower-case letters, digits and `-`. Jobs, pods and results are named after it."
    )
    namespace: Namespace = Field(default="default", description="Kubernetes namespace; also a folder of the results.")
    labels: dict[str, LabelValue] = Field(default_factory=dict, description="Kubernetes labels of the run.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Kubernetes annotations of the run.")

    @model_validator(mode="before")
    @classmethod
    def _without_managed(cls, data: object) -> object:
        return _without(data, MANAGED_METADATA)


class SolversSpec(Model):
    """Validate candidate solver programs on ARC tasks."""

    dataset: Annotated[Uri, AfterValidator(of_kind(DATASET_URIS))] = uri_field(
        DATASET_URIS,
        f"The tasks: a named dataset ({', '.join(f'`{name}`' for name in DATASETS)}), or the URI of ARC JSON: "
        "a file or a folder, one task a file or many.",
    )
    tasks: tuple[TaskId, ...] = Field(
        default=(),
        max_length=MAX_TASKS,
        strict=False,  # YAML and JSON have lists; the items stay strict
        description="Ids of the tasks to run; none means all of the dataset. Not together with `tasksFrom`.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    tasks_from: Annotated[Uri, AfterValidator(of_kind(TASKS_URIS))] | None = uri_field(
        TASKS_URIS,
        "URI of a text file with one task id a line, for long lists. Not together with `tasks`.",
        default=None,
    )
    candidates: Annotated[Uri, AfterValidator(of_kind(CANDIDATES_URIS))] = uri_field(
        CANDIDATES_URIS,
        "URI of the candidates: batt modules or solver files; a file, a folder or an archive. "
        "`builtin:starter` is the set that ships with batt.",
    )
    dsl: Annotated[Uri, AfterValidator(of_kind(DSL_URIS))] = uri_field(
        DSL_URIS,
        "The language of the candidates: `builtin:arc`, or the URI of a `dsl.py`, or of a folder or archive with one. "
        "It is imported and trusted; candidates never are.",
        default="builtin:arc",
    )
    keep: int = Field(default=32, ge=1, le=1000, description="Most unique candidates of a batt module kept per task.")
    timeout_seconds: float = Field(
        default=1.0, ge=0.01, le=3600, description="CPU seconds that a candidate may use on one pair of a task."
    )
    memory_bytes: int = Field(
        default=512 * MIB,
        ge=64 * MIB,
        le=64 * 1024 * MIB,
        description="Memory in bytes that one candidate may allocate; the default is 512 MiB.",
    )
    shards: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Into how many shards the work is split. Where it is not set, the plan chooses.",
    )
    cache: bool = Field(
        default=True,
        description="Whether verdicts of earlier runs on the same candidate, task and DSL are used again.",
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_tasks_twice(cls, data: object) -> object:
        return refuse_tasks_twice(data)


class Retries(Model):
    """How much failure a run bears. A pod that is preempted costs nothing here."""

    per_shard: int = Field(
        default=3, ge=0, le=20, description="How often a shard that fails is tried again before it counts as failed."
    )
    failed_shards: int = Field(
        default=0, ge=0, le=10_000, description="How many shards may fail before the run is stopped."
    )


class Deadlines(Model):
    """How long a run may take."""

    run_seconds: int | None = Field(
        default=None,
        ge=1,
        le=30 * 24 * 3600,
        description="Seconds after which the run is stopped; what is finished is kept. Time suspended does not count. "
        "Where it is not set: no limit on a laptop, the operator's on a cluster.",
    )
    pending_seconds: int = Field(
        default=1800,
        ge=30,
        le=7 * 24 * 3600,
        description="Cluster: seconds that a stage may wait with no pod of it running before the run fails, saying why "
        "(no node, no image, no quota). The default leaves time for a GPU node to come from zero.",
    )


class EnvVar(Model):
    """An environment variable of the run's pods."""

    name: EnvName = Field(
        description="Name of the variable. `BATT_...` and `JOB_...` are taken.",
        json_schema_extra=cluster_rule(" && ".join(f"!self.startsWith('{start}')" for start in RESERVED_ENV), RESERVED),
    )
    value: str = Field(
        max_length=4096, description="Its value; nothing secret: that belongs into a Secret, see `envFrom`."
    )


class ObjectRef(Model):
    """A Kubernetes object of the run's own namespace."""

    name: ObjectName = Field(description="Name of the object.")


class EnvSource(Model):
    """A Secret or ConfigMap whose entries become environment variables of the run's pods: exactly one of the two."""

    model_config = ConfigDict(
        json_schema_extra=cluster_rule("has(self.secretRef) != has(self.configMapRef)", ONE_SOURCE)
    )

    secret_ref: ObjectRef | None = Field(default=None, description="The Secret to read, of the run's namespace.")
    config_map_ref: ObjectRef | None = Field(default=None, description="The ConfigMap to read, of the run's namespace.")

    @model_validator(mode="after")
    def _exactly_one(self) -> EnvSource:
        if (self.secret_ref is None) == (self.config_map_ref is None):
            raise broken(*ONE_SOURCE)
        return self


class RunSpec(Model):
    """What to run, and how: exactly one of solvers and hal."""

    solvers: Annotated[SolversSpec | None, BeforeValidator(refuse)] = Field(
        default=None, description="Validate candidate solver programs on ARC tasks. Either this or `hal`."
    )
    hal: Annotated[HalSpec | None, BeforeValidator(refuse)] = Field(
        default=None, description="Run an agent on a benchmark in the form of HAL. Either this or `solvers`."
    )
    max_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Most shards worked on at once; may change while the run goes on. "
        "Where it is not set: the CPUs on a laptop, the operator's default on a cluster.",
    )
    retries: Retries = Field(default=Retries(), description="How much failure the run bears.")
    deadlines: Deadlines = Field(default=Deadlines(), description="How long the run may take.")
    results: Annotated[Uri, AfterValidator(of_kind(RESULTS_URIS))] | None = uri_field(
        RESULTS_URIS,
        "URI under which the results are written. Where it is not set: the folder `results` on a laptop, "
        "the operator's bucket on a cluster.",
        default=None,
    )
    pool: RunName | None = Field(
        default=None,
        description="Cluster: the pool of nodes to run on, by its name in the operator's configuration: `cpu`, "
        "`cpu-spot`, `l4` or `l4-spot` as shipped. Where it is not set, the operator's default.",
    )
    env: tuple[EnvVar, ...] = Field(
        default=(),
        max_length=100,
        strict=False,
        description="Cluster: environment variables of the pods.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    env_from: tuple[EnvSource, ...] = Field(
        default=(),
        max_length=20,
        strict=False,
        description="Cluster: Secrets and ConfigMaps whose entries become environment variables of the pods.",
    )
    service_account_name: ObjectName | None = Field(
        default=None,
        description="Cluster: the service account of the pods. Where it is not set, the operator's choice.",
    )
    image: ImageName | None = Field(
        default=None,
        description="Cluster: the image of the pods. Where it is not set, the pool's, else the operator's.",
    )
    priority_class_name: ObjectName | None = Field(
        default=None, description="Cluster: PriorityClass of the pods that do the work."
    )
    queue: ObjectName | None = Field(
        default=None,
        description="Cluster: the Kueue LocalQueue that admits the work; it then owns how many pods run at once.",
    )
    suspend: bool = Field(
        default=False,
        description="Cluster: while true, no pod runs and no deadline passes; what is finished is kept. May change.",
    )
    cancel: bool = Field(
        default=False,
        description="Cluster: ends the run early; what is finished is collected and the object stays. May change.",
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        ge=0,
        le=365 * 24 * 3600,
        description="Cluster: seconds after its end until the object is deleted; results stay. Where it is not set, it "
        "stays. May change.",
    )
    attempt: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Cluster: raise it after the run's end to try again what has no result. May only grow.",
        json_schema_extra=cluster_rule("self >= oldSelf", ATTEMPT_FELL),
    )
    attempt_mode: Annotated[str, BeforeValidator(refuse), AfterValidator(one_of(*ATTEMPT_MODES))] = Field(
        default=ATTEMPT_MODES[0],
        description="Cluster: what attempts after the first do: `retry` does the shards without a result, and the "
        "tasks whose agent has failed; `regrade` runs no agent and scores anew what there is. May change.",
        json_schema_extra={"enum": list(ATTEMPT_MODES)},
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_twice(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        changed = dict(data)
        if isinstance(data.get("env"), list | tuple):
            changed["env"] = _mark_repeated_names(data["env"])
        kinds = [name for name in ("solvers", "hal") if data.get(name) is not None]
        if len(kinds) == 2:
            changed["hal"] = Described("a second block beside solvers", ONE_KIND)
        elif not kinds and not data.keys() & {"solvers", "hal"}:
            changed["solvers"] = Described("nothing", ONE_KIND)
        if data.get("attemptMode", data.get("attempt_mode")) == REGRADE and kinds == ["solvers"]:
            changed["attemptMode"] = Refused(REGRADE, HAL_ONLY)
        return changed


class BenchmarkRun(Model):
    """A benchmark to run: on a laptop by `batt run`, on a cluster by `kubectl apply`, from the same file."""

    api_version: Annotated[str, AfterValidator(exactly(API_VERSION))] = Field(
        description=f"Version of this format: `{API_VERSION}`.", json_schema_extra={"enum": [API_VERSION]}
    )
    kind: Annotated[str, AfterValidator(exactly(KIND))] = Field(
        description=f"Always `{KIND}`.", json_schema_extra={"enum": [KIND]}
    )
    metadata: Metadata = Field(description="Name, namespace, labels and annotations, as for any Kubernetes object.")
    spec: RunSpec = Field(description="What to run, and how.")

    @model_validator(mode="before")
    @classmethod
    def _without_status(cls, data: object) -> object:
        return _without(data, frozenset({"status"}))

    def to_manifest(self) -> dict[str, Any]:
        """Return the run as JSON data in camelCase, defaults written out; reading it gives an equal run."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def solvers_of(run: BenchmarkRun) -> SolversSpec:
    """Return spec.solvers of a run that has it.

    Raises:
        SpecError: it is a HAL run, which whoever asks cannot do.
    """
    if run.spec.solvers is None:
        rule = "must be a run of solvers here"
        raise SpecError([Fault("spec.hal", "it", rule, "use `batt run`, or `batt submit` for a cluster")])
    return run.spec.solvers


def hal_of(run: BenchmarkRun) -> HalSpec:
    """Return spec.hal of a run that has it.

    Raises:
        SpecError: it is a run of solvers, which whoever asks cannot do.
    """
    if run.spec.hal is None:
        remedy = "use `batt run`, or `batt submit` for a cluster"
        raise SpecError([Fault("spec.solvers", "it", "must be a run of an agent here", remedy)])
    return run.spec.hal


def _without(data: object, keys: frozenset[str]) -> object:
    if not isinstance(data, Mapping):
        return data
    return {key: value for key, value in data.items() if key not in keys}


def _mark_repeated_names(entries: list[object] | tuple[object, ...]) -> list[object]:
    """Return the entries with the name refused wherever an entry before has the same."""
    seen: dict[str, int] = {}
    marked: list[object] = []
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and isinstance(name, str) and name in seen:
            why = Broken(f"is in the list already, as env[{seen[name]}]", "remove one of the two")
            marked.append({**entry, "name": Refused(name, why)})
            continue
        if isinstance(name, str):
            seen[name] = index
        marked.append(entry)
    return marked

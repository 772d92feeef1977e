"""spec.hal, field by field: an agent, a benchmark, which tasks, how often and how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints, model_validator
from pydantic.config import JsonDict

from batt.fields import (
    BENCHMARK,
    FUNCTION,
    MAX_TASKS,
    RUN_ID,
    TASKS_URIS,
    Model,
    Uri,
    of_kind,
    one_of,
    refuse,
    refuse_tasks_twice,
    uri_field,
    with_nulls,
)
from batt.uris import UriKinds

AGENT_URIS = UriKinds(builtins=("oracle", "null"))
"""What `agent.source` takes."""

DATA_URIS = UriKinds()
"""What `data` takes."""

ANY_JSON: JsonDict = {"x-kubernetes-preserve-unknown-fields": True}
"""A field of any form: agents' arguments are theirs."""

REQUIREMENTS = ("strict", "lenient", "none")
"""How an agent's requirements.txt is taken."""

JsonFields = Annotated[dict[str, JsonValue], BeforeValidator(with_nulls)]
"""JSON data by name."""

HalTaskId = Annotated[str, StringConstraints(min_length=1, max_length=128), BeforeValidator(refuse)]
"""Id of a benchmark's task: HAL's have slashes and spaces."""


class AgentSpec(Model):
    """The agent: HAL's contract, unchanged."""

    name: str = Field(
        min_length=1, max_length=200, description="Name of the agent, as leaderboards show it; part of HAL's run id."
    )
    function: Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=FUNCTION)] = Field(
        default="main.run",
        description="The agent's `module.function`: a file at its top, and a function that takes "
        "`{task id: task}` and the arguments.",
    )
    source: Annotated[Uri, AfterValidator(of_kind(AGENT_URIS))] = uri_field(
        AGENT_URIS,
        "The agent's files: the URI of a folder or an archive (.tar.gz, .tgz, .tar, .zip). `builtin:oracle` knows the "
        "answers, `builtin:null` has none: they prove that a benchmark scores.",
    )
    args: JsonFields = Field(
        default_factory=dict,
        description="Keyword arguments of the function, any JSON; `benchmark_name` is added, as HAL does.",
        json_schema_extra=ANY_JSON,
    )
    requirements: Annotated[str, AfterValidator(one_of(*REQUIREMENTS))] = Field(
        default="strict",
        description="How the agent's requirements.txt is taken: `strict` installs all of it, `lenient` leaves out what "
        "Python has by itself and says so, `none` installs nothing.",
        json_schema_extra={"enum": list(REQUIREMENTS)},
    )


class HalSpec(Model):
    """Run an agent on a benchmark in the form of HAL, one task at a time."""

    benchmark: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=BENCHMARK)] = Field(
        description="The benchmark: `humaneval`, `arc`, `usaco`, `jsonl`, `hal:NAME` for one of an installed "
        "hal-harness, or one that another package brings."
    )
    agent: AgentSpec = Field(description="The agent.")
    run_id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=RUN_ID)] | None = Field(
        default=None,
        description="HAL's id of the run, by which it can be continued. Where it is not set: "
        "`<benchmark>_<agent>_<digits>`, and with `repeats` one for each.",
    )
    data: Annotated[Uri, AfterValidator(of_kind(DATA_URIS))] | None = uri_field(
        DATA_URIS,
        "URI of the benchmark's data, where it does not bring its own: HAL's folder of `usaco`, the file of `jsonl`.",
        default=None,
    )
    options: JsonFields = Field(
        default_factory=dict,
        description="What the benchmark lets one choose, such as `dataset` of `arc` or `scoring` of `jsonl`.",
        json_schema_extra=ANY_JSON,
    )
    tasks: tuple[HalTaskId, ...] = Field(
        default=(),
        max_length=MAX_TASKS,
        strict=False,
        description="Ids of the tasks to run; none means all of the benchmark. Not together with `tasksFrom`.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    tasks_from: Annotated[Uri, AfterValidator(of_kind(TASKS_URIS))] | None = uri_field(
        TASKS_URIS,
        "URI of a text file with one task id a line, for long lists. Not together with `tasks`.",
        default=None,
    )
    max_tasks: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Only the first so many of the tasks, in the benchmark's order."
    )
    repeats: int = Field(
        default=1, ge=1, le=100, description="How often every task is run: gives mean, spread and pass@k."
    )
    timeout_seconds: float = Field(
        default=2700,
        ge=1,
        le=7 * 24 * 3600,
        description="Seconds that the agent has for a task; then all its processes are killed. The default is HAL's.",
    )
    memory_bytes: int | None = Field(
        default=None,
        ge=64 * 2**20,
        le=2**44,
        description="Memory in bytes that the agent's processes may hold together; where it is not set, what the "
        "machine or its container has.",
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_tasks_twice(cls, data: object) -> object:
        return refuse_tasks_twice(data)

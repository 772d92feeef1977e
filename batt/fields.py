"""What the API types are made of: their base, texts with their rules, and errors that name rule and remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from batt.uris import URI_CHARACTERS, Broken, UriKinds

NAME_CHARACTERS = 40
"""Longest run name: `<name>-evaluate-<attempt>-<index>` must be a DNS label of at most 63 characters."""

MAX_TASKS = 2000
"""Most task ids in the object: keeps it far below the 1.5 MiB that etcd takes; `tasksFrom` has no such limit."""

MIB = 2**20
"""Bytes in a mebibyte."""

BROKEN = "broken_rule"
"""Type of our own validation errors: their context holds `rule` and `remedy`."""

TASKS_TWICE = Broken("must not stand together with tasks", "keep either tasks or tasksFrom")
"""What is wrong with tasksFrom beside tasks."""

TASKS_URIS = UriKinds()
"""What `tasksFrom` takes."""


class _Null:
    """The value null of a run file. Not None, which means absent to the API types."""

    def __repr__(self) -> str:
        return "null"


NULL = _Null()
"""What stands for null in what is read from a run file."""


def with_nulls(value: Any) -> Any:  # YAML data
    """Return data of any form with None where a run file has null: there it means just that."""
    match value:
        case dict():
            return {key: None if one is NULL else with_nulls(one) for key, one in value.items()}
        case list():
            return [None if one is NULL else with_nulls(one) for one in value]
    return value


def broken(rule: str, remedy: str) -> PydanticCustomError:
    """Return the error that refuses a value for our own rule; runfile.py turns it into a Fault."""
    return PydanticCustomError(BROKEN, "{rule}; {remedy}", {"rule": rule, "remedy": remedy})


class Refused(str):
    """A text that its surroundings rule out (a second mention, say): refused where it stands, with its reason.

    Model validators put it in the text's place, so that one such fault does not hide the other faults of a file.
    """

    __slots__ = ("why",)

    def __new__(cls, text: str, why: Broken) -> Refused:
        """Wrap the text."""
        refused = super().__new__(cls, text)
        refused.why = why
        return refused

    why: Broken


class Described(Refused):
    """Something that is refused and is no text: what messages show of it is a description, without quotes."""

    __slots__ = ()


def refuse(value: object) -> object:
    """Raise what is wrong with a Refused text; return anything else."""
    if isinstance(value, Refused):
        raise broken(*value.why)
    return value


def of_kind(kinds: UriKinds) -> Callable[[str], str]:
    """Return what checks that a text is a URI that a field takes."""

    def check(text: str) -> str:
        wrong = kinds.broken(text)
        if wrong:
            raise broken(*wrong)
        return text

    return check


def cluster_rule(rule: str, why: Broken) -> JsonDict:
    """Return the part of a schema that has the API server hold a value to a rule in CEL."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": f"{why.rule}; {why.remedy}"}]}


def exactly(wanted: str) -> Callable[[str], str]:
    """Return what checks that a text is a certain one."""

    def check(text: str) -> str:
        if text != wanted:
            raise broken(f"must be {wanted}", f"write {wanted}")
        return text

    return check


def one_of(*words: str) -> Callable[[str], str]:
    """Return what checks that a text is one of some words."""

    def check(text: str) -> str:
        if text not in words:
            raise broken(f"must be {', '.join(words[:-1])} or {words[-1]}", "choose one of them")
        return text

    return check


def uri_field(kinds: UriKinds, description: str, **options: Any) -> Any:  # pydantic's Field takes and returns Any
    """Return a Field for a URI, with the rule that a cluster adds: no paths, which mean nothing there."""
    rule: JsonDict = {"rule": kinds.cel, "message": kinds.cel_rule}
    extra: JsonDict = {"x-kubernetes-validations": [rule], "examples": list(kinds.examples)}
    return Field(description=description, json_schema_extra=extra, **options)


DNS_LABEL = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
"""Names that Kubernetes takes for namespaces and pods (RFC 1123); read alike by Rust, RE2 and ECMAScript."""

ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""Names of environment variables that every shell takes; narrower than Kubernetes' own rule."""

OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
"""Names that Kubernetes takes for most objects (RFC 1123 subdomain)."""

IMAGE_NAME = r"^[a-z0-9][A-Za-z0-9._:/@-]*$"
"""Names of container images: a registry's path with a tag or a digest. Only the form: pulling judges the rest."""

LABEL_VALUE = r"^(([A-Za-z0-9][A-Za-z0-9_.-]*)?[A-Za-z0-9])?$"
"""Values that Kubernetes takes for labels (kubernetes.io/docs/concepts/overview/working-with-objects/labels)."""

TASK_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Ids of tasks, as batt/inputs/tasks.py takes them: they become parts of file names."""

FUNCTION = r"^[^./][^/]*\.[A-Za-z_][A-Za-z0-9_]*$"
"""`module.function`: the module is a file at the agent's top."""

RUN_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
"""A run's id: a folder and several files are named by it."""

BENCHMARK = r"^(hal:)?[A-Za-z0-9][A-Za-z0-9_.-]*$"
"""A benchmark's name."""

PATTERN_RULES = {
    DNS_LABEL: Broken(
        "must be lower-case letters, digits and `-`, a letter or digit first and last",
        "rename it, for example my-run-1",
    ),
    LABEL_VALUE: Broken(
        "must be letters, digits, `-`, `_` and `.`, a letter or digit first and last", "use an annotation for it"
    ),
    ENV_NAME: Broken(
        "must be a variable's name: letters, digits and `_`, no digit first", "rename it, for example MODEL_NAME"
    ),
    OBJECT_NAME: Broken(
        "must be lower-case letters, digits, `-` and `.`, a letter or digit first and last",
        "write the object's name as `kubectl get` shows it",
    ),
    IMAGE_NAME: Broken("must be a container image", "write it as REGISTRY/PATH:TAG or REGISTRY/PATH@DIGEST"),
    TASK_ID: Broken(
        "must be a task id: letters, digits, `-`, `_` and `.`, a letter or digit first",
        "write the id alone, for example 007bbfb7",
    ),
    FUNCTION: Broken(
        "must be `module.function`, the module a file at the agent's top", "write it so, for example main.run"
    ),
    RUN_ID: Broken(
        "must be letters, digits, `-`, `_` and `.`, a letter or digit first", "rename it, for example usaco_gpt4o_1"
    ),
    BENCHMARK: Broken("must be a benchmark's name", "write one such as humaneval, or hal:NAME for one of hal-harness"),
}
"""What each pattern means in words, and what to do about a text that does not match."""

TaskId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TASK_ID), BeforeValidator(refuse)]
"""Id of a task."""

Uri = Annotated[str, StringConstraints(min_length=1, max_length=URI_CHARACTERS), BeforeValidator(refuse)]
"""A URI; which ones a field takes, its UriKinds say."""

LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=LABEL_VALUE)]
"""Value of a label."""

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=OBJECT_NAME)]
"""Name of a Kubernetes object."""

ImageName = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=IMAGE_NAME)]
"""Name of a container image."""

RunName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARACTERS, pattern=DNS_LABEL)]
"""Name of a run."""

Namespace = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""Name of a Kubernetes namespace."""


class Model(BaseModel):
    """Base of all API types: unchangeable, unknown fields refused, camelCase in YAML, no conversions between types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,  # for Python; run files are read with by_name=False
    )


def mark_repeated(tasks: list[object] | tuple[object, ...]) -> list[object]:
    """Return the tasks with every second mention of an id marked as refused."""
    seen: dict[str, int] = {}
    marked: list[object] = []
    for index, task in enumerate(tasks):
        if isinstance(task, str) and task in seen:
            why = Broken(f"is in the list already, as tasks[{seen[task]}]", "remove the repeated entry")
            marked.append(Refused(task, why))
            continue
        if isinstance(task, str):
            seen[task] = index
        marked.append(task)
    return marked


def refuse_tasks_twice(data: object) -> object:
    """Return raw data with repeated tasks marked as refused, and tasksFrom beside a list of tasks."""
    if not isinstance(data, Mapping):
        return data
    changed: dict[str, Any] = dict(data)
    tasks = data.get("tasks")
    if isinstance(tasks, list | tuple):
        changed["tasks"] = mark_repeated(tasks)
    for name in ("tasksFrom", "tasks_from"):  # as YAML and as Python call it
        source = data.get(name)
        if tasks and isinstance(source, str):
            changed[name] = Refused(source, TASKS_TWICE)
    return changed

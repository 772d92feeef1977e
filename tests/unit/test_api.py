"""The API types hold their promises to Python code, to Kubernetes and to the other modules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from batt.api import (
    DATASETS,
    BenchmarkRun,
    Deadlines,
    EnvSource,
    EnvVar,
    Metadata,
    ObjectRef,
    Retries,
    RunSpec,
    SolversSpec,
    solvers_of,
)
from batt.fields import PATTERN_RULES, Model
from batt.halspec import AgentSpec, HalSpec
from batt.inputs import task_files, tasks

MODELS = (
    BenchmarkRun,
    Metadata,
    RunSpec,
    SolversSpec,
    HalSpec,
    AgentSpec,
    Retries,
    Deadlines,
    EnvVar,
    EnvSource,
    ObjectRef,
)


def make_run() -> BenchmarkRun:
    """Return the smallest run."""
    return BenchmarkRun(
        api_version="batt.dev/v1alpha1",
        kind="BenchmarkRun",
        metadata=Metadata(name="demo"),
        spec=RunSpec(solvers=SolversSpec(dataset="arc-agi-1/training", candidates="builtin:starter")),
    )


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Return every field of the API with its name."""
    for model in MODELS:
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field


def test_defaults_are_those_of_the_docs() -> None:
    assert make_run().to_manifest() == {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": "demo", "namespace": "default", "labels": {}, "annotations": {}},
        "spec": {
            "solvers": {
                "dataset": "arc-agi-1/training",
                "tasks": [],
                "candidates": "builtin:starter",
                "dsl": "builtin:arc",
                "keep": 32,
                "timeoutSeconds": 1.0,
                "memoryBytes": 536_870_912,
                "cache": True,
            },
            "retries": {"perShard": 3, "failedShards": 0},
            "deadlines": {"pendingSeconds": 1800},
            "env": [],
            "envFrom": [],
            "suspend": False,
            "cancel": False,
            "attempt": 1,
            "attemptMode": "retry",
        },
    }


def test_models_listed_here_are_all() -> None:
    assert set(MODELS) == set(Model.__subclasses__())


def test_every_field_is_described_in_a_sentence() -> None:
    for name, field in fields():
        assert field.description, name
        assert field.description[0].isupper(), name
        assert field.description.endswith("."), name


def test_every_number_and_text_is_bounded() -> None:
    """An object of unbounded size would be refused by etcd, and unbounded CEL costs by the API server."""
    schema = BenchmarkRun.model_json_schema()
    definitions = {name: one for name, one in schema["$defs"].items() if "properties" in one}  # JsonValue: any
    for name, definition in {**definitions, "BenchmarkRun": schema}.items():
        for field, schema_or_null in definition["properties"].items():
            part = schema_or_null.get("anyOf", [schema_or_null])[0]  # the other option of an optional field is null
            if part.get("type") in {"integer", "number"}:
                assert {"minimum", "maximum"} <= part.keys(), f"{name}.{field}"
            if part.get("type") == "string":
                assert {"maxLength"} <= part.keys() or "enum" in part, f"{name}.{field}"
            if part.get("type") == "array":
                assert {"maxItems"} <= part.keys(), f"{name}.{field}"


def test_every_pattern_has_its_rule_in_words() -> None:
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(BenchmarkRun.model_json_schema())))

    assert patterns
    assert {json.loads(one) for one in patterns} <= PATTERN_RULES.keys()


@pytest.mark.parametrize("model", MODELS)
def test_unknown_fields_are_refused(model: type[Model]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({"other": 1})


def test_a_run_cannot_be_changed() -> None:
    run = make_run()

    with pytest.raises(ValidationError, match="frozen"):
        solvers_of(run).keep = 3  # type: ignore[misc]  # the point


def test_run_files_do_not_speak_python() -> None:
    """A field has one name in a file: camelCase."""
    with pytest.raises(ValidationError) as caught:
        Retries.model_validate({"per_shard": 3}, by_alias=True, by_name=False)

    assert [error["type"] for error in caught.value.errors()] == ["extra_forbidden"]


@pytest.mark.parametrize("name", ["tasksFrom", "tasks_from"])
def test_tasks_come_from_one_place(name: str) -> None:
    data = {"dataset": "arc-agi-1/training", "candidates": "builtin:starter", "tasks": ["a"], name: "gs://bucket/ids"}

    with pytest.raises(ValidationError, match="must not stand together with tasks"):
        SolversSpec.model_validate(data)
    assert SolversSpec.model_validate({**data, "tasks": []}).tasks_from == "gs://bucket/ids"


@pytest.mark.parametrize("name", ["BATT_", "BATT_RUN", "JOB_COMPLETION_INDEX"])
def test_variables_that_the_operator_sets_are_not_for_runs(name: str) -> None:
    with pytest.raises(ValidationError, match="must not begin with BATT_ or JOB_"):
        EnvVar(name=name, value="x")
    assert EnvVar(name=f"MY_{name}", value="x").name == f"MY_{name}"


def test_a_source_of_variables_is_one_object() -> None:
    keys = ObjectRef(name="keys")

    assert EnvSource(secret_ref=keys).config_map_ref is None
    assert EnvSource(config_map_ref=keys).secret_ref is None
    for both_or_none in ({}, {"secret_ref": keys, "config_map_ref": keys}):
        with pytest.raises(ValidationError, match="must name exactly one of secretRef and configMapRef"):
            EnvSource(**both_or_none)


def test_a_variable_stands_once() -> None:
    one, other = EnvVar(name="ONE", value="1"), EnvVar(name="OTHER", value="2")
    solvers = SolversSpec(dataset="arc-agi-1/training", candidates="builtin:starter")

    assert RunSpec(solvers=solvers, env=(one, other)).env == (one, other)
    with pytest.raises(ValidationError, match=r"is in the list already, as env\[0\]"):
        RunSpec.model_validate({"solvers": solvers, "env": [one.model_dump(), other.model_dump(), one.model_dump()]})


def test_the_named_datasets_are_those_that_can_be_loaded() -> None:
    assert set(DATASETS) == set(task_files.DATASET_NAMES)


@given(text=st.text(alphabet="aZ0-._/ \n~é", min_size=1, max_size=6) | st.integers(126, 130).map(lambda n: "a" * n))
def test_a_task_id_is_what_the_task_reader_takes(text: str) -> None:
    try:
        SolversSpec(dataset="arc-agi-1/training", candidates="builtin:starter", tasks=(text,))
    except ValidationError:
        is_taken = False
    else:
        is_taken = True

    assert is_taken == bool(tasks.TASK_ID.fullmatch(text))

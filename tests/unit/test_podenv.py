"""What a container is told is read whole, or refused with every fault in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batt.errors import SpecError
from batt.manifest import RunRef
from batt.podenv import is_relative, read_pod_run, visible_cpus

UID = "0c9a1f52-77aa-4e0b-9d0e-3f2b8c1d4e5f"


def value(**changes: Any) -> dict[str, Any]:
    """Return run.json as the operator writes it, with some fields changed; None leaves one out."""
    run = {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": "small", "namespace": "team"},
        "spec": {"solvers": {"dataset": "arc-agi-1/training", "candidates": "builtin:starter"}, "pool": "cpu"},
    }
    whole = {"schema": 1, "run": run, "uid": UID, "results": "gs://bucket/runs", **changes}
    return {key: field for key, field in whole.items() if field is not None}


def environment(tmp_path: Path, text: str, **changes: str) -> dict[str, str]:
    """Return a container's environment over a run.json with this text."""
    (tmp_path / "run.json").write_text(text)
    variables = {
        "BATT_RUN": str(tmp_path / "run.json"),
        "BATT_ATTEMPT": "2",
        "BATT_POD_UID": "11111111-2222-3333-4444-555555555555",
        "BATT_CPUS": "3",
        "JOB_COMPLETION_INDEX": "17",
    }
    return {**variables, **changes}


def faults_of(variables: dict[str, str], stage: str = "work") -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_pod_run(variables, stage)
    return [str(fault) for fault in caught.value.faults]


def test_everything_that_is_told_is_read(tmp_path: Path) -> None:
    pod = read_pod_run(environment(tmp_path, json.dumps(value())), "work")

    assert pod.run.metadata.name == "small"
    assert pod.ref == RunRef("team", "small", "0c9a1f52")
    assert pod.results == "gs://bucket/runs"
    assert (pod.attempt, pod.cpus, pod.completion_index) == (2, 3, 17)
    assert pod.pod_uid == "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize("stage", ["plan", "collect"])
def test_only_the_work_has_an_index(tmp_path: Path, stage: str) -> None:
    variables = environment(tmp_path, json.dumps(value()))
    del variables["JOB_COMPLETION_INDEX"]

    assert read_pod_run(variables, stage).completion_index == -1
    assert faults_of(variables) == [
        "JOB_COMPLETION_INDEX: got ''; must be a whole number of at least 0; correct the operator that made this pod"
    ]


def test_cpus_that_are_not_told_are_counted(tmp_path: Path) -> None:
    variables = environment(tmp_path, json.dumps(value()), BATT_CPUS="")

    assert read_pod_run(variables, "work").cpus == visible_cpus()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BATT_ATTEMPT", ""),
        ("BATT_ATTEMPT", "0"),
        ("BATT_ATTEMPT", "-1"),
        ("BATT_ATTEMPT", "1.0"),
        ("BATT_ATTEMPT", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("BATT_ATTEMPT", "9" * 5000),
        ("BATT_CPUS", "0"),
        ("BATT_CPUS", "500m"),
        ("JOB_COMPLETION_INDEX", "x"),
        ("BATT_POD_UID", ""),
        ("BATT_POD_UID", "../x"),
        ("BATT_POD_UID", "a.end"),
        ("BATT_RUN", ""),
        ("BATT_RUN", "/nowhere/run.json"),
        ("BATT_RUN", "/"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, text: str) -> None:
    (fault,) = faults_of(environment(tmp_path, json.dumps(value()), **{name: text}))

    assert fault.startswith(f"{name}: got ")


def test_all_wrong_variables_are_named_at_once(tmp_path: Path) -> None:
    names = ["BATT_ATTEMPT", "BATT_CPUS", "JOB_COMPLETION_INDEX", "BATT_POD_UID"]

    faults = faults_of(environment(tmp_path, json.dumps(value()), **dict.fromkeys(names, "no such thing")))

    assert [fault.partition(":")[0] for fault in faults] == names


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"schema": 1', "\udcff"], ids=lambda t: t[:12])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    variables = environment(tmp_path, "")
    (tmp_path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    (fault,) = faults_of(variables)

    assert "must be a file with a JSON object" in fault


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schema": 2}, "schema: got 2; must be 1; use an image of the operator's own version"),
        ({"schema": None}, "schema: got None; must be 1; use an image of the operator's own version"),
        ({"uid": None}, "uid: got None; must be the run's uid"),
        ({"uid": "short"}, "uid: got 'short'; must be the run's uid"),
        ({"uid": "../../../../x"}, "uid: got '../../../../x'; must be the run's uid"),
        ({"uid": 12345678}, "uid: got 12345678; must be the run's uid"),
        ({"results": None}, "results: got None; must be a URI"),
        ({"results": "s3://bucket"}, "results: got 's3://bucket'; must be gs://BUCKET/PATH"),
        ({"results": "results"}, "results: got 'results'; must not be relative in a pod; set spec.results"),
        ({"run": None}, "document: got null; must be a block of fields"),
        ({"run": {"kind": "Pod"}}, "kind: got 'Pod'; must be BenchmarkRun"),
    ],
)
def test_a_wrong_field_of_the_file_is_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    faults = faults_of(environment(tmp_path, json.dumps(value(**changes))))

    assert any(fault.startswith(expected) for fault in faults), faults


def test_faults_of_the_file_and_of_its_run_are_named_at_once(tmp_path: Path) -> None:
    broken = value()["run"]
    broken["spec"]["solvers"]["keep"] = 0

    faults = faults_of(environment(tmp_path, json.dumps(value(run=broken, uid="", schema=0))))

    assert [fault.partition(":")[0] for fault in faults] == ["schema", "uid", "spec.solvers.keep"]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("gs://bucket/x", False),
        ("builtin:starter", False),
        ("image:/x", False),
        ("/x", False),
        ("file:/x", False),
        ("file:///x", False),
        ("file://localhost/x", False),
        ("x", True),
        ("./x", True),
        ("file:x", True),
        ("~/x", True),
    ],
)
def test_relative_paths_are_told_from_what_means_the_same_everywhere(uri: str, expected: bool) -> None:
    assert is_relative(uri) is expected


@pytest.mark.parametrize("field", ["dataset", "candidates", "dsl", "tasksFrom"])
def test_every_input_on_a_laptop_is_refused(tmp_path: Path, field: str) -> None:
    run = value()["run"]
    run["spec"]["solvers"][field] = "some/path"

    (fault,) = faults_of(environment(tmp_path, json.dumps(value(run=run))))

    assert fault.startswith(f"spec.solvers.{field}: got 'some/path'; a plain path or file: means something on a laptop")
    assert fault.endswith("use `batt submit`, which uploads it")

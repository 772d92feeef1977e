"""The API server's own validator (tests/tools/crdcheck) accepts the CRD, and judges run files as batt says it does."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.schema.crd import crd
from batt.schema.generated import ROOT
from tests.gotools import tool_or_skip
from tests.runcorpus import FOLDER, Expected, cluster_faults, run_files

pytestmark = pytest.mark.timeout(1800)  # the first build of crdcheck takes minutes

CRD = ROOT / "crds" / "benchmarkruns.yaml"


@pytest.fixture(scope="module")
def crdcheck() -> Path:
    """The program that judges as the API server does."""
    return tool_or_skip("crdcheck")


def report(crdcheck: Path, *arguments: str | Path) -> dict[str, Any]:
    """Return what crdcheck says."""
    done = subprocess.run([crdcheck, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def reasons(verdict: dict[str, Any]) -> list[Expected]:
    """Return why an object is not stored as it is: kubectl refuses what the server would prune, too."""
    faults = [Expected(fault["field"], fault["message"]) for fault in verdict["faults"]]
    return sorted(faults + [Expected(field, "unknown field") for field in verdict["pruned"]])


def write(path: Path, data: object) -> Path:
    """Write data as JSON, which is YAML, too; return the path.

    Not by PyYAML: it leaves `0018` unquoted, which is a text to YAML 1.1 and a number to the API server's reader.
    """
    path.write_text(json.dumps(data))
    return path


def test_the_crd_is_accepted(crdcheck: Path) -> None:
    assert report(crdcheck, CRD)["definition"] == []


def spec_schema(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the spec in a CRD."""
    schema: dict[str, Any] = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def drop_type(schema: dict[str, Any]) -> None:
    del schema["properties"]["results"]["type"]


def break_cel(schema: dict[str, Any]) -> None:
    schema["x-kubernetes-validations"][0]["rule"] = "self.solver == oldSelf.solver"


def unbound_tasks(schema: dict[str, Any]) -> None:
    tasks = schema["properties"]["solvers"]["properties"]["tasks"]
    del tasks["maxItems"], tasks["items"]["maxLength"]
    schema["x-kubernetes-validations"][0]["rule"] = (
        "self.solvers.tasks.all(a, self.solvers.tasks.all(b, a.contains(b)))"
    )


def add_reference(schema: dict[str, Any]) -> None:
    schema["properties"]["retries"] = {"$ref": "#/definitions/Retries"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop_type, "must not be empty for specified object fields"),
        (break_cel, "undefined field 'solver'"),
        (unbound_tasks, "estimated rule cost exceeds budget"),
        (add_reference, "$ref"),
    ],
)
def test_a_crd_that_kubernetes_would_refuse_is_refused(
    crdcheck: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], None], message: str
) -> None:
    """The check can fail: structure, types in CEL and its cost are all looked at."""
    manifest = copy.deepcopy(crd())
    damage(spec_schema(manifest))

    faults = report(crdcheck, write(tmp_path / "crd.yaml", manifest))["definition"]

    assert message in json.dumps(faults)


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_the_api_server_judges_the_corpus_as_the_files_say(crdcheck: Path, kind: str) -> None:
    files = run_files(kind)

    verdicts = report(crdcheck, CRD, "create", *files)["objects"]

    for path, verdict in zip(files, verdicts, strict=True):
        found, expected = reasons(verdict), cluster_faults(path)
        assert {reason.place for reason in found} == {reason.place for reason in expected}, path
        for wanted in expected:
            assert any(wanted.place == reason.place and wanted.phrase in reason.phrase for reason in found), (
                path,
                wanted,
            )


RUN: dict[str, Any] = yaml.safe_load((FOLDER / "good" / "full.yaml").read_text())


def changed(field: str, value: object) -> dict[str, Any]:
    """Return the full run with one field of its spec changed; None removes it."""
    run = copy.deepcopy(RUN)
    *blocks, last = field.split(".")
    target = run["spec"]
    for block in blocks:
        target = target[block]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return run


CHANGES: list[tuple[str, object]] = [
    ("solvers.dataset", "gs://other/tasks"),
    ("solvers.tasks", ["007bbfb7"]),
    ("solvers.candidates", "builtin:starter"),
    ("solvers.dsl", None),
    ("solvers.keep", 17),
    ("solvers.timeoutSeconds", 0.25),
    ("solvers.memoryBytes", None),
    ("solvers.shards", None),
    ("solvers.cache", True),
    ("retries.perShard", 2),
    ("retries", None),
    ("deadlines.runSeconds", None),
    ("deadlines", None),
    ("results", "gs://other/results"),
    ("results", None),
    ("pool", "cpu"),
    ("env", [{"name": "LOG_LEVEL", "value": "info"}]),
    ("env", None),
    ("envFrom", [{"secretRef": {"name": "other-keys"}}]),
    ("serviceAccountName", "default"),
    ("image", None),
    ("priorityClassName", "high"),
    ("queue", None),
]


@pytest.mark.parametrize(("field", "value"), CHANGES)
def test_a_field_of_an_existing_run_cannot_change(crdcheck: Path, tmp_path: Path, field: str, value: object) -> None:
    before, after = write(tmp_path / "before.yaml", RUN), write(tmp_path / "after.yaml", changed(field, value))

    forth, back = report(crdcheck, CRD, "update", before, after, after, before)["objects"]

    block = field.split(".", maxsplit=1)[0]
    for verdict in (forth, back):
        (reason,) = reasons(verdict)
        assert reason.place == f"spec.{block}"
        assert f"{block} cannot change once the run exists; apply the changed file under another" in reason.phrase


@pytest.mark.parametrize("value", [1, 10_000, None])
def test_the_concurrency_of_an_existing_run_may_change(crdcheck: Path, tmp_path: Path, value: object) -> None:
    runs = copy.deepcopy(RUN), changed("maxConcurrency", value)
    for run in runs:
        del run["spec"]["queue"]
    before, after = write(tmp_path / "before.yaml", runs[0]), write(tmp_path / "after.yaml", runs[1])

    verdicts = report(crdcheck, CRD, "update", before, after, after, before)["objects"]

    assert [reasons(verdict) for verdict in verdicts] == [[], []]


@pytest.mark.parametrize("value", [1, None])
def test_the_concurrency_of_a_queued_run_is_the_queue_s(crdcheck: Path, tmp_path: Path, value: object) -> None:
    before, after = (
        write(tmp_path / "before.yaml", RUN),
        write(tmp_path / "after.yaml", changed("maxConcurrency", value)),
    )

    forth, back = report(crdcheck, CRD, "update", before, after, after, before)["objects"]

    for verdict in (forth, back):
        (reason,) = reasons(verdict)
        assert reason.place == "spec.maxConcurrency"
        assert "cannot change while queue is set" in reason.phrase


@pytest.mark.parametrize(
    ("field", "value"),
    [("suspend", False), ("cancel", True), ("ttlSecondsAfterFinished", None), ("ttlSecondsAfterFinished", 0)],
)
def test_what_steers_an_existing_run_may_change(crdcheck: Path, tmp_path: Path, field: str, value: object) -> None:
    before, after = write(tmp_path / "before.yaml", RUN), write(tmp_path / "after.yaml", changed(field, value))

    verdicts = report(crdcheck, CRD, "update", before, after, after, before)["objects"]

    assert [reasons(verdict) for verdict in verdicts] == [[], []]


def test_an_attempt_may_only_grow(crdcheck: Path, tmp_path: Path) -> None:
    second, third = write(tmp_path / "second.yaml", RUN), write(tmp_path / "third.yaml", changed("attempt", 3))
    first = write(tmp_path / "first.yaml", changed("attempt", None))  # the default is 1

    grows, falls, vanishes = report(crdcheck, CRD, "update", second, third, third, second, second, first)["objects"]

    assert reasons(grows) == []
    for verdict in (falls, vanishes):
        (reason,) = reasons(verdict)
        assert reason.place == "spec.attempt"
        assert "attempt may only grow; write the number of the last attempt plus one" in reason.phrase


def test_writing_out_defaults_is_no_change(crdcheck: Path, tmp_path: Path) -> None:
    short = {**RUN, "spec": {"solvers": {"dataset": "arc-agi-1/training", "candidates": "builtin:starter"}}}
    long = copy.deepcopy(short)
    long["spec"]["solvers"] |= {"dsl": "builtin:arc", "keep": 32, "tasks": [], "timeoutSeconds": 1, "cache": True}
    long["spec"] |= {"retries": {"perShard": 3, "failedShards": 0}, "deadlines": {}}
    files = write(tmp_path / "short.yaml", short), write(tmp_path / "long.yaml", long)

    verdicts = report(crdcheck, CRD, "update", *files, *reversed(files))["objects"]

    assert [reasons(verdict) for verdict in verdicts] == [[], []]


def test_the_largest_run_is_within_the_cost_limits(crdcheck: Path, tmp_path: Path) -> None:
    """2,000 ids, 100 long variables: the rules are priced when they run, on top of the estimate at creation."""
    largest = changed("solvers.tasks", [f"{number:0128}" for number in range(2000)])
    largest["spec"]["env"] = [{"name": f"V{number:0127}", "value": "x" * 4096} for number in range(100)]
    path = write(tmp_path / "largest.yaml", largest)

    created = report(crdcheck, CRD, "create", path)["objects"]
    updated = report(crdcheck, CRD, "update", path, path)["objects"]

    assert [reasons(verdict) for verdict in created + updated] == [[], []]


@pytest.mark.parametrize("text", ["gs://bucket/a ", "gs://bucket/a\tb", "gs://bucket/a\n", " image:/a", "image://a"])
def test_odd_texts_are_no_uris_to_a_cluster_either(crdcheck: Path, tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "run.yaml", changed("solvers.dataset", text))

    (verdict,) = report(crdcheck, CRD, "create", path)["objects"]

    assert [reason.place for reason in reasons(verdict)] == ["spec.solvers.dataset"]

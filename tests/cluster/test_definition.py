"""The kind BenchmarkRun on a real API server: what it accepts, refuses, keeps, explains and shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.api import solvers_of
from batt.runfile import load_runs
from batt.status import RunStatus
from tests.cluster.client import Cluster, Json
from tests.cluster.fresh import fresh_cluster, install_crd
from tests.cluster.operating import run_object
from tests.runcorpus import Expected, cluster_faults, run_files

pytestmark = pytest.mark.timeout(1800)  # the first run builds Kubernetes

RUNS = "/apis/batt.dev/v1alpha1/namespaces/{}/benchmarkruns"

OF_THE_SPEC = re.compile(r"spec\b")
"""Places whose faults come in our words; the rest of an object is refused by kubectl or the API server in theirs."""


@pytest.fixture(scope="module")
def cluster(existing_cluster: Cluster | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A fresh cluster for this module, with the definition applied."""
    if existing_cluster:
        pytest.skip("installs the CustomResourceDefinition: run without BATT_TEST_KUBECONFIG")
    with fresh_cluster(tmp_path_factory.mktemp("definition")) as started:
        install_crd(started)
        started.kubectl("create", "namespace", "research")  # where a file of the corpus puts its run
        yield started


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace there."""
    with cluster.namespace() as name:
        yield name


def try_create(cluster: Cluster, path: Path) -> tuple[int, str]:
    """Return how kubectl ends, and what it complains of, when a file's run is to be created."""
    done = cluster.try_kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))
    return done.returncode, done.stderr


@pytest.mark.parametrize("path", run_files("good"), ids=lambda path: path.stem)
def test_good_runs_are_taken(cluster: Cluster, path: Path) -> None:
    faults = cluster_faults(path)  # laptop paths and unquoted ids mean something on a laptop only

    code, said = try_create(cluster, path)

    assert (code == 0) == (not faults), said
    assert_all_said(faults, said)


REFUSED = [
    path
    for path in run_files("bad")
    if (places := {fault.place for fault in cluster_faults(path)}) and "kind" not in places
]
"""Bad files that a cluster refuses, too; one of another kind it may well take as what it is."""


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_bad_runs_are_refused_in_our_words(cluster: Cluster, path: Path) -> None:
    faults = cluster_faults(path)

    code, said = try_create(cluster, path)

    assert code != 0
    if all(OF_THE_SPEC.match(fault.place) for fault in faults):
        assert_all_said(faults, said)


def assert_all_said(faults: list[Expected], said: str) -> None:
    """Fail where kubectl does not tell of a fault. Unknown fields are told alone: they end the reading of an object."""
    unknown = [fault for fault in faults if fault.phrase == "unknown field"]
    for fault in unknown or faults:
        words = f'unknown field "{fault.place}"' if unknown else fault.phrase
        assert words in said
        assert fault.place in said


def test_applying_twice_changes_nothing(cluster: Cluster, namespace: str) -> None:
    text = yaml.safe_dump(run_object("twice", namespace))

    first = cluster.kubectl("apply", "-f", "-", stdin=text)
    second = cluster.kubectl("apply", "-f", "-", stdin=text)

    assert [said.split()[-1] for said in (first, second)] == ["created", "unchanged"]


def test_what_kubectl_prints_loads_again(cluster: Cluster, namespace: str) -> None:
    cluster.apply(run_object("printed", namespace))

    (run,) = load_runs(cluster.kubectl("get", "benchmarkrun", "printed", "-n", namespace, "-o", "yaml"), "printed")

    assert run.metadata.name == "printed"
    assert solvers_of(run).tasks == ("67a3c6ac", "68b16354")


@pytest.mark.parametrize(
    ("spec", "change", "refusal"),
    [
        (
            {},
            {"solvers": {"keep": 5}},
            "solvers cannot change once the run exists; apply the changed file under another",
        ),
        ({}, {"pool": "l4"}, "pool cannot change once the run exists"),
        ({"attempt": 2}, {"attempt": 1}, "attempt may only grow; write the number of the last attempt plus one"),
        ({"queue": "q", "maxConcurrency": 2}, {"maxConcurrency": 3}, "maxConcurrency cannot change while queue is set"),
        ({"maxConcurrency": 2}, {"maxConcurrency": 3}, ""),
        ({}, {"suspend": True, "cancel": True, "attempt": 2, "ttlSecondsAfterFinished": 5}, ""),
    ],
)
def test_what_may_change_and_what_may_not(
    cluster: Cluster, namespace: str, spec: Json, change: Json, refusal: str
) -> None:
    cluster.apply(run_object("edited", namespace, spec))
    patch = yaml.safe_dump({"spec": change})

    done = cluster.try_kubectl("patch", "brun", "edited", "-n", namespace, "--type=merge", f"--patch={patch}")

    assert (done.returncode == 0) == (refusal == ""), done.stderr
    assert refusal in done.stderr


@pytest.mark.parametrize(
    "change",
    [{"agent": {"args": {"model_name": "other"}}}, {"options": {"deep": {"a": [2]}}}, {"repeats": 2}],
)
def test_of_an_agents_run_nothing_changes_that_its_results_follow_from(
    cluster: Cluster, namespace: str, change: Json
) -> None:
    """Arguments and options may be any JSON, which no schema describes."""
    agent = {"name": "a", "source": "builtin:null", "args": {"model_name": "m", "extra": None}}
    hal = {"benchmark": "humaneval", "agent": agent, "options": {"deep": {"a": [1]}}}
    run = run_object("agents", namespace)
    cluster.apply({**run, "spec": {"hal": hal}})
    patch = yaml.safe_dump({"spec": {"hal": change}})

    done = cluster.try_kubectl("patch", "brun", "agents", "-n", namespace, "--type=merge", f"--patch={patch}")

    assert done.returncode != 0
    assert "hal cannot change once the run exists" in done.stderr
    assert cluster.get(f"{RUNS.format(namespace)}/agents")["spec"]["hal"]["agent"]["args"]["model_name"] == "m"


def test_every_field_of_a_status_is_kept(cluster: Cluster, namespace: str) -> None:
    cluster.apply(run_object("told", namespace))
    schema = RunStatus.model_json_schema(by_alias=True)
    status = example_of(schema, schema["$defs"])

    cluster.patch(f"{RUNS.format(namespace)}/told/status", {"status": status})

    kept = cluster.get(f"{RUNS.format(namespace)}/told")["status"]
    assert kept == status
    assert RunStatus.model_validate(kept).model_dump(mode="json", by_alias=True) == status


def example_of(schema: Any, definitions: Any) -> Any:  # JSON schema, and what it describes
    """Return a value in which every field that a schema knows is set."""
    if "$ref" in schema:
        return example_of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], definitions)
    if "enum" in schema:
        return schema["enum"][-1]
    match schema["type"]:
        case "object":
            return {name: example_of(value, definitions) for name, value in schema["properties"].items()}
        case "array":
            return [example_of(schema["items"], definitions)]
        case other:
            return {"string": "text", "integer": 3, "number": 2.5, "boolean": True}[other]


def test_kubectl_explains_the_kind(cluster: Cluster) -> None:
    spec = cluster.kubectl("explain", "benchmarkrun.spec")
    phase = cluster.kubectl("explain", "brun.status.phase")

    assert "What to run, and how." in spec
    assert "Validate candidate solver programs on ARC tasks." in spec
    assert "Pending, Planning, Running" in phase


def test_kubectl_shows_its_columns(cluster: Cluster, namespace: str) -> None:
    cluster.apply(run_object("shown", namespace))
    status = {
        "kind": "solvers",
        "phase": "Running",
        "progress": "1/4",
        "score": "2/400",
        "shards": {"failed": 1},
        "attempt": 2,
        "message": "all is well",
    }
    cluster.patch(f"{RUNS.format(namespace)}/shown/status", {"status": status})

    header, row = cluster.kubectl("get", "brun", "-n", namespace).splitlines()
    wide, wide_row = cluster.kubectl("get", "brun", "-n", namespace, "-o", "wide").splitlines()

    assert header.split() == ["NAME", "KIND", "PHASE", "DONE/TOTAL", "FAILED", "SCORE", "AGE"]
    assert row.split()[:-1] == ["shown", "solvers", "Running", "1/4", "1", "2/400"]
    assert wide.split() == [*header.split()[:-1], "ATTEMPT", "MESSAGE", "AGE"]
    assert "all is well" in wide_row

"""What a run file changes of the run that is there."""

from collections.abc import Mapping
from typing import Any

from batt.api import BenchmarkRun
from batt.runfile import parse_run
from batt_operator.commands.difference import Difference, changes, fault_of, fixed_differences
from tests.clusterruns import run_json


def run_of(spec: Mapping[str, Any] | None = None, **solvers: Any) -> BenchmarkRun:
    data = run_json(spec=spec)
    data["spec"]["solvers"].update(solvers)
    return parse_run(data)


def test_a_default_that_the_cluster_wrote_out_is_no_difference() -> None:
    there = run_of({"suspend": False, "retries": {"perShard": 3, "failedShards": 0}}, keep=32, dsl="builtin:arc")

    assert fixed_differences(there, run_of()) == []


def test_every_field_that_cannot_change_is_named_with_both_values() -> None:
    there, here = run_of(keep=32), run_of({"pool": "l4"}, keep=8, tasks=["a", "b"])

    found = fixed_differences(there, here)

    assert found == [
        Difference("spec.pool", None, "l4"),
        Difference("spec.solvers.keep", 32, 8),
        Difference("spec.solvers.tasks", [], ["a", "b"]),
    ]


def test_a_field_that_may_change_is_no_fixed_difference() -> None:
    assert fixed_differences(run_of({"maxConcurrency": 4}), run_of({"maxConcurrency": 8})) == []


def test_what_the_file_says_and_may_change_is_patched() -> None:
    there, here = run_of({"maxConcurrency": 4}), run_of({"maxConcurrency": 8, "suspend": False})

    assert changes(there, here) == {"spec": {"maxConcurrency": 8}}


def test_what_the_file_does_not_say_stays_as_it_is() -> None:
    there = run_of({"suspend": True, "attempt": 3, "maxConcurrency": 4})

    assert changes(there, run_of()) == {}


def test_labels_of_the_file_are_added_and_others_stay() -> None:
    there, here = run_json(), run_json()
    there["metadata"]["labels"] = {"team": "old", "other": "x"}
    here["metadata"]["labels"] = {"team": "new"}

    assert changes(parse_run(there), parse_run(here)) == {"metadata": {"labels": {"team": "new"}}}


def test_the_fault_says_what_to_do() -> None:
    fault = fault_of(Difference("spec.solvers.keep", 32, 8), "mine")

    assert str(fault) == (
        "spec.solvers.keep: got 8; is 32 in the run mine on the cluster and cannot change while it exists; "
        "submit under another name (--name), or delete that run (kubectl delete benchmarkrun mine)"
    )

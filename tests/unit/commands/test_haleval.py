"""`batt hal-eval --google-cloud` before it asks the cluster: which run is meant, and under which names."""

from typing import Any

import pytest

from batt.api import API_VERSION, KIND, BenchmarkRun, hal_of
from batt.fields import NAME_CHARACTERS
from batt.runfile import parse_run
from batt_operator.commands.haleval import differences, find_going, free_name, with_run_id
from batt_operator.commands.runs import Run
from tests.clusterruns import condition, run_with


def asked(**hal: Any) -> BenchmarkRun:
    """Return the run that a command line describes."""
    spec = {"hal": {"benchmark": "arc", "agent": {"name": "My agent", "source": "builtin:oracle"}, **hal}}
    return parse_run({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "arc-mine"}, "spec": spec})


def there(run: BenchmarkRun, name: str = "arc-mine", **status: Any) -> Run:
    """Return the run as a cluster has it."""
    found = run_with(run.to_manifest()["spec"] | {"solvers": None}, **status)
    spec = {key: value for key, value in found.spec.items() if value is not None}
    return found._replace(spec=spec, metadata={**found.metadata, "name": name})


DONE: dict[str, Any] = {"phase": "Complete", "conditions": [condition("Complete", reason="AllShardsDone")]}


def test_the_same_command_finds_its_run_again_while_it_goes_on() -> None:
    going = there(with_run_id(asked()), phase="Running")

    assert find_going([there(asked(), "done", **DONE), going], asked()) == going


@pytest.mark.parametrize(
    "other",
    [
        there(asked(), **DONE),
        there(asked(maxTasks=3), phase="Running"),
        there(asked(agent={"name": "My agent", "source": "builtin:null"}), phase="Running"),
        run_with(phase="Running"),
    ],
)
def test_another_run_or_one_that_has_ended_is_not_taken_for_it(other: Run) -> None:
    assert find_going([other], asked()) is None


def test_a_run_of_another_id_than_asked_for_is_another_run() -> None:
    going = there(asked(runId="one"), phase="Running")

    assert find_going([going], asked(runId="one")) == going
    assert [one.where for one in differences(going, asked(runId="two"))] == ["spec.hal.runId"]


def test_a_name_that_is_taken_gets_a_number() -> None:
    taken = [there(asked(), name) for name in ("arc-mine", "arc-mine-2", "other")]

    assert free_name(taken, "arc-mine") == "arc-mine-3"
    assert free_name(taken, "free") == "free"


def test_a_long_name_stays_one_that_a_run_can_have() -> None:
    name = "a" * NAME_CHARACTERS

    assert free_name([there(asked(), name)], name) == "a" * (NAME_CHARACTERS - 2) + "-2"


def test_a_run_has_an_id_of_hals_from_the_start() -> None:
    made = [hal_of(with_run_id(asked())).run_id for _ in range(2)]

    assert made[0] != made[1]
    assert all(one is not None and one.startswith("arc_my_agent_") for one in made)
    assert hal_of(with_run_id(asked(runId="mine"))).run_id == "mine"

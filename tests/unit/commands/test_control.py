"""What suspend, resume, cancel and retry-failed change, decided from the run as it is."""

import pytest

from batt.errors import RunError
from batt_operator.commands.control import cancel, regrade, resume, retry_failed, suspend
from batt_operator.commands.runs import Run
from tests.clusterruns import condition, ended, run_with, running


def test_a_run_that_works_is_suspended_and_resumed() -> None:
    assert suspend(running(1, 2)).spec == {"suspend": True}
    assert resume(run_with({"suspend": True}, phase="Suspended")).spec == {"suspend": False}


def test_the_same_again_changes_nothing() -> None:
    assert suspend(run_with({"suspend": True})).spec == {}
    assert resume(running(1, 2)).spec == {}
    assert cancel(run_with({"cancel": True}, phase="Running")).spec == {}
    assert cancel(ended()).spec == {}


@pytest.mark.parametrize("decide", [suspend, resume])
def test_a_run_that_has_ended_is_neither_suspended_nor_resumed(decide: object) -> None:
    assert callable(decide)
    with pytest.raises(RunError, match=r"mine: got phase Complete; only a .*run"):
        decide(ended())


def test_a_run_that_works_is_cancelled() -> None:
    assert cancel(running(1, 2)).spec == {"cancel": True}


@pytest.mark.parametrize(
    "run",
    [
        ended("Failed", "TooManyFailures"),
        ended("Complete", "CompletedWithFailures"),
        ended("Cancelled", "Cancelled"),
    ],
)
def test_a_run_without_all_results_is_tried_again_and_no_longer_cancelled(run: Run) -> None:
    assert retry_failed(run).spec == {"attempt": 2, "attemptMode": "retry", "cancel": False}


def test_a_whole_run_has_nothing_to_retry() -> None:
    change = retry_failed(ended())

    assert change.spec == {}
    assert "nothing is left to retry" in change.text


HAL = {"solvers": None, "hal": {"benchmark": "arc", "agent": {"name": "a", "source": "builtin:null"}}}


def test_agents_that_have_failed_are_tried_again_in_a_complete_run() -> None:
    run = run_with(
        HAL, phase="Complete", conditions=[condition("Complete", reason="AllShardsDone")], tasks={"failed": 2}
    )

    assert retry_failed(run).spec == {"attempt": 2, "attemptMode": "retry", "cancel": False}


def test_a_run_of_agents_is_regraded_after_its_end() -> None:
    run = run_with(HAL, phase="Complete", conditions=[condition("Complete", reason="AllShardsDone")])

    assert regrade(run).spec == {"attempt": 2, "attemptMode": "regrade", "cancel": False}
    with pytest.raises(RunError, match="only a run that has ended can have a further attempt"):
        regrade(run_with(HAL, phase="Running"))


def test_solvers_cannot_be_regraded() -> None:
    with pytest.raises(RunError, match="got a run of solvers; only what agents submitted is scored apart"):
        regrade(ended())


def test_a_run_that_goes_on_cannot_be_retried() -> None:
    with pytest.raises(RunError, match="only a run that has ended"):
        retry_failed(running(1, 2))


def test_a_retry_that_the_operator_has_not_seen_yet_is_not_asked_for_twice() -> None:
    failed = condition("Failed", reason="TooManyFailures")
    run = run_with({"attempt": 2}, phase="Failed", attempt=1, conditions=[failed])

    change = retry_failed(run)

    assert change.spec == {}
    assert "has been asked for attempt 2 already" in change.text


def test_a_retry_of_a_suspended_run_says_that_it_waits() -> None:
    failed = condition("Failed", reason="TooManyFailures")
    run = run_with({"suspend": True}, phase="Failed", conditions=[failed])

    assert "it is suspended: batt resume mine" in retry_failed(run).text

"""What is done about a run, state by state: the table of how Jobs end, suspension, queues, deadlines, attempts."""

from __future__ import annotations

from typing import Any

import pytest

from batt.message import ErrorMessage, encode
from batt.status import ConditionType, Reason
from batt.timing import PhaseStats
from batt_operator.reconcile import MAX_REMADE, STOP_SECONDS
from batt_operator.stalls import Stall
from batt_operator.world import CreateConfigMap, CreateJob, DeleteJob, DeleteRun, PatchJob
from tests.worlds import GPU, HAL, Story, collect_words, ended_pod, plan_words

ALL = {"retries": {"failedShards": 2}}


def words(stage: str, code: int, error: str) -> str:
    return encode(ErrorMessage(stage, code, error)).decode()


def kinds(story: Story) -> list[str]:
    assert story.last is not None
    return [type(action).__name__ for action in story.last.actions]


def begin(story: Story, stage: str) -> None:
    """Go on until the Job of a stage is there."""
    if stage == "plan":
        story.look()
    elif stage == "work":
        story.planned()
    else:
        story.collecting()


# -- the way of a run -------------------------------------------------------------------------------------------------


def test_plan_whose_pod_has_ended_and_is_not_counted_yet_is_still_planning() -> None:
    story = Story()
    story.look()
    story.job("mine-plan", active=1, ready=1)
    story.look()

    story.job("mine-plan", active=1, ready=0)
    story.look()

    assert story.phase == "Planning"


def test_phases_are_those_that_collect_has_told() -> None:
    story = Story().collecting()
    whole = PhaseStats().with_duration(12345.678901)
    story.complete("mine-collect", collect_words(phases={"main.run_batt": whole}))

    story.look(30)

    assert [(one.name, one.count, one.sum) for one in story.status.phases] == [("main.run_batt", 1, 12345.678901)]


def test_an_attempt_is_counted_when_it_has_ended_and_only_then() -> None:
    story = Story().collecting()
    counted = [story.status.folded]
    story.complete("mine-collect", collect_words())
    story.look()
    counted.append(story.status.folded)
    story.edit(attempt=2)
    story.look()
    counted.append(story.status.folded)

    assert counted == [0, 1, 1]
    assert story.phase == "Pending"


def test_run_goes_through_all_stages_to_complete() -> None:
    story = Story()
    seen = []

    story.look()
    seen.append((story.phase, kinds(story)))
    story.job("mine-plan", active=1, ready=1)
    story.look(5)
    seen.append((story.phase, kinds(story)))
    story.complete("mine-plan", plan_words(4))
    story.look(5)
    seen.append((story.phase, kinds(story)))
    story.job("mine-work", active=4, ready=4)
    story.look(5)
    story.complete("mine-work")
    story.look(60)
    seen.append((story.phase, kinds(story)))
    story.complete("mine-collect", collect_words())
    story.look(5)

    assert seen == [
        ("Pending", ["CreateConfigMap", "CreateJob"]),
        ("Planning", []),
        ("Running", ["CreateJob"]),
        ("Collecting", ["CreateJob"]),
    ]
    assert story.ending == ("Complete", "AllShardsDone")
    assert story.status.progress == "4/4"
    assert story.status.score == "1/2"
    assert story.status.completion_time is not None
    assert story.status.results == "gs://bucket/runs/team/mine-0f7a3b52"


def test_same_world_asks_for_nothing_twice() -> None:
    story = Story().working()

    decision = story.look(0)

    assert decision.actions == ()
    assert decision.events == ()
    assert decision.draft.status == story.status


def test_work_that_ends_between_two_looks_has_started() -> None:
    story = Story().planned()
    story.complete("mine-work")

    story.look(5)

    assert story.status.is_true(ConditionType.STARTED)


def test_plan_without_shards_goes_on_to_collect_at_once() -> None:
    story = Story().planned(shards=0)

    assert sorted(story.jobs) == ["mine-collect", "mine-plan"]
    assert story.phase == "Collecting"


def test_deleted_run_is_left_alone() -> None:
    story = Story().working()
    story.raw["metadata"]["deletionTimestamp"] = "2026-01-01T10:00:30Z"
    story.edit(cancel=True)

    decision = story.look(10)

    assert decision.actions == ()
    assert decision.draft.status == story.status


def test_deleted_work_job_is_made_anew() -> None:
    story = Story().working()
    del story.jobs["mine-work"]

    story.look(5)

    assert kinds(story) == ["CreateJob"]
    assert story.phase == "Running"


# -- how the work ends (DESIGN.md section 3) --------------------------------------------------------------------------


def collected(story: Story, missing: int, indexes: str = "") -> tuple[str, str]:
    """Let collect say so many shards have no result; return how the run has ended."""
    story.look(5)
    story.complete("mine-collect", collect_words(missing, indexes))
    story.look(5)
    return story.ending


def test_complete_work_with_all_results_is_complete() -> None:
    story = Story().working()
    story.complete("mine-work")

    assert collected(story, 0) == ("Complete", "AllShardsDone")


def test_complete_work_without_all_results_is_failed() -> None:
    story = Story().working()
    story.complete("mine-work")

    assert collected(story, 1, "2") == ("Failed", "ResultsMissing")
    assert story.status.shards.succeeded == 3


@pytest.mark.parametrize(
    ("job_reason", "code", "expected"),
    [
        ("FailedIndexes", 1, ("Complete", "CompletedWithFailures")),
        ("MaxFailedIndexesExceeded", 1, ("Failed", "TooManyFailures")),
        ("PodFailurePolicy", 64, ("Failed", "ConfigError")),
        ("PodFailurePolicy", 65, ("Failed", "ConfigError")),
        ("PodFailurePolicy", 78, ("Failed", "ConfigError")),
        ("PodFailurePolicy", 77, ("Failed", "AuthOrQuota")),
        ("DeadlineExceeded", 1, ("Failed", "DeadlineExceeded")),
        ("BackoffLimitExceeded", 1, ("Failed", "StageFailed")),
    ],
)
def test_failed_work_ends_the_run_as_the_table_says_and_is_collected(
    job_reason: str, code: int, expected: tuple[str, str]
) -> None:
    story = Story(ALL).working()
    pod = ended_pod(code, words("work", code, "no such thing"))
    story.fail("mine-work", job_reason, pod, failed_indexes="1", failed_pods=1, succeeded=3)

    assert collected(story, 1, "1") == expected
    assert story.status.score == "1/2"


def test_last_words_of_the_pod_are_in_the_message() -> None:
    story = Story(ALL).working()
    story.fail("mine-work", "PodFailurePolicy", ended_pod(77, words("work", 77, "403 on bucket")), failed_pods=1)

    collected(story, 4, "0-3")

    assert "403 on bucket" in story.status.message


def test_failed_work_whose_results_are_all_there_is_complete() -> None:
    story = Story(ALL).working()
    story.fail("mine-work", "MaxFailedIndexesExceeded", ended_pod(1), failed_indexes="0-2", failed_pods=3)

    assert collected(story, 0) == ("Complete", "AllShardsDone")
    shards = story.status.shards
    assert (shards.succeeded, shards.failed, shards.failed_indexes) == (4, 0, "")


def test_counts_of_an_ended_run_add_up() -> None:
    story = Story(ALL).working()
    story.fail("mine-work", "MaxFailedIndexesExceeded", ended_pod(1), failed_indexes="0-2", failed_pods=3)

    collected(story, 1, "2")

    shards = story.status.shards
    assert (shards.total, shards.succeeded, shards.failed, shards.failed_indexes) == (4, 3, 1, "2")


@pytest.mark.parametrize("code", [64, 65, 77, 78])
def test_policy_is_explained_without_the_pod(code: int) -> None:
    story = Story().working()
    message = f"Container worker for pod team/mine-work-0-abcde failed with exit code {code} matching FailJob rule"
    story.fail("mine-work", "PodFailurePolicy", message=f"{message} at index 2")

    ending = collected(story, 4, "0-3")

    assert ending == ("Failed", "AuthOrQuota" if code == 77 else "ConfigError")
    assert f"exit code {code}" in story.status.message


@pytest.mark.parametrize(
    ("job_reason", "code", "expected"),
    [
        ("PodFailurePolicy", 64, "PlanRejected"),
        ("PodFailurePolicy", 65, "PlanRejected"),
        ("PodFailurePolicy", 78, "ConfigError"),
        ("PodFailurePolicy", 77, "AuthOrQuota"),
        ("BackoffLimitExceeded", 1, "StageFailed"),
        ("DeadlineExceeded", 1, "DeadlineExceeded"),
    ],
)
def test_failed_plan_fails_the_run(job_reason: str, code: int, expected: str) -> None:
    story = Story()
    story.look()
    story.fail("mine-plan", job_reason, ended_pod(code, words("plan", code, "candidates: got nothing")), failed_pods=1)

    story.look(5)

    assert story.ending == ("Failed", expected)
    assert sorted(story.jobs) == ["mine-plan"]
    if job_reason != "DeadlineExceeded":
        assert "candidates: got nothing" in story.status.message


def test_failed_collect_fails_the_run() -> None:
    story = Story().collecting()
    story.fail("mine-collect", "PodFailurePolicy", ended_pod(77, words("collect", 77, "403")), failed_pods=1)

    story.look(5)

    assert story.ending == ("Failed", "AuthOrQuota")
    assert "403" in story.status.message


def test_failed_collect_after_allowed_failures_fails_for_its_own_reason() -> None:
    story = Story(ALL).working()
    story.fail("mine-work", "FailedIndexes", ended_pod(1), failed_indexes="1", failed_pods=1, succeeded=3)
    story.look(5)
    story.fail("mine-collect", "PodFailurePolicy", ended_pod(77, words("collect", 77, "403")), failed_pods=1)

    story.look(5)

    assert story.ending == ("Failed", "AuthOrQuota")
    assert "403" in story.status.message


def test_failed_collect_of_a_stopped_run_keeps_the_reason_and_says_both() -> None:
    story = Story(ALL).working()
    story.fail("mine-work", "MaxFailedIndexesExceeded", ended_pod(1, "boom"), failed_indexes="0-3", failed_pods=4)
    story.look(5)
    story.fail("mine-collect", "PodFailurePolicy", ended_pod(77, words("collect", 77, "403")), failed_pods=1)

    story.look(5)

    assert story.ending == ("Failed", "TooManyFailures")
    assert "boom" in story.status.message
    assert "403" in story.status.message


def test_failed_collect_of_a_cancelled_run_is_told() -> None:
    story = Story().working()
    story.edit(cancel=True)
    story.look(5)
    story.job("mine-work", active=0, ready=0)
    story.look(5)
    story.fail("mine-collect", "PodFailurePolicy", ended_pod(77, words("collect", 77, "403")), failed_pods=1)

    story.look(5)

    assert story.ending == ("Cancelled", "Cancelled")
    assert "403" in story.status.message


# -- lost messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["plan", "collect"])
@pytest.mark.parametrize("lost", ["", "half a {", '{"schema":1,"stage":"other"}'])
def test_stage_whose_last_words_are_lost_is_made_anew(stage: str, lost: str) -> None:
    story = Story()
    name = f"mine-{stage}"
    begin(story, stage)
    before = story.jobs[name].uid
    story.complete(name, lost)

    story.look(5)
    story.look(5)

    assert story.jobs[name].uid != before
    assert story.status.clock.remade == 1
    assert not story.status.has_ended()


@pytest.mark.parametrize("stage", ["plan", "collect"])
def test_stage_that_never_says_anything_fails_the_run(stage: str) -> None:
    story = Story()
    name = f"mine-{stage}"
    begin(story, stage)

    for _ in range(MAX_REMADE + 1):
        story.complete(name)
        story.look(5)
        if not story.status.has_ended():
            story.look(5)

    assert story.ending == ("Failed", "StageFailed")
    assert "without a message" in story.status.message


def test_job_on_its_way_out_counts_once_as_remade() -> None:
    story = Story()
    story.look()
    story.complete("mine-plan")
    story.job("mine-plan", is_deleting=True)

    story.look(5)
    decision = story.look(5)

    assert story.status.clock.remade == 0
    assert decision.actions == ()
    assert decision.again_seconds == 1


def test_operator_that_died_before_its_first_status_hears_the_plan() -> None:
    story = Story()
    story.look(crash=True)
    story.complete("mine-plan", plan_words(4))

    story.look(600)

    assert story.phase == "Running"
    assert story.status.clock.remade == 0


def test_operator_that_died_between_stages_hears_the_later_one() -> None:
    story = Story()
    story.look()
    story.complete("mine-plan", plan_words(0))
    story.look(5, crash=True)
    story.complete("mine-collect", collect_words())

    story.look(600)

    assert story.ending == ("Complete", "AllShardsDone")


# -- suspension -------------------------------------------------------------------------------------------------------


def test_suspended_run_suspends_its_work_job_and_resumes_it() -> None:
    story = Story().working()

    story.edit(suspend=True)
    story.look(5)
    while_suspended = (story.jobs["mine-work"].is_suspended, story.phase)
    story.job("mine-work", active=0, ready=0)
    story.look(5)
    story.edit(suspend=False)
    story.look(5)

    assert while_suspended == (True, "Suspended")
    assert story.jobs["mine-work"].is_suspended is False
    assert story.phase == "Running"
    assert story.condition(ConditionType.SUSPENDED) is not None
    assert not story.status.is_true(ConditionType.SUSPENDED)


@pytest.mark.parametrize("stage", ["plan", "collect"])
def test_suspended_plan_and_collect_are_deleted_and_made_anew(stage: str) -> None:
    story = Story()
    name = f"mine-{stage}"
    begin(story, stage)

    story.edit(suspend=True)
    story.look(5)
    story.look(5)
    gone = name not in story.jobs
    story.edit(suspend=False)
    story.look(5)
    story.job(name, active=1, ready=1)
    story.look(5)

    assert gone
    assert story.phase == {"plan": "Planning", "collect": "Collecting"}[stage]
    assert not story.status.is_true(ConditionType.SUSPENDED)


def test_run_applied_suspended_starts_nothing() -> None:
    story = Story({"suspend": True})

    story.look()
    story.look(10**6)

    assert story.jobs == {}
    assert story.phase == "Suspended"


def test_pods_that_the_suspension_ended_cost_no_shard_its_retries() -> None:
    story = Story({"retries": {"perShard": 0}}).planned()
    story.job("mine-work", active=4)
    story.look(5)
    for _ in range(5):
        uid = story.jobs["mine-work"].uid
        story.edit(suspend=True)
        story.look(5)
        story.job("mine-work", active=0, failed_pods=4)
        story.look(5)
        story.edit(suspend=False)
        story.look(5)
        story.look(1)
        assert story.jobs["mine-work"].uid != uid
        story.job("mine-work", active=4)
        story.look(5)

    assert story.phase == "Running"


@pytest.mark.parametrize("reason", ["MaxFailedIndexesExceeded", "FailedIndexes"])
@pytest.mark.parametrize("crash", [False, True])
def test_job_that_failed_by_our_suspension_is_made_anew(reason: str, *, crash: bool) -> None:
    story = Story({"retries": {"perShard": 0}}).planned()
    story.job("mine-work", active=4)
    story.look(5)
    story.edit(suspend=True)
    story.look(5, crash=crash)
    story.fail("mine-work", reason, failed_indexes="0-3", failed_pods=4)

    story.look(5)
    suspended = story.phase
    story.edit(suspend=False)
    story.look(5)
    story.look(5)

    assert suspended == "Suspended"
    assert story.phase == "Running"
    assert story.jobs["mine-work"].failed_reason == ""


def test_resumption_waits_for_pods_that_are_on_their_way_out() -> None:
    story = Story().working()
    story.edit(suspend=True)
    story.look(5)
    story.job("mine-work", active=0, ready=0, terminating=4)
    story.edit(suspend=False)

    story.look(5)
    early = (story.jobs["mine-work"].is_suspended, story.phase)
    story.job("mine-work", terminating=0)
    story.look(5)

    assert early == (True, "Suspended")
    assert (story.jobs["mine-work"].is_suspended, story.phase) == (False, "Running")


def test_resumption_does_not_wait_for_a_lost_node() -> None:
    story = Story().working()
    story.edit(suspend=True)
    story.look(5)
    story.job("mine-work", active=0, ready=0, terminating=1)
    story.edit(suspend=False)

    story.look(5)
    story.look(STOP_SECONDS + 1)

    assert story.jobs["mine-work"].is_suspended is False


def test_operator_that_died_while_it_suspended_resumes_all_the_same() -> None:
    story = Story().working()
    story.edit(suspend=True)
    story.look(5, crash=True)
    story.job("mine-work", active=0, ready=0)
    story.edit(suspend=False)

    story.look(5)

    assert story.jobs["mine-work"].is_suspended is False
    assert story.phase == "Running"


def test_a_run_that_waits_for_pods_that_a_dead_operator_has_stopped_does_not_use_up_its_time() -> None:
    story = Story({"deadlines": {"runSeconds": 100}}).working()
    story.edit(suspend=True)
    story.look(5, crash=True)
    story.job("mine-work", active=0, ready=0, terminating=1)
    story.edit(suspend=False)

    story.look(5)

    assert story.phase == "Suspended"
    assert story.status.clock.running_since is None
    ran = story.status.clock.ran_seconds
    story.look(STOP_SECONDS - 1)
    assert story.phase == "Suspended"
    assert story.status.clock.ran_seconds == ran
    story.look(1)
    assert story.phase == "Running"
    assert story.jobs["mine-work"].is_suspended is False


@pytest.mark.parametrize("failed_pods", [0, 1])
def test_operator_that_died_while_it_resumed_goes_on(failed_pods: int) -> None:
    story = Story().working()
    uid = story.jobs["mine-work"].uid
    story.edit(suspend=True)
    story.look(5)
    story.job("mine-work", active=0, ready=0)
    story.look(5)
    story.edit(suspend=False)
    story.look(5, crash=True)
    story.job("mine-work", active=4, ready=4, failed_pods=failed_pods)

    story.look(5)

    assert story.phase == "Running"
    assert story.jobs["mine-work"].uid == uid


# -- cancel -----------------------------------------------------------------------------------------------------------


def test_cancelled_plan_ends_at_once_and_leaves_no_job() -> None:
    story = Story()
    story.look()

    story.edit(cancel=True)
    story.look(5)

    assert story.ending == ("Cancelled", "Cancelled")
    assert story.jobs == {}


def test_run_applied_cancelled_starts_nothing() -> None:
    story = Story({"cancel": True})

    story.look()

    assert story.ending == ("Cancelled", "Cancelled")
    assert story.jobs == {}


def test_cancelled_work_stops_then_collects() -> None:
    story = Story().working()

    story.edit(cancel=True)
    story.look(5)
    stopping = (story.phase, story.jobs["mine-work"].is_suspended, "mine-collect" in story.jobs)
    story.job("mine-work", active=0, ready=0, terminating=2)
    story.look(5)
    leaving = "mine-collect" in story.jobs
    story.job("mine-work", terminating=0)
    story.look(5)
    story.complete("mine-collect", collect_words(3, "1-3"))
    story.look(5)

    assert stopping == ("Running", True, False)
    assert not leaving
    assert story.ending == ("Cancelled", "Cancelled")
    assert "3 shards have no result (1-3)" in story.status.message


def test_cancel_after_a_long_wait_still_waits_for_pods_that_run() -> None:
    story = Story().planned()
    story.job("mine-work", active=4)
    story.look(1)
    story.look(STOP_SECONDS + 20)
    story.job("mine-work", ready=4)
    story.edit(cancel=True)

    story.look(5)
    story.look(5)

    assert "mine-collect" not in story.jobs


def test_cancel_does_not_wait_for_a_lost_node() -> None:
    story = Story().working()
    story.edit(cancel=True)
    story.look(5)
    story.job("mine-work", active=0, ready=0, terminating=1)

    story.look(5)
    story.look(STOP_SECONDS)

    assert "mine-collect" in story.jobs


def test_cancel_while_collecting_lets_collect_end() -> None:
    story = Story().collecting()

    story.edit(cancel=True)
    story.look(5)
    story.complete("mine-collect", collect_words())
    story.look(5)

    assert story.ending == ("Complete", "AllShardsDone")


@pytest.mark.parametrize("stage", ["plan", "work", "collect"])
def test_cancel_of_a_suspended_run_ends_it(stage: str) -> None:
    story = Story()
    begin(story, stage)
    story.edit(suspend=True)
    story.look(5)
    if stage == "work":
        story.job("mine-work", active=0, ready=0)

    story.edit(cancel=True)
    story.look(5)
    story.look(5)
    if "mine-collect" in story.jobs:
        story.complete("mine-collect", collect_words(4, "0-3"))
        story.look(5)

    assert story.status.has_ended()


# -- deadlines --------------------------------------------------------------------------------------------------------


def test_work_beyond_the_deadline_is_stopped_and_collected() -> None:
    story = Story({"deadlines": {"runSeconds": 100}}).working()

    story.look(100)
    stopping = story.jobs["mine-work"].is_suspended
    story.job("mine-work", active=0, ready=0)

    assert stopping
    assert collected(story, 4, "0-3") == ("Failed", "DeadlineExceeded")


def test_deadline_of_the_operator_holds_where_the_run_has_none() -> None:
    story = Story(runSeconds=100).working()

    story.look(100)

    assert story.status.clock.ending is Reason.DEADLINE_EXCEEDED


def test_plan_beyond_the_deadline_fails() -> None:
    story = Story({"deadlines": {"runSeconds": 100}})
    story.look()
    story.job("mine-plan", active=1, ready=1)

    story.look(101)

    assert story.ending == ("Failed", "DeadlineExceeded")
    assert story.jobs == {}


def test_time_suspended_does_not_count() -> None:
    story = Story({"deadlines": {"runSeconds": 100}}).working()

    story.look(30)
    story.edit(suspend=True)
    story.look(1)
    story.job("mine-work", active=0, ready=0)
    story.look(10_000)
    story.edit(suspend=False)
    story.look(10_000)
    ran = story.status.clock.ran_seconds
    story.job("mine-work", active=4, ready=4)
    story.look(40)
    goes_on = story.status.clock.ending
    story.look(10)

    assert ran == 20 + 30 + 1
    assert goes_on is None
    assert story.status.clock.ending is Reason.DEADLINE_EXCEEDED


def test_time_suspended_while_planning_does_not_count_and_time_after_does() -> None:
    story = Story({"deadlines": {"runSeconds": 100}})
    story.look()
    story.edit(suspend=True)
    story.look(10)
    story.look(10_000)
    story.edit(suspend=False)
    story.look(5)
    story.job("mine-plan", active=1, ready=1)
    early = (story.look(80), story.phase)[1]

    story.look(20)

    assert early == "Planning"
    assert story.ending == ("Failed", "DeadlineExceeded")


def test_operator_that_was_away_takes_what_ended_in_time() -> None:
    story = Story(ALL | {"deadlines": {"runSeconds": 100}}).working()
    story.fail("mine-work", "FailedIndexes", ended_pod(1), failed_indexes="1", failed_pods=1, succeeded=3)

    story.look(10_000)
    story.complete("mine-collect", collect_words(1, "1"))
    story.look(5)

    assert story.ending == ("Complete", "CompletedWithFailures")


STALLS = [
    Reason.UNSCHEDULABLE,
    Reason.IMAGE_PULL,
    Reason.POD_CONFIG,
    Reason.QUOTA_EXCEEDED,
    Reason.POD_REFUSED,
    Reason.OUT_OF_MEMORY,
    Reason.EVICTED,
    Reason.CRASHING,
]


@pytest.mark.parametrize("reason", STALLS)
@pytest.mark.parametrize("stage", ["plan", "work", "collect"])
def test_stage_without_a_running_pod_is_explained_then_given_up(stage: str, reason: Reason) -> None:
    story = Story({"deadlines": {"pendingSeconds": 60}})
    begin(story, stage)
    story.job(f"mine-{stage}", active=1, ready=0)
    story.stall = Stall(reason, "the words of others")

    story.look(1)
    silent = story.condition(ConditionType.STALLED)
    story.look(12)
    stalled = story.condition(ConditionType.STALLED)
    shown = story.status.message
    story.look(48)
    if stage == "work":
        story.job("mine-work", active=0)
        story.look(1)
        story.complete("mine-collect", collect_words(4, "0-3"))
        story.look(1)

    assert silent is None
    assert stalled is not None
    assert stalled.reason is reason
    assert shown == f"{reason}: the words of others"
    assert story.ending == ("Failed", reason)
    assert story.condition(ConditionType.STALLED) is None
    assert "the words of others" in story.status.message


def test_stage_that_nothing_explains_is_given_up_as_not_started() -> None:
    story = Story({"deadlines": {"pendingSeconds": 60}})
    story.look()
    story.job("mine-plan", active=1)

    story.look(1)
    story.look(60)

    assert story.ending == ("Failed", "NotStarted")


def test_running_pod_ends_the_wait() -> None:
    story = Story().planned()
    story.job("mine-work", active=1)
    story.stall = Stall(Reason.UNSCHEDULABLE, "no node")
    story.look(1)
    story.look(100)
    stalled = story.status.is_true(ConditionType.STALLED)

    story.job("mine-work", ready=1)
    story.look(1)

    assert stalled
    assert story.condition(ConditionType.STALLED) is None
    assert story.status.clock.waiting_since is None


def test_shards_that_end_between_two_looks_count_as_running() -> None:
    story = Story({"deadlines": {"pendingSeconds": 60}}).planned(shards=100)
    story.job("mine-work", active=1)

    for done in range(1, 20):
        story.job("mine-work", succeeded=done)
        story.look(30)

    assert story.phase == "Running"


def test_kubernetes_backoff_is_waited_for_and_so_is_the_pod_after_it() -> None:
    story = Story({"deadlines": {"pendingSeconds": 30}}).working(shards=1)
    story.job("mine-work", active=0, ready=0, failed_pods=1)
    story.look(1)
    story.look(300)
    story.job("mine-work", active=1)
    story.look(1)

    assert story.status.clock.ending is None


def test_backoff_after_preemption_is_waited_for() -> None:
    story = Story({"deadlines": {"pendingSeconds": 30}}).working(shards=1)
    story.job("mine-work", active=0, ready=0)  # an ignored failure counts nowhere
    story.look(1)
    story.look(300)

    assert story.status.clock.ending is None


@pytest.mark.parametrize("queue", [{}, {"queue": "team"}])
@pytest.mark.parametrize("stage", ["plan", "work", "collect"])
def test_name_that_is_taken_is_shown_then_given_up(stage: str, queue: dict[str, Any]) -> None:
    story = Story({"deadlines": {"pendingSeconds": 60}} | queue)
    if stage == "collect":
        story.working()
        story.complete("mine-work")
    elif stage == "work":
        story.look()
        story.complete("mine-plan", plan_words(4))
    story.refused = Stall(Reason.NAME_TAKEN, f"Job mine-{stage} is there and not this run's")

    story.look(1)
    decision = story.look(15)
    stalled = story.condition(ConditionType.STALLED)
    story.look(60)
    if stage == "work":
        story.refused = None
        story.look(1)
        story.complete("mine-collect", collect_words(4, "0-3"))
        story.look(1)

    assert decision.actions == ()
    assert decision.again_seconds is not None
    assert stalled is not None
    assert stalled.reason is Reason.NAME_TAKEN
    assert f"Job mine-{stage} is there and not this run's" in stalled.message
    assert story.ending == ("Failed", "NameTaken")


def test_name_that_gets_free_is_used() -> None:
    story = Story()
    story.refused = Stall(Reason.NAME_TAKEN, "ConfigMap mine-run is there")
    story.look()
    story.look(15)

    story.refused = None
    story.look(5)
    story.look(5)

    assert "mine-plan" in story.jobs
    assert story.condition(ConditionType.STALLED) is None


# -- queues -----------------------------------------------------------------------------------------------------------

QUEUED = {"queue": "team-queue", "maxConcurrency": 2}


def test_queued_run_waits_for_its_admission_without_any_deadline() -> None:
    story = Story(QUEUED | {"deadlines": {"runSeconds": 100, "pendingSeconds": 60}}).planned()

    story.look(10)
    story.look(10**6)
    suspended = story.condition(ConditionType.SUSPENDED)

    assert story.jobs["mine-work"].is_suspended
    assert suspended is not None
    assert suspended.reason is Reason.QUEUED_BY_KUEUE
    assert "team-queue" in suspended.message


def test_operator_never_writes_on_a_queued_job() -> None:
    story = Story(QUEUED).planned()
    story.job("mine-work", is_suspended=False, parallelism=1, active=1, ready=1)  # partial admission
    story.look(10)
    story.edit(maxConcurrency=3)

    story.look(10)
    story.job("mine-work", is_suspended=True, active=0, ready=0)  # Kueue preempts it
    story.look(10)

    assert not [one for one in kinds(story) if one == "PatchJob"]
    assert story.jobs["mine-work"].parallelism == 1
    assert story.phase == "Suspended"


def test_suspended_queued_run_deletes_its_job_and_queues_anew() -> None:
    story = Story(QUEUED).planned()
    story.job("mine-work", is_suspended=False, active=2, ready=2)
    story.look(10)

    story.edit(suspend=True)
    story.look(10)
    gone = "mine-work" not in story.jobs
    story.look(1)
    story.edit(suspend=False)
    story.look(10)

    assert gone
    assert story.jobs["mine-work"].is_suspended
    suspended = story.condition(ConditionType.SUSPENDED)
    assert suspended is not None
    assert suspended.reason is Reason.QUEUED_BY_KUEUE


def test_cancelled_queued_run_deletes_its_job_and_collects() -> None:
    story = Story(QUEUED).planned()
    story.job("mine-work", is_suspended=False, active=2, ready=2, succeeded=1)
    story.look(10)

    story.edit(cancel=True)
    story.look(10)
    gone = "mine-work" not in story.jobs
    story.look(1)
    story.complete("mine-collect", collect_words(3, "1-3"))
    story.look(1)

    assert gone
    assert story.ending == ("Cancelled", "Cancelled")


# -- how many pods at once --------------------------------------------------------------------------------------------


def test_max_concurrency_changes_a_running_job() -> None:
    story = Story({"maxConcurrency": 4}).working(shards=10)

    story.edit(maxConcurrency=7)
    more = story.look(5).actions
    story.edit(maxConcurrency=2)
    less = story.look(5).actions

    assert more == (PatchJob("mine-work", {"parallelism": 7}),)
    assert less == (PatchJob("mine-work", {"parallelism": 2}),)


def test_no_more_pods_are_asked_for_than_there_are_shards() -> None:
    story = Story({"maxConcurrency": 2}).working(shards=4)

    story.edit(maxConcurrency=1000)
    story.look(5)

    assert story.jobs["mine-work"].parallelism == 4


def test_gpu_pool_is_warned_of() -> None:
    story = Story({"pool": "l4"})

    story.look()

    warning = story.condition(ConditionType.WARNING)
    assert warning is not None
    assert warning.reason is Reason.IDLE_GPU


# -- runs of kind hal ------------------------------------------------------------------------------------------------


def hal_story(spec: dict[str, Any] | None = None) -> Story:
    """Return the story of a HAL run."""
    return Story(HAL | (spec or {}), agentImage="agents:1")


def scoring(spec: dict[str, Any] | None = None) -> Story:
    """Return a HAL run that is scored."""
    story = hal_story(spec).working()
    story.complete("mine-work")
    story.look(10)
    return story


def test_a_hal_run_is_scored_between_work_and_collect() -> None:
    story = scoring()
    while_scoring = story.phase, sorted(story.jobs)
    completions = story.jobs["mine-evaluate"].completions

    story.complete("mine-evaluate")
    story.look(10)
    story.complete("mine-collect", collect_words())
    story.look(10)

    assert while_scoring == ("Evaluating", ["mine-evaluate", "mine-plan", "mine-work"])
    assert completions == 2
    assert story.ending == ("Complete", "AllShardsDone")
    assert story.status.kind == "hal"


def test_a_run_of_solvers_has_nothing_to_score() -> None:
    story = Story().collecting()

    assert "mine-evaluate" not in story.jobs


@pytest.mark.parametrize("how", ["failed", "stuck"])
def test_what_cannot_be_scored_is_collected_and_the_run_has_failed(how: str) -> None:
    story = scoring()

    if how == "failed":
        story.fail("mine-evaluate", "MaxFailedIndexesExceeded", ended_pod(1))
    else:
        story.stall = Stall(Reason.IMAGE_PULL, "no such image")
        for _ in range(4):
            story.look(1000)
    story.look(10)
    story.complete("mine-collect", collect_words())
    story.look(10)

    assert story.ending == ("Failed", "EvaluationFailed")
    assert story.status.message.startswith("evaluate: ")


def test_a_spent_quota_is_scored_and_collected_and_stays_the_reason() -> None:
    story = hal_story().working()
    story.fail("mine-work", "PodFailurePolicy", ended_pod(77, "no quota"))
    story.look(10)
    story.complete("mine-evaluate")
    story.look(10)
    story.complete("mine-collect", collect_words(1, "3"))
    story.look(10)

    assert story.ending == ("Failed", "AuthOrQuota")


def test_cancelling_while_scoring_collects_at_once() -> None:
    story = scoring()

    story.edit(cancel=True)
    story.look(10)

    assert story.phase == "Collecting"
    assert sorted(story.jobs) == ["mine-collect", "mine-plan", "mine-work"]


def test_suspending_while_scoring_deletes_the_pods_and_goes_on_later() -> None:
    story = scoring()

    story.edit(suspend=True)
    story.look(10)
    resting = story.phase, "mine-evaluate" in story.jobs
    story.edit(suspend=False)
    story.look(10)

    assert resting == ("Suspended", False)
    assert (story.phase, "mine-evaluate" in story.jobs) == ("Evaluating", True)


def test_the_runs_deadline_ends_the_work_and_not_the_scoring() -> None:
    story = scoring({"deadlines": {"runSeconds": 100}})
    story.job("mine-evaluate", active=2, ready=2)

    story.look(1000)

    assert story.phase == "Evaluating"
    assert story.status.clock.ending is None


def test_a_further_attempt_is_scored_too() -> None:
    story = scoring()
    story.complete("mine-evaluate")
    story.look(10)
    story.complete("mine-collect", collect_words(1, "3"))
    story.look(10)
    story.edit(attempt=2)
    story.planned(4, 1)
    story.complete("mine-work-2")
    story.look(10)

    assert story.phase == "Evaluating"
    assert "mine-evaluate-2" in story.jobs


def scored(story: Story, **words: Any) -> Story:
    """Let a run be scored and collected."""
    suffix = f"-{story.status.attempt}" if story.status.attempt > 1 else ""
    story.complete(f"mine-evaluate{suffix}")
    story.look(10)
    story.complete(f"mine-collect{suffix}", collect_words(**words))
    story.look(10)
    return story


def test_a_regrade_scores_anew_and_runs_no_agent() -> None:
    story = scored(scoring())
    story.edit(attempt=2, attemptMode="regrade")
    story.planned(4, 0)

    assert "mine-work-2" not in story.jobs
    assert story.phase == "Evaluating"
    assert scored(story).ending == ("Complete", "AllShardsDone")


def test_tasks_without_a_submission_are_told() -> None:
    story = scored(scoring(), verdicts={"ok": 5, "timeout": 1, "agent_error": 2})

    assert story.status.tasks.failed == 3
    assert story.status.message.endswith("3 without a submission (agent_error 2, timeout 1)")


# -- tasks that want a GPU --------------------------------------------------------------------------------------------


def parted(spec: dict[str, Any] | None = None, shards: int = 4, gpu: int = 1, **settings: Any) -> Story:
    """Return a HAL run at work, some of whose tasks want a GPU."""
    story = Story(HAL | (spec or {}), **({"agentImage": "agents:1"} | settings))
    story.planned(shards, gpu=gpu)
    return story


def ready(story: Story, *names: str) -> None:
    """Let all pods of Jobs work."""
    for name in names:
        job = story.jobs[name]
        story.job(name, active=job.parallelism, ready=job.parallelism)
    story.look(10)


def test_tasks_that_want_a_gpu_go_to_its_pool() -> None:
    story = parted()

    assert story.last is not None
    made = {action.manifest["metadata"]["name"]: action.manifest for action in story.last.actions}  # type: ignore[union-attr] # all are CreateJob
    limits = {
        name: manifest["spec"]["template"]["spec"]["initContainers"][1].get("resources", {}).get("limits")
        for name, manifest in made.items()
    }
    assert limits == {"mine-work": None, "mine-work-gpu": {"nvidia.com/gpu": 1}}
    assert [story.jobs[name].completions for name in sorted(made)] == [3, 1]


def test_work_on_two_pools_is_over_when_both_are() -> None:
    story = parted()
    ready(story, "mine-work", "mine-work-gpu")

    story.complete("mine-work")
    story.look(10)
    meanwhile = story.phase, story.status.shards.succeeded
    story.complete("mine-work-gpu")
    story.look(10)

    assert meanwhile == ("Running", 3)
    assert story.phase == "Evaluating"
    assert scored(story).status.progress == "4/4"


def test_pods_at_once_are_shared_and_go_to_who_is_left() -> None:
    story = parted({"maxConcurrency": 1})
    at_first = {name: story.jobs[name].parallelism for name in ("mine-work", "mine-work-gpu")}

    story.complete("mine-work")
    story.look(10)

    assert at_first == {"mine-work": 1, "mine-work-gpu": 0}
    assert story.jobs["mine-work-gpu"].parallelism == 1


def test_a_quota_that_is_spent_on_one_pool_stops_both() -> None:
    story = parted()
    ready(story, "mine-work", "mine-work-gpu")

    story.fail("mine-work-gpu", "PodFailurePolicy", ended_pod(77, "no quota"))
    story.look(10)
    stopping = story.phase, story.jobs["mine-work"].is_suspended
    story.job("mine-work", active=0, ready=0)
    story.look(10)

    assert stopping == ("Running", True)
    assert story.phase == "Evaluating"
    assert scored(story, missing=2, indexes="1-2").ending == ("Failed", "AuthOrQuota")


def test_some_tasks_that_fail_on_one_pool_do_not_stop_the_other() -> None:
    story = parted({"retries": {"failedShards": 1}})
    ready(story, "mine-work", "mine-work-gpu")

    story.fail("mine-work-gpu", "FailedIndexes", ended_pod(1), failed_indexes="0")
    story.look(10)
    meanwhile = story.phase, story.jobs["mine-work"].is_suspended
    story.complete("mine-work")
    story.look(10)

    assert meanwhile == ("Running", False)
    assert scored(story, missing=1, indexes="3").ending == ("Complete", "CompletedWithFailures")


def test_failures_on_both_pools_count_together() -> None:
    story = parted({"retries": {"failedShards": 1}}, shards=6, gpu=3)
    ready(story, "mine-work", "mine-work-gpu")

    story.job("mine-work", failed_indexes="0")
    story.job("mine-work-gpu", failed_indexes="2")
    story.look(10)

    assert story.status.clock.ending is Reason.TOO_MANY_FAILURES
    assert story.jobs["mine-work"].is_suspended
    assert story.jobs["mine-work-gpu"].is_suspended


def test_both_jobs_rest_and_go_on() -> None:
    story = parted()
    ready(story, "mine-work", "mine-work-gpu")

    story.edit(suspend=True)
    story.look(10)
    resting = [story.jobs[name].is_suspended for name in ("mine-work", "mine-work-gpu")]
    for name in ("mine-work", "mine-work-gpu"):
        story.job(name, active=0, ready=0)
    story.edit(suspend=False)
    story.look(10)

    assert resting == [True, True]
    assert not any(story.jobs[name].is_suspended for name in ("mine-work", "mine-work-gpu"))


def test_a_run_on_a_pool_with_a_gpu_is_not_parted() -> None:
    story = parted({"pool": "l4"})

    assert sorted(story.jobs) == ["mine-plan", "mine-work"]


def test_tasks_that_want_a_gpu_are_refused_where_there_is_none() -> None:
    story = parted(pools={"cpu": {}})

    assert story.ending == ("Failed", "ConfigError")
    assert story.status.message.startswith("1 tasks want a GPU; no pool of the operator has one; ")
    assert sorted(story.jobs) == ["mine-plan"]


def test_what_ran_on_each_pool_is_paid_by_its_price() -> None:
    pools = {"cpu": {"price": {"perHour": 0.1}}, "l4": {**GPU, "price": {"perHour": 1.0}}}
    story = parted(pools=pools)
    for name in ("mine-work", "mine-work-gpu"):
        story.complete(name)
    story.look(10)

    cost = scored(story, pod_seconds=7200.0, gpu_seconds=3600.0, wasted_seconds=0.0).status.cost

    assert cost.actual == pytest.approx(0.1 + 1.0)


# -- refused runs -----------------------------------------------------------------------------------------------------


def test_unknown_pool_is_refused_with_the_known_ones() -> None:
    story = Story({"pool": "h100"})

    story.look()

    assert story.ending == ("Failed", "ConfigError")
    assert "spec.pool: got 'h100'; must be one of cpu, l4" in story.status.message
    assert story.jobs == {}


def test_a_hal_run_is_refused_with_what_can_do_it() -> None:
    agent = {"name": "a", "source": "builtin:null"}
    story = Story({"solvers": None, "hal": {"benchmark": "humaneval", "agent": agent}})

    story.look()

    assert story.ending == ("Failed", "ConfigError")
    assert (
        "spec.hal: got it; needs an image for agents, which the operator has not; set the chart's agents.enabled"
        in story.status.message
    )
    assert story.jobs == {}


def test_run_without_a_store_is_refused() -> None:
    story = Story(results=None)

    story.look()

    assert story.ending == ("Failed", "ConfigError")
    assert "spec.results" in story.status.message


def test_every_fault_of_a_run_is_named() -> None:
    story = Story({"pool": "h100"}, results=None)

    story.look()

    assert "spec.pool" in story.status.message
    assert "spec.results" in story.status.message


def test_run_of_another_version_is_refused() -> None:
    story = Story({"unheardOf": 1})

    story.look()

    assert story.ending == ("Failed", "ConfigError")
    assert "unheardOf" in story.status.message


def without_pool(story: Story, name: str) -> None:
    pools = {one: pool for one, pool in story.settings.pools.items() if one != name}
    story.settings = story.settings.model_copy(update={"pools": pools, "results": None})


def test_run_goes_on_whose_pool_and_store_the_operator_has_lost() -> None:
    """`helm upgrade` may take both away: its Job is there, and its pods know their store."""
    story = Story({"pool": "l4"}).working()
    without_pool(story, "l4")

    story.look(5)
    story.complete("mine-work")
    story.look(5)
    story.complete("mine-collect", collect_words())
    story.look(5)

    assert story.phase == "Complete"
    assert story.status.cost.actual is None


def test_run_whose_job_and_pool_are_gone_is_collected_and_says_so() -> None:
    story = Story({"pool": "l4"}).working()
    without_pool(story, "l4")
    story.jobs.pop("mine-work")

    story.look(5)
    story.look(5)
    story.complete("mine-collect", collect_words(4, "0-3"))
    story.look(5)

    assert story.ending == ("Failed", "ConfigError")
    assert "must be one of cpu" in story.status.message


# -- after the end ----------------------------------------------------------------------------------------------------


def ended(spec: dict[str, Any] | None = None) -> Story:
    story = Story(spec).working()
    story.complete("mine-work")
    collected(story, 1, "2")
    return story


def test_ended_run_is_left_alone_whatever_its_user_changes() -> None:
    story = ended()
    before = story.status

    story.edit(suspend=True, cancel=True, maxConcurrency=9)
    decision = story.look(10)

    assert decision.actions == ()
    assert decision.again_seconds is None
    assert story.status == before.model_copy(update={"observed_generation": 2})


def test_run_is_deleted_when_its_time_to_live_is_over() -> None:
    story = ended({"ttlSecondsAfterFinished": 100})

    early = story.look(40)
    late = story.look(60)

    assert early.actions == ()
    assert early.again_seconds == 60
    assert late.actions == (DeleteRun(),)
    assert story.is_gone


def test_further_attempt_does_what_has_no_result() -> None:
    story = ended()

    story.edit(attempt=2)
    story.look(10)
    planning = (sorted(story.jobs), story.phase, story.status.completion_time, story.status.conditions[0].type)
    story.complete("mine-plan-2", plan_words(4, todo=1))
    story.look(5)
    work = story.jobs["mine-work-2"].completions
    progress = story.status.progress
    story.complete("mine-work-2")
    story.look(5)
    story.complete("mine-collect-2", collect_words(0))
    story.look(5)

    assert planning == (
        ["mine-collect", "mine-plan", "mine-plan-2", "mine-work"],
        "Pending",
        None,
        ConditionType.PLANNED,
    )
    assert (work, progress) == (1, "3/4")
    assert story.ending == ("Complete", "AllShardsDone")
    assert story.status.attempt == 2


def test_failed_shards_of_a_further_attempt_are_those_that_collect_names() -> None:
    story = ended(ALL)
    story.edit(attempt=2)
    story.look(10)
    story.complete("mine-plan-2", plan_words(4, todo=1))
    story.look(5)
    story.fail("mine-work-2", "FailedIndexes", ended_pod(1), failed_indexes="0", failed_pods=1)

    story.look(5)
    working = story.status.shards
    story.complete("mine-collect-2", collect_words(1, "2"))
    story.look(5)

    assert (working.failed, working.failed_indexes) == (1, "")
    assert (story.status.shards.failed, story.status.shards.failed_indexes) == (1, "2")
    assert story.ending == ("Complete", "CompletedWithFailures")


def test_attempt_raised_while_a_run_goes_on_begins_when_it_ends() -> None:
    story = Story().working()
    story.edit(attempt=2)
    story.look(5)
    still = story.status.attempt
    story.complete("mine-work")

    collected(story, 1, "2")
    story.look(5)

    assert still == 1
    assert "mine-plan-2" in story.jobs


def test_further_attempt_writes_where_the_first_did() -> None:
    story = ended()
    story.settings = story.settings.model_copy(update={"results": "gs://other"})

    story.edit(attempt=2)
    story.look(5)

    assert story.status.results.startswith("gs://bucket/runs/")


def test_run_that_ended_at_the_end_of_time_is_kept() -> None:
    """Its status was written by somebody else."""
    story = ended({"ttlSecondsAfterFinished": 100})
    story.raw["status"]["completionTime"] = "9999-12-31T23:59:59Z"

    decision = story.look(1000)

    assert decision.actions == ()


def test_further_attempt_goes_before_the_time_to_live() -> None:
    story = ended({"ttlSecondsAfterFinished": 0})

    story.edit(attempt=2)
    decision = story.look(10)

    assert [type(one) for one in decision.actions] == [CreateConfigMap, CreateJob]


def test_planned_says_no_more_that_it_is_being_done_when_the_run_has_ended() -> None:
    story = Story()
    story.look()
    story.job("mine-plan", active=1, ready=1)
    story.look(5)
    story.edit(cancel=True)

    story.look(5)

    planned = story.condition(ConditionType.PLANNED)
    assert planned is not None
    assert (planned.status, planned.reason) == ("False", Reason.CANCELLED)


def test_cost_is_that_of_the_pool() -> None:
    story = Story({"pool": "l4"}).working()
    story.complete("mine-work")

    collected(story, 0)

    cost = story.status.cost
    assert (cost.actual, cost.wasted, cost.pod_seconds, cost.priced) == (1.0, 0.05, 7200, "2026-01-01")


def test_deletions_name_the_job_that_was_seen() -> None:
    story = Story()
    story.look()
    uid = story.jobs["mine-plan"].uid
    story.edit(cancel=True)

    decision = story.look(5)

    assert decision.actions == (DeleteJob("mine-plan", uid),)


def test_pods_whose_node_does_not_answer_are_waited_for() -> None:
    story = Story({"deadlines": {"pendingSeconds": 30}}).working()
    story.job("mine-work", active=4, ready=0)
    story.stall = Stall(Reason.NODE_LOST, "pod p runs on node n, which does not answer")
    story.look(1)

    story.look(2000)
    stalled = story.condition(ConditionType.STALLED)
    story.job("mine-work", active=4, ready=4)
    story.look(10)

    assert stalled is not None
    assert stalled.reason is Reason.NODE_LOST
    assert story.phase == "Running"
    assert story.condition(ConditionType.STALLED) is None


def test_missing_volume_has_the_runs_own_made_again() -> None:
    story = Story().working()
    story.job("mine-work", active=4, ready=0)
    story.stall = Stall(Reason.POD_CONFIG, 'configmap "mine-run" not found')

    story.look(1)
    story.look(15)

    assert kinds(story) == ["CreateConfigMap"]

"""What holds of every run, whatever happens to it and in which order: random stories, and the worst statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batt.message import ErrorMessage, encode
from batt.status import ConditionType, Phase, Reason, RunStatus
from batt.timing import EDGES, PHASES, PhaseStats
from batt_operator.draft import END_CONDITIONS
from batt_operator.reconcile import BACKOFF_SECONDS, LOST_SECONDS, STOP_SECONDS, reconcile
from batt_operator.stalls import Stall
from batt_operator.world import CreateJob, Decision, DeleteJob, DeleteRun, PatchJob
from tests.worlds import HAL, Story, collect_words, ended_pod, plan_words

STATUS_BYTES = 10_000
"""Largest status that is allowed, as the API server stores it."""

SPECS = st.fixed_dictionaries(
    {
        "retries": st.fixed_dictionaries({"perShard": st.integers(0, 3), "failedShards": st.integers(0, 3)}),
        "deadlines": st.fixed_dictionaries(
            {"pendingSeconds": st.sampled_from([30, 600]), "runSeconds": st.sampled_from([100, 5000])}
        ),
    },
    optional={"queue": st.just("team"), "ttlSecondsAfterFinished": st.integers(0, 500), "suspend": st.booleans()},
)

KINDS = st.sampled_from([{}, HAL])
"""Runs of solvers, and runs of agents: those have work on two pools, and are scored."""

Step = Callable[[Story], None]


def edits(**spec: Any) -> Step:
    return lambda story: story.edit(**spec)


def next_attempt(story: Story) -> None:
    story.edit(attempt=story.raw["spec"].get("attempt", 1) + 1)


def changes(**fields: Any) -> Step:
    """The last Job that was made is found like this, unless it is over."""

    def step(story: Story) -> None:
        name = next(reversed(story.jobs), None)
        if name and not story.jobs[name].is_over:
            story.job(name, **fields)

    return step


def kueue(admits: bool) -> Step:
    def step(story: Story) -> None:
        for name, job in story.jobs.items():
            if "queue" in story.raw["spec"] and job.stage == "work" and not job.is_over:
                story.job(name, is_suspended=not admits)

    return step


def completes(message: str) -> Step:
    """The last Job completes; its pod says the right thing, or what is given."""

    def step(story: Story) -> None:
        name = next(reversed(story.jobs), None)
        if name is None or story.jobs[name].is_over or story.jobs[name].is_suspended:
            return
        parted = {"evaluations": 2, "gpu": 2} if story.raw["spec"].get("hal") else {}
        right = {"plan": plan_words(5, **parted), "collect": collect_words(1, "3")}.get(story.jobs[name].stage, "")
        story.complete(name, message or right)

    return step


def fails(reason: str, code: int) -> Step:
    def step(story: Story) -> None:
        name = next(reversed(story.jobs), None)
        if name and not story.jobs[name].is_over:
            pod = ended_pod(code, encode(ErrorMessage(story.jobs[name].stage, code, "it failed")).decode())
            story.fail(name, reason, pod, failed_pods=1, failed_indexes="0-1")

    return step


def goes_well(story: Story) -> None:
    """The last Job that was made goes a step on: its pods run, then complete."""
    kueue(admits=True)(story)
    name = next(reversed(story.jobs), None)
    if name and story.jobs[name].ready:
        completes("")(story)
    else:
        changes(active=2, ready=2)(story)


def vanishes(story: Story) -> None:
    if story.jobs:
        story.jobs.popitem()


def refused_by(stall: Stall | None) -> Step:
    return lambda story: setattr(story, "refused", stall)


def stalled_by(stall: Stall | None) -> Step:
    return lambda story: setattr(story, "stall", stall)


JOB_FAILURES = ["FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy", "DeadlineExceeded", "Other"]

EVENTS = st.one_of(
    *[st.just(goes_well)] * 4,  # else few stories would get beyond their plan
    st.builds(edits, suspend=st.booleans()),
    st.builds(edits, maxConcurrency=st.integers(1, 9)),
    st.just(edits(cancel=True)),
    st.just(next_attempt),
    st.builds(
        changes,
        active=st.integers(0, 5),
        ready=st.integers(0, 5),
        terminating=st.integers(0, 2),
        failed_pods=st.integers(0, 9),
        succeeded=st.integers(0, 4),
        failed_indexes=st.sampled_from(["", "2", "0-1"]),
    ),
    st.just(changes(is_deleting=True)),
    st.builds(completes, st.sampled_from(["", "", "", "not ours"])),
    st.builds(fails, st.sampled_from(JOB_FAILURES), st.sampled_from([1, 64, 65, 70, 77, 78, 137])),
    st.builds(kueue, st.booleans()),
    st.just(vanishes),
    st.builds(refused_by, st.sampled_from([None, None, Stall(Reason.NAME_TAKEN, "Job mine-work is there")])),
    st.builds(
        stalled_by, st.sampled_from([None, Stall(Reason.UNSCHEDULABLE, "0/3 nodes"), Stall(Reason.NODE_LOST, "away")])
    ),
)

SECONDS = st.sampled_from([0.0, 1.0, 11.0, 200.0, 4000.0])

STEPS = st.lists(st.tuples(EVENTS, SECONDS, st.sampled_from([False, False, True])), min_size=12, max_size=40)
"""What happens, after how many seconds the operator looks, and whether it dies before it writes what it has seen."""


Steps = list[tuple[Step, float, bool]]


def tell(story: Story, steps: Steps) -> None:
    """Let a story happen."""
    for event, seconds, crash in steps:
        event(story)
        look(story, seconds, crash=crash)


def look(story: Story, seconds: float = 0.0, *, crash: bool = False) -> Decision:
    """Look once, and hold what was decided against what always holds."""
    before, jobs = story.status, dict(story.jobs)

    decision = story.look(seconds, crash=crash)

    after = decision.draft.status
    check_actions(story, before, jobs, decision)
    check_status(after)
    if after == before:
        assert decision.events == ()  # they are told when a status is written
    if not after.has_ended() and not decision.actions and decision.again_seconds is None:
        assert story.jobs or story.raw["spec"].get("suspend") or "queue" in story.raw["spec"]
    return decision


def check_actions(story: Story, before: RunStatus, jobs: dict[str, Any], decision: Decision) -> None:
    """Only its own Jobs are touched, none that is on its way out; a run that has ended is left alone."""
    for action in decision.actions:
        if isinstance(action, PatchJob | DeleteJob):
            assert not jobs[action.name].is_deleting
        if isinstance(action, DeleteJob):
            assert action.uid == jobs[action.name].uid
        if isinstance(action, CreateJob):
            assert action.manifest["metadata"]["name"] not in jobs
    if before.has_ended() and before.attempt >= story.raw["spec"].get("attempt", 1):
        assert {type(action) for action in decision.actions} <= {DeleteRun}


def check_status(status: RunStatus) -> None:
    """The status never contradicts itself, and is small."""
    ends = [kind for kind in END_CONDITIONS.values() if status.is_true(kind)]
    assert ends == ([END_CONDITIONS[status.phase]] if status.has_ended() else [])
    assert (status.completion_time is not None) == status.has_ended()
    assert status.is_true(ConditionType.SUSPENDED) == (status.phase is Phase.SUSPENDED)
    assert status.is_true(ConditionType.SUSPENDED) <= (status.clock.running_since is None)
    if status.has_ended():
        assert status.condition(ConditionType.STALLED) is None
        assert status.clock.running_since is None
        assert status.shards.active == 0
    if status.is_true(ConditionType.PLANNED):
        assert status.progress == f"{status.shards.succeeded}/{status.shards.total}"
    assert len({one.type for one in status.conditions}) == len(status.conditions)
    assert len(stored(status)) < STATUS_BYTES


def stored(status: RunStatus) -> bytes:
    """Return a status as etcd has it."""
    return json.dumps(
        status.model_dump(mode="json", by_alias=True, exclude_none=True), ensure_ascii=False, separators=(",", ":")
    ).encode()


@settings(max_examples=400, deadline=None)
@given(spec=SPECS, kind=KINDS, steps=STEPS)
def test_no_story_brings_a_run_into_a_state_that_cannot_be(
    spec: dict[str, Any], kind: dict[str, Any], steps: Steps
) -> None:
    story = Story(spec | kind, maxConcurrency=3, agentImage="agents:1")

    tell(story, steps)

    look(story)
    world = story.world()
    first, second = reconcile(world), reconcile(world)
    assert first.actions == second.actions
    assert first.draft.status == second.draft.status


@settings(max_examples=100, deadline=None)
@given(spec=SPECS, kind=KINDS, steps=STEPS, crashes=st.lists(st.booleans(), max_size=40))
def test_time_alone_brings_every_run_to_its_end(
    spec: dict[str, Any], kind: dict[str, Any], steps: Steps, crashes: list[bool]
) -> None:
    story = Story(spec | kind, agentImage="agents:1")
    tell(story, steps)
    story.edit(suspend=False)
    for name, job in story.jobs.items():
        story.job(name, active=0, ready=0, terminating=0, is_deleting=False, is_suspended=job.is_suspended)
    deadlines = story.raw["spec"]["deadlines"]
    pending = deadlines["pendingSeconds"] + BACKOFF_SECONDS + LOST_SECONDS
    longest = 4 * pending + deadlines["runSeconds"] + 2 * STOP_SECONDS + 600
    spent = 0.0

    for count in range(2000):
        kueue(admits=True)(story)  # no queue is for ever
        decision = look(story, crash=count < len(crashes) and crashes[count])
        if story.status.has_ended() and story.status.attempt >= story.raw["spec"].get("attempt", 1):
            break
        seconds = min(60.0, decision.again_seconds or 60.0)
        story.now += type(story.now - story.now)(seconds=seconds)
        spent += seconds

    assert story.status.has_ended()
    assert spent <= 2 * longest  # an attempt that was on its way, and the one that was asked for


@pytest.mark.parametrize("crash_at", range(12))
def test_operator_that_dies_before_any_of_its_writes_comes_to_the_same_end(crash_at: int) -> None:
    story = Story()
    looked = 0

    def go() -> None:
        nonlocal looked
        look(story, 5, crash=looked == crash_at)
        looked += 1

    for name, message in (("mine-plan", plan_words(4)), ("mine-work", ""), ("mine-collect", collect_words())):
        go()
        go()
        story.job(name, active=1, ready=1)
        go()
        story.complete(name, message)
        go()
    go()

    assert story.ending == ("Complete", "AllShardsDone")
    assert story.made == 3
    assert story.status.clock.remade == 0


# -- the worst statuses -----------------------------------------------------------------------------------------------

SHARDS = 10_000
WORST = PhaseStats(10**9, 1.2345678e8, 1.2345678e-5, 1.2345678e5, (10**8,) * (len(EDGES) + 1))
FAILED = ",".join(str(index) for index in range(0, 2 * SHARDS, 2))


@pytest.mark.parametrize("letter", ["x", "é", "語", "🙂", '"', "\\", "\x01"])
def test_largest_status_is_under_ten_kilobytes(letter: str) -> None:
    name, queue, phases = "m" * 40, "q" * 253, dict.fromkeys(list(PHASES)[:12], WORST)
    story = Story({"retries": {"failedShards": SHARDS}, "pool": "l4", "queue": queue, "maxConcurrency": 10})
    story.raw["metadata"] |= {"name": name, "namespace": "n" * 63}
    look(story)
    story.complete(f"{name}-plan", plan_words(2 * SHARDS))
    look(story, 10)
    look(story, 10)
    story.edit(maxConcurrency=9)
    kueue(admits=True)(story)
    look(story, 10)
    story.job(f"{name}-work", succeeded=SHARDS, active=10, ready=10)
    look(story, 10)
    story.job(f"{name}-work", active=1, ready=0, failed_indexes=FAILED)
    look(story, 10)
    story.stall = Stall(Reason.UNSCHEDULABLE, letter * 5000)
    look(story, 100)
    stalled = story.condition(ConditionType.STALLED)
    pod = ended_pod(1, letter * 4000)
    failed = {"failed_indexes": FAILED, "failed_pods": SHARDS, "succeeded": SHARDS}
    story.fail(f"{name}-work", "MaxFailedIndexesExceeded", pod, message=letter * 4000, **failed)
    look(story, 10)
    story.complete(f"{name}-collect", collect_words(SHARDS, FAILED, phases))
    look(story, 10)

    assert story.ending == ("Failed", "TooManyFailures")
    assert stalled is not None
    assert len(story.status.phases) >= 6
    assert len(stored(story.status)) < STATUS_BYTES

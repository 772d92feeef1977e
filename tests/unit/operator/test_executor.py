"""Decisions are carried out, whatever the API server answers; a crash between any two requests changes no end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from batt_operator.cluster import ApiError, RunKey
from batt_operator.executor import ENDED_PODS, STATUS_SECONDS, Executor, merge_patch
from batt_operator.observed import written_time
from tests.worlds import THEN, UID, collect_words, plan_words, pod_object, run_object, settings_with

KEY = RunKey("team", "mine")

Raw = dict[str, Any]


class CrashError(Exception):
    """The operator dies here."""


class FakeCluster:
    """One namespace with one run, as far as the executor can tell. `fails` answers the n-th request from now."""

    def __init__(self) -> None:
        self.run: Raw | None = run_object()
        self.jobs: dict[str, Raw] = {}
        self.config_maps: dict[str, Raw] = {}
        self.events: dict[str, Raw] = {}
        self.pods: dict[str, list[Raw]] = {}
        self.refusals: list[Raw] = []
        self.requests: list[str] = []
        self.fails: dict[int, Exception] = {}
        self.refuses: dict[str, Exception] = {}

    def ask(self, what: str) -> None:
        number = len(self.requests)
        self.requests.append(what)
        if number in self.fails:
            raise self.fails.pop(number)
        if what.partition(" ")[0] in self.refuses:
            raise self.refuses[what.partition(" ")[0]]

    def get_run(self, key: RunKey) -> Raw | None:
        self.ask(f"get_run {key.name}")
        return copy.deepcopy(self.run)

    def list_jobs(self, namespace: str, uid: str) -> list[Raw]:
        self.ask("list_jobs")
        label = "batt.dev/run-uid"
        return copy.deepcopy([job for job in self.jobs.values() if (job["metadata"]["labels"] or {}).get(label) == uid])

    def list_pods(self, namespace: str, job_uid: str, fields: str, limit: int) -> list[Raw]:
        self.ask(f"list_pods {fields} {limit}")
        phase = fields.removeprefix("status.phase=")
        return [pod for pod in self.pods.get(job_uid, []) if pod["status"]["phase"] == phase][:limit]

    def many_pods(self, namespace: str, job_uid: str, most: int) -> Iterator[Raw]:
        self.ask(f"many_pods {most}")
        yield from self.pods.get(job_uid, [])[:most]

    def list_events(self, namespace: str, uid: str, reason: str) -> list[Raw]:
        self.ask(f"list_events {reason}")
        return self.refusals

    def create_config_map(self, manifest: Raw) -> Raw:
        self.ask("create_config_map")
        return self.config_maps.setdefault(manifest["metadata"]["name"], manifest)

    def create_job(self, manifest: Raw) -> Raw:
        name = manifest["metadata"]["name"]
        self.ask(f"create_job {name}")
        if name not in self.jobs:
            uid = f"uid-{name}-{len(self.requests)}"
            self.jobs[name] = manifest | {"metadata": manifest["metadata"] | {"uid": uid}, "status": {}}
        return self.jobs[name]

    def patch_job(self, namespace: str, name: str, spec: Raw) -> None:
        self.ask(f"patch_job {name} {spec}")
        self.jobs[name]["spec"] |= spec

    def delete_job(self, namespace: str, name: str, uid: str) -> None:
        self.ask(f"delete_job {name}")
        if self.jobs[name]["metadata"]["uid"] == uid:
            del self.jobs[name]

    def delete_run(self, key: RunKey, uid: str, resource_version: str) -> None:
        self.ask("delete_run")
        assert self.run is not None
        if self.run["metadata"]["resourceVersion"] != resource_version:
            raise ApiError("DELETE", 409, "Conflict", "the ResourceVersion in the precondition does not match")
        self.run = None

    def patch_status(self, key: RunKey, resource_version: str, status: Raw) -> Raw:
        self.ask("patch_status")
        assert self.run is not None
        if self.run["metadata"]["resourceVersion"] != resource_version:
            raise ApiError("PATCH", 409, "Conflict", "the object has been modified")
        self.run["status"] = patched(self.run.get("status", {}), status)
        self.touch()
        return self.run

    def create_event(self, manifest: Raw) -> None:
        self.ask(f"create_event {manifest['reason']}")
        self.events.setdefault(manifest["metadata"]["name"], manifest)

    def touch(self) -> None:
        assert self.run is not None
        self.run["metadata"]["resourceVersion"] = str(int(self.run["metadata"]["resourceVersion"]) + 1)

    def edit(self, **spec: Any) -> None:
        """Change the run as a user does."""
        assert self.run is not None
        self.run["spec"] |= spec
        self.run["metadata"]["generation"] += 1
        self.touch()

    def complete(self, name: str, message: str = "") -> None:
        """Let a Job complete, its pod saying something."""
        job = self.jobs[name]
        job["status"] = {
            "succeeded": job["spec"].get("completions", 1),
            "conditions": [{"type": "Complete", "status": "True"}],
        }
        state = {"terminated": {"exitCode": 0, "message": message}}
        status = {"phase": "Succeeded", "containerStatuses": [{"name": "worker", "state": state}]}
        metadata = {"name": f"{name}-x", "uid": f"uid-{name}-x", "creationTimestamp": written_time(THEN)}
        pod = {"metadata": metadata, "status": status}
        self.pods[job["metadata"]["uid"]] = [pod]


def patched(old: Raw, patch: Raw) -> Raw:
    """Apply a merge patch (RFC 7386)."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict):
            before = new.get(name)
            new[name] = patched(before if isinstance(before, dict) else {}, value)
        else:
            new[name] = value
    return new


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.time = THEN

    def __call__(self) -> datetime:
        return self.time

    def go_on(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


def executor_of(cluster: FakeCluster, clock: Clock) -> Executor:
    return Executor(cluster, settings_with(), clock)  # type: ignore[arg-type] # a cluster as far as it goes


def status(cluster: FakeCluster) -> Raw:
    assert cluster.run is not None
    found: Raw = cluster.run["status"]
    return found


def test_first_look_makes_config_map_then_job_then_writes_the_status_last(cluster: FakeCluster, clock: Clock) -> None:
    executor_of(cluster, clock).reconcile(KEY)

    assert cluster.requests == [
        "get_run mine",
        "list_jobs",
        "create_config_map",
        "create_job mine-plan",
        "patch_status",
    ]
    assert status(cluster)["phase"] == "Pending"


def test_second_look_changes_nothing(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    executor.reconcile(KEY)
    cluster.requests.clear()

    executor.reconcile(KEY)

    assert cluster.requests == ["get_run mine", "list_jobs"]


def test_look_at_a_run_that_has_ended_asks_for_nothing_but_the_run(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    go(cluster, clock, executor)
    cluster.requests.clear()

    executor.reconcile(KEY)

    assert cluster.requests == ["get_run mine"]


Step = Callable[[FakeCluster], None]


def ends(name: str, message: str = "") -> Step:
    return lambda cluster: cluster.complete(name, message)


def work_is(**status: int) -> Step:
    def step(cluster: FakeCluster) -> None:
        cluster.jobs["mine-work"]["status"] = status

    return step


def nothing(cluster: FakeCluster) -> None:
    assert cluster.run is not None


GOOD: list[Step] = [ends("mine-plan", plan_words(4)), ends("mine-work"), ends("mine-collect", collect_words()), nothing]
"""What happens after each look in a run where all goes well."""

STOPPED: list[Step] = [
    lambda cluster: cluster.edit(suspend=True),
    lambda cluster: cluster.edit(suspend=False),
    ends("mine-plan", plan_words(4)),
    work_is(active=4, ready=4),
    lambda cluster: cluster.edit(suspend=True),
    work_is(active=0),
    lambda cluster: cluster.edit(suspend=False, maxConcurrency=2),
    work_is(active=2, ready=2),
    lambda cluster: cluster.edit(cancel=True),
    work_is(active=0),
    ends("mine-collect", collect_words(4, "0-3")),
    nothing,
]
"""What happens after each look in a run that is suspended, resumed, changed and cancelled."""


def go(cluster: FakeCluster, clock: Clock, executor: Executor, steps: Sequence[Step] = GOOD) -> None:
    """Take a run from its begin to its end: every look may die and be repeated by an operator that starts anew."""
    for step in steps:
        clock.go_on(20)
        try:
            executor.reconcile(KEY)
        except CrashError:
            executor = executor_of(cluster, clock)
            executor.reconcile(KEY)
        step(cluster)


@pytest.mark.parametrize(
    ("steps", "phase", "reasons"),
    [
        (GOOD, "Complete", ["Planned", "AllShardsDone"]),
        (STOPPED, "Cancelled", ["SuspendedByUser", "Resumed", "Planned", "SuspendedByUser", "Resumed", "Cancelled"]),
    ],
    ids=["good", "stopped"],
)
def test_crash_at_any_request_comes_to_the_same_end(steps: list[Step], phase: str, reasons: list[str]) -> None:
    whole = FakeCluster()
    go(whole, clock := Clock(), executor_of(whole, clock), steps)

    for number in range(len(whole.requests)):
        cluster, clock = FakeCluster(), Clock()
        cluster.fails[number] = CrashError()

        go(cluster, clock, executor_of(cluster, clock), steps)

        what = f"crash at request {number}: {whole.requests[number]}"
        assert not cluster.fails, what
        assert status(cluster)["phase"] == phase, what
        assert sorted(cluster.jobs) == ["mine-collect", "mine-plan", "mine-work"], what
        assert cluster.jobs["mine-work"]["spec"]["suspend"] == (phase == "Cancelled"), what
        assert status(cluster)["clock"]["remade"] == 0, what
        assert [event["reason"] for event in cluster.events.values()] == reasons, what


def test_whole_run_costs_few_writes(cluster: FakeCluster, clock: Clock) -> None:
    go(cluster, clock, executor_of(cluster, clock))

    writes = [one for one in cluster.requests if not one.startswith(("get_", "list_"))]
    assert len(writes) <= 15


def test_run_that_is_gone_is_let_go(cluster: FakeCluster, clock: Clock) -> None:
    cluster.run = None

    again = executor_of(cluster, clock).reconcile(KEY)

    assert again is None
    assert cluster.requests == ["get_run mine"]


def test_runs_that_are_gone_leave_nothing_behind(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    known = list(executor.written)
    cluster.run = None

    executor.reconcile(KEY)

    assert known == [KEY]
    assert (executor.written, executor.unwritten) == ({}, {})


def test_conflict_leaves_the_status_as_somebody_else_wrote_it(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    cluster.fails[4] = ApiError("PATCH", 409, "Conflict", "modified")

    with pytest.raises(ApiError, match="409"):
        executor.reconcile(KEY)
    executor.reconcile(KEY)

    assert status(cluster)["phase"] == "Pending"
    assert list(cluster.jobs) == ["mine-plan"]


def test_change_of_the_run_between_reading_and_writing_is_a_conflict(cluster: FakeCluster, clock: Clock) -> None:
    class Busy(FakeCluster):
        def create_job(self, manifest: Raw) -> Raw:
            self.touch()
            return super().create_job(manifest)

    busy = Busy()

    with pytest.raises(ApiError) as raised:
        executor_of(busy, clock).reconcile(KEY)

    assert raised.value.status == 409
    assert busy.run is not None
    assert "status" not in busy.run


@pytest.mark.parametrize("code", [403, 422])
def test_event_that_is_refused_does_not_hold_the_status_up(cluster: FakeCluster, clock: Clock, code: int) -> None:
    cluster.refuses["create_event"] = ApiError("POST", code, "Forbidden", "exceeded quota: count/events")

    go(cluster, clock, executor_of(cluster, clock))

    assert status(cluster)["phase"] == "Complete"


def test_event_is_tried_again_when_the_api_server_is_away(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    cluster.complete("mine-plan", plan_words(4))
    cluster.refuses["create_event"] = ApiError("POST", 503, "", "away")

    with pytest.raises(ApiError, match="away"):
        executor.reconcile(KEY)
    cluster.refuses.clear()
    executor.reconcile(KEY)

    assert [event["reason"] for event in cluster.events.values()] == ["Planned"]
    assert status(cluster)["phase"] == "Running"


@pytest.mark.parametrize("kind", ["jobs", "config_maps"])
def test_object_of_somebody_else_is_left_alone_and_shown(cluster: FakeCluster, clock: Clock, kind: str) -> None:
    name = {"jobs": "mine-plan", "config_maps": "mine-run"}[kind]
    theirs: Raw = {"kind": "Thing", "metadata": {"name": name, "labels": {"batt.dev/run-uid": "other"}}}
    getattr(cluster, kind)[name] = theirs
    executor = executor_of(cluster, clock)

    executor.reconcile(KEY)
    clock.go_on(20)
    again = executor.reconcile(KEY)

    assert getattr(cluster, kind)[name] is theirs
    assert again is not None
    assert f"NameTaken: Thing {name} is there" in status(cluster)["message"]


def test_job_of_a_deleted_run_of_the_same_name_is_not_taken_for_ours(cluster: FakeCluster, clock: Clock) -> None:
    executor_of(cluster, clock).reconcile(KEY)
    cluster.jobs["mine-plan"]["metadata"]["ownerReferences"][0]["uid"] = "before"
    cluster.complete("mine-plan", plan_words(4))

    executor_of(cluster, clock).reconcile(KEY)

    assert status(cluster)["phase"] == "Pending"


@pytest.mark.parametrize("labels", [{}, None, {"batt.dev/run": "mine"}])
def test_job_of_ours_without_its_labels_is_shown_and_not_waited_for_for_ever(
    cluster: FakeCluster, clock: Clock, labels: dict[str, str] | None
) -> None:
    """By its labels it is found: without them it looks as if it were not there, and its name is taken."""
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    cluster.jobs["mine-plan"]["metadata"]["labels"] = labels
    executor.reconcile(KEY)
    clock.go_on(20)
    executor.reconcile(KEY)
    told = status(cluster)["message"]
    clock.go_on(86400)
    executor.reconcile(KEY)

    assert "NameTaken: Job mine-plan is there without labels of batt's" in told
    assert "batt.dev/run-uid=" in told
    assert status(cluster)["phase"] == "Failed"


def test_job_that_only_names_us_as_an_owner_is_not_taken_for_ours(cluster: FakeCluster, clock: Clock) -> None:
    executor_of(cluster, clock).reconcile(KEY)
    del cluster.jobs["mine-plan"]["metadata"]["ownerReferences"][0]["controller"]
    executor = executor_of(cluster, clock)

    executor.reconcile(KEY)
    clock.go_on(20)
    executor.reconcile(KEY)

    assert "NameTaken" in status(cluster)["message"]


def test_counts_alone_are_written_now_and_then(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    cluster.complete("mine-plan", plan_words(1000))
    executor.reconcile(KEY)
    work = cluster.jobs["mine-work"]
    work["status"] = {"active": 9, "ready": 9, "succeeded": 1}
    executor.reconcile(KEY)
    cluster.requests.clear()

    for done in range(2, 62):
        clock.go_on(1)
        work["status"] |= {"succeeded": done}
        executor.reconcile(KEY)

    assert cluster.requests.count("patch_status") == 60 // STATUS_SECONDS[0]


def test_last_counts_are_written_too(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    cluster.complete("mine-plan", plan_words(1000))
    executor.reconcile(KEY)
    work = cluster.jobs["mine-work"]
    work["status"] = {"active": 9, "ready": 9, "succeeded": 1}
    executor.reconcile(KEY)
    work["status"] |= {"succeeded": 2}

    again = executor.reconcile(KEY)
    assert again is not None
    clock.go_on(again)
    executor.reconcile(KEY)

    assert status(cluster)["progress"] == "2/1000"


def test_stall_is_read_from_events_where_there_are_no_pods(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    cluster.refusals = [
        {"message": "Error creating: exceeded quota: new", "lastTimestamp": "2026-01-01T10:00:09Z"},
        {"message": "Error creating: something old", "lastTimestamp": "2026-01-01T10:00:01Z"},
    ]
    for _ in range(3):
        executor.reconcile(KEY)
        clock.go_on(11)

    executor.reconcile(KEY)

    assert "QuotaExceeded: Error creating: exceeded quota: new" in status(cluster)["message"]


@pytest.mark.parametrize(
    "statuses",
    [
        {"containerStatuses": [("worker", "ContainerCreating")]},
        {
            "initContainerStatuses": [("shim", "PodInitializing"), ("agent", "PodInitializing")],
            "containerStatuses": [("worker", "PodInitializing")],
        },
    ],
)
def test_volume_that_is_missing_is_read_from_events_of_its_pod(
    cluster: FakeCluster, clock: Clock, statuses: dict[str, list[tuple[str, str]]]
) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    containers: dict[str, Any] = {
        kind: [{"name": name, "state": {"waiting": {"reason": reason}}} for name, reason in found]
        for kind, found in statuses.items()
    }
    uid = cluster.jobs["mine-plan"]["metadata"]["uid"]
    cluster.pods[uid] = [pod_object(phase="Pending", **containers)]
    cluster.refusals = [{"message": 'configmap "mine-run" not found', "lastTimestamp": "2026-01-01T10:00:09Z"}]
    cluster.config_maps.clear()
    executor.reconcile(KEY)
    clock.go_on(11)

    executor.reconcile(KEY)

    assert 'PodConfig: configmap "mine-run" not found' in status(cluster)["message"]
    assert list(cluster.config_maps) == ["mine-run"]


def test_few_pods_are_read_of_a_job_that_has_ended(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)
    cluster.complete("mine-plan", plan_words(4))
    cluster.requests.clear()

    executor.reconcile(KEY)

    assert [one for one in cluster.requests if one.startswith("list_pods")] == [
        f"list_pods status.phase=Succeeded {ENDED_PODS}"
    ]


def test_run_whose_time_to_live_is_over_is_deleted_without_a_status(cluster: FakeCluster, clock: Clock) -> None:
    assert cluster.run is not None
    cluster.run["spec"]["ttlSecondsAfterFinished"] = 100
    executor = executor_of(cluster, clock)
    go(cluster, clock, executor)
    cluster.requests.clear()
    clock.go_on(1000)

    again = executor.reconcile(KEY)

    assert again is None
    assert cluster.run is None
    assert cluster.requests[-1] == "delete_run"


def test_run_that_is_retried_while_its_time_to_live_ends_is_kept(
    cluster: FakeCluster, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.run is not None
    cluster.run["spec"]["ttlSecondsAfterFinished"] = 100
    executor = executor_of(cluster, clock)
    go(cluster, clock, executor)
    clock.go_on(1000)
    read = cluster.get_run(KEY)
    cluster.edit(attempt=2)

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "get_run", lambda _: read)
        with pytest.raises(ApiError, match="409"):
            executor.reconcile(KEY)
    executor.reconcile(KEY)

    assert status(cluster)["attempt"] == 2


def test_status_that_nobody_can_read_is_written_anew(cluster: FakeCluster, clock: Clock) -> None:
    assert cluster.run is not None
    cluster.run["status"] = {"phase": "Dreaming", "shards": {"total": "many"}, "odd": 1, "message": "by hand"}
    executor = executor_of(cluster, clock)

    executor.reconcile(KEY)

    assert status(cluster)["phase"] == "Pending"
    assert status(cluster)["message"] == ""
    assert status(cluster)["shards"]["total"] == 0
    assert "odd" not in status(cluster)


def test_merge_patch_makes_the_new_of_the_old() -> None:
    old = {"a": 1, "b": {"c": 2, "d": [1]}, "e": 3, "same": {"x": 1}}
    new = {"a": 2, "b": {"c": None, "d": [1, 2]}, "same": {"x": 1}, "f": {"g": 1}}

    patch = merge_patch(old, new)

    assert patched(old, patch) == {"a": 2, "b": {"d": [1, 2]}, "same": {"x": 1}, "f": {"g": 1}}
    assert "same" not in patch


def test_event_says_which_run_it_is_about(cluster: FakeCluster, clock: Clock) -> None:
    go(cluster, clock, executor_of(cluster, clock))

    [planned, _] = cluster.events.values()
    assert planned["involvedObject"]["uid"] == UID
    assert planned["metadata"]["namespace"] == "team"
    assert planned["type"] == "Normal"


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (403, 'jobs.batch "mine-plan" is forbidden: exceeded quota: few', "QuotaExceeded"),
        (403, "ValidatingAdmissionPolicy 'none' denied request", "PodRefused"),
        (422, "spec.template.spec.tolerations[0].operator: Unsupported value", "PodRefused"),
    ],
)
def test_what_the_api_server_does_not_take_is_told_and_given_up(
    cluster: FakeCluster, clock: Clock, code: int, message: str, reason: str
) -> None:
    cluster.refuses["create_job"] = ApiError("POST", code, "Forbidden", message)
    executor = executor_of(cluster, clock)

    executor.reconcile(KEY)
    clock.go_on(20)
    executor.reconcile(KEY)
    told = status(cluster)
    clock.go_on(2000)
    executor.reconcile(KEY)

    assert f"{reason}: {message}" in told["message"]
    assert status(cluster)["phase"] == "Failed"
    assert message in status(cluster)["message"]


def test_a_fault_of_the_operator_is_told_on_the_run_and_goes_with_it(cluster: FakeCluster, clock: Clock) -> None:
    executor = executor_of(cluster, clock)
    executor.reconcile(KEY)

    executor.tell_fault(KEY, "KeyError('spec')")
    told = status(cluster)
    executor.reconcile(KEY)

    assert "OperatorFault: the operator cannot go on with this run: KeyError('spec')" in told["message"]
    assert status(cluster)["message"] == ""

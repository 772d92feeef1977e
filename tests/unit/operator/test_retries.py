"""Each failed pod is counted once, whoever looks, and none of those that an earlier operator may have counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from batt_operator.cluster import ApiError, RunKey
from batt_operator.observed import written_time
from batt_operator.podtimes import PodEnd
from batt_operator.retries import FAILED_PODS, FailedPods, WorkJob, count_retries, work_jobs
from tests.worlds import THEN, pod_object

YOUNG, OLD = THEN + timedelta(seconds=5), THEN - timedelta(hours=1)


def job(name: str = "mine-work", stage: str = "work", created: int = 5, status: Any = None) -> dict[str, Any]:
    labels = {"batt.dev/run": "mine", "batt.dev/stage": stage}
    metadata = {
        "name": name,
        "namespace": "team",
        "uid": f"uid-{name}",
        "labels": labels,
        "creationTimestamp": written_time(THEN + timedelta(seconds=created)),
    }
    return {"metadata": metadata, "spec": {}, "status": status or {}}


def ends(*names: str) -> list[PodEnd]:
    return [PodEnd(name, "preempted") for name in names]


def test_a_pod_is_counted_once() -> None:
    failed = FailedPods(THEN)

    assert failed.fresh("job", YOUNG, ends("a", "b")) == ["preempted"] * 2
    assert failed.fresh("job", YOUNG, ends("a", "b", "c")) == ["preempted"]
    assert failed.fresh("job", YOUNG, ends("b")) == []
    assert failed.fresh("other", YOUNG, ends("a")) == ["preempted"]


def test_of_a_job_older_than_the_operator_only_later_failures_count() -> None:
    failed = FailedPods(THEN)

    assert failed.fresh("job", OLD, ends("a", "b")) == []
    assert failed.fresh("job", OLD, ends("a", "b", "c")) == ["preempted"]


def test_jobs_that_are_gone_are_forgotten() -> None:
    failed = FailedPods(THEN)
    failed.fresh("gone", YOUNG, ends("a"))
    failed.fresh("here", YOUNG, ends("a"))

    failed.keep({"here"})

    assert set(failed.known) == {"here"}


def test_jobs_whose_pods_come_and_go_are_those_of_work_under_way() -> None:
    over = {"conditions": [{"type": "Complete", "status": "True"}]}
    suspended = job("mine-work-2") | {"spec": {"suspend": True}}
    raws = [
        job("mine-work", created=1),
        job("mine-plan", "plan"),
        suspended,
        job("mine-work-3", status=over),
        job("mine-work-gpu", created=2),
    ]

    found = work_jobs(raws)

    assert [(one.name, one.is_with_gpu, one.key) for one in found] == [
        ("mine-work-gpu", True, RunKey("team", "mine")),
        ("mine-work", False, RunKey("team", "mine")),
    ]


def test_the_work_of_a_run_whose_name_ends_like_a_gpu_job_is_not_taken_for_one() -> None:
    raw = job("x-work-gpu-work")
    raw["metadata"]["labels"]["batt.dev/run"] = "x-work-gpu"

    assert [one.is_with_gpu for one in work_jobs([raw])] == [False]


class Pods:
    """A cluster that has failed pods."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.is_down = False

    def list_pods(self, namespace: str, job_uid: str, fields: str, limit: int) -> list[dict[str, Any]]:
        if self.is_down:
            raise ApiError("GET", 500, "InternalError", "down")
        self.asked.append((job_uid, fields, limit))
        return [pod_object(f"{job_uid}-1", phase="Failed")]


def test_one_request_a_job_tells_what_has_failed_in_it() -> None:
    pods, told = Pods(), []
    jobs = [WorkJob(RunKey("team", "mine"), f"uid-{n}", f"mine-work-{n}", YOUNG, is_with_gpu=False) for n in range(2)]
    failed = FailedPods(THEN)

    for _ in range(2):
        count_retries(pods, jobs, failed, lambda one, reasons: told.append((one.uid, reasons)))  # type: ignore[arg-type]

    assert (
        pods.asked == [("uid-0", "status.phase=Failed", FAILED_PODS), ("uid-1", "status.phase=Failed", FAILED_PODS)] * 2
    )
    assert told == [("uid-0", ["error"]), ("uid-1", ["error"]), ("uid-0", []), ("uid-1", [])]


def test_an_api_server_that_is_down_costs_nothing_but_the_count() -> None:
    pods, told = Pods(), []
    pods.is_down = True
    jobs = [WorkJob(RunKey("team", "mine"), "uid", "mine-work", YOUNG, is_with_gpu=False)]

    count_retries(pods, jobs, FailedPods(THEN), lambda *one: told.append(one))  # type: ignore[arg-type]

    assert told == []

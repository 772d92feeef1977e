"""Objects of the API server as they really come: fields missing, odd, huge."""

from __future__ import annotations

import copy
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from batt.status import RunStatus
from batt_operator.observed import (
    count_indexes,
    is_settled,
    job_view,
    parsed_time,
    pod_view,
    run_view,
    stage_view,
    written_time,
)
from batt_operator.stages import Stage
from tests.worlds import pod_object, run_object


def job(**parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": "mine-work", "uid": "j"}, "spec": {}} | parts


def failed_with(**condition: Any) -> dict[str, Any]:
    return {"conditions": [{"type": "Failed", "status": "True"} | condition]}


def test_job_that_nobody_has_looked_at_yet_is_empty() -> None:
    view = job_view(job())

    assert (view.owner_uid, view.stage, view.completions, view.parallelism) == ("", "", 1, 1)
    assert (view.active, view.ready, view.succeeded, view.failed_indexes) == (0, 0, 0, "")
    assert not view.is_over
    assert not view.is_suspended


def test_conditions_of_a_job_count_only_when_they_are_true() -> None:
    conditions = [
        {"type": "Complete", "status": "False"},
        {"type": "Failed", "status": "Unknown", "reason": "x"},
        {"type": "FailureTarget", "status": "True", "reason": "PodFailurePolicy"},
    ]

    assert not job_view(job(status={"conditions": conditions})).is_over


def test_failed_job_without_a_reason_is_still_failed() -> None:
    view = job_view(job(status=failed_with()))

    assert view.is_over
    assert (view.failed_reason, view.failed_message) == ("Failed", "")


def test_owner_is_the_one_that_controls() -> None:
    owners = [{"uid": "other"}, {"uid": "ours", "controller": True}]

    view = job_view(job(metadata={"name": "a", "uid": "j", "ownerReferences": owners, "deletionTimestamp": "now"}))

    assert (view.owner_uid, view.is_deleting) == ("ours", True)


def test_pod_that_nobody_has_looked_at_yet_is_empty() -> None:
    raw = pod_object()
    del raw["status"]

    view = pod_view(raw)

    assert (view.phase, view.exit_code, view.unscheduled, view.waiting_reason) == ("", None, "", "")


def test_pod_speaks_by_its_worker_not_by_a_container_beside_it() -> None:
    statuses = [
        {"name": "agent", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}},
        {"name": "worker", "state": {"terminated": {"exitCode": 0, "message": "{}"}}},
    ]

    view = pod_view(pod_object(phase="Succeeded", containerStatuses=statuses))

    assert (view.exit_code, view.ended_message, view.ended_reason) == (0, "{}", "")


def test_scheduled_pod_is_not_unscheduled() -> None:
    scheduled = {"type": "PodScheduled", "status": "True", "message": "old words"}
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gates"}

    assert pod_view(pod_object(conditions=[scheduled])).unscheduled == ""
    assert pod_view(pod_object(conditions=[gated])).unscheduled == ""


@pytest.mark.parametrize(
    ("ranges", "count"), [("", 0), ("0", 1), ("1,3-5,7", 5), ("0-99999", 100_000), ("0,2,4-4", 3), ("5-5", 1)]
)
def test_indexes_are_counted_without_being_listed(ranges: str, count: int) -> None:
    assert count_indexes(ranges) == count


def test_longest_list_of_indexes_is_counted_fast() -> None:
    ranges = ",".join(str(index) for index in range(0, 200_000, 2))
    begin = time.perf_counter()

    count = count_indexes(ranges)

    assert count == 100_000
    assert time.perf_counter() - begin < 1


def test_run_that_this_version_cannot_read_keeps_its_status_and_says_why() -> None:
    view = run_view(run_object({"unheardOf": 1}, status={"phase": "Running", "startTime": "2026-01-01T10:00:00Z"}))

    assert view.run is None
    assert len(view.faults) == 1
    assert "unheardOf" in view.faults[0]
    assert view.status.phase == "Running"


def test_run_with_what_the_api_server_adds_is_read() -> None:
    added: dict[str, Any] = {"managedFields": [{}], "creationTimestamp": "2026-01-01T10:00:00Z", "finalizers": ["x"]}

    view = run_view(run_object(**added))

    assert view.run is not None, view.faults
    assert view.status == RunStatus()


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Dreaming"},
        {"shards": {"total": "many"}},
        {"conditions": [{}]},
        {"clock": {"stage": "dream"}},
        {"startTime": "yesterday"},
        {"completionTime": "2026-13-99T00:00:00Z"},
        {"clock": {"runningSince": "2026-01-01T00:00:00"}},  # of which zone?
        {"clock": {"waitingSince": ""}},
    ],
)
def test_status_that_cannot_be_read_counts_as_none(status: dict[str, Any]) -> None:
    assert run_view(run_object(status=status)).status == RunStatus()


def test_run_that_has_ended_is_settled_until_something_is_asked_of_it() -> None:
    ended = run_object(status={"phase": "Complete", "observedGeneration": 3})
    ended["metadata"]["generation"] = 3
    asked = copy.deepcopy(ended)
    asked["metadata"]["generation"] = 4
    running = run_object(status={"phase": "Running", "observedGeneration": 3})
    running["metadata"]["generation"] = 3

    assert is_settled(ended)
    assert [is_settled(one) for one in (asked, running, run_object())] == [False, False, False]


def test_fields_of_other_versions_in_a_status_are_passed_over() -> None:
    assert run_view(run_object(status={"phase": "Running", "bent": True})).status == RunStatus(phase="Running")


def test_times_are_read_as_they_are_written() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    assert written_time(moment) == "2026-01-02T03:04:05Z"
    assert parsed_time(written_time(moment)) == moment


def test_stage_is_what_its_jobs_are_together() -> None:
    one = job_view(job(status={"active": 1, "ready": 1, "conditions": [{"type": "Complete", "status": "True"}]}))
    other = one._replace(name="other", is_complete=False, failed_reason="x", active=2)

    both = stage_view(Stage.WORK, ["mine-work", "other"], {"mine-work": one, "other": other})
    part = stage_view(Stage.WORK, ["mine-work", "other"], {"mine-work": one})

    assert (both.is_complete, both.is_over, both.failed, both.total("active")) == (False, True, other, 3)
    assert (part.is_complete, part.is_over, part.failed, part.missing) == (False, False, None, ("other",))

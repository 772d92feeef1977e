"""The fleet is what watch and resync have told of; its sums and its choice of runs follow from that alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from batt.metrics import RECENT_SECONDS
from batt_operator.cluster import RunKey
from batt_operator.fleet import Fleet, seen_run, sums_of, with_own_series
from batt_operator.observed import written_time
from tests.worlds import HAL, THEN, run_object


def run(name: str, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """Return a run that began at THEN."""
    raw = run_object(spec, {"startTime": written_time(THEN)} | status, name=name, uid=f"uid-{name}")
    raw["spec"] = {key: value for key, value in raw["spec"].items() if value is not None}
    return raw


def ended(name: str, seconds: float) -> dict[str, Any]:
    """Return a run that ended so long after THEN."""
    return run(name, phase="Complete", completionTime=written_time(THEN + timedelta(seconds=seconds)))


def names(runs: list[dict[str, Any]], after: float = 0, most: int = 100) -> list[str]:
    seen = [seen_run(raw, "cpu") for raw in runs]
    return [one.key.name for one in with_own_series(seen, THEN + timedelta(seconds=after), most)]


def test_runs_come_change_and_go() -> None:
    fleet = Fleet("cpu")
    fleet.saw(run("a", phase="Pending"))
    fleet.saw(run("b", {"pool": "l4", **HAL}, phase="Running"))
    fleet.saw(run("a", phase="Running"))
    fleet.gone(RunKey("team", "c"))

    assert [(one.key.name, one.kind, one.pool, one.status.phase) for one in fleet.all()] == [
        ("a", "solvers", "cpu", "Running"),
        ("b", "hal", "l4", "Running"),
    ]
    fleet.gone(RunKey("team", "a"))
    assert [one.key.name for one in fleet.all()] == ["b"]
    fleet.listed([run("d")])
    assert [one.key.name for one in fleet.all()] == ["d"]


def test_a_listing_reads_only_what_has_changed() -> None:
    fleet = Fleet("cpu")
    fleet.listed([run("a", phase="Running"), run("b", phase="Running")])
    [before, _] = fleet.all()
    changed = run("b", phase="Complete")
    changed["metadata"]["resourceVersion"] = "8"

    fleet.listed([run("a", phase="Running"), changed])

    [a, b] = fleet.all()
    assert a is before
    assert b.status.phase == "Complete"


def test_a_status_that_nobody_can_read_is_a_run_all_the_same() -> None:
    assert seen_run(run_object(status={"phase": 7}), "cpu").status.phase == "Pending"
    assert seen_run(run_object() | {"spec": None}, "cpu").pool == "cpu"


def test_shards_of_runs_that_go_on_are_added_up() -> None:
    shards = {"total": 10, "active": 3, "succeeded": 2, "failed": 1}
    runs = [run("a", phase="Running", shards=shards), run("b", phase="Running", shards=shards)]
    runs.append(ended("c", 5) | {})

    sums = sums_of([seen_run(raw, "cpu") for raw in runs], THEN)

    counts = {state: sums.shards["solvers", state] for state in ("pending", "active", "succeeded", "failed")}
    assert counts == {"pending": 8, "active": 6, "succeeded": 4, "failed": 2}
    assert (sums.runs["solvers", "Running"], sums.runs["solvers", "Complete"], sums.runs["hal", "Running"]) == (2, 1, 0)


def test_the_run_that_waits_longest_is_told_and_who_is_suspended_does_not_wait() -> None:
    waits = {"clock": {"waitingSince": written_time(THEN)}}
    stalled = {"type": "Stalled", "status": "True", "reason": "ImagePull", "lastTransitionTime": written_time(THEN)}
    runs = [
        run("a", phase="Running", **waits, conditions=[stalled]),
        run("b", phase="Suspended", clock={"waitingSince": written_time(THEN - timedelta(hours=1))}),
        run("c", phase="Running"),
    ]

    sums = sums_of([seen_run(raw, "cpu") for raw in runs], THEN + timedelta(seconds=30))

    assert sums.oldest_seconds == 30
    assert sums.stalled == {"ImagePull": 1}
    assert sums_of([], THEN).oldest_seconds == 0


def test_live_runs_come_before_ended_ones_and_the_latest_first() -> None:
    runs = [ended("early", 10), run("live"), ended("late", 20), run_object(name="untouched")]

    assert names(runs) == ["live", "late", "early"]
    assert names(runs, most=2) == ["live", "late"]


def test_a_run_that_ended_long_ago_has_no_series() -> None:
    runs = [ended("early", 10), run("live")]

    assert names(runs, after=RECENT_SECONDS) == ["live", "early"]
    assert names(runs, after=RECENT_SECONDS + 10) == ["live"]

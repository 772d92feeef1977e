"""/healthz is red when the operator does not get on, and green again when it does."""

from __future__ import annotations

import json

import pytest

from batt_operator.health import MISSED_LOOKS, MISSED_RESYNCS, Health, Version, health_page, version_of

RESYNC = 60.0


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    synced = Health(RESYNC, clock)
    synced.resynced()
    return synced


def test_operator_is_unhealthy_until_it_has_seen_the_cluster(clock: Clock) -> None:
    fresh = Health(RESYNC, clock)

    before = fresh.faults()
    fresh.resynced()

    assert before == ["no resync yet"]
    assert fresh.faults() == []


def test_late_resync_is_a_fault_until_one_goes_through(health: Health, clock: Clock) -> None:
    clock.time += MISSED_RESYNCS * RESYNC + 30
    still = health.faults()
    clock.time += 1
    late = health.faults()
    health.resynced()

    assert still == []
    assert late == ["no resync for 211 s"]
    assert health.faults() == []


def test_change_that_the_watch_never_tells_of_is_a_fault_until_it_does(health: Health) -> None:
    health.watched("jobs", Version("a", "1"))
    for _ in range(MISSED_LOOKS):
        health.listed("jobs", [Version("a", "2")])
    early = health.faults()
    health.listed("jobs", [Version("a", "2")])
    late = health.faults()
    health.watched("jobs", Version("a", "2"))
    health.listed("jobs", [Version("a", "2")])

    assert early == []
    assert late == ["the watch of jobs has missed 1 changes"]
    assert health.faults() == []


def test_object_that_the_watch_has_never_seen_is_a_fault(health: Health) -> None:
    for _ in range(MISSED_LOOKS + 1):
        health.listed("benchmarkruns", [Version("a", "1")])

    assert health.faults() == ["the watch of benchmarkruns has missed 1 changes"]


def test_object_that_changes_all_the_time_is_no_fault(health: Health) -> None:
    for number in range(20):
        health.listed("jobs", [Version("a", str(number))])
        health.watched("jobs", Version("a", str(number)))

    assert health.faults() == []


def test_object_that_is_gone_is_no_fault(health: Health) -> None:
    for _ in range(MISSED_LOOKS):
        health.listed("jobs", [Version("a", "2")])
    health.gone("jobs", "a")
    health.gone("jobs", "never seen")
    health.listed("jobs", [])

    assert health.faults() == []


def test_version_is_read_from_an_object() -> None:
    assert version_of({"metadata": {"uid": "a", "resourceVersion": "7"}}) == Version("a", "7")


def test_probe_gets_200_then_503_with_the_reason(health: Health, clock: Clock) -> None:
    good = health_page(health)
    clock.time += 10_000
    bad = health_page(health)

    assert (good.status, json.loads(good.body)) == (200, {"healthy": True, "faults": []})
    assert (bad.status, json.loads(bad.body)) == (503, {"healthy": False, "faults": ["no resync for 10000 s"]})


def test_ages_count_from_the_start_and_from_each_resync(clock: Clock) -> None:
    health = Health(RESYNC, clock)
    clock.time += 7
    before = health.resync_age(), health.watch_ages(["jobs"])
    health.watched("jobs", Version("a", "1"))
    health.listed("jobs", [Version("a", "1")])
    health.resynced()
    clock.time += 3

    assert before == (7, {"jobs": 7})
    assert (health.resync_age(), health.watch_ages(["jobs"])) == (3, {"jobs": 3})


def test_a_watch_that_has_missed_something_gets_older(clock: Clock) -> None:
    health = Health(RESYNC, clock)
    for version in ("1", "2"):
        clock.time += 5
        health.listed("jobs", [Version("a", version)])

    assert health.watch_ages(["jobs"]) == {"jobs": 10}


def test_what_two_listings_do_not_show_is_forgotten() -> None:
    """A watch that starts again does not tell of what was deleted meanwhile."""
    health = Health(60)
    health.watched("jobs", Version("gone", "1"))

    health.listed("jobs", [])
    kept = dict(health.seen["jobs"])
    health.listed("jobs", [])

    assert kept == {"gone": "1"}
    assert health.seen["jobs"] == {}

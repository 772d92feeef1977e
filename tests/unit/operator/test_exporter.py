"""Every bounded series is there from the start; an attempt moves them once; runs have series only while they count."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from batt.attempts import PodTimes, ShardEnd, usage, usage_since
from batt.exporter import metrics_page
from batt.message import CollectMessage, parse_message
from batt.metrics import METRICS, MOST_RUNS, Kind, Source, phases_of
from batt.podmetrics import PodMetrics
from batt.timing import PhaseClock, PhaseStats
from batt_operator.exporter import Ages, Folded, Metrics
from batt_operator.fleet import KINDS, Fleet
from batt_operator.observed import written_time
from tests.prometheus import program_or_skip
from tests.worlds import GPU, THEN, collect_words, run_object, settings_with

PRICE = {"price": {"perHour": 3600.0, "currency": "EUR", "dated": "2026-01-01"}}


class World:
    """The metrics of an operator with two pools."""

    def __init__(self) -> None:
        self.settings = settings_with(pools={"cpu": PRICE, "l4": GPU})
        self.fleet = Fleet("cpu")
        ages = Ages(12.0, {"benchmarkruns": 12.0, "jobs": 30.0}, 2)
        self.metrics = Metrics(self.settings, self.fleet, lambda: ages, lambda: THEN + timedelta(seconds=60))

    def read(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Return the samples of /metrics: by name, then by the values of labels in the order of their names."""
        text = metrics_page(self.metrics.families).body.decode()
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = tuple(value for _, value in sorted(sample.labels.items()))
                assert labels not in found.setdefault(sample.name, {}), (sample.name, labels)
                found[sample.name][labels] = sample.value
        return found


def told(**changes: Any) -> CollectMessage:
    message = parse_message(collect_words(**changes))
    assert isinstance(message, CollectMessage)
    return message


def folded(message: CollectMessage | None, **changes: Any) -> Folded:
    return Folded("solvers", "cpu", "l4", "AllShardsDone", 4, message, {})._replace(**changes)


def moved(world: World, before: dict[str, dict[tuple[str, ...], float]]) -> dict[str, dict[tuple[str, ...], float]]:
    """Return by how much counters have grown since."""
    changes: dict[str, dict[tuple[str, ...], float]] = {}
    for name, values in world.read().items():
        for labels, value in values.items():
            if value != before[name].get(labels, 0.0):
                changes.setdefault(name, {})[labels] = value - before[name].get(labels, 0.0)
    return changes


def test_every_metric_of_the_operator_is_there_from_the_start() -> None:
    read = World().read()

    names = {
        metric.name + ("_count" if metric.kind is Kind.HISTOGRAM else "")
        for metric in METRICS
        if metric.source is Source.OPERATOR
    }
    assert names - set(read) == set()


def test_every_phase_of_every_kind_and_pool_is_there_with_nothing() -> None:
    counts = World().read()["batt_phase_duration_seconds_count"]

    expected = {(kind, phase, pool) for kind in KINDS for phase in phases_of(kind) for pool in ("cpu", "l4")}
    assert counts == dict.fromkeys(expected, 0.0)


def test_an_attempt_moves_what_it_has_added() -> None:
    world = World()
    before = world.read()
    phases = {"main.run_batt": PhaseStats().with_duration(9.0), "run_batt.check_batt": PhaseStats(2, 3.0, 1.0, 2.0)}
    message = told(
        phases=dict.fromkeys(phases, PhaseStats().with_duration(99.0)), missing=1,
        added_phases=phases, added_verdicts={"correct": 2, "wrong": 6},
        added_pod_seconds=100.0, added_wasted_seconds=30.0, added_gpu_seconds=40.0, added_gpu_wasted_seconds=10.0,
    )  # fmt: skip

    world.metrics.fold(folded(message, ways={"cpu": {"cluster.queued": PhaseStats().with_duration(4.0)}}))

    changes = moved(world, before)
    assert changes["batt_phase_duration_seconds_sum"] == {
        ("solvers", "main.run_batt", "cpu"): 9,
        ("solvers", "run_batt.check_batt", "cpu"): 3,
        ("solvers", "cluster.queued", "cpu"): 4,
    }
    assert changes["batt_phase_duration_seconds_count"]["solvers", "main.run_batt", "cpu"] == 1
    assert changes["batt_attempts_finished_total"] == {("solvers", "AllShardsDone"): 1}
    assert changes["batt_outcomes_total"] == {("solvers", "correct"): 2, ("solvers", "wrong"): 6}
    assert changes["batt_shards_finished_total"] == {
        ("solvers", "cpu", "succeeded"): 3,
        ("solvers", "cpu", "failed"): 1,
    }
    assert changes["batt_pod_seconds_total"] == {
        ("solvers", "cpu", "useful"): 40,
        ("solvers", "cpu", "wasted"): 20,
        ("solvers", "l4", "useful"): 30,
        ("solvers", "l4", "wasted"): 10,
    }
    assert changes["batt_cost_total"]["EUR", "solvers", "cpu", "useful"] == 40
    assert changes["batt_cost_total"]["USD", "solvers", "l4", "wasted"] == 10 * 0.5 / 3600


def test_no_second_of_pods_is_counted_twice_where_an_attempt_wastes_what_an_earlier_one_has_done() -> None:
    world = World()
    before = world.read()
    first = usage([PodTimes(0, "a", 0.0, 600.0)], {0: ShardEnd("a", 600.0)}, 600.0)
    both = usage([PodTimes(0, "a", 0.0, 600.0), PodTimes(0, "b", 700.0, 720.0)], {0: ShardEnd("b", 720.0)}, 720.0)

    for number in (first, usage_since(both, first._asdict())):
        message = told(added_pod_seconds=number.pod_seconds, added_wasted_seconds=number.wasted_seconds)
        world.metrics.fold(folded(message, kind="hal"))

    changes = moved(world, before)
    assert changes["batt_pod_seconds_total"] == {("hal", "cpu", "useful"): 600, ("hal", "cpu", "wasted"): 20}
    assert sum(changes["batt_cost_total"].values()) == both.pod_seconds


def test_an_attempt_that_was_never_collected_moves_its_reason_alone() -> None:
    world = World()
    before = world.read()

    world.metrics.fold(folded(None, reason="PlanRejected", todo=None))

    assert moved(world, before) == {"batt_attempts_finished_total": {("solvers", "PlanRejected"): 1}}


def test_phases_that_nobody_knows_are_counted_too() -> None:
    world = World()

    phases = {"of a later batt": PhaseStats().with_duration(1.0)}
    world.metrics.fold(folded(told(phases=phases, added_phases=phases)))

    assert world.read()["batt_phase_duration_seconds_sum"]["solvers", "of a later batt", "cpu"] == 1


def test_requests_looks_and_retries_are_counted() -> None:
    world = World()
    before = world.read()

    world.metrics.asked("GET", 200, 0.25)
    world.metrics.asked("PATCH", 409, 0.5)
    world.metrics.looked(1.5, "")
    world.metrics.looked(0.5, "conflict")
    world.metrics.retried("hal", "l4", ["preempted", "preempted", "store"])

    read = world.read()
    assert read["batt_api_requests_total"]["409", "PATCH"] == 1
    assert read["batt_api_requests_total"]["200", "GET"] == 1
    assert read["batt_api_request_duration_seconds_sum"]["PATCH",] == 0.5
    assert read["batt_reconcile_duration_seconds_sum"][()] == 2
    assert read["batt_reconcile_errors_total"] == {("api",): 0, ("conflict",): 1, ("fault",): 0}
    assert moved(world, before)["batt_retries_total"] == {
        ("hal", "l4", "preempted"): 2,
        ("hal", "l4", "store"): 1,
    }


def test_how_the_operator_is_shows_whenever_somebody_asks() -> None:
    read = World().read()

    assert read["batt_resync_age_seconds"] == {(): 12}
    assert read["batt_watch_age_seconds"] == {("benchmarkruns",): 12, ("jobs",): 30}
    assert read["batt_reconcile_queue_length"] == {(): 2}
    assert list(read["batt_build_info"].values()) == [1]


def test_a_run_has_series_of_its_own_and_they_go_with_it() -> None:
    world = World()
    phases = [{"name": "main.run_batt", "count": 1, "sum": 2.5, "min": 2.5, "max": 2.5, "p50": 2.5, "p95": 2.5}]
    status = {
        "phase": "Complete",
        "startTime": written_time(THEN),
        "completionTime": written_time(THEN + timedelta(seconds=50)),
        "shards": {"total": 4, "succeeded": 4},
        "tasks": {"total": 3, "solved": 2},
        "cost": {"currency": "EUR", "actual": 5.0, "wasted": 1.5},
        "phases": phases,
    }
    raw = run_object(status=status)
    world.fleet.saw(raw)

    read = world.read()
    assert read["batt_run_info"] == {("solvers", "cpu", "mine", "team", "Complete"): 1}
    assert read["batt_run_shards"]["mine", "team", "succeeded"] == 4
    assert read["batt_run_tasks"] == {("mine", "team", "total"): 3, ("mine", "team", "solved"): 2}
    assert read["batt_run_end_timestamp_seconds"]["mine", "team"] - THEN.timestamp() == 50
    assert read["batt_run_cost"] == {("EUR", "mine", "team", "useful"): 3.5, ("EUR", "mine", "team", "wasted"): 1.5}
    assert read["batt_run_phase_seconds"] == {("main.run_batt", "mine", "team"): 2.5}
    world.fleet.listed([])
    gone = world.read()
    assert [name for name in gone if name.startswith("batt_run_")] == []


def test_series_of_single_runs_are_capped_and_nothing_else_grows_with_runs() -> None:
    few, many = World(), World()
    status = {"phase": "Running", "startTime": written_time(THEN), "shards": {"total": 4}}
    for world, count in ((few, 1), (many, 3 * MOST_RUNS)):
        world.fleet.listed(run_object(status=status, name=f"run-{number}") for number in range(count))

    one, all_of_them = few.read(), many.read()
    assert len(all_of_them["batt_run_info"]) == MOST_RUNS
    assert all_of_them["batt_runs"]["solvers", "Running"] == 3 * MOST_RUNS
    for name in one:
        if not name.startswith("batt_run_"):
            assert len(one[name]) == len(all_of_them[name]), name


def test_promtool_has_nothing_to_say_against_our_metrics() -> None:
    world = World()
    phases = [{"name": "main.run_batt", "count": 1, "sum": 2.5, "min": 2.5, "max": 2.5, "p50": 2.5, "p95": 2.5}]
    cost = {"currency": "EUR", "actual": 5.0, "wasted": 1.5}
    times = {"startTime": written_time(THEN), "completionTime": written_time(THEN)}
    world.fleet.saw(run_object(status={"phase": "Complete", "cost": cost, "phases": phases, **times}))
    pod = PodMetrics("hal", "cpu", 0, lambda: 0)
    pod.clocks.append(clock := PhaseClock())
    clock.add("agent", 1.0)

    for page in (metrics_page(world.metrics.families), pod.page()):
        command = [program_or_skip("promtool"), "check", "metrics"]
        done = subprocess.run(command, input=page.body, capture_output=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")

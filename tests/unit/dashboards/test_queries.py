"""A real Prometheus answers every query of every dashboard, with what batt serves once two runs have completed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from batt.timing import MAIN
from dashboards.queries import EVERYTHING, choice_queries, panel_queries
from tests.metricsamples import DURATION, ENDED, KINDS, NAMESPACE, STEP, STEPS, TIMES, openmetrics
from tests.prometheus import Prometheus, prometheus_with

BEGIN = 1_700_000_000 // STEP * STEP
END = BEGIN + (STEPS - 1) * STEP
VALUES = {**EVERYTHING, "run": KINDS["solvers"], "other": KINDS["hal"]}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with two hours of every metric, in which two runs have completed."""
    with prometheus_with(openmetrics(BEGIN), tmp_path_factory.mktemp("prometheus")) as started:
        yield started


def query_of(dashboard: str, panel: str, place: int = 0) -> str:
    """A query of a panel."""
    found = [each.query for each in panel_queries(VALUES) if (each.dashboard, each.panel) == (dashboard, panel)]
    return found[place]


@pytest.mark.parametrize("dashboard", ["runs", "phases", "operator"])
def test_every_query_has_an_answer(prometheus: Prometheus, dashboard: str) -> None:
    queries = [query for query in panel_queries(VALUES) if query.dashboard == dashboard]

    empty = [query for query in queries if not prometheus.value(query.query, END)]
    over_time = [query for query in queries if query.is_range and not prometheus.values(query.query, BEGIN + 600, END)]

    assert queries
    assert empty == []
    assert over_time == []


def test_every_choice_has_values(prometheus: Prometheus) -> None:
    found = {
        (choice.dashboard, choice.name): prometheus.ask(
            f"label/{choice.label}/values", **{"match[]": choice.selector, "start": f"{BEGIN}", "end": f"{END}"}
        )
        for choice in choice_queries(VALUES)
    }

    assert found["runs", "operator"] == found["runs", "run_namespace"] == [NAMESPACE]
    assert found["phases", "run"] == found["phases", "other"] == sorted(KINDS.values())
    assert found["phases", "kind"] == sorted(KINDS)
    assert [choice for choice, values in found.items() if not values] == [
        (dashboard, "cluster")
        for dashboard in ("runs", "phases", "operator")  # one cluster alone has no such label
    ]


def test_runs_that_have_ended_take_no_longer_and_took_what_they_took(prometheus: Prometheus) -> None:
    eta = dict_of_runs(prometheus, query_of("runs", "Each run", 4))
    took = dict_of_runs(prometheus, query_of("runs", "Each run", 5))

    assert eta == {"arc": 0, "agents": 0}
    assert took == {"arc": ENDED * STEP - 60, "agents": ENDED * STEP - 60}


def dict_of_runs(prometheus: Prometheus, query: str) -> dict[str, float]:
    """The value of each run."""
    return {labels["run"]: value for labels, value in prometheus.value(query, END)}


def test_the_timing_summary_has_the_phases_of_the_chosen_run(prometheus: Prometheus) -> None:
    found = {labels["phase"]: value for labels, value in prometheus.value(query_of("phases", "Timing summary"), END)}

    assert found[MAIN] == TIMES * DURATION
    assert "run_batt.phase1_filter" in found
    assert "agent" not in found


def test_one_run_against_another_compares_the_phases_that_both_have(prometheus: Prometheus) -> None:
    factors = {
        labels["phase"]: value for labels, value in prometheus.value(query_of("phases", "Phase by phase", 4), END)
    }

    assert factors[MAIN] == 1
    assert "agent" not in factors


def test_quantiles_are_those_of_what_ended_and_of_pools_that_were_used(prometheus: Prometheus) -> None:
    found = prometheus.value(query_of("phases", "Quantiles", 2), END)

    assert {labels["pool"] for labels, _ in found} == {"cpu"}
    assert {labels["kind"] for labels, _ in found} == set(KINDS)
    for _, value in found:
        assert value == pytest.approx(DURATION)  # the middle of its bucket, 0.1 to 0.3
    assert not any(math.isnan(value) for _, value in found)


def test_what_could_have_been_and_was_not_is_not_shown(prometheus: Prometheus) -> None:
    found = prometheus.value(query_of("runs", "Attempts, by how they ended"), END)
    stalled = prometheus.value(query_of("operator", "Runs without a running pod"), END)

    assert [labels for labels, _ in found] == [{"reason": "AllShardsDone"}]
    assert stalled == [({"reason": "none"}, 0)]


def test_nothing_has_failed(prometheus: Prometheus) -> None:
    [(_, failed)] = prometheus.value(query_of("runs", "Failed"), END)

    assert failed == 0

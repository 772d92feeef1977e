"""Metrics keep the rules of Prometheus, and of us: names, units, labels that are few and known."""

from __future__ import annotations

import re

import pytest

from batt.metrics import LABELS, METRICS, Kind, Metric, Source, phases_of
from batt.timing import CLUSTER_PHASES, HAL_PHASES, PHASES

MANY = {"run_namespace", "run", "pod", "shard", "task", "index", "candidate", "solver", "instance"}
"""Labels by which a histogram would grow with what users do."""


@pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])
def test_names_and_helps_keep_the_rules(metric: Metric) -> None:
    assert re.fullmatch(r"batt_[a-z_]+[a-z]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb|percent)(_|$)", metric.name)
    assert "seconds" not in metric.help.lower() or "seconds" in metric.name
    assert metric.help.endswith(".")


def test_every_label_is_explained_and_none_in_vain() -> None:
    used = {label for metric in METRICS for label in metric.labels}

    assert used == set(LABELS)


def test_histograms_and_counters_do_not_grow_with_runs() -> None:
    grown = [metric.name for metric in METRICS if metric.kind is not Kind.GAUGE and set(metric.labels) & MANY]

    assert grown == []


def test_only_gauges_of_single_runs_name_a_run() -> None:
    assert {metric.source for metric in METRICS if "run" in metric.labels} == {Source.RUN}
    assert all(metric.kind is Kind.GAUGE for metric in METRICS if metric.source is Source.RUN)


def test_no_name_is_given_twice() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_each_kind_has_its_phases_and_those_of_the_cluster() -> None:
    assert phases_of("solvers") == (*PHASES, *CLUSTER_PHASES)
    assert phases_of("hal") == (*HAL_PHASES, *CLUSTER_PHASES)

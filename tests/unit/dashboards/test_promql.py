"""Queries are made from metrics: what there is not cannot be asked for."""

from __future__ import annotations

import pytest

from batt.metrics import PHASE_SECONDS, RUNS
from dashboards.promql import increase, most, or_zero, quantile, rate, select, those_that_are, total


def test_a_selector_has_its_conditions() -> None:
    assert select(RUNS) == "batt_runs"
    assert select(RUNS, 'kind="hal"', 'namespace=~"a|b"') == 'batt_runs{kind="hal", namespace=~"a|b"}'
    assert select(RUNS, window="5m", offset="1d") == "batt_runs[5m] offset 1d"


def test_functions_read_as_in_prometheus() -> None:
    assert increase(PHASE_SECONDS, "1h", part="_sum") == "increase(batt_phase_duration_seconds_sum[1h])"
    assert rate(RUNS) == "rate(batt_runs[$__rate_interval])"
    assert total("x", "a", "b") == "sum by (a, b) (x)"
    assert most("x") == "max(x)"
    assert quantile(0.5, "x", "kind") == "histogram_quantile(0.5, sum by (le, kind) (x))"
    assert or_zero("x") == "x or on () vector(0)"
    assert or_zero("x", "pool") == 'x or on () label_replace(vector(0), "pool", "none", "", "")'
    assert those_that_are("x", "pool") == or_zero("x > 0", "pool")


@pytest.mark.parametrize("matcher", ['pod="a"', "kind=hal", 'kind="a" or vector(1)'])
def test_a_condition_on_what_the_metric_does_not_have_is_refused(matcher: str) -> None:
    with pytest.raises(ValueError, match=r"batt_runs: got .* must be a condition on one of kind, state"):
        select(RUNS, matcher)


def test_only_histograms_have_buckets_and_they_have_nothing_else() -> None:
    with pytest.raises(ValueError, match="batt_runs: got part '_sum'"):
        select(RUNS, part="_sum")
    with pytest.raises(ValueError, match="batt_phase_duration_seconds: got part ''"):
        select(PHASE_SECONDS)

"""Metrics as Prometheus reads them: families made from numbers that are already known, by the names of metrics.py.

Outside of the operator the one home of prometheus_client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from batt.metrics import Kind, Metric
from batt.timing import EDGES, PhaseStats
from batt.web import Page

__all__ = ["Family", "Labels", "histogram", "metrics_page", "numbers"]

Labels: TypeAlias = tuple[str, ...]
"""Values of a metric's labels, in their order."""

BOUNDS = (*(str(edge) for edge in EDGES), "+Inf")
"""Upper bounds of a histogram's buckets, as Prometheus writes them."""


def numbers(metric: Metric, values: Mapping[Labels, float]) -> Family:
    """Return the family of a counter or gauge: a series for each value."""
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def histogram(metric: Metric, values: Mapping[Labels, PhaseStats]) -> Family:
    """Return the family of a histogram over timing.EDGES."""
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, stats in values.items():
        buckets = list(zip(BOUNDS, map(float, accumulate(stats.buckets)), strict=True))
        family.add_metric(labels, buckets, stats.total)
    return family


class _Families(Collector):
    """Makes its families anew whenever it is asked."""

    def __init__(self, families: Callable[[], Iterable[Family]]) -> None:
        self.families = families

    def collect(self) -> Iterable[Family]:
        """Return the families."""
        return self.families()


def metrics_page(families: Callable[[], Iterable[Family]]) -> Page:
    """Return the page of metrics."""
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return Page(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))

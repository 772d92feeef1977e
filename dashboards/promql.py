"""PromQL as text, made from metrics: a query cannot name a metric or a label that there is not.

Labels of targets (`cluster`, `namespace`) come from who scrapes; batt's own are in batt/metrics.py.
"""

from __future__ import annotations

import re

from batt.metrics import Kind, Metric

TARGET_LABELS = frozenset({"cluster", "namespace"})
"""Labels that monitors or Prometheus itself add: both are absent or there for all series, so grouping by them is safe.

`namespace` is that of the pod that was scraped: the operator's for all metrics but those of workers.
"""

PARTS = frozenset({"_bucket", "_sum", "_count"})
"""Series that a histogram has."""

MATCHER = re.compile(r'([a-z_]+)(=|!=|=~|!~)"[^"]*"')
"""A condition on a label."""


def select(metric: Metric, *matchers: str, part: str = "", window: str = "", offset: str = "") -> str:
    """Return the selector of those series of a metric that all matchers fit, `kind="hal"`.

    part: of a histogram, which of its series. window: for functions over time, `5m`. offset: how long ago, `1d`.

    Raises:
        ValueError: the metric has no such label, or no such series.
    """
    for matcher in matchers:
        found = MATCHER.fullmatch(matcher)
        if not found or found[1] not in {*metric.labels, *TARGET_LABELS}:
            message = f"{metric.name}: got {matcher!r}; must be a condition on one of {', '.join(metric.labels)}"
            raise ValueError(message)
    if (metric.kind is Kind.HISTOGRAM) != (part in PARTS):
        message = f"{metric.name}: got part {part!r}; must be one of {', '.join(sorted(PARTS))} for histograms alone"
        raise ValueError(message)
    labels = f"{{{', '.join(matchers)}}}" if matchers else ""
    return f"{metric.name}{part}{labels}{f'[{window}]' if window else ''}{f' offset {offset}' if offset else ''}"


def increase(metric: Metric, window: str, *matchers: str, part: str = "", offset: str = "") -> str:
    """Return by how much counters of a metric grew in a window; restarts of the operator do not count."""
    return f"increase({select(metric, *matchers, part=part, window=window, offset=offset)})"


def rate(metric: Metric, *matchers: str, part: str = "") -> str:
    """Return by how much counters of a metric grow a second, over the window that Grafana finds fit for the panel."""
    return f"rate({select(metric, *matchers, part=part, window='$__rate_interval')})"


def total(text: str, *labels: str) -> str:
    """Return the sum of a query by these labels; over everything without any."""
    return grouped("sum", text, *labels)


def most(text: str, *labels: str) -> str:
    """Return the greatest of a query by these labels: for gauges, which two pods may tell of during a restart."""
    return grouped("max", text, *labels)


def grouped(function: str, text: str, *labels: str) -> str:
    """Return an aggregation of a query by these labels."""
    return f"{function} by ({', '.join(labels)}) ({text})" if labels else f"{function}({text})"


def quantile(part: float, buckets: str, *labels: str) -> str:
    """Return a quantile by these labels of what buckets of a histogram hold."""
    return f"histogram_quantile({part:g}, {total(buckets, 'le', *labels)})"


def share(part: str, whole: str) -> str:
    """Return a part of a whole; not a number (NaN) where there is nothing."""
    return f"{part} / {whole}"


def or_zero(text: str, label: str = "") -> str:
    """Return a query that says 0 where its series are absent, as costs are without a price.

    label: one of those that name its series; the 0 has `none` there, else Grafana calls it `Value`.
    """
    zero = f'label_replace(vector(0), "{label}", "none", "", "")' if label else "vector(0)"
    return f"{text} or on () {zero}"


def those_that_are(text: str, label: str) -> str:
    """Return the series of a query that are not 0, for what could be in many ways; 0, called `none`, where none is."""
    return or_zero(f"{text} > 0", label)


def one_of(*values: str) -> str:
    """Return a regular expression that matches exactly these values."""
    return "|".join(values)

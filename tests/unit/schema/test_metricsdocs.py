"""The reference of metrics names every metric, label and phase, and only those."""

from __future__ import annotations

import re

from batt.metrics import LABELS, METRICS, RETRY_REASONS, Source
from batt.schema.metricsdocs import PHASE_TABLES, TITLES, metrics_docs
from batt.timing import CLUSTER_PHASES, EDGES, HAL_PHASES, PHASES


def section(title: str) -> str:
    """What stands under a heading."""
    return re.split(r"\n##+ ", metrics_docs().partition(f"# {title}\n")[2])[0]


def rows(text: str) -> dict[str, str]:
    """The tables' rows by what stands first as code."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", text, flags=re.MULTILINE))


def test_every_metric_stands_in_the_table_of_its_source() -> None:
    for source in Source:
        told = rows(section(TITLES[source][0]))

        assert list(told) == [metric.name for metric in METRICS if metric.source is source]


def test_a_metric_is_told_with_its_type_its_labels_and_when_it_moves() -> None:
    told = rows(metrics_docs())

    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        assert told[metric.name] == f"{metric.kind.value} | {labels} | {metric.help}"


def test_every_label_of_a_metric_is_explained() -> None:
    told = rows(section("Table 1: labels"))

    assert told == LABELS
    assert told.keys() >= {label for metric in METRICS for label in metric.labels}


def test_reasons_phases_and_buckets_are_those_of_the_code() -> None:
    assert rows(section("Table 2: why a pod of the work ended without a result")) == RETRY_REASONS
    assert [rows(section(title)) for title in PHASE_TABLES] == [PHASES, HAL_PHASES, CLUSTER_PHASES]
    assert [float(edge.replace(",", "")) for edge in re.findall(r"\d[\d,.]*\d|\d", section("Buckets"))] == list(EDGES)

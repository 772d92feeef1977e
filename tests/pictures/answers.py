"""What a Prometheus answers to a panel's queries, with Grafana's names for the series."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dashboards.queries import filled
from tests.pictures.boards import Panel, Target
from tests.prometheus import Prometheus


class Point(NamedTuple):
    """A value at a moment, in seconds since 1970."""

    at: float
    value: float


class Series(NamedTuple):
    """One series. letter: of its query; points: one at least, in order of time."""

    letter: str
    name: str
    labels: Mapping[str, str]
    points: Sequence[Point]

    def last(self) -> float:
        """Return its last value."""
        return self.points[-1].value


class Span(NamedTuple):
    """The time that is shown, in seconds since 1970, and the seconds between two points of a line."""

    begin: float
    end: float
    step: float


def answers_of(prometheus: Prometheus, panel: Panel, values: Mapping[str, str], span: Span) -> list[Series]:
    """Return what a panel shows; series without a number are left out, as Grafana draws nothing for them.

    values: of the dashboard's variables.
    """
    found = [one for target in panel.targets for one in asked(prometheus, target, filled(target.query, values), span)]
    return [one for one in found if one.points]


def asked(prometheus: Prometheus, target: Target, query: str, span: Span) -> list[Series]:
    """Return the answer to one query: over all the time, or at its end."""
    if target.is_range:
        times = {"start": f"{span.begin}", "end": f"{span.end}", "step": f"{span.step}"}
        found = [
            (one["metric"], one["values"]) for one in prometheus.ask("query_range", query=query, **times)["result"]
        ]
    else:
        answer = prometheus.ask("query", query=query, time=f"{span.end}")["result"]
        found = [(one["metric"], [one["value"]]) for one in answer]
    return [
        Series(target.letter, named(target.legend, labels), labels, numbers_among(points)) for labels, points in found
    ]


def numbers_among(points: Sequence[tuple[float, str]]) -> list[Point]:
    """Return the points that are numbers."""
    read = (Point(float(at), float(value)) for at, value in points)
    return [point for point in read if not math.isnan(point.value)]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return how Grafana calls a series by its legend, `{{kind}} {{pool}}`."""
    return " ".join(re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend).split())

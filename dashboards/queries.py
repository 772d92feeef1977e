"""Every query of every dashboard, with the choices above it made: for tests that ask a real Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dashboards.boards import board_json
from dashboards.files import boards

VARIABLE = re.compile(r"\$(\w+)")
"""A choice, or a word of Grafana's own, in a query."""

EVERYTHING: Mapping[str, str] = {
    "cluster": ".*",
    "operator": ".*",
    "kind": ".*",
    "pool": ".*",
    "phase": ".*",
    "run_namespace": ".*",
    "window": "1h",
    "__range": "1h",
    "__rate_interval": "5m",
}
"""All that a dashboard begins with, but for the runs: `run` and `other` are names of two."""


class PanelQuery(NamedTuple):
    """A query of a panel. is_range: whether Grafana asks for all of the time that is shown, or for its end alone."""

    dashboard: str
    panel: str
    query: str
    is_range: bool


class ChoiceQuery(NamedTuple):
    """What the values of a choice are made from: the label's values over all series that the selector finds."""

    dashboard: str
    name: str
    selector: str
    label: str


def panel_queries(values: Mapping[str, str]) -> tuple[PanelQuery, ...]:
    """Return every query of every panel, with `values` for the variables.

    values: variable -> value, `{**EVERYTHING, "run": "one", "other": "two"}`.

    Raises:
        KeyError: a variable has no value.
    """
    return tuple(
        PanelQuery(name, panel["title"], filled(target["expr"], values), bool(target.get("range")))
        for name, board in shipped()
        for panel in board["panels"]
        for target in panel.get("targets", ())
    )


def choice_queries(values: Mapping[str, str]) -> tuple[ChoiceQuery, ...]:
    """Return what the choices above the dashboards are made from, with `values` for the variables."""
    return tuple(
        ChoiceQuery(name, variable["name"], *parsed(filled(variable["query"]["query"], values)))
        for name, board in shipped()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    )


def shipped() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and content of each dashboard, as Grafana reads it: JSON, which is open-ended by nature."""
    for board in boards():
        yield board.name, json.loads(board_json(board))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a query with its variables filled in."""
    return VARIABLE.sub(lambda found: values[found[1]], text)


def parsed(text: str) -> tuple[str, str]:
    """Return selector and label of `label_values(selector, label)`."""
    selector, _, label = text.removeprefix("label_values(").removesuffix(")").rpartition(", ")
    return selector, label

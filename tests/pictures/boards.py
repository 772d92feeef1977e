"""What Grafana reads from a dashboard's JSON in order to lay it out: panels with place, title, unit, queries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = Mapping[str, Any]
"""A part of a dashboard: open-ended by nature."""


class Place(NamedTuple):
    """Where a panel lies, in cells of Grafana's grid of 24 columns."""

    x: int
    y: int
    wide: int
    high: int


class Target(NamedTuple):
    """A query of a panel. letter: how transformations call it."""

    letter: str
    query: str
    legend: str
    is_range: bool


class Panel(NamedTuple):
    """One panel; a row has nothing but title and place. raw: the rest of its JSON."""

    number: int
    kind: str
    title: str
    place: Place
    unit: str
    targets: Sequence[Target]
    raw: Json

    def unit_of(self, column: str) -> str:
        """Return the unit of a table's column."""
        for override in self.raw["fieldConfig"]["overrides"]:
            if override["matcher"] == {"id": "byName", "options": column}:
                for one in override["properties"]:
                    if one["id"] == "unit":
                        return str(one["value"])
        return self.unit

    def is_stacked(self) -> bool:
        """Return whether its lines stand on one another."""
        custom = self.raw["fieldConfig"]["defaults"].get("custom", {})
        return bool(custom.get("stacking", {}).get("mode") == "normal")


class Choice(NamedTuple):
    """A choice above the dashboard."""

    name: str
    label: str


class DashboardRead(NamedTuple):
    """A dashboard. shows_seconds: how much time it shows at first."""

    name: str
    title: str
    shows_seconds: int
    choices: Sequence[Choice]
    panels: Sequence[Panel]


SIZES = {"m": 60, "h": 3600, "d": 86400}
"""Units of `now-6h`, in seconds."""


def read_dashboard(path: Path) -> DashboardRead:
    """Return what a dashboard's file says."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    choices = [Choice(one["name"], one["label"]) for one in raw["templating"]["list"]]
    panels = [panel_of(one) for one in raw["panels"]]
    return DashboardRead(path.stem, raw["title"], seconds_of(raw["time"]["from"]), choices, panels)


def panel_of(raw: Json) -> Panel:
    """Return a panel."""
    grid = raw["gridPos"]
    unit = raw.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")
    targets = [
        Target(one["refId"], one["expr"], one["legendFormat"], bool(one.get("range"))) for one in raw.get("targets", ())
    ]
    place = Place(grid["x"], grid["y"], grid["w"], grid["h"])
    return Panel(raw["id"], raw["type"], raw["title"], place, unit, targets, raw)


def seconds_of(text: str) -> int:
    """Return how long ago `now-6h` is."""
    found = re.fullmatch(r"now-(\d+)([mhd])", text)
    if not found:
        message = f"time.from: got {text!r}; must be like now-6h"
        raise ValueError(message)
    return int(found[1]) * SIZES[found[2]]

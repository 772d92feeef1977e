"""`batt list`: the runs of a namespace, in the columns that the BenchmarkRun definition names."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from batt.schema.crd import COLUMNS
from batt_operator.commands.client import connect, target_of
from batt_operator.commands.runs import runs_path

GAP = "   "
"""Between two columns."""

UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
"""Units of ages and their seconds; an age is told in the largest that it has two of (an hour or a day: one)."""


def list_command(options: argparse.Namespace) -> int:
    """Print the runs of a namespace, or of all."""
    cluster = connect(target_of(options))
    runs = list(cluster.pages(runs_path("" if options.all_namespaces else cluster.namespace)))
    if options.output == "json":
        print(json.dumps({"apiVersion": "v1", "kind": "List", "items": runs}, indent=2))
    elif runs:
        priority = 1 if options.output == "wide" else 0
        rows = table_rows(runs, priority, datetime.now(UTC), with_namespace=options.all_namespaces)
        print("\n".join(aligned(rows)))
    else:
        where = "the cluster" if options.all_namespaces else f"namespace {cluster.namespace}"
        print(f"no runs in {where}; start one: batt submit FILE")
    return 0


def table_rows(
    runs: Sequence[Mapping[str, Any]], priority: int, now: datetime, *, with_namespace: bool
) -> list[list[str]]:
    """Return a row of texts for each run, the columns' names first; columns above the priority are left out."""
    columns = [column for column in COLUMNS if column[4] <= priority]
    head = ["NAME", *(name.upper() for name, *_ in columns)]
    rows = [
        [str(run["metadata"]["name"]), *(cell_text(value_at(run, path), kind, now) for _, kind, path, _, _ in columns)]
        for run in runs
    ]
    if not with_namespace:
        return [head, *rows]
    namespaces = [str(run["metadata"]["namespace"]) for run in runs]
    return [["NAMESPACE", *head], *([name, *row] for name, row in zip(namespaces, rows, strict=True))]


def value_at(run: Mapping[str, Any], path: str) -> object:
    """Return what stands at a path such as `.status.phase`; None where nothing does."""
    value: object = run
    for name in path.removeprefix(".").split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def cell_text(value: object, kind: str, now: datetime) -> str:
    """Return a cell's text; `-` for what is not known yet."""
    if value in (None, ""):
        return "-"
    if kind == "date":
        return age_text((now - datetime.fromisoformat(str(value))).total_seconds())
    return " ".join(str(value).split())


def age_text(seconds: float) -> str:
    """Return an age in one unit: 42s, 5m, 3h, 12d."""
    for unit, size in UNITS:
        if seconds >= 2 * size or (seconds >= size >= 3_600):
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one line a row, columns one under the other."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [GAP.join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

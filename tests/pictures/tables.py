"""Draws Grafana's tables: queries merged by their labels, columns hidden, ordered and named as the panel says."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tests.pictures.answers import Series
from tests.pictures.boards import Json, Panel
from tests.pictures.markup import element
from tests.pictures.units import shown

Row: TypeAlias = dict[str, str | float]
"""A row: field -> value."""


class Column(NamedTuple):
    """A column. field: what it is called before it is named anew."""

    field: str
    title: str


def table_html(panel: Panel, series: Sequence[Series], now: float, most_rows: int) -> str:
    """Return a table of as many rows as there is room for."""
    rows = merged(series, is_single=len(panel.targets) == 1)
    columns = columns_of(rows, panel.raw["transformations"][-1]["options"])
    in_order = ordered(rows, columns, panel.raw["options"]["sortBy"])
    heads = "".join(element("th", html.escape(column.title)) for column in columns)
    body = "".join(row_html(row, columns, panel, now) for row in in_order[:most_rows])
    return element("table", element("thead", element("tr", heads)) + element("tbody", body))


def merged(series: Sequence[Series], *, is_single: bool) -> list[Row]:
    """Return Grafana's `merge`: a row takes from another what it lacks, where they have nothing different."""
    rows: list[Row] = []
    for one in series:
        field = "Value" if is_single else f"Value #{one.letter}"
        fresh: Row = {**one.labels, field: one.last()}
        home = next((row for row in rows if fits(row, fresh)), None)
        if home is None:
            rows.append(fresh)
        else:
            home.update(fresh)
    return rows


def fits(row: Row, fresh: Row) -> bool:
    """Return whether two rows share a field, and none with different values."""
    shared = row.keys() & fresh.keys()
    return bool(shared) and all(row[field] == fresh[field] for field in shared)


def columns_of(rows: Sequence[Row], shape: Json) -> list[Column]:
    """Return Grafana's `organize`: the columns that some row has and that are not hidden."""
    hidden = {name for name, is_hidden in shape["excludeByName"].items() if is_hidden}
    fields = {field for row in rows for field in row} - hidden
    order: Mapping[str, int] = shape["indexByName"]
    known = sorted(fields, key=lambda field: order.get(field, len(order)))
    return [Column(field, shape["renameByName"].get(field) or field) for field in known]


def ordered(rows: Sequence[Row], columns: Sequence[Column], by: Sequence[Json]) -> list[Row]:
    """Return rows in the order that the panel asks for."""
    [rule] = by
    field = next(column.field for column in columns if column.title == rule["displayName"])
    return sorted(rows, key=lambda row: number_of(row.get(field)), reverse=rule["desc"])


def number_of(value: str | float | None) -> float:
    """Return a value to sort by; what is absent is least."""
    return value if isinstance(value, float) and not math.isnan(value) else -math.inf


def row_html(row: Row, columns: Sequence[Column], panel: Panel, now: float) -> str:
    """Return a row."""
    return element("tr", "".join(cell(row.get(column.field), panel.unit_of(column.title), now) for column in columns))


def cell(value: str | float | None, unit: str, now: float) -> str:
    """Return a cell: words to the left, numbers to the right, each with its unit."""
    if isinstance(value, float):
        return element("td", html.escape(shown(value, unit, now)), class_="number")
    return element("td", html.escape(value or ""))

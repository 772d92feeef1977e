"""Panels as batt's dashboards have them: title, what it tells, queries, unit; their look is decided here, once."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel: TypeAlias = Builder[models.Panel]
"""A panel that is not yet placed."""

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""Where every panel asks: the data source that is chosen above the dashboard."""

FULL = 24
"""Columns of Grafana's grid."""

PHASES_OF_RUN = {"title": "Its phases", "url": "/d/batt-phases?var-run=${__value.text}&${__url_time_range}"}
"""Where a click on a run leads to."""

SECONDS, SHARE, COUNT, EACH_SECOND, HOURS = "s", "percentunit", "short", "suffix:/s", "suffix:h"
"""Units, by Grafana's names. Of hours there may be many, and they are paid by the hour: never days."""

ONE_COLOUR = builders.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color("blue")
"""Of bars: a panel that names none has Grafana's thresholds, and is red from 80 on, whatever it counts."""


class Query(NamedTuple):
    """A query and how its series are called; `{{kind}}` is a label."""

    text: str
    legend: str = ""


class Column(NamedTuple):
    """A column of values in a table; one without a title is not shown, its labels are."""

    title: str
    text: str
    unit: str = COUNT


def numbers(title: str, tells: str, queries: Sequence[Query], unit: str = COUNT, width: int = 4) -> Panel:
    """Return a panel of large numbers: the queries' values at the end of the time that is shown."""
    panel = stat.Panel().title(title).description(tells).datasource(SOURCE).unit(unit).height(4).span(width)
    panel = panel.graph_mode(looks.BigValueGraphMode.NONE).color_mode(looks.BigValueColorMode.NONE)
    if any("{{" in query.legend for query in queries):  # else Grafana does not name the only one: 26.5 of what?
        panel = panel.text_mode(looks.BigValueTextMode.VALUE_AND_NAME)
    return panel.reduce_options(last_value()).targets(instant(queries))


def bars(title: str, tells: str, queries: Sequence[Query], unit: str = COUNT, width: int = 8, height: int = 8) -> Panel:
    """Return a panel of one bar a series: its value at the end of the time that is shown."""
    panel = bargauge.Panel().title(title).description(tells).datasource(SOURCE).unit(unit).height(height).span(width)
    panel = panel.color_scheme(ONE_COLOUR)
    panel = panel.display_mode(looks.BarGaugeDisplayMode.BASIC).orientation(looks.VizOrientation.HORIZONTAL).min(0)
    return panel.reduce_options(last_value()).targets(instant(queries))


def lines(
    title: str,
    tells: str,
    queries: Sequence[Query],
    unit: str = COUNT,
    width: int = 12,
    height: int = 8,
    *,
    is_stacked: bool = False,
) -> Panel:
    """Return a panel of lines over time; areas on top of one another where they are parts of a whole."""
    panel = timeseries.Panel().title(title).description(tells).datasource(SOURCE).unit(unit).height(height).span(width)
    panel = panel.min(0).legend(
        common.VizLegendOptions()
        .display_mode(looks.LegendDisplayMode.LIST)
        .placement(looks.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    if is_stacked:
        panel = panel.fill_opacity(30).stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))
    return panel.targets([target(query, place).range() for place, query in enumerate(queries)])


def heat(title: str, tells: str, buckets: str, width: int = FULL) -> Panel:
    """Return a heat map of a histogram's buckets, in seconds."""
    query = prometheus.Dataquery().expr(buckets).legend_format("{{le}}").format(PromQueryFormat.HEATMAP)
    panel = heatmap.Panel().title(title).description(tells).datasource(SOURCE).height(9).span(width)
    colours = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    panel = panel.calculate(False).color(colours.scale(HeatmapColorScale.EXPONENTIAL).exponent(0.5))
    panel = panel.rows_frame(heatmap.RowsHeatmapOptions().layout(looks.HeatmapCellLayout.AUTO))
    panel = panel.y_axis(heatmap.YAxisConfig().unit(SECONDS)).filter_values(heatmap.FilterValueRange().le(1e-9))
    return panel.show_legend().show_tooltip().targets([query.range().ref_id("A")])


def rows(
    title: str, tells: str, labels: Mapping[str, str], columns: Sequence[Column], width: int = FULL, height: int = 9
) -> Panel:
    """Return a table: a row for each combination of labels, the greatest of the first column of values first.

    labels: label -> title, in order; queries may have fewer, but for the first one. A run leads to its phases.
    """
    values = {f"Value #{letter(place)}": column.title for place, column in enumerate(columns)}
    titles = {**labels, **(values if len(columns) > 1 else {"Value": columns[0].title})}
    hidden = {"Time": True} | {name: True for name, heading in titles.items() if not heading}
    panel = table.Panel().title(title).description(tells).datasource(SOURCE).height(height).span(width)
    queries = [target(Query(column.text), place) for place, column in enumerate(columns)]
    panel = panel.targets([query.instant().format(PromQueryFormat.TABLE) for query in queries])
    for column in filter(operator.attrgetter("title"), columns):
        panel = panel.override_by_name(column.title, [models.DynamicConfigValue("unit", column.unit)])
    if "run" in labels:
        panel = panel.override_by_name(labels["run"], [models.DynamicConfigValue("links", [PHASES_OF_RUN])])
    order = {name: place for place, name in enumerate(titles)}
    shape = {"excludeByName": hidden, "indexByName": order, "renameByName": dict(titles)}
    panel = panel.with_transformation(models.DataTransformerConfig("merge", options={}))
    panel = panel.with_transformation(models.DataTransformerConfig("organize", options=shape))
    return panel.sort_by([common.TableSortByFieldState().display_name(columns[0].title).desc(True)])


def last_value() -> common.ReduceDataOptions:
    """Return that a series is shown by its last value."""
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def instant(queries: Sequence[Query]) -> list[Builder[Dataquery]]:
    """Return queries for one moment: the end of the time that is shown."""
    return [target(query, place).instant() for place, query in enumerate(queries)]


def target(query: Query, place: int) -> prometheus.Dataquery:
    """Return a query of a panel in the SDK's form; place: its place among them."""
    return prometheus.Dataquery().expr(query.text).legend_format(query.legend).ref_id(letter(place))


def letter(place: int) -> str:
    """Return how Grafana calls the query at a place: A, B, ..."""
    return chr(ord("A") + place)

"""The dashboard *Phases*: where the time goes, over all runs, in one run, and in one run against another."""

from __future__ import annotations

from batt.metrics import PHASE_SECONDS, RUN_PHASE_OCCURRENCES, RUN_PHASE_SECONDS, WORKER_PHASE_SECONDS, Metric
from dashboards.boards import Board, Row
from dashboards.panels import FULL, SECONDS, Column, Panel, Query, bars, heat, lines, rows
from dashboards.promql import increase, most, or_zero, quantile, rate, select, share, total
from dashboards.scope import OPERATOR, PHASES, WORKERS, kinds, namespaces, one_run, operators
from dashboards.scope import phases as phase_choices

BY = ("kind", "phase", "pool")
"""Labels of the histogram."""

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""Quantiles that are shown."""

CHOSEN = ('run_namespace=~"$run_namespace"', 'run="$run"')
"""The chosen run."""

OTHER = ('run_namespace=~"$run_namespace"', 'run="$other"')
"""The run that it is held against."""


def phases_board() -> Board:
    """Return the dashboard."""
    parts = (
        Row("All runs: how long phases take", over_all_runs()),
        Row("Quantiles over time", over_time()),
        Row("One run", one()),
        Row("One run against another", against()),
    )
    tells = (
        "How long phases take over all runs, by kind and pool; the timing summary of a run; one run against another."
    )
    choices = (
        *operators(),
        kinds(),
        *phase_choices(),
        namespaces(),
        one_run("run", "Run"),
        one_run("other", "Against"),
    )
    return Board("phases", "batt / Phases", tells, choices, parts, shows="now-2d")


def over_all_runs() -> tuple[Panel, ...]:
    """Return the distribution of what the chosen phases took."""
    buckets = increase(PHASE_SECONDS, "$__range", *PHASES, part="_bucket")
    counts, sums = (total(increase(PHASE_SECONDS, "$__range", *PHASES, part=part), *BY) for part in ("_count", "_sum"))
    quantiles = [Column(name, f"{quantile(part, buckets, *BY)} >= 0", SECONDS) for name, part in QUANTILES.items()]
    return (
        heat(
            "How long phases took",
            "How many durations fell into each bucket. Moves when attempts end. Choose one phase: scales differ.",
            total(increase(PHASE_SECONDS, "$__rate_interval", *PHASES, part="_bucket"), "le"),
        ),
        rows(
            "Quantiles",
            "Of what ended in this time, by kind, pool and phase, estimated within the buckets of docs/metrics.md.",
            {"kind": "kind", "pool": "pool", "phase": "phase"},
            (Column("in all", f"{sums} > 0", SECONDS), Column("number", f"{counts} > 0"), *quantiles),
        ),
    )


def over_time() -> tuple[Panel, ...]:
    """Return how quantiles of the chosen phases changed."""
    buckets = increase(PHASE_SECONDS, "$window", *PHASES, part="_bucket")
    return tuple(
        lines(
            name,
            "At each moment over the time before it that is chosen above.",
            [Query(f"{quantile(part, buckets, *BY)} >= 0", "{{kind}} {{pool}} {{phase}}")],
            SECONDS,
            width=FULL // len(QUANTILES),
        )
        for name, part in QUANTILES.items()
    )


def one() -> tuple[Panel, ...]:
    """Return the timing summary of the chosen run, and what pods do now."""
    seconds, counts = (seconds_of(metric, CHOSEN) for metric in (RUN_PHASE_SECONDS, RUN_PHASE_OCCURRENCES))
    going_on = total(rate(WORKER_PHASE_SECONDS, *WORKERS, 'phase=~"$phase"', part="_sum"), "phase")
    return (
        rows(
            "Timing summary",
            "Seconds of each phase in all, longest first, as `batt run --timing` prints them. Phases overlap where "
            "work is done in parallel, and `main.run_batt` holds the others.",
            {"phase": "phase"},
            (
                Column("in all", seconds, SECONDS),
                Column("number", counts),
                Column("mean", share(seconds, counts), SECONDS),
            ),
            width=10,
            height=12,
        ),
        bars(
            "Where the time went",
            "The same as bars.",
            [Query(f"sort_desc({seconds})", "{{phase}}")],
            SECONDS,
            width=8,
            height=12,
        ),
        lines(
            "Now",
            "Seconds of phases a second in pods at work, where they are scraped (`metrics.workers`); 0 where none is.",
            [Query(or_zero(going_on, "phase"), "{{phase}}")],
            width=6,
            height=12,
        ),
    )


def against() -> tuple[Panel, ...]:
    """Return the chosen run beside the other one."""
    this, that = (seconds_of(RUN_PHASE_SECONDS, which) for which in (CHOSEN, OTHER))
    mean, other_mean = (
        share(seconds_of(RUN_PHASE_SECONDS, which), seconds_of(RUN_PHASE_OCCURRENCES, which))
        for which in (CHOSEN, OTHER)
    )
    return (
        rows(
            "Phase by phase",
            "Factor: the mean of the chosen run over that of the other one; above 1 it is slower.",
            {"phase": "phase"},
            (
                Column("in all", this, SECONDS),
                Column("in all, other", that, SECONDS),
                Column("mean", mean, SECONDS),
                Column("mean, other", other_mean, SECONDS),
                Column("factor", f"({mean}) / ({other_mean})"),
            ),
            height=12,
        ),
    )


def seconds_of(metric: Metric, which: tuple[str, ...]) -> str:
    """Return a value by phase of one run."""
    return most(select(metric, *OPERATOR, *which), "phase")

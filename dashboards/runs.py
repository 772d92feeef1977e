"""The dashboard *Runs*: what is at work, how far it is, what failed and why, what it costs."""

from __future__ import annotations

from batt.metrics import (
    COST,
    FINISHED,
    OLDEST_PENDING,
    OUTCOMES,
    POD_SECONDS,
    RETRIES,
    RUN_COST,
    RUN_ENDED,
    RUN_INFO,
    RUN_SHARDS,
    RUN_STARTED,
    RUN_TASKS,
    RUNS,
    SHARD_STATES,
    SHARDS,
    SHARDS_FINISHED,
    STALLED,
    USES,
    WORKER_ITEMS,
    WORKER_STORE_ERRORS,
)
from dashboards.boards import Board, Row
from dashboards.panels import EACH_SECOND, HOURS, SECONDS, SHARE, Column, Panel, Query, bars, lines, numbers, rows
from dashboards.promql import increase, most, one_of, or_zero, rate, select, share, those_that_are, total
from dashboards.scope import KINDS, OPERATOR, RUNS_IN, WORKERS, kinds, namespaces, operators
from dashboards.words import AT_WORK, NO_FAILURE, RUN, STATES

FAILED = f'reason!~"{NO_FAILURE}"'
"""Attempts that have failed."""

RUN_TITLES = {"cluster": "cluster", "run_namespace": "namespace", "run": "run"}
"""Columns that name a run."""


def runs_board() -> Board:
    """Return the dashboard."""
    parts = (
        Row("Now", now()),
        Row("From waiting to done", funnel()),
        Row("Live and recent runs", each_run()),
        Row("Failures", failures()),
        Row("Cost", cost()),
    )
    tells = "Which runs are at work, how far they are and when they will be done; what failed and why; what it costs."
    return Board("runs", "batt / Runs", tells, (*operators(), kinds(), namespaces()), parts)


def now() -> tuple[Panel, ...]:
    """Return the numbers to look at first."""
    failed, ended = (total(increase(FINISHED, "$__range", *KINDS, *which)) for which in ((FAILED,), ()))
    costs = or_zero(total(increase(COST, "$__range", *KINDS), "currency"))
    return (
        numbers("Runs at work", "Runs that plan, work, score or collect.", [runs_that(AT_WORK)]),
        numbers("Shards at work", "Shards with a pod.", [Query(total(select(SHARDS, *KINDS, 'state="active"')))]),
        numbers(
            "Longest wait",
            "For how long the run that waits longest has had no running pod.",
            [Query(most(select(OLDEST_PENDING, *OPERATOR)))],
            SECONDS,
        ),
        numbers("Stalled", "Runs without a running pod, for a reason.", [Query(total(select(STALLED, *OPERATOR)))]),
        numbers(
            "Failed",
            "Share of the attempts that ended in this time.",
            [Query(or_zero(share(failed, f"({ended} > 0)")))],
            SHARE,
        ),
        numbers("Cost", "Of attempts that ended in this time.", [Query(costs, "{{currency}}")]),
    )


def funnel() -> tuple[Panel, ...]:
    """Return where runs and shards stand, and how that came."""
    runs = [runs_that(one_of(*phases), name) for name, phases in STATES.items()]
    shards = [Query(total(select(SHARDS, *KINDS, f'state="{state}"')), state) for state in SHARD_STATES]
    return (
        bars("Runs", "Where all runs stand now.", runs, width=6),
        lines("Runs over time", "Where all runs stood.", runs, width=6, is_stacked=True),
        bars("Shards", "Of runs that have not ended.", shards, width=6),
        lines("Shards over time", "Of runs that had not ended.", shards, width=6, is_stacked=True),
    )


def runs_that(states: str, legend: str = "") -> Query:
    """Return how many runs are in one of these states."""
    return Query(total(select(RUNS, *KINDS, f'state=~"{states}"')), legend)


def each_run() -> tuple[Panel, ...]:
    """Return how far each run is, for as many as have series of their own."""
    done = total(select(RUN_SHARDS, *RUNS_IN, 'state="succeeded"'), *RUN)
    solved = share(*(most(select(RUN_TASKS, *RUNS_IN, f'state="{state}"'), *RUN) for state in ("solved", "total")))
    items = total(rate(WORKER_ITEMS, *WORKERS, 'kind=~"$kind"'), "kind", "pool")
    return (
        rows(
            "Each run",
            "Runs that go on, and those of the last day. ETA: what is left at the speed since the attempt began; none "
            "before the first shard is done.",
            {**RUN_TITLES, "kind": "kind", "pool": "pool", "state": "state"},
            (
                Column("begun", f"1000 * {most(select(RUN_STARTED, *RUNS_IN), *RUN)}", "dateTimeFromNow"),
                Column("", most(select(RUN_INFO, *RUNS_IN), *RUN, "kind", "pool", "state")),
                Column("done", share(done, total(select(RUN_SHARDS, *RUNS_IN), *RUN)), SHARE),
                Column("solved", solved, SHARE),
                Column("ETA", eta(), SECONDS),
                Column("took", took(), SECONDS),
            ),
            height=12,
        ),
        lines(
            "Progress",
            "Shards with a result, as a share of those of the current attempt.",
            [Query(share(done, total(select(RUN_SHARDS, *RUNS_IN), *RUN)), "{{run_namespace}}/{{run}}")],
            SHARE,
        ),
        lines(
            "Items",
            "Candidates and modules done a second, where pods of the work are scraped "
            "(`metrics.workers`); 0 where none is.",
            [Query(or_zero(items, "kind"), "{{kind}} {{pool}}")],
            EACH_SECOND,
        ),
    )


def eta() -> str:
    """Return how long each run still takes, at the speed since its attempt began; 0 for those that have ended."""
    passed = f"(time() - {most(select(RUN_STARTED, *RUNS_IN), *RUN)})"
    left = total(select(RUN_SHARDS, *RUNS_IN, 'state=~"pending|active"'), *RUN)
    done = total(select(RUN_SHARDS, *RUNS_IN, 'state="succeeded"'), *RUN)
    ended = most(select(RUN_ENDED, *RUNS_IN), *RUN)
    return f"({passed} * {left} / ({done} > 0) unless {ended}) or 0 * {ended}"


def took() -> str:
    """Return how long each run's attempt took; up to now for those that go on."""
    begun, ended = (most(select(metric, *RUNS_IN), *RUN) for metric in (RUN_STARTED, RUN_ENDED))
    return f"({ended} or time() + 0 * {begun}) - {begun}"


def failures() -> tuple[Panel, ...]:
    """Return what ended, and why."""
    shards = total(increase(SHARDS_FINISHED, "$__range", *KINDS), "kind", "pool", "result")
    store = total(increase(WORKER_STORE_ERRORS, "$__rate_interval", *WORKERS, 'kind=~"$kind"'), "pool")
    reasons = total(increase(FINISHED, "$__range", *KINDS), "reason")
    outcomes = total(increase(OUTCOMES, "$__range", *KINDS), "kind", "outcome")
    return (
        bars(
            "Attempts, by how they ended",
            "In this time, by reason; docs/troubleshooting.md explains each.",
            [Query(those_that_are(reasons, "reason"), "{{reason}}")],
        ),
        bars(
            "Pods without a result, by reason",
            "Pods of the work that ended in this time without the result of their shard.",
            [Query(total(increase(RETRIES, "$__range", *KINDS), "reason"), "{{reason}}")],
        ),
        bars(
            "Outcomes",
            "Of attempts that ended in this time: candidates by verdict, agents' tasks by outcome.",
            [Query(those_that_are(outcomes, "outcome"), "{{kind}} {{outcome}}")],
        ),
        bars(
            "Shards of attempts that ended",
            "In this time, by whether they have a result.",
            [Query(those_that_are(shards, "result"), "{{kind}} {{pool}} {{result}}")],
            width=6,
        ),
        lines(
            "Attempts that ended",
            "Failed ones, and all.",
            [
                Query(total(increase(FINISHED, "$__rate_interval", *KINDS, FAILED)), "failed"),
                Query(total(increase(FINISHED, "$__rate_interval", *KINDS)), "all"),
            ],
            width=6,
        ),
        lines(
            "Pods without a result",
            "By reason; many `preempted` at once are a storm.",
            [Query(total(increase(RETRIES, "$__rate_interval", *KINDS), "reason"), "{{reason}}")],
            width=6,
            is_stacked=True,
        ),
        lines(
            "Store",
            "Operations on the store that failed, later mended or not, where pods of the work are scraped "
            "(`metrics.workers`); 0 where none is.",
            [Query(or_zero(store, "pool"), "{{pool}}")],
            width=6,
        ),
    )


def cost() -> tuple[Panel, ...]:
    """Return what pods of the work took and cost."""
    seconds = {use: total(increase(POD_SECONDS, "$__range", *KINDS, f'use="{use}"'), "kind", "pool") for use in USES}
    costs = {use: total(increase(COST, "$__range", *KINDS, f'use="{use}"'), "kind", "pool", "currency") for use in USES}
    dearest = f"topk(10, {total(select(RUN_COST, *RUNS_IN), *RUN, 'currency')})"
    return (
        rows(
            "By pool",
            "Of attempts that ended in this time. Wasted: pods that failed, were preempted, or did what was done.",
            {"kind": "kind", "pool": "pool", "currency": "currency"},
            (
                Column("useful hours", f"{seconds['useful']} / 3600", HOURS),
                Column("wasted hours", f"{seconds['wasted']} / 3600", HOURS),
                Column("useful cost", or_zero(costs["useful"])),
                Column("wasted cost", or_zero(costs["wasted"])),
            ),
            width=12,
        ),
        bars(
            "Dearest runs",
            "Of those that have been collected.",
            [Query(or_zero(dearest, "run"), "{{run_namespace}}/{{run}} {{currency}}")],
            width=12,
            height=9,
        ),
    )

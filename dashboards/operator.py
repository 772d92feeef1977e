"""The dashboard *Operator*: latency, traffic, errors and saturation of the operator, and whether it sees everything."""

from __future__ import annotations

from batt.metrics import (
    API_REQUESTS,
    API_SECONDS,
    BUILD_INFO,
    OLDEST_PENDING,
    QUEUED_LOOKS,
    RECONCILE_ERRORS,
    RECONCILE_SECONDS,
    RESYNC_AGE,
    STALLED,
    WATCH_AGE,
)
from dashboards.boards import Board, Row
from dashboards.panels import EACH_SECOND, SECONDS, Column, Panel, Query, lines, numbers, rows
from dashboards.promql import most, or_zero, quantile, rate, select, those_that_are, total
from dashboards.scope import OPERATOR, operators

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""Quantiles that are shown."""


def operator_board() -> Board:
    """Return the dashboard."""
    parts = (
        Row("Does it see everything?", sight()),
        Row("Latency", latency()),
        Row("Traffic", traffic()),
        Row("Errors", errors()),
        Row("Saturation", saturation()),
    )
    tells = "Whether the operator looks at runs, how fast, how often in vain, and what it asks of the API server."
    return Board("operator", "batt / Operator", tells, operators(), parts, shows="now-3h")


def sight() -> tuple[Panel, ...]:
    """Return how old the operator's knowledge is."""
    resync = Query(most(select(RESYNC_AGE, *OPERATOR)), "resync")
    watch = Query(most(select(WATCH_AGE, *OPERATOR), "resource"), "watch of {{resource}}")
    return (
        numbers("Last resync", "Seconds since all runs and Jobs were listed.", [resync], SECONDS, width=6),
        numbers("Watches", "Seconds since each was last found to have told of everything.", [watch], SECONDS, width=9),
        rows(
            "Versions",
            "Of the operators that are scraped.",
            {"cluster": "cluster", "namespace": "namespace", "version": "version"},
            (Column("pods", total(select(BUILD_INFO, *OPERATOR), "cluster", "namespace", "version")),),
            width=9,
            height=4,
        ),
        lines(
            "Age of resync and watches",
            "Saw teeth up to `operator.resyncSeconds` are good; a line that climbs is not.",
            [resync, watch],
            SECONDS,
            width=24,
        ),
    )


def latency() -> tuple[Panel, ...]:
    """Return how long looks and requests take."""
    looks = rate(RECONCILE_SECONDS, *OPERATOR, part="_bucket")
    requests = rate(API_SECONDS, *OPERATOR, part="_bucket")
    return (
        lines(
            "How long looks take",
            "Seconds that a look took, its requests included.",
            [Query(quantile(part, looks), name) for name, part in QUANTILES.items()],
            SECONDS,
        ),
        lines(
            "How long requests take",
            "To the API server: seconds to the answer, 99 of 100, by verb.",
            [Query(quantile(QUANTILES["p99"], requests, "verb"), "{{verb}}")],
            SECONDS,
        ),
    )


def traffic() -> tuple[Panel, ...]:
    """Return how often the operator looks and asks."""
    return (
        lines(
            "Looks",
            "Looks at runs, a second.",
            [Query(total(rate(RECONCILE_SECONDS, *OPERATOR, part="_count")), "looks")],
            EACH_SECOND,
        ),
        lines(
            "Requests",
            "To the API server, a second, by verb and code; without watches.",
            [Query(total(rate(API_REQUESTS, *OPERATOR), "verb", "code"), "{{verb}} {{code}}")],
            EACH_SECOND,
        ),
    )


def errors() -> tuple[Panel, ...]:
    """Return what went wrong."""
    refused = rate(API_REQUESTS, *OPERATOR, 'code!~"2.."')
    return (
        lines(
            "Looks that failed",
            "A second, by reason; some `conflict`s are normal.",
            [Query(total(rate(RECONCILE_ERRORS, *OPERATOR), "reason"), "{{reason}}")],
            EACH_SECOND,
        ),
        lines(
            "Requests without success",
            "A second, by code. 404 and 409 are answers like others: it is gone, or there already. 0: no answer.",
            [Query(or_zero(total(refused, "code"), "code"), "{{code}}")],
            EACH_SECOND,
        ),
    )


def saturation() -> tuple[Panel, ...]:
    """Return what piles up."""
    return (
        lines(
            "Looks that are due",
            "Runs that wait for a look.",
            [Query(total(select(QUEUED_LOOKS, *OPERATOR)), "due")],
            width=8,
        ),
        lines(
            "Runs without a running pod",
            "By reason; docs/troubleshooting.md explains each.",
            [Query(those_that_are(total(select(STALLED, *OPERATOR), "reason"), "reason"), "{{reason}}")],
            width=8,
            is_stacked=True,
        ),
        lines(
            "Longest wait",
            "For how long the run that waits longest has had no running pod.",
            [Query(most(select(OLDEST_PENDING, *OPERATOR)), "waits")],
            SECONDS,
            width=8,
        ),
    )

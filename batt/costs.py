"""What pods cost: seconds that they worked times what a pod of their pool costs an hour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from batt.errors import Fault, SpecError, shown
from batt.results import Charge, Usage


class Price(NamedTuple):
    """What a pod of a pool costs while it runs. dated: when that was looked up, YYYY-MM-DD."""

    per_hour: float
    currency: str
    dated: str


class Prices(NamedTuple):
    """The prices of the pools that a run's work is on, and those of its tasks that want a GPU; None: nobody knows."""

    work: Price | None = None
    gpu: Price | None = None


UNPRICED = Prices()
"""Nobody knows what pods cost."""


def charge_of(everything: Usage, gpu: Usage, prices: Prices) -> Charge | None:
    """Return what pods cost, where each pool that they ran on has a price, in one currency; else None.

    Args:
        everything: seconds of all pods. gpu: the part of those whose tasks want a GPU.
    """
    other = prices.gpu if gpu.pod_seconds else prices.work
    work = prices.work if everything.pod_seconds > gpu.pod_seconds else other
    if work is None or other is None or work.currency != other.currency:
        return None
    actual, wasted = (
        round(((seconds - part) * work.per_hour + part * other.per_hour) / 3600, 6)
        for seconds, part in zip(everything, gpu, strict=True)
    )
    return Charge(actual, wasted, work.currency, work.dated)


def prices_to_text(prices: Prices) -> str:
    """Return prices as a container is told them."""
    return json.dumps([None if price is None else list(price) for price in prices])


def prices_from_text(text: str, name: str, remedy: str) -> Prices:
    """Return what `prices_to_text` wrote; no prices for no text.

    Raises:
        SpecError: it is no such text; `name` and `remedy` are for the message.
    """
    if not text:
        return UNPRICED
    try:
        return Prices(*map(_price, json.loads(text)))
    except (ValueError, TypeError) as error:
        raise SpecError([Fault(name, shown(text), "must be two prices in JSON", remedy)]) from error


def _price(value: Sequence[Any] | None) -> Price | None:
    if value is None:
        return None
    per_hour, currency, dated = value
    return Price(float(per_hour), str(currency), str(dated))

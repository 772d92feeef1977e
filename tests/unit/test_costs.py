"""What pods cost follows from their seconds and their pools' prices, and is unknown where a price is."""

from __future__ import annotations

import pytest

from batt.costs import UNPRICED, Price, Prices, charge_of, prices_from_text, prices_to_text
from batt.errors import SpecError
from batt.results import Charge, Usage

NONE = Usage(0.0, 0.0)
CPU, GPU = Price(0.36, "USD", "2026-01-01"), Price(3.6, "USD", "2026-02-02")


@pytest.mark.parametrize(
    ("everything", "gpu", "prices", "charge"),
    [
        (Usage(1000, 100), NONE, Prices(CPU, GPU), Charge(0.1, 0.01, "USD", "2026-01-01")),
        (Usage(1000, 100), Usage(500, 0), Prices(CPU, GPU), Charge(0.55, 0.01, "USD", "2026-01-01")),
        (Usage(1000, 100), NONE, Prices(CPU), Charge(0.1, 0.01, "USD", "2026-01-01")),
        (Usage(1000, 100), Usage(500, 0), Prices(CPU), None),
        (Usage(1000, 100), Usage(500, 0), Prices(CPU, GPU._replace(currency="EUR")), None),
        (Usage(1000, 100), Usage(1000, 100), Prices(None, GPU), Charge(1.0, 0.1, "USD", "2026-02-02")),
        (Usage(1000, 100), NONE, UNPRICED, None),
        (Usage(0, 0), NONE, Prices(CPU), Charge(0, 0, "USD", "2026-01-01")),
    ],
)
def test_pods_cost_what_their_pool_does(everything: Usage, gpu: Usage, prices: Prices, charge: Charge | None) -> None:
    assert charge_of(everything, gpu, prices) == charge


@pytest.mark.parametrize("prices", [UNPRICED, Prices(CPU), Prices(CPU, GPU)])
def test_prices_reach_a_container_as_text(prices: Prices) -> None:
    assert prices_from_text(prices_to_text(prices), "NAME", "ask") == prices


def test_no_text_is_no_price() -> None:
    assert prices_from_text("", "NAME", "ask") == UNPRICED


@pytest.mark.parametrize("text", ["{", "[1]", '[["a","b","c"]]', "[null,null,null]", "7"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"NAME: got .*; must be two prices in JSON; ask"):
        prices_from_text(text, "NAME", "ask")

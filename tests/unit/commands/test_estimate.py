"""The range of costs that `batt cost` tells, and the pools it reads."""

from pathlib import Path

import pytest

from batt.errors import SpecError
from batt_operator.commands.cost import pools_in_file, read_pools, work_of
from batt_operator.commands.estimate import POD_SECONDS, Work, cpus_of, estimate_rows, estimates, money, pod_seconds
from batt_operator.settings import Pool, Price
from tests.runs import MIRROR, SOLVE_MIRROR, SOLVE_SAME, SOLVE_TURN, make_run, write_inputs

ROOT = Path(__file__).parents[3]
WORK = Work(shards=8, candidates=1000, pairs=4000, tasks=10)


def pool(cpu: str | int, price: float | None = 0.5) -> Pool:
    limits = {"limits": {"cpu": cpu}}
    return Pool(resources=limits, price=None if price is None else Price(per_hour=price, dated="2026-01-01"))


def test_the_work_is_counted_from_a_plan_without_running_anything(tmp_path: Path) -> None:
    names = {f"solve_{MIRROR}.py": SOLVE_MIRROR, "solve_1a1a1a1a.py": SOLVE_TURN, "solve_3c3c3c3c.py": SOLVE_SAME}
    write_inputs(tmp_path, names)

    work = work_of(make_run(shards=2), tmp_path)

    assert work == Work(shards=2, candidates=3, pairs=12, tasks=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["candidates", "tasks.json"]


def test_the_bound_is_every_pair_at_the_time_limit() -> None:
    assert pod_seconds(WORK, 2, 1.0) == 8 * POD_SECONDS + 2000


@pytest.mark.parametrize(("limit", "cpus"), [("2", 2), (6, 6), ("500m", 1), ("1500m", 2), ("2.5", 3)])
def test_cpus_are_rounded_up_as_for_the_worker(limit: str | int, cpus: int) -> None:
    assert cpus_of(pool(limit)) == cpus


def test_a_pool_without_a_limit_has_one_cpu() -> None:
    assert cpus_of(Pool()) == 1


def test_small_amounts_keep_their_digits_and_no_price_gives_time() -> None:
    price = Price(per_hour=0.5)

    assert money(3600, price) == "0.5000 USD"
    assert money(36_000, price) == "5.00 USD"
    assert money(3600, None) == "1 h 0 min of pods"


def test_every_pool_has_a_row_and_the_runs_own_is_marked() -> None:
    found = estimates(WORK, {"cpu": pool(2), "bare": pool(1, None)}, 0.0, 1.0)

    rows = estimate_rows(found, "cpu")

    assert rows[1] == ["cpu *", "2 CPUs, 0.5 USD/h", "0.0167 USD", "0.2944 USD", "2026-01-01"]
    assert rows[2] == ["bare", "1 CPU, no price", "2 min 0 s of pods", "1 h 8 min of pods", "-"]


def test_the_charts_own_values_can_be_read() -> None:
    known = pools_in_file(ROOT / "charts" / "batt" / "values.yaml")

    assert known.default == "cpu"
    assert set(known.pools) == {"cpu", "cpu-spot", "l4", "l4-spot"}
    assert all(one.price is not None for one in known.pools.values())


@pytest.mark.parametrize("data", [None, [], {}, {"pools": {}}, {"pools": []}])
def test_a_file_without_pools_is_refused(data: object) -> None:
    with pytest.raises(SpecError, match="x: pools: got nothing; must hold a pool"):
        read_pools(data, "x")


def test_a_wrong_pool_is_refused_by_its_place() -> None:
    with pytest.raises(SpecError, match=r"x: pools\.cpu\.price\.perHour: got -1"):
        read_pools({"pools": {"cpu": {"price": {"perHour": -1}}}}, "x")

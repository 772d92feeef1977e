"""Shards: every item once, none empty, nearly equal cost, the same split every time."""

import random
from collections import Counter

import pytest

from batt.shards import CHUNK_ITEMS, MAX_SHARDS, MIN_SHARDS, SHARD_ITEMS, WorkItem, default_count, split


def items_of(count: int, seed: int = 0, tasks: int = 20) -> list[WorkItem]:
    rng = random.Random(seed)
    return [
        WorkItem(number, f"task{rng.randrange(tasks)}", rng.random() < 0.02, rng.randint(1, 10_000))
        for number in range(count)
    ]


def costs(shards: list[list[WorkItem]]) -> list[int]:
    return [sum(item.cost for item in shard) for shard in shards]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 100, 5000])
@pytest.mark.parametrize("asked", [None, 1, 2, 3, 16, 10_000])
def test_every_item_is_in_one_shard_and_no_shard_is_empty(count: int, asked: int | None) -> None:
    items = items_of(count)

    shards = split(items, asked)

    assert Counter(item for shard in shards for item in shard) == Counter(items)
    assert all(shards)


@pytest.mark.parametrize("asked", [1, 3, 16, 400])
def test_as_many_shards_as_asked_where_items_allow(asked: int) -> None:
    assert len(split(items_of(2000), asked)) == asked


def test_more_shards_than_items_gives_an_item_a_shard() -> None:
    assert [len(shard) for shard in split(items_of(5), 100)] == [1] * 5


def test_nothing_to_do_gives_no_shard() -> None:
    assert split([], None) == []
    assert split([], 7) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("asked", [2, 3, 16])
def test_costs_are_balanced(seed: int, asked: int) -> None:
    items = items_of(3000, seed)

    shards = split(items, asked)

    mean = sum(item.cost for item in items) / asked
    assert max(costs(shards)) < 1.25 * mean
    assert min(costs(shards)) > 0.75 * mean


def test_one_large_task_spreads_over_all_shards() -> None:
    items = [WorkItem(number, "one", is_module=False, cost=10) for number in range(10_000)]

    shards = split(items, 10)

    assert max(len(shard) for shard in shards) <= 10_000 // 10 + CHUNK_ITEMS


def test_items_of_a_task_stay_together_where_balance_allows() -> None:
    items = [WorkItem(number, f"task{number % 100}", is_module=False, cost=10) for number in range(1000)]

    shards = split(items, 10)

    assert sum(len({item.task for item in shard}) for shard in shards) == 100


def test_a_module_is_a_unit_of_its_own() -> None:
    items = [WorkItem(number, "one", is_module=True, cost=100) for number in range(4)]

    assert [len(shard) for shard in split(items, 4)] == [1, 1, 1, 1]


def test_the_same_items_are_split_alike() -> None:
    assert split(items_of(500), 7) == split(items_of(500), 7)


def test_equal_costs_go_by_the_order_of_the_inputs() -> None:
    items = [WorkItem(number, f"task{number}", is_module=False, cost=1) for number in range(6)]

    shards = split(items, 3)

    assert [[item.number for item in shard] for shard in shards] == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (1, MIN_SHARDS),
        (MIN_SHARDS * SHARD_ITEMS, MIN_SHARDS),
        (MIN_SHARDS * SHARD_ITEMS + 1, MIN_SHARDS + 1),
        (10**9, MAX_SHARDS),
    ],
)
def test_default_count_grows_with_the_items_within_bounds(items: int, expected: int) -> None:
    assert default_count(items) == expected

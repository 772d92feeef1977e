"""Splits the work of a run into shards of nearly equal cost; pure, the same for the same inputs on every machine."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

CHUNK_ITEMS = 256
"""Most candidates of one task kept together: a shard then needs few tasks, and a large task still spreads."""

SHARD_ITEMS = 4096
"""About how many candidates a shard should hold where the user does not say."""

MIN_SHARDS = 8
"""Fewest shards where the user does not say and there is work for so many: keeps a few cores busy to the end."""

MAX_SHARDS = 10_000
"""Most shards of a run (api.py)."""


class WorkItem(NamedTuple):
    """A candidate on a task, or a whole batt module on a task (never split). `cost`: cells times steps."""

    number: int
    task: str
    is_module: bool
    cost: int


class Chunk(NamedTuple):
    """Items of one task that stay together."""

    items: tuple[WorkItem, ...]
    cost: int


def split(items: Sequence[WorkItem], asked: int | None) -> list[list[WorkItem]]:
    """Return the items of each shard, each item once, no shard empty.

    Longest first onto the shard with the least cost so far; ties go by the order of the inputs.
    """
    wanted = asked or default_count(len(items))
    chunks = chunked(items, max(1, min(CHUNK_ITEMS, len(items) // (4 * wanted))))
    count = min(len(chunks), wanted)
    loads = [(0, index) for index in range(count)]
    shards: list[list[WorkItem]] = [[] for _ in range(count)]
    for chunk in sorted(chunks, key=lambda chunk: -chunk.cost):
        cost, index = heapq.heappop(loads)
        shards[index].extend(chunk.items)
        heapq.heappush(loads, (cost + chunk.cost, index))
    return shards


def default_count(items: int) -> int:
    """Return how many shards a run of so many items gets."""
    return min(MAX_SHARDS, max(MIN_SHARDS, -(-items // SHARD_ITEMS)))


def chunked(items: Iterable[WorkItem], size: int) -> list[Chunk]:
    """Return the items grouped by task, at most `size` together; a module on a task is a group of its own."""
    plain: dict[str, list[WorkItem]] = defaultdict(list)
    groups: list[tuple[WorkItem, ...]] = []
    for item in items:
        if item.is_module:
            groups.append((item,))
        else:
            plain[item.task].append(item)
    for members in plain.values():
        members.sort(key=lambda item: -item.cost)
        groups.extend(tuple(members[at : at + size]) for at in range(0, len(members), size))
    return [Chunk(group, sum(item.cost for item in group)) for group in groups]

"""Many requests to a store at once: a bucket takes tens of milliseconds for each, a folder next to nothing."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from batt.store import DirectoryStore, ObjectStore

Given = TypeVar("Given")
Found = TypeVar("Found")

AT_ONCE = 16
"""Requests under way at a time: hides a bucket's latency, far below what it limits."""


def for_each(root: ObjectStore, function: Callable[[Given], Found], items: Iterable[Given]) -> Iterator[Found]:
    """Yield what a function that asks a store gives for each item, in their order; what it raises is raised.

    Several are under way at once where the store is a bucket, and then as many results wait to be taken.
    """
    if isinstance(root, DirectoryStore):
        yield from map(function, items)
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415 # buckets only

    rest = iter(items)
    yield from map(function, itertools.islice(rest, 1))  # alone: it makes the client that the others share
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ahead: deque[Future[Found]] = deque()
        try:
            for item in rest:
                ahead.append(pool.submit(function, item))
                if len(ahead) >= AT_ONCE:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

"""Many requests to a store at once: a bucket takes tens of milliseconds for each, a folder next to nothing."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from batt.errors import InputError, StoreError
from batt.folder import DirectoryStore
from batt.objects import ObjectStore

Given = TypeVar("Given")
Found = TypeVar("Found")

AT_ONCE = 16
"""Requests under way at a time: hides a bucket's latency, far below what it limits."""


READ_AHEAD = 8
"""Objects that `read_many` fetches at a time: fewer, since each may hold megabytes that wait to be taken."""


class Fetched(NamedTuple):
    """What `read_many` found at a path: its bytes, or why there are none."""

    path: str
    data: bytes | StoreError | InputError


def read_many(root: ObjectStore, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[Fetched]:
    """Yield every path's bytes in the given order; what cannot be read is told in its place."""

    def fetch(path: str) -> Fetched:
        try:
            return Fetched(path, root.read(path, limit_bytes))
        except (StoreError, InputError) as error:
            return Fetched(path, error)

    return for_each(root, fetch, paths, READ_AHEAD)


def for_each(
    root: ObjectStore, function: Callable[[Given], Found], items: Iterable[Given], at_once: int = AT_ONCE
) -> Iterator[Found]:
    """Yield what a function that asks a store gives for each item, in their order; what it raises is raised.

    Several are under way at once where the store is a bucket, and then as many results wait to be taken.
    """
    if isinstance(root, DirectoryStore):
        yield from map(function, items)
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # noqa: PLC0415 # buckets only

    rest = iter(items)
    yield from map(function, itertools.islice(rest, 1))  # alone: it makes the client that the others share
    with ThreadPoolExecutor(at_once) as pool:
        ahead: deque[Future[Found]] = deque()
        try:
            for item in rest:
                ahead.append(pool.submit(function, item))
                if len(ahead) >= at_once:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

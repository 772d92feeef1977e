"""Many requests at once give what they would give one by one."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from batt.errors import NotFoundError
from batt.parallel import AT_ONCE, for_each
from batt.store import DirectoryStore, ObjectStore, open_store


class FarStore:
    """A folder behind a network: none of its first requests is answered before so many are under way at once."""

    def __init__(self, root: Path) -> None:
        self.near = DirectoryStore(root)
        self.uri = str(root)
        self.under_way = threading.Semaphore(AT_ONCE - 1)
        self.all_are = threading.Event()

    def read(self, path: str, limit_bytes: int | None = None) -> bytes:
        if not self.under_way.acquire(blocking=False):
            self.all_are.set()
        assert self.all_are.wait(timeout=60), f"fewer than {AT_ONCE} requests are under way"
        return self.near.read(path, limit_bytes)

    def create(self, path: str, data: bytes) -> None:
        self.near.create(path, data)

    def exists(self, path: str) -> bool:
        return self.near.exists(path)

    def list(self, prefix: str = "") -> list[str]:
        return self.near.list(prefix)


@pytest.mark.parametrize("count", [0, 1, 2, AT_ONCE, 100])
def test_results_come_in_the_order_of_the_items(tmp_path: Path, gcs: str, count: int) -> None:
    def square(number: int) -> int:
        return number * number

    for root in (DirectoryStore(tmp_path), open_store(gcs, tmp_path)):
        assert list(for_each(root, square, range(count))) == [number * number for number in range(count)]


def test_requests_to_a_far_store_are_under_way_together(tmp_path: Path) -> None:
    root = FarStore(tmp_path)
    paths = [f"{number}" for number in range(2 * AT_ONCE)]
    for path in paths:
        root.create(path, path.encode())

    def read(path: str) -> bytes:
        return root.near.read(path) if path == paths[0] else root.read(path)  # the first goes alone

    assert list(for_each(root, read, paths[:-1])) == [path.encode() for path in paths[:-1]]


def test_an_error_ends_it_and_is_raised(tmp_path: Path, gcs: str) -> None:
    for root in stores(tmp_path, gcs):
        for number in range(40):
            if number != 20:
                root.create(f"{number}", b"x")
        seen: list[bytes] = []

        with pytest.raises(NotFoundError):
            seen.extend(for_each(root, root.read, [f"{number}" for number in range(40)]))


def stores(tmp_path: Path, gcs: str) -> Iterator[ObjectStore]:
    yield DirectoryStore(tmp_path / "here")
    yield open_store(f"{gcs}/there", tmp_path)


def test_fewer_may_be_under_way_than_usual(tmp_path: Path, gcs: str) -> None:
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        return number

    found = for_each(open_store(gcs, tmp_path), ask, range(1000), at_once=2)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    found.close()  # type: ignore[attr-defined] # it is a generator

    assert len(asked) <= 3 + 2


def test_no_more_is_asked_for_than_is_taken(tmp_path: Path, gcs: str) -> None:
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        return number

    found = for_each(open_store(gcs, tmp_path), ask, range(1000))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    found.close()  # type: ignore[attr-defined] # it is a generator

    assert len(asked) <= 3 + AT_ONCE

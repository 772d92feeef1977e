"""The cache costs at most time: what is damaged, missing or written twice never gives a wrong answer."""

import gzip
import json
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from batt.cache import INSPECTIONS, VERDICTS, Cache, digest_of
from batt.store import DirectoryStore

FORK = multiprocessing.get_context("fork")

DSL = "a1b2c3d4e5f60718" + "0" * 48


def cache_in(tmp_path: Path, dsl: str = DSL) -> Cache:
    return Cache(DirectoryStore(tmp_path), dsl)


def segments(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.rglob("*.json.gz"))


def test_what_was_added_is_found(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    cache.add(VERDICTS, {"a": ["correct", 1], "b": None})
    cache.add(VERDICTS, {"c": {"x": [1.5]}})

    found = cache_in(tmp_path).lookup(VERDICTS, ["a", "b", "c", "d"])

    assert found == {"a": ["correct", 1], "b": None, "c": {"x": [1.5]}}


def test_only_what_is_asked_for_is_returned(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    cache.add(VERDICTS, {"a": 1, "b": 2})

    assert cache.lookup(VERDICTS, ["b"]) == {"b": 2}
    assert cache.lookup(VERDICTS, []) == {}


def test_kinds_and_languages_do_not_see_each_other(tmp_path: Path) -> None:
    cache_in(tmp_path).add(VERDICTS, {"a": 1})

    assert cache_in(tmp_path).lookup(INSPECTIONS, ["a"]) == {}
    assert cache_in(tmp_path, "f" * 64).lookup(VERDICTS, ["a"]) == {}


def test_an_empty_cache_knows_nothing(tmp_path: Path) -> None:
    assert cache_in(tmp_path / "absent").lookup(VERDICTS, ["a"]) == {}


def test_nothing_to_add_writes_nothing(tmp_path: Path) -> None:
    cache_in(tmp_path).add(VERDICTS, {})

    assert segments(tmp_path) == []


def test_only_the_newest_segments_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batt.cache.MAX_SEGMENTS", 3)
    cache = cache_in(tmp_path)
    for number in range(5):
        cache.add(VERDICTS, {str(number): number})

    found = cache.lookup(VERDICTS, [str(number) for number in range(5)])

    assert found == {"2": 2, "3": 3, "4": 4}


def damaged(data: bytes, how: str) -> bytes:
    """Return a segment's bytes as a full disk, a bad disk or an editor leaves them."""
    match how:
        case "empty":
            return b""
        case "cut":
            return data[: len(data) // 2]
        case "one bit in the middle":
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        case "plain text":
            return b"not compressed"
        case "other json":
            return gzip.compress(b'["a"]')
        case "changed value":
            return gzip.compress(json.dumps({**dict.fromkeys(map(str, range(200)), 0), "a": "wrong"}).encode())
        case "no json":
            return gzip.compress(b"{")
        case _:
            raise AssertionError(how)


@pytest.mark.parametrize(
    "how", ["empty", "cut", "one bit in the middle", "plain text", "other json", "changed value", "no json"]
)
def test_a_damaged_segment_counts_as_absent(tmp_path: Path, how: str) -> None:
    cache = cache_in(tmp_path)
    cache.add(VERDICTS, {**{str(n): [n, "x" * n] for n in range(200)}, "a": 1})
    (segment,) = segments(tmp_path)
    cache.add(VERDICTS, {"whole": 2})
    segment.write_bytes(damaged(segment.read_bytes(), how))

    assert cache.lookup(VERDICTS, ["a", "7", "whole"]) == {"whole": 2}


def test_every_bit_counts(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    cache.add(VERDICTS, {"a": [1, 2, 3]})
    (segment,) = segments(tmp_path)
    data = segment.read_bytes()

    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        segment.write_bytes(changed)

        assert cache.lookup(VERDICTS, ["a"]) in ({}, {"a": [1, 2, 3]})


def add_many(folder: Path, writer: int, start: Barrier) -> None:
    start.wait()
    for turn in range(30):
        cache_in(folder).add(VERDICTS, {f"shared {turn}": turn, "one": 1})
        cache_in(folder).add(VERDICTS, {f"{writer} {turn}": turn})


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    start = FORK.Barrier(3)
    writers = [FORK.Process(target=add_many, args=(tmp_path, writer, start)) for writer in range(3)]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    expected = {f"{who} {turn}": turn for who in (0, 1, 2, "shared") for turn in range(30)}
    assert cache_in(tmp_path).lookup(VERDICTS, expected.keys()) == expected
    assert len(segments(tmp_path)) == 6 * 30


def test_keys_tell_where_one_part_ends() -> None:
    keys = {digest_of("a", "b"), digest_of("ab", ""), digest_of("a", "b", ""), digest_of('a","b'), digest_of("b", "a")}

    assert len(keys) == 5
    assert digest_of("a", "b") == digest_of("a", "b")

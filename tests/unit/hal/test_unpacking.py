"""Archives of strangers write into their folder only, within limits; all that is refused is named."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import stat
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal import packing
from batt.hal.packing import DEPTH, Limits, pack_texts, unpack
from tests.unit.hal.trees import folder_of, nothing_else_changes, refused, tar_of, tree


def test_links_lead_to_files_of_the_archive_through_others(tmp_path: Path) -> None:
    file = tar_of(("first", "folder/second"), ("folder/second", "../third"), ("third", "a/file"), ("a/file", b"1"))

    assert unpack(file, "x.tar.gz", tmp_path) == ["a/file", "first", "folder/second", "third"]
    assert [(tmp_path / name).read_text() for name in ("first", "folder/second", "third")] == ["1"] * 3


HOSTILE: dict[str, tuple[tuple[str, bytes | str | int], ...]] = {
    "absolute": (("/secret", b"bad"),),
    "up": (("../other/file", b"bad"),),
    "up within": (("a/../../other/file", b"bad"),),
    "link up": (("a", "../other/file"), ("a", b"bad")),
    "absolute link": (("a", "/etc/passwd"),),
    "link to a folder": (("a", "."), ("a/b", b"bad")),
    "link to nothing": (("a", "b"),),
    "link in circles": (("a", "b"), ("b", "a")),
    "link to itself": (("a", "a"),),
    "link up by a link": (("a/b", "."), ("a/c", "b/../../other/file")),
    "file through a link": (("d/f", b""), ("a", "d"), ("a/b", b"bad")),
    "twice": (("a", b"1"), ("a", b"2")),
    "twice by spelling": (("a/b", b"1"), ("a/./b", b"2")),
    "two links": (("f", b""), ("a", "f"), ("a", "f")),
    "file and link": (("f", b""), ("a", "f"), ("a", b"1")),
    "file then folder": (("a", b"1"), ("a/b", b"2")),
    "file then deep folder": (("a", b"1"), ("a/b/c/d", b"2")),
    "folder then file": (("a/b", b"1"), ("a", b"2")),
    "link in the place of a folder": (("f", b""), ("a/b", b""), ("a", "f")),
    "link below a file": (("f", b""), ("f/a", "f")),
    "pipe": (("a", tarfile.FIFOTYPE[0]),),
    "character device": (("a", tarfile.CHRTYPE[0]),),
    "block device": (("a", tarfile.BLKTYPE[0]),),
    "the folder itself": ((".", b"bad"),),
    "no printable name": (("a\nb", b"bad"),),
    "long name": (("a" * 300, b"bad"),),
    "long path": (("/".join(["a" * 100] * 60), b"bad"),),
    "deep": (("/".join("d" * (DEPTH + 1)), b"bad"),),
}


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_hostile_members_are_refused_and_write_nothing_elsewhere(
    tmp_path: Path, members: tuple[tuple[str, bytes | str | int], ...], replaces: bool
) -> None:
    with nothing_else_changes(tmp_path) as target:
        told = refused(tar_of(*members), target, replaces=replaces)

        assert all(line.startswith("x.tar.gz!") for line in told)
        assert 1 <= len(told) <= len(members)


def test_sparse_files_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(10**15)}
    info.size = 512
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"1\n0\n0\n".ljust(512, b"\0")))

    assert "sparse file" in refused(io.BytesIO(file.getvalue()), tmp_path)[0]


def test_a_zip_of_a_stranger_is_refused_too(tmp_path: Path) -> None:
    file = io.BytesIO()
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../up", "bad")
        archive.writestr(link, "../other/file")
        archive.writestr("good", "1")
    with nothing_else_changes(tmp_path) as target:
        with pytest.raises(InputError) as caught:
            unpack(io.BytesIO(file.getvalue()), "x.zip", target)

        assert len(str(caught.value).splitlines()) == 2


def test_all_that_is_wrong_is_told_but_not_a_thousand_times(tmp_path: Path) -> None:
    told = refused(tar_of(*((f"../{number}", b"") for number in range(1000)), ("a", "b")), tmp_path)

    assert len(told) == packing.SHOWN_FAULTS + 1
    assert told[0].startswith("x.tar.gz!'../0': got '../0'; must be")
    assert told[-1] == "981 more"


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    members = tuple((f"{number}", b"") for number in range(5))

    assert len(unpack(tar_of(*members), "x.tar.gz", tmp_path / "a", Limits(files=5))) == 5
    assert refused(tar_of(*members, ("b", "0")), tmp_path / "b", Limits(files=5)) == [
        f"x.tar.gz: got more files, or bigger ones; must hold at most 5 files and {packing.TOTAL_BYTES} bytes; "
        "leave out what is not needed"
    ]


def test_files_that_are_refused_count_too(tmp_path: Path) -> None:
    members = tuple((f"../{number}", b"") for number in range(50))

    assert len(refused(tar_of(*members), tmp_path, Limits(files=5))) == 6


def test_too_big_a_file_is_refused_and_the_next_is_looked_at(tmp_path: Path) -> None:
    told = refused(tar_of(("a", b"x" * 101), ("/b", b""), ("c", b"x" * 100)), tmp_path, Limits(member_bytes=100))

    assert [line.partition(";")[0] for line in told] == ["x.tar.gz!a: got 101 bytes", "x.tar.gz!'/b': got '/b'"]
    assert tree(tmp_path) == {"c": b"x" * 100}


class Zeros(io.RawIOBase):
    """So many zeros; what is read of them is counted."""

    def __init__(self, size: int) -> None:
        self.size = size

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), self.size)
        buffer[:count] = bytes(count)
        self.size -= count
        return count

    def readable(self) -> bool:
        return True


def bomb(*sizes: int) -> io.BytesIO:
    """A small archive of big files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for number, size in enumerate(sizes):
            info = tarfile.TarInfo(f"{number}")
            info.size = size
            tar.addfile(info, io.BufferedReader(Zeros(size)))
    return io.BytesIO(file.getvalue())


def test_a_bomb_is_stopped_early_and_takes_little_memory(tmp_path: Path) -> None:
    file = bomb(*[50 << 20] * 20)
    tracemalloc.start()
    begin = time.process_time()
    try:
        told = refused(file, tmp_path, Limits(total_bytes=100 << 20, member_bytes=1 << 20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [line.partition(";")[0] for line in told] == [
        "x.tar.gz!0: got 52428800 bytes",
        "x.tar.gz!1: got 52428800 bytes",
        "x.tar.gz: got more files, or bigger ones",
    ]
    assert peak < 10 << 20
    assert time.process_time() - begin < 10
    assert tree(tmp_path) == {}


def test_a_header_that_claims_petabytes_is_refused(tmp_path: Path) -> None:
    file = bytearray(gzip.decompress(tar_of(("a", b"x" * 1000)).getvalue()))
    file[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")
    header = bytes(file[:148]) + b" " * 8 + bytes(file[156:512])
    file[148:156] = b"%06o\0 " % sum(header)

    assert "must be at most as many" in refused(io.BytesIO(bytes(file)), tmp_path)[0]


@pytest.mark.parametrize("kept", [0.13, 0.51, 0.93, 0.999])
@pytest.mark.parametrize("kind", ["x.tar.gz", "x.tar", "x.zip"])
def test_half_an_archive_is_refused(tmp_path: Path, kept: float, kind: str) -> None:
    rng = random.Random(0)
    members = [(f"{number}", rng.randbytes(5000)) for number in range(20)]
    file = tar_of(*members)
    if kind == "x.tar":
        file = io.BytesIO(gzip.decompress(file.getvalue())[:-10_240])  # without the end
    elif kind == "x.zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members:
                archive.writestr(name, data)
    data = file.getvalue()

    with pytest.raises(InputError, match=r"^x\.(tar|zip)"):
        unpack(io.BytesIO(data[: int(len(data) * kept)]), kind, tmp_path)


@pytest.mark.parametrize("kind", ["x.tar.gz", "x.zip"])
def test_damaged_archives_are_refused_or_unpacked_but_never_more(tmp_path: Path, kind: str) -> None:
    rng = random.Random(0)
    with nothing_else_changes(tmp_path) as target:
        for number in range(200):
            file = io.BytesIO()
            pack_texts([("a/b", rng.randbytes(300)), ("c", b"c" * 1000)], file)
            if kind == "x.zip":
                file = io.BytesIO()
                with zipfile.ZipFile(file, "w") as archive:
                    archive.writestr("a/b", rng.randbytes(300))
                    archive.writestr("c", "c" * 1000)
            data = bytearray(file.getvalue())
            for _ in range(3):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with contextlib.suppress(InputError):
                unpack(io.BytesIO(bytes(data)), kind, target / f"{number}")


def test_what_is_there_already_stays_unless_it_is_replaced(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a": "old", "b/c": "old", "d": "old"})
    file = tar_of(("a", b"new"), ("b/c", b"new"), ("link", "a"))

    assert [line.partition(":")[0] for line in refused(file, tmp_path)] == [
        f"x.tar.gz!{n}" for n in ("a", "b/c", "link")
    ]
    assert unpack(file, "x.tar.gz", tmp_path, replaces=True) == ["a", "b/c", "link"]
    assert tree(tmp_path) == {"a": b"new", "b": None, "b/c": b"new", "d": b"old", "link": "a"}


def test_links_are_replaced_and_what_they_lead_to_is_not(tmp_path: Path) -> None:
    with nothing_else_changes(tmp_path) as target:
        (target / "file").symlink_to(tmp_path / "secret")
        (target / "broken").symlink_to(tmp_path / "nothing")
        (target / "folder").symlink_to(tmp_path / "work")
        (target / "inner").symlink_to("file")
        file = tar_of(*((name, b"new") for name in ("file", "broken", "folder")), ("inner", "file"))

        assert len(unpack(file, "x.tar.gz", target, replaces=True)) == 4
        assert tree(target) == {"broken": b"new", "file": b"new", "folder": b"new", "inner": "file"}


@pytest.mark.parametrize("replaces", [False, True])
def test_nothing_is_written_through_a_folder_that_is_a_link(tmp_path: Path, replaces: bool) -> None:
    with nothing_else_changes(tmp_path) as target:
        (target / "up").symlink_to("..")
        (target / "other").symlink_to(tmp_path / "work" / "other")
        members = (
            ("f", b""),
            ("up/secret", b"bad"),
            ("other/file", b"bad"),
            ("other/new/x", b"bad"),
            ("other/l", "../f"),
        )
        told = refused(tar_of(*members), target, replaces=replaces)

        assert [line.partition(";")[0] for line in told] == [
            f"x.tar.gz!{name}: got a file or link in the place of its folder"
            for name in ("up/secret", "other/file", "other/new/x", "other/l")
        ]


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a/b": "old"})

    assert "a file in the place of a folder" in refused(tar_of(("a", b"new")), tmp_path, replaces=True)[0]
    assert tree(tmp_path) == {"a": None, "a/b": b"old"}


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").mkdir()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(tar_of(("a", b"x")), "x.tar.gz", tmp_path / "full")


def seconds_to_unpack(count: int, target: Path) -> float:
    file = io.BytesIO()
    pack_texts([(f"{number}", b"") for number in range(count)], file)
    unpack(file, "x.tar.gz", target)
    begin = time.process_time()
    unpack(file, "x.tar.gz", target, replaces=True)
    return time.process_time() - begin


@pytest.mark.full
def test_ten_times_the_files_take_ten_times_as_long(tmp_path: Path) -> None:
    few, many = (seconds_to_unpack(count, tmp_path / f"{count}") for count in (1500, 15_000))

    assert many < 20 * few

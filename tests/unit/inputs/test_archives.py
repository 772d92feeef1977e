"""Archives made by strangers: every member or a Fault that names it, within limits of memory and time."""

from __future__ import annotations

import gzip
import io
import random
import re
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from batt.errors import Fault
from batt.inputs import archives
from batt.inputs.archives import DAMAGE, TOTAL_BYTES, Member, archive_kind, read_members


def tar_info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def tar_of(*members: tuple[tarfile.TarInfo | str, bytes], kind: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    """A tar file; a name alone stands for a plain file of that name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as tar:
        for member, data in members:
            info = tar_info(member, size=len(data)) if isinstance(member, str) else member
            tar.addfile(info, io.BytesIO(data))
    file.seek(0)
    return file


def zip_of(*members: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for info, data in members:
            archive.writestr(info, data)
    file.seek(0)
    return file


def unix_info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def packed(file: io.BytesIO) -> io.BytesIO:
    return io.BytesIO(gzip.compress(file.getvalue(), 1))


PACKERS: dict[str, Callable[..., io.BytesIO]] = {
    "x.tar": tar_of,
    "x.tar.gz": lambda *members: packed(tar_of(*members)),
    "x.tgz": lambda *members: packed(tar_of(*members)),
    "gnu.tar": lambda *members: tar_of(*members, kind=tarfile.GNU_FORMAT),
    "x.zip": zip_of,
}


def contents(file: io.BytesIO, name: str) -> list[tuple[str, bytes | str]]:
    """Name and bytes of every member; of a fault, place and what was got."""
    return [
        (item.where, item.got)
        if isinstance(item, Fault)
        else (item.name, item.read() if item.target is None else item.target)
        for item in read_members(file, name)
    ]


def faults(file: io.BytesIO, name: str) -> list[str]:
    return [str(item) for item in read_members(file, name) if isinstance(item, Fault)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.tar.gz", "tar"), ("A.TGZ", "tar"), ("a.tar", "tar"), ("a.zip", "zip"), ("a.gz", None), ("tar", None)],
)
def test_kind_is_told_by_the_name(name: str, kind: str | None) -> None:
    assert archive_kind(name) == kind


@pytest.mark.parametrize("name", PACKERS)
def test_members_come_in_their_order(name: str) -> None:
    long = "deep/" * 30 + "x" * 120
    file = PACKERS[name](("b.py", b"1"), ("./a/ä 日本.py", b""), ("x/./y/../c.py", b"22" * 700), (long, b"512" * 512))

    assert contents(file, name) == [("b.py", b"1"), ("a/ä 日本.py", b""), ("x/c.py", b"22" * 700), (long, b"512" * 512)]


@pytest.mark.parametrize("name", PACKERS)
def test_members_need_not_be_read(name: str) -> None:
    file = PACKERS[name](*((f"{number}.py", bytes(number * 100)) for number in range(20)))

    sizes = [item.size_bytes for item in read_members(file, name) if isinstance(item, Member)]

    assert sizes == [number * 100 for number in range(20)]


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("bad", ["/etc/a.py", "../a.py", "a/../../b.py", "a\nb.py", "\x1b[2J.py"])
def test_names_that_leave_the_archive_or_the_screen_are_faults(name: str, bad: str) -> None:
    file = PACKERS[name]((bad, b""), ("good.py", b"1"))

    assert contents(file, name) == [(f"{name}!{bad!r}", repr(bad)), ("good.py", b"1")]


def test_names_that_are_no_utf_8_are_faults() -> None:
    file = tar_of(("latin-\udce4.py", b""), kind=tarfile.GNU_FORMAT)

    assert faults(file, "x.tar") == [
        "x.tar!'latin-\\udce4.py': got 'latin-\\udce4.py'; must be relative, printable UTF-8, without `..`; "
        "rename it, or pack it from its own folder"
    ]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_in_tar_are_faults(kind: bytes) -> None:
    file = tar_of((tar_info("dev.py", kind), b""), ("good.py", b"1"))

    assert contents(file, "x.tar") == [("x.tar!'dev.py'", "a device, pipe or sparse file"), ("good.py", b"1")]


def test_devices_in_zip_are_faults() -> None:
    file = zip_of((unix_info("dev.py", stat.S_IFCHR | 0o644), b""), (unix_info("good.py", stat.S_IFREG | 0o644), b"1"))

    assert contents(file, "x.zip") == [("x.zip!'dev.py'", "a device or pipe"), ("good.py", b"1")]


def link_to(target: str, name: str) -> io.BytesIO:
    if name == "x.zip":
        return zip_of((unix_info("a/link.py", stat.S_IFLNK | 0o777), target.encode()))
    return PACKERS[name]((tar_info("a/link.py", tarfile.SYMTYPE, target), b""))


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize(("target", "path"), [("b.py", "a/b.py"), ("../c/b.py", "c/b.py"), ("./../b.py", "b.py")])
def test_link_tells_what_it_means_in_the_archive(name: str, target: str, path: str) -> None:
    assert contents(link_to(target, name), name) == [("a/link.py", path)]


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("target", ["/etc/passwd", "../../b.py"])
def test_links_that_leave_the_archive_are_faults(name: str, target: str) -> None:
    (fault,) = faults(link_to(target, name), name)

    assert fault.startswith(f"{name}!'a/link.py': got a link to {target!r}; links must stay in the archive; ")


def test_hard_link_means_a_path_from_the_root() -> None:
    file = tar_of(("a/b.py", b"1"), (tar_info("a/c.py", tarfile.LNKTYPE, "a/b.py"), b""))

    assert contents(file, "x.tar") == [("a/b.py", b"1"), ("a/c.py", "a/b.py")]


def test_too_long_link_in_zip_is_a_fault() -> None:
    assert faults(link_to("x" * 5000, "x.zip"), "x.zip") == [
        "x.zip!'a/link.py': got a link of 5000 bytes; must be at most 4096; leave it out"
    ]


# damage


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.tar", b""),
        ("x.tar", b"no archive" * 100),
        ("x.tar.gz", b"\x1f\x8b" + b"no gzip" * 100),
        ("x.tgz", gzip.compress(b"no tar" * 500, mtime=0)),
        ("x.zip", b""),
        ("x.zip", b"no zip" * 100),
    ],
)
def test_bytes_that_are_no_archive_are_one_fault(name: str, data: bytes) -> None:
    (fault,) = faults(io.BytesIO(data), name)

    assert fault.startswith(f"{name}: got ")
    assert "must be an undamaged archive; make it anew" in fault


def read_all(file: io.BytesIO, name: str) -> list[str]:
    """Names of the members that could be read, and "fault" once one could not, whoever says so."""
    told = []
    for item in read_members(file, name):
        try:
            told.append("fault" if isinstance(item, Fault) else item.name if item.read() is not None else "")
        except DAMAGE:
            told.append("fault")
    return told


@pytest.mark.parametrize("cut", [1600, 2048, 2100, 2560, 2700])
@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz"])
def test_cut_archive_is_told_after_its_whole_members(name: str, cut: int) -> None:
    whole = tar_of(("a.py", b"a" * 600), ("b.py", b"b" * 600), ("c.py", b"c" * 600)).getvalue()
    data = whole[:cut] if name == "x.tar" else gzip.compress(whole)[: len(gzip.compress(whole)) * cut // len(whole)]

    told = read_all(io.BytesIO(data), name)

    assert told[-1] == "fault"
    assert len(told) < 5


def test_broken_header_in_the_middle_is_not_taken_for_the_end() -> None:
    data = bytearray(tar_of(("a.py", b"a"), ("b.py", b"b"), ("c.py", b"c")).getvalue())
    data[1024] ^= 1  # the second header

    told = contents(io.BytesIO(bytes(data)), "x.tar")

    assert told[0] == ("a.py", b"a")
    assert told[1:] == [("x.tar", "ReadError 'no member header at byte 1024'")]


def test_wrong_checksum_in_zip_costs_only_its_member() -> None:
    data = bytearray(zip_of(("a.py", b"a" * 50), ("b.py", b"b" * 50), method=zipfile.ZIP_STORED).getvalue())
    data[data.index(b"a" * 50)] ^= 1

    assert read_all(io.BytesIO(bytes(data)), "x.zip") == ["fault", "b.py"]


def test_encrypted_and_oddly_packed_zip_members_are_faults() -> None:
    data = bytearray(zip_of(("a.py", b"a"), ("b.py", b"b"), ("c.py", b"c")).getvalue())
    first = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", first + 1)
    data[first + 8] |= 1  # the flag "encrypted" (APPNOTE.TXT 4.4.4)
    data[second + 10] = 97  # a method (4.4.5)

    assert contents(io.BytesIO(bytes(data)), "x.zip") == [
        ("x.zip!'a.py'", "an encrypted member"),
        ("x.zip!'b.py'", "compression method 97"),
        ("c.py", b"c"),
    ]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """The bytes with a few changed, cut out or put in."""
    result = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(result))
        match rng.randrange(3):
            case 0:
                result[at] = rng.randrange(256)
            case 1:
                del result[at : at + rng.randrange(1, 600)]
            case 2:
                result[at:at] = rng.randbytes(rng.randrange(1, 20))
        result = result or bytearray(1)
    return bytes(result)


@pytest.mark.parametrize("name", PACKERS)
def test_no_damage_escapes_as_another_exception(name: str) -> None:
    rng = random.Random(7)
    whole = PACKERS[name](*((f"a/ü{n}{'x' * n * 40}.py", b"def solve(S, I, C):\n" * n) for n in range(6))).getvalue()

    for _ in range(1_500):
        read_all(io.BytesIO(damaged(rng, whole)), name)  # any exception but DAMAGE fails the test


# bombs


def peak_bytes(act: Callable[[], object]) -> int:
    """The most memory that Python held at once while it acted, beyond what it held before."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_big_member_is_skipped_without_memory() -> None:
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as packer:
        packer.write(tar_info("big.bin", size=200 * 2**20).tobuf())
        for _ in range(200):
            packer.write(bytes(2**20))
        packer.write(tar_of(("a.py", b"a")).getvalue())

    def check() -> None:
        assert [item.name for item in read_members(file, "x.tgz") if isinstance(item, Member)] == ["big.bin", "a.py"]

    assert peak_bytes(check) < 2**20


def test_more_than_the_total_is_refused_before_it_is_unpacked() -> None:
    file = packed(io.BytesIO(tar_info("a.py", size=TOTAL_BYTES).tobuf(tarfile.GNU_FORMAT)))

    assert faults(file, "x.tgz") == [
        f"x.tgz!'a.py': got more than {TOTAL_BYTES} bytes when unpacked; "
        "must be at most as many; split it; the rest is not read"
    ]


def test_header_that_claims_gigabytes_is_not_believed() -> None:
    claims = tar_info("././@PaxHeader", tarfile.XHDTYPE, size=2**32).tobuf(tarfile.GNU_FORMAT)
    file = io.BytesIO(gzip.compress(claims + bytes(2**27), 1))

    def check() -> None:
        (fault,) = faults(file, "x.tgz")
        assert "a header claims 4294967296 bytes" in fault

    assert peak_bytes(check) < 2**20


def test_zip_total_is_bounded() -> None:
    data = bytearray(zip_of(("a.py", b"a"), ("b.py", b"b"), ("c.py", b"c")).getvalue())
    for found in re.finditer(b"PK\1\2", bytes(data)):
        data[found.start() + 24 : found.start() + 28] = (0xFFFFFFF0).to_bytes(4, "little")  # the size it claims

    told = [
        item.where if isinstance(item, Fault) else item.name for item in read_members(io.BytesIO(bytes(data)), "x.zip")
    ]

    assert told == ["a.py", "b.py", "x.zip!'c.py'"]


def test_zip_gives_no_more_than_its_member_claims() -> None:
    data = bytearray(zip_of(("a.py", bytes(2**20))).getvalue())
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")

    assert read_all(io.BytesIO(bytes(data)), "x.zip") == ["fault"]


def test_zip_with_a_huge_table_of_contents_is_refused() -> None:
    data = bytearray(zip_of(("a.py", b"a")).getvalue())
    end = data.index(b"PK\5\6")
    data[end + 12 : end + 16] = (2**30).to_bytes(4, "little")

    assert faults(io.BytesIO(bytes(data)), "x.zip") == [
        f"x.zip: got a table of contents of {2**30} bytes; must be at most {2**25}; make it a .tar.gz or split it"
    ]


@pytest.mark.parametrize("name", ["x.tar", "x.zip"])
def test_number_of_members_is_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBER_COUNT", 3)
    file = PACKERS[name](*((f"{number}.py", b"") for number in range(5)))

    assert [at for at, _ in contents(file, name)] == ["0.py", "1.py", "2.py", name]

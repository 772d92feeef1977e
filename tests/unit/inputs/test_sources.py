"""Every form that candidates come in gives the same sources; what cannot be read is a Fault and the rest goes on."""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import os
import random
import socket
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from batt.errors import Fault, InputError, StoreError
from batt.inputs import source_texts, trees
from batt.inputs.source_texts import task_of_path
from batt.inputs.sources import Source, read_sources
from batt.store import open_store
from tests.unit.inputs.test_archives import packed, peak_bytes, tar_info, tar_of, unix_info, zip_of

FORK = multiprocessing.get_context("fork")

TASKS = frozenset({"007bbfb7", "00d62c1b", "my-task_1"})

SOLVER = "from dsl import *\n\ndef solve(S, I, C):\n    O = hconcat(I, I)\n    return O\n"


Members = list[tuple[tarfile.TarInfo | str, bytes]]


def read(uri: str | Path, base: Path = Path("/nowhere")) -> list[Source | Fault]:
    return list(read_sources(str(uri), base, TASKS))


def names(uri: str | Path) -> list[str]:
    """Names of the sources; of faults, place and what was got."""
    return [item.name if isinstance(item, Source) else f"{item.where}: {item.got}" for item in read(uri)]


def sources(uri: str | Path) -> list[Source]:
    """The sources, where there must be no fault."""
    found = read(uri)
    assert [item for item in found if isinstance(item, Fault)] == []
    return [item for item in found if isinstance(item, Source)]


def fault(uri: str | Path) -> Fault:
    """The only thing found, a fault."""
    (item,) = read(uri)
    assert isinstance(item, Fault)
    return item


def write(path: Path, data: str | bytes = SOLVER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def make_folder(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        write(root / "set" / path, text)
    return root / "set"


def make_archive(root: Path, files: dict[str, str], name: str) -> Path:
    members = [(path, text.encode()) for path, text in files.items()]
    data = zip_of(*members) if name.endswith(".zip") else tar_of(*members)
    return write(root / name, (packed(data) if name.endswith("gz") else data).getvalue())


MAKERS: dict[str, Callable[[Path, dict[str, str]], Path]] = {
    "set/": make_folder,
    "set.tar!": lambda root, files: make_archive(root, files, "set.tar"),
    "set.tar.gz!": lambda root, files: make_archive(root, files, "set.tar.gz"),
    "set.tgz!": lambda root, files: make_archive(root, files, "set.tgz"),
    "set.zip!": lambda root, files: make_archive(root, files, "set.zip"),
}
"""Makes a set of files in each form that holds many, by what it puts before their names."""

many_forms = pytest.mark.parametrize("form", MAKERS)


# single files


def test_single_file_is_a_source(tmp_path: Path) -> None:
    write(tmp_path / "a b" / "ü.py", SOLVER)

    for uri in ("a b/ü.py", "file:a b/ü.py", (tmp_path / "a b" / "ü.py").as_uri(), "a b/ü"):
        (source,) = read(uri, tmp_path)

        assert isinstance(source, Source)
        assert (source.name, source.text, source.call_text, source.task) == ("ü.py", SOLVER, None, None)


def test_module_is_two_files(tmp_path: Path) -> None:
    write(tmp_path / "batt_1.py", "module")
    write(tmp_path / "batt_1_call.py", "calls")
    write(tmp_path / "other.py")

    for uri in ("batt_1", "batt_1.py"):
        (source,) = read(uri, tmp_path)

        assert isinstance(source, Source)
        assert (source.name, source.text, source.call_text) == ("batt_1.py", "module", "calls")


def test_call_file_alone_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path / "m_call.py")
    write(tmp_path / "m.py")

    assert str(fault(tmp_path / "m_call.py")) == (
        "m_call.py: got a call file alone; a batt module is two files, m.py beside it; add m.py"
    )


def test_digest_is_of_the_texts_and_not_of_the_name(tmp_path: Path) -> None:
    for name, text in {"a.py": "x", "b.py": "x", "c.py": "x", "c_call.py": "y", "d.py": "xy", "e.py": "y"}.items():
        write(tmp_path / name, text)

    a, b, c, d, e = sources(tmp_path)

    assert a.digest == b.digest
    assert len({a.digest, c.digest, d.digest, e.digest}) == 4


def test_byte_order_mark_is_taken_off(tmp_path: Path) -> None:
    write(tmp_path / "a.py", b"\xef\xbb\xbfx\r\n")

    assert sources(tmp_path / "a.py")[0].text == "x\r\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x\ny\xe4\n", r"a.py (line 2): got byte b'\xe4'; must be UTF-8; convert the file"),
        (b"x\n\ny\0", "a.py (line 3): got a NUL character; must be text; remove it"),
    ],
)
@pytest.mark.parametrize("form", ["a.py", "set.tar"])
def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path, data: bytes, message: str, form: str) -> None:
    path = write(tmp_path / form, data if form == "a.py" else tar_of(("a.py", data)).getvalue())

    assert str(fault(path)) == (message if form == "a.py" else f"set.tar!{message}")


# many files


@many_forms
def test_many_files_are_found_in_every_form(tmp_path: Path, form: str) -> None:
    files = {"a/b.py": "1", "a/with space/ä.py": "2", "c.py": "3", "README.md": "no candidate", "x.pyc": "nor this"}

    found = sources(MAKERS[form](tmp_path, files))

    assert [(source.name, source.text) for source in found] == [
        (f"{form}a/b.py", "1"),
        (f"{form}a/with space/ä.py", "2"),
        (f"{form}c.py", "3"),
    ]


@many_forms
def test_hidden_files_and_caches_are_skipped(tmp_path: Path, form: str) -> None:
    hidden = (".git/a.py", "a/.b.py", "._c.py", "__pycache__/d.py", "e/__pycache__/f.py", ".g.jsonl")

    assert names(MAKERS[form](tmp_path, dict.fromkeys(hidden, SOLVER) | {"x.py": SOLVER})) == [f"{form}x.py"]


@many_forms
def test_init_files_count_only_with_a_function(tmp_path: Path, form: str) -> None:
    files = {"a/__init__.py": "# def in a comment\nx = 'def'\n", "b/__init__.py": SOLVER, "c/__init__.py": ""}

    assert names(MAKERS[form](tmp_path, files)) == [f"{form}b/__init__.py"]


@many_forms
def test_modules_are_paired_by_path(tmp_path: Path, form: str) -> None:
    files = {
        "a/m_call.py": "calls of a/m",  # before its module
        "a/m.py": "a/m",
        "b/m.py": "b/m",
        "between.py": "between",
        "b/m_call.py": "calls of b/m",
        "m.py": "m",
        "_call.py": "a solver of that name",
    }

    found = {
        source.name.removeprefix(form): (source.text, source.call_text)
        for source in sources(MAKERS[form](tmp_path, files))
    }

    assert found == {
        "a/m.py": ("a/m", "calls of a/m"),
        "b/m.py": ("b/m", "calls of b/m"),
        "between.py": ("between", None),
        "m.py": ("m", None),
        "_call.py": ("a solver of that name", None),
    }


@many_forms
def test_lonely_call_files_are_faults(tmp_path: Path, form: str) -> None:
    files = {"a.py": "", "b_call.py": "", "c/a_call.py": "", "m.py": "", "m_call.py": "", "m_call_call.py": ""}

    found = read(MAKERS[form](tmp_path, files))

    assert sorted(item.where.removeprefix(form) for item in found if isinstance(item, Fault)) == [
        "b_call.py",
        "c/a_call.py",
        "m_call_call.py",
    ]
    assert sorted(item.name.removeprefix(form) for item in found if isinstance(item, Source)) == ["a.py", "m.py"]


@many_forms
def test_module_with_an_unreadable_call_file_is_no_source(tmp_path: Path, form: str) -> None:
    path = MAKERS[form](tmp_path, {"m.py": "m", "m_call.py": "NUL \0", "x.py": ""})

    found = read(path)

    assert [item.name for item in found if isinstance(item, Source)] == [f"{form}x.py"]
    assert [item.where for item in found if isinstance(item, Fault)] == [f"{form}m_call.py"]


@many_forms
def test_json_lines_among_files_are_read(tmp_path: Path, form: str) -> None:
    files = {"a.py": "1", "b/more.jsonl": '{"code": "2"}\n{"code": "3"}\n', "c.py": "4"}

    found = sources(MAKERS[form](tmp_path, files))

    assert [(source.name.removeprefix(form), source.text) for source in found] == [
        ("a.py", "1"),
        ("b/more.jsonl:1", "2"),
        ("b/more.jsonl:2", "3"),
        ("c.py", "4"),
    ]


@many_forms
def test_form_without_any_candidate_is_an_error(tmp_path: Path, form: str) -> None:
    path = MAKERS[form](tmp_path, {"README.md": "nothing", ".hidden.py": SOLVER})

    with pytest.raises(InputError) as caught:
        read(path)

    assert str(caught.value) == (
        f"{path}: got no candidate; must hold *.py or *.jsonl files (hidden files and archives in it are not read); "
        "correct the path"
    )


def test_folder_is_sorted_by_path(tmp_path: Path) -> None:
    paths = ["b.py", "a/z.py", "a.py", "a-b.py", "a/b/c.py", "B.py", "10.py", "9.py"]

    folder = make_folder(tmp_path, dict.fromkeys(paths, SOLVER))

    assert names(folder) == [f"set/{path}" for path in sorted(paths)]


def test_archive_keeps_its_order(tmp_path: Path) -> None:
    path = make_archive(tmp_path, dict.fromkeys(["b.py", "a.py", "10.py", "9.py"], ""), "set.tgz")

    assert names(path) == ["set.tgz!b.py", "set.tgz!a.py", "set.tgz!10.py", "set.tgz!9.py"]


def test_names_do_not_tell_where_the_folder_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path, {"a.py": ""})
    (tmp_path / "linked").symlink_to(folder)
    monkeypatch.chdir(folder)

    for uri in (str(folder), f"{folder}/", ".", "../set", f"file:{folder}/../set", folder.as_uri()):
        (source,) = read(uri, Path())

        assert isinstance(source, Source)
        assert source.name == "set/a.py"
    assert names(tmp_path / "linked") == ["linked/a.py"]


def test_archives_in_a_folder_are_not_read(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, {"a.py": ""})
    make_archive(folder, {"b.py": ""}, "inner.tar.gz")

    assert names(folder) == ["set/a.py"]


# folders: links, permissions, odd files


def test_links_in_a_folder_are_followed(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, {"solver_md5/abc.py": "text"})
    link = folder / "solver_dir" / "solve_007bbfb7" / "6" / "12" / "abc.py"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../../../solver_md5/abc.py")
    write(tmp_path / "elsewhere" / "d.py", "text")
    (folder / "out").symlink_to(tmp_path / "elsewhere")

    found = sources(folder)

    assert [(source.name, source.text, source.task) for source in found] == [
        ("set/out/d.py", "text", None),
        ("set/solver_dir/solve_007bbfb7/6/12/abc.py", "text", "007bbfb7"),
        ("set/solver_md5/abc.py", "text", None),
    ]


def test_loops_of_links_end(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, {"a/x.py": ""})
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "self").symlink_to("self")
    (folder / "round.py").symlink_to("about.py")
    (folder / "about.py").symlink_to("round.py")

    assert names(folder) == [
        "set/a/x.py",
        "set/about.py: a link that leads nowhere (Too many levels of symbolic links)",
        "set/round.py: a link that leads nowhere (Too many levels of symbolic links)",
    ]


def test_broken_links_are_faults(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, {"a.py": ""})
    (folder / "b.py").symlink_to("absent.py")
    (folder / "c.jsonl").symlink_to("absent.jsonl")

    assert names(folder) == [
        "set/a.py",
        "set/b.py: a link that leads nowhere (No such file or directory)",
        "set/c.jsonl: a link that leads nowhere (No such file or directory)",
    ]


def test_pipes_and_sockets_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path, {"a.py": ""})
    os.mkfifo(folder / "pipe.py")
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "device.py").symlink_to("/dev/zero")
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")

    assert names(folder) == [
        "set/a.py",
        "set/device.py: a pipe, device or folder",
        "set/pipe.jsonl: a pipe, device or folder",
        "set/pipe.py: a pipe, device or folder",
        "set/socket.py: No such device or address",
    ]


def test_what_may_not_be_read_is_a_fault(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, {"a.py": "", "b.py": "", "closed/c.py": ""})
    (folder / "b.py").chmod(0)
    (folder / "closed").chmod(0)
    said = FORK.SimpleQueue()

    def look() -> None:
        if os.getuid() == 0:  # root may read everything
            for path in (*tmp_path.parents, tmp_path):
                if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
                    path.chmod(0o755)
            os.setuid(65534)
        said.put(names(folder))

    child = FORK.Process(target=look)
    child.start()
    found = said.get()
    child.join()
    (folder / "closed").chmod(0o755)

    assert found == ["set/closed/: Permission denied", "set/a.py", "set/b.py: Permission denied"]


def test_too_big_file_is_a_fault(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, {"a.py": "", "b.py": "", "b_call.py": ""})
    os.truncate(folder / "b_call.py", trees.FILE_BYTES + 1)

    assert names(folder) == ["set/a.py", f"set/b_call.py: {trees.FILE_BYTES + 1} bytes or more"]


@pytest.mark.parametrize("name", [b"latin-\xe4.py", b"line\nend.py", b"\x1b[2J.py"])
def test_names_that_cannot_be_shown_are_faults(tmp_path: Path, name: bytes) -> None:
    folder = make_folder(tmp_path, {"a.py": ""})
    write(folder / os.fsdecode(name))

    odd, good = read(folder)

    assert isinstance(odd, Fault)
    assert odd.rule == "names must be printable UTF-8"
    assert odd.where.isprintable()
    assert isinstance(good, Source)


# links and doubles in archives


def test_links_in_an_archive_give_their_files_text(tmp_path: Path) -> None:
    link = "solver_dir/solve_007bbfb7/6/12/abc.py"
    members: Members = [
        (tar_info(link, tarfile.SYMTYPE, "../../../../solver_md5/abc.py"), b""),
        (tar_info("chain.py", tarfile.SYMTYPE, link), b""),
        ("solver_md5/abc.py", b"text"),
        (tar_info("hard.py", tarfile.LNKTYPE, "solver_md5/abc.py"), b""),
        ("data.txt", b"named otherwise"),
        (tar_info("t.py", tarfile.SYMTYPE, "data.txt"), b""),
    ]
    path = write(tmp_path / "s.tgz", packed(tar_of(*members)).getvalue())

    assert [(source.name.removeprefix("s.tgz!"), source.text, source.task) for source in sources(path)] == [
        ("solver_md5/abc.py", "text", None),
        (link, "text", "007bbfb7"),
        ("chain.py", "text", None),
        ("hard.py", "text", None),
        ("t.py", "named otherwise", None),
    ]


def test_links_in_a_zip_give_their_files_text(tmp_path: Path) -> None:
    path = write(tmp_path / "s.zip", zip_of((unix_info("a/l.py", 0o120777), b"../b.py"), ("b.py", b"text")).getvalue())

    assert [(source.name, source.text) for source in sources(path)] == [
        ("s.zip!b.py", "text"),
        ("s.zip!a/l.py", "text"),
    ]


def test_links_to_nothing_in_an_archive_are_faults(tmp_path: Path) -> None:
    members: Members = [
        (tar_info("lost.py", tarfile.SYMTYPE, "absent.py"), b""),
        (tar_info("round.py", tarfile.SYMTYPE, "about.py"), b""),
        (tar_info("about.py", tarfile.SYMTYPE, "round.py"), b""),
        (tar_info("no-candidate", tarfile.SYMTYPE, "absent"), b""),
        ("a.py", b""),
    ]
    path = write(tmp_path / "s.tar", tar_of(*members).getvalue())

    assert names(path) == [
        "s.tar!a.py",
        "s.tar!lost.py: a link to 'absent.py', which is not there",
        "s.tar!round.py: a link to 'round.py', which is not there",
        "s.tar!about.py: a link to 'about.py', which is not there",
    ]


def test_modules_may_be_links(tmp_path: Path) -> None:
    members: Members = [
        ("store/1", b"module"),
        (tar_info("m.py", tarfile.SYMTYPE, "store/1"), b""),
        ("store/2", b"calls"),
        (tar_info("m_call.py", tarfile.SYMTYPE, "store/2"), b""),
    ]
    path = write(tmp_path / "s.tar", tar_of(*members).getvalue())

    assert [(source.name, source.text, source.call_text) for source in sources(path)] == [
        ("s.tar!m.py", "module", "calls")
    ]


def test_second_member_of_a_name_is_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "s.tar", tar_of(("a.py", b"1"), ("b.py", b"2"), ("./a.py", b"3")).getvalue())

    assert names(path) == ["s.tar!a.py", "s.tar!b.py", "s.tar!a.py: a second member of that name"]


def test_too_big_member_is_a_fault_and_others_of_that_size_are_skipped(tmp_path: Path) -> None:
    big = bytes(trees.FILE_BYTES + 1)
    path = write(tmp_path / "s.tgz", packed(tar_of(("a.bin", big), ("b.py", big), ("c.py", b""))).getvalue())

    assert names(path) == [f"s.tgz!b.py: {len(big)} bytes", "s.tgz!c.py"]


def test_damaged_archive_gives_what_is_whole(tmp_path: Path) -> None:
    whole = tar_of(*((f"{number}.py", b"x" * 600) for number in range(5))).getvalue()
    path = write(tmp_path / "s.tar", whole[:4_000])

    assert names(path) == [
        "s.tar!0.py",
        "s.tar!1.py",
        "s.tar!2.py: ReadError 'unexpected end of data'",
        "s.tar: ReadError 'unexpected end of data'",
    ]


def test_damaged_zip_member_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(zip_of(("a.py", b"a" * 50), ("b.py", b"b"), method=zipfile.ZIP_STORED).getvalue())
    data[data.index(b"a" * 50)] ^= 1
    path = write(tmp_path / "s.zip", bytes(data))

    assert names(path) == ["s.zip!a.py: BadZipFile \"Bad CRC-32 for file 'a.py'\"", "s.zip!b.py"]


# JSON lines


@pytest.mark.parametrize("name", ["more.jsonl", "more.jsonl.gz"])
def test_each_json_line_is_a_source(tmp_path: Path, name: str) -> None:
    lines = [
        {"source": "1"},
        {"code": "2", "task": "007bbfb7"},
        {"program": "3 ü\n", "task_id": "deadbeef", "id": 17},
        {"solver": "4", "id": None, "name": "sample a", "task": None, "score": [1, {}]},
        {"source": "5", "code": "not this", "id": "line\nend"},
    ]
    text = (
        "\ufeff"
        + "\r\n".join(json.dumps(line) for line in lines[:3])
        + "\n\n   \n"
        + json.dumps(lines[3])
        + "\n"
        + json.dumps(lines[4])
    )
    data = text.encode()
    path = write(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)

    assert [(source.name, source.text, source.call_text, source.task) for source in sources(path)] == [
        (f"{name}:1", "1", None, None),
        (f"{name}:2", "2", None, "007bbfb7"),
        (f"{name}:3#17", "3 ü\n", None, "deadbeef"),
        (f"{name}:6#sample a", "4", None, None),
        (f"{name}:7", "5", None, None),
    ]


def test_task_of_a_line_goes_before_that_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "007bbfb7.jsonl", '{"code": "1"}\n{"code": "2", "task": "00d62c1b"}\n')

    assert [source.task for source in sources(path)] == ["007bbfb7", "00d62c1b"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "Expecting property name"),
        (b"no json", "Expecting value"),
        (b"[1]", "got a list; must be one JSON object"),
        (b'"text"', "got a str; must be one JSON object"),
        (b"{}", "got None; must hold text under one of source, code, program, solver"),
        (b'{"code": 3}', "got 3; must hold text"),
        (b'{"code": null, "solver": "x"}', "got None; must hold text"),
        (b'{"code": "a\\u0000b"}', "got 'a\\x00b'; must hold text"),
        (b'{"code": "\\ud800"}', "got '\\ud800'; must hold text"),
        (b'{"code": "x", "task": 3}', "got task 3; must be a task's id or absent"),
        (b'{"code": "\xe4"}', "got byte b'\\xe4'; must be UTF-8"),
        (b'{"a":' * 50_000, "recursion"),
        (b"1" * 10_000, "digits"),
    ],
)
def test_line_that_is_no_candidate_is_named_by_its_number(tmp_path: Path, line: bytes, message: str) -> None:
    path = write(tmp_path / "x.jsonl", b'{"code": "1"}\n' + line + b'\n{"code": "2"}\n')

    first, bad, last = read(path)

    assert [item.name for item in (first, last) if isinstance(item, Source)] == ["x.jsonl:1", "x.jsonl:3"]
    assert isinstance(bad, Fault)
    assert str(bad).startswith("x.jsonl (line 2): got ")
    assert message in str(bad)
    assert str(bad).endswith("; correct or remove the line")


def test_damaged_gzip_gives_the_lines_before(tmp_path: Path) -> None:
    rng = random.Random(1)
    data = gzip.compress(b"".join(b'{"code": "%x"}\n' % rng.getrandbits(400) for _ in range(2_000)))
    path = write(tmp_path / "x.jsonl.gz", data[: len(data) // 2])

    *before, last = read(path)

    assert len(before) > 500
    assert all(isinstance(item, Source) for item in before)
    assert isinstance(last, Fault)
    assert str(last) == (
        f"x.jsonl.gz (line {len(before) + 1}): got EOFError 'Compressed file ended before the end-of-stream marker was "
        "reached'; must be readable to its end; make it anew; the rest is lost"
    )


def test_endless_line_is_a_fault_and_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b'{"code": "1"}\n')
        for _ in range(300):
            file.write(bytes(2**20))
        file.write(b'\n{"code": "2"}\n')
    found: list[str] = []

    peak = peak_bytes(lambda: found.extend(names(path)))

    assert found == ["x.jsonl.gz:1", f"x.jsonl.gz: more than {source_texts.LINE_BYTES} bytes", "x.jsonl.gz:3"]
    assert peak < 150 * 2**20


def test_longest_line_is_read(tmp_path: Path) -> None:
    line = b'{"code": "' + b"x" * (source_texts.LINE_BYTES - 13) + b'"}'
    path = write(tmp_path / "x.jsonl", b"%b\n%b  \n%b" % (line, line, line))

    assert [isinstance(item, Source) for item in read(path)] == [True, False, True]


def test_total_of_json_lines_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_texts, "TOTAL_BYTES", 100)
    path = write(tmp_path / "x.jsonl", b'{"code": "1"}\n' * 20)

    *before, last = names(path)

    assert len(before) == 8
    assert last == "x.jsonl: ValueError 'more than 100 bytes'"


# tasks


@pytest.mark.parametrize(
    ("path", "task"),
    [
        ("solve_007bbfb7.py", "007bbfb7"),
        ("007bbfb7.py", "007bbfb7"),
        ("007bbfb7_v2.py", "007bbfb7"),
        ("007bbfb7-v2.py", "007bbfb7"),
        ("007bbfb7.v2.py", "007bbfb7"),
        ("solve_007bbfb7_v2.py", "007bbfb7"),
        ("007bbfb7v2.py", None),
        ("x_007bbfb7.py", None),
        ("solver_dir/solve_007bbfb7/6/12/0123456789abcdef0123456789abcdef.py", "007bbfb7"),
        ("007bbfb7/attempt 1.py", "007bbfb7"),
        ("solve_007bbfb7/solve_00d62c1b.py", "00d62c1b"),
        ("s.tgz!solve_007bbfb7/1.py", "007bbfb7"),
        ("007bbfb7.tar.gz!1.py", "007bbfb7"),
        ("my-task_1.py", "my-task_1"),
        ("my-task_1_2.py", "my-task_1"),
        ("my-task.py", None),
        ("solve_deadbeef.py", "deadbeef"),
        ("solve_deadbeef_2.py", "deadbeef"),
        ("solve_deadbeef0123.py", None),
        ("deadbeef.py", None),
        ("solve_fast.py", None),
        ("solve.py", None),
    ],
)
def test_paths_name_tasks(path: str, task: str | None) -> None:
    assert task_of_path(path, TASKS) == task


# places


def test_starter_set_is_read() -> None:
    found = sources("builtin:starter")

    assert len(found) >= 30
    assert [source.name for source in found] == sorted(source.name for source in found)
    assert {source.name.split("/")[0] for source in found} == {"starter"}
    assert all("def solve" in source.text for source in found)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("absent", "/absent: got no such file, folder or module; must be *.py, "),
        ("absent.py", "/absent.py: got no such file, folder or module; must be *.py, "),
        ("x.txt", "/x.txt: got a file of another kind; must be *.py, "),
        ("builtin:other", "builtin:other': must be a path"),
        ("s3://bucket/x", "s3://bucket/x': must be a path"),
        ("gs://", "gs://: got no bucket"),
    ],
)
def test_missing_and_unknown_places_are_named_at_once(tmp_path: Path, uri: str, message: str) -> None:
    write(tmp_path / "x.txt", "")

    with pytest.raises(InputError) as caught:
        read_sources(uri, tmp_path, TASKS)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("form", "ending"), [("a.py", ""), ("a.jsonl", ":1"), ("set.tgz", "!a.py"), ("set.zip", "!a.py"), ("batt_1", ".py")]
)
def test_every_form_is_read_from_a_bucket(gcs: str, tmp_path: Path, form: str, ending: str) -> None:
    bucket = open_store(gcs, tmp_path)
    make_archive(tmp_path, {"a.py": SOLVER}, "set.tgz")
    make_archive(tmp_path, {"a.py": SOLVER}, "set.zip")
    write(tmp_path / "a.py")
    write(tmp_path / "a.jsonl", json.dumps({"code": SOLVER}))
    for path in tmp_path.iterdir():
        bucket.create(f"in/{path.name}", path.read_bytes())
    bucket.create("in/batt_1.py", SOLVER.encode())
    bucket.create("in/batt_1_call.py", b"calls")

    (source,) = sources(f"{gcs}/in/{form}")

    assert source.name == f"{form}{ending}"
    assert source.text == SOLVER
    assert source.call_text == ("calls" if form == "batt_1" else None)


def test_prefix_of_a_bucket_is_read_as_a_folder(gcs: str, tmp_path: Path) -> None:
    files = {
        "a.py": "1",
        "m.py": "2",
        "m_call.py": "calls",
        "z/more.jsonl": '{"code": "3"}',
        "lonely_call.py": "",
        "x.txt": "",
    }
    folder = make_folder(tmp_path, files)
    bucket = open_store(gcs, tmp_path)
    for path, text in files.items():
        bucket.create(f"in/set/{path}", text.encode())

    assert read(f"{gcs}/in/set") == read(f"{gcs}/in/set/") == read(folder)


def test_absent_objects_are_named(gcs: str) -> None:
    with pytest.raises(InputError, match=f"{gcs}/a.py: there is no such object"):
        read(f"{gcs}/a.py")
    with pytest.raises(InputError, match=f"{gcs}/nothing: got no candidate"):
        read(f"{gcs}/nothing")
    with pytest.raises(StoreError, match="there is no bucket"):
        read("gs://no-such-bucket/set")


# streaming


def many_members(tar: tarfile.TarFile, count: int, size: int) -> None:
    for number in range(count):
        data = (b"%d " % number) * (size // 8)
        tar.addfile(tar_info(f"solve_007bbfb7/{number:06d}.py", size=len(data)), io.BytesIO(data))


def test_archive_of_many_members_is_streamed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tgz", "w:gz", compresslevel=1) as tar:
        many_members(tar, 5_000, 8_000)
    count = 0

    def drain() -> None:
        nonlocal count
        for item in read_sources("s.tgz", tmp_path, TASKS):
            assert isinstance(item, Source)
            count += 1

    peak = peak_bytes(drain)

    assert count == 5_000
    assert peak < 10 * 2**20  # the texts are 40 MB; what grows is the set of names


def test_modules_far_apart_wait_on_the_disk(tmp_path: Path) -> None:
    text = bytes(100_000).replace(b"\0", b"x")
    members = [(f"{number}{end}", text) for end in (".py", "_call.py") for number in range(300)]
    write(tmp_path / "s.tar", tar_of(*members).getvalue())
    del members
    found = 0

    def drain() -> None:
        nonlocal found
        for item in read_sources("s.tar", tmp_path, TASKS):
            assert isinstance(item, Source)
            assert item.call_text is not None
            found += 1

    peak = peak_bytes(drain)

    assert found == 300
    assert peak < 5 * 2**20  # a half of the texts is 30 MB


def test_json_lines_are_streamed(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.jsonl.gz", "wt", 1) as file:
        for number in range(20_000):
            file.write(json.dumps({"code": f"{number} " * 300}) + "\n")
    count = 0

    def drain() -> None:
        nonlocal count
        for _ in read_sources("x.jsonl.gz", tmp_path, TASKS):
            count += 1

    peak = peak_bytes(drain)

    assert count == 20_000
    assert peak < 2 * 2**20

"""A user's DSL is found wherever it lies; copies hold its Python files, nothing outside their folder, and go again."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.solver.dslfiles import MAX_BYTES, MAX_FILES, dsl_location, find_dsl
from batt.solver.language import BUILTIN
from batt.store import open_store

FILES = {"dsl.py": "from constants import *\n", "constants.py": "ONE = 1\n", "kit/helper.py": "x = 1\n"}


def tar_of(files: Mapping[str, str], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload] # a mode that is no literal
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def zip_of(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def texts_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_batt_s_own_dsl_lies_nowhere(tmp_path: Path) -> None:
    assert find_dsl(BUILTIN, tmp_path) is None


def test_a_folder_or_file_on_this_machine_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit/dsl.py").write_text("x = 1\n")

    assert find_dsl("kit", tmp_path) == tmp_path / "kit"
    assert find_dsl("kit/dsl.py", tmp_path) == tmp_path / "kit/dsl.py"
    assert find_dsl(f"file:{tmp_path}/kit", Path("/")) == tmp_path / "kit"


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must name a file or a folder with dsl\.py; there is no"):
        find_dsl("kit", tmp_path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("kit.tar.gz", tar_of(FILES)),
        ("kit.tgz", tar_of(FILES)),
        ("kit.tar", tar_of(FILES, "w:")),
        ("kit.zip", zip_of(FILES)),
    ],
)
def test_an_archive_s_python_files_are_unpacked(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    folder = scratch(tmp_path)

    assert find_dsl(name, tmp_path, folder) == folder
    assert texts_below(folder) == FILES


def test_the_folder_of_an_archive_that_holds_dsl_py_is_found(tmp_path: Path) -> None:
    files = {"README.md": "-", "a/b/dsl.py": "deep\n", "kit/dsl.py": "x = 1\n", "kit/data.json": "{}", "setup.py": "-"}
    (tmp_path / "kit.tar.gz").write_bytes(tar_of(files))
    folder = scratch(tmp_path)

    found = find_dsl("kit.tar.gz", tmp_path, folder)

    assert found == folder / "kit"
    assert texts_below(folder).keys() == {"a/b/dsl.py", "kit/dsl.py", "setup.py"}


@pytest.mark.parametrize("name", ["../dsl.py", "/tmp/dsl.py", "kit/../../dsl.py"])
@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_an_archive_writes_nothing_outside_its_folder(tmp_path: Path, name: str, kind: str) -> None:
    files = {"dsl.py": "x = 1\n", name: "x = 2\n"}
    (tmp_path / f"kit.{kind}").write_bytes(tar_of(files) if kind == "tar.gz" else zip_of(files))

    with pytest.raises(InputError, match="must be relative"):
        find_dsl(f"kit.{kind}", tmp_path, scratch(tmp_path))

    assert not (tmp_path / "dsl.py").exists()


def test_links_in_an_archive_are_refused_where_they_look_like_a_part(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("notes", "dsl.py"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "other.py"
            archive.addfile(member)
    (tmp_path / "kit.tar.gz").write_bytes(buffer.getvalue())

    with pytest.raises(InputError, match=r"with a link, 'dsl.py'; .* --dereference"):
        find_dsl("kit.tar.gz", tmp_path, scratch(tmp_path))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "undamaged"),
        (b"no archive", "undamaged"),
        (tar_of(FILES)[:60], "undamaged"),
        (tar_of({"readme.txt": "x"}), "must hold dsl.py"),
        (tar_of({f"m{n}.py": "" for n in range(MAX_FILES + 1)}), f"at most {MAX_FILES} Python files"),
        (tar_of({"dsl.py": "#" * (MAX_BYTES // 2), "more.py": "#" * (MAX_BYTES // 2 + 1)}), "must be at most"),
        (tar_of({"dsl.py": "x", "dsl.py/other.py": "x"}), "must fit on this machine's disk"),
    ],
    ids=["empty", "text", "cut off", "no dsl", "files", "bytes", "a file for a folder"],
)
def test_an_archive_that_cannot_be_a_dsl_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "kit.tar.gz").write_bytes(data)

    with pytest.raises(InputError, match=told) as raised:
        find_dsl("kit.tar.gz", tmp_path, scratch(tmp_path))

    assert "kit.tar.gz" in str(raised.value)


def test_a_folder_may_be_called_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "kit.zip").mkdir()

    assert find_dsl("kit.zip", tmp_path) == tmp_path / "kit.zip"


def test_a_temporary_copy_goes_with_the_process_that_made_it_only(tmp_path: Path) -> None:
    (tmp_path / "kit.tar.gz").write_bytes(tar_of(FILES))
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from batt.solver.dslfiles import find_dsl\n"
        "folder = find_dsl('kit.tar.gz', Path(sys.argv[1]))\n"
        "pid = os.fork()\n"
        "if pid == 0: sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print(folder, (folder / 'dsl.py').is_file())\n"
    )

    said = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)

    folder, is_there = said.stdout.split()
    assert is_there == "True"
    assert "batt-dsl-" in folder
    assert not Path(folder).exists()


# buckets


def put(uri: str, files: Mapping[str, bytes]) -> None:
    store = open_store(uri, Path())
    for name, data in files.items():
        store.create(name, data)


def encoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


@pytest.mark.parametrize("end", ["", "/"])
def test_a_prefix_of_a_bucket_is_copied(tmp_path: Path, gcs: str, end: str) -> None:
    put(f"{gcs}/my/dsl", encoded({**FILES, "notes.txt": "-"}))
    put(f"{gcs}/my", encoded({"other.py": "-"}))
    folder = scratch(tmp_path)

    assert find_dsl(f"{gcs}/my/dsl{end}", tmp_path, folder) == folder
    assert texts_below(folder) == FILES


def test_a_file_of_a_bucket_comes_with_the_constants_beside_it(tmp_path: Path, gcs: str) -> None:
    put(f"{gcs}/my", encoded({"grid.py": "x = 1\n", "constants.py": "ONE = 1\n", "other.py": "-"}))
    put(gcs, encoded({"dsl.py": "y = 1\n"}))
    folder = scratch(tmp_path)

    assert find_dsl(f"{gcs}/my/grid.py", tmp_path, folder) == folder / "grid.py"
    assert texts_below(folder) == {"grid.py": "x = 1\n", "constants.py": "ONE = 1\n"}
    assert find_dsl(f"{gcs}/dsl.py", tmp_path, folder) == folder / "dsl.py"


def test_an_archive_of_a_bucket_is_unpacked(tmp_path: Path, gcs: str) -> None:
    put(f"{gcs}/my", {"kit.tar.gz": tar_of({f"kit/{name}": text for name, text in FILES.items()})})
    folder = scratch(tmp_path)

    assert find_dsl(f"{gcs}/my/kit.tar.gz", tmp_path, folder) == folder / "kit"
    assert texts_below(folder / "kit") == FILES


# what a worker elsewhere is told


def test_a_location_means_the_same_from_any_folder(tmp_path: Path) -> None:
    assert dsl_location(BUILTIN, tmp_path) == BUILTIN
    assert dsl_location("gs://bucket/dsl", tmp_path) == "gs://bucket/dsl"
    assert dsl_location("image:/opt/dsl", tmp_path) == "image:/opt/dsl"
    assert dsl_location("kit", tmp_path) == str(tmp_path / "kit")
    assert dsl_location("kit", Path()) == os.path.abspath("kit")  # noqa: PTH100 # what it must be

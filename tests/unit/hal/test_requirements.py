"""An agent's requirements are read as pip reads them, or refused with everything that is wrong with them at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal.requirements import (
    FILE,
    FILE_BYTES,
    Mode,
    Requirements,
    read_requirements,
    requirements_of,
    without_users,
)


def read(text: str, mode: Mode = Mode.STRICT, folder: Path = Path("/nowhere")) -> Requirements:
    return read_requirements(text, mode, folder)


def refusals(text: str, mode: Mode = Mode.STRICT, folder: Path = Path("/nowhere")) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(text, mode, folder)
    return str(caught.value).splitlines()


def test_an_agent_without_the_file_has_no_requirements(tmp_path: Path) -> None:
    assert requirements_of(tmp_path) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_file_is_read_in_the_encodings_that_editors_and_shells_write(tmp_path: Path, encoding: str) -> None:
    (tmp_path / FILE).write_bytes("requests # für alles\n".encode(encoding))

    assert requirements_of(tmp_path) == "requests # für alles\n"


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"requests\n\xff\xfe")

    with pytest.raises(InputError, match=r"requirements.txt: got .*must be text in UTF-8"):
        requirements_of(tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)

    with pytest.raises(InputError, match=r"requirements.txt: got no plain file"):
        requirements_of(tmp_path)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"#" * (FILE_BYTES + 1))

    with pytest.raises(InputError, match=r"got more than 1048576 bytes"):
        requirements_of(tmp_path)


def test_comments_blank_lines_and_continued_lines_are_read_as_by_pip() -> None:
    text = "# all\n\n  r==2 \\\n  # why\nnumpy \\\n  >=1 \\\n  ,<3   # old\nx @ https://host/x.whl#egg=x\npandas \\"

    assert read(text).lines == ("numpy<3,>=1", "pandas", "r==2", "x @ https://host/x.whl#egg=x")


def test_all_ways_of_writing_a_requirement_are_one() -> None:
    one = "Ruamel_YAML [Extra_B, a] >= 1 , < 2 ; python_version>'3'\nrequests"
    other = 'requests\nruamel.yaml[a,extra-b]<2,>=1;python_version > "3"\nrequests  # again'

    assert read(one) == read(other)
    assert read(one).lines == ("requests", 'ruamel-yaml[a,extra-b]<2,>=1 ; python_version > "3"')


def test_urls_are_the_installers_to_judge() -> None:
    text = """\
appworld-experiments[simplified] @ git+https://github.com/s/appworld.git@main#egg=appworld-experiments&subdirectory=e
git+https://github.com/b/smolagents@0c62b18
-e git+https://github.com/s/tau-bench#egg=tau-bench
https://host/x-1.0-py3-none-any.whl
y @ https://${TOKEN}@host/y.whl ; os_name == "posix"
z @ ${WHEEL}
"""

    assert read(text).lines == (
        "appworld-experiments[simplified] @ "
        "git+https://github.com/s/appworld.git@main#egg=appworld-experiments&subdirectory=e",
        "git+https://github.com/b/smolagents@0c62b18",
        "git+https://github.com/s/tau-bench#egg=tau-bench",
        "https://host/x-1.0-py3-none-any.whl",
        'y @ https://${TOKEN}@host/y.whl ; os_name == "posix"',
        "z @ ${WHEEL}",
    )


def test_hashes_stay_with_their_requirement() -> None:
    text = "a==1 \\\n    --hash=sha256:BB22 \\\n    --hash sha256:aa11\n--require-hashes\n"

    assert read(text) == Requirements(
        lines=("a==1 --hash=sha256:aa11 --hash=sha256:bb22",), options=("--require-hashes",)
    )


def test_options_that_choose_among_files_are_kept() -> None:
    text = "--pre\n--only-binary :all:\n--no-binary=a\na"

    assert read(text) == Requirements(("a",), options=("--no-binary=a", "--only-binary=:all:", "--pre"))


def test_strict_refuses_modules_of_python_all_at_once() -> None:
    assert refusals("openai\nos\ntyping>=3\npathlib # paths\nweave\ncProfile\n") == [
        f"requirements.txt (line {line}): got {got}; must be no module of Python itself: those are there without; "
        "remove the line, or set spec.hal.agent.requirements: lenient"
        for line, got in ((2, "'os'"), (3, "'typing>=3'"), (4, "'pathlib'"), (6, "'cProfile'"))
    ]


def test_lenient_leaves_modules_of_python_out_and_says_so() -> None:
    requirements = read("openai\nos\nAsyncio==3.4\nweave", Mode.LENIENT)

    assert requirements.lines == ("openai", "weave")
    reason = "is left out: it is a module of Python itself, which is there without"
    assert [str(dropped) for dropped in requirements.dropped] == [
        f"requirements.txt (line 2): 'os' {reason}",
        f"requirements.txt (line 3): 'Asyncio==3.4' {reason}",
    ]


def test_a_backport_for_older_pythons_is_no_fault() -> None:
    assert read("dataclasses; python_version < '3.7'").lines == ('dataclasses ; python_version < "3.7"',)


def test_none_asks_for_nothing() -> None:
    assert read("os\n--index-url https://host\n///", Mode.NONE) == Requirements()


def test_lenient_is_not_lenient_about_anything_else() -> None:
    text = "--pre --pre\nfoo==\n./lib"

    assert len(refusals(text, Mode.LENIENT)) == 3
    assert refusals(text, Mode.LENIENT) == refusals(text)


@pytest.mark.parametrize(
    "line",
    [
        "-i https://host/simple",
        "-ihttps://host/simple",
        "--index-url=https://host/simple",
        "--extra-index-url https://host/simple",
        "--no-index",
        "-f wheels",
        "--find-links wheels",
        "--trusted-host host",
    ],
)
def test_where_packages_come_from_is_no_files_decision(line: str) -> None:
    (told,) = refusals(f"a\n{line}")

    assert f"requirements.txt (line 2): got '{line}'; must say what is needed, not where it comes from" in told
    assert told.endswith("set PIP_INDEX_URL, PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS")


@pytest.mark.parametrize(
    "line",
    [
        ".",
        "..",
        "./lib",
        "-e .",
        "--editable ./lib[extra]",
        "/srv/lib",
        "lib/x",
        "~/lib",
        r"lib\x",
        "x-1.0-py3-none-any.whl",
        "x-1.0.tar.gz[a]",
        "x @ file:///srv/x.whl",
        "x @ ./x.whl",
        "file:///srv/x.whl",
        "git+file:///srv/x",
        "-e git+FILE:///srv/x",
    ],
)
def test_paths_are_refused(line: str) -> None:
    (told,) = refusals(line)

    assert "must be a name or a URL: what is installed is made without the agent's folder" in told


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("foo=1", "must be a requirement as PEP 508 writes it (Expected"),
        ("foo bar", "must be a requirement as PEP 508 writes it"),
        ("foo; python_version", "must be a requirement as PEP 508 writes it"),
        ("-", "must be a requirement as PEP 508 writes it"),
        ("foo --global-option=x", "must have nothing but --hash=... behind a requirement"),
        ("foo --hash=sha256", "must have nothing but --hash=... behind a requirement"),
        ("--use-feature=x", "must be an option that batt knows"),
        ("-x", "must be an option that batt knows"),
    ],
)
def test_what_is_no_requirement_is_refused(line: str, rule: str) -> None:
    (told,) = refusals(line)

    assert rule in told


def test_faults_show_no_secrets() -> None:
    told = "\n".join(refusals("--index-url https://ann:sekret@host/simple\nx @ https://ann:sek@ret@host/x.whl --flag"))

    assert "https://[...]@host/simple" in told
    assert "sek" not in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at https://ann:p@ss@host/x, 'git+ssh://git@host:x'", "at https://[...]@host/x, 'git+ssh://[...]@host:x'"),
        ("git+https://host/x@main https://host/@scope", "git+https://host/x@main https://host/@scope"),
    ],
)
def test_names_and_passwords_are_taken_out_of_urls_only(text: str, expected: str) -> None:
    assert without_users(text) == expected


def test_many_faults_are_counted() -> None:
    told = refusals("os\n" * 25)

    assert len(told) == 21
    assert told[-1] == "5 more"


def test_other_files_of_the_folder_are_included(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/base.txt").write_text("b\n-r ../top.txt\n--constraint=pins.txt\n")
    (tmp_path / "more/pins.txt").write_text("c==1\n")
    (tmp_path / "top.txt").write_text("d\n-r more/base.txt\n")

    assert read("a\n-r more/base.txt\n-c top.txt", folder=tmp_path) == Requirements(
        lines=("a", "b", "d"), constraints=("b", "c==1", "d")
    )


def test_faults_of_included_files_name_these(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("\nos\n")
    (tmp_path / "bad.txt").write_bytes(b"\xff")

    told = refusals("-r more.txt\n-rbad.txt", folder=tmp_path)

    assert told[0].startswith("more.txt (line 2): got 'os'")
    assert told[1].startswith("bad.txt: got ")


@pytest.mark.parametrize(
    "name", ["../outside.txt", "absent.txt", "link.txt", ".", "/etc/hostname", "https://host/r.txt"]
)
def test_nothing_outside_the_folder_is_included(tmp_path: Path, name: str) -> None:
    agent = tmp_path / "agent"
    agent.mkdir()
    (tmp_path / "outside.txt").write_text("a\n")
    (agent / "link.txt").symlink_to(tmp_path / "outside.txt")

    assert refusals(f"-r {name}", folder=agent) == [
        f"requirements.txt (line 1): got '-r {name}'; must be a file of the agent's folder, relative to this one; "
        "correct the path"
    ]

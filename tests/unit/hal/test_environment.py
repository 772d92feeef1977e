"""Environments are made once, stored once, the same wherever they are made; what cannot be made says why, once.

Packages are wheels that the tests write; installers are those that this machine has. None of them needs a network.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pytest

from batt.errors import InputError, RunError
from batt.hal import environment
from batt.hal.environment import (
    SITE_VARIABLE,
    Installer,
    Tool,
    agent_variables,
    blamed,
    build_environment,
    ensure_environment,
    environment_key,
    environment_object,
    find_installer,
    installer_variables,
    packed,
    python_tag,
    readable,
    tidy,
    unpack_environment,
)
from batt.hal.packing import Limits
from batt.hal.requirements import Mode, Requirements, read_requirements
from batt.store import DirectoryStore

NOBODY = "http://ann:sekret@127.0.0.1:9/simple"
"""An index that nobody serves: port 9 is that of the discard protocol."""


def installers() -> list[Installer]:
    """What this machine has."""
    program = shutil.which("uv")
    uv = [program] if program else [sys.executable, "-m", "uv"] if find_spec("uv") else None
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else None
    return [Installer(tool, argv) for tool, argv in ((Tool.UV, uv), (Tool.PIP, pip)) if argv]


each_installer = pytest.mark.parametrize("installer", installers(), ids=lambda one: str(one.tool))


def write_wheel(
    folder: Path, name: str, version: str, files: dict[str, str], needs: Sequence[str] = (), scripts: Sequence[str] = ()
) -> Path:
    """Write a wheel. needs: values of Requires-Dist. scripts: `name=module:function`."""
    about = f"{name}-{version}.dist-info"
    extras = "Provides-Extra: more\n"
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extras}"
    members = {
        **files,
        f"{about}/METADATA": told + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: batt\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\n" + "".join(f"{script}\n" for script in scripts),
    }
    members[f"{about}/RECORD"] = "".join(f"{member},,\n" for member in [*members, f"{about}/RECORD"])
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in members.items():
            info = zipfile.ZipInfo(member)
            info.external_attr = (0o100755 if "/scripts/" in member else 0o100644) << 16
            wheel.writestr(info, text)
    return path


def wheels_in(folder: Path) -> Path:
    """Write a few wheels that need each other."""
    greet = "import sys\n\ndef main():\n    print('hello', *sys.argv[1:])\n"
    files = {
        "alpha/__init__.py": greet,
        "alpha/data.txt": "x",
        "alpha.pth": "alpha_more\n",
        "alpha_more/found_by_pth.py": "",
        "argparse.py": "raise ImportError('Python has its own')\n",
        "enum/__init__.py": "raise ImportError('Python has its own')\n",
        "alpha-1.0.data/scripts/raw": "#!python\nimport alpha\nalpha.main()\n",
        "alpha-1.0.data/scripts/shell": "#!/bin/sh\necho shell\n",
    }
    write_wheel(folder, "alpha", "1.0", files, ["beta<2", "gamma; extra == 'more'"], ["greet=alpha:main"])
    write_wheel(folder, "beta", "1.0", {"beta.py": "VERSION = 1\n"})
    write_wheel(folder, "beta", "2.0", {"beta.py": "VERSION = 2\n"})
    write_wheel(folder, "gamma", "0.1", {"gamma.py": ""})
    write_wheel(folder, "gamma", "0.2rc1", {"gamma.py": ""})
    write_wheel(folder, "needy", "1.0", {"needy.py": ""}, ["absent>=3"])
    return folder


def variables_for(tmp_path: Path, **changed: str) -> dict[str, str]:
    """Return an environment in which packages come from the folder `wheels` alone."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    given = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    return {**own, **given, **changed}


def asked(text: str, mode: Mode = Mode.STRICT) -> Requirements:
    return read_requirements(text, mode, Path("/nowhere"))


def build(tmp_path: Path, installer: Installer, text: str, **changed: str) -> Path:
    """Build in a fresh folder, from the wheels above unless there are others."""
    if not (tmp_path / "wheels").exists():
        wheels_in(tmp_path / "wheels")
    target = tmp_path / f"target-{time.monotonic_ns()}"
    build_environment(asked(text), target, variables_for(tmp_path, **changed), installer)
    return target


def refusal(tmp_path: Path, installer: Installer, text: str, **changed: str) -> str:
    with pytest.raises(InputError) as caught:
        build(tmp_path, installer, text, **changed)
    return str(caught.value)


def program(tmp_path: Path, text: str, tool: Tool = Tool.PIP) -> Installer:
    """Return an installer that is a Python program of a test's own."""
    path = tmp_path / "installer.py"
    path.write_text(text)
    return Installer(tool, [sys.executable, str(path)])


def unusable(tmp_path: Path) -> Installer:
    return Installer(Tool.PIP, [str(tmp_path / "must-not-be-called")])


def run_agent(target: Path, *argv: str) -> str:
    """Run a program as an agent's process, python3 being this one; return what it prints."""
    inherited = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    env = {**inherited, **agent_variables(target, inherited)}
    return subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout


def archived(store: DirectoryStore) -> list[str]:
    return store.list("environments/")


@each_installer
def test_an_agent_finds_what_was_installed(tmp_path: Path, installer: Installer) -> None:
    target = build(tmp_path, installer, "alpha\n")

    assert run_agent(target, "python3", "-c", "import alpha, beta; print(beta.VERSION)") == "1\n"
    assert run_agent(target, "greet", "you") == "hello you\n"
    assert run_agent(target, "raw", "all") == "hello all\n"
    assert run_agent(target, "shell") == "shell\n"


@each_installer
def test_pth_files_work_where_the_runner_adds_the_folder_as_a_site(tmp_path: Path, installer: Installer) -> None:
    target = build(tmp_path, installer, "alpha\n")

    code = f"import os, site; site.addsitedir(os.environ['{SITE_VARIABLE}']); import found_by_pth; print('found')"

    assert run_agent(target, "python3", "-c", code) == "found\n"


@each_installer
def test_nothing_hides_modules_of_python_itself(tmp_path: Path, installer: Installer) -> None:
    target = build(tmp_path, installer, "alpha\n")

    assert run_agent(target, "python3", "-c", "import argparse, enum; print(enum.Enum.__name__)") == "Enum\n"
    assert not (target / "argparse.py").exists()
    assert not (target / "enum").exists()


@each_installer
def test_extras_markers_and_hashes_are_the_installers(tmp_path: Path, installer: Installer) -> None:
    wheel = wheels_in(tmp_path / "wheels") / "beta-2.0-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    extra = build(tmp_path, installer, "alpha[more]\nneedy; python_version < '3'\n")
    hashed = build(tmp_path, installer, f"beta==2.0 --hash=sha256:{digest}\n")

    assert sorted(path.name for path in extra.glob("*.dist-info")) == [
        "alpha-1.0.dist-info",
        "beta-1.0.dist-info",
        "gamma-0.1.dist-info",
    ]
    assert [path.name for path in hashed.glob("*.dist-info")] == ["beta-2.0.dist-info"]


@each_installer
def test_constraints_and_pre_releases_are_passed_on(tmp_path: Path, installer: Installer) -> None:
    wheels_in(tmp_path / "wheels")
    target = tmp_path / "target"
    requirements = Requirements(("beta", "gamma"), ("beta<2",), ("--pre",))

    build_environment(requirements, target, variables_for(tmp_path), installer)

    assert sorted(path.name for path in target.glob("*.dist-info")) == ["beta-1.0.dist-info", "gamma-0.2rc1.dist-info"]


@each_installer
def test_the_same_is_packed_into_the_same_bytes(tmp_path: Path, installer: Installer) -> None:
    first = packed(build(tmp_path, installer, "alpha\nbeta\n"))
    for wheel in (tmp_path / "wheels").iterdir():
        os.utime(wheel, (10**9, 10**9))

    second = packed(build(tmp_path, installer, "beta\n\nalpha\n", UV_CACHE_DIR=str(tmp_path / "other")))

    assert first == second


@each_installer
def test_nothing_in_an_archive_tells_where_it_was_made(tmp_path: Path, installer: Installer) -> None:
    data = packed(build(tmp_path, installer, "alpha\n"))

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        texts = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert [name for name, text in texts.items() if str(tmp_path).encode() in text] == []
    assert [name for name, text in texts.items() if sys.prefix.encode() in text] == []
    assert [name for name in texts if name.endswith((".pyc", ".lock", "direct_url.json", "uv_cache.json"))] == []
    listed = texts["alpha-1.0.dist-info/RECORD"].decode()
    assert sorted(name for name in texts if "beta" not in name) == [row.split(",")[0] for row in listed.splitlines()]


@each_installer
def test_secrets_of_urls_are_not_packed(tmp_path: Path, installer: Installer) -> None:
    wheels_in(tmp_path / "wheels")

    with served(tmp_path / "wheels") as address:
        url = f"http://ann:sekret@{address}/beta-1.0-py3-none-any.whl"
        target = build(tmp_path, installer, f"beta @ {url}\n", NO_PROXY="127.0.0.1")

    assert run_agent(target, "python3", "-c", "import beta; print(beta.VERSION)") == "1\n"
    assert [path for path in target.rglob("*") if path.is_file() and b"sekret" in path.read_bytes()] == []
    assert "direct_url" not in (target / "beta-1.0.dist-info/RECORD").read_text()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder's files by HTTP; gives host and port."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, request: socket.socket, client: tuple[str, int], server: ThreadingHTTPServer) -> None:
            super().__init__(request, client, server, directory=str(folder))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@each_installer
def test_an_unknown_package_is_named(tmp_path: Path, installer: Installer) -> None:
    told = refusal(tmp_path, installer, "beta\nasynchio==1\n")

    assert told.startswith(
        f"requirements.txt: got 'asynchio==1'; must be installable for {python_tag()}; "
        f"correct it, or name an index that has it by PIP_INDEX_URL or PIP_FIND_LINKS; {installer.tool} says:\n  "
    )


@each_installer
def test_a_version_that_is_not_there_is_named(tmp_path: Path, installer: Installer) -> None:
    assert "got 'beta==7'; must be" in refusal(tmp_path, installer, "alpha\nbeta==7\n")


@each_installer
def test_conflicting_requirements_are_both_named(tmp_path: Path, installer: Installer) -> None:
    assert "got 'alpha', 'beta==2.0'; must be" in refusal(tmp_path, installer, "alpha\nbeta==2.0\ngamma\n")


@each_installer
def test_two_pins_of_one_package_are_both_named(tmp_path: Path, installer: Installer) -> None:
    assert "got 'beta==1.0', 'beta==2.0'; must be" in refusal(tmp_path, installer, "gamma\nbeta==2.0\nbeta==1.0")


@each_installer
def test_what_needs_something_absent_is_named(tmp_path: Path, installer: Installer) -> None:
    told = refusal(tmp_path, installer, "beta\nneedy\n")

    assert "got 'needy'; must be" in told
    assert "absent>=3" in told


@each_installer
def test_a_file_with_another_hash_is_refused(tmp_path: Path, installer: Installer) -> None:
    told = refusal(tmp_path, installer, f"beta==1.0 --hash=sha256:{'0' * 64}\n")

    assert "got 'beta==1.0 --hash=sha256:000" in told
    assert hashlib.sha256((tmp_path / "wheels/beta-1.0-py3-none-any.whl").read_bytes()).hexdigest() in told


@each_installer
def test_nothing_is_left_of_what_fails(tmp_path: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    store = DirectoryStore(tmp_path / "results")
    wheels_in(tmp_path / "wheels")

    with pytest.raises(InputError):
        ensure_environment(store, asked("alpha\nabsent"), variables_for(tmp_path), installer)

    assert archived(store) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@each_installer
def test_an_index_that_cannot_be_reached_is_no_fault_of_the_input(tmp_path: Path, installer: Installer) -> None:
    offline = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": NOBODY}
    once = {"PIP_RETRIES": "1", "UV_HTTP_RETRIES": "0"}

    with pytest.raises(RunError) as caught:
        build(tmp_path, installer, "beta\n", **offline, **once)

    assert "requirements.txt: the installation ended with exit code" in str(caught.value)
    assert "check the network and what PIP_INDEX_URL names, then run the same again" in str(caught.value)
    assert "sekret" not in str(caught.value)


@each_installer
def test_an_environment_is_made_once(tmp_path: Path, installer: Installer) -> None:
    store = DirectoryStore(tmp_path / "results")
    wheels_in(tmp_path / "wheels")

    first = ensure_environment(store, asked("alpha\nos", Mode.LENIENT), variables_for(tmp_path), installer)
    second = ensure_environment(store, asked("alpha"), {}, unusable(tmp_path))

    assert not first.is_cached
    assert [dropped.text for dropped in first.dropped] == ["os"]
    assert (first.key, first.path) == (second.key, second.path)
    assert second.is_cached
    assert archived(store) == [first.path]


@each_installer
def test_what_is_stored_can_be_unpacked_and_used(tmp_path: Path, installer: Installer) -> None:
    store = DirectoryStore(tmp_path / "results")
    wheels_in(tmp_path / "wheels")
    made = ensure_environment(store, asked("alpha"), variables_for(tmp_path), installer)

    unpack_environment(store, made.path, tmp_path / "unpacked")

    assert run_agent(tmp_path / "unpacked", "greet", "again") == "hello again\n"


def test_of_two_planners_at_once_the_first_wins(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "results")
    slow = program(
        tmp_path,
        "import os, pathlib, sys, time\n"
        "pathlib.Path(sys.argv[sys.argv.index('--target') + 1], 'who.py').write_text(str(os.getpid()))\n"
        "time.sleep(0.5)\n",
    )

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: ensure_environment(store, asked("x"), variables_for(tmp_path), slow), range(2)))

    assert [made.is_cached for made in both] == [False, False]
    assert archived(store) == [both[0].path] == [both[1].path]


def test_nothing_asked_for_calls_no_installer(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "results")

    made = ensure_environment(store, Requirements(), variables_for(tmp_path), unusable(tmp_path))
    unpack_environment(store, made.path, tmp_path / "unpacked")

    assert archived(store) == [made.path]
    assert list((tmp_path / "unpacked").iterdir()) == []


def test_an_installation_has_a_deadline_and_leaves_no_process(tmp_path: Path) -> None:
    hanging = program(
        tmp_path,
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "print('Building wheel for x', flush=True)\n"
        "time.sleep(600)\n",
    )

    with pytest.raises(RunError, match=r"the installation did not end in \d+ s; .*pip says:\n  Building wheel for x"):
        build_environment(asked("x"), tmp_path / "target", variables_for(tmp_path), hanging, seconds=1.5)

    assert not (tmp_path / "target").exists()
    assert not is_running(int((tmp_path / "pid").read_text()))


def is_running(pid: int) -> bool:
    """Whether a process is there; one that has ended and waits for its parent is not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc; run on Linux")
def test_a_planner_that_is_killed_leaves_neither_object_nor_installer(tmp_path: Path) -> None:
    installer = program(
        tmp_path,
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'pid.part')!r}).write_text(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'pid.part')!r}, {str(tmp_path / 'pid')!r})\n"
        "time.sleep(600)\n",
    )
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom batt.hal.environment import *\n"
        "from batt.hal.requirements import Requirements\nfrom batt.store import DirectoryStore\n"
        f"ensure_environment(DirectoryStore(Path({str(tmp_path / 'results')!r})), Requirements(('x',)), os.environ,"
        f" Installer(Tool.PIP, {list(installer.argv)!r}))\n"
    )
    planner = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        wait_until((tmp_path / "pid").exists)
    finally:
        planner.send_signal(signal.SIGKILL)
        planner.wait()

    wait_until(lambda: not is_running(int((tmp_path / "pid").read_text())))

    assert archived(DirectoryStore(tmp_path / "results")) == []


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that happens in another process."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_secrets_are_not_told(tmp_path: Path) -> None:
    talking = program(
        tmp_path,
        "import os, sys\n"
        "print('ERROR: x of', os.environ['PIP_INDEX_URL'], 'with sekret', os.environ['HOUSE_TOKEN'])\n"
        "print('ERROR: at https://bob:other@host/simple and ghp_only@host')\n"
        "sys.exit(1)\n",
    )
    variables = variables_for(
        tmp_path,
        PIP_INDEX_URL="https://ann:sekret@host/simple",
        PIP_EXTRA_INDEX_URL="https://h1/simple https://ghp_only@h2/simple",
        HOUSE_TOKEN="open-sesame",
    )

    with pytest.raises(InputError) as caught:
        build_environment(asked("x @ https://ann:sekret@host/x.whl"), tmp_path / "target", variables, talking)

    told = str(caught.value)
    assert "got 'x @ https://[...]@host/x.whl'" in told
    assert "ERROR: x of https://[...]@host/simple with [PIP_INDEX_URL 0] [HOUSE_TOKEN]" in told
    assert not any(secret in told for secret in ("sekret", "open-sesame", "other", "ghp_only", "ann", "bob"))


def test_only_the_last_lines_are_told(tmp_path: Path) -> None:
    talking = program(tmp_path, "for number in range(100): print('line', number)\nraise SystemExit(1)\n")

    with pytest.raises(InputError, match=r"got what cannot be installed; .*pip says:\n  line 80\n") as caught:
        build_environment(asked("x"), tmp_path / "target", variables_for(tmp_path), talking)

    assert str(caught.value).endswith("\n  line 99")


def test_line_numbers_are_told_as_requirements() -> None:
    output = (
        "ERROR: Cannot install -r requirements.txt (line 2) and -r /tmp/x/requirements.txt (line 3)\n\n  -r (line 9)"
    )

    told = readable(output, ["--pre", "alpha", "beta[x]<2"], {})

    assert told == ["ERROR: Cannot install alpha and beta[x]<2", "  -r (line 9)"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["Collecting a", "ERROR: no b here"], []),
        (["Collecting a-b", "ERROR: a-c, my.a-b, a-b-c"], ["'a-b>=1'"]),  # what it was at last busy with
        (["ERROR: No matching distribution found for A_B>=1"], ["'a-b>=1'"]),
        (["Collecting a-b", "Processing x.y", "  hm"], ["'x-y[e]'"]),
        (["  cause: failed to clone git+https://host/z@1"], ["'git+https://host/z@1'"]),
        (["Collecting x-y", "error: x failed", "  ╰─> because of a.b", "bye"], ["'a-b>=1'"]),
        ([], []),
    ],
)
def test_complaints_name_whole_names(told: list[str], expected: list[str]) -> None:
    assert blamed(told, ["a-b>=1", "git+https://host/z@1", "x-y[e]"]) == expected


def test_the_key_is_of_everything_that_the_files_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = Requirements(("a", "b"), ("c",), ("--pre",))

    keys = {
        environment_key(requirements, "cpython-311"),
        environment_key(requirements, "cpython-312"),
        environment_key(requirements._replace(lines=("a",)), "cpython-311"),
        environment_key(requirements._replace(constraints=()), "cpython-311"),
        environment_key(requirements._replace(options=()), "cpython-311"),
        environment_key(Requirements(("a",), ("b", "c"), ("--pre",)), "cpython-311"),
    }
    monkeypatch.setattr(environment, "INSTALLER_VERSION", 0)
    keys.add(environment_key(requirements, "cpython-311"))

    assert len(keys) == 7
    assert {len(key) for key in keys} == {64}


def test_the_key_is_not_of_what_was_dropped_and_how_it_was_written() -> None:
    written = {
        environment_key(asked(text, Mode.LENIENT), "tag")
        for text in ("B\na>=1 ,<2", "a<2,>=1 # x\nos\nb", "b\nb\nA <2,>=1")
    }

    assert len(written) == 1


def test_the_tag_tells_python_and_machine() -> None:
    tag = python_tag()

    assert tag.startswith(f"{sys.implementation.cache_tag}-")
    assert os.uname().machine in tag
    assert environment_object("k") == "environments/k.tar.gz"


def test_variables_go_before_those_that_are_there() -> None:
    found = agent_variables(PurePosixPath("/e"), {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/lib"})

    assert found == {"PATH": "/e/bin:/usr/bin:/bin", "PYTHONPATH": "/e:/lib", SITE_VARIABLE: "/e"}
    assert agent_variables(PurePosixPath("/e"), {}) == {
        "PATH": f"/e/bin:{os.defpath}",
        "PYTHONPATH": "/e",
        SITE_VARIABLE: "/e",
    }


def test_uv_is_told_what_pip_is_told() -> None:
    given = {
        "PIP_INDEX_URL": "https://host/simple",
        "PIP_EXTRA_INDEX_URL": "https://one https://two",
        "PIP_FIND_LINKS": "/one /two",
        "PIP_CERT": "/ca.pem",
        "HOME": "/home",
    }

    assert installer_variables(Tool.UV, given) == {
        **given,
        "UV_DEFAULT_INDEX": "https://host/simple",
        "UV_INDEX": "https://one https://two",
        "UV_FIND_LINKS": "/one,/two",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_COMPILE_BYTECODE": "0",
    }


def test_what_uv_is_told_itself_goes_before() -> None:
    given = {
        "PIP_INDEX_URL": "https://pip",
        "UV_INDEX_URL": "https://uv",
        "PIP_FIND_LINKS": "/pip",
        "UV_FIND_LINKS": "/uv",
    }

    assert installer_variables(Tool.UV, given) == {**given, "UV_COMPILE_BYTECODE": "0"}


def test_pip_is_not_told_to_install_elsewhere() -> None:
    given = {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "true", "PIP_INDEX_URL": "https://host"}

    assert installer_variables(Tool.PIP, given) == {**given, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


@pytest.mark.parametrize(
    ("name", "value", "is_told"),
    [("PIP_NO_INDEX", "1", True), ("UV_NO_INDEX", "true", True), ("PIP_NO_INDEX", "0", False)],
)
def test_uv_is_told_by_a_flag_to_use_no_index(name: str, value: str, is_told: bool) -> None:
    assert is_told == ("--no-index" in environment.arguments(Tool.UV, Path("/t"), (), {name: value}))


def test_uv_on_the_path_is_taken_first(tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)

    assert find_installer({"PATH": str(tmp_path)}) == Installer(Tool.UV, [str(tmp_path / "uv")])


def test_without_uv_it_is_what_this_python_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[str] = ["pip"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name in there)

    assert find_installer({"PATH": str(tmp_path)}) == Installer(Tool.PIP, [sys.executable, "-m", "pip"])
    there.append("uv")
    assert find_installer({"PATH": str(tmp_path)}) == Installer(Tool.UV, [sys.executable, "-m", "uv"])
    there.clear()
    with pytest.raises(RunError, match=r"has neither uv nor pip; .*install uv"):
        find_installer({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("#!/opt/venv/bin/python\nx\n", "#!/usr/bin/env python3\nx\n"),
        ("#!/opt/venv/bin/python3.11 -E\nx\n", "#!/usr/bin/env python3\nx\n"),
        ("#!/bin/sh\n'''exec' '/long one/python' \"$0\" \"$@\"\n' '''\nx\n", "#!/usr/bin/env python3\nx\n"),
        ("#!/bin/sh\npython x\n", "#!/bin/sh\npython x\n"),
        ("\x7fELF python\n", "\x7fELF python\n"),
    ],
)
def test_scripts_name_no_interpreter_of_this_machine(tmp_path: Path, script: str, expected: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/x").write_text(script)

    tidy(tmp_path)

    assert (tmp_path / "bin/x").read_text() == expected


@pytest.mark.parametrize("limits", [Limits(files=1), Limits(total_bytes=9), Limits(member_bytes=4)])
def test_more_than_pods_unpack_is_refused_before_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    (tmp_path / "a").write_text("12345")
    (tmp_path / "b").write_text("12345")
    monkeypatch.setattr(environment, "LIMITS", limits)

    with pytest.raises(InputError, match=r"got 2 files with 10 bytes, 5 in the biggest, .*into the agent's image"):
        packed(tmp_path)


def test_an_archive_that_is_too_big_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("12345")
    monkeypatch.setattr(environment, "ARCHIVE_BYTES", 10)

    with pytest.raises(InputError, match=r"got 1 files with 5 bytes, .* when packed"):
        packed(tmp_path)

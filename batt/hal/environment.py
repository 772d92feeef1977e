"""What an agent's requirements come to: installed once, in the plan, and unpacked by every pod; no task waits for pip.

    Requirements -> key -> environments/<key>.tar.gz -> a folder, and the variables by which an agent finds it

Packed without bytecode: with it an archive of openai and pandas is 60 % bigger, and takes as much longer to unpack as
their first import gains (1.8 s).
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path, PurePath
from typing import NamedTuple

from batt.errors import AlreadyExistsError, InputError, RunError, shown
from batt.hal.packing import Limits, pack, unpack, walk
from batt.hal.process import Log, Program, Reason, local_shim, run_program
from batt.hal.redact import Redactor, secrets_of
from batt.hal.requirements import FILE, Dropped, Requirements, without_users
from batt.objects import ObjectStore

INSTALLER_VERSION = 1
"""Part of every key: raised when the same requirements come to other files, so that older archives are not taken."""

INSTALL_SECONDS = 1800.0
"""Longest time for an installation: a package that has to be compiled takes minutes."""

LIMITS = Limits(files=200_000, total_bytes=6 * 2**30, member_bytes=2**30)
"""Most that an environment may unpack to: torch with its CUDA libraries takes about five GiB."""

ARCHIVE_BYTES = 3 * 2**30
"""Biggest archive of an environment; it is held in memory."""

LOG_BYTES = 1 << 16
"""What is kept of the first and of the last that an installer says."""

TOLD_LINES = 20
"""Most of its last lines that an error shows."""

CONSTRAINTS = "constraints.txt"
"""The installer's other file."""

SITE_VARIABLE = "BATT_SITE"
"""Variable with an environment's folder, for run_agent.py: site.addsitedir has its .pth files processed."""

FOR_UV: Mapping[str, Sequence[str]] = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS",),
    "PIP_TRUSTED_HOST": ("UV_INSECURE_HOST",),
    "PIP_CERT": ("SSL_CERT_FILE",),
    "PIP_DEFAULT_TIMEOUT": ("UV_HTTP_TIMEOUT",),
}
"""What pip's variables are called by uv; where none of the names is set, the first one is."""

FOR_PIP = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
"""What images and users set for their own installations; refused together with --target, or in a container."""

TRACES = (".lock", "*.dist-info/direct_url.json", "*.dist-info/uv_cache.json")
"""Files of installers that tell where and when: paths of this machine, times, URLs."""

SHEBANG = re.compile(rb"\A#!(?:/bin/sh\n'''exec' [^\n]*\n' '''|[^\n]*python[^\n]*)\n")
"""How scripts begin that installers write for their own interpreter; the first form is that for long paths."""

PASSWORD = re.compile(r"://(?:[^/\s:]*:)?([^/\s]+)@")
"""A password in a URL, or a token in its place."""

COMPLAINT = re.compile(r"\s*(error|cause|hint|[^\w\s]|and because|the user requested)", re.IGNORECASE)
"""Start of lines by which installers say what is wrong; some are drawn as a tree."""

UNREACHABLE = re.compile(
    r"connection (broken|error|refused|reset)|establish a new connection|connect error|failed to connect to|timed out"
    r"|error sending request|dns error|resolve host|name resolution|\D5\d\d (server|bad g|service|gateway|while)",
    re.IGNORECASE,
)
"""What installers say when an index is at fault, not the requirements."""


class Tool(StrEnum):
    """A program that installs."""

    UV = "uv"
    PIP = "pip"


class Installer(NamedTuple):
    """A tool, and how it is called."""

    tool: Tool
    argv: Sequence[str]


class Environment(NamedTuple):
    """What agents are given. path: of its archive, under the results folder. seconds: that it took this time."""

    key: str
    path: str
    dropped: tuple[Dropped, ...]
    seconds: float
    is_cached: bool


def environment_object(key: str) -> str:
    """Return the path of an environment, under the results folder. Written by plan; read by work."""
    return f"environments/{key}.tar.gz"


def python_tag() -> str:
    """Return what an environment is made for: this Python's implementation and version, platform and C library."""
    return f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}-{sysconfig.get_config_var('SOABI')}"


def environment_key(requirements: Requirements, tag: str) -> str:
    """Return the name of what requirements come to, for ever: what is not pinned stays as it was the first time.

    Args:
        tag: see python_tag.
    """
    asked = [requirements.lines, requirements.constraints, requirements.options]
    return hashlib.sha256(json.dumps([INSTALLER_VERSION, tag, asked]).encode()).hexdigest()


def ensure_environment(
    store: ObjectStore,
    requirements: Requirements,
    variables: Mapping[str, str],
    installer: Installer | None = None,
    seconds: float = INSTALL_SECONDS,
) -> Environment:
    """Return the environment of requirements, made and stored unless it is there; of two at once the first wins.

    Args:
        store: the results folder.
        variables: this process's; those of pip and uv say where packages come from.
        installer: to be used instead of what find_installer finds.

    Raises:
        InputError: something cannot be installed.
        RunError: the installer reached no index or came to no end: that may be better later.
    """
    begin = time.monotonic()
    key = environment_key(requirements, python_tag())
    path = environment_object(key)
    is_cached = store.exists(path)
    if not is_cached:
        with tempfile.TemporaryDirectory(prefix="batt-environment-") as folder:
            target = Path(folder, "environment")
            build_environment(requirements, target, variables, installer, seconds)
            with contextlib.suppress(AlreadyExistsError):
                store.create(path, packed(target))
    return Environment(key, path, requirements.dropped, time.monotonic() - begin, is_cached)


def unpack_environment(store: ObjectStore, path: str, target: Path) -> None:
    """Unpack a stored environment into a folder."""
    unpack(io.BytesIO(store.read(path, ARCHIVE_BYTES)), f"{store.uri}/{path}", target, LIMITS)


def agent_variables(target: PurePath, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which an agent's process, and those that it starts, find an unpacked environment.

    Its scripts are run by the first `python3` on PATH, which must be the agent's.

    Args:
        target: the folder as the process sees it, absolute.
        inherited: variables that the process has anyway.
    """
    path = [str(target / "bin"), inherited.get("PATH") or os.defpath]
    modules = [str(target), *filter(None, [inherited.get("PYTHONPATH")])]
    return {"PATH": os.pathsep.join(path), "PYTHONPATH": os.pathsep.join(modules), SITE_VARIABLE: str(target)}


def find_installer(variables: Mapping[str, str]) -> Installer:
    """Return what installs here: uv if there is one, since it is the faster."""
    program = shutil.which("uv", path=variables.get("PATH", os.defpath))
    if program:
        return Installer(Tool.UV, [program])
    for tool in Tool:
        if importlib.util.find_spec(tool):
            return Installer(tool, [sys.executable, "-m", tool])
    raise RunError(f"{sys.executable}: has neither uv nor pip; must have one, to install requirements; install uv")


def build_environment(
    requirements: Requirements,
    target: Path,
    variables: Mapping[str, str],
    installer: Installer | None = None,
    seconds: float = INSTALL_SECONDS,
) -> None:
    """Install requirements into a new folder, of which nothing is left where that fails; see ensure_environment."""
    target.mkdir(parents=True)
    try:
        if requirements.lines:
            install(requirements, target, variables, installer or find_installer(variables), seconds)
        tidy(target)
    except BaseException:  # StoppedError among others
        shutil.rmtree(target, ignore_errors=True)
        raise


def install(
    requirements: Requirements, target: Path, variables: Mapping[str, str], installer: Installer, seconds: float
) -> None:
    """Run the installer. What it puts elsewhere, its cache apart, is in a folder that goes with it."""
    files = {FILE: [*requirements.options, *requirements.lines], CONSTRAINTS: requirements.constraints}
    log = Log(LOG_BYTES)
    with tempfile.TemporaryDirectory(prefix="batt-install-") as folder, local_shim() as shim:
        for name, lines in files.items():
            Path(folder, name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        program = Program(
            argv=[*installer.argv, *arguments(installer.tool, target.absolute(), requirements.options, variables)],
            cwd=folder,
            env={**installer_variables(installer.tool, variables), "TMPDIR": folder},
            seconds=seconds,
        )
        end = run_program(shim, program, log, lambda: False)
    if end.is_success:
        return
    told = readable(log.text(), files[FILE], variables)
    last = f"{installer.tool} says:\n" + "\n".join(f"  {line}" for line in told[-TOLD_LINES:])
    if end.reason is not Reason.EXITED or UNREACHABLE.search("\n".join(told)):
        remedy = "check the network and what PIP_INDEX_URL names, then run the same again"
        raise RunError(f"{FILE}: the installation {end}; must reach what it needs, and end; {remedy}; {last}")
    got = ", ".join(blamed(told, requirements.lines)) or "what cannot be installed"
    remedy = "correct it, or name an index that has it by PIP_INDEX_URL or PIP_FIND_LINKS"
    raise InputError(f"{FILE}: got {got}; must be installable for {python_tag()}; {remedy}; {last}")


def arguments(tool: Tool, target: Path, options: Collection[str], variables: Mapping[str, str]) -> list[str]:
    """Return the installer's arguments."""
    files = ["--target", str(target), "-r", FILE, "-c", CONSTRAINTS]
    if tool is Tool.PIP:
        quiet = ["--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar", "off"]
        return ["install", *quiet, "--no-compile", "--no-warn-conflicts", *files]
    given = ["--python", sys.executable, "--no-progress", "--color", "never", "--link-mode", "copy", *files]
    if any(
        variables.get(name, "").lower() in {"1", "t", "true", "y", "yes", "on"}
        for name in ("PIP_NO_INDEX", "UV_NO_INDEX")
    ):
        given += ["--no-index"]  # uv 0.13 knows no variable for it
    if "--pre" in options:
        given += ["--prerelease", "allow"]  # uv passes over it in the file
    return ["pip", "install", *given]


def installer_variables(tool: Tool, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an installer is run with: the user's, in its own words."""
    if tool is Tool.PIP:
        return {**variables, **FOR_PIP}
    translated = {
        names[0]: ",".join(value.split()) if name == "PIP_FIND_LINKS" else value
        for name, names in FOR_UV.items()
        if (value := variables.get(name)) and not any(variables.get(known) for known in names)
    }
    return {**variables, **translated, "UV_COMPILE_BYTECODE": "0"}


def readable(output: str, lines: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Return what an installer says without secrets and empty lines, requirements in place of their line numbers."""

    def requirement(found: re.Match[str]) -> str:
        number = int(found["number"])
        return lines[number - 1] if 0 < number <= len(lines) else found[0]

    told = re.sub(rf"-r \S*{FILE} \(line (?P<number>\d{{1,9}})\)", requirement, output)
    found = [(name, password) for name, value in variables.items() for password in PASSWORD.findall(value)]
    passwords = {f"{name} {place}": password for place, (name, password) in enumerate(found)}
    redactor = Redactor({**passwords, **secrets_of(variables)})
    return [redactor.text(without_users(line)).rstrip() for line in told.splitlines() if line.strip()]


def blamed(told: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return the requirements that an installer's complaints name, or else those that it was busy with last."""
    complaints = "\n".join(line for line in told if COMPLAINT.match(line))
    for text in (complaints, *reversed(told)):
        found = [shown(without_users(line)) for line in lines if is_named(line, text)]
        if found:
            return found
    return []


def is_named(requirement: str, text: str) -> bool:
    """Tell whether a text names the distribution, or the URL, that a requirement begins with."""
    name = re.escape(without_users(re.split(r"[\[<>=!~ ;]", requirement)[0]))
    spelled = name if "://" in name else name.replace(r"\-", "[-_.]")
    return re.search(rf"(?<![\w.-]){spelled}(?![\w-])", text, re.IGNORECASE) is not None


def tidy(target: Path) -> None:
    """Leave in a folder what an agent needs, the same wherever it was made.

    Modules with names of the standard library go (old packages bring argparse, enum, typing): installed as usual they
    lie behind Python's own and are never seen; on PYTHONPATH they would be before them.
    """
    hiding = [path for path in target.iterdir() if path.name.partition(".")[0] in sys.stdlib_module_names]
    for path in [*hiding, *(path for pattern in TRACES for path in target.glob(pattern))]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in target.glob("bin/*"):
        script = path.read_bytes() if path.is_file() else b""
        if SHEBANG.match(script):
            path.write_bytes(SHEBANG.sub(b"#!/usr/bin/env python3\n", script))
    kept = frozenset(path.relative_to(target).as_posix() for path in walk(target))
    for record in target.glob("*.dist-info/RECORD"):
        rewrite_record(record, kept)


def rewrite_record(record: Path, kept: Collection[str]) -> None:
    """Leave in a distribution's list of files those that are there, without digests of scripts: these have changed.

    Source: packaging.python.org/en/latest/specifications/recording-installed-packages.
    """
    rows = [row for row in csv.reader(io.StringIO(record.read_text(encoding="utf-8"), newline="")) if row]
    text = io.StringIO(newline="")
    for path, *rest in sorted(
        [row[0].removeprefix("../../"), *row[1:]] for row in rows
    ):  # pip moves lib/python to here
        if path in kept:
            csv.writer(text, lineterminator="\n").writerow([path, *([""] * 2 if path.startswith("bin/") else rest)])
    record.write_text(text.getvalue(), encoding="utf-8", newline="")


def packed(target: Path) -> bytes:
    """Return a folder as an archive.

    Raises:
        InputError: it is more than pods unpack.
    """
    sizes = {path.relative_to(target).as_posix(): path.stat().st_size for path in walk(target)}
    files, total, biggest = len(sizes), sum(sizes.values()), max(sizes.values(), default=0)
    file = io.BytesIO()
    is_fine = files <= LIMITS.files and total <= LIMITS.total_bytes and biggest <= LIMITS.member_bytes
    if is_fine:
        pack(target, sizes, file)
    if is_fine and file.tell() <= ARCHIVE_BYTES:
        return file.getvalue()
    got = f"{files} files with {total} bytes, {biggest} in the biggest, {file.tell()} when packed"
    most = f"{LIMITS.files}, {LIMITS.total_bytes}, {LIMITS.member_bytes} and {ARCHIVE_BYTES}"
    raise InputError(f"{FILE}: got {got}; must be at most {most}; put the biggest packages into the agent's image")

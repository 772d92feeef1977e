"""An agent's files: from a folder, an archive, an image, or one of the two that batt brings; and HAL's hash of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from batt.errors import Fault, InputError, SpecError, shown
from batt.hal.arguments import agent_hash
from batt.hal.benchmarks.agents import null_files, oracle_files
from batt.hal.benchmarks.base import Benchmark, Task
from batt.hal.fetching import fetch
from batt.hal.gitinfo import git_info
from batt.hal.packing import agent_files, unpack
from batt.halspec import AgentSpec
from batt.inputs.archives import archive_kind

ORACLE, NULL = "builtin:oracle", "builtin:null"
"""Agents that batt brings: one that knows the answers, one that has none. They prove that a benchmark scores."""


class Agent(NamedTuple):
    """An agent as it is packed. files: paths in the folder, sorted. git_info: where they are from, as HAL tells it."""

    folder: Path
    files: tuple[str, ...]
    hash: str
    git_info: dict[str, str]


def load_agent(spec: AgentSpec, tasks: Sequence[Task], benchmark: Benchmark, base: Path, scratch: Path) -> Agent:
    """Return an agent's files.

    Args:
        tasks, benchmark: what `builtin:oracle` is to know.
        base: where relative paths start.
        scratch: an empty folder for what is unpacked.

    Raises:
        InputError: the source cannot be read; all that is wrong in it is named.
        SpecError: it has no such function.
    """
    folder = source_folder(spec.source, tasks, benchmark, base, scratch)
    files = agent_files(folder)
    check_function(spec.function, files)
    is_unpacked = folder.is_relative_to(scratch.parent)
    origin = {"error": "the agent came without its repository"} if is_unpacked else git_info(folder)
    return Agent(folder, tuple(files), agent_hash(folder, files), origin)


def check_function(function: str, files: Sequence[str]) -> None:
    """Raise SpecError where an agent of these files cannot have the function."""
    module = f"{function.rpartition('.')[0]}.py"
    if module not in files:
        there = ", ".join(name for name in files if name.endswith(".py") and "/" not in name) or "no Python file"
        rule = f"must be in the file {module} at the agent's top"
        raise SpecError([Fault("spec.hal.agent.function", shown(function), rule, f"the agent has {there}")])


def source_folder(uri: str, tasks: Sequence[Task], benchmark: Benchmark, base: Path, scratch: Path) -> Path:
    """Return the folder of an agent's files, which may be unpacked for it."""
    if uri in {ORACLE, NULL}:
        texts = oracle_files({task.id: benchmark.oracle(task) for task in tasks}) if uri == ORACLE else null_files()
        scratch.mkdir(parents=True)
        for name, data in texts.items():
            (scratch / name).write_bytes(data)
        return scratch
    path = fetch(uri, base, scratch.with_name("agent-source"), "spec.hal.agent.source")
    if path.is_dir():
        return path
    if not path.is_file():
        raise InputError(f"spec.hal.agent.source: got {shown(uri)}; must be a folder or an archive; correct the path")
    scratch.mkdir(parents=True)
    return unpacked(path, uri, scratch)


def unpacked(archive: Path, uri: str, target: Path) -> Path:
    """Unpack an agent's archive; return its folder: of an archive of one folder that folder."""
    if archive_kind(archive.name) is None:
        rule = "must be a folder, or an archive .tar.gz, .tgz, .tar or .zip"
        raise InputError(f"spec.hal.agent.source: got {shown(uri)}; {rule}; pack it so")
    with archive.open("rb") as file:
        unpack(file, archive.name, target)
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target

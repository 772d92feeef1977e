"""Clears away what a node leaves on a machine: processes, cgroups, mounts, network; its own, and those of the killed.

A node's folder is named like its network and its cgroups, and its owner holds a lock in it: a folder whose lock is
free belongs to a test process that was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.cluster.daemons import wait_until
from tests.cluster.network import remove_network

PREFIX = "batt-"
"""Start of the names of nodes."""

LOCK = "owner.lock"
"""File in a node's folder that its owner holds locked as long as it lives."""


def make_folder() -> Path:
    """Make the folder of a new node. Its path is short: that of a Unix socket has at most 107 bytes."""
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir="/var/tmp"))


def own(folder: Path) -> IO[str] | None:
    """Return the lock of a node's folder, ours until it is closed; None where its owner lives."""
    handle = (folder / LOCK).open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def sweep() -> None:
    """Clear away the nodes of test processes that were killed."""
    for lock in Path("/var/tmp").glob(f"{PREFIX}*/{LOCK}"):
        if handle := own(lock.parent):
            with handle:
                clear(lock.parent)


def clear(folder: Path) -> None:
    """Clear away the node of a folder, whose daemons have ended; what is not there is no fault."""
    name = folder.name
    kill_pods(name)
    kill_shims(folder)
    wait_until(f"processes of {name} gone", lambda: not pods_processes(name) and not shims(folder), 30)
    for group in cgroups(name):
        for each in sorted(group.rglob("*/"), reverse=True):
            each.rmdir()
        group.rmdir()
    for mount in mounts_below(folder):
        subprocess.run(["umount", "--lazy", mount], check=True)
    remove_network(name)
    for trace in [*Path("/var/lib/cni/results").glob(f"{name}-*"), *log_links(folder)]:
        trace.unlink()
    assert not mounts_below(folder)  # else deleting would reach through them
    shutil.rmtree(folder)


def make_cgroups(name: str) -> None:
    """Make a cgroup for the pods of a node: two kubelets in one cgroup kill each other's pods as orphans."""
    for mount in cgroup_mounts():
        (mount / name).mkdir()


def cgroups(name: str) -> list[Path]:
    """Return the cgroups of a node, one a hierarchy."""
    return [mount / name for mount in cgroup_mounts() if (mount / name).exists()]


def cgroup_mounts() -> list[Path]:
    """Return where cgroups are mounted: one place for version 2, one a controller for version 1."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(target) for _, target, kind, *_ in lines if kind in {"cgroup", "cgroup2"}]


def kill_pods(name: str) -> None:
    """Kill every process in the pods of a node."""
    for pid in pods_processes(name):
        kill(pid)


def pods_processes(name: str) -> set[int]:
    """Return the processes in the pods of a node."""
    found: set[int] = set()
    for group in cgroups(name):
        for path in group.rglob("cgroup.procs"):
            with contextlib.suppress(FileNotFoundError):  # a cgroup goes with its last container
                found |= {int(pid) for pid in path.read_text().split()}
    return found


def kill_shims(folder: Path) -> None:
    """Kill containerd's shims: they outlive containerd, by design."""
    for pid in shims(folder):
        kill(pid)


def shims(folder: Path) -> list[int]:
    """Return the processes that were told the socket of this folder's containerd and still run."""
    return [pid for pid, command in commands() if f"{folder}/containerd.sock".encode() in command]


def commands() -> Iterator[tuple[int, list[bytes]]]:
    """Yield every process with its command line; those that have ended, or are ending, have none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if command := path.read_bytes():
                yield int(path.parent.name), command.split(b"\0")


def kill(pid: int) -> None:
    """Kill a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def log_links(folder: Path) -> list[Path]:
    """Return the kubelet's links to the logs of containers: it keeps them outside its folder, whatever it is told."""
    links = Path("/var/log/containers").glob("*.log")
    return [link for link in links if link.is_symlink() and link.readlink().is_relative_to(folder)]


def mounts_below(folder: Path) -> list[str]:
    """Return what is mounted below a folder, the deepest first."""
    targets = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((target for target in targets if Path(target).is_relative_to(folder)), reverse=True)

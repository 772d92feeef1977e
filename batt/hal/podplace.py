"""Where agents run in a pod: in a container of their own, which shares two folders with the worker and nothing else.

    /workspace   the agent's working directory
    /batt        the shim that is the container's first process, the socket by which it finds the worker, and the
                 environment of the agent's requirements

The worker listens, the shim connects. What the container is given from Secrets (keys of models, say) the worker knows
only as what to take out of texts.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from batt.errors import RunError, shown
from batt.hal.process import SHIM, Log, Program, Supervisor, run_program
from batt.hal.redact import Redactor
from batt.hal.task import Room
from batt.hal.workspace import remove

WORKSPACE_VARIABLE, SHARED_VARIABLE = "BATT_WORKSPACE", "BATT_SHARED"
"""Environment variables: other paths for the two folders, the same in both containers; for tests without containers."""

WORKSPACE, SHARED = "/workspace", "/batt"
"""Where the two folders are."""

SHIM_FILE, SOCKET = "shim.py", "socket"
"""What lies in the shared one beside the environment."""

SECRET_PREFIX = "BATT_SECRET_"  # noqa: S105 # the beginning of names
"""How variables of the worker begin that hold what the agent's container is given from Secrets."""

CONNECT_SECONDS = 120.0
"""How long the agent's container is waited for; its first process starts before ours, once its image is there."""

ASK_SECONDS = 60.0
"""How long its Python may take to say what it is."""

PYTHON = "python3"
"""The interpreter of agents, by the PATH of their container."""

ASK = """
import json, os, sys
print(json.dumps([sys.version_info[:2], os.environ.get("PATH", ""), os.environ.get("PYTHONPATH", "")]))
"""
"""Asks an interpreter which Python it is, and where it finds programs and modules."""


class Folders(NamedTuple):
    """The two folders that worker and agent share."""

    workspace: Path
    shared: Path


def folders_of(environment: Mapping[str, str]) -> Folders:
    """Return the folders of this pod."""
    workspace, shared = environment.get(WORKSPACE_VARIABLE), environment.get(SHARED_VARIABLE)
    return Folders(Path(workspace or WORKSPACE), Path(shared or SHARED))


def install_shim(folders: Folders) -> None:
    """Put the shim where the agent's container finds it; done before that starts."""
    shutil.copyfile(SHIM, folders.shared / SHIM_FILE)


def redactor_of(environment: Mapping[str, str]) -> Redactor:
    """Return what takes the secrets of the agent's container out of texts."""
    known = {name: value for name, value in environment.items() if name.startswith(SECRET_PREFIX)}
    return Redactor({name.removeprefix(SECRET_PREFIX): value for name, value in known.items()})


@contextmanager
def pod_shim(folders: Folders) -> Iterator[Supervisor]:
    """Connect to the shim of the agent's container; to the next one where that container is started again."""
    connections: list[socket.socket] = []

    def connect() -> socket.socket:
        connections.append(accept(folders.shared / SOCKET))
        return connections[-1]

    try:
        yield Supervisor(connect(), renew=connect)
    finally:
        for connection in connections:
            connection.close()


def accept(path: Path) -> socket.socket:
    """Listen until the shim connects; return the connection.

    Raises:
        RunError: it does not come: its container cannot start, or has no Python.
    """
    path.unlink(missing_ok=True)  # of a worker that was killed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(1)
        listener.settimeout(CONNECT_SECONDS)
        try:
            connection, _ = listener.accept()
        except TimeoutError as error:
            rule = f"must connect within {CONNECT_SECONDS:g} s; its image must have python3, 3.9 or newer"
            raise RunError(f"the agent's container: got no connection; {rule}; see its log") from error
    return connection


class PodPlace:
    """The agent's container, for one try after another."""

    def __init__(
        self, folders: Folders, supervisor: Supervisor, redactor: Redactor, must_stop: Callable[[], bool]
    ) -> None:
        self.folders = folders
        self.supervisor = supervisor
        self.redactor = redactor
        self.python = PYTHON
        self.variables: Mapping[str, str] = {}
        self.inherited: Mapping[str, str] = ask_variables(supervisor, must_stop)

    @contextmanager
    def room(self) -> Iterator[Room]:
        """Return the workspace, emptied; it goes with the pod."""
        for path in list(self.folders.workspace.iterdir()):  # the folder itself is a mount
            if path.is_dir() and not path.is_symlink():
                remove(path)
            else:
                path.unlink()
        yield Room(self.folders.workspace, self.supervisor)


def ask_variables(supervisor: Supervisor, must_stop: Callable[[], bool]) -> dict[str, str]:
    """Return the variables by which the agent's container finds programs and modules.

    Raises:
        RunError: it has no Python, or not the one that the environment of its requirements was made for.
    """
    log = Log(1 << 14)
    end = run_program(supervisor, Program([PYTHON, "-c", ASK], "/", {}, ASK_SECONDS), log, must_stop)
    with contextlib.suppress(ValueError, TypeError):
        version, path, modules = json.loads(log.text())
        if list(version) == list(sys.version_info[:2]):
            return {"PATH": str(path), **({"PYTHONPATH": str(modules)} if modules else {})}
    wanted = ".".join(map(str, sys.version_info[:2]))
    got = f"a {PYTHON} that {end} and said {shown(log.text().strip())}"
    rule = f"must be Python {wanted}, as in the plan's image, which installs the requirements"
    raise RunError(f"the agent's container: got {got}; {rule}; build both images on one base")

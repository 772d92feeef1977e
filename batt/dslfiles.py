"""Finds a user's DSL: a file or folder on this machine as it is, a bucket's copied to a temporary folder first."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from batt.errors import InputError
from batt.language import BUILTIN
from batt.store import GCS_SCHEME, local_path, open_store, split_gcs

ARCHIVES = (".tar.gz", ".tgz", ".tar")
"""Endings of archives that a DSL may come in."""

MAX_FILES = 2000
"""Most files of a DSL that are copied from a bucket or unpacked; known ones have a dozen."""

MAX_BYTES = 64 * 2**20
"""Most bytes of a DSL that are copied from a bucket or unpacked."""


def find_dsl(uri: str, base: Path, scratch: Path | None = None) -> Path | None:
    """Return the file or folder that holds dsl.py, None for batt's own DSL.

    Args:
        base: where relative paths start.
        scratch: folder for copies; a temporary one by default, which stays until the machine cleans it.

    Raises:
        InputError: nothing is there, or it is more than a DSL can be.
    """
    if uri == BUILTIN:
        return None
    if uri.startswith(GCS_SCHEME):
        return copied(uri, scratch or Path(tempfile.mkdtemp(prefix="batt-dsl-")))
    path = local_path(uri, base)
    if not path.exists():
        raise InputError(f"dsl: got {uri!r}; must name a file or a folder with dsl.py; there is no {path}")
    if path.name.endswith(ARCHIVES):
        return unpacked(path, scratch or Path(tempfile.mkdtemp(prefix="batt-dsl-")))
    return path.resolve()


def dsl_location(uri: str, base: Path) -> str:
    """Return the URI by which a worker elsewhere finds the DSL: a path made absolute, any other URI as it is."""
    if uri == BUILTIN or uri.startswith((GCS_SCHEME, "image:")):
        return uri
    return str(local_path(uri, base).resolve())


def copied(uri: str, folder: Path) -> Path:
    """Copy an object (a file or an archive) or all objects under a prefix into `folder`; return what to load."""
    bucket, path = split_gcs(uri)
    if path.endswith((".py", *ARCHIVES)):
        parent, _, name = path.rpartition("/")
        target = folder / name
        target.write_bytes(open_store(f"{GCS_SCHEME}{bucket}/{parent}", Path()).read(name))
        return unpacked(target, folder / "unpacked") if name.endswith(ARCHIVES) else target
    store = open_store(uri, Path())
    names = [name for name in store.list() if name.endswith(".py")]
    if len(names) > MAX_FILES:
        raise InputError(f"dsl: got {uri!r} with {len(names)} files; must be at most {MAX_FILES}; name its own folder")
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.read(name))
    return folder


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack an archive's plain files into `folder`, nothing outside it; return the folder that holds dsl.py."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            members = [member for member in tar if member.isreg() and member.name.endswith(".py")]
            if len(members) > MAX_FILES or sum(member.size for member in members) > MAX_BYTES:
                rule = f"must unpack to at most {MAX_FILES} files and {MAX_BYTES} bytes"
                raise InputError(f"dsl: got {archive.name!r}; {rule}; leave out what is no part of the DSL")
            tar.extractall(folder, members=members, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"dsl: got {archive.name!r}; must be a tar archive; {error}; pack it again") from error
    found = sorted(folder.rglob("dsl.py"), key=lambda path: (len(path.parts), path))
    if not found:
        raise InputError(f"dsl: got {archive.name!r}; must hold dsl.py; there is none in it")
    return found[0].parent

"""Files and folders by URI: those of this machine where they lie, those of a bucket brought here."""

from __future__ import annotations

from pathlib import Path

from batt.errors import InputError, NotFoundError, shown
from batt.store import GCS_SCHEME, local_path, open_store

OBJECT_BYTES = 2 * 2**30
"""Biggest object that is read: of an agent or a benchmark's data."""


def fetch(uri: str, base: Path, target: Path, field: str) -> Path:
    """Return the path of a file or folder on this machine; one of this machine need not exist.

    Args:
        base: where relative paths start.
        target: a folder for what comes from a bucket, which need not exist.
        field: whose value the URI is, for messages.

    Raises:
        InputError: the bucket has neither such an object nor any below it, or one is too big.
    """
    if not uri.startswith(GCS_SCHEME):
        return local_path(uri, base)
    store = open_store(uri, base)
    if paths := store.list():
        for path in paths:
            write(target / path, store.read(path, OBJECT_BYTES))  # which refuses paths that lead elsewhere
        return target
    folder, _, name = uri.rpartition("/")
    try:
        write(target / name, open_store(folder, base).read(name, OBJECT_BYTES))
    except NotFoundError as error:
        rule = "must be an object, or a folder that has some"
        raise InputError(f"{field}: got {shown(uri)}; {rule}; correct the URI or upload them") from error
    return target / name


def write(path: Path, data: bytes) -> None:
    """Write a file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

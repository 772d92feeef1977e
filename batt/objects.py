"""What an object store is: the `ObjectStore` port, and what paths and errors are like in both of its kinds.

Objects are written once and never changed: of several writers the first wins, and what a killed
writer left is never seen. A run can so be resumed by anyone, any time, from what is stored.
"""

from __future__ import annotations

import re
from typing import Protocol, TypeAlias

from batt.errors import InputError, StoreError, shown

Paths: TypeAlias = list[str]
"""Object paths, sorted. An alias because the stores' own `list` hides the builtin inside them."""

TEMPORARY_PREFIX = ".batt-tmp-"
"""Start of the names of files being written in a folder; never listed, read or created as objects."""

PATH_BYTES = 1024
"""Longest object path in UTF-8 bytes: the limit of Cloud Storage (cloud.google.com/storage/docs/objects#naming)."""


class ObjectStore(Protocol):
    """Byte strings under relative paths (`shards/3.json.gz`), each written once.

    Every method raises StoreError where the store refuses or cannot be reached.
    """

    @property
    def uri(self) -> str:
        """Where the store is, as `open_store` takes it."""

    def create(self, path: str, data: bytes) -> None:
        """Write an object whole or not at all.

        Raises:
            AlreadyExistsError: the path is taken; nothing was changed. Rarely the taker is this very
                call, when the answer to its first attempt was lost on the way.
        """

    def read(self, path: str, limit_bytes: int | None = None) -> bytes:
        """Return the object's bytes; NotFoundError where there is none, InputError where it is over the limit."""

    def exists(self, path: str) -> bool:
        """Return whether there is an object of that path."""

    def list(self, prefix: str = "") -> Paths:
        """Return the paths that start with `prefix` (any string, no folder needed), sorted by code point."""


def checked_path(path: str, uri: str) -> str:
    """Return the object path if every store can hold it; StoreError otherwise. `uri` is for the message."""
    parts = path.split("/")
    if any(part in {"", ".", ".."} or part.startswith(TEMPORARY_PREFIX) for part in parts):
        rule = f"must be relative, without empty parts, `.`, `..` and names in {TEMPORARY_PREFIX}*"
    elif re.search(r"[\x00\r\n\ud800-\udfff]", path):
        rule = "must have no NUL, line ends or lone surrogates"
    elif len(path.encode()) > PATH_BYTES:
        rule = f"must be at most {PATH_BYTES} bytes"
    else:
        return path
    raise StoreError(f"{uri}: got path {shown(path)}; {rule}; choose another name")


def check_size(place: str, size_bytes: int, limit_bytes: int) -> None:
    """Refuse an object that is bigger than what is read; `place` is for the message."""
    if size_bytes > limit_bytes:
        raise InputError(f"{place}: got {size_bytes} bytes; at most {limit_bytes} are read; split it")


def first_line(error: BaseException) -> str:
    """Return class and first line of an error's text, cut to what a message shows."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__} {shown(lines[0])}"

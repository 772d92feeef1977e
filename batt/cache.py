"""What was found out once and need not be found out again: inspections of texts, verdicts of candidates on tasks.

Content-addressed: a key holds the digests of everything the value depends on. Values are kept in segments, one object
for many, under the results folder beside the runs; a segment's name is the digest of its content, so writers never
meet. Lookups read all segments of one kind and DSL; the manifest of a run so freezes what was known when it began.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Collection, Mapping
from typing import Any

from batt.errors import AlreadyExistsError
from batt.names import CACHE_FOLDER
from batt.parallel import read_many
from batt.store import ObjectStore

MAX_SEGMENTS = 512
"""Most segments a lookup reads, the newest: about two million verdicts in seconds, however long batt has been used."""

VERDICTS = "verdicts"
"""Kind of the rows that work finds out."""

INSPECTIONS = "inspections"
"""Kind of what reading a text gives: its programs and what is refused in it."""


class Cache:
    """The segments of one DSL in one results folder."""

    def __init__(self, root: ObjectStore, dsl_digest: str) -> None:
        self.root = root
        self.folder = f"{CACHE_FOLDER}/{dsl_digest[:16]}"

    def lookup(self, kind: str, keys: Collection[str]) -> dict[str, Any]:
        """Return what is known of `keys` by the newest MAX_SEGMENTS segments.

        A damaged segment counts as absent, an old one too: that costs time, never a wrong answer.
        """
        found: dict[str, Any] = {}
        if not keys:
            return found
        wanted = frozenset(keys)
        for fetched in read_many(self.root, self.root.list(f"{self.folder}/{kind}/")[-MAX_SEGMENTS:]):
            data = fetched.data if isinstance(fetched.data, bytes) else b""
            values = read_segment(fetched.path, data)
            found.update({key: value for key, value in values.items() if key in wanted})
        return found

    def add(self, kind: str, values: Mapping[str, Any]) -> None:
        """Store new values as one segment."""
        if not values:
            return
        text = json.dumps(values, separators=(",", ":"), sort_keys=True)
        name = f"{time.time_ns():020d}-{segment_name(text.encode())}"
        with contextlib.suppress(AlreadyExistsError):  # the same content is there already
            self.root.create(f"{self.folder}/{kind}/{name}", gzip.compress(text.encode(), 4, mtime=0))


def read_segment(path: str, data: bytes) -> dict[str, Any]:
    """Return a segment's values; none if its content is not what its name says: it is damaged."""
    try:
        text = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return {}
    if path.rpartition("-")[2] != segment_name(text):
        return {}
    values: dict[str, Any] = json.loads(text)
    return values


def segment_name(text: bytes) -> str:
    """Return the name of the segment that holds a text, without the time before it by which segments are sorted."""
    return f"{hashlib.sha256(text).hexdigest()[:32]}.json.gz"


def digest_of(*parts: str) -> str:
    """Return a key made of texts: a digest that differs whenever any of them does."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

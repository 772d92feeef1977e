"""Where a run stands, read from the store alone: which shards have a result, which attempt's results are written."""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import Any, Protocol

from batt.errors import AlreadyExistsError
from batt.manifest import RunRef
from batt.names import results_path, summary_path
from batt.store import ObjectStore, create_json, read_json

RESULT_NAME = re.compile(r"shards/(\d+)(?:\.(\d+))?\.json\.gz$")
"""A shard's result: its index, and its attempt if that is not the first."""

ATTEMPT_NAME = re.compile(r"out/(\d+)/")
"""An attempt that has begun to write its results."""


class Planned(Protocol):
    """A run that is planned, of whichever kind: what its manifest says."""

    @property
    def ref(self) -> RunRef:
        """Which run."""
        ...

    @property
    def shards(self) -> Sized:
        """Its shards; here only their number counts."""
        ...


def shard_results(root: ObjectStore, manifest: Planned) -> dict[int, str]:
    """Return the path of each shard's result, the highest attempt's, by index; shards without one are absent."""
    best: dict[int, tuple[int, str]] = {}
    for path in root.list(f"{manifest.ref.folder}/shards/"):
        match = RESULT_NAME.search(path)
        if match and int(match[1]) < len(manifest.shards):
            index, attempt = int(match[1]), int(match[2] or 1)
            best[index] = max(best.get(index, (0, "")), (attempt, path))
    return {index: path for index, (_, path) in best.items()}


def has_result(root: ObjectStore, manifest: Planned, index: int) -> bool:
    """Tell whether a shard has a result, without a look at the thousands of others."""
    paths = root.list(f"{manifest.ref.folder}/shards/{index}.")
    return any(RESULT_NAME.search(path) for path in paths)


def missing_shards(root: ObjectStore, manifest: Planned) -> list[int]:
    """Return the indexes of the shards that have no result yet, ascending."""
    done = shard_results(root, manifest)
    return [index for index in range(len(manifest.shards)) if index not in done]


def last_attempt(root: ObjectStore, manifest: Planned) -> int:
    """Return the highest attempt that has begun to write its results, 0 if none."""
    prefix = f"{manifest.ref.folder}/"
    found = [ATTEMPT_NAME.match(path.removeprefix(prefix)) for path in root.list(f"{prefix}out/")]
    return max((int(match[1]) for match in found if match), default=0)


def is_finished(root: ObjectStore, manifest: Planned) -> bool:
    """Tell whether every shard has a result and the last attempt's results were made from all of them."""
    attempt = last_attempt(root, manifest)
    paths = [f"{manifest.ref.folder}/{name(attempt)}" for name in (results_path, summary_path)]
    if not attempt or not all(root.exists(path) for path in paths) or missing_shards(root, manifest):
        return False
    return not read_json(root, paths[1])["summary"]["missing_shards"]


def claim_summary(root: ObjectStore, path: str, value: dict[str, Any]) -> dict[str, Any]:
    """Store an attempt's summary unless it has one; return the one it has then."""
    try:
        create_json(root, path, value)
    except AlreadyExistsError:
        told: dict[str, Any] = read_json(root, path)
        return told
    return value

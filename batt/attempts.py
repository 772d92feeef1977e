"""Attempts of a run: which shards an attempt after the first works on."""

from __future__ import annotations

import contextlib

from batt.errors import AlreadyExistsError, Fault, InputError, NotFoundError, SpecError
from batt.manifest import Manifest
from batt.names import attempt_plan
from batt.state import missing_shards
from batt.store import ObjectStore, create_json, read_json


def plan_attempt(root: ObjectStore, manifest: Manifest, attempt: int) -> list[int]:
    """Return the shards that an attempt works on: at first all, later those that had no result when it was planned.

    An attempt is planned once; planned again, it says the same, whatever has been done meanwhile.
    """
    if attempt == 1:
        return list(range(len(manifest.shards)))
    value = {"schema": 1, "shards": missing_shards(root, manifest)}
    with contextlib.suppress(AlreadyExistsError):  # what its pods may go by already
        create_json(root, f"{manifest.ref.folder}/{attempt_plan(attempt)}", value)
    return planned_shards(root, manifest, attempt)


def planned_shards(root: ObjectStore, manifest: Manifest, attempt: int) -> list[int]:
    """Return the shards of an attempt in the order of its pods.

    Raises:
        InputError: nobody has planned it.
    """
    if attempt == 1:
        return list(range(len(manifest.shards)))
    path = f"{manifest.ref.folder}/{attempt_plan(attempt)}"
    try:
        shards: list[int] = read_json(root, path)["shards"]
    except NotFoundError as error:
        raise InputError(f"{root.uri}/{path}: got nothing; attempt {attempt} must be planned; plan it first") from error
    return shards


def shard_of_pod(root: ObjectStore, manifest: Manifest, attempt: int, index: int) -> int:
    """Return the shard that the pod of a completion index works on; SpecError where the attempt has no such pod."""
    shards = planned_shards(root, manifest, attempt)
    if index < len(shards):
        return shards[index]
    rule = f"must be below {len(shards)}, the shards of attempt {attempt}"
    raise SpecError([Fault("JOB_COMPLETION_INDEX", str(index), rule, "make the Job with as many completions")])

"""The manifest: everything a run will do, frozen before the first candidate runs, with the digest of every input.

Written once by plan; work and collect read nothing else but what it names. Two manifests with equal `inputs_digest`
describe the same work, so an unfinished run with the same digest is resumed instead of begun anew.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from batt.errors import InputError, shown
from batt.names import run_folder
from batt.solver.selection import Held

SCHEMA = 1
"""Version of the stored forms; readers refuse others."""


class RunRef(NamedTuple):
    """Which run: Kubernetes namespace and name, and the first 8 characters of its uid."""

    namespace: str
    name: str
    uid: str

    @property
    def folder(self) -> str:
        """The run's folder under the results folder."""
        return run_folder(*self)


class TaskRef(NamedTuple):
    """A task of the run: its id, its digest, how many train pairs it has, how many items run on it."""

    id: str
    digest: str
    trains: int
    items: int


class ShardPlan(NamedTuple):
    """One shard: how many items it holds, their estimated cost (cells times steps), the path of its input object."""

    items: int
    cost: int
    path: str


class InputPaths(NamedTuple):
    """Where plan has put what it read; every path holds the digest of its content.

    chunks: descriptions of candidates. modules: (number, path) of batt modules. refused: faults. known: rows of earlier
    runs and duplicates.
    """

    chunks: tuple[str, ...]
    modules: tuple[tuple[int, str], ...]
    refused: str
    known: str


class Counts(NamedTuple):
    """What reading the candidates gave.

    sources: texts read. candidates: programs and modules' marks found for the tasks of this run, per task.
    refused: constructs that are no program. out_of_scope: programs for tasks that were not asked for.
    """

    sources: int
    candidates: int
    refused: int
    out_of_scope: int
    modules: int


class Manifest(NamedTuple):
    """A planned run.

    tasks: in the dataset's order. dsl_location: spec's `dsl`, a relative path made absolute.
    held: what solver_dir had for each task when the run was planned.
    """

    ref: RunRef
    spec: dict[str, Any]  # the run's spec as JSON, camelCase
    inputs_digest: str
    dataset_digest: str
    candidates_digest: str
    dsl_digest: str
    dsl_location: str
    engine: str
    tasks: tuple[TaskRef, ...]
    refused_tasks: tuple[str, ...]
    counts: Counts
    inputs: InputPaths
    shards: tuple[ShardPlan, ...]
    held: dict[str, tuple[Held, ...]]


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """Return the JSON form."""
    return {
        "schema": SCHEMA,
        "run": manifest.ref._asdict(),
        "spec": manifest.spec,
        "inputs_digest": manifest.inputs_digest,
        "dataset_digest": manifest.dataset_digest,
        "candidates_digest": manifest.candidates_digest,
        "dsl_digest": manifest.dsl_digest,
        "dsl_location": manifest.dsl_location,
        "engine": manifest.engine,
        "tasks": [list(task) for task in manifest.tasks],
        "refused_tasks": list(manifest.refused_tasks),
        "counts": manifest.counts._asdict(),
        "inputs": manifest.inputs._asdict(),
        "shards": [shard._asdict() for shard in manifest.shards],
        "held": {task: [list(one) for one in held] for task, held in manifest.held.items()},
    }


def manifest_from_json(value: dict[str, Any]) -> Manifest:
    """Return the manifest of `manifest_to_json`'s form.

    Raises:
        InputError: another version of batt wrote it.
    """
    if value.get("schema") != SCHEMA:
        got = shown(value.get("schema"))
        raise InputError(f"manifest: got schema {got}; must be {SCHEMA}; finish the run with the batt that planned it")
    return Manifest(
        ref=RunRef(**value["run"]),
        spec=value["spec"],
        inputs_digest=value["inputs_digest"],
        dataset_digest=value["dataset_digest"],
        candidates_digest=value["candidates_digest"],
        dsl_digest=value["dsl_digest"],
        dsl_location=value["dsl_location"],
        engine=value["engine"],
        tasks=tuple(TaskRef(*task) for task in value["tasks"]),
        refused_tasks=tuple(value["refused_tasks"]),
        counts=Counts(**value["counts"]),
        inputs=InputPaths(
            tuple(value["inputs"]["chunks"]),
            tuple((number, path) for number, path in value["inputs"]["modules"]),
            value["inputs"]["refused"],
            value["inputs"]["known"],
        ),
        shards=tuple(ShardPlan(**shard) for shard in value["shards"]),
        held={task: tuple(Held(*one) for one in held) for task, held in value["held"].items()},
    )

"""What a HAL run will do, frozen by plan: tasks in their order, what agents get, and, apart from that, the truth.

Rows are the shards of the work: every task once for each repeat, repeat by repeat. Under `inputs/` lies what agents may
see, under `truth/` what only evaluate reads; a pod that works has no business there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from batt.errors import InputError, shown
from batt.hal.benchmarks.base import Task
from batt.manifest import RunRef

SCHEMA = 2
"""Version of the stored form; readers refuse others."""

ROWS_PER_OBJECT = 50
"""Tasks described together in one stored object: few writes for plan, little to read for a pod."""


class Row(NamedTuple):
    """A shard of the work: one task, once. files: path of an archive with the task's own files, if it has some."""

    task_id: str
    repeat: int
    files: str | None
    needs_gpu: bool


class HalManifest(NamedTuple):
    """A planned HAL run.

    kind: `hal`, which tells it from other manifests.
    run_ids: HAL's id of each repeat. planned: seconds since the epoch.
    agent: path of the agent's archive under the results folder. environment: that of its requirements, "" without any.
    dropped: requirements that were left out, with the reason. git_info: of the agent's folder, as HAL tells it.
    tasks: ids of the run's tasks. all_tasks: of the benchmark's; some of HAL's formulas divide by their number.
    inputs, truth: paths of the objects that describe ROWS_PER_OBJECT tasks each.
    answers: by task id, the path of an archive with the files that scoring needs; of tasks that have some.
    shards: the rows.
    """

    ref: RunRef
    spec: dict[str, Any]  # the run's spec as JSON, camelCase
    inputs_digest: str
    benchmark_digest: str
    benchmark: str
    run_ids: tuple[str, ...]
    planned: float
    agent: str
    agent_hash: str
    environment: str
    dropped: tuple[str, ...]
    git_info: dict[str, str]
    inputs: tuple[str, ...]
    truth: tuple[str, ...]
    answers: dict[str, str]
    tasks: tuple[str, ...]
    all_tasks: tuple[str, ...]
    shards: tuple[Row, ...]
    kind: str = "hal"

    def place_of(self, index: int) -> tuple[int, int]:
        """Return which of the objects describes a row's task, and at which place in it."""
        return divmod(index % len(self.tasks), ROWS_PER_OBJECT)


def hal_manifest_to_json(manifest: HalManifest) -> dict[str, Any]:
    """Return the JSON form."""
    return {
        **manifest._asdict(),
        "schema": SCHEMA,
        "ref": manifest.ref._asdict(),
        "shards": [list(row) for row in manifest.shards],
    }


def hal_manifest_from_json(value: dict[str, Any]) -> HalManifest:
    """Return the manifest of `hal_manifest_to_json`'s form.

    Raises:
        InputError: it is of another kind, or another version of batt wrote it.
    """
    if value.get("schema") != SCHEMA or value.get("kind") != "hal":
        got = f"schema {shown(value.get('schema'))} of kind {shown(value.get('kind'))}"
        raise InputError(
            f"manifest: got {got}; must be {SCHEMA} of kind 'hal'; finish the run with the batt that planned it"
        )
    fields = {name: value[name] for name in HalManifest._fields}
    lists = ("run_ids", "dropped", "inputs", "truth", "tasks", "all_tasks")
    fields |= {name: tuple(fields[name]) for name in lists}
    fields |= {"ref": RunRef(**value["ref"]), "shards": tuple(Row(*row) for row in value["shards"])}
    return HalManifest(**fields)


def input_json(task: Task) -> list[Any]:
    """Return what agents' pods read of a task."""
    return [task.id, dict(task.input)]


def truth_json(task: Task) -> list[Any]:
    """Return what evaluate reads of a task."""
    return [task.id, dict(task.input), task.truth, task.needs_gpu]


def task_from_truth(value: list[Any]) -> Task:
    """Return the task of `truth_json`'s form, without files; those for agents are of no use to whoever evaluates."""
    return Task(value[0], value[1], value[2], {}, value[3])

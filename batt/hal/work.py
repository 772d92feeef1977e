"""work_task(manifest, index): runs an agent on one task and stores what became of it; evaluates nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from batt.errors import AlreadyExistsError, RunError
from batt.hal.environment import unpack_environment
from batt.hal.manifest import HalManifest
from batt.hal.outcomes import RULES, Outcome
from batt.hal.records import TaskRecord, record_from_json, record_to_json
from batt.hal.task import Control, Job, Limits, Place, run_task
from batt.names import shard_result, task_files
from batt.parallel import for_each
from batt.state import has_result, missing_shards, shard_results
from batt.store import ObjectStore, create_json, read_json
from batt.timing import PhaseClock

PROCESSES = 2000
"""Most processes of an agent on a laptop; in a pod the node sees to that."""


class ProviderRefusedError(RunError):
    """The model's provider refused the key, or its quota is used up: every further task would fail alike."""

    exit_code = 77


class Loaded(NamedTuple):
    """What all tasks of a run have in common, brought to this machine once."""

    agent: bytes
    environment: Path | None


@contextmanager
def load(manifest: HalManifest, root: ObjectStore, place: Path | None = None) -> Iterator[Loaded]:
    """Bring agent and environment here; the latter is unpacked into a folder that goes with the context.

    Args:
        place: where that folder is to be, if not where temporary ones are.
    """
    agent = root.read(manifest.agent)
    if not manifest.environment:
        yield Loaded(agent, None)
        return
    with tempfile.TemporaryDirectory(prefix="batt-environment-", dir=place) as folder:
        unpack_environment(root, manifest.environment, Path(folder))
        yield Loaded(agent, Path(folder))


def work_task(
    manifest: HalManifest,
    index: int,
    root: ObjectStore,
    loaded: Loaded,
    place: Place,
    control: Control,
    attempt: int = 1,
    pod: str = "",
) -> TaskRecord | None:
    """Run the agent on a task and store the result; None where it has one already.

    Args:
        attempt: a further attempt's result takes the place of an earlier one's.

    Raises:
        StoppedError: asked to; nothing of the task counts.
        ProviderRefusedError: no task can be done any more; this one has no result.
        StoreError: the store cannot be read or written.
    """
    path = f"{manifest.ref.folder}/{shard_result(index, attempt)}"
    if root.exists(path) or (attempt == 1 and has_result(root, manifest, index)):
        return None
    job = job_of(manifest, index, root, loaded, pod)
    finished = run_task(job, place, control)
    record = finished.record
    if not RULES[record.outcome].is_stored:
        raise ProviderRefusedError(f"task {job.task_id}: {record.message}; {RULES[record.outcome].then}")
    clock = PhaseClock()
    with clock.phase("upload"), contextlib.suppress(AlreadyExistsError):  # another pod of this task was first
        root.create(f"{manifest.ref.folder}/{task_files(index, attempt)}", finished.archive)
    queued = max(0.0, record.begin - manifest.planned) if attempt == 1 else 0.0
    phases = {**record.phases, "queued": queued, "upload": clock.stats["upload"].total}
    record = record._replace(phases=phases)
    with contextlib.suppress(AlreadyExistsError):  # its result counts, ours is a duplicate
        create_json(root, path, record_to_json(record))
    return record


def job_of(manifest: HalManifest, index: int, root: ObjectStore, loaded: Loaded, pod: str) -> Job:
    """Return what the agent is to do."""
    row = manifest.shards[index]
    spec = manifest.spec["hal"]
    part, place = manifest.place_of(index)
    task_id, task = read_json(root, f"{manifest.ref.folder}/{manifest.inputs[part]}")[place]
    files = root.read(f"{manifest.ref.folder}/{row.files}") if row.files else None
    return Job(
        number=index,
        repeat=row.repeat,
        task_id=task_id,
        task=task,
        function=spec["agent"]["function"],
        arguments={**spec["agent"]["args"], "benchmark_name": spec["benchmark"]},
        run_id=manifest.run_ids[row.repeat - 1],
        agent=loaded.agent,
        files=files,
        environment=loaded.environment,
        limits=Limits(spec["timeoutSeconds"], spec.get("memoryBytes"), None if pod else PROCESSES),
        pod=pod,
    )


def read_records(root: ObjectStore, manifest: HalManifest) -> dict[int, TaskRecord]:
    """Return the results that count, by index: of each task the last attempt's."""
    paths = shard_results(root, manifest)
    values = for_each(root, lambda path: read_json(root, path), paths.values())
    return {index: record_from_json(value) for index, value in zip(paths, values, strict=True)}


def tasks_to_redo(root: ObjectStore, manifest: HalManifest, records: Mapping[int, TaskRecord]) -> list[int]:
    """Return the tasks that a further attempt does: those without a submission, for whatever reason."""
    failed = [index for index, record in records.items() if record.outcome is not Outcome.OK]
    return sorted({*failed, *missing_shards(root, manifest)})

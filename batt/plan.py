"""plan(run) -> Manifest: reads and checks every input, decides the shards, freezes both before anything runs."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from batt.api import BenchmarkRun, SolversSpec, solvers_of
from batt.cache import VERDICTS, Cache, digest_of
from batt.engine.child import Limits
from batt.engine.pool import Engine
from batt.errors import AlreadyExistsError, Fault
from batt.inputs.task_files import find_ids
from batt.inputs.task_ids import read_task_ids
from batt.inputs.tasks import Dataset, Task, load_dataset, task_json
from batt.manifest import Counts, InputPaths, Manifest, RunRef, ShardPlan, TaskRef, manifest_from_json, manifest_to_json
from batt.names import MANIFEST, SOLVER_DIR, input_object, run_pointer
from batt.parallel import for_each
from batt.reading import Candidates, Entry, ModuleEntry, Reader, Survey, find_candidates, require_some, survey_sources
from batt.shards import WorkItem, split
from batt.solver.dslfiles import dsl_location, find_dsl
from batt.solver.language import ENGINE
from batt.solver.selection import Held
from batt.state import is_finished
from batt.store import DirectoryStore, ObjectStore, create_json, read_json

CHUNK_ENTRIES = 5000
"""Candidates described in one stored object; collect reads them one object at a time."""


class Inputs(NamedTuple):
    """What a run would read: enough to tell whether two runs do the same work."""

    dataset: Dataset
    candidates: Candidates
    survey: Survey
    dsl: Path | None
    digest: str


class Planned(NamedTuple):
    """Everything that reading the candidates gave, before it is split.

    duplicates: (number, task, number of the first with the same body).
    """

    entries: list[Entry]
    modules: list[ModuleEntry]
    items: list[WorkItem]
    duplicates: list[tuple[int, str, int]]
    faults: list[Fault]
    out_of_scope: int
    texts: int


def limits_of(spec: SolversSpec) -> Limits:
    """Return what one candidate may use."""
    return Limits(spec.timeout_seconds, spec.memory_bytes)


def read_inputs(run: BenchmarkRun, base: Path, root: ObjectStore) -> Inputs:
    """Read tasks and the digests of candidates; the DSL's own digest joins when a child has loaded it.

    Args:
        base: where relative paths of the run file start.
        root: the results folder, whose solvers are no candidates.

    Raises:
        InputError: an input cannot be read, or asks for what is not there.
    """
    spec = solvers_of(run)
    asked = list(spec.tasks) or (read_task_ids(spec.tasks_from, base) if spec.tasks_from else [])
    dataset = load_dataset(spec.dataset, asked, base)
    known = frozenset(task.id for task in dataset.tasks)
    if asked or dataset.refused:  # others are tasks too: what is for them must not be taken for what is for any
        known |= frozenset(find_ids(spec.dataset, base))
    candidates = find_candidates(spec.candidates, base, known, root)
    survey = survey_sources(candidates)
    settings = run.to_manifest()["spec"]["solvers"]
    settings.pop("shards", None)  # how the work is split changes nothing of what is found
    digest = hashlib.sha256(json.dumps([settings, dataset.digest, survey.digest, ENGINE], sort_keys=True).encode())
    return Inputs(dataset, candidates, survey, find_dsl(spec.dsl, base), digest.hexdigest())


def plan(
    run: BenchmarkRun,
    ref: RunRef,
    root: ObjectStore,
    base: Path,
    size: int = 1,
    inputs: Inputs | None = None,
    tell: Callable[[int, int], None] = lambda _done, _texts: None,
) -> Manifest:
    """Return the run's manifest; made and stored now, or the stored one: a run is planned once.

    Args:
        root: the results folder; the run lies under ref.folder in it.
        base: where relative paths of the run file start.
        size: children that read texts.
        inputs: what read_inputs gave, if the caller has read them already.
        tell: called with how many candidate texts have been read, and how many there are.

    Raises:
        InputError: an input is refused as a whole; single candidates that are refused do not stop a run.
        StoreError: the store cannot be written.
    """
    path = f"{ref.folder}/{MANIFEST}"
    if root.exists(path):
        return load_manifest(root, ref)
    inputs = inputs or read_inputs(run, base, root)
    spec = solvers_of(run)
    with Engine(size, spec.dsl, inputs.dsl, limits_of(spec)) as engine:
        cache = Cache(root, engine.digest) if spec.cache else None
        reader = Reader(engine, cache, inputs.candidates, frozenset(task.id for task in inputs.dataset.tasks))
        planned = read_candidates(reader, inputs, tell)
        dsl_digest = engine.digest
    require_some(len(planned.items), planned.faults, spec.candidates)
    cached = look_up(planned, inputs.dataset, cache, spec)
    fresh = [item for item in planned.items if (item.number, item.task) not in cached]
    paths = store_inputs(planned, cached, root, ref)
    shards = store_shards(planned, inputs.dataset, split(fresh, spec.shards), root, ref)
    manifest = Manifest(
        ref=ref,
        spec=run.to_manifest()["spec"],
        inputs_digest=inputs.digest,
        dataset_digest=inputs.dataset.digest,
        candidates_digest=inputs.survey.digest,
        dsl_digest=dsl_digest,
        dsl_location=dsl_location(spec.dsl, base),
        engine=ENGINE,
        tasks=task_refs(inputs.dataset, fresh),
        refused_tasks=tuple(str(fault) for fault in inputs.dataset.refused),
        counts=counts_of(planned),
        inputs=paths,
        shards=tuple(shards),
        held=held_files(root, [task.id for task in inputs.dataset.tasks]),
    )
    with contextlib.suppress(AlreadyExistsError):  # a planner that was killed has written it
        create_json(root, run_pointer(ref.namespace, ref.name, inputs.digest, ref.uid), {})
    with contextlib.suppress(AlreadyExistsError):  # another planner was first: its manifest is the run's
        create_json(root, path, manifest_to_json(manifest))
        return manifest
    return load_manifest(root, ref)


def read_candidates(reader: Reader, inputs: Inputs, tell: Callable[[int, int], None]) -> Planned:
    """Return all candidates and modules, and what is to be done: each body once a task, modules whole."""
    planned = Planned([], [], [], [], [], 0, 0)
    tasks = {task.id: task for task in inputs.dataset.tasks}
    first: dict[tuple[str, str], int] = {}
    out_of_scope = 0
    for found in reader.read(inputs.survey):
        tell(reader.texts, len(inputs.survey.digests))
        planned.faults.extend(found.faults)
        out_of_scope += found.out_of_scope
        for entry, task in found.entries:
            planned.entries.append(entry)
            for one in [task] if task else tasks:
                original = first.setdefault((entry.body_md5, one), entry.number)
                if original == entry.number:
                    cost = cells_of(tasks[one]) * (entry.steps + 1)
                    planned.items.append(WorkItem(entry.number, one, is_module=False, cost=cost))
                else:
                    planned.duplicates.append((entry.number, one, original))
        for module in found.modules:
            planned.modules.append(module)
            for one, task_data in tasks.items():
                cost = cells_of(task_data) * (module.steps + 1)
                planned.items.append(WorkItem(module.number, one, is_module=True, cost=cost))
    return planned._replace(out_of_scope=out_of_scope, texts=reader.texts)


def cells_of(task: Task) -> int:
    """Return the number of input cells of a task: evaluation time grows about as they do."""
    return sum(len(pair.input) * len(pair.input[0]) for pair in task.train + task.test)


def task_refs(dataset: Dataset, items: list[WorkItem]) -> tuple[TaskRef, ...]:
    """Return the tasks as the manifest lists them."""
    counts = Counter(item.task for item in items)
    return tuple(TaskRef(task.id, task.digest, len(task.train), counts[task.id]) for task in dataset.tasks)


def counts_of(planned: Planned) -> Counts:
    """Return what reading the candidates gave, in numbers."""
    marks = {module.number: module.marks for module in planned.modules}
    total = sum(marks.get(item.number, 1) for item in planned.items) + len(planned.duplicates)
    return Counts(planned.texts, total, len(planned.faults), planned.out_of_scope, len(planned.modules))


def verdict_key(program: str, task: Task, spec: SolversSpec) -> str:
    """Return the key under which a verdict is cached (beside the DSL's digest, which names the folder)."""
    return digest_of(program, task.digest, repr(spec.timeout_seconds), str(spec.memory_bytes))


def look_up(planned: Planned, dataset: Dataset, cache: Cache | None, spec: SolversSpec) -> dict[tuple[int, str], Any]:
    """Return the rows that are known already, by number and task."""
    if cache is None:
        return {}
    tasks = {task.id: task for task in dataset.tasks}
    programs = {entry.number: entry.program for entry in planned.entries}
    programs.update({module.number: module.module for module in planned.modules})
    keys = {
        (item.number, item.task): verdict_key(programs[item.number], tasks[item.task], spec) for item in planned.items
    }
    rows = cache.lookup(VERDICTS, frozenset(keys.values()))
    return {place: rows[key] for place, key in keys.items() if key in rows}


def store_inputs(planned: Planned, cached: dict[tuple[int, str], Any], root: ObjectStore, ref: RunRef) -> InputPaths:
    """Store what collect needs to know of the candidates; return where."""
    known = {
        "rows": [[number, task, row] for (number, task), row in sorted(cached.items())],
        "duplicates": [list(duplicate) for duplicate in planned.duplicates],
    }
    return InputPaths(
        chunks=tuple(
            put(root, ref, [list(entry) for entry in part]) for part in batched(planned.entries, CHUNK_ENTRIES)
        ),
        modules=tuple((module.number, put(root, ref, list(module))) for module in planned.modules),
        refused=put(root, ref, [list(fault) for fault in planned.faults]),
        known=put(root, ref, known),
    )


def store_shards(
    planned: Planned, dataset: Dataset, shards: list[list[WorkItem]], root: ObjectStore, ref: RunRef
) -> list[ShardPlan]:
    """Store each shard's tasks and programs; return the shards as the manifest lists them."""
    tasks = {task.id: task for task in dataset.tasks}
    programs = {entry.number: entry.program for entry in planned.entries}
    programs.update({module.number: module.module for module in planned.modules})

    def store(items: list[WorkItem]) -> ShardPlan:
        names = sorted({item.task for item in items})
        value = {
            "tasks": {name: task_json(tasks[name]) for name in names},
            "programs": {str(number): programs[number] for number in sorted({item.number for item in items})},
            "items": [[item.number, item.task, item.is_module] for item in items],
        }
        return ShardPlan(len(items), sum(item.cost for item in items), put(root, ref, value))

    return list(for_each(root, store, shards))


def put(root: ObjectStore, ref: RunRef, value: object) -> str:
    """Store an input object under the digest of its content; return its path in the run's folder.

    A planner that was killed may have left other objects: nobody reads what no manifest lists.
    """
    path = input_object(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest())
    with contextlib.suppress(AlreadyExistsError):  # equal content
        create_json(root, f"{ref.folder}/{path}", value)
    return path


def batched(entries: list[Entry], size: int) -> Iterable[list[Entry]]:
    """Yield the entries, at most `size` together."""
    rest = iter(entries)
    while part := list(itertools.islice(rest, size)):
        yield part


def held_files(root: ObjectStore, tasks: Iterable[str]) -> dict[str, tuple[Held, ...]]:
    """Return what solver_dir holds for each task: (score, md5), once each, the best score of an md5."""
    if not isinstance(root, DirectoryStore):  # a bucket has no links
        return {}
    held = {task: held_of(root.list(f"{SOLVER_DIR}/solve_{task}/")) for task in tasks}
    return {task: files for task, files in held.items() if files}


def held_of(paths: Iterable[str]) -> tuple[Held, ...]:
    """Return the files of one task's folder, best first."""
    best: dict[str, int] = {}
    for path in paths:
        parts = path.split("/")
        if len(parts) == 5 and parts[2].isdigit() and parts[4].endswith(".py"):
            md5 = parts[4].removesuffix(".py")
            best[md5] = max(best.get(md5, 0), int(parts[2]))
    return tuple(sorted((Held(score, md5) for md5, score in best.items()), key=lambda one: (-one.score, one.md5)))


def find_resumable(root: ObjectStore, run: BenchmarkRun, inputs: Inputs) -> RunRef | None:
    """Return an unfinished run of the same name, inputs and DSL; None if there is none.

    Unfinished: it has a manifest, but not every shard's result, or no results yet.
    """
    namespace, name = run.metadata.namespace, run.metadata.name
    prefix = run_pointer(namespace, name, inputs.digest)
    refs = [RunRef(namespace, name, path.removeprefix(prefix)) for path in root.list(prefix)]
    manifests = [load_manifest(root, ref) for ref in refs if root.exists(f"{ref.folder}/{MANIFEST}")]
    unfinished = [manifest for manifest in manifests if not is_finished(root, manifest)]
    if not unfinished:
        return None
    spec = solvers_of(run)
    with Engine(1, spec.dsl, inputs.dsl, limits_of(spec)) as engine:
        same_language = [manifest for manifest in unfinished if manifest.dsl_digest == engine.digest]
    return same_language[0].ref if same_language else None


def load_manifest(root: ObjectStore, ref: RunRef) -> Manifest:
    """Return the stored manifest of a run."""
    return manifest_from_json(read_json(root, f"{ref.folder}/{MANIFEST}"))

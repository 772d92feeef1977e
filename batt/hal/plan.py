"""plan_hal(run) -> HalManifest: reads benchmark and agent, resolves requirements, freezes it before anything runs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from batt.api import BenchmarkRun, hal_of
from batt.errors import AlreadyExistsError, Fault, NotFoundError, SpecError, shown
from batt.hal.agent import Agent, load_agent
from batt.hal.arguments import benchmark_name, run_id
from batt.hal.benchmarks.base import Benchmark, Source, Task
from batt.hal.benchmarks.registry import find_benchmark
from batt.hal.environment import Environment, ensure_environment
from batt.hal.fetching import fetch
from batt.hal.manifest import (
    ROWS_PER_OBJECT,
    HalManifest,
    Row,
    hal_manifest_from_json,
    hal_manifest_to_json,
    input_json,
    truth_json,
)
from batt.hal.packing import agent_files, pack
from batt.hal.requirements import Mode, read_requirements, requirements_of
from batt.halspec import HalSpec
from batt.inputs.task_ids import read_task_ids
from batt.manifest import RunRef
from batt.names import MANIFEST, hal_pointer, run_pointer
from batt.parallel import for_each
from batt.state import is_finished
from batt.store import ObjectStore, create_json, read_json

SHOWN_TASKS = 10
"""Most task ids that a message names."""


class HalInputs(NamedTuple):
    """What a HAL run would do: enough to tell whether two runs do the same work.

    tasks: those chosen, in the benchmark's order. all_tasks: ids of all that the benchmark has.
    """

    benchmark: Benchmark
    tasks: tuple[Task, ...]
    all_tasks: tuple[str, ...]
    agent: Agent
    benchmark_digest: str
    digest: str


def read_hal_inputs(run: BenchmarkRun, base: Path, scratch: Path) -> HalInputs:
    """Read benchmark and agent.

    Args:
        base: where relative paths of the run file start.
        scratch: an empty folder for what is fetched or unpacked; it must stay until the run is planned.

    Raises:
        SpecError, InputError: something is wrong; the message says what.
    """
    spec = hal_of(run)
    benchmark = find_benchmark(spec.benchmark)
    source = Source(fetch(spec.data, base, scratch / "data", "spec.hal.data") if spec.data else None, spec.options)
    every = benchmark.tasks(source)
    tasks = choose_tasks(every, wanted_ids(spec, base), spec.max_tasks)
    agent = load_agent(spec.agent, tasks, benchmark, base, scratch / "agent")
    benchmark_digest = digest_of(
        [[truth_json(task), file_digests(task.files), file_digests(task.answers)] for task in tasks]
    )
    settings = run.to_manifest()["spec"]["hal"]
    value = [settings, benchmark_digest, agent.hash]
    return HalInputs(
        benchmark, tuple(tasks), tuple(task.id for task in every), agent, benchmark_digest, digest_of(value)
    )


def wanted_ids(spec: HalSpec, base: Path) -> list[str]:
    """Return the ids of the tasks that are asked for; none means all."""
    if spec.tasks_from:
        return read_task_ids(spec.tasks_from, base, "spec.hal.tasksFrom")
    return list(spec.tasks)


def choose_tasks(tasks: Sequence[Task], wanted: Sequence[str], most: int | None) -> list[Task]:
    """Return the tasks asked for, in the benchmark's order.

    Raises:
        SpecError: an id is none of the benchmark's; all such are named.
    """
    known = {task.id for task in tasks}
    unknown = [one for one in wanted if one not in known]
    if unknown:
        first = ", ".join(map(shown, unknown[:SHOWN_TASKS]))
        more = f" and {len(unknown) - SHOWN_TASKS} more" if len(unknown) > SHOWN_TASKS else ""
        example = ", ".join(map(shown, sorted(known)[:3]))
        rule = "must be tasks of the benchmark"
        raise SpecError([Fault("spec.hal.tasks", first + more, rule, f"its ids look like {example}")])
    chosen = [task for task in tasks if not wanted or task.id in set(wanted)]
    return chosen[:most] if most else chosen


def file_digests(files: Mapping[str, Path]) -> list[list[str]]:
    """Return where files of a task go, and the digest of each."""
    found = []
    for place, path in sorted(files.items()):
        names = agent_files(path) if path.is_dir() else [""]
        for name in names:
            file = path / name if name else path
            with file.open("rb") as content:
                found.append([f"{place}/{name}" if name else place, hashlib.file_digest(content, "sha256").hexdigest()])
    return found


def digest_of(value: object) -> str:
    """Return the digest of JSON data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def plan_hal(
    run: BenchmarkRun,
    ref: RunRef,
    root: ObjectStore,
    inputs: HalInputs,
    tell: Callable[[str], None] = lambda _line: None,
) -> HalManifest:
    """Return the run's manifest; made and stored now, or the stored one: a run is planned once.

    Args:
        root: the results folder; the run lies under ref.folder in it.
        tell: takes lines about what takes long, or was left out.

    Raises:
        InputError: the agent's requirements cannot be had.
        StoreError: the store cannot be written.
    """
    path = f"{ref.folder}/{MANIFEST}"
    if root.exists(path):
        return load_hal_manifest(root, ref)
    spec = hal_of(run)
    environment = resolve(inputs.agent, spec, root, tell)
    planned = time.time()
    repeats = range(1, spec.repeats + 1)
    files = store_files(root, ref, "inputs", {task.id: task.files for task in inputs.tasks})
    answers = store_files(root, ref, "truth", {task.id: task.answers for task in inputs.tasks})
    described, truth = store_tasks(root, ref, inputs.tasks)
    manifest = HalManifest(
        ref=ref,
        spec=run.to_manifest()["spec"],
        inputs_digest=inputs.digest,
        benchmark_digest=inputs.benchmark_digest,
        benchmark=benchmark_name(spec.benchmark),
        run_ids=run_ids(spec, ref, datetime.fromtimestamp(planned, UTC)),
        planned=planned,
        agent=store_agent(root, inputs.agent),
        agent_hash=inputs.agent.hash,
        environment=environment.path if environment else "",
        dropped=tuple(map(str, environment.dropped)) if environment else (),
        git_info=inputs.agent.git_info,
        inputs=described,
        truth=truth,
        answers=answers,
        tasks=tuple(task.id for task in inputs.tasks),
        all_tasks=inputs.all_tasks,
        shards=tuple(
            Row(task.id, repeat, files.get(task.id), task.needs_gpu) for repeat in repeats for task in inputs.tasks
        ),
    )
    with contextlib.suppress(AlreadyExistsError):  # a planner that was killed has written it
        create_json(root, run_pointer(ref.namespace, ref.name, inputs.digest, ref.uid), {})
    for one in manifest.run_ids:
        with contextlib.suppress(AlreadyExistsError):  # as above, or another run has taken the name
            create_json(root, hal_pointer(one), ref._asdict())
    with contextlib.suppress(AlreadyExistsError):  # another planner was first: its manifest is the run's
        create_json(root, path, hal_manifest_to_json(manifest))
        return manifest
    return load_hal_manifest(root, ref)


def run_ids(spec: HalSpec, ref: RunRef, begun: datetime) -> tuple[str, ...]:
    """Return HAL's id of each repeat."""
    if spec.repeats == 1:
        return (spec.run_id or run_id(spec.benchmark, spec.agent.name, begun, ref.uid),)
    repeats = range(1, spec.repeats + 1)
    if spec.run_id:
        return tuple(f"{spec.run_id}_rep{repeat}" for repeat in repeats)
    return tuple(run_id(spec.benchmark, spec.agent.name, begun, ref.uid, repeat) for repeat in repeats)


def resolve(agent: Agent, spec: HalSpec, root: ObjectStore, tell: Callable[[str], None]) -> Environment | None:
    """Return the environment of an agent's requirements; None where it has none, or none are wanted."""
    text = requirements_of(agent.folder)
    if text is None:
        return None
    requirements = read_requirements(text, Mode(spec.agent.requirements), agent.folder)
    for dropped in requirements.dropped:
        tell(str(dropped))
    if not requirements.lines:
        return None
    environment = ensure_environment(root, requirements, os.environ)
    if not environment.is_cached:
        tell(f"installed {len(requirements.lines)} requirements in {environment.seconds:.1f} s")
    return environment


def store_agent(root: ObjectStore, agent: Agent) -> str:
    """Store an agent under its hash, where any run finds it; return the path."""
    path = f"agents/{agent.hash}.tar.gz"
    if not root.exists(path):
        archive = io.BytesIO()
        pack(agent.folder, agent.files, archive)
        with contextlib.suppress(AlreadyExistsError):  # the same files
            root.create(path, archive.getvalue())
    return path


def store_files(
    root: ObjectStore, ref: RunRef, folder: str, files_of: Mapping[str, Mapping[str, Path]]
) -> dict[str, str]:
    """Store the files of tasks that have some, each task's as an archive; return its path by task id."""
    with_files = {task: files for task, files in files_of.items() if files}

    def store(files: Mapping[str, Path]) -> str:
        archive = pack_files(files)
        path = f"{folder}/{hashlib.sha256(archive).hexdigest()[:32]}.tar.gz"
        with contextlib.suppress(AlreadyExistsError):  # equal content
            root.create(f"{ref.folder}/{path}", archive)
        return path

    return dict(zip(with_files, for_each(root, store, with_files.values()), strict=True))


def pack_files(files: Mapping[str, Path]) -> bytes:
    """Return files of a task as an archive, each where it goes."""
    with tempfile.TemporaryDirectory(prefix="batt-files-") as scratch:
        folder = Path(scratch)
        names = []
        for place, path in files.items():
            for name in agent_files(path) if path.is_dir() else [""]:
                target = folder / place / name if name else folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to((path / name if name else path).resolve())
                names.append(target.relative_to(folder).as_posix())
        archive = io.BytesIO()
        pack(folder, names, archive)
    return archive.getvalue()


def store_tasks(root: ObjectStore, ref: RunRef, tasks: Sequence[Task]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Store what agents see of the tasks, and apart from it the truth; return the paths of both."""
    parts = [tasks[start : start + ROWS_PER_OBJECT] for start in range(0, len(tasks), ROWS_PER_OBJECT)]
    described = tuple(put(root, ref, "inputs", [input_json(task) for task in part]) for part in parts)
    return described, tuple(put(root, ref, "truth", [truth_json(task) for task in part]) for part in parts)


def put(root: ObjectStore, ref: RunRef, folder: str, value: object) -> str:
    """Store an object under the digest of its content; return its path in the run's folder."""
    path = f"{folder}/{digest_of(value)[:32]}.json.gz"
    with contextlib.suppress(AlreadyExistsError):  # equal content
        create_json(root, f"{ref.folder}/{path}", value)
    return path


def find_resumable_hal(root: ObjectStore, run: BenchmarkRun, inputs: HalInputs) -> RunRef | None:
    """Return an unfinished run of the same name and inputs: same agent, arguments, tasks; None if there is none."""
    namespace, name = run.metadata.namespace, run.metadata.name
    prefix = run_pointer(namespace, name, inputs.digest)
    refs = [RunRef(namespace, name, path.removeprefix(prefix)) for path in root.list(prefix)]
    manifests = [load_hal_manifest(root, ref) for ref in refs if root.exists(f"{ref.folder}/{MANIFEST}")]
    return next((manifest.ref for manifest in manifests if not is_finished(root, manifest)), None)


def find_hal_run(root: ObjectStore, asked: str) -> HalManifest | None:
    """Return the run of one of HAL's ids; None where there is none."""
    try:
        ref = RunRef(**read_json(root, hal_pointer(asked)))
        return load_hal_manifest(root, ref)
    except NotFoundError:
        return None


def differences(manifest: HalManifest, run: BenchmarkRun, inputs: HalInputs) -> list[Fault]:
    """Return in what a run differs from a planned one that it is to continue; none where its results fit together."""
    before, now = manifest.spec["hal"], run.to_manifest()["spec"]["hal"]
    remedy = "undo the change, or start a new run under another run id"
    faults = []
    if manifest.agent_hash != inputs.agent.hash:
        got = f"an agent of hash {inputs.agent.hash[:12]}"
        faults.append(Fault("agent", got, f"must be the one of hash {manifest.agent_hash[:12]}", remedy))
    for name in ("function", "args", "requirements"):
        if before["agent"].get(name) != now["agent"].get(name):
            was = shown(before["agent"].get(name))
            faults.append(Fault(f"agent.{name}", shown(now["agent"].get(name)), f"must be {was}, as before", remedy))
    faults += [
        Fault(name, shown(now.get(name)), f"must be {shown(before.get(name))}, as before", remedy)
        for name in ("benchmark", "options", "repeats", "timeoutSeconds")
        if before.get(name) != now.get(name)
    ]
    if manifest.tasks != tuple(task.id for task in inputs.tasks):
        got = f"{len(inputs.tasks)} tasks"
        faults.append(Fault("tasks", got, f"must be the same {len(manifest.tasks)} as before", remedy))
    elif manifest.benchmark_digest != inputs.benchmark_digest:
        faults.append(Fault("benchmark", "other data", "must be the data that the run was planned with", remedy))
    return faults


def load_hal_manifest(root: ObjectStore, ref: RunRef) -> HalManifest:
    """Return the stored manifest of a run."""
    value: Any = read_json(root, f"{ref.folder}/{MANIFEST}")
    return hal_manifest_from_json(value)

"""evaluate(manifest, paths): scores stored outputs, the only stage beside plan that reads the truth."""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import AlreadyExistsError
from batt.hal.benchmarks.base import Benchmark, Evaluation, Task, wrong
from batt.hal.benchmarks.delegate import Delegate, Whole, evaluations_of
from batt.hal.benchmarks.registry import find_benchmark
from batt.hal.manifest import HalManifest, task_from_truth
from batt.hal.outcomes import Outcome
from batt.hal.packing import Limits, unpack
from batt.hal.records import TaskRecord, hal_submission, record_from_json
from batt.hal.sandbox import Sandbox
from batt.names import evaluation_result
from batt.parallel import for_each
from batt.state import shard_results
from batt.stopping import StoppedError
from batt.store import ObjectStore, create_json, read_json

PER_SHARD = 20
"""Outputs that are scored together, and stored as one object."""


class Scored(NamedTuple):
    """What is known of one output. seconds: how long scoring took."""

    evaluation: Evaluation
    seconds: float


class Graded(NamedTuple):
    """What is known of all outputs.

    scored: by the path of the record that each was in.
    wholes: by repeat, what a benchmark said that scores all at once.
    """

    scored: dict[str, Scored]
    wholes: dict[int, Whole]


def benchmark_of(manifest: HalManifest) -> Benchmark:
    """Return the benchmark of a run."""
    benchmark: Benchmark = find_benchmark(manifest.spec["hal"]["benchmark"])
    return benchmark


def count_shards(manifest: HalManifest) -> int:
    """Return into how many shards scoring is split: of a benchmark that scores all outputs at once, the repeats."""
    if isinstance(benchmark_of(manifest), Delegate):
        return len(manifest.run_ids)
    return math.ceil(len(manifest.shards) / PER_SHARD)


def evaluation_shards(root: ObjectStore, manifest: HalManifest, grade: int = 1) -> list[list[str]]:
    """Return for each shard the paths of the records to score: those that nobody has scored yet, so maybe none.

    Where all outputs of a repeat are scored at once, all of them are to be scored as soon as one is new.

    Args:
        grade: what was scored for a lower one is scored again.
    """
    known = read_evaluations(root, manifest, grade).scored
    is_whole = isinstance(benchmark_of(manifest), Delegate)
    shards: list[list[str]] = [[] for _ in range(count_shards(manifest))]
    for index, path in sorted(shard_results(root, manifest).items()):
        shards[manifest.shards[index].repeat - 1 if is_whole else index // PER_SHARD].append(path)
    if is_whole:
        return [some if not known.keys() >= set(some) else [] for some in shards]
    return [[path for path in some if path not in known] for some in shards]


def evaluate(
    manifest: HalManifest,
    paths: Sequence[str],
    root: ObjectStore,
    sandbox: Sandbox,
    must_stop: Callable[[], bool],
    tell: Callable[[str], None] = lambda _task: None,
    grade: int = 1,
) -> None:
    """Score the outputs in some records and store what they are worth, all together.

    Raises:
        StoppedError: asked to; nothing of it is stored.
    """
    benchmark = benchmark_of(manifest)
    records = {path: record_from_json(read_json(root, path)) for path in paths}
    if isinstance(benchmark, Delegate):
        value = all_at_once(benchmark, manifest, records)
        for record in records.values():
            tell(record.task_id)
    else:
        value = {"scores": one_by_one(benchmark, manifest, records, root, sandbox, must_stop, tell)}
    first = paths[0].rpartition("/")[2].partition(".json")[0]
    with contextlib.suppress(AlreadyExistsError):  # another pod was first
        create_json(root, f"{manifest.ref.folder}/{evaluation_result(first, grade)}", value)


def one_by_one(
    benchmark: Benchmark,
    manifest: HalManifest,
    records: dict[str, TaskRecord],
    root: ObjectStore,
    sandbox: Sandbox,
    must_stop: Callable[[], bool],
    tell: Callable[[str], None],
) -> dict[str, list[Any]]:
    """Return what each record's output is worth, as JSON."""
    spec = manifest.spec["hal"]
    truth = Truth(manifest, root)
    scores = {}
    for path, record in records.items():
        submission = hal_submission(record, spec["timeoutSeconds"])
        with truth.task(record.index) as task:
            begin = time.perf_counter()
            evaluation = benchmark.evaluate(task, submission, spec["options"], sandbox)
        if record.outcome is not Outcome.OK and evaluation.score > 0:
            evaluation = wrong(str(submission))  # "ERROR: Task timed out after 60 seconds" is no answer, not even to 60
        if must_stop():  # what was going on then may have been cut short
            raise StoppedError
        scores[path] = score_json(evaluation, time.perf_counter() - begin)
        tell(record.task_id)
    return scores


def all_at_once(benchmark: Delegate, manifest: HalManifest, records: dict[str, TaskRecord]) -> dict[str, Any]:
    """Return what a repeat's outputs are worth, as JSON, and what hal-harness said of all of them."""
    seconds = manifest.spec["hal"]["timeoutSeconds"]
    repeat = next(iter(records.values())).repeat
    outputs = {record.task_id: hal_submission(record, seconds) for record in records.values()}
    begin = time.perf_counter()
    whole = benchmark.evaluate_all(outputs, manifest.run_ids[repeat - 1])
    each = (time.perf_counter() - begin) / len(records)
    evaluations = evaluations_of(whole, outputs)
    scores = {path: score_json(evaluations[record.task_id], each) for path, record in records.items()}
    return {"scores": scores, "whole": {"repeat": repeat, **whole._asdict()}}


class Truth:
    """The tasks of a run with all that is known of them, read as they are asked for."""

    def __init__(self, manifest: HalManifest, root: ObjectStore) -> None:
        self.manifest = manifest
        self.root = root
        self.parts: dict[int, list[Any]] = {}

    @contextlib.contextmanager
    def task(self, index: int) -> Iterator[Task]:
        """Return the task of a row; the files that scoring needs are there as long as the context."""
        part, place = self.manifest.place_of(index)
        if part not in self.parts:
            self.parts = {part: read_json(self.root, f"{self.manifest.ref.folder}/{self.manifest.truth[part]}")}
        task = task_from_truth(self.parts[part][place])
        path = self.manifest.answers.get(task.id)
        if path is None:
            yield task
            return
        with tempfile.TemporaryDirectory(prefix="batt-answers-") as folder:
            archive = self.root.read(f"{self.manifest.ref.folder}/{path}")
            names = unpack(io.BytesIO(archive), path, Path(folder), Limits())
            yield task._replace(answers={name: Path(folder, name) for name in names})


def score_json(evaluation: Evaluation, seconds: float) -> list[Any]:
    """Return a score as it is stored."""
    return [evaluation.score, evaluation.details, evaluation.message, seconds]


def read_evaluations(root: ObjectStore, manifest: HalManifest, least: int = 1) -> Graded:
    """Return all that was scored; of several scores the last.

    Args:
        least: lower grades do not count.
    """
    prefix = f"{manifest.ref.folder}/evaluations/"
    grades = sorted((int(path.removeprefix(prefix).partition("/")[0]), path) for path in root.list(prefix))
    paths = [path for grade, path in grades if grade >= least]
    graded = Graded({}, {})
    for value in for_each(root, lambda path: read_json(root, path), paths):
        for source, (score, details, message, seconds) in value["scores"].items():
            graded.scored[source] = Scored(Evaluation(score, details, message), seconds)
        if "whole" in value:
            graded.wholes[value["whole"]["repeat"]] = Whole(value["whole"]["raw"], value["whole"]["metrics"])
    return graded

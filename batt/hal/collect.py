"""collect_hal(manifest) -> HalSummary: merges records and scores, writes results.json and HAL's own files."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from batt.attempts import ShardEnd, base_summary, phases_with, read_notes, read_sessions, usage, usage_since
from batt.costs import UNPRICED, Prices, charge_of
from batt.errors import AlreadyExistsError
from batt.hal.accuracy import Accuracy, Repeat, accuracy_to_json, score_run, spread
from batt.hal.benchmarks.delegate import Whole
from batt.hal.evaluate import Scored, benchmark_of, read_evaluations
from batt.hal.files import HalRun, hal_files
from batt.hal.folders import file_name, task_folder
from batt.hal.manifest import HalManifest
from batt.hal.outcomes import Outcome
from batt.hal.packing import Limits, unpack
from batt.hal.records import TaskRecord, record_from_json
from batt.hal.report import effort_of, report_of
from batt.hal.usage import Cost, add_costs, cost_to_json
from batt.names import hal_file, results_path, summary_path, task_files
from batt.parallel import for_each
from batt.report.model import Report
from batt.report.storing import store_report
from batt.report.timeline import Effort
from batt.results import Added, Charge, added_from_json, charge_from_json
from batt.state import RESULT_NAME, claim_summary, last_attempt, shard_results
from batt.store import ObjectStore, read_json
from batt.timing import MAIN, PhaseClock, stats_to_json

RUN_COMMAND = "batt run"
"""What HAL's files say the run was started by, where nobody knows better."""


class HalSummary(NamedTuple):
    """What collect says of a HAL run. accuracy: as JSON, see accuracy.py. files: folders of HAL's files, by repeat."""

    folder: str
    path: str
    attempt: int
    benchmark: str
    accuracy: dict[str, Any]
    cost: dict[str, Any]
    outcomes: dict[str, int]
    missing_shards: tuple[int, ...]
    phases: dict[str, list[Any]]  # timing.stats_to_json's form
    files: tuple[str, ...]
    pod_seconds: float = 0.0  # see attempts.Usage; without pods none
    wasted_seconds: float = 0.0
    gpu_seconds: float = 0.0  # the part of tasks that want a GPU
    gpu_wasted_seconds: float = 0.0
    added: Added = Added({}, {})
    charge: Charge | None = None  # for the pods, where their pools have prices; `cost` is that of models

    @property
    def is_complete(self) -> bool:
        """Tell whether every task has a result, a failure for one."""
        return not self.missing_shards


class Collected(NamedTuple):
    """All that is stored of a run. sources: path of each record. wholes: by repeat, see evaluate.py."""

    sources: dict[int, str]
    records: dict[int, TaskRecord]
    scored: dict[int, Scored]
    wholes: dict[int, Whole]
    inputs: dict[str, Any]


def collect_hal(
    manifest: HalManifest,
    root: ObjectStore,
    attempt: int = 1,
    command: str = RUN_COMMAND,
    began: float | None = None,
    prices: Prices = UNPRICED,
) -> HalSummary:
    """Merge what work and evaluate have stored and write the results; what is missing is counted, not invented.

    The same again says the same: results of an attempt are written once. What was done since makes the next attempt's.

    Args:
        attempt: the first number that the results may have.
        command: the command that HAL's files say the run was started by.
        began: since when the whole takes, seconds since the epoch; None where nobody has noted it.
        prices: of the pools, for what the pods cost.
    """
    collected = read_all(manifest, root)
    accuracy = accuracy_of(manifest, collected)
    made_from = [[index, collected.sources[index], scores_of(collected, index)] for index in sorted(collected.records)]
    ends = {index: ShardEnd(record.pod, record.end) for index, record in collected.records.items()}
    notes, now = read_notes(root, manifest.ref.folder), time.time()
    used = usage(notes, ends, now)
    with_gpu = usage([note for note in notes if manifest.shards[note.shard].needs_gpu], ends, now)
    summary = summary_of(manifest, collected, accuracy, max(attempt, last_attempt(root, manifest)))
    base = base_summary(root, manifest, attempt)
    known = {tuple(one) for one in base.get("made_from", ())}
    before = base.get("summary", {})
    outcomes, clock = found_out(collected, known)
    if began is not None:
        clock.add(MAIN, max(0.0, now - began))
    added = Added(outcomes, stats_to_json(clock.stats), usage_since(used, before), usage_since(with_gpu, before, "gpu"))
    summary = summary._replace(
        **used._asdict(),
        gpu_seconds=with_gpu.pod_seconds,
        gpu_wasted_seconds=with_gpu.wasted_seconds,
        phases=phases_with(before, added),
        added=added,
        charge=charge_of(used, with_gpu, prices) if used.pod_seconds else None,
    )
    while True:
        path = f"{manifest.ref.folder}/{results_path(summary.attempt)}"
        summary = summary._replace(path=path, files=tuple(hal_folders(manifest, summary.attempt)))
        stored = summary._asdict() | {"added": summary.added._asdict()}
        value = {"schema": 1, "asked": attempt, "made_from": made_from, "summary": stored}
        told = claim_summary(root, f"{manifest.ref.folder}/{summary_path(summary.attempt)}", value)
        if told["made_from"] == json.loads(json.dumps(made_from)):
            claimed = summary_from_json(told["summary"])
            pods = [*notes, *read_sessions(root, manifest.ref.folder)]
            spent = claimed.pod_seconds, claimed.wasted_seconds, claimed.charge
            effort = effort_of(pods, collected.records, *spent)
            write(manifest, root, collected, accuracy, claimed, command, effort)
            return claimed
        summary = summary._replace(attempt=summary.attempt + 1)


def read_all(manifest: HalManifest, root: ObjectStore) -> Collected:
    """Return all that is stored of a run."""
    sources = shard_results(root, manifest)
    values = for_each(root, lambda path: read_json(root, path), sources.values())
    records = {index: record_from_json(value) for index, value in zip(sources, values, strict=True)}
    graded = read_evaluations(root, manifest)
    scored = {index: graded.scored[path] for index, path in sources.items() if path in graded.scored}
    parts = for_each(root, lambda path: read_json(root, f"{manifest.ref.folder}/{path}"), manifest.inputs)
    inputs = {task: value for part in parts for task, value in part}
    return Collected(sources, records, scored, graded.wholes, inputs)


def scores_of(collected: Collected, index: int) -> float | None:
    """Return the score of a record, None where it has none yet."""
    return collected.scored[index].evaluation.score if index in collected.scored else None


def accuracy_of(manifest: HalManifest, collected: Collected) -> Accuracy:
    """Return how good the agent was in all repeats."""
    repeats = []
    for number in range(1, len(manifest.run_ids) + 1):
        indexes = [index for index, row in enumerate(manifest.shards) if row.repeat == number]
        records = {manifest.shards[i].task_id: collected.records[i] for i in indexes if i in collected.records}
        scored = {manifest.shards[i].task_id: collected.scored[i].evaluation for i in indexes if i in collected.scored}
        repeats.append(Repeat(records, scored))
    seconds = manifest.spec["hal"]["timeoutSeconds"]
    accuracy = score_run(benchmark_of(manifest), manifest.tasks, manifest.all_tasks, repeats, seconds)
    scores = tuple(
        one._replace(raw_results=collected.wholes[number].raw, metrics=collected.wholes[number].metrics)
        if number in collected.wholes
        else one
        for number, one in enumerate(accuracy.repeats, 1)
    )
    return accuracy._replace(repeats=scores, hal=spread(one.hal_accuracy for one in scores))


def summary_of(manifest: HalManifest, collected: Collected, accuracy: Accuracy, attempt: int) -> HalSummary:
    """Return the summary of a run, without the places of files."""
    outcomes = {str(outcome): 0 for outcome in Outcome}
    for record in collected.records.values():
        outcomes[record.outcome] += 1
    cost: Cost = add_costs(collected.records.values(), len(manifest.shards))
    return HalSummary(
        folder=manifest.ref.folder,
        path="",
        attempt=attempt,
        benchmark=manifest.benchmark,
        accuracy=accuracy_to_json(accuracy),
        cost=cost_to_json(cost),
        outcomes={name: count for name, count in outcomes.items() if count},
        missing_shards=tuple(index for index in range(len(manifest.shards)) if index not in collected.records),
        phases={},
        files=(),
    )


def found_out(collected: Collected, known: Set[tuple[int, str, float | None]]) -> tuple[dict[str, int], PhaseClock]:
    """Return the outcomes of records that are not known, and how long phases took of what was not known.

    Args:
        known: (index, path of the record, score) of what earlier attempts were made from.
    """
    records = {(index, path) for index, path, _ in known}
    outcomes: dict[str, int] = defaultdict(int)
    clock = PhaseClock()
    for index, record in collected.records.items():
        path = collected.sources[index]
        if (index, path) not in records:
            outcomes[str(record.outcome)] += 1
            for name, seconds in record.phases.items():
                clock.add(name, seconds)
        if index in collected.scored and (index, path, scores_of(collected, index)) not in known:
            clock.add("evaluate", collected.scored[index].seconds)
    return dict(outcomes), clock


def hal_folders(manifest: HalManifest, attempt: int) -> Iterator[str]:
    """Yield the folder of each repeat's HAL files, in the run's folder."""
    for run_id in manifest.run_ids:
        yield hal_file(attempt, manifest.benchmark, run_id)


def write(
    manifest: HalManifest,
    root: ObjectStore,
    collected: Collected,
    accuracy: Accuracy,
    summary: HalSummary,
    command: str,
    effort: Effort,
) -> None:
    """Store results.json, HAL's files of every repeat and the report; equal ones that are there already stay."""
    files: dict[str, bytes] = {}
    for number, folder in enumerate(summary.files, 1):
        run = hal_run(manifest, collected, accuracy, number, command)
        files |= {f"{folder}/{name}": data for name, data in hal_files(run).items()}
        files |= {f"{folder}/{name}": data for name, data in left_behind(manifest, root, collected, number).items()}
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    files = {name: data for name, data in files.items() if name not in folders}  # one task's file, another one's folder
    files[results_path(summary.attempt)] = results_text(manifest, collected, summary)

    def create(item: tuple[str, bytes]) -> None:
        with contextlib.suppress(AlreadyExistsError):  # a collect that was killed has written it
            root.create(f"{manifest.ref.folder}/{item[0]}", item[1])

    list(for_each(root, create, files.items()))

    def make() -> Report:
        results = files[results_path(summary.attempt)]
        return report_of(
            results,
            summary.attempt,
            collected.records,
            effort,
            lambda path, repeat: files.get(f"{summary.files[repeat - 1]}/{path}"),
        )

    store_report(root, manifest.ref.folder, summary.attempt, make)


def hal_run(manifest: HalManifest, collected: Collected, accuracy: Accuracy, number: int, command: str) -> HalRun:
    """Return one repeat as HAL knows runs."""
    spec = manifest.spec["hal"]
    records = {record.task_id: record for record in collected.records.values() if record.repeat == number}
    return HalRun(
        run_id=manifest.run_ids[number - 1],
        benchmark=manifest.benchmark,
        agent_name=spec["agent"]["name"],
        agent_args={**spec["agent"]["args"], "benchmark_name": spec["benchmark"]},
        run_command=command,
        begun=datetime.fromtimestamp(manifest.planned, UTC),
        timeout_seconds=spec["timeoutSeconds"],
        tasks={task: collected.inputs[task] for task in manifest.tasks},
        records=records,
        scores=accuracy.repeats[number - 1],
        git_info=manifest.git_info,
        agent_hash=manifest.agent_hash,
    )


def left_behind(manifest: HalManifest, root: ObjectStore, collected: Collected, number: int) -> dict[str, bytes]:
    """Return what agents have left behind in one repeat, each task's in its folder."""
    indexes = [index for index, record in collected.records.items() if record.repeat == number]

    def read(index: int) -> dict[str, bytes]:
        match = RESULT_NAME.search(collected.sources[index])
        attempt = int(match[2] or 1) if match else 1
        return files_of(root.read(f"{manifest.ref.folder}/{task_files(index, attempt)}"))

    found: dict[str, bytes] = {}
    for index, files in zip(indexes, for_each(root, read, indexes), strict=True):
        folder = task_folder(collected.records[index].task_id)
        found |= {f"{folder}/{file_name(name)}": data for name, data in files.items()}
    return found


def files_of(archive: bytes) -> dict[str, bytes]:
    """Return the files of an archive that work has made."""
    with tempfile.TemporaryDirectory(prefix="batt-collect-") as folder:
        names = unpack(io.BytesIO(archive), "files.tar.gz", Path(folder), Limits())
        return {name: Path(folder, name).read_bytes() for name in names}


def results_text(manifest: HalManifest, collected: Collected, summary: HalSummary) -> bytes:
    """Return results.json: the summary, and a line for every task and repeat."""
    tasks = []
    for index, row in enumerate(manifest.shards):
        record, scored = collected.records.get(index), collected.scored.get(index)
        tasks.append(
            {
                "task": row.task_id,
                "repeat": row.repeat,
                "outcome": str(record.outcome) if record else "missing",
                "message": record.message if record else "",
                "score": scored.evaluation.score if scored else None,
                "evaluation": scored.evaluation.message if scored else "",
                "wall_clock_seconds": record.wall_clock_seconds if record else None,
                "tries": len(record.attempts) if record else 0,
            }
        )
    value: Mapping[str, Any] = {
        "schema": 1,
        "kind": "hal",
        "run": manifest.ref._asdict(),
        "hal": manifest.spec["hal"],
        "run_ids": list(manifest.run_ids),
        "agent_hash": manifest.agent_hash,
        "benchmark_digest": manifest.benchmark_digest,
        "dropped_requirements": list(manifest.dropped),
        "accuracy": summary.accuracy,
        "cost": summary.cost,
        "outcomes": summary.outcomes,
        "missing_shards": list(summary.missing_shards),
        "phases": summary.phases,
        "tasks": tasks,
    }
    return (json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n").encode()


def summary_from_json(value: dict[str, Any]) -> HalSummary:
    """Return the summary of its stored form, after a trip through JSON."""
    read = {
        "missing_shards": tuple(value["missing_shards"]),
        "files": tuple(value["files"]),
        "added": added_from_json(value.get("added")),
        "charge": charge_from_json(value.get("charge")),
    }
    return HalSummary(**{**value, **read})

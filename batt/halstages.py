"""The stages of a HAL run as containers do them: what stages.py calls for runs with spec.hal."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from batt.attempts import noted, plan_attempt, planned_attempt, shard_of_pod
from batt.hal.collect import collect_hal
from batt.hal.evaluate import count_shards, evaluate, evaluation_shards
from batt.hal.manifest import HalManifest
from batt.hal.outcomes import Outcome
from batt.hal.plan import load_hal_manifest, plan_hal, read_hal_inputs
from batt.hal.podplace import PYTHON, PodPlace, folders_of, pod_shim, redactor_of
from batt.hal.sandbox import Sandbox
from batt.hal.summary import print_hal_summary
from batt.hal.task import Control
from batt.hal.work import load, read_records, tasks_to_redo, work_task
from batt.message import CollectMessage, Message, PlanMessage, index_ranges
from batt.podenv import BASE, PodRun, planned_run
from batt.podmetrics import PodMetrics, served
from batt.state import has_result
from batt.stopping import Stop
from batt.store import ObjectStore, failed_tries
from batt.timing import PhaseClock, stats_from_json


def do_hal_stage(stage: str, pod: PodRun, root: ObjectStore, stop: Stop) -> Message | None:
    """Do a stage; return what the operator is to be told, nothing for work and evaluate."""
    match stage:
        case "plan":
            return plan_stage(pod, root)
        case "collect":
            return collect_stage(pod, root)
        case "evaluate":
            evaluate_stage(pod, root, stop)
        case _:
            work_stage(pod, root, stop)
    return None


def plan_stage(pod: PodRun, root: ObjectStore) -> PlanMessage:
    """Plan the run and the attempt."""
    with tempfile.TemporaryDirectory(prefix="batt-plan-", ignore_cleanup_errors=True) as scratch:
        inputs = read_hal_inputs(pod.run, BASE, Path(scratch))
        manifest = plan_hal(pod.run, pod.ref, root, inputs, lambda line: print(line, flush=True))

    def left() -> list[int]:
        return tasks_to_redo(root, manifest, read_records(root, manifest))

    todo, is_regrade = plan_attempt(root, manifest, pod.attempt, left, is_regrade=pod.is_regrade)
    told = "scores anew what there is" if is_regrade else f"{len(todo)} tasks to do"
    print(f"planned {pod.ref.folder} in {root.uri}: attempt {pod.attempt}, {told}", flush=True)
    rows, evaluations = len(manifest.shards), count_shards(manifest)
    gpu = sum(manifest.shards[shard].needs_gpu for shard in todo)
    tasks, dropped = len(manifest.tasks), len(manifest.dropped)
    return PlanMessage(pod.ref.folder, rows, len(todo), tasks, rows, dropped, evaluations, gpu)


def work_stage(pod: PodRun, root: ObjectStore, stop: Stop) -> None:
    """Run the agent on the task of this pod, unless another pod has."""
    manifest = planned_run(pod, root, load_hal_manifest)

    def is_of_job(shard: int) -> bool:
        return not pod.part or manifest.shards[shard].needs_gpu == (pod.part == "gpu")

    shard = shard_of_pod(root, manifest, pod.attempt, pod.completion_index, is_of_job)
    row = manifest.shards[shard]
    if pod.attempt == 1 and has_result(root, manifest, shard):
        print(f"task {row.task_id}: has its result already", flush=True)
        return
    print(f"task {row.task_id}: repeat {row.repeat}", flush=True)
    with noted(root, manifest, shard, pod.pod_uid, pod.attempt, stop):
        run_agent(manifest, shard, root, pod, stop)
    print(f"task {row.task_id}: done", flush=True)


def run_agent(manifest: HalManifest, shard: int, root: ObjectStore, pod: PodRun, stop: Stop) -> None:
    """Run the agent on a task in the pod's other container."""
    folders = folders_of(os.environ)
    metrics = PodMetrics("hal", pod.pool, pod.metrics_port, lambda: failed_tries(root))
    metrics.clocks.append(live := PhaseClock())
    control = Control(lambda: stop.is_asked, time.sleep, live)  # the pause: a request to stop interrupts it
    with pod_shim(folders) as supervisor, load(manifest, root, folders.shared) as loaded, served(metrics):
        place = PodPlace(folders, supervisor, redactor_of(os.environ), control.must_stop)
        record = work_task(manifest, shard, root, loaded, place, control, pod.attempt, pod.pod_uid)
    if record is not None and record.outcome is not Outcome.OK:
        print(f"task {record.task_id}: {record.outcome}: {record.message}", flush=True)


def evaluate_stage(pod: PodRun, root: ObjectStore, stop: Stop) -> None:
    """Score the outputs of this pod's part of the tasks."""
    manifest = planned_run(pod, root, load_hal_manifest)
    grade = pod.attempt if planned_attempt(root, manifest, pod.attempt).is_regrade else 1
    paths = evaluation_shards(root, manifest, grade)[pod.completion_index]
    print(f"{len(paths)} outputs to score", flush=True)
    if not paths:
        return
    folders = folders_of(os.environ)
    with pod_shim(folders) as supervisor:
        sandbox = Sandbox(supervisor, PYTHON, folders.workspace, lambda: stop.is_asked)
        evaluate(manifest, paths, root, sandbox, lambda: stop.is_asked, grade=grade)


def collect_stage(pod: PodRun, root: ObjectStore) -> CollectMessage:
    """Merge what work and evaluate have found."""
    manifest = planned_run(pod, root, load_hal_manifest)
    summary = collect_hal(manifest, root, pod.attempt, began=pod.began, prices=pod.prices)
    print_hal_summary(summary, root.uri, is_timed=True, is_json=False)
    repeats, added = summary.accuracy["repeats"], summary.added
    return CollectMessage(
        attempt=pod.attempt,
        solved=sum(one["right"] for one in repeats),
        tasks=sum(one["tasks"] for one in repeats),
        candidates=sum(summary.outcomes.values()),
        verdicts=summary.outcomes,
        missing=len(summary.missing_shards),
        missing_indexes=index_ranges(summary.missing_shards),
        phases=stats_from_json(summary.phases),
        pod_seconds=summary.pod_seconds,
        wasted_seconds=summary.wasted_seconds,
        path=summary.path,
        gpu_seconds=summary.gpu_seconds,
        gpu_wasted_seconds=summary.gpu_wasted_seconds,
        added_phases=stats_from_json(added.phases),
        added_verdicts=added.outcomes,
        added_pod_seconds=added.seconds.pod_seconds,
        added_wasted_seconds=added.seconds.wasted_seconds,
        added_gpu_seconds=added.gpu.pod_seconds,
        added_gpu_wasted_seconds=added.gpu.wasted_seconds,
    )

"""The stages as processes of their own: `batt pod plan|work|evaluate|collect` in a container, `batt work` on a laptop.

    environment, run.json -> plan, work or collect -> exit code, termination message

The exit code tells Kubernetes what a failure means for the Job; the message tells the operator what was done.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from batt.api import SolversSpec
from batt.attempts import exit_code_of, noted, plan_attempt, shard_of_pod
from batt.engine.pool import Engine
from batt.errors import BattError
from batt.halstages import do_hal_stage
from batt.manifest import Manifest
from batt.message import CollectMessage, ErrorMessage, Message, PlanMessage, encode, index_ranges
from batt.names import EXIT_FAULT_OF_BATT
from batt.plan import limits_of, load_manifest, plan
from batt.podenv import BASE, PodRun, planned_run, read_pod_run
from batt.podmetrics import PodMetrics, served
from batt.solver.dslfiles import find_dsl
from batt.state import has_result
from batt.stopping import Stop, StoppedError
from batt.store import ObjectStore, failed_tries, open_store
from batt.summary import print_summary, refusals
from batt.timing import stats_from_json
from batt.work import take_up

MESSAGE_VARIABLE = "BATT_MESSAGE"
"""Path of the termination message, where it is not Kubernetes' own."""

MESSAGE_PATH = "/dev/termination-log"
"""Where Kubernetes looks for a container's termination message; it makes the file."""


def run_pod(stage: str, environment: Mapping[str, str], stop: Stop) -> int:
    """Do a stage as a container does; return its exit code, having left the termination message that goes with it."""
    place = Path(environment.get(MESSAGE_VARIABLE) or MESSAGE_PATH)
    stop.last_act = lambda: leave_message(place, failure(stage, StoppedError()))
    message: Message | None
    try:
        with stop.interrupting():
            message = do_stage(stage, read_pod_run(environment, stage), stop)
    except (StoppedError, Exception) as error:  # noqa: BLE001 # the container ends here: whatever it was is to be told
        message = failure(stage, error)
        if message.code == EXIT_FAULT_OF_BATT:
            traceback.print_exc()
    leave_message(place, message)
    if isinstance(message, ErrorMessage):
        print(f"batt: {message.error}", file=sys.stderr, flush=True)
        return message.code
    return 0


def failure(stage: str, error: BaseException) -> ErrorMessage:
    """Return what is told of a stage that ended by an error, and the exit code."""
    match error:
        case StoppedError():
            told = "asked to stop; what is stored stays, the next pod goes on there"
        case BattError():
            told = str(error)
        case _:
            told = f"{type(error).__name__}: {error}; this is a fault of batt, please report it with the pod's log"
    return ErrorMessage(stage, exit_code_of(error), told)


def do_stage(stage: str, pod: PodRun, stop: Stop) -> Message | None:
    """Do a stage; return what the operator is to be told, nothing for the work."""
    root = open_store(pod.results, BASE)
    if pod.run.spec.hal is not None:
        return do_hal_stage(stage, pod, root, stop)
    match stage:
        case "plan":
            return plan_stage(pod, root)
        case "collect":
            return collect_stage(pod, root)
    work_stage(pod, root, stop)
    return None


def plan_stage(pod: PodRun, root: ObjectStore) -> PlanMessage:
    """Plan the run and the attempt."""
    manifest = plan(pod.run, pod.ref, root, BASE, pod.cpus)
    todo = plan_attempt(root, manifest, pod.attempt).shards
    for line in refusals(manifest, root):
        print(line, flush=True)
    counts = manifest.counts
    print(f"planned {pod.ref.folder} in {root.uri}: attempt {pod.attempt}, {len(todo)} shards to do", flush=True)
    return PlanMessage(
        pod.ref.folder, len(manifest.shards), len(todo), len(manifest.tasks), counts.candidates, counts.refused
    )


def work_stage(pod: PodRun, root: ObjectStore, stop: Stop) -> None:
    """Evaluate the shard of this pod, unless another pod has."""
    manifest = planned_run(pod, root, load_manifest)
    shard = shard_of_pod(root, manifest, pod.attempt, pod.completion_index)
    if has_result(root, manifest, shard):
        print(f"shard {shard}: has its result already", flush=True)
        return
    print(f"shard {shard}: {manifest.shards[shard].items} items on {pod.cpus} children", flush=True)
    with noted(root, manifest, shard, pod.pod_uid, pod.attempt, stop):
        work_shard(manifest, shard, root, pod.cpus, stop, pod.pod_uid, metrics_of(pod, root))
    print(f"shard {shard}: done", flush=True)


def collect_stage(pod: PodRun, root: ObjectStore) -> CollectMessage:
    """Merge what the work has found."""
    from batt.collect import collect  # noqa: PLC0415 # only this stage's pods need it

    summary = collect(planned_run(pod, root, load_manifest), root, pod.attempt, began=pod.began, prices=pod.prices)
    print_summary(summary, root.uri, is_timed=True, is_json=False)
    totals, added = summary.totals, summary.added
    return CollectMessage(
        attempt=pod.attempt,
        solved=summary.score.solved,
        tasks=summary.score.tasks,
        candidates=totals.candidates,
        verdicts={str(verdict): count for verdict, count in totals.verdicts.items()},
        missing=len(summary.missing_shards),
        missing_indexes=index_ranges(summary.missing_shards),
        phases=stats_from_json(summary.phases),
        pod_seconds=summary.pod_seconds,
        wasted_seconds=summary.wasted_seconds,
        path=summary.path,
        added_phases=stats_from_json(added.phases),
        added_verdicts=added.outcomes,
        added_pod_seconds=added.seconds.pod_seconds,
        added_wasted_seconds=added.seconds.wasted_seconds,
    )


def metrics_of(pod: PodRun, root: ObjectStore) -> PodMetrics:
    """Return the metrics of a pod of the work, nothing counted yet."""
    return PodMetrics("solvers", pod.pool, pod.metrics_port, lambda: failed_tries(root))


def work_shard(
    manifest: Manifest,
    index: int,
    root: ObjectStore,
    children: int,
    stop: Stop,
    pod: str = "",
    metrics: PodMetrics | None = None,
) -> None:
    """Evaluate one shard of a planned run.

    Args:
        metrics: told of what is done, while it is done.

    Raises:
        StoppedError: asked to, once what is known is stored.
    """
    spec = SolversSpec.model_validate(manifest.spec["solvers"])
    folder = find_dsl(manifest.dsl_location, BASE)
    metrics = metrics or PodMetrics("solvers", "", 0, lambda: 0)
    with Engine(children, spec.dsl, folder, limits_of(spec)) as engine, served(metrics):  # its thread after the fork
        shard_work = take_up(manifest, index, root, engine, metrics.count_item, pod)
        if shard_work is None:
            return
        metrics.clocks += [shard_work.clock, shard_work.checked]
        with stop.holding():
            shard_work.finish(lambda: stop.is_asked)


def leave_message(place: Path, message: Message | None) -> None:
    """Write the termination message. A file that is not there or cannot be written changes nothing but the log."""
    if message is None:
        return
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_TRUNC)  # never made here: whoever waits for it has made it
        try:
            os.write(descriptor, encode(message))
        finally:
            os.close(descriptor)
    except OSError as error:
        print(f"batt: {place}: the termination message is not written: {error.strerror}", file=sys.stderr, flush=True)

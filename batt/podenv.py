"""What a container is told: its run in a mounted file, the rest in environment variables, all written by the operator.

Everything that is wrong is said at once: none of it can be mended by trying again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from batt.api import ATTEMPT_MODES, DATASETS, REGRADE, RESULTS_URIS, BenchmarkRun, solvers_of
from batt.costs import Prices, prices_from_text
from batt.errors import Fault, InputError, NotFoundError, SpecError, shown
from batt.manifest import RunRef
from batt.runfile import parse_run
from batt.store import ObjectStore
from batt.uris import LAPTOP_ONLY, SCHEME

M = TypeVar("M")
"""The manifest of a kind of run."""

RUN_VARIABLE = "BATT_RUN"
"""Path of the mounted run.json."""

ATTEMPT_VARIABLE = "BATT_ATTEMPT"
"""The run's attempt, from 1."""

MODE_VARIABLE = "BATT_ATTEMPT_MODE"
"""What a further attempt does: a word of batt.api.ATTEMPT_MODES, told to plan. Absent: the first of them."""

PART_VARIABLE = "BATT_PART"
"""Which shards of the attempt a pod's Job works on: `gpu` those that want one, `cpu` the others. Absent: all."""

PARTS = ("", "cpu", "gpu")
"""What it may be."""

POD_UID_VARIABLE = "BATT_POD_UID"
"""The pod's uid; names its notes in the store."""

BEGAN_VARIABLE = "BATT_BEGAN"
"""Since when the attempt takes, seconds since the epoch, told to collect: later by the time that it was suspended."""

PRICES_VARIABLE = "BATT_PRICES"
"""Prices of the pools that the work is on (batt.costs), told to collect. Absent: nobody knows any."""

POOL_VARIABLE = "BATT_POOL"
"""The pool of the pod's Job, for the metrics that a pod of the work serves."""

METRICS_VARIABLE = "BATT_METRICS_PORT"
"""Port of a work pod's metrics. Absent: it serves none."""

CPUS_VARIABLE = "BATT_CPUS"
"""CPUs of the container, a whole number: as many children evaluate. Absent: the CPUs that can be seen."""

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""Index of a pod of the work, given by the Job controller."""

INDEXED = frozenset({"work", "evaluate"})
"""Stages with many pods, each told its place."""

SCHEMA = 1
"""Version of run.json."""

RUN_UID = re.compile(r"[a-z0-9]{8}[A-Za-z0-9-]{0,92}")
"""The run's uid: Kubernetes makes UUIDs; its beginning becomes a part of paths."""

POD_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
"""A pod's uid: it becomes a part of paths too; of a static pod it is no UUID."""

UID_CHARACTERS = 8
"""The part of a run's uid that its folder is named by."""

ACCESS_SECONDS = 300
"""How long a pod tries an operation that its store refuses, unless store.ACCESS_VARIABLE says otherwise."""

BASE = Path("/")
"""Where paths start in a container: relative ones are refused before."""

OPERATOR = "correct the operator that made this pod"
"""Remedy for what no user writes."""


class PodRun(NamedTuple):
    """What a container has to do.

    completion_index: the pod's place in its stage, -1 for plan and collect.
    is_regrade: whether the attempt that plan is to plan scores anew what there is.
    part: which shards of the attempt the pod's Job works on, see PART_VARIABLE.
    began: see BEGAN_VARIABLE; None where nobody says. prices: see PRICES_VARIABLE.
    pool, metrics_port: see POOL_VARIABLE and METRICS_VARIABLE; 0: no metrics.
    """

    run: BenchmarkRun
    ref: RunRef
    results: str
    attempt: int
    pod_uid: str
    cpus: int
    completion_index: int
    is_regrade: bool = False
    part: str = ""
    began: float | None = None
    pool: str = ""
    metrics_port: int = 0
    prices: Prices = Prices()


def read_pod_run(environment: Mapping[str, str], stage: str) -> PodRun:
    """Return what a container of a stage is told.

    Raises:
        SpecError: holds every fault of the environment, or of the run.
    """
    faults: list[Fault] = []

    def number(name: str, least: int, default: int | None = None) -> int:
        text = environment.get(name, "")
        if not text and default is not None:
            return default
        if re.fullmatch(r"[0-9]{1,10}", text) and int(text) >= least:
            return int(text)
        faults.append(Fault(name, shown(text), f"must be a whole number of at least {least}", OPERATOR))
        return least

    attempt = number(ATTEMPT_VARIABLE, 1)
    cpus = number(CPUS_VARIABLE, 1, visible_cpus())
    index = number(INDEX_VARIABLE, 0) if stage in INDEXED else -1
    began = number(BEGAN_VARIABLE, 0, -1)
    port = number(METRICS_VARIABLE, 0, 0)
    pod_uid = environment.get(POD_UID_VARIABLE, "")
    if not POD_UID.fullmatch(pod_uid):
        faults.append(Fault(POD_UID_VARIABLE, shown(pod_uid), "must be the pod's uid", OPERATOR))
    mode = environment.get(MODE_VARIABLE) or ATTEMPT_MODES[0]
    if mode not in ATTEMPT_MODES:
        faults.append(Fault(MODE_VARIABLE, shown(mode), f"must be {' or '.join(ATTEMPT_MODES)}", OPERATOR))
    part = environment.get(PART_VARIABLE, "")
    if part not in PARTS:
        faults.append(Fault(PART_VARIABLE, shown(part), "must be cpu or gpu", OPERATOR))
    path = environment.get(RUN_VARIABLE, "")
    if not path:
        faults.append(Fault(RUN_VARIABLE, "nothing", "must be the path of run.json", OPERATOR))
    if faults:
        raise SpecError(faults)
    run, uid, results = _read_run(Path(path))
    ref = RunRef(run.metadata.namespace, run.metadata.name, uid[:UID_CHARACTERS])
    return PodRun(
        run=run,
        ref=ref,
        results=results,
        attempt=attempt,
        pod_uid=pod_uid,
        cpus=cpus,
        completion_index=index,
        is_regrade=mode == REGRADE,
        part=part,
        began=None if began < 0 else began,
        pool=environment.get(POOL_VARIABLE, ""),
        metrics_port=port,
        prices=prices_from_text(environment.get(PRICES_VARIABLE, ""), PRICES_VARIABLE, OPERATOR),
    )


def visible_cpus() -> int:
    """Return how many CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_run(path: Path) -> tuple[BenchmarkRun, str, str]:
    """Return the run of a run.json, its uid and the URI of its results."""
    value = _json_fields(path)
    faults: list[Fault] = []
    if value.get("schema") != SCHEMA:
        remedy = "use an image of the operator's own version"
        faults.append(Fault("schema", shown(value.get("schema")), f"must be {SCHEMA}", remedy))
    uid, results = value.get("uid"), value.get("results")
    if not isinstance(uid, str) or not RUN_UID.fullmatch(uid):
        faults.append(Fault("uid", shown(uid), "must be the run's uid", OPERATOR))
    faults += _results_faults(results)
    try:
        run = parse_run(value.get("run"))
        faults += _path_faults(run)
    except SpecError as error:
        raise SpecError([*faults, *error.faults], str(path)) from error
    if faults:
        raise SpecError(faults, str(path))
    return run, str(uid), str(results)


def _json_fields(path: Path) -> dict[str, Any]:
    rule = "must be a file with a JSON object"
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError([Fault(RUN_VARIABLE, shown(str(error)), rule, OPERATOR)], str(path)) from error
    if not isinstance(value, dict):
        raise SpecError([Fault("file", shown(value), rule, OPERATOR)], str(path))
    return value


def _results_faults(results: object) -> list[Fault]:
    """Return what is wrong with where the results are to go."""
    if not isinstance(results, str):
        return [Fault("results", shown(results), "must be a URI", OPERATOR)]
    broken = RESULTS_URIS.broken(results)
    if broken:
        return [Fault("results", shown(results), *broken)]
    remedy = "set spec.results, or results in the operator's configuration, to a gs:// bucket"
    return [Fault("results", shown(results), "must not be relative in a pod", remedy)] if is_relative(results) else []


def _path_faults(run: BenchmarkRun) -> list[Fault]:
    """Return a fault for every input that lies on its user's machine."""
    rule, _, remedy = LAPTOP_ONLY.partition("; ")
    return [
        Fault(f"spec.{field}", shown(uri), rule, remedy)
        for field, uri in _uris(run).items()
        if uri and is_relative(uri)
    ]


def _uris(run: BenchmarkRun) -> dict[str, str | None]:
    """Return the URIs of a run's inputs, by field."""
    if run.spec.hal is not None:
        hal = run.spec.hal
        return {"hal.tasksFrom": hal.tasks_from, "hal.data": hal.data, "hal.agent.source": hal.agent.source}
    solvers = solvers_of(run)
    dataset = None if solvers.dataset in DATASETS else solvers.dataset
    uris = {"tasksFrom": solvers.tasks_from, "candidates": solvers.candidates, "dsl": solvers.dsl, "dataset": dataset}
    return {f"solvers.{name}": uri for name, uri in uris.items()}


def is_relative(uri: str) -> bool:
    """Tell whether a URI is a path that depends on where one is; absolute ones may lie in the image."""
    scheme = SCHEME.match(uri)
    if scheme and scheme[1] != "file":
        return False
    return not uri.removeprefix("file:").startswith("/")


def planned_run(pod: PodRun, root: ObjectStore, load: Callable[[ObjectStore, RunRef], M]) -> M:
    """Return the manifest that the plan has stored.

    Args:
        load: reads the manifest of a kind of run.

    Raises:
        InputError: there is none.
    """
    try:
        return load(root, pod.ref)
    except NotFoundError as error:
        rule = "must have been planned, in the results that this pod is told of"
        raise InputError(f"{pod.ref.folder}: there is no run in {root.uri}; {rule}; start a new run") from error

"""`batt cost FILE`: estimates before a run what it would cost on the pools of an operator. Nothing is run."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from batt.api import BenchmarkRun, hal_of, solvers_of
from batt.errors import Fault, SpecError, shown
from batt.folder import DirectoryStore
from batt.hal.plan import read_hal_inputs
from batt.manifest import RunRef
from batt.plan import plan, read_inputs
from batt.runfile import load_run
from batt_operator.commands.client import ClusterError, ForbiddenError, Target, connect, target_of
from batt_operator.commands.configuration import CONFIG_KEY, SELECTOR, find_configuration
from batt_operator.commands.estimate import (
    STARTER_SECONDS,
    Tasks,
    Work,
    assumptions,
    counted,
    estimate_rows,
    estimates,
    hal_assumptions,
    hal_estimates,
)
from batt_operator.commands.listing import aligned
from batt_operator.settings import Pool


class Pools(NamedTuple):
    """The pools of an operator, the one that runs get which name none, and where that was read."""

    pools: dict[str, Pool]
    default: str
    source: str


def cost_command(options: argparse.Namespace) -> int:
    """Print a range for every pool, and what it rests on."""
    run = load_run(options.file)
    known = pools_in_file(options.config) if options.config else pools_of_cluster(target_of(options))
    chosen = run.spec.pool or known.default
    if chosen not in known.pools:
        remedy = f"{known.source} has {', '.join(known.pools)}"
        raise SpecError([Fault("spec.pool", shown(chosen), "must be a pool of the operator", remedy)])
    if run.spec.hal is not None:
        print("reading the benchmark; no agent is run", file=sys.stderr)
        tasks = tasks_of(run, options.file.parent)
        print("\n".join(aligned(estimate_rows(hal_estimates(tasks, known.pools, options.seconds), chosen))))
        told = hal_assumptions(tasks, options.seconds)
        print("\n".join(["", *told, f"prices     {known.source}; * is the run's pool"]))
        return 0
    print("reading the candidates; none is run", file=sys.stderr)
    work = work_of(run, options.file.parent)
    high = solvers_of(run).timeout_seconds
    low = min(high, options.seconds or STARTER_SECONDS)
    print("\n".join(aligned(estimate_rows(estimates(work, known.pools, low, high), chosen))))
    print("\n".join(["", *assumptions(work, low, high), f"prices     {known.source}; * is the run's pool"]))
    return 0


def work_of(run: BenchmarkRun, base: Path) -> Work:
    """Return what a run would do: it is planned in a folder that goes at once."""
    with tempfile.TemporaryDirectory(prefix="batt-cost-") as folder:
        root = DirectoryStore(Path(folder))
        inputs = read_inputs(run, base, root)
        manifest = plan(run, RunRef(run.metadata.namespace, run.metadata.name, "cost"), root, base, 1, inputs)
    return counted(manifest, inputs.dataset.tasks)


def tasks_of(run: BenchmarkRun, base: Path) -> Tasks:
    """Return what a HAL run would do; its agent is read, and nothing of it is run."""
    spec = hal_of(run)
    with tempfile.TemporaryDirectory(prefix="batt-cost-", ignore_cleanup_errors=True) as scratch:
        inputs = read_hal_inputs(run, base, Path(scratch))
    return Tasks(len(inputs.tasks), spec.repeats, spec.timeout_seconds)


def pools_in_file(path: Path) -> Pools:
    """Return the pools of the operator's configuration or of the chart's values; SpecError where it has none."""
    try:
        return read_pools(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        rule = "must be the operator's configuration or the chart's values, in YAML"
        raise SpecError([Fault("--config", shown(str(error)), rule, "name another file")]) from error


def read_pools(data: Any, source: str) -> Pools:  # what YAML holds
    """Return the pools of a configuration, of which nothing else is looked at."""
    found = data.get("pools") if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        fault = Fault(f"{source}: pools", "nothing", "must hold a pool at least", "see charts/batt/values.yaml")
        raise SpecError([fault])
    pools: dict[str, Pool] = {}
    for name, value in found.items():
        try:
            pools[str(name)] = Pool.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, ("pools", name, *first["loc"])))
            raise SpecError([Fault(f"{source}: {where}", shown(first["input"]), first["msg"], "correct it")]) from error
    return Pools(pools, str(data.get("defaultPool") or next(iter(pools))), source)


def pools_of_cluster(target: Target) -> Pools:
    """Return the pools of the operator on the cluster."""
    remedy = "say --config FILE: the chart's values, or charts/batt/values.yaml for its examples"
    try:
        found = find_configuration(connect(target))
    except ForbiddenError as error:
        raise ForbiddenError(f"{error}; or {remedy}") from error
    if found is None:
        raise ClusterError(f"ConfigMap: got none with {SELECTOR} and {CONFIG_KEY}; the prices stand there; {remedy}")
    return read_pools(found.data, found.source)

"""`batt hal-eval --google-cloud`: HAL's command line, with its agents in pods of a cluster.

    flags -> BenchmarkRun -> uploads -> API server -> watch -> <results_dir>/<benchmark>/<run id>/

The same command finds its run again while that goes on; after its end it starts another one, as HAL does.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from batt.api import BenchmarkRun, hal_of
from batt.errors import Fault, SpecError, shown
from batt.export import export_hal, parse_results, read_results
from batt.fields import NAME_CHARACTERS
from batt.hal.arguments import run_id
from batt.hal.collect import summary_from_json
from batt.hal.summary import hal_summary_lines
from batt.names import summary_path
from batt.runfile import parse_run
from batt.store import read_json
from batt_operator.commands.client import Cluster, connect, target_of
from batt_operator.commands.configuration import default_results
from batt_operator.commands.control import Change, apply_decision, regrade, retry_failed
from batt_operator.commands.difference import Difference, fixed_differences
from batt_operator.commands.results import place_of
from batt_operator.commands.runs import Run, get_run, read_run, runs_path
from batt_operator.commands.submit import apply_run, in_namespace, renamed, upload_all, upload_root
from batt_operator.commands.uploads import find_uploads, with_uploads, with_value
from batt_operator.commands.watch import watch_run

RUN_ID = "spec.hal.runId"
"""The field of HAL's id, which a run gets from us where its user gives it none."""


def hal_eval_on_cluster(run: BenchmarkRun, options: argparse.Namespace) -> int:
    """Upload what the run names here, start it or find it again, follow it, and bring HAL's files here.

    Returns:
        0 where every task has a result, else 1.
    """
    cluster = connect(target_of(options))

    def say(text: str) -> None:
        print(text, file=sys.stderr if options.json else sys.stdout, flush=True)

    with tempfile.TemporaryDirectory(prefix="batt-submit-") as scratch:
        uploads = find_uploads(run, Path(), Path(scratch))
        root = upload_root(run, options.upload_to, uploads, lambda: default_results(cluster))
        run = in_namespace(with_uploads(run, uploads, root), cluster)
        runs = runs_of(cluster)
        if options.continue_run or options.regrade:
            name, told = take_up(cluster, runs, run, regrade if options.regrade else retry_failed)
            say(f"{name}: {told}")
        elif found := find_going(runs, run):
            name = found.name
            say(f"{name}: goes on already, as {found.spec['hal'].get('runId', name)}")
        else:
            run = with_run_id(renamed(run, free_name(runs, run.metadata.name)))
            apply_run(cluster, run, is_trial=True)  # before the upload: what is refused needs none
            upload_all(uploads, root, Path())
            name = apply_run(cluster, run).run.name
            say(f"{name}: created in namespace {cluster.namespace}, as {hal_of(run).run_id}")
            tell_of_keys(run)
    code = watch_run(cluster, name, is_json=options.json)
    bring(get_run(cluster, name), Path(options.results_dir), is_json=options.json)
    return code


def tell_of_keys(run: BenchmarkRun) -> None:
    """Say that agents in pods do not have the keys of this shell, where it has some and the run names no Secret."""
    keys = sorted(name for name in os.environ if name.endswith("_API_KEY"))
    if keys and not run.spec.env_from:
        literals = " ".join(f"--from-literal={name}=${name}" for name in keys)
        remedy = f"kubectl create secret generic keys {literals}; then say --secret keys"
        print(f"agents in pods have no {', '.join(keys)}; if yours needs it: {remedy}", file=sys.stderr, flush=True)


def runs_of(cluster: Cluster) -> list[Run]:
    """Return the runs of the namespace."""
    return [read_run(one) for one in cluster.pages(runs_path(cluster.namespace))]


def find_going(runs: list[Run], wanted: BenchmarkRun) -> Run | None:
    """Return the run that the same command has started and that has not ended yet; None where there is none."""
    going = [one for one in runs if one.spec.get("hal") and not one.is_over]
    return next((one for one in going if not differences(one, wanted)), None)


def differences(found: Run, wanted: BenchmarkRun) -> list[Difference]:
    """Return in what a run on the cluster is another one than is wanted; an id that nobody asked for does not count."""
    there = parse_run({**wanted.to_manifest(), "metadata": {"name": found.name}, "spec": found.spec})
    asked = hal_of(wanted).run_id
    return [one for one in fixed_differences(there, wanted) if one.where != RUN_ID or asked is not None]


def free_name(runs: list[Run], name: str) -> str:
    """Return a name that no run of the namespace has: the one asked for, else with a number."""
    taken = {one.name for one in runs}
    number = 1
    free = name
    while free in taken:
        number += 1
        suffix = f"-{number}"
        free = name[: NAME_CHARACTERS - len(suffix)].rstrip("-") + suffix
    return free


def with_run_id(run: BenchmarkRun) -> BenchmarkRun:
    """Return the run with an id of HAL's, so that its user knows it from the start."""
    spec = hal_of(run)
    if spec.run_id is not None:
        return run
    made = run_id(spec.benchmark, spec.agent.name, datetime.now(UTC), secrets.token_hex(4))
    return with_value(run, "spec.hal.run_id", made)


def take_up(cluster: Cluster, runs: list[Run], run: BenchmarkRun, decide: Callable[[Run], Change]) -> tuple[str, str]:
    """Start a further attempt of the run that has HAL's id; return its name, and what to tell of it.

    Raises:
        SpecError: there is none, or it was another agent's, or of other arguments or tasks: all differences are named.
    """
    wanted = hal_of(run).run_id
    found = [one for one in runs if (one.spec.get("hal") or {}).get("runId") == wanted]
    if not found:
        remedy = "batt list shows the runs, -n names the namespace"
        rule = f"must be that of a run in namespace {cluster.namespace}"
        raise SpecError([Fault("--run_id", shown(wanted), rule, remedy)])
    newest = max(found, key=lambda one: str(one.metadata.get("creationTimestamp", "")))
    remedy = "undo the change, or start a new run under another run id"
    faults = [
        Fault(one.where, shown(one.here), f"must be {shown(one.there)}, as before", remedy)
        for one in differences(newest, run)
    ]
    if faults:
        raise SpecError(faults, str(wanted))
    return newest.name, apply_decision(cluster, newest.name, decide)


def bring(run: Run, folder: Path, *, is_json: bool) -> None:
    """Bring HAL's files of a run here and say how good the agent was."""
    place = place_of(run)
    results = parse_results(read_results(place), place.uri)
    made = [str(folder / one) for one in export_hal(results, place, folder)]
    summary = summary_from_json(read_json(place.root, f"{place.folder}/{summary_path(place.attempt)}")["summary"])
    if is_json:
        print(json.dumps({"event": "results", "accuracy": summary.accuracy, "cost": summary.cost, "hal": made}))
        return
    print()
    print("\n".join([*hal_summary_lines(summary), *(f"hal         {one}" for one in made)]))

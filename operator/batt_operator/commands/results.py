"""`batt results NAME` and `batt export`: a run's results from the bucket into a folder."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from batt.errors import AlreadyExistsError, InputError, RunError
from batt.export import (
    RunPlace,
    export_hal,
    export_tree,
    find_results,
    parse_results,
    read_files,
    read_results,
    results_in,
)
from batt.folder import DirectoryStore
from batt.store import GCS_SCHEME, open_store
from batt_operator.commands.client import connect, target_of
from batt_operator.commands.control import has_all
from batt_operator.commands.runs import Run, get_run

TELL_SECONDS = 2.0
"""How often the progress of fetching is told."""


def results_command(options: argparse.Namespace) -> int:
    """Bring the results of a run on the cluster into a folder of its name; 0 only if they are whole."""
    run = get_run(connect(target_of(options)), options.name)
    place = place_of(run)
    files = read_files(place)
    target = DirectoryStore(options.output / run.name)
    write_files(target, files)
    results = parse_results(files["results.json"], place.uri)
    if results.get("kind") == "hal":
        print(f"{target.uri}: results.json, and for HAL's tools {', '.join(export_hal(results, place, target.root))}")
    else:
        made = export_tree(results, place, target, telling())
        print(f"{target.uri}: results.json, {made.links} links to solvers and differs")
    if "report.html" in files:
        print(f"report      {target.uri}/report.html")
    missing = results["missing_shards"]
    if missing or not has_all(run):
        state = f"the run is {run.status.phase}, {len(missing)} of its shards have no result"
        print(f"PARTIAL: {state}; batt retry-failed {run.name} tries them again", file=sys.stderr)
        return 1
    return 0


def export_command(options: argparse.Namespace) -> int:
    """Make the trees of a run in a folder; the run is a URI, or one on the cluster by its name."""
    place = named_place(options)
    results = parse_results(read_results(place), place.uri)
    if results.get("kind") == "hal":
        for folder in export_hal(results, place, options.folder):
            print(f"{options.folder}/{folder}")
        return 0
    made = export_tree(results, place, DirectoryStore(options.folder), telling())
    print(f"{options.folder}: {made.links} links, {made.texts} new texts")
    return 0


def named_place(options: argparse.Namespace) -> RunPlace:
    """Return the results that the command line names: anything with a slash is a URI or path."""
    if "/" in options.source or options.source.startswith(GCS_SCHEME):
        return find_results(options.source, Path())
    return place_of(get_run(connect(target_of(options)), options.source))


def place_of(run: Run) -> RunPlace:
    """Return where the results of a run are, as its status says.

    Raises:
        RunError: nothing has been planned yet, so there is nothing.
        InputError: there are no results yet.
    """
    uri, folder = run.status.results.rstrip("/"), run.status.run_id.strip("/")
    if not uri or not folder:
        remedy = f"wait for its end: batt watch {run.name}"
        raise RunError(f"{run.name}: got no results, it is {run.status.phase}; it must have been planned; {remedy}")
    root = uri.rpartition(f"/{folder}")[0]
    if not root:
        rule = f"must hold the folder of status.runId, {folder!r}"
        raise InputError(f"status.results: got {uri!r}; {rule}; name the folder: batt export URI DIR")
    try:
        return results_in(open_store(root, Path()), folder)
    except InputError as error:
        if run.is_over:
            rule = f"it ended without any: {run.status.message or run.status.phase}"
            raise RunError(f"{run.name}: got no results; {rule}; batt logs {run.name} --failed may say why") from error
        message = f"{run.name}: got no results yet, it is {run.status.phase}; it must end first; batt watch {run.name}"
        raise RunError(message) from error


def write_files(target: DirectoryStore, files: Mapping[str, bytes]) -> None:
    """Write files; those that are there stay if they are equal.

    Raises:
        AlreadyExistsError: others are there; nothing was written.
    """
    there = {name: target.read(name) for name in files if target.exists(name)}
    other = [name for name, data in there.items() if data != files[name]]
    if other:
        message = f"{target.uri}: got another {other[0]} there; results are not overwritten; move it, or say -o DIR"
        raise AlreadyExistsError(message)
    for name in files.keys() - there.keys():
        target.create(name, files[name])


def telling() -> Callable[[int, int], None]:
    """Return a function that tells on standard error, every few seconds, how many texts have been fetched."""
    told = time.monotonic()

    def tell(done: int, texts: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            print(f"{done}/{texts} texts", file=sys.stderr, flush=True)

    return tell

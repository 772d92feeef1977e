"""`batt submit FILE`: uploads what the run file names on this machine and creates the run on the cluster."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from batt.api import BenchmarkRun
from batt.errors import Fault, SpecError, shown
from batt.runfile import load_run, parse_run
from batt.store import GCS_SCHEME, open_store
from batt_operator.commands.client import Cluster, ConflictError, Target, connect, target_of
from batt_operator.commands.configuration import default_results
from batt_operator.commands.difference import changes, fault_of, fixed_differences
from batt_operator.commands.runs import Run, change_run, create_run
from batt_operator.commands.uploads import Upload, UploadFile, find_uploads, missing_files, send, with_uploads

UPLOADS = "uploads"
"""Folder below the results where uploads go."""

TELL_SECONDS = 2.0
"""How often the progress of an upload is told."""


class Applied(NamedTuple):
    """What became of a run file on the cluster: `created`, `unchanged` or `changed`, and the run as it is then."""

    outcome: str
    run: Run


def submit_command(options: argparse.Namespace) -> int:
    """Upload and create a run; with --watch, follow it to its end."""
    run = asked_run(options)
    cluster = connect(submit_target(run, target_of(options)))
    base = options.file.parent
    with tempfile.TemporaryDirectory(prefix="batt-submit-") as scratch:
        uploads = find_uploads(run, base, Path(scratch), may_leave=options.follow_links)
        root = upload_root(run, options.upload_to, uploads, lambda: default_results(cluster))
        run = in_namespace(with_uploads(run, uploads, root), cluster)
        applied = apply_run(cluster, run, is_trial=True)  # before the upload: what is refused needs none
        if options.dry_run:
            print(yaml.safe_dump(manifest_of(run), sort_keys=False), end="")
            told = ", ".join(f"{len(upload.files)} files to {upload.uri(root)}" for upload in uploads) or "nothing"
            print(f"{run.metadata.name}: {applied.outcome} (dry run); would upload {told}", file=sys.stderr)
            return 0
        if applied.outcome != "unchanged" or not applied.run.is_over:
            upload_all(uploads, root, base)
    applied = apply_run(cluster, run)
    print(outcome_line(applied, options.file))
    if not options.watch:
        return 0
    from batt_operator.commands.watch import watch_run  # noqa: PLC0415 # not for a submit alone

    return watch_run(cluster, run.metadata.name, is_json=options.json)


def asked_run(options: argparse.Namespace) -> BenchmarkRun:
    """Return the run of the file with what the flags say in the place of its words.

    Raises:
        SpecError: the file has faults, or its results lie where a cluster cannot write.
    """
    run = load_run(options.file)
    if options.name:
        run = renamed(run, options.name)
    if options.results:
        run = run.model_copy(update={"spec": run.spec.model_copy(update={"results": options.results})})
    results = run.spec.results
    if results is not None and not results.startswith(GCS_SCHEME):
        rule = f"must be {GCS_SCHEME}BUCKET/PATH on a cluster"
        remedy = "say --results gs://..., or leave it out for the operator's bucket"
        raise SpecError([Fault("spec.results", shown(results), rule, remedy)], str(options.file))
    return run


def renamed(run: BenchmarkRun, name: str) -> BenchmarkRun:
    """Return the run under another name; SpecError where no run can be called so."""
    changed = run.to_manifest()
    changed["metadata"]["name"] = name
    checked = parse_run(changed).metadata.name
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"name": checked})})


def in_namespace(run: BenchmarkRun, cluster: Cluster) -> BenchmarkRun:
    """Return the run in the namespace that the cluster's target names."""
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"namespace": cluster.namespace})})


def upload_root(
    run: BenchmarkRun, asked: str | None, uploads: Sequence[Upload], usual: Callable[[], str | None]
) -> str:
    """Return the URI that uploads go to: what --upload-to says, else a folder of the results.

    Args:
        usual: tells where the results of runs go that do not say so, as far as that can be known.

    Raises:
        SpecError: there is something to upload, and no place for it is known.
    """
    if asked is not None and not asked.startswith(GCS_SCHEME):
        rule = f"must be {GCS_SCHEME}BUCKET/PATH: pods read it there"
        raise SpecError([Fault("--upload-to", shown(asked), rule, "name a bucket")])
    if asked:
        return asked
    if run.spec.results:
        return f"{run.spec.results.rstrip('/')}/{UPLOADS}"
    if not uploads:
        return ""
    if results := usual():
        return f"{results.rstrip('/')}/{UPLOADS}"
    files = ", ".join(upload.name for upload in uploads)
    rule = f"must be known: {files} must be uploaded to a bucket that the pods can read"
    remedy = "set spec.results, or say --results gs://BUCKET/PATH, or --upload-to gs://BUCKET/PATH"
    raise SpecError([Fault("spec.results", "nothing", rule, remedy)])


def submit_target(run: BenchmarkRun, target: Target) -> Target:
    """Return the target with the file's namespace; SpecError where file and flag name different ones."""
    said = run.metadata.namespace if "namespace" in run.metadata.model_fields_set else ""
    if said and target.namespace and said != target.namespace:
        rule = f"must be {target.namespace}, as -n says"
        raise SpecError([Fault("metadata.namespace", shown(said), rule, "drop either")])
    return target._replace(namespace=target.namespace or said)


def manifest_of(run: BenchmarkRun) -> dict[str, Any]:
    """Return the run as JSON data with what the file says and no more: the cluster fills in its defaults."""
    return run.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def apply_run(cluster: Cluster, run: BenchmarkRun, *, is_trial: bool = False) -> Applied:
    """Create the run, or change the one of its name into it where that can be.

    Raises:
        SpecError: it is there and differs in what cannot change; one fault a field.
        RefusedError: the cluster refuses it.
    """
    try:
        return Applied("created", create_run(cluster, manifest_of(run), is_trial=is_trial))
    except ConflictError:
        pass  # it is there
    patches: list[Mapping[str, Any]] = []

    def change(found: Run) -> Mapping[str, Any]:
        there = parse_run({**manifest_of(run), "metadata": found.metadata, "spec": found.spec})
        differences = fixed_differences(there, run)
        if differences:
            raise SpecError([fault_of(one, run.metadata.name) for one in differences])
        patches.append(changes(there, run))
        return patches[-1]

    found = change_run(cluster, run.metadata.name, change, is_trial=is_trial)
    return Applied("changed" if patches[-1] else "unchanged", found)


def outcome_line(applied: Applied, file: Path) -> str:
    """Return what to tell the user: what was done, and what to type next."""
    run = applied.run
    if applied.outcome == "unchanged" and run.is_over:
        again = f"to run it again: batt submit {file} --name OTHER, or batt retry-failed {run.name}"
        return f"{run.name}: unchanged; it has ended ({run.status.phase}); {again}"
    return f"{run.name}: {applied.outcome} in namespace {run.namespace}; follow it: batt watch {run.name}"


def upload_all(uploads: Sequence[Upload], root: str, base: Path) -> None:
    """Upload what the store does not have yet, and tell how far it is."""
    if not uploads:
        return
    store = open_store(root, base)
    for upload in uploads:
        files = missing_files(upload, store)
        if not files:
            print(f"{upload.name}: is in {upload.uri(root)} already", file=sys.stderr)
            continue
        progress = Progress(upload.name, files)
        send(upload, files, store, progress.sent)
        print(f"{upload.name}: {progress.standing()} uploaded to {upload.uri(root)}", file=sys.stderr)


class Progress:
    """Tells how far an upload is, at most every few seconds."""

    def __init__(self, name: str, files: Sequence[UploadFile]) -> None:
        self.name = name
        self.number = len(files)
        self.size_bytes = sum(file.size_bytes for file in files)
        self.done = 0
        self.done_bytes = 0
        self.told = time.monotonic()

    def sent(self, file: UploadFile) -> None:
        """Count a file that has been sent."""
        self.done += 1
        self.done_bytes += file.size_bytes
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.told = time.monotonic()
            print(f"{self.name}: {self.standing()}", file=sys.stderr, flush=True)

    def standing(self) -> str:
        """Return how many files and megabytes are done, of how many."""
        files = f"{self.done}/{self.number} file{'s' * (self.number != 1)}"
        return f"{files}, {self.done_bytes / 1e6:.1f}/{self.size_bytes / 1e6:.1f} MB"

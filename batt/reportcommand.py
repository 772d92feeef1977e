"""`batt report` and `batt compare`: pages of what is stored of runs, whichever version of batt has collected them."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from batt.attempts import PodTimes, ShardEnd, read_notes, read_sessions
from batt.errors import AlreadyExistsError, InputError, NotFoundError
from batt.export import ATTEMPT, RESULTS_BYTES, RunPlace, find_results, parse_results, reading
from batt.folder import DirectoryStore
from batt.hal.records import record_from_json
from batt.hal.report import effort_of, report_of
from batt.names import MANIFEST, hal_file, results_path, shard_result
from batt.objects import TEMPORARY_PREFIX, ObjectStore
from batt.parallel import for_each
from batt.report.compared import compared_json, compared_lines, compared_report
from batt.report.comparison import Side, compare, side_of
from batt.report.model import Report
from batt.report.page import page_html
from batt.report.solvers import SolverDigest, solver_report
from batt.report.timeline import Effort
from batt.results import Charge, charge_from_json
from batt.store import GCS_SCHEME, local_path, open_store, read_as

Made = TypeVar("Made")

RESULTS = "results.json"
"""The file that names an attempt's results."""


PAGE = "report.html"
"""The file beside it that is made (names.py, report_path)."""


class Source(NamedTuple):
    """Results that somebody has named.

    root, folder: the store that they lie in, and where in it, "" for its top. data: results.json.
    place: of the run, with all that is stored of it; None of results that were brought away from there.
    """

    root: ObjectStore
    folder: str
    data: bytes
    place: RunPlace | None

    @property
    def uri(self) -> str:
        """URI of results.json."""
        return "/".join(filter(None, (self.root.uri, self.folder, RESULTS)))

    def path(self, name: str) -> str:
        """Return the path of what lies beside the results."""
        return f"{self.folder}/{name}" if self.folder else name


def report_command(options: argparse.Namespace) -> int:
    """Make the page of a run's results again, beside them or where -o says."""
    source = find_source(options.source)
    with reading(source.uri):
        page = page_html(stored_report(source))
    print(f"report      {put_page(page, source) if options.output is None else put_file(page, options.output)}")
    return 0


def compare_command(options: argparse.Namespace) -> int:
    """Compare two runs: a page of it, and its numbers here."""
    before, after = read_side(options.before), read_side(options.after)
    with reading(f"{before.uri} or {after.uri}"):
        comparison = compare(before, after)
        page = page_html(compared_report(comparison))
        told = compared_json(comparison) if options.json else compared_lines(comparison)
    place = put_file(page, options.output)
    if isinstance(told, dict):
        print(json.dumps({**told, "report": place}))
        return 0
    for line in [*told, f"report      {place}"]:
        print(line)
    return 0


def read_side(uri: str) -> Side:
    """Return one run of a comparison."""
    source = find_source(uri)
    with reading(source.uri):
        return side_of(parse_results(source.data, source.uri), source.uri)


def find_source(uri: str) -> Source:
    """Return the results that a URI names: a run's folder, an attempt's, or results.json, wherever it was brought.

    Raises:
        InputError: there are none.
        StoreError: the store cannot be reached.
    """
    named = (
        GCS_SCHEME + uri.removeprefix(GCS_SCHEME).rstrip("/")
        if uri.startswith(GCS_SCHEME)
        else str(local_path(uri, Path.cwd()).resolve())
    )
    lone = lone_results(named)
    if lone is not None:
        return Source(lone, "", lone.read(RESULTS, RESULTS_BYTES), None)
    place = find_results(named, Path())
    path = f"{place.folder}/{results_path(place.attempt)}"
    return Source(place.root, path.rpartition("/")[0], place.root.read(path, RESULTS_BYTES), place)


def lone_results(uri: str) -> ObjectStore | None:
    """Return the folder of a results.json that lies in no run's folder; None where that is not what a URI names."""
    if ATTEMPT.fullmatch(uri):
        return None
    above, _, name = uri.rpartition("/")
    if name == RESULTS:
        return open_store(above, Path())
    store = open_store(uri, Path())
    return store if store.exists(RESULTS) and not store.exists(MANIFEST) else None


def stored_report(source: Source) -> Report:
    """Return the report of results, from what is stored of the run."""
    results = parse_results(source.data, source.uri)
    summary = read_summary(source)
    attempt = source.place.attempt if source.place else summary.get("summary", {}).get("attempt", 1)
    if results.get("kind") == "hal":
        return stored_hal_report(source, results, summary, attempt)
    digest = SolverDigest()
    for task in results["tasks"]:
        digest.add(task)
    head = {name: value for name, value in results.items() if name != "tasks"}
    return solver_report(head, digest, attempt, solver_effort(source.place, summary))


def read_summary(source: Source) -> Mapping[str, Any]:
    """Return what summary.json beside the results holds, nothing where there is none."""

    def checked(value: Any) -> dict[str, Any]:  # JSON: what collect has written
        summary = dict(value.get("summary", {}))
        shards = [(int(index), writer) for index, writer in value.get("shards", ())]
        made_from = [(int(index), str(path), score) for index, path, score in value.get("made_from", ())]
        spent_of(summary)
        return {**value, "summary": summary, "shards": shards, "made_from": made_from}

    try:
        return read_as(source.root, source.path("summary.json"), checked)
    except NotFoundError:
        return {}


def spent_of(told: Mapping[str, Any]) -> tuple[float, float, Charge | None]:
    """Return seconds of pods, those that were wasted, and what they cost, as a stored summary has them."""
    seconds, wasted = (float(told.get(name, 0.0)) for name in ("pod_seconds", "wasted_seconds"))
    return seconds, wasted, charge_from_json(told.get("charge"))


def solver_effort(place: RunPlace | None, summary: Mapping[str, Any]) -> Effort:
    """Return how a run was worked on: nothing is known where the run is not there."""
    told = summary.get("summary", {})
    spent = spent_of(told)
    if place is None:
        return Effort((), {}, *spent)
    paths = {index: f"{place.folder}/{shard_result(index)}" for index, _ in summary.get("shards", ())}
    ends = read_stored(place.root, paths, shard_end)
    return Effort(tuple(read_pods(place)), {index: end for index, end in ends.items() if end.end}, *spent)


def shard_end(value: Any) -> ShardEnd:  # JSON: a shard's result
    """Return who has made a shard's result, and when; an older version has noted less."""
    begin = value.get("begin") or next(iter(value["validated"]), 0.0)
    return ShardEnd(str(value.get("pod", "")), float(value.get("end", 0.0)), float(begin))


def read_stored(root: ObjectStore, paths: Mapping[int, str], make: Callable[[Any], Made]) -> dict[int, Made]:
    """Return what `make` makes of the object at each path, by index.

    Absent ones are left out: a user has deleted them to have them done again, or has copied the results without them.
    """

    def read(path: str) -> Made | None:
        try:
            return read_as(root, path, make)
        except NotFoundError:
            return None

    found = zip(paths, for_each(root, read, paths.values()), strict=True)
    return {index: made for index, made in found if made is not None}


def read_pods(place: RunPlace) -> list[PodTimes]:
    """Return who worked when, until the attempt of the results."""
    pods = [*read_notes(place.root, place.folder), *read_sessions(place.root, place.folder)]
    return [pod for pod in pods if pod.attempt <= place.attempt]


def stored_hal_report(source: Source, results: Any, summary: Mapping[str, Any], attempt: int) -> Report:
    """Return the report of a HAL run; of one that is not there without what only its records say."""
    place = source.place
    told = summary.get("summary", {})
    spent = spent_of(told)
    if place is None:
        return report_of(source.data, attempt, {}, Effort((), {}, *spent), lambda _path, _repeat: None)
    paths = {index: path for index, path, _ in summary.get("made_from", ())}
    records = read_stored(place.root, paths, record_from_json)

    def read_log(path: str, repeat: int) -> bytes | None:
        folder = hal_file(place.attempt, told.get("benchmark", ""), results["run_ids"][repeat - 1])
        try:
            return place.root.read(f"{place.folder}/{folder}/{path}")
        except NotFoundError:
            return None

    return report_of(source.data, attempt, records, effort_of(read_pods(place), records, *spent), read_log)


def put_page(page: bytes, source: Source) -> str:
    """Put a page beside its results; return where.

    In a run's folder it takes the place of one that is there. Objects of a bucket are written once; and beside results
    that were brought away lies the page that came with them, which says more than one without the run can.

    Raises:
        AlreadyExistsError: there is another page that stays.
    """
    path = source.path(PAGE)
    folder = source.root.root if isinstance(source.root, DirectoryStore) else None
    if folder is not None and source.place is not None:
        return put_file(page, folder / path)
    where = f"{source.root.uri}/{path}" if folder is None else shown_path(folder / path)
    try:
        source.root.create(path, page)
    except AlreadyExistsError as error:
        if source.root.read(path) != page:
            rule = "only in a run's own folder is it replaced"
            raise AlreadyExistsError(f"{where}: got another page there; {rule}; read that, or say -o FILE") from error
    return where


def put_file(page: bytes, path: Path) -> str:
    """Write a page into a file, instead of what is there, whole or not at all; return its path.

    Raises:
        InputError: it cannot be written.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        try:
            temporary.write_bytes(page)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        rule = "must be a file that can be written"
        raise InputError(f"{path}: got {error.strerror}; {rule}; choose another by -o") from error
    return shown_path(path)


def shown_path(path: Path) -> str:
    """Return a path as its user finds it: from the current folder where it lies below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)

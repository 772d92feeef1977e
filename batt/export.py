"""Brings a run's results home: its results.json, and solver and differ trees or HAL's files, made anew in a folder.

A bucket has no links: solver_md5 holds each program once, and where its links belong, results.json says.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import FORM_ERRORS, InputError, NotFoundError, shown
from batt.folder import DirectoryStore, replace_folder
from batt.hal.arguments import benchmark_name
from batt.names import MANIFEST, hal_file, results_path, summary_path
from batt.objects import ObjectStore, checked_path
from batt.parallel import read_many
from batt.store import GCS_SCHEME, local_path, open_store
from batt.tree import Link, differ_file, set_links, solver_file, write_text

RESULTS_BYTES = 4 * 2**30
"""Biggest results.json that is read."""

SHOWN_RUNS = 10
"""Most runs that a message names."""

ATTEMPT = re.compile(r"(?P<folder>.*)/out/(?P<attempt>\d+)(/results\.json)?")
"""The URI of one attempt's results."""

LINK = re.compile(
    r"(?P<home>(solver_dir|differ_dir/(iz|zo))/solve_[A-Za-z0-9][A-Za-z0-9._-]{0,127})"
    r"/-?\d{1,9}/-?\d{1,9}/(?P<md5>[0-9a-f]{32})\.py"
)
"""A link of a tree. Nothing else is made, so that no results can write outside the folder."""

RUN = re.compile(rf"(?P<folder>([^/]+/)?[^/]+)/{re.escape(MANIFEST)}")
"""The manifest of a run, seen from the results folder or from a namespace's in it."""


class RunPlace(NamedTuple):
    """Where a run's results are: the store of all results, the run's folder in it, and the attempt."""

    root: ObjectStore
    folder: str
    attempt: int

    @property
    def uri(self) -> str:
        """URI of the results."""
        return f"{self.root.uri}/{self.folder}/{results_path(self.attempt)}"


class Exported(NamedTuple):
    """What an export has made: links in all, and texts that were not there before."""

    links: int
    texts: int


def find_results(uri: str, base: Path) -> RunPlace:
    """Return the place of a run's results; of several attempts the last that has written them.

    Args:
        uri: the run's folder (it holds manifest.json), or an attempt's results.json; a bucket's or a path.
        base: where relative paths start.

    Raises:
        InputError: it is no run's folder, or the run has no results yet.
        StoreError: the store cannot be reached.
    """
    plain = (uri if uri.startswith(GCS_SCHEME) else str(local_path(uri, base))).rstrip("/")
    named = ATTEMPT.fullmatch(plain)
    parent, name = split(named["folder"] if named else plain)
    above, namespace = split(parent)
    if not namespace:
        raise InputError(_no_run(uri, open_store(plain, base)))
    return results_in(open_store(above, base), f"{namespace}/{name}", int(named["attempt"]) if named else 0)


def split(uri: str) -> tuple[str, str]:
    """Return what stands before and behind the last slash of a URI; nothing behind where only a bucket is left."""
    above, _, name = uri.rpartition("/")
    return (uri, "") if above in {"gs:/", ""} else (above, name)


def results_in(root: ObjectStore, folder: str, attempt: int = 0) -> RunPlace:
    """Return the place of the results of a run's folder; attempt 0 means the last one. Raises as find_results."""
    paths = root.list(f"{folder}/out/")
    numbers = [int(path.split("/")[-2]) for path in paths if re.fullmatch(r".*/out/\d+/results\.json", path)]
    if attempt in numbers or (numbers and not attempt):
        return RunPlace(root, folder, attempt or max(numbers))
    where = f"{root.uri}/{folder}"
    if not root.exists(f"{folder}/{MANIFEST}"):
        raise InputError(_no_run(where, open_store(where, Path())))
    remedy = f"choose one of {sorted(numbers)}" if numbers else "wait for the run's end"
    raise InputError(f"{where}: got no results{f' of attempt {attempt}' if attempt else ''} there yet; {remedy}")


def _no_run(uri: str, store: ObjectStore) -> str:
    """Return what is wrong with a URI that is no run's folder, and which runs lie below it."""
    runs = [found["folder"] for found in map(RUN.fullmatch, store.list()) if found]
    some = ", ".join(runs[:SHOWN_RUNS]) + (f" and {len(runs) - SHOWN_RUNS} more" if len(runs) > SHOWN_RUNS else "")
    remedy = f"name one of those below it: {some}" if runs else "it is told by batt watch, and by status.results"
    return f"{uri}: got no {MANIFEST} there; must be the folder of a run, RESULTS/NAMESPACE/NAME-UID; {remedy}"


def read_results(place: RunPlace) -> bytes:
    """Return results.json as it is stored."""
    return place.root.read(f"{place.folder}/{results_path(place.attempt)}", RESULTS_BYTES)


def read_files(place: RunPlace) -> dict[str, bytes]:
    """Return the files of a run's results by name: results.json, and summary.json and report.html where they are."""
    files = {"results.json": read_results(place)}
    beside = f"{place.folder}/{summary_path(place.attempt)}".rpartition("/")[0]
    for name in ("summary.json", "report.html"):
        try:
            files[name] = place.root.read(f"{beside}/{name}", RESULTS_BYTES)
        except NotFoundError:
            continue
    return files


def parse_results(data: bytes, uri: str) -> dict[str, Any]:
    """Return the value of results.json; InputError where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        rule = "must be results.json as batt writes it"
        raise InputError(f"{uri}: got {shown(str(error))}; {rule}; get it anew, or run again") from error
    if not isinstance(value, dict) or value.get("schema") != 1:
        raise InputError(f"{uri}: got another form; must be results.json of schema 1; use the batt that wrote it")
    return value


@contextlib.contextmanager
def reading(uri: str) -> Iterator[None]:
    """Say of results that have another form than batt writes where they lie: a stranger may have written them.

    Raises:
        InputError: they have.
    """
    try:
        yield
    except FORM_ERRORS as error:
        got = shown(f"{type(error).__name__}: {error}")
        rule = "must be results as batt writes them, like what lies beside them"
        raise InputError(
            f"{uri}: got another form ({got}); {rule}; get them anew, or use the batt that wrote them"
        ) from error


def links_of(results: Mapping[str, Any], uri: str) -> Iterator[Link]:
    """Yield the links of the trees that results tell of.

    Raises:
        InputError: something else than a link of a tree stands there.
    """
    with reading(uri):
        for task in results["tasks"]:
            for candidate in task["candidates"]:
                if "link" in candidate:
                    yield _link(candidate["link"], uri)
            for differ in task.get("differs", ()):
                yield from (_link(path, uri) for path in differ["differ_links"])


def export_hal(results: Mapping[str, Any], place: RunPlace, target: Path) -> list[str]:
    """Bring HAL's files of a run into a folder, as `<benchmark>/<run id>` for each repeat, instead of what lies there.

    Returns:
        Those folders.

    Raises:
        StoreError: a file cannot be read or written.
    """
    with reading(place.uri):
        benchmark, run_ids = benchmark_name(results["hal"]["benchmark"]), list(map(str, results["run_ids"]))
    made = []
    for run_id in run_ids:
        with tempfile.TemporaryDirectory(prefix="batt-results-") as scratch:
            fresh = DirectoryStore(Path(scratch))
            prefix = f"{place.folder}/{hal_file(place.attempt, benchmark, run_id)}/"
            for fetched in read_many(place.root, place.root.list(prefix)):
                if not isinstance(fetched.data, bytes):
                    raise fetched.data
                fresh.create(fetched.path.removeprefix(prefix), fetched.data)
            replace_folder(Path(scratch), target / checked_path(f"{benchmark}/{run_id}", place.uri))
        made.append(f"{benchmark}/{run_id}")
    return made


def _link(path: str, uri: str) -> Link:
    found = LINK.fullmatch(path)
    if not found:
        raise InputError(f"{uri}: got the link {shown(path)}; must lie in solver_dir or differ_dir; get results anew")
    file = solver_file if found["home"].startswith("solver_dir") else differ_file
    return Link(path, file(found["md5"]))


def export_tree(
    results: Mapping[str, Any],
    place: RunPlace,
    target: DirectoryStore,
    tell: Callable[[int, int], None] = lambda _done, _texts: None,
) -> Exported:
    """Make the trees of a run in a folder; what other runs have made there stays, but a moved file's old link.

    The same again changes nothing.

    Args:
        results: the value of results.json.
        place: where it was read.
        target: the folder.
        tell: called with how many texts have been fetched, and how many there are to fetch.

    Raises:
        InputError: the results name what is no link.
        StoreError: a text is missing, or the folder cannot be written.
    """
    links = list(links_of(results, place.uri))
    wanted = sorted({link.target for link in links})
    missing = [path for path in wanted if not target.exists(path)]
    for done, fetched in enumerate(read_many(place.root, missing), 1):
        if not isinstance(fetched.data, bytes):
            raise fetched.data
        write_text(target, fetched.path, fetched.data.decode())
        tell(done, len(missing))
    homes: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        homes["/".join(link.path.split("/")[:-3])].append(link)
    for home, some in homes.items():
        set_links(target, home, some)
    return Exported(len({link.path for link in links}), len(missing))

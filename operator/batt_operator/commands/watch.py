"""`batt watch NAME`: follows a run to its end, whatever happens to the connection meanwhile."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from batt.errors import RunError
from batt.status import Phase
from batt_operator.commands.client import (
    AbsentError,
    Cluster,
    ClusterError,
    ExpiredError,
    ForbiddenError,
    connect,
    segment,
    target_of,
)
from batt_operator.commands.displays import Display, open_display
from batt_operator.commands.ending import ending_json, ending_lines, exit_code
from batt_operator.commands.runs import Run, get_run, read_run, runs_path
from batt_operator.commands.standing import Counts, Pace, added, job_counts, ran_seconds, standing_of, work_job_names

SLICE_SECONDS = 5
"""How long one watch lasts: between two, the Job's own counts are read and the display is drawn anew."""

PATIENCE_SECONDS = 900.0
"""How long a cluster may not answer before we give up: longer than an upgrade of its control plane takes."""

LONGEST_PAUSE_SECONDS = 10.0
"""Between two tries to reach a cluster that does not answer; the first comes after one second."""


class GoneError(RunError):
    """The run was deleted while it was watched."""


def watch_command(options: argparse.Namespace) -> int:
    """Follow a run to its end; 0 only if every shard has a result."""
    return watch_run(connect(target_of(options)), options.name, is_json=options.json)


def watch_run(cluster: Cluster, name: str, *, is_json: bool) -> int:
    """Follow a run to its end, show it meanwhile, print the summary; return the exit code."""
    first = get_run(cluster, name)  # before the display: a wrong name needs none
    display = open_display(name, is_json=is_json)
    try:
        run = follow(cluster, first, display)
    finally:
        display.close()
    if is_json:
        print(json.dumps(ending_json(run)), flush=True)
    else:
        print("\n".join(ending_lines(run)))
    return exit_code(run)


def follow(cluster: Cluster, first: Run, display: Display) -> Run:
    """Show a run until it is over; return it as it is then.

    Raises:
        GoneError: it was deleted.
        ClusterError: the cluster has not answered for long, or the user may not look.
    """
    pace, jobs = Pace(), JobReader(cluster)
    for run in sightings(cluster, first, display.note):
        standing = standing_of(run, None if run.is_over else jobs.read(run))
        pace.note(standing, time.monotonic(), ran_seconds(run, datetime.now(UTC)))
        display.show(standing, pace)
        if run.is_over:
            return run
    raise AssertionError("sightings end only by an error")


def sightings(cluster: Cluster, first: Run, tell: Callable[[str], None]) -> Iterator[Run]:
    """Yield the run at once, whenever it changes, and every few seconds; raises GoneError once it is deleted."""
    run = first
    silent_since: float | None = None
    failures = 0
    while True:
        yield run
        try:
            for seen in changes_of(cluster, run):
                run = seen
                yield run
            silent_since, failures = None, 0
        except (ExpiredError, ForbiddenError):  # look anew: the version is too old, or watching is not allowed
            run = look_again(cluster, run)
            time.sleep(1.0)  # not a busy loop where watching is never allowed
        except ClusterError as error:
            now = time.monotonic()
            if silent_since is None:
                silent_since = now
                tell(f"{error}; trying again")
            if now - silent_since > PATIENCE_SECONDS:
                raise
            failures += 1
            time.sleep(min(LONGEST_PAUSE_SECONDS, 2.0 ** (failures - 1)))
            run = answered(cluster, run)


def changes_of(cluster: Cluster, run: Run) -> Iterator[Run]:
    """Yield the states that a run goes through in the next seconds."""
    query = {"fieldSelector": f"metadata.name={run.name}", "resourceVersion": run.version}
    for event in cluster.watch(runs_path(cluster.namespace), query, SLICE_SECONDS):
        seen = read_run(event["object"])
        if event["type"] == "DELETED" or seen.uid != run.uid:
            raise gone(run)
        yield seen


def look_again(cluster: Cluster, run: Run) -> Run:
    """Return the run as it is now; GoneError where it is another one, or none."""
    try:
        now = read_run(cluster.get(runs_path(cluster.namespace, run.name)))
    except AbsentError as error:
        raise gone(run) from error
    if now.uid != run.uid:
        raise gone(run)
    return now


def answered(cluster: Cluster, run: Run) -> Run:
    """Return the run as it is now, as it was where the cluster still does not answer."""
    try:
        return look_again(cluster, run)
    except ForbiddenError:
        raise
    except ClusterError:
        return run


def gone(run: Run) -> GoneError:
    """Return the error for a run that was deleted."""
    kept = f"; what it had finished stays in {run.status.results}" if run.status.results else ""
    return GoneError(f"{run.name}: was deleted while it was {run.status.phase}{kept}; submit it again to go on")


class JobReader:
    """Reads the live counts of a run's work Jobs; where the user may not, the run's status has to do."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.is_allowed = True

    def read(self, run: Run) -> Counts | None:
        """Return the counts of the attempt that works now; None where there are none to be had."""
        if not self.is_allowed or run.status.phase is not Phase.RUNNING:
            return None
        found: list[Counts] = []
        try:
            for name in work_job_names(run):
                found += self.counts_of(run, name)
        except ForbiddenError:
            self.is_allowed = False
            return None
        except ClusterError:  # that the cluster is silent, the watch says
            return None
        return added(found) if found else None

    def counts_of(self, run: Run, name: str) -> list[Counts]:
        """Return the counts of a Job; none where it is not there yet or any more, or another run's."""
        try:
            job = self.cluster.get(f"/apis/batch/v1/namespaces/{segment(run.namespace)}/jobs/{segment(name)}")
        except AbsentError:
            return []
        owners = job["metadata"].get("ownerReferences", [])
        return [job_counts(job)] if any(owner["uid"] == run.uid for owner in owners) else []

"""BenchmarkRuns as the commands read and change them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from batt.api import API_VERSION
from batt.errors import shown
from batt.status import RunStatus
from batt_operator.commands.client import AbsentError, Cluster, ClusterError, ConflictError, segment

PLURAL = "benchmarkruns"
"""Name of the runs in paths."""

FIELD_MANAGER = "batt"
"""Under which name the API server notes what the commands write."""

CHANGE_ATTEMPTS = 20
"""How often a change is decided anew because the run changed meanwhile; the operator writes a few times a minute."""


class Run(NamedTuple):
    """A run as it is on the cluster now; `spec` and `metadata` as the API server gives them."""

    metadata: dict[str, Any]
    spec: dict[str, Any]
    status: RunStatus

    @property
    def name(self) -> str:
        """Name of the run."""
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        """Namespace of the run."""
        return str(self.metadata["namespace"])

    @property
    def uid(self) -> str:
        """What tells it from an earlier run of the same name."""
        return str(self.metadata["uid"])

    @property
    def version(self) -> str:
        """The resourceVersion: changes with every write."""
        return str(self.metadata["resourceVersion"])

    @property
    def attempt(self) -> int:
        """The attempt that is asked for."""
        return int(self.spec.get("attempt", 1))

    @property
    def is_over(self) -> bool:
        """Whether the attempt that is asked for has ended.

        Until the operator has seen a new attempt, the status still tells of the old one's end.
        """
        return self.status.has_ended() and self.status.attempt >= self.attempt


def read_run(value: Mapping[str, Any]) -> Run:
    """Return the run in JSON data of the API server.

    Raises:
        ClusterError: its status is not one that this version knows.
    """
    try:
        status = RunStatus.model_validate(value.get("status") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("status", *first["loc"])))
        rule = "must be a status that this batt knows"
        message = f"{where}: got {shown(first['input'])}; {rule}; upgrade batt to the operator's version"
        raise ClusterError(message) from error
    return Run(dict(value["metadata"]), dict(value.get("spec") or {}), status)


def runs_path(namespace: str, name: str = "") -> str:
    """Return the path of a run, or of the collection; an empty namespace means all of them."""
    group = f"/apis/{API_VERSION}"
    folder = f"{group}/namespaces/{segment(namespace)}/{PLURAL}" if namespace else f"{group}/{PLURAL}"
    return f"{folder}/{segment(name)}" if name else folder


def get_run(cluster: Cluster, name: str) -> Run:
    """Return a run of the cluster's namespace; AbsentError names those with names like it."""
    try:
        return read_run(cluster.get(runs_path(cluster.namespace, name)))
    except AbsentError as error:
        raise AbsentError(_missing(cluster, name)) from error


def _missing(cluster: Cluster, name: str) -> str:
    known = [str(one["metadata"]["name"]) for one in cluster.pages(runs_path(cluster.namespace))]
    near = difflib.get_close_matches(name, known, n=3)
    remedy = f"did you mean {' or '.join(near)}?" if near else "batt list -A shows all runs; -n names the namespace"
    rule = f"must be a run of namespace {cluster.namespace}, which has {len(known)}"
    return f"run: got {shown(name)}; {rule}; {remedy}"


def create_run(cluster: Cluster, manifest: Mapping[str, Any], *, is_trial: bool = False) -> Run:
    """Create a run; fields that the cluster does not know are refused, not dropped. ConflictError: it exists."""
    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **trial(is_trial)}
    return read_run(cluster.create(runs_path(cluster.namespace), manifest, query))


def trial(is_trial: bool) -> dict[str, str]:
    """Return the query that makes a request check everything and store nothing."""
    return {"dryRun": "All"} if is_trial else {}


def change_run(
    cluster: Cluster, name: str, decide: Callable[[Run], Mapping[str, Any]], *, is_trial: bool = False
) -> Run:
    """Change a run by a merge patch that `decide` makes from its present state; {} leaves it as it is.

    The patch holds only if nobody wrote meanwhile; else it is decided anew.

    Raises:
        ConflictError: others kept writing.
    """
    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **trial(is_trial)}
    for _ in range(CHANGE_ATTEMPTS):
        run = get_run(cluster, name)
        change = decide(run)
        if not change:
            return run
        metadata = {**change.get("metadata", {}), "resourceVersion": run.version, "uid": run.uid}
        try:
            return read_run(cluster.patch(runs_path(cluster.namespace, name), {**change, "metadata": metadata}, query))
        except ConflictError:
            continue
    message = f"run {name}: got {CHANGE_ATTEMPTS} changes by others meanwhile; one of them must end; say the same again"
    raise ConflictError(message)

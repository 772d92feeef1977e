"""The API server as the commands see it: the user's kubeconfig and context, and errors that say what to do.

A thin layer on `batt_operator.cluster.Api`, which sends the requests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import yaml

from batt.errors import BattError, shown

if TYPE_CHECKING:
    from batt_operator.cluster import Api

INSTALL = "install it: helm install batt charts/batt --namespace batt-system --create-namespace"
"""What to do about a cluster that does not know BenchmarkRuns."""

SLACK_SECONDS = 10.0
"""How much longer than asked a watch may be silent before its connection counts as lost."""

Query = Mapping[str, str]
"""Parameters behind a path."""


class ClusterError(BattError):
    """The cluster cannot be reached or asked; nothing is known of the run."""

    exit_code = 69


class ForbiddenError(ClusterError):
    """The user may not do that on this cluster."""

    exit_code = 77


class AbsentError(ClusterError):
    """There is no object of that name; the API server itself answered."""

    exit_code = 66


class ConflictError(ClusterError):
    """The object exists already, or has changed since it was read."""

    exit_code = 75


class RefusedError(ClusterError):
    """The API server refuses the object; its message says why."""

    exit_code = 65


class ServerError(ClusterError):
    """The API server answered, but could not do what was asked: a node that it needs for it may be gone."""


class ExpiredError(ClusterError):
    """What was asked for is too old: look anew and go on from there."""


class Target(NamedTuple):
    """Which cluster and namespace the user means; None and "": what kubeconfig says."""

    kubeconfig: Path | None
    context: str | None
    namespace: str


def target_of(options: argparse.Namespace) -> Target:
    """Return what the flags --kubeconfig, --context and --namespace say."""
    return Target(options.kubeconfig, options.context, options.namespace or "")


class Cluster:
    """One API server, one user, and the namespace that commands without a flag mean."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    def get(self, path: str, query: Query | None = None) -> Any:  # JSON
        """Return what lies at a path."""
        with self._errors(path):
            return self.api.request("GET", path, query)

    def text(self, path: str, query: Query | None = None) -> str:
        """Return what lies at a path as text: logs."""
        with self._errors(path):
            return self.api.text(path, query)

    def create(self, path: str, body: Mapping[str, Any], query: Query | None = None) -> Any:  # JSON
        """Create an object in a collection; ConflictError where one of that name is there."""
        with self._errors(path):
            return self.api.request("POST", path, query, dict(body))

    def patch(self, path: str, body: Mapping[str, Any], query: Query | None = None) -> Any:  # JSON
        """Change the named fields of an object (JSON merge patch); ConflictError where its resourceVersion is old."""
        with self._errors(path):
            return self.api.request("PATCH", path, query, dict(body))

    def pages(self, path: str, query: Query | None = None) -> Iterator[Any]:  # JSON
        """Yield the items of a collection, fetched a page at a time."""
        with self._errors(path):
            yield from self.api.pages(path, query or {})

    def watch(self, path: str, query: Query, seconds: int) -> Iterator[Any]:  # JSON
        """Yield the events of a collection for so long; ExpiredError where the resourceVersion is too old."""
        parameters = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        for line in self.lines(path, parameters, seconds + SLACK_SECONDS):
            event = json.loads(line)
            if event["type"] == "ERROR":
                code, message = int(event["object"].get("code", 0)), str(event["object"].get("message", ""))
                raise self._refusal(code, "", message, path)
            yield event

    def lines(self, path: str, query: Query, silence_seconds: float | None = None) -> Iterator[str]:
        """Yield the lines of an answer as they come; it ends where nothing came for so long."""
        with self._errors(path):
            for line in self.api.stream(path, query, silence_seconds):
                yield line.decode(errors="replace")

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        """Turn the API's errors into those that say what to do."""
        from batt_operator.cluster import ApiError  # noqa: PLC0415 # see connect

        try:
            yield
        except ApiError as error:
            raise self._refusal(error.status, error.reason, error.message, path) from error

    def _refusal(self, status: int, reason: str, message: str, path: str) -> ClusterError:
        """Return the error for an answer that is none; status 0 means that there was no answer."""
        where = f"cluster {self.api.host}"
        match status:
            case 0:
                rule = "must be reachable"
                remedy = "check that it runs and that kubectl reaches it (kubectl version), then say the same again"
                return ClusterError(f"{where}: got {reason}: {message}; {rule}; {remedy}")
            case 401:
                remedy = "log in again (on GKE: gcloud container clusters get-credentials NAME), or check the context"
                return ForbiddenError(f"{where}: got {shown(message or 'Unauthorized')}; must know you; {remedy}")
            case 403:
                remedy = "ask for a role that allows it: Kubernetes' own view and edit do where the chart is installed"
                return ForbiddenError(f"{where}: got {message}; it must be allowed; {remedy}")
            case 404 if not reason and path.startswith("/apis/batt.dev/"):  # no Status object: the path is unknown
                return ClusterError(f"{where}: got no BenchmarkRuns there; batt must be installed; {INSTALL}")
            case 404:
                return AbsentError(f"{where}: got {message}; it must be there; check name and namespace")
            case 409:
                return ConflictError(f"{where}: got {message}")
            case 410:
                return ExpiredError(f"{where}: got {message}")
            case 400 | 422:
                return RefusedError(f"{where}: {message}")
        kind = ServerError if status >= 500 else ClusterError
        return kind(f"{where}: got {status} {message}; it must answer; say the same again in a moment")


def connect(target: Target) -> Cluster:
    """Return the cluster that the flags and the user's kubeconfig name; inside a pod without one, the pod's own.

    Raises:
        BattError: there is no usable kubeconfig, or no such context in it.
    """
    try:  # 0.4 s: only for commands that talk to a cluster
        from batt_operator.cluster import open_api  # noqa: PLC0415
    except ImportError as error:
        message = f"kubernetes: got {error}; commands on a cluster need it; run: pip install 'batt[cluster]'"
        raise ClusterError(message) from error
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its retries are no news to a user
    try:
        api = open_api(target.kubeconfig, target.context)
    except (yaml.YAMLError, OSError, TypeError, KeyError, AttributeError, ValueError) as error:  # a broken kubeconfig
        got = shown(f"{type(error).__name__} {error}")
        remedy = "`kubectl config view` shows what there is; KUBECONFIG or --kubeconfig names another file"
        raise ClusterError(f"kubeconfig: got {got}; must be a kubeconfig with a current context; {remedy}") from error
    return Cluster(api, target.namespace or api.namespace)


def segment(text: str) -> str:
    """Return a name as a part of a path."""
    return quote(text, safe="")

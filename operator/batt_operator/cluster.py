"""The Kubernetes API as batt uses it: raw JSON in and out. The only module that imports `kubernetes`.

`Api` is one request; `Cluster` names the few requests that the operator makes (each is a verb of its role).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

import urllib3
from kubernetes import client, config

from batt.api import GROUP, KIND, VERSION
from batt.errors import BattError, shown

Raw: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON: open-ended by nature; the views of observed.py give it types."""

TIMEOUT_SECONDS = (3.0, 20.0)
"""Longest wait for a connection, and for an answer's next bytes: three tries of the one and one of the other take less
than the time that the operator has to stop (30 s)."""

CONNECT_RETRIES = urllib3.Retry(total=2, read=0, other=0)
"""What one request tries again by itself: connecting. All else is up to the caller, who may have to stop."""

PAGE = 500
"""Objects asked for at once in a list: the API server's own recommendation for large lists."""

POD_PAGE = 100
"""Pods asked for at once: one is 10 KB of JSON, and several times that once it is read."""

MERGE_PATCH = "application/merge-patch+json"
"""How our patches are meant (RFC 7386): named fields change, all others stay."""

MANAGED_BY = "app.kubernetes.io/managed-by=batt,batt.dev/run"
"""Label selector of every object that batt makes for a run."""

PLURAL = f"{KIND.lower()}s"
"""Resource name of runs in URLs."""


class ApiError(BattError):
    """The API server refused a request, or cannot be reached (status 0)."""

    exit_code = 1

    def __init__(self, where: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"{where}: {status or 'no answer'} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NoClusterError(BattError):
    """There is no kubeconfig that names a cluster."""

    exit_code = 1


class Api:
    """One connection to an API server; may be used from several threads."""

    def __init__(self, configuration: client.Configuration, namespace: str = "default") -> None:
        self.client = client.ApiClient(configuration)
        self.host: str = configuration.host
        self.namespace = namespace
        self.answered: Callable[[str, int, float], None] = lambda *_: None  # told verb, status (0: none) and seconds

    def request(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Raw | None = None) -> Raw:
        """Return the answer to a request as JSON.

        Raises:
            ApiError: the server refused, or there was no answer.
        """
        data = self._data(method, path, query, body)
        try:
            answer: Raw = json.loads(data)
        except ValueError as error:  # a proxy's page for people, say
            what = shown(data.decode("utf-8", "replace"))
            raise ApiError(f"{method} {path}", 0, "no JSON", what) from error
        return answer

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Return the answer to a GET as text: a pod's log."""
        return self._data("GET", path, query, None).decode("utf-8", "replace")

    def stream(
        self, path: str, query: Mapping[str, str] | None = None, timeout_seconds: float | None = None
    ) -> Iterator[bytes]:
        """Yield the lines of an answer as they come: a watch, or a log that is followed.

        Ends when the server ends it, or when nothing came for timeout_seconds.
        """
        response = self._send("GET", path, query, None, (TIMEOUT_SECONDS[0], timeout_seconds))
        if response.status >= 300:
            raise refusal(f"GET {path}", response.status, response.data)
        rest = b""
        try:
            for data in response.stream(amt=2**16):
                *lines, rest = (rest + data).split(b"\n")
                yield from lines
        except urllib3.exceptions.ReadTimeoutError:
            return
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(f"GET {path}", 0, type(error).__name__, shown(str(error))) from error
        finally:
            response.close()
        if rest:
            yield rest

    def pages(self, path: str, query: Mapping[str, str], size: int = PAGE) -> Iterator[Raw]:
        """Yield the objects of a list, page by page."""
        page = dict(query) | {"limit": str(size)}
        while True:
            answer = self.request("GET", path, page)
            yield from answer["items"]
            token = answer.get("metadata", {}).get("continue")
            if not token:
                return
            page["continue"] = token

    def _data(self, method: str, path: str, query: Mapping[str, str] | None, body: Raw | None) -> bytes:
        response = self._send(method, path, query, body, TIMEOUT_SECONDS)
        try:
            data: bytes = response.data
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(f"{method} {path}", 0, type(error).__name__, shown(str(error))) from error
        if response.status >= 300:
            raise refusal(f"{method} {path}", response.status, data)
        return data

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Raw | None,
        timeout: tuple[float, float | None],
    ) -> Any:  # urllib3's response, which the client wraps without types
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = MERGE_PATCH if method == "PATCH" else "application/json"
        parameters = self.client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        status, begin = 0, time.monotonic()
        try:
            response = self.client.call_api(*parameters, _request_timeout=timeout).response
            status = response.status
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(f"{method} {path}", 0, type(error).__name__, shown(str(error))) from error
        except client.ApiException as error:
            raise ApiError(f"{method} {path}", error.status or 0, str(error.reason), shown(str(error.body))) from error
        finally:
            self.answered(method, status, time.monotonic() - begin)
        return response


def refusal(where: str, status: int, data: bytes) -> ApiError:
    """Return the error of an answer that is none: Kubernetes sends a Status object with reason and message."""
    try:
        answer = json.loads(data)
        return ApiError(where, status, str(answer.get("reason", "")), str(answer.get("message", "")))
    except (ValueError, AttributeError):
        return ApiError(where, status, "", shown(data.decode("utf-8", "replace")))


def open_api(kubeconfig: Path | None = None, context: str | None = None) -> Api:
    """Return the API of a kubeconfig's context; without any, of the cluster that this pod runs in.

    Raises:
        NoClusterError: there is neither.
    """
    configuration = client.Configuration(retries=CONNECT_RETRIES)
    file = str(kubeconfig) if kubeconfig else None
    try:
        config.load_kube_config(file, context, configuration)  # type: ignore[no-untyped-call] # it has no types
        contexts, active = config.list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
        chosen = next((one for one in contexts if one["name"] == context), active)
        return Api(configuration, chosen["context"].get("namespace", "default"))
    except config.ConfigException as error:
        if kubeconfig or context:
            raise NoClusterError(f"kubeconfig: got {shown(str(error))}; must name a cluster; correct it") from error
        why = error
    try:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        rule = "must be in ~/.kube/config, $KUBECONFIG or a pod's service account"
        remedy = "`kubectl config view` shows what there is"
        raise NoClusterError(f"kubeconfig: got {shown(str(why))}; {rule}; {remedy}") from error
    return Api(configuration, pod_namespace())


def pod_namespace() -> str:
    """Return the namespace of the pod this process runs in."""
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read_text(encoding="utf-8").strip()


class RunKey(NamedTuple):
    """Which run."""

    namespace: str
    name: str


class Cluster:
    """The requests of the operator.

    namespace: the one that it looks after; None for all.
    """

    def __init__(self, api: Api, namespace: str | None) -> None:
        self.api = api
        self.namespace = namespace

    def list_runs(self) -> list[Raw]:
        """Return all runs."""
        return list(self.api.pages(runs_path(self.namespace), {}))

    def list_all_jobs(self) -> list[Raw]:
        """Return the Jobs of all runs."""
        return list(self.api.pages(jobs_path(self.namespace), {"labelSelector": MANAGED_BY}))

    def get_run(self, key: RunKey) -> Raw | None:
        """Return a run; None where there is none."""
        return absent_as_none(self.api, run_path(key))

    def list_jobs(self, namespace: str, uid: str) -> list[Raw]:
        """Return the Jobs of one run."""
        return list(self.api.pages(jobs_path(namespace), {"labelSelector": f"{MANAGED_BY},batt.dev/run-uid={uid}"}))

    def list_pods(self, namespace: str, job_uid: str, fields: str, limit: int) -> list[Raw]:
        """Return some pods of a Job, by a field selector."""
        selector = f"batch.kubernetes.io/controller-uid={job_uid}"
        query = {"labelSelector": selector, "fieldSelector": fields, "limit": str(limit)}
        return list(self.api.request("GET", f"/api/v1/namespaces/{namespace}/pods", query)["items"])

    def many_pods(self, namespace: str, job_uid: str, most: int) -> Iterator[Raw]:
        """Yield the pods of a Job, read page by page, as many as that: more than should be held at once."""
        query = {"labelSelector": f"batch.kubernetes.io/controller-uid={job_uid}"}
        return islice(self.api.pages(f"/api/v1/namespaces/{namespace}/pods", query, POD_PAGE), most)

    def list_events(self, namespace: str, uid: str, reason: str) -> list[Raw]:
        """Return the events of one reason about an object."""
        query = {"fieldSelector": f"involvedObject.uid={uid},reason={reason}", "limit": "10"}
        return list(self.api.request("GET", f"/api/v1/namespaces/{namespace}/events", query)["items"])

    def create_config_map(self, manifest: Raw) -> Raw:
        """Create a ConfigMap; return it, or the one that is there."""
        return self._create_or_get(f"/api/v1/namespaces/{manifest['metadata']['namespace']}/configmaps", manifest)

    def create_job(self, manifest: Raw) -> Raw:
        """Create a Job; return it, or the one that is there."""
        return self._create_or_get(jobs_path(manifest["metadata"]["namespace"]), manifest)

    def patch_job(self, namespace: str, name: str, spec: Raw) -> None:
        """Change fields of a Job's spec."""
        self.api.request("PATCH", f"{jobs_path(namespace)}/{name}", body={"spec": spec})

    def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete a Job and its pods, if it is still that one."""
        try:
            self._delete(f"{jobs_path(namespace)}/{name}", {"uid": uid})
        except ApiError as error:
            if error.status not in {404, 409}:  # gone, or another one by now: both mean that ours is not there
                raise

    def delete_run(self, key: RunKey, uid: str, resource_version: str) -> None:
        """Delete a run if it is still as it was read; what it owns goes with it.

        Raises:
            ApiError: status 409, somebody changed the run meanwhile: asked for a further attempt, say.
        """
        self._delete(run_path(key), {"uid": uid, "resourceVersion": resource_version})

    def patch_status(self, key: RunKey, resource_version: str, status: Raw) -> Raw:
        """Write a run's status if the run is still as it was read; return the run.

        Raises:
            ApiError: status 409, somebody changed the run meanwhile.
        """
        body = {"metadata": {"resourceVersion": resource_version}, "status": status}
        return self.api.request("PATCH", f"{run_path(key)}/status", body=body)

    def create_event(self, manifest: Raw) -> None:
        """Create an event; one of that name that is there says the same."""
        try:
            self.api.request("POST", f"/api/v1/namespaces/{manifest['metadata']['namespace']}/events", body=manifest)
        except ApiError as error:
            if error.status != 409:
                raise

    def _create_or_get(self, path: str, manifest: Raw) -> Raw:
        try:
            return self.api.request("POST", path, body=manifest)
        except ApiError as error:
            if error.status != 409:
                raise
        return self.api.request("GET", f"{path}/{manifest['metadata']['name']}")

    def _delete(self, path: str, preconditions: Raw) -> None:
        self.api.request("DELETE", path, body={"propagationPolicy": "Background", "preconditions": preconditions})


def absent_as_none(api: Api, path: str) -> Raw | None:
    """Return an object; None where there is none."""
    try:
        return api.request("GET", path)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def runs_path(namespace: str | None) -> str:
    """Return the URL path of the runs of a namespace, or of all."""
    scope = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{scope}/{PLURAL}"


def run_path(key: RunKey) -> str:
    """Return the URL path of a run."""
    return f"{runs_path(key.namespace)}/{quote(key.name)}"


def jobs_path(namespace: str | None) -> str:
    """Return the URL path of the Jobs of a namespace, or of all."""
    scope = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"/apis/batch/v1{scope}/jobs"

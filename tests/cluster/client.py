"""What a test holds of a cluster: kubectl, the API as JSON, fresh namespaces, kubeconfigs of other users."""

from __future__ import annotations

import contextlib
import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from kubernetes import config

from tests.cluster.audit import AuditLog
from tests.cluster.daemons import wait_until

Json = dict[str, Any]
"""An object of the API as JSON: its kinds differ, a test looks into the one it asked for."""

REQUEST_SECONDS = 30.0
"""Longest wait for one answer of the API server."""

KUBECTL_SECONDS = 300.0
"""Longest run of one kubectl or helm command, waits that the test asked it for included."""


class ApiError(Exception):
    """The API server refused a request. `status` is the HTTP status, `body` its Status object's text."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: got {status}; {body}")
        self.status = status
        self.body = body


class Cluster:
    """One Kubernetes cluster as one user sees it, who may do everything unless said otherwise.

    Args:
        kubeconfig: file that names server and user.
        kubectl_command: program and arguments that are kubectl.
        audit: log of the API server, None where the cluster is not ours.
    """

    def __init__(self, kubeconfig: Path, kubectl_command: tuple[str, ...], audit: AuditLog | None = None) -> None:
        self.kubeconfig = kubeconfig
        self.kubectl_command = kubectl_command
        self._audit = audit
        self._client = config.new_client_from_config(config_file=str(kubeconfig))  # type: ignore[no-untyped-call]

    @property
    def audit(self) -> AuditLog:
        """The API server's audit log; a test that needs it is skipped on a cluster that is not ours."""
        if self._audit is None:
            pytest.skip("this cluster's audit log cannot be read: run without BATT_TEST_KUBECONFIG")
        return self._audit

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Json:
        """Send one request to the API; return the answer.

        Raises:
            ApiError: the answer's status is not 2xx.
        """
        method, url, headers, data, form = self._client.param_serialize(
            method, path, header_params={"Accept": "application/json", "Content-Type": content_type}, body=body,
            auth_settings=["BearerToken"],
        )  # fmt: skip
        answer = self._client.call_api(method, url, headers, data, form, _request_timeout=REQUEST_SECONDS)
        text = answer.read().decode()
        if not 200 <= answer.status < 300:
            raise ApiError(method, path, answer.status, text)
        return cast(Json, json.loads(text))

    def get(self, path: str) -> Json:
        """Return what is at a path of the API, as /apis/batch/v1/namespaces/NAMESPACE/jobs/NAME."""
        return self.request("GET", path)

    def find(self, path: str) -> Json | None:
        """Return what is at a path of the API, None where nothing is."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str) -> list[Json]:
        """Return the objects of a list, as /api/v1/namespaces/NAMESPACE/pods?labelSelector=a%3Db."""
        return cast(list[Json], self.get(path)["items"])

    def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Create an object; return it as stored."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """Merge `body` into the object at the path (RFC 7396: null removes); return it as stored."""
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, propagation: str = "Background") -> Json:
        """Delete the object at the path and, by `propagation`, what it owns."""
        return self.request("DELETE", path, {"propagationPolicy": propagation})

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the user would; return what it printed. It must succeed."""
        done = self.try_kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def try_kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the user would; return how it ended."""
        command = [*self.kubectl_command, f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS
        )

    def apply(self, *manifests: Mapping[str, object]) -> None:
        """Apply objects with kubectl, server-side."""
        self.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    @contextlib.contextmanager
    def namespace(self, suffix: str = "", labels: Mapping[str, str] | None = None) -> Iterator[str]:
        """Make a fresh namespace, usable at once; delete it at the end (in the background)."""
        name = f"test-{uuid.uuid4().hex[:8]}{suffix}"
        self.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": dict(labels or {})}})
        # Pods are refused until their namespace has its service account.
        wait_until(
            f"service account of {name}", lambda: self.find(f"/api/v1/namespaces/{name}/serviceaccounts/default")
        )
        try:
            yield name
        finally:
            self.delete(f"/api/v1/namespaces/{name}")

    def wait_crd(self) -> None:
        """Wait until the API server serves BenchmarkRuns; kubectl's own wait fails where the status is still empty."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/benchmarkruns.batt.dev"

        def is_established() -> bool:
            conditions = (self.find(path) or {}).get("status", {}).get("conditions") or []
            return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

        wait_until("BenchmarkRuns served", is_established)

    def as_service_account(self, namespace: str, name: str, folder: Path) -> Cluster:
        """Return the cluster as a service account sees it: exactly what its roles allow.

        Its `kubeconfig` (written into `folder`) lets another program run as this account; its name in the audit log is
        `system:serviceaccount:NAMESPACE:NAME`. The token lasts an hour.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.post(path, {"spec": {"expirationSeconds": 3600}})
        kubeconfig = folder / f"{namespace}-{name}.kubeconfig"
        document = yaml.safe_load(self.kubectl("config", "view", "--raw", "--minify", "--flatten"))
        document["users"][0]["user"] = {"token": answer["status"]["token"]}
        document["contexts"][0]["context"]["namespace"] = namespace
        kubeconfig.write_text(yaml.safe_dump(document))
        kubeconfig.chmod(0o600)
        return Cluster(kubeconfig, self.kubectl_command, self._audit)

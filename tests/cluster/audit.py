"""Reads the API server's audit log: who wrote what, and what was forbidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
"""Verbs that change objects."""

CONTROL_PLANE = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
    "kwok",
    "admin",
]
"""Users whose reads are left out: the cluster's own parts, and the test's looks at conditions. No test counts them."""


class AuditEvent(NamedTuple):
    """One request that the API server has answered. `user` is as RBAC names it; `code` is the HTTP status.

    is_allowed: whether the user's roles allow it; admission may still refuse it (a quota, a namespace that goes).
    """

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    is_allowed: bool

    @property
    def is_write(self) -> bool:
        """Whether the request could change an object."""
        return self.verb in WRITES


class AuditLog:
    """The requests of one API server, in the order in which it answered."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def position(self) -> int:
        """Return where the log ends now: `events(since=...)` gives what comes after."""
        return self.path.stat().st_size if self.path.exists() else 0

    def events(self, since: int = 0, user: str | None = None) -> list[AuditEvent]:
        """Return the requests after the position `since`, of one user or of all.

        A request is logged within milliseconds after its answer: wait for what you expect (`wait_until`).
        """
        return [event for event in self._read(since) if user is None or event.user == user]

    def writes(self, user: str, since: int = 0) -> list[AuditEvent]:
        """Return the writes of one user that the server accepted."""
        return [event for event in self.events(since, user) if event.is_write and event.code < 400]

    def forbidden(self, since: int = 0, user: str | None = None) -> list[AuditEvent]:
        """Return the requests that RBAC refused."""
        return [event for event in self.events(since, user) if event.code == 403 and not event.is_allowed]

    def _read(self, since: int) -> Iterator[AuditEvent]:
        with self.path.open("rb") as log:
            log.seek(since)
            for line in log:
                if line.endswith(b"\n"):  # else it is being written now
                    yield parse_event(line)


def parse_event(line: bytes) -> AuditEvent:
    """Return one line of the log as an event. Source: audit.k8s.io/v1."""
    event = json.loads(line)
    about = event.get("objectRef", {})
    return AuditEvent(
        user=event["user"]["username"],
        verb=event["verb"],
        resource=about.get("resource", ""),
        subresource=about.get("subresource", ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        is_allowed=event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow",
    )


def audit_policy() -> str:
    """Return the policy: all writes, and the reads of whoever is not part of the cluster itself."""
    reads = ["get", "list", "watch"]
    rules = [
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "None", "users": CONTROL_PLANE, "verbs": reads},
        {
            "level": "None",
            "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"],
            "verbs": reads,
        },
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*", "/openapi*", "/api*", "/version"]},
        {"level": "Metadata"},
    ]
    return yaml.safe_dump(
        {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    )

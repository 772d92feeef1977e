"""Starts a Kubernetes control plane of its own: etcd, API server, controllers, scheduler. It needs no root."""

from __future__ import annotations

import logging
import secrets
import ssl
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cluster.audit import AuditLog, audit_policy
from tests.cluster.client import Cluster
from tests.cluster.daemons import ClusterError, Daemon, wait_until
from tests.gcs import free_port
from tests.gotools import tool_or_skip

LOG = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""Starts tried: another process can take a port between its choice and its use."""

SERVICES = "10.96.0.0/16"
"""Addresses of Services; they mean something on a node only."""

USERS = {
    "admin": ("admin", "system:masters"),
    "kcm": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kwok": ("kwok", "system:masters"),
    "node": ("system:node:node-1", "system:nodes"),
    "proxy": ("system:kube-proxy", "system:node-proxier"),
}
"""Kubeconfig -> (user, group): one user each, so that the audit log tells them apart."""

NODE_GRACE = "24h"
"""How long a silent node counts as alive: fake ones send no sign of life, and their pods would stop being ready."""

QPS, BURST = 500, 1000
"""Requests a second of controllers and scheduler: their default of 20 would be what a scale test measures."""


class ControlPlane:
    """A control plane in `folder`, on free ports of `address`; use it as a context manager.

    Several may run on a machine at once. All its programs end with the process that started it.
    """

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.folder = folder
        self.address = address
        self.kubebox = str(tool_or_skip("kubebox"))
        self._daemons: list[Daemon] = []

    def __enter__(self) -> Self:
        start = time.monotonic()
        for attempt in range(1, START_ATTEMPTS + 1):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self._start()
            except ClusterError as error:
                self.stop()
                if attempt == START_ATTEMPTS or "address already in use" not in str(error):
                    raise
                self.folder = self.folder.with_name(f"{self.folder.name}-again")  # of etcd's data, nothing is kept
            except BaseException:
                self.stop()
                raise
            else:
                LOG.warning("control plane ready at %s after %.1f s", self.server, time.monotonic() - start)
                return self
        raise AssertionError("unreachable: the last attempt returns or raises")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the programs, last started first; return when they are gone."""
        with ExitStack() as stack:  # one that cannot be stopped does not keep the others alive
            for daemon in self._daemons:
                stack.callback(daemon.stop)
        self._daemons.clear()

    def kubeconfig(self, who: str) -> Path:
        """Return the kubeconfig of one of USERS."""
        return self.folder / f"{who}.kubeconfig"

    def run(self, name: str, command: list[str]) -> Daemon:
        """Start one more program that belongs to this control plane; it is stopped before the others."""
        self._daemons.append(Daemon(name, command, self.folder))
        return self._daemons[-1]

    def _start(self) -> None:
        self.server = f"https://{self.address}:{free_port(self.address)}"
        self._write_files()
        etcd = self._start_etcd()
        self._start_apiserver(etcd)
        self.cluster = Cluster(self.kubeconfig("admin"), (self.kubebox, "kubectl"), AuditLog(self.folder / "audit.log"))
        kubeconfig = self.kubeconfig("kcm")
        self._component(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0",
            f"--service-account-private-key-file={self.folder}/sa.key", "--use-service-account-credentials",
            f"--root-ca-file={self.folder}/certs/apiserver.crt", f"--kube-api-qps={QPS}", f"--kube-api-burst={BURST}",
            f"--node-monitor-grace-period={NODE_GRACE}",
        )  # fmt: skip
        self._component("kube-scheduler", f"--config={self.folder}/scheduler.yaml", "--secure-port=0")
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        wait_until("first work of the controllers", lambda: self.cluster.find(path), daemons=self._daemons)

    def _component(self, name: str, *flags: str) -> Daemon:
        return self.run(name, [self.kubebox, name, *flags])

    def _start_etcd(self) -> str:
        clients, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._component(
            "etcd", "--data-dir", f"{self.folder}/etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}", f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
        )  # fmt: skip
        return clients

    def _start_apiserver(self, etcd: str) -> None:
        folder = self.folder
        daemon = self._component(
            "kube-apiserver",
            f"--etcd-servers={etcd}", f"--bind-address={self.address}", f"--advertise-address={self.address}",
            f"--secure-port={self.server.rpartition(':')[2]}", f"--cert-dir={folder}/certs",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC", f"--token-auth-file={folder}/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/sa.key", f"--service-account-signing-key-file={folder}/sa.key",
            "--kubelet-preferred-address-types=InternalIP", "--allow-privileged",
            f"--audit-policy-file={folder}/audit.yaml", f"--audit-log-path={folder}/audit.log",
            "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
        )  # fmt: skip
        wait_until("API server ready", lambda: self._is_ready(daemon), seconds=120, daemons=self._daemons)

    def _is_ready(self, apiserver: Daemon) -> bool:
        certificate = self.folder / "certs" / "apiserver.crt"
        if not certificate.exists():
            return False
        request = urllib.request.Request(f"{self.server}/readyz", headers={"Authorization": f"Bearer {self._token}"})
        try:
            trust = ssl.create_default_context(cafile=str(certificate))
            with urllib.request.urlopen(request, timeout=5, context=trust):
                return not apiserver.has_ended()  # else it was another process that answered
        except (urllib.error.URLError, OSError):
            return False

    def _write_files(self) -> None:
        tokens = {who: secrets.token_hex(16) for who in USERS}
        self._token = tokens["admin"]
        rows = [f'{tokens[who]},{user},{who},"{group}"' for who, (user, group) in USERS.items()]
        self._write("tokens.csv", "\n".join(rows))
        self._write("audit.yaml", audit_policy())
        self._write("sa.key", private_key())
        for who in USERS:
            self._write(f"{who}.kubeconfig", self._kubeconfig_text(tokens[who]))
        connection = {"kubeconfig": str(self.kubeconfig("scheduler")), "qps": QPS, "burst": BURST}
        scheduler = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": connection,
        }
        self._write("scheduler.yaml", yaml.safe_dump(scheduler))

    def _kubeconfig_text(self, token: str) -> str:
        authority = str(self.folder / "certs" / "apiserver.crt")
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.server, "certificate-authority": authority}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
            "current-context": "test",
        }
        return yaml.safe_dump(document)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)


def private_key() -> str:
    """Return a fresh RSA key (PEM) that signs the tokens of service accounts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, cipher = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, cipher).decode()

"""Runs a real node beside a control plane: containerd, kubelet and kube-proxy in a network namespace. It needs root."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from tests.cluster.client import Json
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemons import Daemon, wait_until
from tests.cluster.fakenodes import is_ready
from tests.cluster.leftovers import clear, make_cgroups, make_folder, own, sweep
from tests.cluster.network import PODS, Network, make_network
from tests.images import Image, pause_image

LOG = logging.getLogger(__name__)

NAME = "node-1"
"""The node's name; the control plane has a user for it."""

PACKAGES = {
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "buildah": "buildah",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "runc": "runc",
}
"""What the node and its images need -> the Debian package that has it."""


def what_is_missing() -> str:
    """Return why this machine cannot run a node and what to do about it; empty where it can."""
    if os.geteuid() != 0:
        return "the tests' own node needs root: run as root, or set BATT_TEST_KUBECONFIG"
    missing = [program for program in PACKAGES if not shutil.which(program)]
    if not missing:
        return ""
    packages = sorted({PACKAGES[program] for program in missing})
    return f"the tests' own node needs {', '.join(missing)}: apt-get install {' '.join(packages)}"


class Node:
    """A control plane and one real node; use it as a context manager.

    `cluster` is what tests talk to; `network.host` is where pods reach servers that a test has started here.
    """

    def __enter__(self) -> Self:
        start = time.monotonic()
        sweep()
        pause = pause_image()
        self.folder = make_folder()
        with ExitStack() as stack:
            stack.enter_context(own(self.folder) or self._taken())
            stack.callback(clear, self.folder)
            self.network: Network = make_network(self.folder.name)
            make_cgroups(self.folder.name)
            self.control_plane = stack.enter_context(
                ControlPlane(self.folder / "control-plane", address=self.network.host)
            )
            self.cluster = self.control_plane.cluster
            self._start(pause, stack)
            self._stack = stack.pop_all()
        LOG.warning("node ready after %.1f s", time.monotonic() - start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def load(self, image: Image) -> str:
        """Give the node an image; return the reference by which pods ask for it."""
        command = ["ctr", "--address", self._socket, "--namespace", "k8s.io", "images", "import", str(image.archive)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {done.stderr}"
        return image.reference

    @property
    def _socket(self) -> str:
        return f"{self.folder}/containerd.sock"

    def _taken(self) -> ExitStack:
        raise AssertionError(f"{self.folder} has just been made, and is locked by another process")

    def _start(self, pause: Image, stack: ExitStack) -> None:
        write_configuration(self.folder, self.control_plane, pause.reference)
        bind_proxy(self.control_plane)
        containerd = self._daemon(stack, "containerd", "containerd", f"--config={self.folder}/containerd.toml")
        wait_until("containerd", lambda: Path(self._socket).exists(), daemons=[containerd])
        self.load(pause)
        kubebox = self.control_plane.kubebox
        kubeconfig = self.control_plane.kubeconfig("node")
        kubelet = self._daemon(
            stack, "kubelet", kubebox, "kubelet", f"--config={self.folder}/kubelet.yaml", f"--kubeconfig={kubeconfig}",
            f"--hostname-override={NAME}", f"--root-dir={self.folder}/kubelet", f"--node-ip={self.network.node}",
            f"--cert-dir={self.folder}/kubelet/pki",
        )  # fmt: skip
        proxy = self._daemon(
            stack, "kube-proxy", kubebox, "kube-proxy", f"--config={self.folder}/proxy.yaml",
            f"--hostname-override={NAME}",
        )  # fmt: skip
        wait_until("node ready", self._is_ready, daemons=[containerd, kubelet, proxy])

    def _daemon(self, stack: ExitStack, name: str, *command: str) -> Daemon:
        daemon = Daemon(name, command, self.folder, netns=self.network.name)
        stack.callback(daemon.stop)
        return daemon

    def _is_ready(self) -> bool:
        node: Json | None = self.cluster.find(f"/api/v1/nodes/{NAME}")
        return node is not None and is_ready(node)


def bind_proxy(control_plane: ControlPlane) -> None:
    """Give kube-proxy its role: Kubernetes defines it and leaves the binding to whoever installs."""
    binding = {
        "metadata": {"name": "node-proxier"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:kube-proxy"}],
    }
    control_plane.cluster.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)


def write_configuration(folder: Path, control_plane: ControlPlane, pause: str) -> None:
    """Write what containerd, its network plugin, kubelet and kube-proxy are to do; all state stays in the folder."""
    (folder / "cni").mkdir()
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(pod_network(folder)))
    (folder / "containerd.toml").write_text(containerd_configuration(folder, pause))
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(kubelet_configuration(folder)))
    (folder / "proxy.yaml").write_text(yaml.safe_dump(proxy_configuration(control_plane)))


def pod_network(folder: Path) -> Json:
    """Return the network of pods: a bridge in the node's namespace."""
    addresses = {
        "type": "host-local",
        "dataDir": f"{folder}/addresses",
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    return {"cniVersion": "0.4.0", "name": folder.name, "plugins": [{**bridge, "ipam": addresses}]}


def containerd_configuration(folder: Path, pause: str) -> str:
    """Return containerd's configuration.

    restrict_oom_score_adj: without CAP_SYS_RESOURCE, as on many CI machines, runc may not lower oom_score_adj, and
    every pod would die with "can't get final child's PID from pipe: EOF".
    """
    return f"""
version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def kubelet_configuration(folder: Path) -> Json:
    """Return the kubelet's configuration: open to the API server without certificates, content with any machine."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,  # a machine with version 1 is fine for tests
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{folder.name}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "podLogsDir": f"{folder}/logs",
        "volumePluginDir": f"{folder}/kubelet/plugins",
        # No DNS here. A lookup is refused at once at this address, instead of hanging for seconds.
        "clusterDNS": ["127.0.0.1"],
        "clusterDomain": "cluster.local",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # 5 and 10 a second by default: a test of many pods would wait for them.
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "registryPullQPS": 0,
        "imageGCHighThresholdPercent": 100,  # what was loaded has no registry to come back from
    }


def proxy_configuration(control_plane: ControlPlane) -> Json:
    """Return kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": PODS,
        "clientConnection": {"kubeconfig": str(control_plane.kubeconfig("proxy"))},
        "conntrack": {"maxPerCore": 0},  # its sysctls cannot be written in a namespace
        "healthzBindAddress": "127.0.0.1:10256",
    }

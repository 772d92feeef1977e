"""Gives a cluster fake nodes: their pods are scheduled, start and end for real in the API, but no program runs.

KWOK plays the kubelet, by the rules of stages.yaml. A pod that no Job owns runs until it is deleted. A pod of a Job
ends with success by itself, 50 ms after its start, unless annotations of its template, or later of the pod, say
otherwise (the constants below). What the operator makes cannot be annotated ahead, so the namespace decides too:

- in a namespace that ends in HELD, pods of Jobs run until a test calls `finish_pod`;
- in one that ends in PENDING, they stay Pending until a test calls `start_pod` or `finish_pod`;
- an image of a host under .invalid (`registry.invalid/worker:1`) cannot be pulled: ImagePullBackOff for ever.

A pod that is deleted, evicted or belongs to a suspended Job is stopped: its container ends with 75, as a worker does
that was asked to stop (STOP_CODE says otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from tests.cluster.client import Json
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemons import wait_until
from tests.gotools import tool_or_skip

STAGES = Path(__file__).with_name("stages.yaml")
"""Rules by which KWOK moves pods from one state to the next."""

HELD = "-held"
"""End of the name of a namespace whose Job pods run until `finish_pod`."""

PENDING = "-pending"
"""End of the name of a namespace whose Job pods stay Pending until `start_pod` or `finish_pod`."""

EXIT_CODE = "batt.dev/test-exit-code"
"""Annotation: the exit code of the container `worker` (or the first, where none has this name); others exit 0."""

OOM = "batt.dev/test-oom"
"""Annotation, "true": that container is killed for its memory (137, OOMKilled)."""

MESSAGE = "batt.dev/test-message"
"""Annotation: that container's termination message."""

REASON = "batt.dev/test-reason"
"""Annotation: the pod fails with this status.reason (Evicted) and the condition DisruptionTarget, as evicted do."""

HOLD = "batt.dev/test-hold"
"""Annotation: "pending" or "running" holds the pod in that state in any namespace, until it is removed."""

DURATION = "batt.dev/test-duration"
"""Annotation: how long the container runs, as "2s"; else 50 ms."""

STOP_CODE = "batt.dev/test-stop-code"
"""Annotation: the exit code after the pod was told to stop; else 75."""

FAKE = "kwok.x-k8s.io/node"
"""Annotation of a node that KWOK plays, by its own convention; the value is "fake"."""


class FakeNodes:
    """The fake nodes of a cluster. `control_plane.run` keeps KWOK alive as long as the cluster."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.cluster = control_plane.cluster
        self._count = 0
        kubeconfig = control_plane.kubeconfig("kwok")
        self._kwok = control_plane.run(
            "kwok",
            [
                str(tool_or_skip("kwok")), f"--kubeconfig={kubeconfig}", f"--config={STAGES}",
                f"--manage-nodes-with-annotation-selector={FAKE}=fake",
            ],
        )  # fmt: skip

    def add(
        self,
        count: int = 1,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
        resources: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Add nodes that are ready when this returns; return their names.

        Args:
            labels: as {"cloud.google.com/gke-accelerator": "nvidia-l4"}.
            taints: as [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}].
            resources: what one node has: a cpu, memory or pods not given is practically without bound.
        """
        names = [f"fake-{self._count + index}" for index in range(count)]
        self._count += count
        capacity = {"cpu": "1k", "memory": "1Ti", "pods": "100k", **(resources or {})}
        for name in names:
            metadata = {"name": name, "annotations": {FAKE: "fake"}, "labels": dict(labels or {})}
            node = {
                "metadata": metadata,
                "spec": {"taints": [dict(taint) for taint in taints]},
                "status": {"capacity": capacity, "allocatable": capacity},
            }
            self.cluster.post("/api/v1/nodes", node)
        wait_until(f"{count} fake nodes ready", lambda: self._are_ready(names), daemons=[self._kwok])
        return names

    def remove(self, names: Sequence[str]) -> None:
        """Delete nodes; their pods are lost, as with a machine that breaks."""
        for name in names:
            self.cluster.delete(f"/api/v1/nodes/{name}")

    def _are_ready(self, names: Sequence[str]) -> bool:
        ready = {node["metadata"]["name"] for node in self.cluster.items("/api/v1/nodes") if is_ready(node)}
        return ready.issuperset(names)

    def start_pod(self, namespace: str, name: str) -> None:
        """Let a pending pod of a PENDING namespace run until `finish_pod`."""
        self._annotate(namespace, name, {HOLD: "running"})

    def finish_pod(
        self, namespace: str, name: str, code: int = 0, message: str = "", oom: bool = False, reason: str = ""
    ) -> None:
        """End a held pod as told; return once its status says so.

        Args:
            code: exit code of the container `worker` (or the first one).
            message: its termination message.
            oom: whether it was killed for its memory; the code is then 137.
            reason: the pod's own reason, as Evicted; the pod is then a disrupted one.
        """
        ending = {EXIT_CODE: str(code), MESSAGE: message, HOLD: None}
        self._annotate(namespace, name, {**ending, OOM: "true" if oom else None, REASON: reason or None})
        wait_until(f"end of pod {namespace}/{name}", lambda: self._has_ended(namespace, name))

    def evict_pod(self, namespace: str, name: str) -> None:
        """Evict a pod by the Eviction API, as a drain or a spot reclaim does: it gets DisruptionTarget."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self.cluster.post(
            f"{path}/eviction",
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}},
        )

    def wait_pods(self, namespace: str, job: str, count: int, phase: str = "Running") -> list[str]:
        """Wait until exactly `count` pods of a Job are in a phase; return their names, by completion index.

        Pods that are being deleted do not count.
        """
        selector = quote(f"batch.kubernetes.io/job-name={job}")

        def names() -> list[str]:
            pods = self.cluster.items(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")
            live = [pod for pod in pods if pod["status"]["phase"] == phase and not is_being_deleted(pod)]
            return [pod["metadata"]["name"] for pod in sorted(live, key=completion_index)]

        if count == 0:
            wait_until(f"no pod of {namespace}/{job} {phase}", lambda: not names())
            return []
        return wait_until(
            f"{count} pods of {namespace}/{job} {phase}", lambda: found if len(found := names()) == count else None
        )

    def _annotate(self, namespace: str, name: str, annotations: Mapping[str, str | None]) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self.cluster.patch(path, {"metadata": {"annotations": dict(annotations)}})

    def _has_ended(self, namespace: str, name: str) -> bool:
        # A pod may be gone at once: a Job that is complete and deleted takes its pods with it.
        pod = self.cluster.find(f"/api/v1/namespaces/{namespace}/pods/{name}")
        return pod is None or pod["status"]["phase"] in {"Succeeded", "Failed"}


def is_ready(node: Json) -> bool:
    """Return whether a node's Ready condition is True."""
    conditions = node["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_being_deleted(pod: Json) -> bool:
    """Return whether a pod has been deleted and is only waiting for its end."""
    return "deletionTimestamp" in pod["metadata"]


def completion_index(pod: Json) -> int:
    """Return a pod's index in its Indexed Job; 0 for a Job without indexes."""
    return int(pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index", "0"))

"""Why a stage does not get on, from some of its pods and events: one reason for programs, one sentence for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from batt.message import ErrorMessage, parse_message
from batt.status import Reason
from batt_operator.observed import PodView

PULL_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)
"""What kubelet calls an image that it cannot get (pkg/kubelet/images/types.go)."""

CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
"""What kubelet calls a container that it cannot make: a missing Secret or ConfigMap, a wrong user."""

SHOWN = 400
"""Most characters of others' words in one of our messages."""


class Stall(NamedTuple):
    """Why a stage does not get on."""

    reason: Reason
    message: str


def explain_waiting(pods: Sequence[PodView], refusals: Sequence[str], mounts: Sequence[str] = ()) -> Stall | None:
    """Return why no pod runs; None where nothing is known yet: pods may just be starting.

    Args:
        pods: some pods of the stage that have not succeeded.
        refusals: messages of FailedCreate events about its Jobs, latest last: the API server took no pod.
        mounts: messages of FailedMount events about one of the pods, latest last: a volume of it is not there.
    """
    for pod in pods:
        if pod.is_ready:  # it has become so since the Job was read, which says so in a moment
            return None
        if pod.phase == "Running":
            remedy = "Kubernetes replaces it if the node stays away"
            return Stall(Reason.NODE_LOST, f"pod {pod.name} runs on node {pod.node}, which does not answer; {remedy}")
    pending = [pod for pod in pods if pod.phase == "Pending"]
    for pod in pending:
        if pod.waiting_reason in PULL_REASONS:
            remedy = "correct the image, or give the cluster access to its registry"
            return Stall(Reason.IMAGE_PULL, f"{said(pod, pod.waiting_message or pod.waiting_reason)}; {remedy}")
        if pod.waiting_reason in CONFIG_REASONS:
            remedy = "create what it names in the run's namespace, or correct spec.envFrom"
            return Stall(Reason.POD_CONFIG, f"{said(pod, pod.waiting_message or pod.waiting_reason)}; {remedy}")
    for pod in pending:
        if pod.unscheduled:
            remedy = "add nodes, or choose another spec.pool"
            return Stall(Reason.UNSCHEDULABLE, f"{said(pod, pod.unscheduled)}; {remedy}")
    if mounts:
        return Stall(Reason.POD_CONFIG, f"{cut(mounts[-1])}; the run's own ConfigMap is made again, create others")
    if refusals and not pods:
        return explain_refusal(refusals[-1])
    return explain_failures(pods)


def explain_refusal(message: str) -> Stall:
    """Return what an API server's refusal of pods means."""
    if "exceeded quota" in message:
        return Stall(Reason.QUOTA_EXCEEDED, f"{cut(message)}; raise the ResourceQuota, or wait for others to end")
    return Stall(Reason.POD_REFUSED, f"{cut(message)}; the namespace's rules allow no such pod: correct either")


def explain_failures(pods: Sequence[PodView]) -> Stall | None:
    """Return how pods have failed: the commonest way, with the words of the latest pod of that kind."""
    kinds = [(failure_reason(pod), pod) for pod in pods if pod.phase == "Failed"]
    if not kinds:
        return None
    counted = Counter(reason for reason, _ in kinds)
    reason, count = counted.most_common(1)[0]
    latest = max((pod for kind, pod in kinds if kind is reason), key=lambda pod: pod.created)
    others = len(kinds) - count
    also = f"; {others} failed otherwise" if others else ""
    return Stall(reason, f"{count} pod{'s' * (count != 1)} failed, the last: {said(latest, ending_of(latest))}{also}")


def failure_reason(pod: PodView) -> Reason:
    """Return the typed reason of a failed pod."""
    if pod.ended_reason == "OOMKilled":
        return Reason.OUT_OF_MEMORY
    if pod.reason == "Evicted":
        return Reason.EVICTED
    return Reason.CRASHING


def ending_of(pod: PodView) -> str:
    """Return how a failed pod ended, in its own words where it left some."""
    if pod.ended_reason == "OOMKilled":
        return (
            "OOMKilled: it used more memory than its limit; choose a pool with more, or lower spec.solvers.memoryBytes"
        )
    if pod.reason == "Evicted":
        return f"Evicted: {pod.message}"
    told = parse_message(pod.ended_message)
    words = told.error if isinstance(told, ErrorMessage) else pod.ended_message.strip().rpartition("\n")[2]
    code = "no exit code" if pod.exit_code is None else f"exit code {pod.exit_code}"
    return f"{code}: {words or pod.ended_reason or pod.reason or 'no message'}"


def said(pod: PodView, words: str) -> str:
    """Return words with the pod that they are about."""
    return f"pod {pod.name}: {cut(words)}"


def cut(text: str) -> str:
    """Return a text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."

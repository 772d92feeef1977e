"""`batt logs NAME`: what a run's pods say, each line with its stage and shard in front."""

from __future__ import annotations

import argparse
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from batt.errors import shown
from batt_operator.commands.client import (
    AbsentError,
    Cluster,
    ClusterError,
    RefusedError,
    ServerError,
    connect,
    segment,
    target_of,
)
from batt_operator.commands.runs import Run, get_run

CONTAINER = "worker"
"""The container of a pod that works (DESIGN.md section 4)."""

STAGES = ("plan", "work", "evaluate", "collect")
"""The stages in their order: that of the lines."""

MANY_TAIL = 200
"""Lines of each pod that are shown where there are several and --tail says nothing."""

LOOK_SECONDS = 2.0
"""With --follow: how often to look for new pods."""

FOLLOWED = 50
"""With --follow: most pods read at once; each is a connection."""


class PodLog(NamedTuple):
    """A pod whose log is asked for. `trouble`: why it has none, where that is known."""

    name: str
    stage: str
    shard: int | None
    attempt: int
    phase: str
    created: str
    trouble: str

    @property
    def prefix(self) -> str:
        """What stands in front of the pod's lines: [work/3], or [work-2/3] in the second attempt."""
        stage = self.stage if self.attempt == 1 else f"{self.stage}-{self.attempt}"
        return f"[{stage}]" if self.shard is None else f"[{stage}/{self.shard}]"

    @property
    def order(self) -> tuple[int, int, int, str]:
        """By attempt, stage, shard, and age."""
        place = STAGES.index(self.stage) if self.stage in STAGES else len(STAGES)
        return self.attempt, place, -1 if self.shard is None else self.shard, self.created


def logs_command(options: argparse.Namespace) -> int:
    """Print the logs of a run's pods."""
    cluster = connect(target_of(options))
    run = get_run(cluster, options.name)
    if options.follow:
        for line in followed(cluster, run, options):
            print(line, flush=True)
        return 0
    pods = find_pods(cluster, run, options)
    for line in shown_logs(cluster, run, pods, options):
        print(line)
    return 0


def find_pods(cluster: Cluster, run: Run, options: argparse.Namespace) -> list[PodLog]:
    """Return the pods that the flags ask for, in the order of the work."""
    labels = {"batt.dev/run": run.name, "batt.dev/run-uid": run.uid}
    if options.stage:
        labels["batt.dev/stage"] = options.stage
    if options.index is not None:
        labels["batch.kubernetes.io/job-completion-index"] = str(options.index)
    query = {"labelSelector": ",".join(f"{name}={value}" for name, value in labels.items())}
    pods = map(read_pod, cluster.pages(pods_path(run.namespace), query))
    return sorted((pod for pod in pods if pod.phase == "Failed" or not options.failed), key=lambda pod: pod.order)


def pods_path(namespace: str) -> str:
    """Return the path of a namespace's pods."""
    return f"/api/v1/namespaces/{segment(namespace)}/pods"


def read_pod(value: Mapping[str, Any]) -> PodLog:
    """Return the pod in JSON data of the API server."""
    metadata, status = value["metadata"], value.get("status") or {}
    labels = metadata.get("labels") or {}
    index = labels.get("batch.kubernetes.io/job-completion-index")
    return PodLog(
        name=str(metadata["name"]),
        stage=str(labels.get("batt.dev/stage", "")),
        shard=None if index is None else int(index),
        attempt=int(labels.get("batt.dev/attempt", 1)),
        phase=str(status.get("phase", "")),
        created=str(metadata.get("creationTimestamp", "")),
        trouble=trouble_of(status),
    )


def trouble_of(status: Mapping[str, Any]) -> str:
    """Return why a pod does not run, or how it ended, in Kubernetes' words; empty where nothing is wrong."""
    for container in status.get("initContainerStatuses") or ():  # an agent's: while it waits, so does the worker
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in {None, "PodInitializing"}:
            return joined(waiting["reason"], waiting.get("message"))
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        if waiting := state.get("waiting"):
            return joined(waiting.get("reason"), waiting.get("message"))
        ended = state.get("terminated")
        if ended and ended.get("exitCode"):
            return joined(f"{ended.get('reason', 'Error')}, exit code {ended['exitCode']}", ended.get("message"))
    if status.get("reason"):  # the whole pod's: evicted, say
        return joined(status["reason"], status.get("message"))
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return joined(condition.get("reason"), condition.get("message"))
    return ""


def joined(*parts: object) -> str:
    """Return the parts that are there as one line."""
    return " ".join(": ".join(str(part) for part in parts if part).split())


def shown_logs(cluster: Cluster, run: Run, pods: list[PodLog], options: argparse.Namespace) -> Iterator[str]:
    """Yield the last lines of each pod, and how each that failed ended."""
    if not pods:
        yield nothing_text(run, options)
        return
    tail = options.tail if options.tail is not None else (MANY_TAIL if len(pods) > 1 else None)
    for pod in pods[: options.pods]:
        yield from pod_lines(cluster, run.namespace, pod, tail)
    if len(pods) > options.pods:
        rest = len(pods) - options.pods
        yield f"({rest} more pods; name some by --stage and --index, or say --pods {len(pods)})"


def nothing_text(run: Run, options: argparse.Namespace) -> str:
    """Return what to say where no pod is found."""
    kind = "failed pods" if options.failed else "pods"
    stands = f"the run is {run.status.phase}{f': {run.status.message}' if run.status.message else ''}"
    return f"({run.name} has no such {kind}; {stands}; pods of an ended stage go with its Job)"


def log_query(tail: int | None) -> dict[str, str]:
    """Return the query for the last lines of the worker's log; None: for all of it."""
    return {"container": CONTAINER, **({} if tail is None else {"tailLines": str(tail)})}


def pod_lines(cluster: Cluster, namespace: str, pod: PodLog, tail: int | None) -> Iterator[str]:
    """Yield the lines of a pod; where it has no log, why."""
    query = log_query(tail)
    try:
        text = cluster.text(f"{pods_path(namespace)}/{segment(pod.name)}/log", query)
    except (RefusedError, AbsentError, ServerError) as error:  # it has not started, or its node is gone
        yield f"{pod.prefix} (no log of {pod.name}: {pod.trouble or shown(str(error))})"
        return
    yield from (f"{pod.prefix} {line}" for line in text.splitlines())
    if not text and pod.phase == "Pending":  # of a pod without a node the log is empty, not refused
        yield f"{pod.prefix} ({pod.name} has not started: {pod.trouble or 'no reason is known'})"
    if pod.phase == "Failed":
        yield f"{pod.prefix} ({pod.name} failed: {pod.trouble or 'no reason is known'})"


def followed(cluster: Cluster, run: Run, options: argparse.Namespace) -> Iterator[str]:
    """Yield lines of all pods as they come, new pods' too, until the run is over."""
    lines: queue.Queue[str] = queue.Queue()
    readers: dict[str, threading.Thread] = {}
    while True:
        is_over = run.is_over  # before the pods are listed: those that ended it are among them
        pods = find_pods(cluster, run, options)
        unread = [pod for pod in pods if pod.name not in readers and pod.phase not in {"", "Pending"}]
        room = min(FOLLOWED, max(1, options.pods)) - sum(reader.is_alive() for reader in readers.values())
        for pod in unread[:room]:
            arguments = (cluster, run.namespace, pod, options.tail, lines)
            readers[pod.name] = threading.Thread(target=read_on, args=arguments, daemon=True)
            readers[pod.name].start()
        until = time.monotonic() + LOOK_SECONDS
        while (left := until - time.monotonic()) > 0:
            try:
                yield lines.get(timeout=left)
            except queue.Empty:
                break
        is_silent = lines.empty() and not any(reader.is_alive() for reader in readers.values())
        if is_over and is_silent and len(unread) <= room:
            return
        run = get_run(cluster, run.name)


def read_on(cluster: Cluster, namespace: str, pod: PodLog, tail: int | None, lines: queue.Queue[str]) -> None:
    """Put a pod's lines into the queue until it ends; a connection that breaks is said there too."""
    query = {**log_query(tail), "follow": "true"}
    path = f"{pods_path(namespace)}/{segment(pod.name)}/log"
    try:
        for line in cluster.lines(path, query):
            lines.put(f"{pod.prefix} {line}")
    except ClusterError as error:
        lines.put(f"{pod.prefix} (log of {pod.name} broke off: {error})")

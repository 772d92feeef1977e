"""The objects that the operator makes, as pure functions: the ConfigMap and the Jobs of a run."""

from __future__ import annotations

import json

from batt.api import API_VERSION, KIND, BenchmarkRun
from batt.costs import prices_to_text
from batt.names import EXIT_ASKED_TO_STOP
from batt.status import Clock
from batt_operator.agentpods import LOCKED, is_with_agent, with_agent
from batt_operator.cluster import Raw
from batt_operator.observed import WORKER, RunView, parsed_time
from batt_operator.settings import Settings
from batt_operator.stages import INDEXED, JobSlot, Stage, config_map_name

RUN_FOLDER = "/etc/batt/run"
"""Where pods find the run: the mounted ConfigMap."""

RUN_FILE = "run.json"
"""The run in that folder."""

USER = 10001
"""User and group of the pods: any but root; the images make the same."""

STAGE_RETRIES = 3
"""How often a plan or collect pod that fails is tried again; each says the same as the one before."""

BACKSTOP_SECONDS = 900
"""How much later than the operator's own deadline Kubernetes ends a Job: for when the operator is down."""

COLLECT_SECONDS = 6 * 3600
"""Longest time for evaluate and for collect: they must be able to run after the run's own deadline, and still not for
ever."""

FATAL = (64, 65, 77, 78)
"""Exit codes that no retry mends: usage, data, permission or quota, configuration."""

TMP_SIZE = "10Gi"
"""Most that a pod may write into /tmp before it is evicted: a guard for the node's disk, far above what stages need."""

SHARD_FAULT = 70
"""Exit code of a shard that would fail again on any node."""


def owner_reference(run: RunView) -> Raw:
    """Return what makes the cluster delete an object when its run goes."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": run.name,
        "uid": run.uid,
        "controller": True,
        "blockOwnerDeletion": False,  # asking for it would need one more verb, on finalizers
    }


def labels_of(run: RunView, stage: Stage, attempt: int) -> dict[str, str]:
    """Return the labels of a stage's Job and pods."""
    return {
        "app.kubernetes.io/managed-by": "batt",
        "app.kubernetes.io/component": str(stage),
        "batt.dev/run": run.name,
        "batt.dev/run-uid": run.uid,
        "batt.dev/stage": str(stage),
        "batt.dev/attempt": str(attempt),
    }


def config_map_manifest(run: RunView, spec: BenchmarkRun, results: str) -> Raw:
    """Return the ConfigMap that carries the run to its pods; it never changes, as what it holds never does."""
    value = {"schema": 1, "run": pod_manifest(spec), "uid": run.uid, "results": results}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(run.name),
            "namespace": run.namespace,
            "labels": {"app.kubernetes.io/managed-by": "batt", "batt.dev/run": run.name, "batt.dev/run-uid": run.uid},
            "ownerReferences": [owner_reference(run)],
        },
        "immutable": True,
        "data": {RUN_FILE: json.dumps(value, sort_keys=True)},
    }


def pod_manifest(spec: BenchmarkRun) -> Raw:
    """Return the run as its pods read it: without labels, annotations and environment, which are the cluster's."""
    manifest = spec.to_manifest()
    manifest["metadata"] = {"name": spec.metadata.name, "namespace": spec.metadata.namespace}
    for name in ("env", "envFrom"):
        manifest["spec"].pop(name, None)
    return manifest


def job_manifest(
    run: RunView, spec: BenchmarkRun, stage: Stage, slot: JobSlot, attempt: int, parallelism: int, settings: Settings
) -> Raw:
    """Return the Job of a stage.

    Args:
        parallelism: pods at once of an indexed stage.
    """
    labels = labels_of(run, stage, attempt)
    pod_labels = labels | {"batt.dev/agent": "true"} if is_with_agent(spec, stage) else labels
    if stage is Stage.WORK and spec.spec.queue:
        job_labels = labels | {"kueue.x-k8s.io/queue-name": spec.spec.queue}
    else:
        job_labels = labels
    body: Raw = {
        "activeDeadlineSeconds": seconds_for(spec, stage, settings) + BACKSTOP_SECONDS,
        "podFailurePolicy": {"rules": failure_rules(is_indexed=stage in INDEXED)},
        "podReplacementPolicy": "Failed",  # never two pods on a shard at once, and what the failure policy asks for
        "template": {
            "metadata": {
                "labels": settings.pools[slot.pool].labels | pod_labels,
                "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
                | settings.pools[slot.pool].annotations,
            },
            "spec": pod_of(run, spec, stage, attempt, slot, settings),
        },
    }
    if stage in INDEXED:
        body |= {
            "completionMode": "Indexed",
            "completions": slot.pods,
            "parallelism": parallelism,
            "backoffLimitPerIndex": spec.spec.retries.per_shard,
            "maxFailedIndexes": min(slot.pods, spec.spec.retries.failed_shards),
            "suspend": stage is Stage.WORK and bool(spec.spec.queue),  # Kueue admits it, and starts it by that
        }
    else:
        body |= {"backoffLimit": STAGE_RETRIES}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": slot.name,
            "namespace": run.namespace,
            "labels": job_labels,
            "ownerReferences": [owner_reference(run)],
        },
        "spec": body,
    }


def seconds_for(spec: BenchmarkRun, stage: Stage, settings: Settings) -> int:
    """Return how long a stage may take."""
    is_late = stage in {Stage.EVALUATE, Stage.COLLECT}
    return COLLECT_SECONDS if is_late else spec.spec.deadlines.run_seconds or settings.run_seconds


def failure_rules(*, is_indexed: bool) -> list[Raw]:
    """Return the podFailurePolicy: what each end of a pod means; the first rule that matches counts."""
    rules: list[Raw] = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        exit_rule("Ignore", EXIT_ASKED_TO_STOP),
        exit_rule("FailJob", *FATAL),
    ]
    return [*rules, exit_rule("FailIndex", SHARD_FAULT)] if is_indexed else rules


def exit_rule(action: str, *codes: int) -> Raw:
    """Return the rule for exit codes of the worker."""
    return {"action": action, "onExitCodes": {"containerName": WORKER, "operator": "In", "values": list(codes)}}


def pod_of(run: RunView, spec: BenchmarkRun, stage: Stage, attempt: int, slot: JobSlot, settings: Settings) -> Raw:
    """Return the pod of a stage, with a container for programs of strangers where it runs some."""
    pod = pod_spec(run, spec, stage, attempt, slot, settings)
    if is_with_agent(spec, stage):
        return with_agent(pod, spec, stage, settings.pools[slot.pool], settings)
    if spec.spec.hal is not None:  # plan and collect: `spec.image`, `spec.env` and `spec.envFrom` are for agents
        [worker] = pod["containers"]
        kept = {key: value for key, value in worker.items() if key != "envFrom"}
        image = settings.scoring_image or settings.image
        return {
            **pod,
            "containers": [
                kept | {"image": image, "env": [*pod_env(run, spec, stage, attempt, slot, settings), *settings.env]}
            ],
        }
    return pod


def pod_spec(run: RunView, spec: BenchmarkRun, stage: Stage, attempt: int, slot: JobSlot, settings: Settings) -> Raw:
    """Return the pod of a stage: restricted, without a token, with the run mounted."""
    asked, pool = spec.spec, settings.pools[slot.pool]
    optional = {
        "nodeSelector": pool.node_selector,
        "tolerations": list(pool.tolerations),
        "runtimeClassName": pool.runtime_class_name,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
        "priorityClassName": asked.priority_class_name if stage is Stage.WORK else None,
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "serviceAccountName": asked.service_account_name or settings.service_account_name,
        "terminationGracePeriodSeconds": pool.termination_grace_period_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(run, spec, stage, attempt, slot, settings)],
        "volumes": [
            {"name": "run", "configMap": {"name": config_map_name(run.name)}},
            {"name": "tmp", "emptyDir": {"sizeLimit": TMP_SIZE}},
        ],
    } | {key: value for key, value in optional.items() if value}


def container(run: RunView, spec: BenchmarkRun, stage: Stage, attempt: int, slot: JobSlot, settings: Settings) -> Raw:
    """Return the worker container."""
    asked, pool = spec.spec, settings.pools[slot.pool]
    port = metrics_port(stage, settings)
    optional = {
        "imagePullPolicy": settings.image_pull_policy,
        "ports": [{"name": "metrics", "containerPort": port}] if port else [],
        "resources": pool.resources,
        "envFrom": [one.model_dump(by_alias=True, exclude_none=True) for one in asked.env_from],
    }
    return {
        "name": WORKER,
        "image": asked.image or pool.image or settings.image,
        "command": ["batt", "pod", str(stage)],
        "env": [
            *pod_env(run, spec, stage, attempt, slot, settings),
            *settings.env,
            *(one.model_dump(by_alias=True) for one in asked.env),
        ],
        "securityContext": LOCKED,
        "terminationMessagePolicy": "FallbackToLogsOnError",  # a crash then still says its last words
        "volumeMounts": [
            {"name": "run", "mountPath": RUN_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 # the pod's own volume
        ],
    } | {key: value for key, value in optional.items() if value}


def pod_env(
    run: RunView, spec: BenchmarkRun, stage: Stage, attempt: int, slot: JobSlot, settings: Settings
) -> list[Raw]:
    """Return the environment by which a pod knows what it is."""
    port = metrics_port(stage, settings)
    told = {
        "BATT_ATTEMPT_MODE": spec.spec.attempt_mode if stage is Stage.PLAN else "",
        "BATT_PART": slot.part,
        "BATT_BEGAN": began(run.status.clock) if stage is Stage.COLLECT else "",
        "BATT_PRICES": prices_to_text(settings.prices(spec.spec.pool)) if stage is Stage.COLLECT else "",
        "BATT_POOL": slot.pool if port else "",
        "BATT_METRICS_PORT": str(port) if port else "",
    }
    return [
        *({"name": name, "value": value} for name, value in told.items() if value),
        {"name": "BATT_RUN", "value": f"{RUN_FOLDER}/{RUN_FILE}"},
        {"name": "BATT_ATTEMPT", "value": str(attempt)},
        {"name": "BATT_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "BATT_CPUS", "valueFrom": {"resourceFieldRef": {"containerName": WORKER, "resource": "limits.cpu"}}},
        {"name": "HOME", "value": "/tmp"},  # noqa: S108 # the only folder that can be written
    ]


def metrics_port(stage: Stage, settings: Settings) -> int:
    """Return the port at which pods of a stage serve metrics; 0 where they serve none."""
    return settings.worker_metrics_port if stage is Stage.WORK else 0


def began(clock: Clock) -> str:
    """Return since when an attempt takes, in seconds since the epoch: later by the time that it was suspended.

    Empty where it is suspended now: then nobody knows how long it will have been.
    """
    if clock.running_since is None:
        return ""
    return str(round(parsed_time(clock.running_since).timestamp() - clock.ran_seconds))

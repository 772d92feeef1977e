"""Pods with a second container for programs of strangers: agents at work, and what they submitted when it is scored.

    init  shim     worker's image   puts the shim into a folder that both containers below share
    init  agent    agent's image    the shim as process 1; runs on beside the worker and ends with it (a sidecar)
          worker   worker's image   has the store and the run, drives the shim; its exit code is the pod's

The agent's container has no token, no credentials, no run file and no folder of the worker's but the working directory.
Secrets of `spec.envFrom` are its own; the worker is told them under other names, to take them out of what it stores.
"""

from __future__ import annotations

from batt.api import BenchmarkRun
from batt_operator.cluster import Raw
from batt_operator.settings import Pool, Settings
from batt_operator.stages import Stage

AGENT = "agent"
"""Name of the container for programs of strangers."""

WORKSPACE, SHARED = "/workspace", "/batt"
"""Folders that both containers see, as batt.hal.podplace knows them: the working directory; shim and socket."""

SECRET_PREFIX = "BATT_SECRET_"  # noqa: S105 # the beginning of names
"""How the worker's names of the agent's secrets begin."""

WORKSPACE_SIZE = "20Gi"
"""Most that an agent's working directory may hold before its pod is evicted."""

SHARED_SIZE = "8Gi"
"""The same for the unpacked environment of its requirements."""

IDENTITY = "/var/run/batt/identity"
"""Where the worker, and nobody else, finds the token and the file by which it is somebody to the store."""

SUPERVISOR: Raw = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "1", "memory": "1Gi"},
}
"""What a worker asks for that only looks on: the pool's resources are the agent's."""

LOCKED: Raw = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""What no container of ours may do (the `restricted` Pod Security Standard)."""


def with_agent(pod: Raw, spec: BenchmarkRun, stage: Stage, pool: Pool, settings: Settings) -> Raw:
    """Return a pod of work or evaluate with a container for programs of strangers.

    Args:
        pod: as jobs.py makes it for any run.
    """
    worker = worker_container(pod["containers"][0], spec, stage, settings)
    volumes = [
        {"name": "workspace", "emptyDir": {"sizeLimit": WORKSPACE_SIZE}},
        {"name": "shared", "emptyDir": {"sizeLimit": SHARED_SIZE}},
        {"name": "agent-tmp", "emptyDir": {"sizeLimit": WORKSPACE_SIZE}},
    ]
    if settings.identity:
        volumes.append(identity_volume(settings))
    return {
        **pod,
        "initContainers": [shim_container(worker), agent_container(spec, stage, pool, settings)],
        "containers": [worker],
        "volumes": [*pod["volumes"], *volumes],
    }


def worker_container(container: Raw, spec: BenchmarkRun, stage: Stage, settings: Settings) -> Raw:
    """Return the worker, which looks on; `spec.image` and `spec.env` are the agent's."""
    names = {one.name for one in spec.spec.env}
    secrets = [one for one in spec.spec.env_from if one.secret_ref] if stage is Stage.WORK else []
    mounts: list[Raw] = [{"name": "workspace", "mountPath": WORKSPACE}, {"name": "shared", "mountPath": SHARED}]
    variables = [one for one in container["env"] if one["name"] not in names]
    if settings.identity:
        mounts.append({"name": "identity", "mountPath": IDENTITY, "readOnly": True})
        variables.append({"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": f"{IDENTITY}/credentials.json"})
    worker = {
        **container,
        "image": settings.image if stage is Stage.WORK else settings.scoring_image or settings.image,
        "env": variables,
        "envFrom": [{"prefix": SECRET_PREFIX, **one.model_dump(by_alias=True, exclude_none=True)} for one in secrets],
        "resources": SUPERVISOR,
        "volumeMounts": [*container["volumeMounts"], *mounts],
    }
    return {key: value for key, value in worker.items() if value}


def shim_container(worker: Raw) -> Raw:
    """Return the container that puts the shim where the agent's finds it; it ends at once."""
    kept = ("image", "imagePullPolicy", "resources", "securityContext")
    return {
        "name": "shim",
        "command": ["batt", "pod", "shim"],
        "volumeMounts": [{"name": "shared", "mountPath": SHARED}],
        **{key: worker[key] for key in kept if key in worker},
    }


def agent_container(spec: BenchmarkRun, stage: Stage, pool: Pool, settings: Settings) -> Raw:
    """Return the container for programs of strangers; what they have submitted gets nothing of what agents get."""
    asked = spec.spec
    container: Raw = {
        "name": AGENT,
        "image": (asked.image if stage is Stage.WORK else None) or settings.agent_image,
        "imagePullPolicy": settings.image_pull_policy,
        "restartPolicy": "Always",  # a sidecar: it ends with the worker, and comes back where it was killed
        "command": ["python3", "-I", "-S", f"{SHARED}/shim.py", "socket", f"{SHARED}/socket"],
        "workingDir": WORKSPACE,
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 # its own
        "resources": pool.resources,
        "securityContext": LOCKED,
        "volumeMounts": [
            {"name": "workspace", "mountPath": WORKSPACE},
            {"name": "shared", "mountPath": SHARED},
            {"name": "agent-tmp", "mountPath": "/tmp"},  # noqa: S108 # the pod's own volume
        ],
    }
    if stage is Stage.WORK:
        container["env"] += [one.model_dump(by_alias=True) for one in asked.env]
        container["envFrom"] = [one.model_dump(by_alias=True, exclude_none=True) for one in asked.env_from]
    return {key: value for key, value in container.items() if value}


def identity_volume(settings: Settings) -> Raw:
    """Return the volume by which the worker is somebody to the store: a token of its own and what to do with it."""
    assert settings.identity
    token = {"audience": settings.identity.audience, "expirationSeconds": 3600, "path": "token"}
    return {
        "name": "identity",
        "projected": {
            "sources": [
                {"serviceAccountToken": token},
                {"configMap": {"name": settings.identity.config_map}},
            ]
        },
    }


def is_with_agent(spec: BenchmarkRun, stage: Stage) -> bool:
    """Tell whether a stage's pods run programs of strangers."""
    return spec.spec.hal is not None and stage in {Stage.WORK, Stage.EVALUATE}

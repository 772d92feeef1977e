"""Pods of HAL runs: what the agent's container has, and above all what it has not."""

from __future__ import annotations

from typing import Any

import pytest

from batt.hal import podplace
from batt.status import Clock
from batt_operator import agentpods
from batt_operator.jobs import job_manifest
from batt_operator.stages import Stage, job_slots
from batt_operator.world import places_of
from tests.worlds import HAL, Story

IDENTITY = {"audience": "//iam.googleapis.com/pool", "configMap": "batt-identity"}

IMAGES = {"agentImage": "agents:1", "scoringImage": "scoring:1", "identity": IDENTITY}


def pod(stage: Stage, spec: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Return the pod of a HAL run's stage."""
    story = Story(HAL | (spec or {}), **(IMAGES | settings))
    assert story.run.run is not None
    places = places_of(story.run.run, story.settings)
    [slot] = job_slots("mine", stage, 1, Clock(todo=4, evaluations=4), places)
    job = job_manifest(story.run, story.run.run, stage, slot, 1, 4, story.settings)
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


def container(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a container of a pod, of either kind."""
    containers: list[dict[str, Any]] = [*pod.get("initContainers", []), *pod["containers"]]
    [found] = [one for one in containers if one["name"] == name]
    return found


def mounts(container: dict[str, Any]) -> dict[str, str]:
    """Return the volumes of a container, with where they are."""
    return {one["name"]: one["mountPath"] for one in container["volumeMounts"]}


def test_worker_and_agent_agree_on_their_folders() -> None:
    assert (agentpods.WORKSPACE, agentpods.SHARED) == (podplace.WORKSPACE, podplace.SHARED)
    assert agentpods.SECRET_PREFIX == podplace.SECRET_PREFIX
    command = container(pod(Stage.WORK), "agent")["command"]
    assert command[3:] == [f"/batt/{podplace.SHIM_FILE}", "socket", f"/batt/{podplace.SOCKET}"]


@pytest.mark.parametrize("stage", [Stage.WORK, Stage.EVALUATE])
def test_the_agents_container_sees_the_working_directory_and_the_shim_alone(stage: Stage) -> None:
    made = pod(stage)

    assert mounts(container(made, "agent")) == {"workspace": "/workspace", "shared": "/batt", "agent-tmp": "/tmp"}
    assert "identity" in mounts(container(made, "worker"))
    assert made["automountServiceAccountToken"] is False
    assert not made.get("shareProcessNamespace")


@pytest.mark.parametrize("stage", [Stage.WORK, Stage.EVALUATE])
def test_every_container_is_restricted(stage: Stage) -> None:
    made = pod(stage)

    for one in [*made["initContainers"], *made["containers"]]:
        assert one["securityContext"] == agentpods.LOCKED
    assert container(made, "worker")["resources"] == container(made, "shim")["resources"] == agentpods.SUPERVISOR


def test_the_agents_container_ends_with_the_worker() -> None:
    made = pod(Stage.WORK)

    assert container(made, "agent")["restartPolicy"] == "Always"
    assert [one["name"] for one in made["initContainers"]] == ["shim", "agent"]
    assert [one["name"] for one in made["containers"]] == ["worker"]


def test_keys_are_the_agents_and_the_worker_knows_them_only_to_hide_them() -> None:
    spec = {
        "env": [{"name": "MODEL", "value": "m"}],
        "envFrom": [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "urls"}}],
    }
    made = pod(Stage.WORK, spec, env=({"name": "STORE", "value": "s"},))

    agent, worker = container(made, "agent"), container(made, "worker")
    assert {one["name"]: one["value"] for one in agent["env"]} == {"HOME": "/tmp", "MODEL": "m"}
    assert agent["envFrom"] == spec["envFrom"]
    assert worker["envFrom"] == [{"prefix": "BATT_SECRET_", "secretRef": {"name": "keys"}}]
    names = {one["name"] for one in worker["env"]}
    assert "STORE" in names
    assert "MODEL" not in names


@pytest.mark.parametrize("stage", [Stage.PLAN, Stage.EVALUATE, Stage.COLLECT])
def test_stages_that_see_the_truth_have_no_keys_and_the_image_for_it(stage: Stage) -> None:
    spec = {"image": "mine:1", "envFrom": [{"secretRef": {"name": "keys"}}], "env": [{"name": "MODEL", "value": "m"}]}

    made = pod(stage, spec)

    worker = container(made, "worker")
    assert worker["image"] == "scoring:1"
    assert "envFrom" not in worker
    assert "MODEL" not in {one["name"] for one in worker["env"]}
    if stage is Stage.EVALUATE:
        assert container(made, "agent")["image"] == "agents:1"
        assert "envFrom" not in container(made, "agent")
    else:
        assert "initContainers" not in made


def test_an_agents_image_may_be_its_own() -> None:
    made = pod(Stage.WORK, {"image": "mine:1"})

    assert container(made, "agent")["image"] == "mine:1"
    assert container(made, "worker")["image"] == container(made, "shim")["image"] != "mine:1"


def test_without_an_identity_of_their_own_workers_have_that_of_the_pod() -> None:
    worker = container(pod(Stage.WORK, identity=None), "worker")

    assert set(mounts(worker)) == {"run", "tmp", "workspace", "shared"}
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in {one["name"] for one in worker["env"]}

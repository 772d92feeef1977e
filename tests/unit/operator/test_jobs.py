"""The manifests of a run's Jobs and of its ConfigMap."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.api import BenchmarkRun
from batt.fields import NAME_CHARACTERS
from batt.status import Clock
from batt_operator.jobs import BACKSTOP_SECONDS, COLLECT_SECONDS, began, config_map_manifest, job_manifest
from batt_operator.observed import RunView, run_view, status_of
from batt_operator.stages import JobSlot, Places, Stage, job_slots, shares
from batt_operator.world import places_of
from tests.worlds import HAL, UID, run_object, settings_with

AGENT = {"name": "a", "source": "builtin:null"}
"""An agent."""


def parsed(spec: dict[str, Any] | None = None, **metadata: Any) -> tuple[RunView, BenchmarkRun]:
    run = run_view(run_object(spec, **metadata))
    assert run.run is not None, run.faults
    return run, run.run


def job(
    stage: Stage, spec: dict[str, Any] | None = None, *, attempt: int = 1, shards: int = 8, **settings: Any
) -> dict[str, Any]:
    run, read = parsed(spec)
    known = settings_with(**settings)
    [slot] = job_slots(run.name, stage, attempt, Clock(todo=shards, evaluations=shards), places_of(read, known))
    most = read.spec.max_concurrency or known.max_concurrency
    return job_manifest(run, read, stage, slot, attempt, min(shards, most), known)


def pod(stage: Stage, spec: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = job(stage, spec, **settings)["spec"]["template"]["spec"]
    return found


def env_of(pod: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}


def test_ends_of_pods_mean_what_the_contract_says_in_its_order() -> None:
    def codes(action: str, *values: int) -> dict[str, Any]:
        on = {"containerName": "worker", "operator": "In", "values": list(values)}
        return {"action": action, "onExitCodes": on}

    rules = job(Stage.WORK)["spec"]["podFailurePolicy"]["rules"]

    assert rules == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        codes("Ignore", 75),
        codes("FailJob", 64, 65, 77, 78),
        codes("FailIndex", 70),
    ]


@pytest.mark.parametrize("stage", [Stage.PLAN, Stage.COLLECT])
def test_only_indexed_jobs_have_indexes_to_fail(stage: Stage) -> None:
    spec = job(stage)["spec"]

    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["Ignore", "Ignore", "FailJob"]
    assert not spec.keys() & {"completionMode", "completions", "parallelism", "backoffLimitPerIndex", "suspend"}
    assert spec["backoffLimit"] == 3


def test_work_is_one_indexed_job_with_the_asked_retries() -> None:
    spec = job(Stage.WORK, {"retries": {"perShard": 5, "failedShards": 3}, "maxConcurrency": 6}, shards=8)["spec"]

    expected = {
        "completionMode": "Indexed",
        "completions": 8,
        "parallelism": 6,
        "backoffLimitPerIndex": 5,
        "maxFailedIndexes": 3,
        "suspend": False,
        "podReplacementPolicy": "Failed",
    }
    assert spec.items() >= expected.items()
    assert "backoffLimit" not in spec


@pytest.mark.parametrize(("shards", "asked", "parallelism", "failures"), [(3, 100, 3, 3), (1, None, 1, 1)])
def test_numbers_never_exceed_the_shards(shards: int, asked: int | None, parallelism: int, failures: int) -> None:
    spec = {"retries": {"failedShards": 10_000}} | ({"maxConcurrency": asked} if asked else {})

    made = job(Stage.WORK, spec, shards=shards)["spec"]

    assert (made["parallelism"], made["maxFailedIndexes"]) == (parallelism, failures)


def test_queue_is_a_label_of_the_work_job_alone_which_starts_suspended() -> None:
    label = "kueue.x-k8s.io/queue-name"
    work, plan = job(Stage.WORK, {"queue": "team"}), job(Stage.PLAN, {"queue": "team"})

    assert work["metadata"]["labels"][label] == "team"
    assert work["spec"]["suspend"] is True
    assert label not in plan["metadata"]["labels"]
    assert label not in work["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("stage", list(Stage))
def test_job_is_labelled_and_owned(stage: Stage) -> None:
    made = job(stage, attempt=3)

    labels = {
        "app.kubernetes.io/managed-by": "batt",
        "app.kubernetes.io/component": str(stage),
        "batt.dev/run": "mine",
        "batt.dev/run-uid": UID,
        "batt.dev/stage": str(stage),
        "batt.dev/attempt": "3",
    }
    assert made["metadata"]["labels"] == labels
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    assert made["metadata"]["name"] == f"mine-{stage}-3"
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "batt.dev/v1alpha1",
            "kind": "BenchmarkRun",
            "name": "mine",
            "uid": UID,
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]


def test_labels_of_a_pool_do_not_replace_ours() -> None:
    pools = {"cpu": {"labels": {"team": "arc", "batt.dev/run": "theirs"}, "annotations": {"a": "b"}}}

    metadata = job(Stage.WORK, pools=pools)["spec"]["template"]["metadata"]

    assert metadata["labels"]["batt.dev/run"] == "mine"
    assert metadata["labels"]["team"] == "arc"
    assert metadata["annotations"] == {"a": "b", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}


@pytest.mark.parametrize("stage", list(Stage))
def test_longest_names_are_dns_labels(stage: Stage) -> None:
    run, _ = parsed({"attempt": 1000}, name="m" * NAME_CHARACTERS)

    slots = job_slots(run.name, stage, 1000, Clock(todo=20_000, todo_gpu=10_000), Places("cpu", "l4", "cpu"))

    assert all(len(f"{slot.name}-{10_000 - 1}") <= 63 for slot in slots)


@pytest.mark.parametrize("stage", list(Stage))
def test_pod_meets_the_restricted_standard(stage: Stage) -> None:
    made = pod(stage)
    [container] = made["containers"]

    assert made["automountServiceAccountToken"] is False
    assert made["restartPolicy"] == "Never"
    security = made["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == 10001
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(made)
    assert {kind for volume in made["volumes"] for kind in volume} <= {"name", "configMap", "emptyDir"}


@pytest.mark.parametrize("stage", list(Stage))
def test_pod_reads_its_run_and_leaves_last_words(stage: Stage) -> None:
    made = pod(stage)
    [container] = made["containers"]

    assert container["command"] == ["batt", "pod", str(stage)]
    assert container["name"] == "worker"
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert {"name": "run", "configMap": {"name": "mine-run"}} in made["volumes"]
    assert {"name": "run", "mountPath": "/etc/batt/run", "readOnly": True} in container["volumeMounts"]
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    assert env_of(made).keys() >= {"BATT_RUN", "BATT_ATTEMPT", "BATT_POD_UID", "BATT_CPUS", "HOME"}
    assert env_of(made)["BATT_RUN"] == "/etc/batt/run/run.json"


def test_variables_of_the_run_come_after_those_of_the_operator() -> None:
    spec = {"env": [{"name": "MODEL", "value": "small"}], "envFrom": [{"secretRef": {"name": "keys"}}]}

    made = pod(Stage.WORK, spec, env=[{"name": "MODEL", "value": "large"}])

    assert [one["value"] for one in made["containers"][0]["env"] if one["name"] == "MODEL"] == ["large", "small"]
    assert made["containers"][0]["envFrom"] == [{"secretRef": {"name": "keys"}}]


@pytest.mark.parametrize(
    ("spec", "pool", "expected"),
    [({}, {}, "batt:1"), ({}, {"image": "pool:2"}, "pool:2"), ({"image": "own:3"}, {"image": "pool:2"}, "own:3")],
)
def test_image_is_the_runs_then_the_pools_then_the_operators(
    spec: dict[str, Any], pool: dict[str, Any], expected: str
) -> None:
    assert pod(Stage.WORK, spec, pools={"cpu": pool})["containers"][0]["image"] == expected


def test_pool_says_where_the_work_runs_and_what_it_asks_for() -> None:
    l4 = {
        "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "resources": {"limits": {"nvidia.com/gpu": 1}},
        "runtimeClassName": "gvisor",
        "terminationGracePeriodSeconds": 15,
    }
    pools = {"cpu": {"resources": {"requests": {"cpu": "500m"}}}, "l4": l4}

    work, plan = (pod(stage, {"pool": "l4"}, pools=pools) for stage in (Stage.WORK, Stage.PLAN))

    same = ("nodeSelector", "tolerations", "runtimeClassName", "terminationGracePeriodSeconds")
    assert {name: work[name] for name in same} == {name: l4[name] for name in same}
    assert work["containers"][0]["resources"] == l4["resources"]
    assert plan["containers"][0]["resources"] == {"requests": {"cpu": "500m"}}
    assert {"nodeSelector", "tolerations", "runtimeClassName"}.isdisjoint(plan)


def test_account_priority_and_secrets_reach_the_pods() -> None:
    spec = {"serviceAccountName": "arc", "priorityClassName": "low"}

    work, plan = (pod(stage, spec, imagePullSecrets=["registry"]) for stage in (Stage.WORK, Stage.PLAN))

    assert (work["serviceAccountName"], work["priorityClassName"]) == ("arc", "low")
    assert work["imagePullSecrets"] == [{"name": "registry"}]
    assert (plan["serviceAccountName"], "priorityClassName" in plan) == ("arc", False)


def test_kubernetes_ends_jobs_later_than_the_operator_would() -> None:
    deadlines = {"deadlines": {"runSeconds": 100}}
    seconds = [job(stage, deadlines)["spec"]["activeDeadlineSeconds"] for stage in Stage]

    own, late = 100 + BACKSTOP_SECONDS, COLLECT_SECONDS + BACKSTOP_SECONDS
    assert seconds == [own, own, late, late]


def test_config_map_carries_the_run_without_its_environment() -> None:
    spec = {"env": [{"name": "KEY", "value": "secret"}], "envFrom": [{"secretRef": {"name": "keys"}}]}
    run, read = parsed(spec, labels={"a": "b"}, annotations={"long": "x" * 1000})

    made = config_map_manifest(run, read, "gs://bucket/runs")

    value = json.loads(made["data"]["run.json"])
    assert made["immutable"] is True
    assert made["metadata"]["name"] == "mine-run"
    assert made["metadata"]["ownerReferences"][0]["uid"] == UID
    assert (value["schema"], value["uid"], value["results"]) == (1, UID, "gs://bucket/runs")
    assert value["run"]["metadata"] == {"name": "mine", "namespace": "team"}
    assert value["run"]["spec"]["solvers"]["dataset"] == "arc-agi-1/training"
    assert {"env", "envFrom"}.isdisjoint(value["run"]["spec"])
    assert BenchmarkRun.model_validate(value["run"], strict=False).spec.solvers == read.spec.solvers


def test_largest_run_fits_a_config_map() -> None:
    tasks = [f"{index:0128d}" for index in range(2000)]
    run, read = parsed({"solvers": {"dataset": "gs://bucket/tasks", "candidates": "builtin:starter", "tasks": tasks}})

    made = config_map_manifest(run, read, "gs://bucket/runs")

    assert len(json.dumps(made)) < 1_000_000  # of the 1 MiB that Kubernetes takes


@pytest.mark.parametrize(
    ("todo", "todo_gpu", "gpu_pool", "slots"),
    [
        (8, 0, "l4", [JobSlot("mine-work-2", "cpu", 8)]),
        (8, 3, "l4", [JobSlot("mine-work-2", "cpu", 5, "cpu"), JobSlot("mine-work-gpu-2", "l4", 3, "gpu")]),
        (8, 8, "l4", [JobSlot("mine-work-gpu-2", "l4", 8, "gpu")]),
        (8, 3, "", [JobSlot("mine-work-2", "cpu", 8)]),
    ],
)
def test_work_has_a_job_for_each_pool_that_its_tasks_need(
    todo: int, todo_gpu: int, gpu_pool: str, slots: list[JobSlot]
) -> None:
    clock = Clock(todo=todo, todo_gpu=todo_gpu)

    assert list(job_slots("mine", Stage.WORK, 2, clock, Places("cpu", gpu_pool, "small"))) == slots


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        (Clock(running_since="2026-01-01T10:00:00Z"), "1767261600"),
        (Clock(running_since="2026-01-01T10:00:00Z", ran_seconds=60.4), "1767261540"),
        (Clock(), ""),
    ],
)
def test_collect_is_told_since_when_the_attempt_takes_without_its_suspensions(clock: Clock, seconds: str) -> None:
    assert began(clock) == seconds


def test_only_collect_is_told_since_when() -> None:
    known = {"clock": {"runningSince": "2026-01-01T10:00:00Z"}}
    told = {}
    for stage in Stage:
        run, read = parsed()
        run = run._replace(status=status_of(known))
        [slot] = job_slots("mine", stage, 1, Clock(todo=3, evaluations=2), places_of(read, settings_with()))
        made = job_manifest(run, read, stage, slot, 1, 2, settings_with())
        told[stage] = env_of(made["spec"]["template"]["spec"]).get("BATT_BEGAN")

    assert told == {"plan": None, "work": None, "evaluate": None, "collect": "1767261600"}


@pytest.mark.parametrize("spec", [None, HAL])
def test_only_pods_of_the_work_serve_metrics_and_only_where_asked(spec: dict[str, Any] | None) -> None:
    served = {}
    for stage in Stage:
        for port in (0, 9464):
            made = pod(stage, spec, workerMetricsPort=port, agentImage="agent:1")
            [worker] = made["containers"]
            told = env_of(made)
            ports = worker.get("ports", []), *(one.get("ports", []) for one in made.get("initContainers", []))
            served[stage, port] = told.get("BATT_METRICS_PORT"), told.get("BATT_POOL"), *ports

    for (stage, port), (told_port, pool, own, *others) in served.items():
        if stage is Stage.WORK and port:
            assert (told_port, pool) == ("9464", "cpu")
            assert own == [{"name": "metrics", "containerPort": 9464}]
        else:
            assert (told_port, pool, own) == (None, None, [])
        assert others in ([], [[], []])


def test_only_plan_is_told_what_a_further_attempt_is_for() -> None:
    spec = {"solvers": None, "attemptMode": "regrade", "hal": {"benchmark": "arc", "agent": AGENT}}

    told = {stage: env_of(pod(stage, spec)).get("BATT_ATTEMPT_MODE") for stage in Stage}

    assert told == {Stage.PLAN: "regrade", Stage.WORK: None, Stage.EVALUATE: None, Stage.COLLECT: None}


@pytest.mark.parametrize(
    ("total", "pods", "expected"),
    [
        (10, {"a": 100}, {"a": 10}),
        (10, {"a": 4}, {"a": 4}),
        (10, {"a": 100, "b": 1}, {"a": 9, "b": 1}),
        (10, {"a": 2, "b": 100}, {"a": 2, "b": 8}),
        (3, {"a": 50, "b": 50}, {"a": 2, "b": 1}),
        (1, {"a": 5, "b": 5}, {"a": 1, "b": 0}),
        (1000, {"a": 5, "b": 7}, {"a": 5, "b": 7}),
        (10, {"a": 1, "b": 1}, {"a": 1, "b": 1}),
        (10, {}, {}),
    ],
)
def test_pods_at_once_are_shared_between_jobs(total: int, pods: dict[str, int], expected: dict[str, int]) -> None:
    assert shares(total, pods) == expected


@given(st.integers(1, 300), st.dictionaries(st.sampled_from("abc"), st.integers(1, 200)))
def test_no_pod_at_once_is_wasted_and_none_is_too_many(total: int, pods: dict[str, int]) -> None:
    got = shares(total, pods)

    assert sum(got.values()) == min(total, sum(pods.values()))
    assert all(0 <= got[name] <= count for name, count in pods.items())
    assert total < len(pods) or all(got.values())

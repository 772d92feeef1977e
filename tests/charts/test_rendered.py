"""What the chart installs: the objects, by switch and value, as helm renders them."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from batt import __version__
from tests.charts.rendering import CHART, Manifest, defaults, of_kind, render, settings_of, the
from tests.gotools import tool_or_skip

pytestmark = pytest.mark.timeout(1800)  # the first build of helm takes minutes


def operator_pod(objects: list[Manifest]) -> Manifest:
    """Return the pod template of the operator."""
    template: Manifest = the(objects, "Deployment")["spec"]["template"]
    return template


def identities(objects: list[Manifest]) -> set[tuple[str, str | None, str]]:
    """Return what tells objects apart in a cluster: kind, namespace and name."""
    return {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects}


def verbs(role: Manifest) -> dict[str, set[str]]:
    """Return the verbs of a role by resource, each named with its group."""
    return {
        f"{group}/{resource}": set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


OPERATOR_VERBS = {
    "batt.dev/benchmarkruns": {"get", "list", "watch", "patch", "delete"},
    "batt.dev/benchmarkruns/status": {"patch"},
    "batch/jobs": {"get", "list", "watch", "create", "patch", "delete"},
    "/configmaps": {"create", "get", "patch"},
    "/pods": {"get", "list"},
    "/events": {"create", "list"},
}
"""All that the operator may do."""


def test_the_chart_passes_helm_s_own_lint() -> None:
    done = subprocess.run(
        [tool_or_skip("helm"), "lint", "--strict", CHART], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_the_chart_is_of_the_package_s_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == __version__


def test_an_install_holds_these_objects_and_no_more() -> None:
    assert identities(render(release="batt", namespace="runs")) == {
        ("CustomResourceDefinition", None, "benchmarkruns.batt.dev"),
        ("ConfigMap", "runs", "batt-operator"),
        ("Deployment", "runs", "batt-operator"),
        ("ServiceAccount", "runs", "batt-operator"),
        ("ServiceAccount", "runs", "batt-worker"),
        ("Role", "runs", "batt-operator"),
        ("RoleBinding", "runs", "batt-operator"),
        ("NetworkPolicy", "runs", "batt-runs"),
        ("NetworkPolicy", "runs", "batt-agents"),
        ("ClusterRole", None, "runs-batt-viewer"),
        ("ClusterRole", None, "runs-batt-editor"),
    }


def test_the_configuration_is_what_the_operator_reads() -> None:
    settings = settings_of(render({"results": "gs://bucket/results"}))

    assert settings.namespace == "runs"
    assert settings.image == f"batt-worker:{__version__}"
    assert settings.service_account_name == "batt-worker"
    assert settings.results == "gs://bucket/results"
    assert set(settings.pools) == {"cpu", "cpu-spot", "l4", "l4-spot"}
    assert settings.default_pool == settings.stage_pool == "cpu"


def test_values_reach_the_configuration_unchanged() -> None:
    variables = [
        {"name": "STORAGE_EMULATOR_HOST", "value": "http://gcs.runs:4443"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    pool = {
        "nodeSelector": {"cloud.google.com/compute-class": "l4"},
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": 2, "nvidia.com/gpu": 1}},
        "runtimeClassName": "gvisor",
        "image": "registry.example.org/agent:1",
        "labels": {"team": "arc"},
        "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
        "terminationGracePeriodSeconds": 100,
        "price": {"perHour": 1.25, "currency": "EUR", "dated": "2026-01-31"},
    }
    values = {
        "worker": {"env": variables},
        "pools": {"agents": pool},
        "defaultPool": "agents",
        "runSeconds": 31_536_000,
        "maxConcurrency": 100_000,
        "operator": {"resyncSeconds": 7.5, "healthPort": 9090},
        "images": {"pullSecrets": ["registry"], "pullPolicy": "Always"},
    }

    settings = settings_of(render(values))

    assert list(settings.env) == variables
    assert settings.pools["agents"].model_dump(by_alias=True, mode="json", exclude_none=True) == pool
    assert (settings.default_pool, settings.stage_pool) == ("agents", "cpu")
    assert (settings.run_seconds, settings.max_concurrency) == (31_536_000, 100_000)
    assert (settings.resync_seconds, settings.health_port) == (7.5, 9090)
    assert (settings.image_pull_secrets, settings.image_pull_policy) == (("registry",), "Always")


def test_without_a_store_the_operator_has_none() -> None:
    assert settings_of(render()).results is None


def test_a_pool_on_l4_selects_it_tolerates_it_asks_for_it_and_has_its_image() -> None:
    pools = settings_of(render({"images": {"registry": "registry.example.org/batt/"}})).pools

    for name, is_spot in {"l4": False, "l4-spot": True}.items():
        pool = pools[name]
        assert pool.node_selector["cloud.google.com/gke-accelerator"] == "nvidia-l4"
        assert ("cloud.google.com/gke-spot" in pool.node_selector) == is_spot
        assert any(toleration["key"] == "nvidia.com/gpu" for toleration in pool.tolerations)
        assert pool.resources["limits"]["nvidia.com/gpu"] == 1
        assert pool.has_gpu()
        assert pool.image == f"registry.example.org/batt/batt-worker-l4:{__version__}"
    assert not pools["cpu"].has_gpu()


def test_pods_on_spot_nodes_have_the_time_that_gke_gives_them() -> None:
    pools = settings_of(render()).pools

    assert {name: pool.termination_grace_period_seconds for name, pool in pools.items()} == {
        "cpu": 30,
        "cpu-spot": 15,
        "l4": 30,
        "l4-spot": 15,
    }


def test_every_shipped_price_says_its_date() -> None:
    for pool in settings_of(render()).pools.values():
        assert pool.price
        assert pool.price.dated
        assert pool.price.per_hour > 0


def test_a_changed_configuration_restarts_the_operator() -> None:
    def checksum(values: Manifest) -> str:
        found: str = operator_pod(render(values))["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum({}) == checksum({"operator": {"podAnnotations": {"note": "other"}}})
    assert checksum({}) != checksum({"results": "gs://bucket/results"})


def test_the_operator_is_one_and_never_two() -> None:
    spec = the(render(), "Deployment")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_operator_s_pod_is_restricted() -> None:
    pod = operator_pod(render())["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} == container["resources"].keys()
    assert {each["name"]: each["mountPath"] for each in container["volumeMounts"]} == {
        "config": "/etc/batt",
        "tmp": "/tmp",
    }
    assert container["env"] == [{"name": "BATT_CONFIG", "value": "/etc/batt/config.yaml"}]


def test_the_operator_s_probes_ask_where_it_answers() -> None:
    objects = render({"operator": {"healthPort": 9090}})
    (container,) = operator_pod(objects)["spec"]["containers"]

    assert container["ports"] == [{"name": "http", "containerPort": 9090}]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert settings_of(objects).health_port == 9090


def test_what_the_operator_s_pod_is_given_it_gets() -> None:
    placement = {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 60,
    }
    given = {**placement, "podAnnotations": {"note": "any"}, "resources": {"limits": {"memory": "1Gi"}}}

    pod = operator_pod(render({"operator": given, "images": {"pullSecrets": ["registry"]}}))

    assert {field: pod["spec"][field] for field in placement} == placement
    assert pod["metadata"]["annotations"]["note"] == "any"
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, f"batt-operator:{__version__}"),
        ({"name": "o", "tag": "1.2"}, "o:1.2"),
        ({"tag": "1.2", "digest": f"sha256:{'0' * 64}"}, f"batt-operator@sha256:{'0' * 64}"),
    ],
)
def test_an_image_is_named_by_registry_name_and_tag_or_digest(image: Manifest, reference: str) -> None:
    for registry, start in {"": "", "registry.example.org/batt": "registry.example.org/batt/"}.items():
        objects = render({"images": {"registry": registry, "operator": image}})

        assert operator_pod(objects)["spec"]["containers"][0]["image"] == start + reference


def test_the_operator_may_do_what_it_does_and_nothing_else() -> None:
    objects = render()
    role, binding = the(objects, "Role"), the(objects, "RoleBinding")

    assert verbs(role) == OPERATOR_VERBS
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "batt-operator", "namespace": "runs"}]


def test_another_namespace_may_hold_the_runs() -> None:
    objects = render({"watch": {"namespace": "elsewhere"}}, namespace="system")

    places = {(each["kind"], each["metadata"].get("namespace")) for each in objects if "namespace" in each["metadata"]}
    assert places == {
        ("ConfigMap", "system"),
        ("Deployment", "system"),
        ("ServiceAccount", "system"),
        ("ServiceAccount", "elsewhere"),
        ("Role", "elsewhere"),
        ("RoleBinding", "elsewhere"),
        ("NetworkPolicy", "elsewhere"),
    }
    assert the(objects, "RoleBinding")["subjects"][0]["namespace"] == "system"
    assert settings_of(objects).namespace == "elsewhere"


def test_all_namespaces_take_a_cluster_role_with_the_same_verbs() -> None:
    objects = render({"watch": {"allNamespaces": True, "prepare": ["one", "two"]}}, namespace="system")

    assert of_kind(objects, "Role") == of_kind(objects, "RoleBinding") == []
    assert verbs(the(objects, "ClusterRole", "-operator")) == OPERATOR_VERBS
    binding = the(objects, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "system-batt-operator"
    assert binding["subjects"][0]["namespace"] == "system"
    assert settings_of(objects).namespace is None
    for kind, name in {"ServiceAccount": "batt-worker", "NetworkPolicy": "batt-runs"}.items():
        found = [each["metadata"] for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
        assert [each["namespace"] for each in found] == ["one", "two"]


def test_two_releases_share_nothing_but_the_crd() -> None:
    one, other = render(namespace="one"), render({"crds": {"install": False}}, namespace="other")
    beside = render({"crds": {"install": False}}, release="second", namespace="one")

    assert identities(one) & identities(other) == set()
    assert identities(one) & identities(beside) == set()


def test_a_long_release_name_leaves_names_that_kubernetes_takes() -> None:
    objects = render(release="r" * 53, namespace="n" * 63)

    assert max(len(each["metadata"]["name"]) for each in objects if each["kind"] != "ClusterRole") <= 63
    for each in objects:
        for value in each["metadata"].get("labels", {}).values():
            assert len(value) <= 63


def test_the_crd_is_installed_kept_and_can_be_left_out() -> None:
    generated = yaml.safe_load((CHART / "files" / "benchmarkruns.yaml").read_text())

    assert the(render(), "CustomResourceDefinition") == generated
    assert generated["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []


def test_service_accounts_hand_out_no_tokens() -> None:
    objects = render()

    assert [each["automountServiceAccountToken"] for each in of_kind(objects, "ServiceAccount")] == [False, False]
    assert operator_pod(objects)["spec"]["automountServiceAccountToken"] is True


def test_the_worker_s_service_account_has_its_annotations_or_is_the_user_s_own() -> None:
    annotations = {"iam.gke.io/gcp-service-account": "runs@project.iam.gserviceaccount.com"}

    made = render({"worker": {"serviceAccount": {"annotations": annotations, "name": "arc"}}})
    own = render({"worker": {"serviceAccount": {"create": False, "name": "own"}}})
    none = render({"worker": {"serviceAccount": {"create": False}}})

    assert the(made, "ServiceAccount", "arc")["metadata"]["annotations"] == annotations
    assert settings_of(made).service_account_name == "arc"
    assert [each["metadata"]["name"] for each in of_kind(own, "ServiceAccount")] == ["batt-operator"]
    assert settings_of(own).service_account_name == "own"
    assert settings_of(none).service_account_name == "default"


def test_people_s_roles_learn_of_runs_and_can_be_left_out() -> None:
    objects = render()
    viewer, editor = the(objects, "ClusterRole", "-viewer"), the(objects, "ClusterRole", "-editor")
    start = "rbac.authorization.k8s.io/aggregate-to-"

    assert {label.removeprefix(start) for label in viewer["metadata"]["labels"] if label.startswith(start)} == {
        "view",
        "edit",
        "admin",
    }
    assert {label.removeprefix(start) for label in editor["metadata"]["labels"] if label.startswith(start)} == {
        "edit",
        "admin",
    }
    reads = {"get", "list", "watch"}
    assert verbs(viewer) == {"batt.dev/benchmarkruns": reads, "batt.dev/benchmarkruns/status": reads}
    assert verbs(editor) == {"batt.dev/benchmarkruns": {"create", "update", "patch", "delete"}}
    assert of_kind(render({"rbac": {"aggregate": False}}), "ClusterRole") == []


def test_nothing_comes_in_to_pods_of_runs_and_little_goes_out() -> None:
    spec = the(render(), "NetworkPolicy", "-runs")["spec"]
    dns, https, *metadata = spec["egress"]

    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/managed-by": "batt"}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == []
    assert [port["port"] for port in dns["ports"]] == [53, 53]
    assert [port["port"] for port in https["ports"]] == [443]
    assert https["to"][0]["ipBlock"]["except"] == defaults()["networkPolicy"]["except"]
    assert [rule["to"][0]["ipBlock"]["cidr"] for rule in metadata] == ["169.254.169.252/32", "169.254.169.254/32"]


def test_the_network_policy_follows_its_switches() -> None:
    store = {"to": [{"podSelector": {"matchLabels": {"app": "gcs"}}}], "ports": [{"port": 4443}]}
    values = {"metadataServer": False, "except": ["10.1.0.0/16"], "egress": [store]}

    *_, https, last = the(render({"networkPolicy": values}), "NetworkPolicy", "-runs")["spec"]["egress"]

    assert https["to"][0]["ipBlock"]["except"] == ["10.1.0.0/16"]
    assert last == store
    assert of_kind(render({"networkPolicy": {"enabled": False}}), "NetworkPolicy") == []


def test_the_operator_s_own_pod_is_not_under_the_runs_policy() -> None:
    objects = render()

    for policy in of_kind(objects, "NetworkPolicy"):
        selected = policy["spec"]["podSelector"]["matchLabels"]
        assert not selected.items() <= operator_pod(objects)["metadata"]["labels"].items()


def test_pods_with_agents_have_no_way_to_the_metadata_server() -> None:
    """Whoever reaches it is the pod's service account. Policies add up: that for other pods must not be theirs too."""
    objects = render()
    agents, runs = the(objects, "NetworkPolicy", "-agents")["spec"], the(objects, "NetworkPolicy", "-runs")["spec"]

    addresses = [to["ipBlock"]["cidr"] for rule in agents["egress"] for to in rule.get("to", ())]
    assert addresses == ["0.0.0.0/0", "::/0"]
    assert "169.254.0.0/16" in agents["egress"][1]["to"][0]["ipBlock"]["except"]
    of_agents = {"key": "batt.dev/agent", "operator": "Exists"}
    assert of_agents in agents["podSelector"]["matchExpressions"]
    assert of_agents | {"operator": "DoesNotExist"} in runs["podSelector"]["matchExpressions"]
    assert agents["egress"] == runs["egress"][:2]


def test_agents_are_taken_where_their_images_are_named() -> None:
    identity = {"audience": "//iam.googleapis.com/pool", "configMap": "identity"}

    usual = settings_of(render())
    taken = settings_of(render({"agents": {"enabled": True}}))
    known = settings_of(render({"agents": {"enabled": True, "identity": identity}}))

    assert (usual.agent_image, usual.scoring_image) == (None, None)
    assert (taken.agent_image, taken.scoring_image) == (f"batt-hal:{__version__}", f"batt-scoring:{__version__}")
    assert (usual.identity, taken.identity) == (None, None)
    assert known.identity is not None
    assert known.identity.model_dump(by_alias=True) == identity


def test_every_object_says_to_which_release_it_belongs() -> None:
    for each in render(release="mine"):
        if each["kind"] != "CustomResourceDefinition":  # the cluster's, not the release's
            assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "mine", json.dumps(each["metadata"])

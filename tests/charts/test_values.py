"""Values of the chart: each is described, read and held to its form; wrong ones are refused in words that help."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.charts.rendering import CHART, Manifest, defaults, refusal, try_render

pytestmark = pytest.mark.timeout(1800)  # the first build of helm takes minutes

SHA = f"sha256:{'0' * 64}"
RESOURCES = {"resources": {"limits": {"cpu": "1"}}}

OTHERS: dict[str, object] = {
    "crds.install": False,
    "images.registry": "registry.example.org",
    "images.pullPolicy": "Always",
    "images.pullSecrets": ["registry"],
    "images.operator.name": "other",
    "images.operator.tag": "2",
    "images.operator.digest": SHA,
    "images.worker.name": "other",
    "images.worker.tag": "2",
    "images.worker.digest": SHA,
    "images.workerL4.name": "other",
    "images.workerL4.tag": "2",
    "images.workerL4.digest": SHA,
    "images.agent.name": "other",
    "images.agent.tag": "2",
    "images.agent.digest": SHA,
    "images.scoring.name": "other",
    "images.scoring.tag": "2",
    "images.scoring.digest": SHA,
    "agents.enabled": True,
    "agents.identity.audience": "//iam.googleapis.com/pool",
    "agents.identity.configMap": "other",
    "watch.namespace": "other",
    "watch.allNamespaces": True,
    "results": "gs://bucket",
    "worker.serviceAccount.create": False,
    "worker.serviceAccount.name": "other",
    "worker.serviceAccount.annotations": {"a": "b"},
    "worker.env": [{"name": "A", "value": "b"}],
    "pools": {"more": RESOURCES},
    "defaultPool": "l4",
    "stagePool": "l4",
    "gpuPool": "l4",
    "runSeconds": 60,
    "maxConcurrency": 1,
    "operator.resyncSeconds": 5,
    "operator.healthPort": 9090,
    "operator.resources": {"limits": {"memory": "1Gi"}},
    "operator.nodeSelector": {"a": "b"},
    "operator.tolerations": [{"operator": "Exists"}],
    "operator.priorityClassName": "high",
    "operator.podAnnotations": {"a": "b"},
    "operator.terminationGracePeriodSeconds": 60,
    "rbac.aggregate": False,
    "metrics.operator.serviceMonitor.enabled": True,
    "metrics.operator.serviceMonitor.interval": "1m",
    "metrics.operator.serviceMonitor.labels": {"release": "stack"},
    "metrics.operator.podMonitoring.enabled": True,
    "metrics.operator.podMonitoring.interval": "1m",
    "metrics.workers.enabled": True,
    "metrics.workers.port": 9100,
    "metrics.workers.from": [{"podSelector": {}}],
    "metrics.workers.podMonitor.enabled": True,
    "metrics.workers.podMonitor.interval": "1m",
    "metrics.workers.podMonitor.labels": {"release": "stack"},
    "metrics.workers.podMonitoring.enabled": True,
    "metrics.workers.podMonitoring.interval": "1m",
    "metrics.rules.prometheusRule.enabled": True,
    "metrics.rules.prometheusRule.labels": {"release": "stack"},
    "metrics.rules.clusterRules.enabled": True,
    "metrics.rules.runbooks": "https://example.org/alerts",
    "metrics.rules.thresholds.notReconcilingSeconds": 1000,
    "metrics.rules.thresholds.failedLooks": 0.75,
    "metrics.rules.thresholds.stuck": "1d",
    "metrics.rules.thresholds.pendingSeconds": 61,
    "metrics.rules.thresholds.failureRatio": 0.75,
    "metrics.rules.thresholds.failures": 61,
    "metrics.rules.thresholds.failureWindow": "1d",
    "metrics.rules.thresholds.preemptions": 61,
    "metrics.rules.thresholds.preemptionRatio": 0.75,
    "metrics.rules.thresholds.storePods": 61,
    "metrics.rules.thresholds.storeErrors": 61,
    "metrics.rules.thresholds.slowFactor": 1.5,
    "metrics.rules.thresholds.slowCount": 61,
    "metrics.rules.thresholds.slowSeconds": 61,
    "metrics.dashboards.enabled": True,
    "metrics.dashboards.labels": {"team": "arc"},
    "metrics.dashboards.annotations": {"grafana_folder": "batt"},
    "metrics.dashboards.namespace": "other",
    "networkPolicy.enabled": False,
    "networkPolicy.metadataServer": False,
    "networkPolicy.except": ["10.0.0.0/8"],
    "networkPolicy.egress": [{"ports": [{"port": 80}]}],
}
"""Another value for each of the chart's; watch.prepare does nothing alone."""


def leaves(values: Manifest, path: str = "") -> Iterator[str]:
    """Return the path of every value; blocks whose keys are the user's (pools, annotations) are one value."""
    for name, value in values.items():
        here = f"{path}{name}"
        if (
            isinstance(value, dict)
            and value
            and here not in {"pools", "operator.resources", "metrics.dashboards.labels"}
        ):
            yield from leaves(value, f"{here}.")
        else:
            yield here


def nested(path: str, value: object) -> Manifest:
    """Return the values that set one path."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def test_the_list_of_other_values_is_whole() -> None:
    assert OTHERS.keys() | {"watch.prepare"} == set(leaves(defaults()))


AGENTS: Manifest = {"agents": {"enabled": True, "identity": {"audience": "pool", "configMap": "identity"}}}
WORKERS: Manifest = {"metrics": {"workers": {"enabled": True}}}

BASES: dict[str, Manifest] = {
    "agents.identity.": AGENTS,
    "images.agent.": AGENTS,
    "images.scoring.": AGENTS,
    "metrics.operator.serviceMonitor.": {"metrics": {"operator": {"serviceMonitor": {"enabled": True}}}},
    "metrics.operator.podMonitoring.": {"metrics": {"operator": {"podMonitoring": {"enabled": True}}}},
    "metrics.workers.": WORKERS,
    "metrics.workers.podMonitor.": {"metrics": {"workers": {"enabled": True, "podMonitor": {"enabled": True}}}},
    "metrics.workers.podMonitoring.": {"metrics": {"workers": {"enabled": True, "podMonitoring": {"enabled": True}}}},
    "metrics.rules.": {"metrics": {"rules": {"prometheusRule": {"enabled": True}}}},
    "metrics.dashboards.": {"metrics": {"dashboards": {"enabled": True}}},
}
"""What values that begin so do nothing without: the switch of their part."""


def base_of(path: str) -> Manifest:
    """Return the values under which one path does something; a switch is tried without itself."""
    is_switch = path.endswith(".enabled")
    known = [
        base for start, base in BASES.items() if path.startswith(start) and not (is_switch and path in leaves(base))
    ]
    return known[-1] if known else {}


def merged(first: Manifest, second: Manifest) -> Manifest:
    """Return both values, as helm takes two files."""
    both = dict(first)
    for name, value in second.items():
        known = both.get(name)
        both[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return both


@pytest.mark.parametrize("path", OTHERS)
def test_every_value_changes_what_is_installed(path: str) -> None:
    base = base_of(path)

    changed, complaint = try_render(merged(base, nested(path, OTHERS[path])))

    assert complaint == ""
    assert changed != try_render(base)[0]


def test_every_value_is_described() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    places: list[str] = []
    for number, line in enumerate(lines):
        found = re.match(r"( *)([A-Za-z0-9-]+):", line)
        if not found:
            continue
        depth = len(found[1]) // 2
        places = [*places[:depth], found[2]]
        is_pool = places[0] == "pools" and depth == 1
        if ".".join(places) in OTHERS or is_pool:
            start = number
            while lines[start - 1].lstrip().startswith("#"):
                start -= 1
            assert lines[start].lstrip().startswith("# -- "), f"values.yaml line {number + 1}: {line}"


@pytest.mark.parametrize(
    ("values", "phrases"),
    [
        ({"operatr": {}}, ["additional properties 'operatr' not allowed"]),
        ({"operator": {"replicas": 2}}, ["'/operator'", "'replicas' not allowed"]),
        ({"crds": {"install": "yes"}}, ["'/crds/install'", "got string, want boolean"]),
        ({"images": {"worker": {"digest": "sha256:1"}}}, ["'/images/worker/digest'"]),
        ({"images": {"pullPolicy": "Sometimes"}}, ["'/images/pullPolicy'", "'Always', 'IfNotPresent', 'Never'"]),
        ({"operator": {"healthPort": 80}}, ["'/operator/healthPort'", "minimum: got 80, want 1,024"]),
        ({"operator": {"resyncSeconds": 0.5}}, ["'/operator/resyncSeconds'", "minimum: got 0.5, want 5"]),
        ({"networkPolicy": {"except": ["private"]}}, ["'/networkPolicy/except/0'"]),
        ({"worker": {"env": [{"value": "x"}]}}, ["'/worker/env/0'", "missing property 'name'"]),
        ({"worker": {"env": {"A": "b"}}}, ["'/worker/env'", "got object, want array"]),
        ({"metrics": {"workers": {"port": 80}}}, ["'/metrics/workers/port'", "minimum: got 80, want 1,024"]),
        (
            {"metrics": {"operator": {"podMonitoring": {"labels": {}}}}},
            ["'/metrics/operator/podMonitoring'", "'labels' not allowed"],
        ),
        (
            {"metrics": {"operator": {"serviceMonitor": {"interval": "30"}}}},
            ["'/metrics/operator/serviceMonitor/interval'", "does not match pattern"],
        ),
        ({"metrics": {"rules": {"thresholds": {"stuck": 7200}}}}, ["'/metrics/rules/thresholds/stuck'", "want string"]),
        ({"metrics": {"rules": {"thresholds": {"failureRatio": 50}}}}, ["failureRatio'", "maximum: got 50, want 1"]),
        (
            {"metrics": {"rules": {"thresholds": {"pending": 1}}}},
            ["'/metrics/rules/thresholds'", "'pending' not allowed"],
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(values: Manifest, phrases: list[str]) -> None:
    complaint = refusal(values)

    for phrase in phrases:
        assert phrase in complaint


@pytest.mark.parametrize(
    ("pool", "phrases"),
    [
        ({}, ["missing property 'resources'"]),
        ({"nodeselector": {"a": "b"}}, ["additional properties 'nodeselector' not allowed"]),
        ({"nodeSelector": "nvidia-l4"}, ["/nodeSelector'", "got string, want object"]),
        ({"nodeSelector": {"cloud.google.com/gke-spot": True}}, ["gke-spot'", "got boolean, want string"]),
        ({"tolerations": [{"key": "a", "effect": "Never"}]}, ["/tolerations/0/effect'", "'NoSchedule'"]),
        ({"resources": {"limit": {"cpu": 1}}}, ["/resources'", "'limit' not allowed"]),
        ({"resources": {"limits": {"memory": "4 GB"}}}, ["/resources/limits/memory'"]),
        ({"price": {"perHour": "0.05", "dated": "2026-01-31"}}, ["/price/perHour'", "got string, want number"]),
        ({"price": {"perHour": 0.05}}, ["/price'", "missing property 'dated'"]),
        ({"price": {"perHour": 0.05, "dated": "January"}}, ["/price/dated'"]),
        ({"terminationGracePeriodSeconds": 0}, ["/terminationGracePeriodSeconds'", "minimum: got 0, want 1"]),
    ],
)
def test_a_wrong_pool_is_refused_with_its_place(pool: Manifest, phrases: list[str]) -> None:
    whole = {**RESOURCES, **pool} if pool else pool

    complaint = refusal({"pools": {"mine": whole}})

    for phrase in ["'/pools/mine", *phrases]:
        assert phrase in complaint


def test_a_pool_s_name_must_fit_a_run() -> None:
    assert "invalid propertyName 'My_Pool'" in refusal({"pools": {"My_Pool": RESOURCES}})


def test_what_no_schema_can_say_is_refused_all_at_once() -> None:
    values = {
        "defaultPool": "gpu",
        "stagePool": "gpu",
        "images": {"worker": {"tag": "latest"}},
        "worker": {"env": [{"name": "A", "value": "b"}, {"name": "BATT_RUN", "value": "b"}]},
        "results": "s3://bucket",
        "watch": {"allNamespaces": True, "namespace": "one"},
        "agents": {"identity": {"audience": "pool"}},
        "gpuPool": "none",
        "operator": {"resyncSeconds": 100},
        "metrics": {"workers": {"podMonitor": {"enabled": True}, "podMonitoring": {"enabled": True}}},
    }

    complaint = refusal(values)

    known = "choose one of cpu, cpu-spot, l4, l4-spot"
    for line in [
        f'defaultPool: got "gpu"; must be a pool; add it to `pools`, or {known}',
        f'stagePool: got "gpu"; must be a pool; add it to `pools`, or {known}',
        'images.worker.tag: got "latest"; must name one version; give a tag that never moves, or a digest',
        'worker.env[1].name: got "BATT_RUN"; must not begin with BATT_ or JOB_, which the operator sets; rename it',
        'results: got "s3://bucket"; must be a bucket that pods reach; write gs://BUCKET/PATH',
        'watch.namespace: got "one"; must be empty beside watch.allNamespaces; remove one of them',
        'agents.identity: got audience "pool" and configMap ""; must have both or neither; set the other, or remove it',
        f'gpuPool: got "none"; must be a pool; add it to `pools`, or {known}',
        "metrics.workers.podMonitor.enabled: got true; must be false where workers serve no metrics; "
        "set metrics.workers.enabled",
        "metrics.workers.podMonitoring.enabled: got true; must be false where workers serve no metrics; "
        "set metrics.workers.enabled",
        "metrics.rules.thresholds.notReconcilingSeconds: got 240; must be more than three times operator.resyncSeconds "
        "(100); raise it",
    ]:
        assert line in complaint


def test_namespaces_to_prepare_are_for_an_operator_of_all() -> None:
    assert "watch.prepare: got [one]; must be empty" in refusal({"watch": {"prepare": ["one"]}})


def test_a_null_takes_a_shipped_pool_away() -> None:
    text, complaint = try_render({"pools": {"l4": None, "l4-spot": None}})

    assert complaint == ""
    assert "nvidia" not in yaml.safe_dump(
        [each for each in yaml.safe_load_all(text) if each and each["kind"] == "ConfigMap"]
    )

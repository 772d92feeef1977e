"""What the chart brings for monitoring: who scrapes what, and the dashboards; each behind a switch, none by default."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from batt.metrics import METRICS, Source
from tests.charts.conform import kubeconform
from tests.charts.monitorschemas import monitor_schemas
from tests.charts.rendering import (
    CHART,
    MONITORED,
    MONITORS,
    Manifest,
    defaults,
    of_kind,
    render,
    settings_of,
    the,
    try_render,
)
from tests.charts.test_values import merged, nested

pytestmark = pytest.mark.timeout(1800)  # the first build of helm takes minutes

KINDS = {"ServiceMonitor", "PodMonitor", "PodMonitoring", "ClusterPodMonitoring", "PrometheusRule", "ClusterRules"}
"""Kinds that a cluster may not have."""

SWITCHES = {
    "operator.serviceMonitor.enabled": {"Service", "ServiceMonitor"},
    "operator.podMonitoring.enabled": {"PodMonitoring"},
    "workers.podMonitor.enabled": {"PodMonitor"},
    "workers.podMonitoring.enabled": {"PodMonitoring"},
    "rules.prometheusRule.enabled": {"PrometheusRule"},
    "rules.clusterRules.enabled": {"ClusterRules"},
}
"""Switches of `metrics`, and what kinds each brings."""


def kinds(objects: list[Manifest]) -> set[str]:
    """The kinds of objects."""
    return {each["kind"] for each in objects}


def only_ours(text: str) -> str:
    """The objects whose kinds a cluster may not have, as text."""
    return yaml.safe_dump_all(each for each in yaml.safe_load_all(text) if each and each["kind"] in KINDS)


def test_a_cluster_without_monitoring_takes_the_chart() -> None:
    assert not kinds(render()) & {*KINDS, "Service"}


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_switch_brings_its_own_and_nothing_else(switch: str) -> None:
    base: Manifest = {"metrics": {"workers": {"enabled": switch.startswith("workers.")}}}

    with_it = render(merged(base, nested(f"metrics.{switch}", True)))

    assert kinds(with_it) - kinds(render(base)) == SWITCHES[switch]


@pytest.mark.parametrize("values", MONITORS.values(), ids=MONITORS)
def test_monitors_are_what_their_definitions_take(values: Manifest) -> None:
    text, _ = try_render(values)
    ours = only_ours(text)

    assert kinds(list(yaml.safe_load_all(ours))) >= KINDS - {"ClusterPodMonitoring"}
    assert kubeconform(ours, *monitor_schemas()) == []


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [
        ("metricRelabelings:", "metricRelabeling:", "PodMonitor"),
        ("podMetricsEndpoints:", "podMetricEndpoints:", "PodMonitor"),
        ("endpoints:", "endpoint:", "ServiceMonitor"),
        ("interval: 30s", "interval: often", "ServiceMonitor"),
        ("expr:", "exp:", "PrometheusRule"),
        ("metricRelabeling:", "metricRelabelings:", "PodMonitoring"),
        ("interval: 30s", "interval: often", "PodMonitoring"),
        ("samples: 5000", "sample: 5000", "PodMonitoring"),
        ("metadata: [namespace]", "metadata: [uid]", "ClusterPodMonitoring"),
        ("expr:", "exp:", "ClusterRules"),
    ],
)
def test_a_misspelt_field_is_found(right: str, wrong: str, kind: str) -> None:
    text = "\n---\n".join(try_render(values)[0] for values in MONITORS.values())
    found = [part for part in text.split("\n---\n") if re.search(rf"^kind: {kind}\b", part, flags=re.MULTILINE)]
    broken = [part.replace(right, wrong) for part in found]

    assert broken != found
    faults = kubeconform("\n---\n".join(broken), *monitor_schemas())
    assert faults
    assert {fault.partition(": ")[0] for fault in faults} == {kind}


def test_a_service_monitor_finds_the_operator_by_its_service() -> None:
    objects = render(
        nested("metrics.operator.serviceMonitor", {"enabled": True, "interval": "1m", "labels": {"a": "b"}})
    )
    monitor, service = the(objects, "ServiceMonitor"), the(objects, "Service")
    pod = the(objects, "Deployment")["spec"]["template"]
    [container] = pod["spec"]["containers"]
    [port] = service["spec"]["ports"]

    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["type"] == "ClusterIP"
    assert port["targetPort"] == container["ports"][0]["name"]
    [endpoint] = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["path"], endpoint["interval"]) == (port["name"], "/metrics", "1m")
    assert monitor["metadata"]["labels"]["a"] == "b"
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"] == "runs"


def test_a_restarted_operator_goes_on_in_the_same_series() -> None:
    """Else what it counts before its first scrape would be lost: a new series begins at what is seen first."""
    [endpoint] = the(render(MONITORED), "ServiceMonitor")["spec"]["endpoints"]
    name, drop = endpoint["relabelings"]

    assert name == {"targetLabel": "instance", "replacement": "batt-operator"}
    assert (drop["action"], drop["regex"].split("|")) == ("labeldrop", ["pod", "container", "endpoint"])


def test_google_s_monitoring_finds_the_operator_s_pod() -> None:
    objects = render(nested("metrics.operator.podMonitoring.enabled", True))
    pod = the(objects, "Deployment")["spec"]["template"]
    spec = the(objects, "PodMonitoring")["spec"]

    assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert spec["endpoints"] == [
        {"port": pod["spec"]["containers"][0]["ports"][0]["name"], "path": "/metrics", "interval": "30s"}
    ]


def test_monitors_of_workers_find_pods_of_the_work_where_runs_are() -> None:
    work = {"app.kubernetes.io/managed-by": "batt", "batt.dev/stage": "work"}
    one = render({**MONITORED, "watch": {"namespace": "team"}})
    everywhere = render(MONITORS["monitored everywhere"])

    for objects in (one, everywhere):
        google = the(objects, "PodMonitoring" if objects is one else "ClusterPodMonitoring", "-workers")
        for monitor in (the(objects, "PodMonitor"), google):
            assert monitor["spec"]["selector"] == {"matchLabels": work}
    assert the(one, "PodMonitor")["spec"]["namespaceSelector"] == {"matchNames": ["team"]}
    assert the(one, "PodMonitoring", "-workers")["metadata"]["namespace"] == "team"
    assert the(everywhere, "PodMonitor")["spec"]["namespaceSelector"] == {"any": True}
    assert "namespace" not in the(everywhere, "ClusterPodMonitoring")["metadata"]


def test_workers_leave_few_series_behind() -> None:
    """What says which pod it was is dropped, but for its address, without which two pods' counters would be one."""
    objects = render(MONITORED)
    [endpoint] = the(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]
    google = the(objects, "PodMonitoring", "-workers")["spec"]

    [keep] = endpoint["metricRelabelings"]
    assert [keep] == google["endpoints"][0]["metricRelabeling"]
    assert (keep["action"], keep["sourceLabels"]) == ("keep", ["__name__"])
    for metric in METRICS:
        assert bool(re.fullmatch(keep["regex"], metric.name)) == (metric.source is Source.WORKER)
    [drop] = endpoint["relabelings"]
    assert (drop["action"], drop["regex"].split("|")) == ("labeldrop", ["pod", "container", "endpoint"])
    assert the(objects, "PodMonitor")["spec"]["podTargetLabels"] == google["targetLabels"]["metadata"] == []
    assert endpoint["filterRunning"] is google["filterRunning"] is True
    assert the(objects, "PodMonitor")["spec"]["sampleLimit"] == google["limits"]["samples"] > 1000


def test_no_label_of_ours_is_one_that_who_scrapes_gives() -> None:
    """Else it would be called exported_..., and no query would find it; Google's monitors know no honorLabels."""
    given = {
        "project_id",
        "location",
        "cluster",
        "namespace",
        "job",
        "instance",
        "pod",
        "container",
        "endpoint",
        "service",
    }

    assert not given & {label for metric in METRICS for label in metric.labels}


def test_workers_serve_metrics_where_they_are_told_to() -> None:
    usual, on, other = (
        settings_of(render({"metrics": {"workers": workers}})).worker_metrics_port
        for workers in ({}, {"enabled": True}, {"enabled": True, "port": 9100})
    )

    assert (usual, on, other) == (0, 9464, 9100)
    assert settings_of(render(MONITORED)).worker_metrics_port == 9464


def test_their_port_is_open_then_to_whom_it_is_said() -> None:
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    closed, anybody, some = (
        of_kind(render({"metrics": {"workers": workers}}), "NetworkPolicy")
        for workers in ({}, {"enabled": True}, {"enabled": True, "from": peers})
    )

    port = [{"protocol": "TCP", "port": 9464}]
    assert [policy["spec"]["ingress"] for policy in closed] == [[], []]
    assert [policy["spec"]["ingress"] for policy in anybody] == [[{"ports": port}]] * 2
    assert [policy["spec"]["ingress"] for policy in some] == [[{"ports": port, "from": peers}]] * 2


def test_dashboards_are_configmaps_that_the_sidecar_finds() -> None:
    found = of_kind(render(nested("metrics.dashboards.enabled", True)), "ConfigMap")
    boards = [each for each in found if "dashboard" in each["metadata"]["name"]]

    assert [each["metadata"]["name"] for each in boards] == [
        f"batt-{name}-dashboard" for name in ("operator", "phases", "runs")
    ]
    for each in boards:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        [(file, text)] = each["data"].items()
        assert json.loads(text)["uid"] == file.removesuffix(".json")


def test_dashboards_may_lie_elsewhere_under_other_labels() -> None:
    values = {
        "enabled": True,
        "namespace": "grafana",
        "labels": {"grafana_dashboard": None, "show": "me"},
        "annotations": {"grafana_folder": "batt"},
    }

    found = [
        each
        for each in of_kind(render({"metrics": {"dashboards": values}}), "ConfigMap")
        if "dashboard" in each["metadata"]["name"]
    ]

    assert {each["metadata"]["namespace"] for each in found} == {"grafana"}
    for each in found:
        assert each["metadata"]["annotations"] == {"grafana_folder": "batt"}
        assert each["metadata"]["labels"]["show"] == "me"
        assert "grafana_dashboard" not in each["metadata"]["labels"]


def test_two_releases_monitor_side_by_side() -> None:
    one, other = (
        {
            (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
            for each in render(MONITORED, namespace=namespace)
        }
        for namespace in ("one", "other")
    )

    assert one & other == {("CustomResourceDefinition", None, "benchmarkruns.batt.dev")}


def test_thresholds_in_the_rules_are_those_of_the_values() -> None:
    text = (CHART / "files" / "rules.yaml").read_text(encoding="utf-8")

    assert set(re.findall(r"<(\w+)>", text)) == {
        *defaults()["metrics"]["rules"]["thresholds"],
        "namespace",
        "runNamespaces",
        "runbooks",
    }

"""Renders the chart with the real helm, as an install on a current Kubernetes would."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from batt_operator.settings import Settings
from tests.gotools import KUBERNETES, tool_or_skip

CHART = Path(__file__).parents[2] / "charts" / "batt"
"""The chart."""

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as YAML has it."""


SWITCHES: dict[str, Manifest] = {
    "defaults": {},
    "everything": {
        "images": {"registry": "registry.example.org", "pullSecrets": ["registry"]},
        "watch": {"allNamespaces": True, "prepare": ["default", "kube-public"]},
        "results": "gs://bucket/results",
        "worker": {
            "serviceAccount": {"annotations": {"iam.gke.io/gcp-service-account": "runs@project.example"}},
            "env": [{"name": "STORAGE_EMULATOR_HOST", "value": "http://gcs:4443"}],
        },
        "operator": {
            "nodeSelector": {"pool": "system"},
            "tolerations": [{"key": "system", "operator": "Exists", "effect": "NoSchedule"}],
            "priorityClassName": "system-cluster-critical",
            "podAnnotations": {"note": "any"},
        },
        "networkPolicy": {"egress": [{"to": [{"podSelector": {}}], "ports": [{"port": 4443, "protocol": "TCP"}]}]},
    },
    "nothing": {
        "crds": {"install": False},
        "worker": {"serviceAccount": {"create": False}},
        "rbac": {"aggregate": False},
        "networkPolicy": {"enabled": False},
    },
}
"""Values under which every object is rendered that there can be, and as few as there can be."""


MONITORED: Manifest = {
    "metrics": {
        "operator": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "stack"}},
            "podMonitoring": {"enabled": True},
        },
        "workers": {"enabled": True, "podMonitor": {"enabled": True}, "podMonitoring": {"enabled": True}},
        "rules": {"prometheusRule": {"enabled": True}, "clusterRules": {"enabled": True}},
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "batt"}},
    }
}
"""Values under which the release is monitored in every way; its objects are of kinds that Kubernetes does not know."""

MONITORS: dict[str, Manifest] = {
    "monitored": MONITORED,
    "monitored everywhere": {**MONITORED, "watch": {"allNamespaces": True, "prepare": ["one", "two"]}},
}
"""The same for one namespace and for all."""


def try_render(values: Manifest | None = None, release: str = "batt", namespace: str = "runs") -> tuple[str, str]:
    """Return what helm prints and what it complains of, for a release with these values over the chart's own."""
    helm = tool_or_skip("helm")
    command = [
        str(helm),
        "template",
        release,
        str(CHART),
        "-n",
        namespace,
        "--kube-version",
        KUBERNETES,
        "--values",
        "-",
    ]
    given = yaml.safe_dump(values or {})
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stdout, done.stderr


def render(values: Manifest | None = None, release: str = "batt", namespace: str = "runs") -> list[Manifest]:
    """Return the objects of a release with these values over the chart's own."""
    text, complaint = try_render(values, release, namespace)
    assert complaint == ""
    return [document for document in yaml.safe_load_all(text) if document]


def refusal(values: Manifest) -> str:
    """Return why helm refuses the values."""
    _, complaint = try_render(values)
    assert complaint, f"helm took {values}"
    return complaint


def of_kind(objects: list[Manifest], kind: str) -> list[Manifest]:
    """Return the objects of a kind."""
    return [each for each in objects if each["kind"] == kind]


def the(objects: list[Manifest], kind: str, ending: str = "") -> Manifest:
    """Return the one object of a kind whose name ends so."""
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"].endswith(ending)]
    return found


def settings_of(objects: list[Manifest]) -> Settings:
    """Return the configuration that the operator of a release reads."""
    return Settings.model_validate(yaml.safe_load(the(objects, "ConfigMap", "-operator")["data"]["config.yaml"]))


def defaults() -> Manifest:
    """Return the chart's own values."""
    values: Manifest = yaml.safe_load((CHART / "values.yaml").read_text())
    return values

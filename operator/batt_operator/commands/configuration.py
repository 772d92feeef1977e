"""The configuration of the operator on a cluster, as the commands find it: in the ConfigMap that its chart makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from batt.store import GCS_SCHEME
from batt_operator.commands.client import Cluster, ForbiddenError, segment

CONFIG_KEY = "config.yaml"
"""Entry of the operator's ConfigMap that holds its configuration."""

SELECTOR = "app.kubernetes.io/name=batt"
"""Label of what the chart installs."""


class Configuration(NamedTuple):
    """What an operator is told, as YAML has it, and where that stands."""

    source: str
    data: Any


def find_configuration(cluster: Cluster) -> Configuration | None:
    """Return the operator's configuration; None where there is none to be seen.

    Raises:
        ForbiddenError: the user may list no ConfigMaps, not even the namespace's.
    """
    for item in config_maps(cluster):
        text = item.get("data", {}).get(CONFIG_KEY)
        if text:
            metadata = item["metadata"]
            return Configuration(f"ConfigMap {metadata['namespace']}/{metadata['name']}", yaml.safe_load(text))
    return None


def default_results(cluster: Cluster) -> str | None:
    """Return the bucket where the operator puts the results of runs which name none; None where nothing tells it."""
    try:
        found = find_configuration(cluster)
    except ForbiddenError:
        return None
    results = found.data.get("results") if found and isinstance(found.data, Mapping) else None
    return results if isinstance(results, str) and results.startswith(GCS_SCHEME) else None


def config_maps(cluster: Cluster) -> list[Any]:  # JSON
    """Return the chart's ConfigMaps of all namespaces; of the context's alone where the user may not see the others."""
    query = {"labelSelector": SELECTOR}
    try:
        return list(cluster.pages("/api/v1/configmaps", query))
    except ForbiddenError:  # usual: few users may list what all namespaces hold
        return list(cluster.pages(f"/api/v1/namespaces/{segment(cluster.namespace)}/configmaps", query))

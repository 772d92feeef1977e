"""The chart's values for the tests' node: our images, a fake store, and small pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POD = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
"""What a pod of a run asks for."""


IMAGES = ("worker", "operator", "agent", "scoring")
"""Names of the images that are installed; those of tests.images are the same, but `hal` for `agent`."""


IDENTITY = "store-identity"
"""Name of the ConfigMap by which workers beside agents are somebody to the store; the fake one asks nobody."""


def install_values(images: Mapping[str, str], results: str, server: str, packages: str = "") -> dict[str, Any]:
    """Return the values.

    Args:
        images: their references, by their names in the values: IMAGES.
        results: URI of the store.
        server: address of the fake store.
        packages: URL of the page that lists what agents' requirements are installed from; with it, workers beside
            agents have an identity of their own, too.
    """
    variables = {"STORAGE_EMULATOR_HOST": server}
    identity = {}
    if packages:
        variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": packages}
        identity = {"identity": {"audience": "batt-tests", "configMap": IDENTITY}}
    return {
        "images": {name: name_and_tag(reference) for name, reference in images.items()},
        "agents": {"enabled": True, **identity},
        "results": results,
        "metrics": {"workers": {"enabled": True}},
        "worker": {"env": [{"name": name, "value": value} for name, value in variables.items()]},
        "pools": {
            "cpu": {"resources": POD, "price": {"perHour": 0.05, "dated": "2025-06-30"}},
            "huge": {"resources": {"requests": {"cpu": "1000"}, "limits": {"cpu": "1000"}}},
        },
    }


def name_and_tag(reference: str) -> dict[str, str]:
    """Return an image's reference as the chart's values have it."""
    name, _, tag = reference.rpartition(":")
    return {"name": name, "tag": tag}

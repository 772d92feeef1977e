"""The chart's values for the tests' node: our images, a fake store, and small pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POD = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
"""What a pod of a run asks for."""


IMAGES = ("worker", "operator", "agent", "scoring")
"""Names of the images that are installed; those of tests.images are the same, but `hal` for `agent`."""


def install_values(images: Mapping[str, str], results: str, server: str) -> dict[str, Any]:
    """Return the values.

    Args:
        images: their references, by their names in the values: IMAGES.
        results: URI of the store.
        server: address of the fake store.
    """
    return {
        "images": {name: name_and_tag(reference) for name, reference in images.items()},
        "agents": {"enabled": True},
        "results": results,
        "worker": {"env": [{"name": "STORAGE_EMULATOR_HOST", "value": server}]},
        "pools": {
            "cpu": {"resources": POD, "price": {"perHour": 0.05, "dated": "2025-06-30"}},
            "huge": {"resources": {"requests": {"cpu": "1000"}, "limits": {"cpu": "1000"}}},
        },
    }


def name_and_tag(reference: str) -> dict[str, str]:
    """Return an image's reference as the chart's values have it."""
    name, _, tag = reference.rpartition(":")
    return {"name": name, "tag": tag}

"""Asks kubeconform whether objects are what Kubernetes takes, by schemas that a real API server gave."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.gotools import KUBERNETES, cache_folder, tool_or_skip

FILE_NAMES = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
"""How kubeconform names a kind's file: `deployment-apps-v1.json`."""


def schemas_folder() -> Path:
    """Return where schemas of Kubernetes' own kinds are kept between runs: tests/cluster/kubeschemas.py fills it."""
    return cache_folder() / f"kube-schemas-{KUBERNETES}"


def kubeconform(text: str, *schemas: Path) -> list[str]:
    """Return what kubeconform says against the objects in a YAML text; unknown fields and kinds count.

    schemas: folders, each with a file a kind.
    """
    command = [str(tool_or_skip("kubeconform")), "-strict", "-output", "json"]
    command += [word for folder in schemas for word in ("-schema-location", str(folder / FILE_NAMES))]
    done = subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["resources"]
    return [f"{each['kind']}: {each['msg']}" for each in found or ()]


def closed_schema(schema: Any) -> Any:  # a part of an OpenAPI document
    """Return a schema that refuses fields it does not name, as the API server does under strict validation."""
    if isinstance(schema, list):
        return [closed_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed_schema(value) for key, value in schema.items()}
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and "type" in schema and not is_open:
        result["additionalProperties"] = False
    return result

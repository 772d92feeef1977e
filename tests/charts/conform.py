"""Asks kubeconform whether objects are what Kubernetes takes, by schemas that a real API server gave."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.gotools import KUBERNETES, cache_folder, tool_or_skip

FILE_NAMES = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
"""How kubeconform names a kind's file: `deployment-apps-v1.json`."""


def schemas_folder() -> Path:
    """Return where schemas of Kubernetes' own kinds are kept between runs: tests/cluster/kubeschemas.py fills it."""
    return cache_folder() / f"kube-schemas-{KUBERNETES}"


def kubeconform(text: str, schemas: Path) -> list[str]:
    """Return what kubeconform says against the objects in a YAML text; unknown fields and kinds count."""
    command = [str(tool_or_skip("kubeconform")), "-strict", "-output", "json"]
    command += ["-schema-location", str(schemas / FILE_NAMES), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["resources"]
    return [f"{each['kind']}: {each['msg']}" for each in found or ()]

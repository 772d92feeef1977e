"""Writes the files that others read: the CRD, a JSON schema for editors, the docs of fields and of metrics.

`python -m batt.schema write` writes them, `python -m batt.schema check` fails where one is stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from batt.schema.crd import crd
from batt.schema.fielddocs import field_docs
from batt.schema.generated import command
from batt.schema.jsonschema import NOTICE, Schema, editor_schema
from batt.schema.metricsdocs import metrics_docs


def generated_files() -> dict[Path, str]:
    """Return what is generated: path below the repository -> text."""
    return {
        Path("crds/benchmarkruns.yaml"): as_yaml(crd()),
        Path("charts/batt/files/benchmarkruns.yaml"): as_yaml(kept_by_helm(crd())),
        Path("schemas/benchmarkrun.schema.json"): json.dumps(editor_schema(), indent=2) + "\n",
        Path("docs/reference/run-file.md"): field_docs(),
        Path("docs/metrics.md"): metrics_docs(),
    }


def as_yaml(manifest: Schema) -> str:
    """Return a manifest as the text of a generated file."""
    text = yaml.dump(manifest, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=120)
    return f"# {NOTICE}\n{text}"


class PlainDumper(yaml.SafeDumper):
    """Writes what stands in several places out in each: files without anchors are easier to read and to compare."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- PyYAML's signature
        """Return that nothing is to be written as a reference."""
        return True


def kept_by_helm(manifest: Schema) -> Schema:
    """Return a manifest that Helm leaves in place when the release goes: all runs would go with their definition."""
    annotations = {"helm.sh/resource-policy": "keep"}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    return command("batt.schema", generated_files(), "batt/api.py, batt/status.py and batt/metrics.py", arguments)

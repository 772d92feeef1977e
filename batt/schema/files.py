"""Writes the files that others read from the API types: the CRD, a JSON schema for editors, the field docs.

`python -m batt.schema write` writes them, `python -m batt.schema check` fails where one is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from batt.schema.crd import crd
from batt.schema.fielddocs import field_docs
from batt.schema.jsonschema import NOTICE, Schema, editor_schema

ROOT = Path(__file__).parents[2]
"""The repository: generated files are written in a checkout only."""


def generated_files() -> dict[Path, str]:
    """Return what is generated: path below the repository -> text."""
    return {
        Path("crds/benchmarkruns.yaml"): as_yaml(crd()),
        Path("charts/batt/files/benchmarkruns.yaml"): as_yaml(kept_by_helm(crd())),
        Path("schemas/benchmarkrun.schema.json"): json.dumps(editor_schema(), indent=2) + "\n",
        Path("docs/reference/run-file.md"): field_docs(),
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


def write(root: Path) -> list[Path]:
    """Write the generated files that are stale or missing; return which."""
    stale = stale_files(root)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(generated_files()[path], encoding="utf-8")
    return stale


def stale_files(root: Path) -> list[Path]:
    """Return the generated files that are missing or not what the types say."""
    files = generated_files().items()
    return [path for path, text in files if not (root / path).is_file() or (root / path).read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    match arguments:
        case ["write"]:
            for path in write(ROOT):
                print(f"wrote {path}")
            return 0
        case ["check"]:
            stale = stale_files(ROOT)
            for path in stale:
                rule = "must be what batt/api.py and batt/status.py say"
                print(f"{path}: {rule}; run `make generate` and commit the file", file=sys.stderr)
            return 1 if stale else 0
    print(f"usage: python -m batt.schema write|check; got {arguments}", file=sys.stderr)
    return 64

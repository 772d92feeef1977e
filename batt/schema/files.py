"""Writes the files that others read from the API types: the CRD, a JSON schema for editors, the field docs.

`python -m batt.schema write` writes them, `python -m batt.schema check` fails where one is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from batt.schema.crd import crd
from batt.schema.fielddocs import field_docs
from batt.schema.jsonschema import NOTICE, editor_schema

ROOT = Path(__file__).parents[2]
"""The repository: generated files are written in a checkout only."""


def generated_files() -> dict[Path, str]:
    """Return what is generated: path below the repository -> text."""
    manifest = yaml.safe_dump(crd(), sort_keys=False, allow_unicode=True, width=120)
    return {
        Path("crds/benchmarkruns.yaml"): f"# {NOTICE}\n{manifest}",
        Path("schemas/benchmarkrun.schema.json"): json.dumps(editor_schema(), indent=2) + "\n",
        Path("docs/reference/run-file.md"): field_docs(),
    }


def write(root: Path) -> list[Path]:
    """Write the generated files that are stale or missing; return which."""
    stale = stale_files(root)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(generated_files()[path], encoding="utf-8")
    return stale


def stale_files(root: Path) -> list[Path]:
    """Return the generated files that are missing or not what api.py says."""
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
                print(f"{path}: is not what batt/api.py says; run `make generate` and commit the file", file=sys.stderr)
            return 1 if stale else 0
    print(f"usage: python -m batt.schema write|check; got {arguments}", file=sys.stderr)
    return 64

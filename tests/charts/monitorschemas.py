"""JSON schemas of the monitors' kinds, which Kubernetes itself does not know, for kubeconform.

Those of the Prometheus operator are made from its definitions, in its own Go module. Google's module is not to be had
from the Go module proxy: tests/charts/schemas says by hand what our objects may hold, after charts/operator/crds of
GoogleCloudPlatform/prometheus-engine.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from tests.charts.conform import closed_schema
from tests.gotools import GoUnavailableError, cache_folder, find_go, locked

MODULE = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
"""Go module that holds the definitions; pinned: the newest that the module proxy has."""

DEFINITIONS = ("servicemonitors", "podmonitors", "prometheusrules")
"""Definitions that the chart has objects of."""

GOOGLE = Path(__file__).parent / "schemas"
"""Schemas of Google's kinds."""


class DefinitionsUnavailableError(Exception):
    """The definitions cannot be had; the message says why and the remedy."""


def schemas_folder() -> Path:
    """Return where schemas of the Prometheus operator's kinds are kept between runs."""
    return cache_folder() / MODULE.rpartition("/")[2].replace("@", "-")


def monitor_schemas() -> tuple[Path, Path]:
    """Return the folders with schemas of all monitors and rules; skip the running test where there is no Go."""
    folder = schemas_folder()
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            definitions = definitions_or_skip()
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".schemas-") as scratch:
                made = Path(scratch) / "schemas"
                made.mkdir()
                for path in definitions:
                    write_schema(path, made)
                made.rename(folder)
    return folder, GOOGLE


def definitions_or_skip() -> list[Path]:
    """Return the files of the Prometheus operator's definitions; skip the running test where there is no Go."""
    try:
        go = find_go()
    except GoUnavailableError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory() as scratch:  # outside of any module
        command = [str(go), "mod", "download", "-json", MODULE]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = (
            f"go mod download {MODULE} ended with {done.returncode}:\n{done.stdout}{done.stderr}\n"
            "It needs the Go module proxy (GOPROXY) or a filled module cache; try again"
        )
        raise DefinitionsUnavailableError(message)
    folder = Path(json.loads(done.stdout)["Dir"]) / "example" / "prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{name}.yaml" for name in DEFINITIONS]


def write_schema(definition: Path, folder: Path) -> None:
    """Write the schema of a definition's one version: what it does not name is refused."""
    spec = yaml.safe_load(definition.read_text(encoding="utf-8"))["spec"]
    [version] = spec["versions"]
    name = f"{spec['names']['kind'].lower()}-{spec['group'].split('.')[0]}-{version['name']}.json"
    schema = closed_schema(version["schema"]["openAPIV3Schema"])
    (folder / name).write_text(json.dumps(schema), encoding="utf-8")

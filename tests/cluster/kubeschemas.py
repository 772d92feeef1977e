"""JSON schemas of a cluster's own kinds, from its OpenAPI document: kubeconform needs no download this way."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.charts.conform import closed_schema, schemas_folder
from tests.cluster.client import Cluster, Json
from tests.gotools import locked

KIND = "x-kubernetes-group-version-kind"
"""Where OpenAPI says which kinds a schema is of."""


def cached_schemas(cluster: Cluster) -> Path:
    """Return a folder with a schema for every kind of Kubernetes itself; kept, so that `make check` finds it."""
    folder = schemas_folder()
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".schemas-") as scratch:
                made = Path(scratch) / "schemas"
                made.mkdir()
                write_schemas(cluster, made)
                made.rename(folder)
    return folder


def write_schemas(cluster: Cluster, folder: Path) -> None:
    """Write a schema for every kind that the cluster serves."""
    for path in cluster.get("/openapi/v3")["paths"]:
        if path == "api/v1" or path.startswith("apis/"):
            document = cluster.get(f"/openapi/v3/{path}")
            for name, schema in schemas_of(document):
                (folder / name).write_text(json.dumps(schema))


def schemas_of(document: Json) -> Iterator[tuple[str, Json]]:
    """Yield file name and schema of each kind of a group and version."""
    components = document.get("components", {}).get("schemas", {})
    closed = {name: closed_schema(schema) for name, schema in components.items()}
    for name, schema in components.items():
        for kind in schema.get(KIND, ()):
            group = kind["group"].split(".")[0]
            words = [word for word in (kind["kind"].lower(), group, kind["version"]) if word]
            yield f"{'-'.join(words)}.json", {"$ref": f"#/components/schemas/{name}", "components": {"schemas": closed}}

"""The CustomResourceDefinition of BenchmarkRun: the API types as Kubernetes asks for them, with CEL rules."""

from __future__ import annotations

from batt.api import GROUP, KIND, MUTABLE, NAME_CHARACTERS, TASKS_TWICE, VERSION
from batt.schema.jsonschema import Schema, inlined_schema

FORMATS = {"integer": "int64", "number": "double"}
"""Widths of numbers, which a CustomResourceDefinition names and JSON schema does not."""

STATUS: Schema = {
    "type": "object",
    "description": "What has become of the run, written by the operator.",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "phase": {"type": "string", "description": "Where the run stands, in one word."},
        "progress": {"type": "string", "description": "Tasks done and in all, `12/400`."},
        "score": {"type": "string", "description": "Tasks solved and in all, `30/400`."},
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "description": "metadata.generation that this status is about.",
        },
        "shards": {
            "type": "object",
            "description": "Counts of shards.",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "failed": {"type": "integer", "format": "int64", "description": "Shards that have failed for good."},
            },
        },
    },
}
"""What `kubectl get` shows of the status; the operator's own types will fill in the rest."""

COLUMNS = (
    ("Phase", "string", ".status.phase", "Where the run stands."),
    ("Done/Total", "string", ".status.progress", "Tasks done and in all."),
    ("Failed", "integer", ".status.shards.failed", "Shards that have failed for good."),
    ("Score", "string", ".status.score", "Tasks solved and in all."),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the run was created."),
)
"""Columns of `kubectl get benchmarkruns`: name, type, where in the object, meaning."""

TASKS_RULE = {
    "rule": "!has(self.tasksFrom) || !has(self.tasks) || self.tasks.size() == 0",
    "message": f"{TASKS_TWICE.rule}; {TASKS_TWICE.remedy}",
    "fieldPath": ".tasksFrom",
}
"""What SolversSpec says, for the API server."""

NAME_RULES = [
    {
        "rule": f"self.metadata.name.size() <= {NAME_CHARACTERS}",
        "message": f"metadata.name must be at most {NAME_CHARACTERS} characters: Jobs are named after it; shorten it",
    },
    {
        "rule": "!self.metadata.name.contains('.')",
        "message": "metadata.name must be lower-case letters, digits and `-`: Jobs are named after it; remove the dots",
    },
]
"""What Kubernetes itself allows in a name and batt does not. No fieldPath: it may name fields of the schema only."""


def crd() -> Schema:
    """Return the CustomResourceDefinition of BenchmarkRun."""
    kind, plural = KIND, f"{KIND.lower()}s"
    columns = [dict(zip(("name", "type", "jsonPath", "description"), column, strict=True)) for column in COLUMNS]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": object_schema()},
    }
    names = {
        "kind": kind,
        "plural": plural,
        "singular": kind.lower(),
        "listKind": f"{kind}List",
        "shortNames": ["brun"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def object_schema() -> Schema:
    """Return the structural schema of a BenchmarkRun: what the API server holds an object to."""
    schema = structural(inlined_schema())
    properties = schema["properties"]
    for field in ("apiVersion", "kind"):
        properties[field] = {"type": "string", "description": properties[field]["description"]}
    properties["metadata"] = {"type": "object"}  # Kubernetes' own; more than this may not be said
    properties["status"] = STATUS
    spec = properties["spec"]
    spec["x-kubernetes-validations"] = [
        immutable_rule(name, spec) for name in spec["properties"] if name not in MUTABLE
    ]
    spec["properties"]["solvers"]["x-kubernetes-validations"] = [TASKS_RULE]
    return {
        "type": "object",
        "description": schema["description"],
        "required": ["metadata", "spec"],
        "properties": properties,
        "x-kubernetes-validations": NAME_RULES,
    }


def immutable_rule(name: str, spec: Schema) -> Schema:
    """Return the CEL rule that keeps a field of the spec as it was when the run was created."""
    same = f"self.{name} == oldSelf.{name}"
    if not is_always_set(name, spec):
        same = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || {same})"
    message = f"{name} cannot change once the run exists; apply the changed file under another metadata.name"
    return {"rule": same, "message": message, "fieldPath": f".{name}"}


def is_always_set(name: str, schema: Schema) -> bool:
    """Return whether objects have the field in any case: required, or filled in with a default."""
    return name in schema.get("required", ()) or "default" in schema["properties"][name]


def structural(schema: Schema) -> Schema:
    """Return a schema in the form that Kubernetes asks for.

    Two keywords go: `additionalProperties: false`, since the API server refuses unknown fields by itself where
    the client asks for it (kubectl does), and `examples`, which are for editors.
    """
    result = {key: value for key, value in schema.items() if key not in {"additionalProperties", "examples"}}
    if schema["type"] in FORMATS:
        result["format"] = FORMATS[schema["type"]]
    if "properties" in schema:
        result["properties"] = {name: structural(value) for name, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = structural(schema["items"])
    return result

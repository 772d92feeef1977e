"""The CustomResourceDefinition of BenchmarkRun: the API types as Kubernetes asks for them, with CEL rules."""

from __future__ import annotations

from batt.api import GROUP, HAL_ONLY, KIND, MUTABLE, ONE_KIND, REGRADE, VERSION
from batt.fields import NAME_CHARACTERS, TASKS_TWICE
from batt.schema.jsonschema import Schema, inlined, inlined_schema
from batt.status import RunStatus

FORMATS = {"integer": "int64", "number": "double"}
"""Widths of numbers, which a CustomResourceDefinition names and JSON schema does not."""

COLUMNS = (
    ("Kind", "string", ".status.kind", "What the run does.", 0),
    ("Phase", "string", ".status.phase", "Where the run stands.", 0),
    ("Done/Total", "string", ".status.progress", "Shards done and in all.", 0),
    ("Failed", "integer", ".status.shards.failed", "Shards that have failed for good.", 0),
    ("Score", "string", ".status.score", "Tasks solved and in all.", 0),
    ("Attempt", "integer", ".status.attempt", "The attempt that the run is in.", 1),
    ("Message", "string", ".status.message", "Why the run stands where it stands.", 1),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the run was created.", 0),
)
"""Columns of `kubectl get benchmarkruns`: name, type, where in the object, meaning, and 1 for those of `-o wide`."""

LIST_KEYS = {"conditions": "type", "phases": "name"}
"""Lists of the status whose entries have a name: that of the field that holds it."""

QUEUE_RULE = {
    "rule": "!has(self.queue) || (has(self.maxConcurrency) == has(oldSelf.maxConcurrency) && "
    "(!has(self.maxConcurrency) || self.maxConcurrency == oldSelf.maxConcurrency))",
    "message": "maxConcurrency cannot change while queue is set: Kueue owns how many pods run at once; "
    "change the quota of the queue, or cancel the run and apply the changed file under another metadata.name",
    "fieldPath": ".maxConcurrency",
}
"""Kueue admitted the Job with a number of pods; another number would be undone or would stop the Job (kueue#10040)."""

KIND_RULE = {"rule": "has(self.solvers) != has(self.hal)", "message": f"{ONE_KIND.rule}; {ONE_KIND.remedy}"}
"""What RunSpec says, for the API server."""

TASKS_RULE = {
    "rule": "!has(self.tasksFrom) || !has(self.tasks) || self.tasks.size() == 0",
    "message": f"{TASKS_TWICE.rule}; {TASKS_TWICE.remedy}",
    "fieldPath": ".tasksFrom",
}
"""What SolversSpec and HalSpec say, for the API server."""

REGRADE_RULE = {
    "rule": f"!has(self.solvers) || !has(self.attemptMode) || self.attemptMode != '{REGRADE}'",
    "message": f"attemptMode {HAL_ONLY.rule}; {HAL_ONLY.remedy}",
    "fieldPath": ".attemptMode",
}
"""What RunSpec says, for the API server."""

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
    keys = ("name", "type", "jsonPath", "description", "priority")
    columns = [dict(zip(keys, column, strict=True)) for column in COLUMNS]
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
    properties["status"] = status_schema()
    spec = properties["spec"]
    spec["x-kubernetes-validations"] = [
        *(immutable_rule(name, spec) for name in spec["properties"] if name not in MUTABLE),
        KIND_RULE,
        QUEUE_RULE,
        REGRADE_RULE,
    ]
    for kind in ("solvers", "hal"):
        spec["properties"][kind]["x-kubernetes-validations"] = [TASKS_RULE]
    return {
        "type": "object",
        "description": schema["description"],
        "required": ["metadata", "spec"],
        "properties": properties,
        "x-kubernetes-validations": NAME_RULES,
    }


def status_schema() -> Schema:
    """Return the structural schema of the status, as far as it can be held against what the operator writes.

    Defaults stay out: absence means that nothing was said yet. Lists of words become descriptions: a status with
    a word of a newer operator must not be refused by an older definition.
    """
    schema = RunStatus.model_json_schema(by_alias=True)
    return told(structural(inlined(schema, schema["$defs"], "status")))


def told(schema: Schema, name: str = "status") -> Schema:
    """Return a part of the status' schema as `status_schema` says; `name` is that of the field it stands under."""
    result = {key: value for key, value in schema.items() if key not in {"default", "enum"}}
    if "enum" in schema:
        result["description"] = f"{schema['description'].removesuffix('.')}. One of: {', '.join(schema['enum'])}."
    if name in LIST_KEYS:
        result |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [LIST_KEYS[name]]}
    if "properties" in schema:
        result["properties"] = {field: told(value, field) for field, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = told(schema["items"])
    return result


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

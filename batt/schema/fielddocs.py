"""The reference of all fields of the run file, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from batt.api import API_VERSION, KIND, MUTABLE
from batt.schema.jsonschema import NOTICE, Schema, inlined_schema

EXAMPLE = (
    f"apiVersion: {API_VERSION}",
    f"kind: {KIND}",
    "metadata:",
    "  name: my-run",
    "spec:",
    "  solvers:",
    "    dataset: arc-agi-1/training",
    "    candidates: builtin:starter",
)
"""The lines of the smallest run file."""


def field_docs() -> str:
    """Return the reference of all fields, as Markdown: a table for each block."""
    lines = [
        f"<!-- {NOTICE} -->",
        "# The run file",
        "",
        f"A run file is YAML: `apiVersion: {API_VERSION}`, `kind: {KIND}`, `metadata` and `spec`. "
        "`batt check FILE` names every fault in it. Unknown fields are refused.",
        "",
        "URIs: `builtin:NAME` ships with batt, `gs://BUCKET/PATH` is Cloud Storage, `image:/PATH` is a file in the "
        "worker's image. `file:PATH` and plain paths are for a laptop; relative ones start at the run file's folder.",
        "",
        "Editors that speak JSON schema complete and check run files by `schemas/benchmarkrun.schema.json`.",
        "",
        "The smallest run:",
        "",
        "```yaml",
        *EXAMPLE,
        "```",
        "",
        f"Once a run exists on a cluster, only {', '.join(f'`spec.{name}`' for name in sorted(MUTABLE))} may change.",
    ]
    for path, schema in blocks(inlined_schema(), ""):
        lines += ["", f"## {path or KIND}", "", schema["description"], ""]
        rows = [field_cells(name, value, schema) for name, value in schema["properties"].items()]
        lines += table(("field", "type", "default", "bounds", "meaning"), rows)
    return "\n".join(lines) + "\n"


def blocks(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Return every block of fields with its path, outermost first."""
    yield path, schema
    for name, value in schema["properties"].items():
        inner = value.get("items", value)
        if "properties" in inner:
            mark = "[]" if "items" in value else ""
            yield from blocks(inner, f"{path}.{name}{mark}".removeprefix("."))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return [*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" for cells in rows)]


def field_cells(name: str, schema: Schema, block: Schema) -> tuple[str, ...]:
    """Return the cells of a field's row in a block's table."""
    if name in block.get("required", ()):
        default = "required"
    elif "default" not in schema or schema["default"] in ({}, []) or "properties" in schema:
        default = ""
    else:
        default = f"`{json.dumps(schema['default'])}`"
    return (f"`{name}`", type_words(schema), default, bounds_words(schema), schema["description"])


def type_words(schema: Schema) -> str:
    """Return a field's type in words."""
    if schema["type"] == "array":
        return f"list of {type_words(schema['items'])}s"
    if schema["type"] == "object":
        return "block" if "properties" in schema else "texts by name"
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}[schema["type"]]


def bounds_words(schema: Schema) -> str:
    """Return the bounds of a field in words; nothing where it has none."""
    items = schema.get("items", {})
    words = []
    if "minimum" in schema:
        words.append(f"{schema['minimum']} to {schema['maximum']}")
    if "maxItems" in schema:
        characters = f" of {items['maxLength']} characters" if "maxLength" in items else ""
        words.append(f"at most {schema['maxItems']} entries{characters}")
    if "maxLength" in schema:
        words.append(f"at most {schema['maxLength']} characters")
    return ", ".join(words)

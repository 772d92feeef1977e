"""The generated files say what the API types say, in the form their readers take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import Field, TypeAdapter

from batt.api import MUTABLE
from batt.runfile import load_runs
from batt.schema.crd import crd, immutable_rule
from batt.schema.fielddocs import field_docs
from batt.schema.files import generated_files, main
from batt.schema.generated import ROOT, stale_files, write
from batt.schema.jsonschema import NOTICE, editor_schema, inlined, inlined_schema
from batt.schema.metricsdocs import NOTICE as METRICS_NOTICE
from batt.status import Reason, RunStatus


def parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every part of a schema with its path."""
    yield path, schema
    for name, value in schema.get("properties", {}).items():
        yield from parts(value, f"{path}.{name}")
    if "items" in schema:
        yield from parts(schema["items"], f"{path}[]")


def test_generated_files_in_the_repository_are_fresh() -> None:
    assert stale_files(ROOT, generated_files()) == []
    assert main(["check"]) == 0


def test_every_generated_file_says_so_at_its_start() -> None:
    for path, text in generated_files().items():
        assert any(notice in line for line in text.splitlines()[:2] for notice in (NOTICE, METRICS_NOTICE)), path


def test_writing_makes_files_fresh_and_is_done_once(tmp_path: Path) -> None:
    files = generated_files()

    assert stale_files(tmp_path, files) == list(files)
    assert write(tmp_path, files) == list(files)
    assert stale_files(tmp_path, files) == []
    assert write(tmp_path, files) == []


def test_a_changed_file_is_stale(tmp_path: Path) -> None:
    files = generated_files()
    write(tmp_path, files)
    changed = tmp_path / "crds" / "benchmarkruns.yaml"
    changed.write_text(changed.read_text().replace("maximum: 1000\n", "maximum: 2000\n"))

    assert stale_files(tmp_path, files) == [Path("crds/benchmarkruns.yaml")]


def test_another_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["overwrite"]) == 64
    assert "usage: python -m batt.schema write|check; got ['overwrite']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("annotation", "keyword"),
    [
        (Annotated[int, Field(gt=0)], "exclusiveMinimum"),
        (int | str, "anyOf"),
        (tuple[int, str], "prefixItems"),
    ],
)
def test_a_type_that_a_crd_cannot_express_is_refused_by_name(annotation: Any, keyword: str) -> None:
    schema = {"type": "object", "properties": {"field": TypeAdapter(annotation).json_schema()}}

    with pytest.raises(TypeError, match=rf"^\.field: {keyword} cannot be said in a CRD"):
        inlined(schema, {}, "")


def test_the_crd_is_small_and_described() -> None:
    """Beyond 256 KiB `kubectl apply` cannot note the object in its annotation."""
    manifest = crd()
    schema = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert len(yaml.safe_dump(manifest)) < 60_000
    undescribed = [path for path, part in parts(schema) if "description" not in part]
    assert undescribed == [
        ".metadata",  # Kubernetes' own
        ".spec.solvers.tasks[]",  # an item of a described list, as are the next
        ".spec.hal.tasks[]",
        ".status.phases[].histogram[]",
    ]


def test_all_of_the_spec_but_what_may_change_is_held_fixed() -> None:
    spec = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    rules = spec["x-kubernetes-validations"]
    fixed = {rule["fieldPath"].removeprefix(".") for rule in rules if "once the run exists" in rule["message"]}

    assert fixed == spec["properties"].keys() - MUTABLE
    assert spec["properties"].keys() >= MUTABLE


def test_the_status_has_every_field_that_the_operator_writes() -> None:
    status = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]

    assert set(status["properties"]) == {field.alias for field in RunStatus.model_fields.values()}
    assert "default" not in json.dumps(status)
    assert "enum" not in json.dumps(status)
    for reason in Reason:
        assert reason in status["properties"]["conditions"]["items"]["properties"]["reason"]["description"]


def test_every_column_shows_a_field_that_there_is() -> None:
    version = crd()["spec"]["versions"][0]
    types = {path: part["type"] for path, part in parts(version["schema"]["openAPIV3Schema"])}

    shown = {column["jsonPath"]: column["type"] for column in version["additionalPrinterColumns"]}

    assert shown.pop(".metadata.creationTimestamp") == "date"
    assert shown == {path: types[path] for path in shown}


def test_helm_keeps_the_crd_and_with_it_all_runs() -> None:
    files = {path.parts[0]: yaml.safe_load(text) for path, text in generated_files().items() if path.suffix == ".yaml"}

    assert files["charts"]["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert files["charts"] == files["crds"]


def test_a_field_that_may_be_absent_must_stay_absent() -> None:
    schema = {"properties": {"always": {"default": 1}, "perhaps": {}}}

    assert immutable_rule("always", schema)["rule"] == "self.always == oldSelf.always"
    assert immutable_rule("perhaps", schema)["rule"].startswith("has(self.perhaps) == has(oldSelf.perhaps) && ")


def test_the_editor_schema_refuses_unknown_fields_but_what_kubectl_prints() -> None:
    schema = editor_schema()

    closed = {path for path, part in parts(schema) if part.get("additionalProperties") is False}

    blocks = {"", ".spec", ".spec.solvers", ".spec.hal", ".spec.hal.agent", ".spec.retries", ".spec.deadlines"}
    entries = {".spec.env[]", ".spec.envFrom[]", ".spec.envFrom[].secretRef", ".spec.envFrom[].configMapRef"}
    assert closed == blocks | entries
    assert "status" in schema["properties"]
    assert "x-kubernetes" not in json.dumps(schema)
    assert schema["properties"]["spec"]["properties"]["solvers"]["properties"]["tasks"]["uniqueItems"] is True


def test_the_docs_have_a_row_for_every_field() -> None:
    docs = field_docs()
    blocks = dict(parts(inlined_schema()))

    for path, block in blocks.items():
        if "properties" in block:
            section = docs.split(f"## {path.removeprefix('.') or 'BenchmarkRun'}\n")[1].split("\n## ")[0]
            rows = [line.split("|")[1].strip(" `") for line in section.splitlines() if line.startswith("| `")]
            assert rows == list(block["properties"]), path


def test_the_example_in_the_docs_loads() -> None:
    example = field_docs().split("```yaml\n")[1].split("```")[0]

    (run,) = load_runs(example, "run-file.md")

    assert run.to_manifest()["spec"]["solvers"]["dataset"] == "arc-agi-1/training"


def test_a_row_says_type_default_bounds_and_meaning() -> None:
    assert (
        "| `keep` | whole number | `32` | 1 to 1000 | Most unique candidates of a batt module kept per task. |"
    ) in field_docs()

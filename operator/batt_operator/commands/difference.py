"""What a run file changes of the run that is on the cluster already: nothing, fields that may change, or others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel

from batt.api import MUTABLE, BenchmarkRun
from batt.errors import Fault, shown


class Difference(NamedTuple):
    """A field of two runs: its place, and its value on the cluster and in the file; None where it is not set."""

    where: str
    there: object
    here: object


def fixed_differences(there: BenchmarkRun, here: BenchmarkRun) -> list[Difference]:
    """Return the fields in which two runs differ that cannot change while a run exists; defaults count as written."""
    old, new = dict(leaves(fixed_spec(there))), dict(leaves(fixed_spec(here)))
    places = sorted(old.keys() | new.keys())
    return [Difference(place, old.get(place), new.get(place)) for place in places if old.get(place) != new.get(place)]


def fixed_spec(run: BenchmarkRun) -> dict[str, Any]:
    """Return the part of a spec that cannot change."""
    return {name: value for name, value in run.to_manifest()["spec"].items() if name not in MUTABLE}


def leaves(value: object, place: str = "spec") -> Iterator[tuple[str, object]]:
    """Yield every value in nested fields with its place; lists are values."""
    if not isinstance(value, Mapping):
        yield place, value
        return
    for name, field in value.items():
        yield from leaves(field, f"{place}.{name}")


def changes(there: BenchmarkRun, here: BenchmarkRun) -> dict[str, Any]:
    """Return the merge patch for what the file says otherwise and may change; what it does not say stays as it is."""
    patch: dict[str, Any] = {}
    old, new = there.to_manifest(), here.to_manifest()
    said = {to_camel(name) for name in here.spec.model_fields_set} & MUTABLE
    spec = {name: new["spec"][name] for name in sorted(said) if new["spec"].get(name) != old["spec"].get(name)}
    metadata = {}
    for kind in ("labels", "annotations"):
        told = {key: text for key, text in new["metadata"][kind].items() if old["metadata"][kind].get(key) != text}
        if told:
            metadata[kind] = told
    if spec:
        patch["spec"] = {name: value for name, value in spec.items() if value is not None}
    if metadata:
        patch["metadata"] = metadata
    return patch


def fault_of(difference: Difference, name: str) -> Fault:
    """Return why a run of that name cannot become what the file says."""
    there = "not set" if difference.there is None else shown(difference.there)
    here = "nothing" if difference.here is None else shown(difference.here)
    rule = f"is {there} in the run {name} on the cluster and cannot change while it exists"
    remedy = f"submit under another name (--name), or delete that run (kubectl delete benchmarkrun {name})"
    return Fault(difference.where, here, rule, remedy)

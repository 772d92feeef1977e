"""Finds a benchmark by the name in spec.hal.benchmark: batt's own, hal-harness' (`hal:NAME`), other packages'."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from batt.errors import Fault, InputError, SpecError, shown
from batt.hal.benchmarks.arc import Arc
from batt.hal.benchmarks.base import ENTRY_POINTS, Benchmark
from batt.hal.benchmarks.delegate import PREFIX, Delegate
from batt.hal.benchmarks.humaneval import HumanEval
from batt.hal.benchmarks.jsonl import Jsonl
from batt.hal.benchmarks.usaco import Usaco

SHIPPED: Mapping[str, Callable[[], Benchmark]] = {
    "humaneval": HumanEval,
    "arc": Arc,
    "usaco": Usaco,
    "jsonl": Jsonl,
}
"""The benchmarks that batt brings."""


class Known(NamedTuple):
    """A benchmark that can be named. about: what it is, for people."""

    name: str
    about: str


def find_benchmark(name: str) -> Benchmark:
    """Return the benchmark of a name.

    Raises:
        SpecError: there is none.
        InputError: a package names one that cannot be loaded.
    """
    if name in SHIPPED:
        return SHIPPED[name]()
    if name.startswith(PREFIX) and name != PREFIX:
        return Delegate(name.removeprefix(PREFIX))
    for entry in brought():
        if entry.name == name:
            return load(entry)
    rule = f"must be one of {', '.join(known.name for known in known_benchmarks())}"
    remedy = f"correct the name, write {PREFIX}{name} for one of hal-harness, or install the package that brings it"
    raise SpecError([Fault("spec.hal.benchmark", shown(name), rule, remedy)])


def known_benchmarks() -> list[Known]:
    """Return what can be named: batt's own first, then hal-harness', then other packages' in the order of names."""
    own = [Known(name, (inspect.getdoc(make) or "").partition("\n")[0]) for name, make in SHIPPED.items()]
    delegated = Known(f"{PREFIX}NAME", "The benchmark NAME of an installed hal-harness.")
    return [*own, delegated, *(Known(entry.name, f"From {entry.value}.") for entry in brought())]


def brought() -> list[EntryPoint]:
    """Return the benchmarks of other packages; their code is not loaded."""
    return sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)


def load(entry: EntryPoint) -> Benchmark:
    """Return the benchmark of another package."""
    try:
        benchmark: Benchmark = entry.load()()
    except Exception as error:  # another package may raise anything
        got = f"{type(error).__name__}: {shown(str(error))}"
        rule = f"{entry.value} must be a class that can be made without arguments"
        raise InputError(f"spec.hal.benchmark {entry.name!r}: got {got}; {rule}; report it to its package") from error
    return benchmark

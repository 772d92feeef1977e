"""Benchmarks are found by name: batt's own, hal-harness', other packages'."""

from __future__ import annotations

from pathlib import Path

import pytest

from batt.errors import InputError, SpecError
from batt.hal.benchmarks.delegate import Delegate
from batt.hal.benchmarks.humaneval import HumanEval
from batt.hal.benchmarks.registry import SHIPPED, find_benchmark, known_benchmarks


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that brings benchmarks."""
    info = tmp_path / "brought-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    lines = ["[batt.benchmarks]", "mine = brought:Mine", "broken = brought:Absent", "arc = brought:Mine", ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "brought.py").write_text("class Mine:\n    name = 'mine'\n    hidden = frozenset()\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("name", SHIPPED)
def test_own_benchmarks_are_found_under_their_names(name: str) -> None:
    assert find_benchmark(name).name == name


def test_each_call_makes_a_benchmark() -> None:
    assert isinstance(find_benchmark("humaneval"), HumanEval)
    assert find_benchmark("humaneval") is not find_benchmark("humaneval")


def test_hals_benchmarks_are_delegated() -> None:
    benchmark = find_benchmark("hal:gaia")

    assert isinstance(benchmark, Delegate)
    assert benchmark.name == "gaia"


@pytest.mark.usefixtures("package")
def test_other_packages_benchmarks_are_found() -> None:
    assert find_benchmark("mine").name == "mine"
    assert find_benchmark("arc").name == "arc"  # a package does not take the place of batt's own


@pytest.mark.usefixtures("package")
def test_benchmark_that_cannot_be_loaded_is_told() -> None:
    with pytest.raises(InputError, match=r"benchmark 'broken': got AttributeError: .*; brought:Absent must be a class"):
        find_benchmark("broken")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["unknown", "", "hal:", "HumanEval"])
def test_unknown_name_is_told_with_the_known_ones(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        find_benchmark(name)

    (fault,) = caught.value.faults
    assert fault.where == "spec.hal.benchmark"
    assert fault.got == repr(name)
    assert fault.rule == "must be one of humaneval, arc, usaco, jsonl, hal:NAME, arc, broken, mine"


@pytest.mark.usefixtures("package")
def test_known_benchmarks_say_what_they_are() -> None:
    known = known_benchmarks()

    assert [one.name for one in known] == ["humaneval", "arc", "usaco", "jsonl", "hal:NAME", "arc", "broken", "mine"]
    assert known[-1].about == "From brought:Mine."
    assert all(one.about.endswith(".") for one in known)

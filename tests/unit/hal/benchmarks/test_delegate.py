"""A benchmark of hal-harness is taken as it is: its tasks, its evaluation of all outputs, its words for what fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batt.errors import InputError, RunError, SpecError
from batt.hal.benchmarks.base import Source
from batt.hal.benchmarks.delegate import Delegate, evaluations_of
from tests.unit.hal.benchmarks.judging import SpySandbox, assert_hides

MANAGER = '''\
import os


class Benchmark:
    """Has what hal-harness' BaseBenchmark has, as far as batt uses it."""

    def __init__(self, agent_dir, config, base_results_dir="results"):
        self.folder = base_results_dir
        self.benchmark = {
            "t/1": {"prompt": "1 + 1?", "answer": "2", "gpu": True, "files": {"/root/a.txt": __file__}},
            "t/2": {"prompt": "1 + 2?", "answer": "3", "when": __import__("datetime").date(2026, 1, 2)},
        }

    def _strip_ground_truth(self, task):
        return {key: value for key, value in task.items() if key != "answer"}

    def get_dataset(self):
        return {name: self._strip_ground_truth(task) for name, task in self.benchmark.items()}

    def evaluate_output(self, agent_output, run_id):
        os.makedirs(os.path.join(self.folder, run_id))
        if "crash" in agent_output.values():
            raise KeyError("t/9")
        return {name: {"correct": self.benchmark[name]["answer"] == said} for name, said in agent_output.items()}

    def get_metrics(self, eval_results):
        right = [name for name, one in eval_results.items() if one["correct"]]
        return {
            "accuracy": len(right) / len(self.benchmark),
            "successful_tasks": right,
            "failed_tasks": [name for name in eval_results if name not in right],
        }


class Old(Benchmark):
    _strip_ground_truth = property()


class BenchmarkManager:
    def __init__(self, agent_dir="agent/", config={}, base_results_dir="results"):
        self.arguments = agent_dir, config, base_results_dir

    def get_benchmark(self, benchmark_name):
        if benchmark_name == "sums":
            return Benchmark(*self.arguments)
        if benchmark_name == "old":
            return Old(*self.arguments)
        assert benchmark_name != "bare", "data folder not found"
        raise ValueError(f"Unknown benchmark: {benchmark_name}")
'''
"""A stand-in with the interface of hal/benchmark_manager.py."""


@pytest.fixture(autouse=True)
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the stand-in."""
    package = tmp_path / "site" / "hal"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "benchmark_manager.py").write_text(MANAGER)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.chdir(tmp_path)
    yield
    for name in ("hal", "hal.benchmark_manager"):
        sys.modules.pop(name, None)


def test_tasks_are_hals_without_what_it_strips(tmp_path: Path) -> None:
    first, second = Delegate("sums").tasks(Source(None, {}))

    assert [first.id, second.id] == ["t/1", "t/2"]
    assert first.needs_gpu
    assert not second.needs_gpu
    assert {place: path.name for place, path in first.files.items()} == {"/root/a.txt": "benchmark_manager.py"}
    assert dict(second.input) == {"prompt": "1 + 2?", "when": "2026-01-02"}
    assert first.truth is None
    assert_hides(Delegate("sums"), [first, second], "answer")


def test_all_outputs_are_evaluated_at_once(tmp_path: Path) -> None:
    whole = Delegate("sums").evaluate_all({"t/1": "2", "t/2": "ERROR: it failed"}, "sums_x_1")

    assert Delegate.is_whole
    assert whole.raw == {"t/1": {"correct": True}, "t/2": {"correct": False}}
    assert whole.metrics == {"accuracy": 0.5, "successful_tasks": ["t/1"], "failed_tasks": ["t/2"]}
    evaluations = evaluations_of(whole, ["t/1", "t/2"])
    assert {name: one.score for name, one in evaluations.items()} == {"t/1": 1.0, "t/2": 0.0}
    assert evaluations["t/2"].details["hal"] == {"correct": False}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]  # HAL's own files went to where nobody looks


def test_one_output_is_evaluated_alone(sandbox: SpySandbox) -> None:
    benchmark = Delegate("sums")
    first, second = benchmark.tasks(Source(None, {}))

    assert benchmark.evaluate(first, "2", {}, sandbox).is_right
    assert not benchmark.evaluate(second, "2", {}, sandbox).is_right
    assert sandbox.sent() == ""


def test_failure_of_hal_is_no_verdict() -> None:
    with pytest.raises(RunError, match=r"hal:sums: evaluate_output of hal-harness raised KeyError: .*t/9"):
        Delegate("sums").evaluate_all({"t/1": "crash"}, "sums_x_1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown", "hal:unknown: got ValueError: 'Unknown benchmark: unknown' from hal-harness; must load"),
        ("bare", "hal:bare: got AssertionError: .*data folder not found.* from hal-harness"),
        ("old", "must be one that hides answers from agents"),
    ],
)
def test_benchmark_that_hal_cannot_make_is_told(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Delegate(name).tasks(Source(None, {}))


def test_hal_that_is_not_installed_is_told(tmp_path: Path) -> None:
    (tmp_path / "site" / "hal" / "benchmark_manager.py").unlink()

    with pytest.raises(
        InputError, match=r"hal:sums: got .*benchmark_manager.*; must be importable; install hal-harness"
    ):
        Delegate("sums").tasks(Source(None, {}))


def test_manager_that_takes_no_folder_for_results_gets_none(tmp_path: Path) -> None:
    text = MANAGER.replace('config={}, base_results_dir="results"', "config={}, agent_args={}").replace(
        "self.arguments = agent_dir, config, base_results_dir", "self.arguments = agent_dir, config"
    )
    (tmp_path / "site" / "hal" / "benchmark_manager.py").write_text(text)

    assert len(Delegate("sums").tasks(Source(None, {}))) == 2


def test_data_and_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"spec.hal.data: .*hal-harness keeps it(.|\n)*options.k: got 1; is no option"):
        Delegate("sums").tasks(Source(tmp_path, {"k": 1}))


def test_oracle_is_not_to_be_had() -> None:
    benchmark = Delegate("sums")

    with pytest.raises(InputError, match="HAL tells no answers"):
        benchmark.oracle(benchmark.tasks(Source(None, {}))[0])

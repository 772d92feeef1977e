"""`hal:NAME`: a benchmark of an installed hal-harness, with its own data and its own evaluation.

HAL evaluates all outputs at once, in the process that asks, with whatever it needs for that (Docker, a judge's key).
Whoever sees `is_whole` calls `evaluate_all` once, in the place of `evaluate` for each task.
Source of the interface: hal/benchmark_manager.py and hal/benchmarks/base_benchmark.py of hal-harness at 16bb03e.
"""

from __future__ import annotations

import importlib
import inspect
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import BattError, InputError, RunError, SpecError, shown
from batt.hal.benchmarks.base import Evaluation, PerTask, Source, Task, right, wrong
from batt.hal.benchmarks.options import no_data, option_faults
from batt.hal.sandbox import Sandbox

MODULE = "hal.benchmark_manager"
"""The module of hal-harness that knows its benchmarks."""

PREFIX = "hal:"
"""What stands before the name of one in spec.hal.benchmark."""

REMEDY = "install hal-harness, and what it needs for this benchmark, where batt runs"
"""What to do when it is not there."""

STRIPS = "_strip_ground_truth"
"""What a hal-harness has that hides answers from agents; older ones show them."""


class Whole(NamedTuple):
    """What HAL says of all outputs. raw: of `evaluate_output`. metrics: of `get_metrics`."""

    raw: Any
    metrics: dict[str, Any]


class Delegate(PerTask):
    """A benchmark of hal-harness. is_whole: its outputs are evaluated all at once, by `evaluate_all`."""

    hidden: frozenset[str] = frozenset()
    is_whole = True

    def __init__(self, name: str) -> None:
        self.name = name

    def tasks(self, source: Source) -> list[Task]:
        """Return the tasks of HAL's dataset, without what HAL strips from it."""
        faults = [*no_data(source.data, "where hal-harness keeps it"), *option_faults(source.options, {})]
        if faults:
            raise SpecError(faults)
        with tempfile.TemporaryDirectory(prefix="batt-hal-") as folder:
            benchmark = self.load(folder)
            if not hasattr(benchmark, STRIPS):
                rule = "must be one that hides answers from agents"
                raise InputError(f"hal-harness: got a version without {STRIPS}; {rule}; install commit 16bb03e")
            dataset = self.call(benchmark.get_dataset)
            whole = benchmark.benchmark if isinstance(benchmark.benchmark, dict) else {}
        return [as_task(str(name), task, whole.get(name)) for name, task in dataset.items()]

    def evaluate(
        self,
        task: Task,
        submission: Any,
        options: Mapping[str, Any],  # noqa: ARG002
        sandbox: Sandbox,  # noqa: ARG002
    ) -> Evaluation:
        """Return what HAL makes of this output alone; better is evaluate_all, for HAL prepares itself for each call.

        Raises:
            RunError: HAL's evaluation failed: whether that was the submission's fault, nobody can tell.
        """
        whole = self.evaluate_all({task.id: submission}, "batt_0")
        return evaluations_of(whole, [task.id])[task.id]

    def evaluate_all(self, outputs: Mapping[str, Any], run_id: str) -> Whole:
        """Return what HAL makes of all outputs.

        Args:
            outputs: submission by task id, those of failed agents (`ERROR: ...`) among them.

        Raises:
            InputError: hal-harness is not there.
            RunError: HAL's evaluation failed.
        """
        with tempfile.TemporaryDirectory(prefix="batt-hal-") as folder:
            benchmark = self.load(folder)
            raw = self.call(benchmark.evaluate_output, dict(outputs), run_id)
            metrics = self.call(benchmark.get_metrics, raw)
        return Whole(as_json(raw), dict(as_json(metrics)))

    def oracle(self, task: Task) -> Any:
        """Raise InputError: HAL tells no answers."""
        raise InputError(f"{task.id}: HAL tells no answers; use a benchmark of batt's for the oracle")

    def load(self, folder: str) -> Any:  # a class of hal-harness
        """Return HAL's object of the benchmark; what it writes, it writes into a folder.

        Raises:
            InputError: hal-harness is not there, does not know the benchmark, or lacks its data.
        """
        try:
            manager = importlib.import_module(MODULE).BenchmarkManager
            folders = {"agent_dir": folder, "base_results_dir": folder}
            known = inspect.signature(manager).parameters  # base_results_dir came later
            arguments = {name: value for name, value in folders.items() if name in known}
            return manager(config={}, **arguments).get_benchmark(self.name)
        except BattError:
            raise
        except ImportError as error:
            raise InputError(f"{PREFIX}{self.name}: got {shown(str(error))}; must be importable; {REMEDY}") from error
        except (Exception, SystemExit) as error:  # AssertionError for data that is not there, and whatever else
            got = f"{type(error).__name__}: {shown(str(error))}"
            raise InputError(f"{PREFIX}{self.name}: got {got} from hal-harness; must load; {REMEDY}") from error

    def call(self, function: Any, *arguments: Any) -> Any:  # of hal-harness
        """Return what a function of HAL's returns; RunError where it raises."""
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:  # whatever it may be: it says nothing of any submission
            got = f"{type(error).__name__}: {shown(str(error))}"
            what = getattr(function, "__name__", "it")
            raise RunError(f"{PREFIX}{self.name}: {what} of hal-harness raised {got}; see its log") from error


def as_task(name: str, task: Any, whole: Any) -> Task:
    """Return a task of HAL's dataset; its files are where HAL has them."""
    described = as_json(task)
    if not isinstance(described, dict):
        raise InputError(f"{PREFIX}: got a {type(task).__name__} for task {shown(name)}; must be an object; report it")
    files = {str(place): Path(str(path)) for place, path in (described.get("files") or {}).items()}
    needs_gpu = isinstance(whole, dict) and bool(whole.get("gpu", False))
    return Task(name, described, None, files, needs_gpu)


def as_json(value: Any) -> Any:
    """Return JSON data; what is none, as text."""
    return json.loads(json.dumps(value, default=str))


def evaluations_of(whole: Whole, tasks: Iterable[str]) -> dict[str, Evaluation]:
    """Return for each task whether HAL counts it as solved, with what HAL's raw results have for it."""
    solved = {str(task) for task in whole.metrics.get("successful_tasks", ())}
    raw = whole.raw if isinstance(whole.raw, dict) else {}
    return {
        task: right(hal=raw.get(task)) if task in solved else wrong("HAL counts it as failed", hal=raw.get(task))
        for task in tasks
    }

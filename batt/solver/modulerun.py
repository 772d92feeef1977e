"""Evaluation of a batt module inside a worker child: one graph, each step once per what it depends on.

Steps that depend on S are evaluated once, on I once a sample, on C once per sample and distinct C. Nothing here may be
trusted to end: callers run it in a child that can be killed (batt.engine).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from batt.inputs.tasks import Grid, Task
from batt.solver.deadline import Deadline, DeadlineError
from batt.solver.evaluate import demo_samples
from batt.solver.language import Language, Value, default_of
from batt.solver.module import GUARDS, DifferMark, Module
from batt.solver.program import INPUTS, Ref, is_literal, literal_value, needed_steps
from batt.solver.values import is_equal, size_of, value_digest
from batt.solver.verdicts import PairVerdict, Verdict

NOWHERE = -1
"""The position between steps: what goes wrong there is no step's fault."""

COMPARE_SECONDS = 10.0
"""CPU seconds that one value may take to be compared or written out: values that fit in memory take far less."""

TOO_LARGE = "too large to tell"
"""Stands for the digest of values that cannot be written out."""

MISSING: Any = object()  # a step not evaluated yet in this layer
FAILED: Any = object()  # a step without a value; Layer.failures says why


class Failure(NamedTuple):
    """Why a step of a module has no value: its verdict, the exception's name, and the (numbered) step where it began.

    is_caught: the guard around it names the exception, so that the numbered step it stands in has a default.
    """

    verdict: Verdict
    exception: str
    node: int
    is_caught: bool = False


class Layer:
    """The steps' values for one choice of inputs; a deeper layer begins as a copy of the one it refines.

    raised: steps whose guard gave the default, and the exception's name.
    """

    __slots__ = ("failures", "raised", "seconds", "values")

    def __init__(self, parent: Layer | None, size: int) -> None:
        self.values: list[Value] = [MISSING] * size if parent is None else parent.values.copy()
        self.seconds: list[float] = [0.0] * size if parent is None else parent.seconds.copy()
        self.failures: dict[int, Failure] = {} if parent is None else parent.failures.copy()
        self.raised: dict[int, str] = {} if parent is None else parent.raised.copy()


class MarkValue(NamedTuple):
    """A candidate mark on one sample.

    digest: of the value. has_matched: the value, defaults and all, equals the expected output (the o score).
    verdict: of the solver run alone, where nothing takes a default.
    """

    digest: str
    has_matched: bool
    verdict: PairVerdict


class DifferValue(NamedTuple):
    """What one sample adds to the iz and zo scores of a differ for a candidate mark (by index)."""

    mark: int
    differ: str
    iz: int
    zo: int


class SampleResult(NamedTuple):
    """A module on one sample: one MarkValue per candidate mark, what differs add, seconds of both parts."""

    marks: tuple[MarkValue, ...]
    differs: tuple[DifferValue, ...]
    differ_seconds: dict[str, float]
    batt_seconds: float
    differ_total_seconds: float


class ModuleRun:
    """One module on one task, evaluated on demand and in program order, each step once per what it depends on.

    Steps that depend on S are evaluated once, on I once a sample, on C once per sample and distinct C.
    """

    def __init__(self, module: Module, task: Task, language: Language, deadline: Deadline) -> None:
        self.module = module
        self.task = task
        self.language = language
        self.deadline = deadline
        self.depends = input_masks(module)
        self.guards = [tuple(GUARDS[name] for name in guard) for guard in module.guards]
        self.mark_nodes = [needed_steps(module.steps, [mark.node]) for mark in module.candidates]
        self.differ_nodes: dict[frozenset[str], tuple[list[DifferMark], list[int]]] = {}
        self.neutral_nodes = [
            (mark.differ, needed_steps(module.steps, [mark.node]))
            for mark in module.differs
            if mark.solver_id == "None"
        ]
        self.outputs = needed_steps(module.steps, [mark.node for mark in module.candidates])
        self.shared = needed_steps(
            module.steps, [mark.node for mark in module.candidates] + [mark.node for mark in module.differs]
        )
        self.fixed = fixed_values(module, language)
        self.base = Layer(None, len(module.steps))
        self.defaults: dict[str, Value] = {}
        self.poison: dict[int, Failure] = {}
        self.note: Callable[[int], None] = lambda _node: None

    def sample(self, place: int, poison: dict[int, Failure]) -> SampleResult:
        """Return what the module gives on one sample.

        Args:
            place: index of the pair, train pairs first.
            poison: steps that brought a child down on this sample before; they fail without being run.
        """
        self.poison = poison
        pairs = self.task.train + self.task.test
        self.note(NOWHERE)
        begin = time.thread_time()
        inputs: dict[str, Value] = {"S": demo_samples(self.task), "I": pairs[place].input, "C": None}
        self.evaluate(self.base, inputs, [node for node in self.shared if self.depends[node] <= 1])
        sample = Layer(self.base, len(self.module.steps))
        self.evaluate(sample, inputs, [node for node in self.shared if self.depends[node] < 4])
        without = Layer(sample, len(self.module.steps))
        self.evaluate(without, inputs, self.outputs)
        marks = tuple(
            self.mark_value(index, without, inputs, pairs[place].output) for index in range(len(self.mark_nodes))
        )
        self.deadline.stop()
        batt_seconds = time.thread_time() - begin
        groups = self.groups(place, marks, without, inputs, pairs[place].output)
        differs, differ_seconds = self.differ_values(groups, sample, inputs)
        total = time.thread_time() - begin - batt_seconds
        return SampleResult(marks, differs, differ_seconds, batt_seconds, total)

    def operand(self, ref: Ref, layer: Layer, inputs: dict[str, Value]) -> Value:
        """Return what a reference stands for in a layer."""
        if isinstance(ref, int):
            return layer.values[ref]
        return inputs[ref] if ref in inputs else self.fixed[ref]

    def evaluate(self, layer: Layer, inputs: dict[str, Value], nodes: Iterable[int]) -> None:
        """Give every one of `nodes` (ascending, closed under what they need) its value in the layer."""
        for node in nodes:
            if layer.values[node] is MISSING:
                if node in self.poison:
                    layer.values[node], layer.failures[node] = FAILED, self.poison[node]
                else:
                    self.evaluate_step(node, layer, inputs)
        self.deadline.stop()
        self.note(NOWHERE)

    def evaluate_step(self, node: int, layer: Layer, inputs: dict[str, Value]) -> None:
        """Run one step; what it raises becomes its default if its guard says so, else its failure."""
        step = self.module.steps[node]
        operands = [self.operand(ref, layer, inputs) for ref in (step.function, *step.arguments)]
        value: Value = FAILED
        failure: Failure | None = None
        self.note(node)
        begin = time.thread_time()
        if layer.failures and any(operand is FAILED for operand in operands):
            failure = self.inherited(node, layer)
        else:
            try:
                try:
                    self.deadline.renew(begin)
                    value = operands[0](*operands[1:])
                finally:
                    self.deadline.is_armed = False
            except DeadlineError:
                failure = Failure(Verdict.TIMEOUT, "", node)
            except MemoryError:
                failure = Failure(Verdict.OUT_OF_MEMORY, "", node)
            except Exception as error:  # noqa: BLE001 # a step may raise anything: that is its outcome
                failure = Failure(Verdict.ERROR, type(error).__name__, node, isinstance(error, self.guards[node]))
        layer.seconds[node] = time.thread_time() - begin
        if layer.seconds[node] >= self.deadline.seconds:
            failure = Failure(Verdict.TIMEOUT, "", node)
        if failure is None:
            layer.values[node] = value
        elif failure.is_caught and self.module.numbers[node]:
            layer.values[node] = self.default(step.function, operands[0])
            layer.raised[node] = failure.exception
        else:
            is_nested = not self.module.numbers[failure.node]
            layer.values[node] = FAILED
            layer.failures[node] = failure._replace(node=node) if is_nested else failure

    def default(self, ref: Ref, function: Value) -> Value:
        """Return the default of a function; that of a DSL's own function is looked up once."""
        if isinstance(ref, int):
            return default_of(function)
        if ref not in self.defaults:
            self.defaults[ref] = default_of(function)
        return self.defaults[ref]

    def inherited(self, node: int, layer: Layer) -> Failure:
        """Return the failure a step has from its operands: an earlier step's, else that of its first nested call."""
        step = self.module.steps[node]
        refs = [ref for ref in (step.function, *step.arguments) if isinstance(ref, int)]
        failures = [layer.failures[ref] for ref in refs if layer.values[ref] is FAILED]
        return next((failure for failure in failures if self.module.numbers[failure.node]), failures[0])

    def mark_value(self, index: int, layer: Layer, inputs: dict[str, Value], expected: Grid) -> MarkValue:
        """Return what one candidate mark is worth on this sample."""
        mark = self.module.candidates[index]
        nodes = self.mark_nodes[index]
        value = self.operand(mark.node, layer, inputs)
        seconds = sum([layer.seconds[node] for node in nodes])
        if value is FAILED:
            failure = layer.failures[mark.node]  # type: ignore[index] # only a step can fail
            number = self.module.numbers[failure.node]
            verdict = PairVerdict(failure.verdict, seconds, failure.exception, number)
            return MarkValue(f"failed {failure.verdict} {number}", has_matched=False, verdict=verdict)
        has_matched = self.is_match(value, expected)
        verdict = PairVerdict(Verdict.CORRECT if has_matched else Verdict.WRONG, seconds)
        raised = next((node for node in nodes if node in layer.raised), None) if layer.raised else None
        if raised is not None:
            verdict = PairVerdict(Verdict.ERROR, seconds, layer.raised[raised], self.module.numbers[raised])
        if seconds >= self.deadline.seconds:
            verdict = PairVerdict(Verdict.TIMEOUT, seconds)
        return MarkValue(self.digest(value), has_matched, verdict)

    def is_match(self, value: Value, expected: Grid) -> bool:
        """Tell whether a candidate's value is the expected grid; a comparison that does not end well is none."""
        try:
            with self.deadline:
                self.deadline.start(COMPARE_SECONDS)
                return is_equal(value, expected)
        except (DeadlineError, MemoryError):
            return False
        except Exception:  # noqa: BLE001 # values of a user's DSL may compare as they like
            return False

    def digest(self, value: Value) -> str:
        """Return value_digest, or TOO_LARGE for a value that shares so much of itself that it cannot be written out."""
        try:
            with self.deadline:
                self.deadline.start(COMPARE_SECONDS)
                return value_digest(value)
        except (DeadlineError, MemoryError, RecursionError):
            return TOO_LARGE

    def groups(
        self, place: int, marks: Sequence[MarkValue], layer: Layer, inputs: dict[str, Value], expected: Grid
    ) -> list[tuple[Value, list[int]]]:
        """Return each distinct C with the candidate marks it stands for.

        On a demo sample C is the expected output for all of them, on a test sample the candidate's own value.
        """
        if place < len(self.task.train):
            return [(expected, list(range(len(marks))))]
        by_digest: dict[str, tuple[Value, list[int]]] = {}
        for index, mark in enumerate(self.module.candidates):
            value = self.operand(mark.node, layer, inputs)
            if value is not FAILED:
                key = marks[index].digest if marks[index].digest != TOO_LARGE else str(index)
                by_digest.setdefault(key, (value, []))[1].append(index)
        return list(by_digest.values())

    def differs_of(self, own_ids: frozenset[str]) -> tuple[list[DifferMark], list[int]]:
        """Return the differ marks of the neutral solver and of some solvers, and the steps they need."""
        if own_ids not in self.differ_nodes:
            marks = [mark for mark in self.module.differs if mark.solver_id == "None" or mark.solver_id in own_ids]
            self.differ_nodes[own_ids] = marks, needed_steps(self.module.steps, [mark.node for mark in marks])
        return self.differ_nodes[own_ids]

    def differ_values(
        self, groups: Sequence[tuple[Value, list[int]]], sample: Layer, inputs: dict[str, Value]
    ) -> tuple[tuple[DifferValue, ...], dict[str, float]]:
        """Return what this sample adds to each candidate's differ scores, and each differ's own seconds.

        For every candidate, the neutral solver's sizes and its own add to the score of a differ: iz where the neutral
        size is above 0 and where its own is 0, zo the reverse. A value that is no tuple headed by an int adds nothing.
        """
        found: list[DifferValue] = []
        seconds: dict[str, float] = {}
        for value, indexes in groups:
            marks, nodes = self.differs_of(frozenset(self.module.candidates[index].solver_id for index in indexes))
            layer = Layer(sample, len(self.module.steps))
            with_c = {**inputs, "C": value}
            self.evaluate(layer, with_c, nodes)
            sizes = [(mark, size_of(self.operand(mark.node, layer, with_c))) for mark in marks]
            for differ, own_nodes in self.neutral_nodes:
                seconds[differ] = seconds.get(differ, 0.0) + sum([layer.seconds[node] for node in own_nodes])
            for index in indexes:
                found.extend(self.scores_of(index, sizes))
        return tuple(found), seconds

    def scores_of(self, index: int, sizes: Sequence[tuple[DifferMark, int | None]]) -> list[DifferValue]:
        """Return what the sizes add to the differ scores of one candidate mark."""
        solver_id = self.module.candidates[index].solver_id
        scores: dict[str, list[int]] = {}
        for mark, size in sizes:
            if mark.solver_id not in {"None", solver_id}:
                continue
            score = scores.setdefault(mark.differ, [0, 0])
            if size is None:
                continue
            if mark.solver_id == "None":
                score[0] += size > 0
                score[1] += size == 0
            if mark.solver_id == solver_id:
                score[0] += size == 0
                score[1] += size > 0
        return [DifferValue(index, differ, score[0], score[1]) for differ, score in scores.items()]


def input_masks(module: Module) -> list[int]:
    """Return for each step what it depends on: the sum of 1 for S, 2 for I, 4 for C."""
    bits = {"S": 1, "I": 2, "C": 4}
    masks: list[int] = []
    for step in module.steps:
        mask = 0
        for ref in (step.function, *step.arguments):
            mask |= masks[ref] if isinstance(ref, int) else bits.get(ref, 0)
        masks.append(mask)
    return masks


def fixed_values(module: Module, language: Language) -> dict[str, Value]:
    """Return the value of every DSL name and literal that a module uses."""
    refs = {ref for step in module.steps for ref in (step.function, *step.arguments) if isinstance(ref, str)}
    marked: list[Ref] = [mark.node for mark in module.candidates] + [mark.node for mark in module.differs]
    refs |= {ref for ref in marked if isinstance(ref, str)}
    return {
        name: literal_value(name) if is_literal(name) else language.names[name] for name in refs if name not in INPUTS
    }

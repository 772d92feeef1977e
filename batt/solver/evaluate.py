"""Evaluation of plain solver programs inside a worker child, pair by pair.

Nothing here may be trusted to end: callers run it in a child that can be killed (batt.engine).
"""

from __future__ import annotations

import time
from typing import NamedTuple

from batt.inputs.tasks import Grid, Task
from batt.solver.deadline import Deadline, DeadlineError
from batt.solver.language import Language, Value
from batt.solver.program import INPUTS, Program, Ref, is_literal, literal_value, needed_steps
from batt.solver.values import is_equal
from batt.solver.verdicts import PairVerdict, Verdict


class Compiled(NamedTuple):
    """A program ready to run: values 0..2 are S, I, C, then `fixed` (DSL names and literals), then one per call."""

    fixed: list[Value]
    calls: tuple[tuple[int, tuple[int, ...]], ...]
    result: int


def compile_program(program: Program, language: Language) -> Compiled:
    """Return the calls that a program's result needs, with every name looked up.

    Raises:
        KeyError: the DSL has no such name (checked when the text was read; a changed DSL shows here).
    """
    places: dict[Ref, int] = {name: place for place, name in enumerate(INPUTS)}
    needed = needed_steps(program.steps, [program.result])
    fixed: list[Value] = []
    used = [ref for index in needed for ref in (program.steps[index].function, *program.steps[index].arguments)]
    for ref in [*used, program.result]:
        if isinstance(ref, str) and ref not in places:
            places[ref] = len(INPUTS) + len(fixed)
            fixed.append(literal_value(ref) if is_literal(ref) else language.names[ref])
    calls = []
    for index in needed:
        step = program.steps[index]
        calls.append((places[step.function], tuple(places[ref] for ref in step.arguments)))
        places[index] = len(INPUTS) + len(fixed) + len(calls) - 1
    return Compiled(fixed, tuple(calls), places[program.result])


def demo_samples(task: Task) -> tuple[tuple[Grid, Grid], ...]:
    """Return S: the demo pairs only. A program that could see the test outputs could read the answer."""
    return tuple((pair.input, pair.output) for pair in task.train)


def check_pair(compiled: Compiled, task: Task, place: int, deadline: Deadline) -> PairVerdict:
    """Return how a program does on one pair of its task (train pairs first, then test pairs)."""
    pairs = task.train + task.test
    values: list[Value] = [demo_samples(task), pairs[place].input, None, *compiled.fixed]
    first = len(values)
    append = values.append
    exception = ""
    verdict = Verdict.ERROR
    begin = time.thread_time()
    try:
        with deadline:
            for function, arguments in compiled.calls:
                append(values[function](*[values[argument] for argument in arguments]))
            verdict = Verdict.CORRECT if is_equal(values[compiled.result], pairs[place].output) else Verdict.WRONG
    except DeadlineError:
        verdict = Verdict.TIMEOUT
    except MemoryError:
        verdict = Verdict.OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001 # a program may raise anything: that is its verdict
        verdict, exception = Verdict.ERROR, type(error).__name__
    seconds = time.thread_time() - begin
    if seconds >= deadline.seconds:
        verdict = Verdict.TIMEOUT
    has_failed = verdict in {Verdict.ERROR, Verdict.OUT_OF_MEMORY, Verdict.TIMEOUT}
    step = min(len(values) - first + 1, len(compiled.calls)) if has_failed else 0
    return PairVerdict(verdict, seconds, exception if verdict is Verdict.ERROR else "", step)

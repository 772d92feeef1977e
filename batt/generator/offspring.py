"""The candidates of a generated module: solver programs as they are, changed, or taken over by another.

What evolution makes is mostly dull or broken. To know which, candidates are tried on a few small grids of ours; what
they do on a task is another matter, but much alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import batt.dsl
from batt.errors import InputError
from batt.generator.mutation import detour, drop_step, may_splice, splice, swap_constant, swap_primitive
from batt.solver.language import default_of
from batt.solver.program import Program, Ref, pruned
from batt.solver.texts import inlined_expression, inlined_length

INTACT = 0.2
"""Share of the solvers that become candidates as they are."""

KINDS = ("constant", "constant", "primitive", "splice", "drop", "drop", "drop", "detour")
"""How the others change; each as often as it stands here."""

CHANGES = (1, 2, 2, 3)
"""How many changes make a candidate; each as often as it stands here."""

DESCENDANTS = 3
"""Candidates that took over the first solver whole: where it solves the task, a few others do too."""

FRAGILE = 1
"""Candidates that raise what no guard catches (IndexError, StopIteration, ...) on a probe; others hardly ever do."""

DULL = 0.6
"""Share of the candidates, at most, that give some probes the same value: what evolution mostly makes."""

CAUGHT = (TypeError, AttributeError, ValueError)
"""What the guards of a module catch."""

MAX_CHARACTERS = 20_000
"""Longest inlined text of a candidate; those of known modules are shorter."""

Probe = dict[str, Any]
"""Inputs S, I, C to try a candidate on; values of any DSL type."""

PROBE_TEXTS = (
    ("303 030 033", "330 300 003"),
    ("0000 0110 0120 0000", "0000 0440 0420 0000"),
    ("88888888 81118888 81817788 81117888 22222222 88885558 88885858 88885558", "8882 8388"),
    ("12345 51234 45123 34512", "1122 3344"),
)
"""(input, output) of small grids to try candidates on, rows of colours; unlike each other, the plainest first."""


class Conduct(StrEnum):
    """How a program does on the probes.

    VIVID, DULL: its values all differ, or some are the same. FRAGILE, BROKEN: on some of them, or already on the
    first, it raises what no guard catches.
    """

    VIVID = "vivid"
    DULL = "dull"
    FRAGILE = "fragile"
    BROKEN = "broken"


class NamedProgram(NamedTuple):
    """A solver's program under the id by which marks name it."""

    solver_id: str
    is_evolved: bool
    program: Program


def named_programs(parents: Sequence[NamedProgram], rng: random.Random, count: int) -> list[NamedProgram]:
    """Return `count` different programs under different ids: the first parent, its descendants, others' mutants.

    Few of them are fragile (see FRAGILE), unless the parents give nothing better.
    """
    first, *others = parents
    rng.shuffle(others)
    children = [descendant(first, parent, rng) for parent in others[:DESCENDANTS]]
    children += [mutant(parent, parents, rng) for parent in others[DESCENDANTS:]]
    tries = probes()
    texts = {program_text(first.program)}
    groups: dict[Conduct, list[NamedProgram]] = {conduct: [] for conduct in Conduct}
    for child in children:
        text = program_text(child.program)
        if text is not None and text not in texts:
            texts.add(text)
            groups[conduct_of(child.program, tries)].append(child)
    vivid, dull, fragile, broken = groups.values()
    few, many = FRAGILE, int(count * DULL)
    chosen = [first, *fragile[:few], *dull[:many], *vivid, *dull[many:], *fragile[few:], *broken][:count]
    if len(chosen) < count:
        raise InputError(f"candidates: got {count}; these solvers give {len(chosen)} different ones; name more solvers")
    rng.shuffle(chosen)
    return chosen


def program_text(program: Program) -> str | None:
    """Return what tells a program from others, or None if it is no candidate: it calls nothing, or is too long."""
    if not isinstance(program.result, int) or inlined_length(program.steps, program.result) > MAX_CHARACTERS:
        return None
    return inlined_expression(program.steps, program.result)


def descendant(first: NamedProgram, parent: NamedProgram, rng: random.Random) -> NamedProgram:
    """Return `parent` after it took over the program of `first`, by a longer way."""
    return NamedProgram(parent.solver_id, is_evolved=True, program=detour(first.program, rng))


def mutant(parent: NamedProgram, others: Sequence[NamedProgram], rng: random.Random) -> NamedProgram:
    """Return `parent` as it is, or changed in one or more of the ways of KINDS."""
    if rng.random() < INTACT:
        return parent
    program = parent.program
    for _ in range(rng.choice(CHANGES)):
        tail = rng.choice(others).program
        match rng.choice(KINDS):
            case "constant":
                program = swap_constant(program, rng)
            case "primitive":
                program = swap_primitive(program, rng)
            case "drop":
                program = drop_step(program, rng)
            case "splice" if may_splice(program, tail):
                program = splice(program, tail)
            case _:
                program = detour(program, rng)
        program = pruned(program)
    return NamedProgram(parent.solver_id, is_evolved=True, program=program)


def probes() -> list[Probe]:
    """Return the probes of PROBE_TEXTS: each input, with all of them as demo pairs."""

    def grid(text: str) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(int(color) for color in row) for row in text.split())

    demos = tuple((grid(given), grid(expected)) for given, expected in PROBE_TEXTS)
    return [{"S": demos, "I": given, "C": expected} for given, expected in demos]


def conduct_of(program: Program, tries: Sequence[Probe]) -> Conduct:
    """Return how a program does on the probes."""
    values: list[Any] = []
    for place, probe in enumerate(tries):
        try:
            values.append(value_on(program, probe))
        except (LookupError, ArithmeticError, RuntimeError, StopIteration):
            return Conduct.FRAGILE if place else Conduct.BROKEN
    different = sum(value not in values[:place] for place, value in enumerate(values))
    return Conduct.VIVID if different == len(values) else Conduct.DULL


def value_on(program: Program, probe: Probe) -> Any:
    """Return a program's value on a probe, as a module gives it; raises what its guards let pass."""
    values: list[Any] = []

    def value(ref: Ref) -> Any:
        return values[ref] if isinstance(ref, int) else probe[ref] if ref in probe else getattr(batt.dsl, ref)

    for step in program.steps:
        function = value(step.function)
        try:
            values.append(function(*[value(ref) for ref in step.arguments]))
        except CAUGHT:
            values.append(default_of(function))
    return values[-1]

"""Mutations keep programs well formed and do what their names say."""

import random
from itertools import chain

import pytest

import batt.dsl
from batt.generator.mutation import (
    COLORS,
    CONSTANT_FAMILIES,
    DETOURS,
    GROWING,
    PRIMITIVE_FAMILIES,
    SIZING,
    SLOW,
    detour,
    drop_step,
    may_splice,
    primitives,
    splice,
    swap_constant,
    swap_primitive,
)
from batt.solver.program import Program, parse_solvers

FILLED = """
def solve(I):
    x1 = ofcolor(I, FIVE)
    x2 = mapply(neighbors, x1)
    O = fill(I, ONE, x2)
    return O
"""
UPSCALED = "def solve(I):\n    O = upscale(I, TWO)\n    return O\n"
JOINED = "def solve(I):\n    x1 = vmirror(I)\n    O = hconcat(I, x1)\n    return O\n"
PULLED = "def solve(I):\n    O = gravitate(I, I)\n    return O\n"
TURNED = "def solve(I):\n    x1 = hmirror(I)\n    O = rot90(x1)\n    return O\n"


def program(text: str) -> Program:
    found, faults = parse_solvers("text", text, batt.dsl.__all__)
    assert faults == []
    return found[0].program


def calls(of: Program) -> list[str]:
    return [f"{step.function}({', '.join(map(str, step.arguments))})" for step in of.steps]


@pytest.mark.parametrize("family", PRIMITIVE_FAMILIES)
def test_a_family_holds_primitives_of_one_arity(family: tuple[str, ...]) -> None:
    arities = {getattr(batt.dsl, name).__code__.co_argcount for name in family}

    assert len(arities) == 1


def test_no_name_is_in_two_families() -> None:
    names = [*chain.from_iterable(PRIMITIVE_FAMILIES), *chain.from_iterable(CONSTANT_FAMILIES), *COLORS]

    assert len(names) == len(set(names))
    assert set(names) | SIZING | GROWING | SLOW <= set(batt.dsl.__all__)


@pytest.mark.parametrize("pair", DETOURS)
def test_a_detour_gives_a_grid_back(pair: tuple[str, str]) -> None:
    grid = ((1, 2, 3), (4, 5, 6))
    there, back = (getattr(batt.dsl, name) for name in pair)

    assert back(there(grid)) == grid


def test_detour_adds_two_calls_behind_the_result() -> None:
    changed = detour(program(FILLED), random.Random(0))

    assert calls(changed)[:3] == calls(program(FILLED))
    assert tuple(step.function for step in changed.steps[3:]) in DETOURS
    assert [step.arguments for step in changed.steps[3:]] == [(2,), (3,)]
    assert changed.result == 4


@pytest.mark.parametrize("seed", range(10))
def test_swap_constant_changes_one_color(seed: int) -> None:
    before, after = program(FILLED), swap_constant(program(FILLED), random.Random(seed))

    changed = [
        (old, new)
        for step, other in zip(before.steps, after.steps, strict=True)
        for old, new in zip(step.arguments, other.arguments, strict=True)
        if old != new
    ]

    assert len(changed) == 1
    assert set(changed[0]) <= set(COLORS)


def test_swap_constant_leaves_sizes_alone() -> None:
    assert swap_constant(program(UPSCALED), random.Random(0)) == program(UPSCALED)


@pytest.mark.parametrize("seed", range(10))
def test_swap_primitive_stays_in_the_family(seed: int) -> None:
    changed = swap_primitive(program(FILLED), random.Random(seed))

    assert primitives(changed) ^ primitives(program(FILLED)) in (
        {"fill", "underfill"},
        {"neighbors", "dneighbors"},
        {"neighbors", "ineighbors"},
    )


def test_drop_step_passes_the_first_argument_on() -> None:
    assert calls(drop_step(program(FILLED), random.Random(0))) == ["mapply(neighbors, I)", "fill(I, ONE, 0)"]
    assert calls(drop_step(program(TURNED), random.Random(0))) == ["rot90(I)"]


def test_drop_step_keeps_the_last_step() -> None:
    assert drop_step(program(UPSCALED), random.Random(0)) == program(UPSCALED)


def test_splice_applies_the_tail_to_the_value() -> None:
    spliced = splice(program(TURNED), program(JOINED))

    assert calls(spliced) == ["hmirror(I)", "rot90(0)", "vmirror(1)", "hconcat(1, 2)"]
    assert spliced.result == 3


def test_growing_or_slow_programs_are_not_spliced() -> None:
    assert may_splice(program(FILLED), program(UPSCALED))
    assert may_splice(program(JOINED), program(FILLED))
    assert not may_splice(program(JOINED), program(UPSCALED))
    assert not may_splice(program(FILLED), program(PULLED))

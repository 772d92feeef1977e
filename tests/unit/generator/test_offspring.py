"""The candidates of a generated module are different programs, few of them fragile, some of them solving the task."""

import collections
import random
import re

import pytest

import batt.dsl
from batt.errors import InputError
from batt.generator.modules import read_solver, starter_solvers
from batt.generator.offspring import (
    DESCENDANTS,
    FRAGILE,
    Conduct,
    NamedProgram,
    conduct_of,
    mutant,
    named_programs,
    probes,
    program_text,
    value_on,
)
from batt.solver.program import Program

TASK = "007bbfb7"


def solver(*lines: str) -> NamedProgram:
    body = "".join(f"    {line}\n" for line in lines)
    return read_solver("aaaaaaaa", f"def solve(S, I, C):\n{body}    return O\n")


def parents() -> list[NamedProgram]:
    return [read_solver(task, text) for task, text in starter_solvers(TASK)]


@pytest.mark.parametrize("seed", range(5))
def test_programs_differ_and_have_ids_of_their_own(seed: int) -> None:
    named = named_programs(parents(), random.Random(seed), 32)

    assert len({program_text(candidate.program) for candidate in named}) == 32
    assert len({candidate.solver_id for candidate in named}) == 32


@pytest.mark.parametrize("seed", range(5))
def test_few_programs_are_fragile(seed: int) -> None:
    named = named_programs(parents(), random.Random(seed), 32)

    conducts = collections.Counter(conduct_of(candidate.program, probes()) for candidate in named)

    assert conducts[Conduct.FRAGILE] == FRAGILE
    assert conducts[Conduct.BROKEN] == 0
    assert conducts[Conduct.DULL] >= 5
    assert conducts[Conduct.VIVID] >= 5


def test_the_first_solver_and_its_descendants_give_the_same_values() -> None:
    first = parents()[0]
    named = named_programs(parents(), random.Random(1), 32)

    def values(program: Program) -> list[object]:
        return [value_on(program, probe) for probe in probes()]

    alike = [
        candidate
        for candidate in named
        if conduct_of(candidate.program, probes()) is Conduct.VIVID
        and values(candidate.program) == values(first.program)
    ]

    assert first in alike
    assert 2 <= len(alike) <= 1 + DESCENDANTS
    assert all(candidate.is_evolved for candidate in alike if candidate != first)


def test_more_candidates_than_different_programs_are_refused() -> None:
    twins = [
        read_solver(task, "def solve(I):\n    O = asobject(I)\n    return O\n") for task in ("a", "b", "c", "d", "e")
    ]

    with pytest.raises(InputError, match=re.escape("candidates: got 40; these solvers give ")):
        named_programs(twins, random.Random(0), 40)


def test_mutants_call_only_known_names_and_earlier_steps() -> None:
    known = {*batt.dsl.__all__, "S", "I", "C"}
    rng = random.Random(3)
    everyone = parents()

    for parent in everyone * 3:
        program = mutant(parent, everyone, rng).program

        for index, step in enumerate(program.steps):
            for ref in (step.function, *step.arguments):
                assert ref in known if isinstance(ref, str) else ref < index


@pytest.mark.parametrize(
    ("conduct", "lines"),
    [
        (Conduct.VIVID, ["O = hmirror(I)"]),
        (Conduct.DULL, ["O = canvas(ZERO, UNITY)"]),
        (Conduct.DULL, ["O = fill(I, I, I)"]),
        (Conduct.FRAGILE, ["x1 = ofcolor(I, THREE)", "x2 = first(x1)", "O = initset(x2)"]),
        (Conduct.BROKEN, ["x1 = ofcolor(I, NINE)", "O = subgrid(x1, I)"]),
    ],
)
def test_conduct_on_the_probes(conduct: Conduct, lines: list[str]) -> None:
    assert conduct_of(solver(*lines).program, probes()) is conduct


def test_a_guarded_exception_leaves_the_default() -> None:
    program = solver("x1 = size(THREE)", "O = canvas(x1, UNITY)").program

    assert value_on(program, probes()[0]) == ((0,),)


def test_a_program_without_calls_or_too_long_is_no_candidate() -> None:
    doubled = solver(
        "x1 = hconcat(I, I)", *(f"x{n} = hconcat(x{n - 1}, x{n - 1})" for n in range(2, 15)), "O = rot90(x14)"
    )

    assert program_text(Program((), "I")) is None
    assert program_text(doubled.program) is None
    assert program_text(solver("O = rot90(I)").program) == "rot90(I)"

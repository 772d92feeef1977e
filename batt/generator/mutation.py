"""Small seeded changes to solver programs: what an evolution of solvers tries, as functions on Program.

Every function takes a program and returns another; none evaluates anything. A changed program is again a straight
line of calls, but may well raise, give something that is no grid, or solve nothing: like most of what evolution tries.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from batt.solver.program import Program, Ref, Step, pruned

PRIMITIVE_FAMILIES = (
    ("hmirror", "vmirror", "dmirror", "cmirror"),
    ("rot90", "rot180", "rot270"),
    ("tophalf", "bottomhalf", "lefthalf", "righthalf"),
    ("hconcat", "vconcat"),
    ("fill", "underfill"),
    ("paint", "underpaint"),
    ("argmax", "argmin"),
    ("first", "last"),
    ("mostcolor", "leastcolor"),
    ("mostcommon", "leastcommon"),
    ("neighbors", "dneighbors", "ineighbors"),
    ("box", "backdrop", "delta", "outbox", "inbox"),
    ("vfrontier", "hfrontier"),
    ("ulcorner", "urcorner", "llcorner", "lrcorner"),
    ("uppermost", "lowermost", "leftmost", "rightmost"),
    ("size", "height", "width"),
    ("hline", "vline", "square", "portrait"),
    ("partition", "fgpartition"),
    ("hperiod", "vperiod"),
    ("intersection", "difference", "combine"),
    ("replace", "switch"),
    ("upscale", "hupscale", "vupscale"),
    ("increment", "decrement"),
    ("add", "subtract"),
)
"""Primitives of one arity and type each: swapping two leaves a program well formed (reference: DSL tables)."""

COLORS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
"""Constants that mean a colour, unless the call is one of SIZING."""

CONSTANT_FAMILIES = (
    ("T", "F"),
    ("DOWN", "RIGHT", "UP", "LEFT"),
    ("UNITY", "NEG_UNITY", "UP_RIGHT", "DOWN_LEFT"),
    ("TWO_BY_TWO", "THREE_BY_THREE"),
)
"""Other constants that stand for each other."""

SIZING = frozenset(
    {"upscale", "hupscale", "vupscale", "downscale", "hsplit", "vsplit", "interval", "repeat", "power", "multiply"}
)
"""Primitives in whose calls a number is a size or a count; it stays, for a larger one makes values explode."""

GROWING = frozenset({"upscale", "hupscale", "vupscale", "hconcat", "vconcat", "double", "multiply", "product"})
"""Primitives that make grids larger; two programs that grow are not put behind each other."""

SLOW = frozenset({"prapply", "gravitate", "manhattan", "adjacent", "occurrences"})
"""Primitives whose time is quadratic in the number of cells or worse: seconds on grids they were not meant for."""

DETOURS = (
    ("hmirror", "hmirror"),
    ("vmirror", "vmirror"),
    ("dmirror", "dmirror"),
    ("cmirror", "cmirror"),
    ("rot180", "rot180"),
    ("rot90", "rot270"),
    ("rot270", "rot90"),
)
"""Two calls that give any grid back as it was."""


class Place(NamedTuple):
    """Where a name stands in a program: a step's function (argument -1) or one of its arguments."""

    step: int
    argument: int


def primitives(program: Program) -> set[str]:
    """Return all names a program uses."""
    return {ref for step in program.steps for ref in (step.function, *step.arguments) if isinstance(ref, str)}


def swap_primitive(program: Program, rng: random.Random) -> Program:
    """Return the program with one primitive replaced by another of its family; unchanged if it has none."""
    return swap_name(program, rng, lambda _step, name: family_of(name, PRIMITIVE_FAMILIES))


def swap_constant(program: Program, rng: random.Random) -> Program:
    """Return the program with one colour, direction or flag replaced by another; unchanged if it has none."""

    def others(step: Step, name: str) -> tuple[str, ...]:
        if name in COLORS:
            return () if step.function in SIZING else tuple(color for color in COLORS if color != name)
        return family_of(name, CONSTANT_FAMILIES)

    return swap_name(program, rng, others)


def swap_name(program: Program, rng: random.Random, others: Callable[[Step, str], tuple[str, ...]]) -> Program:
    """Return the program with one name, for which `others(step, name)` knows some, replaced by one of them."""
    places = [
        (Place(index, argument), choices)
        for index, step in enumerate(program.steps)
        for argument, ref in enumerate((step.function, *step.arguments), -1)
        if isinstance(ref, str) and (choices := others(step, ref))
    ]
    if not places:
        return program
    place, choices = rng.choice(places)
    return with_name(program, place, rng.choice(choices))


def family_of(name: str, families: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the other members of the family that holds `name`, or ()."""
    for family in families:
        if name in family:
            return tuple(member for member in family if member != name)
    return ()


def with_name(program: Program, place: Place, name: str) -> Program:
    """Return the program with `name` at `place`."""
    steps = list(program.steps)
    words: list[Ref] = [steps[place.step].function, *steps[place.step].arguments]
    words[place.argument + 1] = name
    steps[place.step] = Step(words[0], tuple(words[1:]))
    return Program(tuple(steps), program.result)


def drop_step(program: Program, rng: random.Random) -> Program:
    """Return the program without one step: whoever used its value takes its first argument instead.

    The last step stays, and so do steps whose first argument is a name other than an input: a primitive or a constant
    in their place would hardly ever mean anything.
    """
    droppable = [
        index
        for index, step in enumerate(program.steps)
        if index != program.result
        and step.arguments
        and (isinstance(step.arguments[0], int) or step.arguments[0] == "I")
    ]
    if not droppable:
        return program
    dropped = rng.choice(droppable)
    instead = program.steps[dropped].arguments[0]
    steps = tuple(Step(*(redirected((step.function, step.arguments), dropped, instead))) for step in program.steps)
    return pruned(Program(steps, program.result))


def redirected(call: tuple[Ref, tuple[Ref, ...]], old: Ref, new: Ref) -> tuple[Ref, tuple[Ref, ...]]:
    """Return a call (function, arguments) with every use of `old` turned into `new`; a called step stays called."""
    function, arguments = call
    return function, tuple(new if ref == old else ref for ref in arguments)


def splice(program: Program, tail: Program) -> Program:
    """Return `tail` applied to the program's value: wherever it read I, it reads that value."""
    offset = len(program.steps)

    def moved(ref: Ref) -> Ref:
        if isinstance(ref, int):
            return ref + offset
        return program.result if ref == "I" else ref

    steps = tuple(Step(moved(step.function), tuple(moved(ref) for ref in step.arguments)) for step in tail.steps)
    return Program(program.steps + steps, moved(tail.result))


def may_splice(program: Program, tail: Program) -> bool:
    """Tell whether a splice stays cheap: not two programs that grow, and nothing slow on a foreign grid."""
    both = primitives(program), primitives(tail)
    return not all(names & GROWING for names in both) and not any(names & SLOW for names in both)


def detour(program: Program, rng: random.Random) -> Program:
    """Return a program of the same value by a longer way."""
    there, back = rng.choice(DETOURS)
    end = len(program.steps)
    return Program((*program.steps, Step(there, (program.result,)), Step(back, (end,))), end + 1)

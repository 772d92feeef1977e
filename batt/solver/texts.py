"""The texts of a program, byte for byte as other tools name them (reference: "The texts, byte for byte").

- body: the needed steps as `t{n} = f(a, b)` lines; its md5 decides uniqueness in phase1_filter;
- inlined: everything substituted into one return expression, as `ast.unparse` prints it; its md5 is the file's name;
- expanded: the file's content, equal sub-expressions once, in post-order.

All of them are made by linear passes over the steps; only the inlined text can grow exponentially, and is bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from batt.solver.program import Program, Ref, Step, needed_steps

MAX_INLINED_CHARACTERS = 1_000_000
"""Longest inlined text that is made; shared steps double it each. Real ones are under 20 kB (reference: 14 doublings
are 360 kB)."""

SHORT_CHARACTERS = 1000
"""Inlined texts up to this length are kept, one a step: few programs have a longer one, and 20,000 steps take 20 MB."""

SOLVER_HEADER = "def solve(S, I, C):"
DIFFER_HEADER = "def differ(S, I, C):"


class Texts(NamedTuple):
    """What names a program: `md5` (file name; of the inlined text, or of the expanded one if that grows too long)."""

    md5: str
    inlined: bool


def md5_hex(text: str) -> str:
    """Return the md5 of a text as 32 hex digits: a name, not a protection."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def inlined_lengths(steps: Sequence[Step]) -> list[int]:
    """Return how many characters each step's inlined expression has; MAX_INLINED_CHARACTERS + 1 stands for any more.

    Without that bound the numbers themselves would grow exponentially.
    """
    lengths: list[int] = []

    def length(ref: Ref) -> int:
        return lengths[ref] if isinstance(ref, int) else len(ref)

    for step in steps:
        arguments = sum([length(ref) + len(", ") for ref in step.arguments])
        exact = length(step.function) + max(arguments, len("()"))
        lengths.append(min(exact, MAX_INLINED_CHARACTERS + 1))
    return lengths


def inlined_length(steps: Sequence[Step], result: Ref) -> int:
    """Return how many characters the inlined result has, without making it; MAX_INLINED_CHARACTERS + 1 at most."""
    return inlined_lengths(steps)[result] if isinstance(result, int) else len(result)


def inlined_expression(steps: Sequence[Step], result: Ref) -> str | None:
    """Return the result with every step substituted, or None if it is longer than MAX_INLINED_CHARACTERS.

    Short texts are substituted into each other, which is fast where steps are shared; long ones are written piece by
    piece into the result only, so that time and memory are linear in its length, however the steps hang together.
    """
    if not isinstance(result, int):
        return result
    lengths = inlined_lengths(steps)
    if lengths[result] > MAX_INLINED_CHARACTERS:
        return None
    texts: dict[int, str] = {}

    def text(ref: Ref) -> str:
        return texts[ref] if isinstance(ref, int) else ref

    for index, step in enumerate(steps):
        if lengths[index] <= SHORT_CHARACTERS:  # then so is whatever it needs
            texts[index] = f"{text(step.function)}({', '.join([text(ref) for ref in step.arguments])})"
    pieces: list[str] = []
    stack: list[Ref] = [result]
    while stack:
        ref = stack.pop()
        if isinstance(ref, str):
            pieces.append(ref)
        elif ref in texts:
            pieces.append(texts[ref])
        else:
            separated = [part for argument in steps[ref].arguments for part in (", ", argument)]
            stack.extend(reversed((steps[ref].function, "(", *separated[1:], ")")))
    return "".join(pieces)


def inlined_text(program: Program, header: str = SOLVER_HEADER) -> str | None:
    """Return the inlined function, as `ast.unparse` prints it; None if too long (see inlined_expression)."""
    expression = inlined_expression(program.steps, program.result)
    return None if expression is None else f"{header}\n    return {expression}"


def expanded_text(program: Program, header: str = SOLVER_HEADER) -> str:
    """Return the file's content: post-order of the inlined expression, equal sub-expressions once, x1.. and O.

    Works on the shared graph: equal steps are merged first, so the text is linear in the number of steps.
    """
    canonical, root = merged_steps(program)
    lines = [f"from dsl import *\nfrom constants import *\n\n{header}"]
    names: dict[int, str] = {}

    def name(ref: Ref) -> str:
        return names[ref] if isinstance(ref, int) else ref

    order = post_order(canonical, root)
    for position, index in enumerate(order):
        step = canonical[index]
        names[index] = "O" if position == len(order) - 1 else f"x{position + 1}"
        arguments = ", ".join(name(ref) for ref in step.arguments)
        lines.append(f"    {names[index]} = {name(step.function)}({arguments})")
    lines.append(f"    return {name(root)}\n")
    return "\n".join(lines)


def merged_steps(program: Program) -> tuple[list[Step], Ref]:
    """Return the steps with equal ones merged (hash-consing), and the result in that numbering."""
    place: list[int] = []
    merged: dict[Step, int] = {}

    def moved(ref: Ref) -> Ref:
        return place[ref] if isinstance(ref, int) else ref

    for step in program.steps:
        key = Step(moved(step.function), tuple(moved(ref) for ref in step.arguments))
        place.append(merged.setdefault(key, len(merged)))
    return list(merged), moved(program.result)


def post_order(steps: Sequence[Step], root: Ref) -> list[int]:
    """Return the steps `root` needs in post-order: function first, then arguments from left to right; no recursion."""
    if not isinstance(root, int):
        return []
    order: list[int] = []
    done: set[int] = set()
    stack: list[tuple[int, bool]] = [(root, False)]
    while stack:
        index, is_expanded = stack.pop()
        if index in done:
            continue
        if is_expanded:
            done.add(index)
            order.append(index)
            continue
        stack.append((index, True))
        step = steps[index]
        stack.extend((ref, False) for ref in reversed((step.function, *step.arguments)) if isinstance(ref, int))
    return order


def name_program(program: Program, header: str = SOLVER_HEADER) -> Texts:
    """Return the md5 that names a program's file: of its inlined text, if too long of the expanded one."""
    inlined = inlined_text(program, header)
    if inlined is not None:
        return Texts(md5_hex(inlined), inlined=True)
    return Texts(md5_hex(expanded_text(program, header)), inlined=False)


def body_text(program: Program) -> str:
    """Return the body of a plain program, its steps numbered t1.. (modules keep their own numbers, module.py)."""
    lines = []

    def name(ref: Ref) -> str:
        return f"t{ref + 1}" if isinstance(ref, int) else ref

    for index in needed_steps(program.steps, [program.result]):
        step = program.steps[index]
        lines.append(f"    t{index + 1} = {name(step.function)}({', '.join(name(ref) for ref in step.arguments)})\n")
    return "".join(lines) + f"    return {name(program.result)}\n"

"""Texts of programs are, byte for byte, those that rewriting syntax trees gives; without its time and memory."""

import ast
import copy
import hashlib
import random
import time
import tracemalloc

import pytest

from batt.generator.modules import generate_module, starter_solvers
from batt.solver.module import parse_module, solver_program
from batt.solver.program import MAX_STEPS, Program, Ref, Step, parse_solvers, pruned
from batt.solver.texts import (
    DIFFER_HEADER,
    MAX_INLINED_CHARACTERS,
    SHORT_CHARACTERS,
    SOLVER_HEADER,
    Texts,
    body_text,
    expanded_text,
    inlined_length,
    inlined_text,
    md5_hex,
    name_program,
)

NAMES = ("f", "first", "lbind", "I", "S", "C", "ZERO", "-1", "True", "None", "(1, 0)", "(-1,)", "()")
FUNCTIONS = ("f", "g", "compose", "astuple")
KNOWN = frozenset({*FUNCTIONS, "first", "lbind", "ZERO"})


def random_program(rng: random.Random, size: int, near: int) -> Program:
    """Return a program of `size` steps that use the last `near` ones most; some are called."""
    steps: list[Step] = []
    for index in range(size):
        recent: list[Ref] = list(range(max(0, index - near), index))
        arguments = [rng.choice([*recent, *recent, rng.choice(NAMES)]) for _ in range(rng.randint(0, 3))]
        function: Ref = rng.choice(recent) if recent and rng.random() < 0.1 else rng.choice(FUNCTIONS)
        steps.append(Step(function, tuple(arguments)))
    return pruned(Program(tuple(steps), size - 1 if size else "I"))


def doubled(count: int, name: str = "astuple") -> Program:
    """Return x1 = name(I, I), x2 = name(x1, x1), ...: its inlined text doubles with every step."""
    return Program(
        tuple(Step(name, (index - 1, index - 1) if index else ("I", "I")) for index in range(count)), count - 1
    )


# the same by syntax trees, as other tools do it


class Substitution(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # ast's own
        return copy.deepcopy(self.values[node.id]) if node.id in self.values else node


def solver_text(program: Program) -> str:
    def name(ref: Ref) -> str:
        return f"v{ref}" if isinstance(ref, int) else ref

    lines = [
        f"    v{n} = {name(one.function)}({', '.join(map(name, one.arguments))})" for n, one in enumerate(program.steps)
    ]
    return "\n".join([SOLVER_HEADER, *lines, f"    return {name(program.result)}"])


def substituted(program: Program) -> ast.FunctionDef:
    """Return the function with every assignment substituted into its return."""
    function = ast.parse(solver_text(program)).body[0]
    assert isinstance(function, ast.FunctionDef)
    values: dict[str, ast.expr] = {}
    for node in function.body:
        if isinstance(node, ast.Assign):
            assert isinstance(node.targets[0], ast.Name)
            values[node.targets[0].id] = Substitution(values).visit(node.value)
        else:
            function.body = [Substitution(values).visit(node)]
    return function


def expanded_by_trees(program: Program) -> str:
    """Return the expanded file, made from the inlined tree: post-order, equal calls once."""
    returned = substituted(program).body[0]
    assert isinstance(returned, ast.Return)
    assert returned.value is not None
    names: dict[str, str] = {}
    lines: list[str] = []

    def expand(node: ast.expr) -> str:
        text = ast.unparse(node)
        if not isinstance(node, ast.Call):
            return text
        if text not in names:
            function, *arguments = [expand(part) for part in (node.func, *node.args)]
            names[text] = f"x{len(names) + 1}" if node is not returned.value else "O"
            lines.append(f"    {names[text]} = {function}({', '.join(arguments)})\n")
        return names[text]

    result = expand(returned.value)
    return f"from dsl import *\nfrom constants import *\n\n{SOLVER_HEADER}\n{''.join(lines)}    return {result}\n"


# inlined


@pytest.mark.parametrize("seed", range(200))
def test_the_inlined_text_is_what_unparse_prints(seed: int) -> None:
    rng = random.Random(seed)
    program = random_program(rng, seed % 25, near=1 + seed % 5)

    assert inlined_text(program) == ast.unparse(substituted(program))


@pytest.mark.parametrize("seed", range(6))
def test_so_are_long_ones(seed: int) -> None:
    rng = random.Random(seed)
    program, length = Program((), "I"), 0
    while not 10 * SHORT_CHARACTERS < length < 50 * SHORT_CHARACTERS:
        program = random_program(rng, 25, near=2)
        length = inlined_length(program.steps, program.result)

    assert inlined_text(program) == ast.unparse(substituted(program))


@pytest.mark.parametrize(("task", "text"), starter_solvers(), ids=[task for task, _ in starter_solvers()])
def test_starter_solvers_are_named_by_what_unparse_prints(task: str, text: str) -> None:
    import batt.dsl

    program = pruned(parse_solvers(task, text, batt.dsl.__all__)[0][0].program)

    expected = ast.unparse(substituted(program))
    assert name_program(program) == Texts(hashlib.md5(expected.encode()).hexdigest(), inlined=True)
    assert expanded_text(program) == expanded_by_trees(program)


def test_inlined_texts_by_hand() -> None:
    steps = (Step("compose", ("first", "last")), Step(0, ("S",)), Step("fill", ("I", "-1", 1)))

    assert inlined_text(Program(steps, 2)) == "def solve(S, I, C):\n    return fill(I, -1, compose(first, last)(S))"
    assert inlined_text(Program(steps[:1], 0), DIFFER_HEADER) == "def differ(S, I, C):\n    return compose(first, last)"
    assert inlined_text(Program((Step("f", ()),), 0)) == "def solve(S, I, C):\n    return f()"
    assert inlined_text(Program((), "I")) == "def solve(S, I, C):\n    return I"


@pytest.mark.parametrize("seed", range(40))
def test_the_length_is_known_before_the_text_is_made(seed: int) -> None:
    program = random_program(random.Random(seed), seed % 20, near=3)
    text = inlined_text(program)

    assert text is not None
    assert inlined_length(program.steps, program.result) == len(text) - len(f"{SOLVER_HEADER}\n    return ")


# bounds


def test_fourteen_doublings_are_still_inlined() -> None:
    program = doubled(14, name="astuple_with_name")

    text = inlined_text(program)

    assert text is not None
    assert 330_000 < len(text) < 400_000
    expected = "I"
    for _ in range(14):
        expected = f"astuple_with_name({expected}, {expected})"
    assert text == f"{SOLVER_HEADER}\n    return {expected}"


def test_sixty_doublings_are_named_by_their_expanded_text() -> None:
    program = doubled(60)

    assert inlined_text(program) is None
    expected = "from dsl import *\nfrom constants import *\n\ndef solve(S, I, C):\n    x1 = astuple(I, I)\n"
    expected += "".join(f"    x{n} = astuple(x{n - 1}, x{n - 1})\n" for n in range(2, 60))
    expected += "    O = astuple(x59, x59)\n    return O\n"
    assert expanded_text(program) == expected
    assert name_program(program) == Texts(md5_hex(expected), inlined=False)


def test_the_longest_inlined_text_is_the_bound_itself() -> None:
    longest = "f" * (MAX_INLINED_CHARACTERS - len("(I)"))

    assert inlined_text(Program((Step(longest, ("I",)),), 0)) is not None
    assert inlined_text(Program((Step(f"{longest}f", ("I",)),), 0)) is None


def test_the_bound_holds_in_the_middle_of_a_program_too() -> None:
    steps = (*doubled(60).steps, Step("first", (59,)), Step("g", (60, "I")))

    assert inlined_text(Program(steps, 61)) is None
    assert inlined_text(Program(steps, "I")) is not None


def chain(count: int, base: Program) -> Program:
    size = len(base.steps)
    links = [Step("identity", (size - 1 + n,)) for n in range(count - size)]
    return Program((*base.steps, *links), count - 1)


@pytest.mark.parametrize(
    "program",
    [
        doubled(MAX_STEPS),
        doubled(60),
        doubled(14),
        chain(MAX_STEPS, doubled(1)),
        chain(MAX_STEPS, doubled(14, name="astuple_with_name")),
        Program(
            (*(Step("f", ("I",)) for _ in range(MAX_STEPS - 1)), Step("g", tuple(range(MAX_STEPS - 1)))), MAX_STEPS - 1
        ),
    ],
    ids=[
        "doubled all the way",
        "doubled 60 times",
        "doubled 14 times",
        "chain",
        "chain on a large text",
        "one wide call",
    ],
)
def test_naming_any_program_is_bounded_in_time_and_memory(program: Program) -> None:
    begin = time.process_time()
    name_program(program)
    body_text(program)
    seconds = time.process_time() - begin

    tracemalloc.start()
    name_program(program)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seconds < 2
    assert peak < 64 * 2**20


# expanded


@pytest.mark.parametrize("seed", range(60))
def test_the_expanded_text_is_the_inlined_tree_in_post_order(seed: int) -> None:
    program = random_program(random.Random(seed), 1 + seed % 15, near=1 + seed % 4)

    assert expanded_text(program) == expanded_by_trees(program)


@pytest.mark.parametrize("seed", range(60))
def test_the_expanded_text_reads_back_as_a_program_of_the_same_name(seed: int) -> None:
    program = random_program(random.Random(seed), 1 + seed % 25, near=1 + seed % 4)

    candidates, faults = parse_solvers("x.py", expanded_text(program), KNOWN)

    assert not faults
    assert name_program(pruned(candidates[0].program)) == name_program(program)
    assert expanded_text(candidates[0].program) == expanded_text(program)


def test_expanded_texts_by_hand() -> None:
    steps = (
        Step("hmirror", ("I",)),
        Step("vmirror", ("I",)),
        Step("hmirror", ("I",)),
        Step("hconcat", (1, 0)),
        Step("compose", ("first", "last")),
        Step("vconcat", (3, 2)),
        Step(4, (5,)),
    )

    assert expanded_text(Program(steps, 6), DIFFER_HEADER) == (
        "from dsl import *\nfrom constants import *\n\ndef differ(S, I, C):\n"
        "    x1 = compose(first, last)\n"
        "    x2 = vmirror(I)\n"
        "    x3 = hmirror(I)\n"
        "    x4 = hconcat(x2, x3)\n"
        "    x5 = vconcat(x4, x3)\n"
        "    O = x1(x5)\n"
        "    return O\n"
    )


def test_a_program_without_steps_returns_its_input() -> None:
    text = "from dsl import *\nfrom constants import *\n\ndef solve(S, I, C):\n    return I\n"

    assert expanded_text(Program((), "I")) == text
    assert body_text(Program((), "I")) == "    return I\n"


def test_a_module_s_programs_are_named_like_the_same_programs_in_solver_files() -> None:
    import batt.dsl

    module, _ = parse_module("m", *generate_module(starter_solvers("007bbfb7"), 3), batt.dsl.__all__)
    assert module is not None

    for mark in module.candidates:
        program = solver_program(module, mark.node)
        candidates, _ = parse_solvers("x", expanded_text(program), batt.dsl.__all__)
        assert name_program(pruned(candidates[0].program)) == name_program(program)
        assert inlined_text(program) == ast.unparse(substituted(program))


# bodies


def test_a_body_has_the_needed_steps_numbered_from_1() -> None:
    steps = (Step("f", ("I",)), Step("g", ()), Step("h", (0, "-1", "S")), Step(2, (0,)))

    assert body_text(Program(steps, 3)) == "    t1 = f(I)\n    t3 = h(t1, -1, S)\n    t4 = t3(t1)\n    return t4\n"
    assert (
        body_text(pruned(Program(steps, 3))) == "    t1 = f(I)\n    t2 = h(t1, -1, S)\n    t3 = t2(t1)\n    return t3\n"
    )

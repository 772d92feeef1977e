"""Programs are read as data: calls of known names, and nothing else gets past the reader."""

import ast
import json
import random
import re
import time

import pytest

import batt.dsl
from batt.errors import Fault
from batt.solver.program import (
    MAX_NAME_CHARACTERS,
    MAX_STEPS,
    Candidate,
    Program,
    Step,
    is_literal,
    literal_value,
    needed_steps,
    parse_solvers,
    program_from_json,
    program_to_json,
    pruned,
)

KNOWN = frozenset(batt.dsl.__all__)


def read(text: str, known: frozenset[str] = KNOWN) -> tuple[list[Candidate], list[Fault]]:
    return parse_solvers("some/file.py", text, known)


def only(text: str, known: frozenset[str] = KNOWN) -> Program:
    candidates, faults = read(text, known)
    assert not faults
    assert len(candidates) == 1
    return candidates[0].program


def body(*lines: str, head: str = "def solve(S, I, C):") -> str:
    return "\n".join([head, *(f"    {line}" for line in lines), ""])


def program(*calls: str, result: int | str | None = None) -> Program:
    """Return the program of calls as words, `objects I T F T`; digits are steps."""
    words = [[int(word) if word.isdigit() else word for word in call.split()] for call in calls]
    steps = tuple(Step(first, tuple(rest)) for first, *rest in words)
    return Program(steps, len(steps) - 1 if result is None else result)


# what is read


def test_steps_keep_the_order_of_their_lines() -> None:
    text = body("x1 = objects(I, T, F, T)", "x2 = first(x1)", "O = paint(I, x2)", "return O")

    assert program("objects I T F T", "first 0", "paint I 1") == only(text)


def test_a_nested_call_becomes_steps_in_the_order_in_which_python_runs_them() -> None:
    text = body("return compose(first, lbind(fill, I))(hconcat(vmirror(I), hmirror(C)))")

    expected = program("lbind fill I", "compose first 0", "vmirror I", "hmirror C", "hconcat 2 3", "1 4")
    assert expected == only(text)


def test_the_value_of_a_step_can_be_called() -> None:
    text = body("x1 = lbind(apply, first)", "x2 = x1(S)", "x3 = x1(x1)", "return x3")

    assert program("lbind apply first", "0 S", "0 0") == only(text)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("def solve(S, I, C):", ("S", "I", "C")),
        ("def solve(I):", ("?", "I", "?")),
        ("def solve(S, I):", ("S", "I", "?")),
        ("def solve(C, I):", ("?", "I", "C")),
        ("def solve(I, S):", ("S", "I", "?")),
    ],
)
def test_parameters_called_like_inputs_are_those_inputs(head: str, expected: tuple[str, ...]) -> None:
    for name, meant in zip(("S", "I", "C"), expected, strict=True):
        candidates, faults = read(body(f"return identity({name})", head=head))

        if meant == "?":
            assert [f"unknown name {name!r}"] == [fault.got for fault in faults]
        else:
            assert [program(f"identity {meant}")] == [candidate.program for candidate in candidates]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("def solve(grid):", "first I"),
        ("def solve(examples, grid):", "first examples|pair S I"),
        ("def solve(a, b, c):", "branch S I C"),
    ],
)
def test_parameters_of_other_names_are_inputs_by_place(head: str, expected: str) -> None:
    names = re.findall(r"\w+", head.partition("(")[2])
    function = {1: "first", 2: "pair", 3: "branch"}[len(names)]

    found = only(body(f"return {function}({', '.join(names)})", head=head))

    assert program(expected.rpartition("|")[2]) == found


def test_every_function_of_a_text_is_a_candidate_of_the_task_its_name_claims() -> None:
    text = '"""All of them."""\nfrom dsl import *\n' + "\n\n".join(
        body("return hmirror(I)", head=f"def {name}(I):") for name in ("solve", "solve_007bbfb7", "solve_a_b", "solve_")
    )

    candidates, faults = read(text)

    assert not faults
    assert [candidate.task for candidate in candidates] == ["", "007bbfb7", "a_b", ""]
    assert [candidate.line for candidate in candidates] == [3, 7, 11, 15]


@pytest.mark.parametrize(
    "lines",
    [
        ['"""Mirrors."""', "x1 = hmirror(I)", "return x1"],
        ["x1 = hmirror(I)  # upside down", "# done", "return x1  # yes"],
        ["x1: Grid = hmirror(I)", "return x1"],
        ["x1: 'Grid | None' = hmirror(I)", "return x1"],
        ["pass", "x1 = hmirror(I)", "'a note'", "...", "import os", "return x1", "pass"],
        ["x1 = \\", "        hmirror(", "            I,", "        )", "return (x1)"],
        ["x1 = hmirror(I); return x1"],
        ["x0 = I", "x1 = hmirror(x0)", "x2 = x1", "return x2"],
        ["I = hmirror(I)", "return I"],
        ["x1 = vmirror(I)", "x1 = hmirror(I)", "return x1"],
    ],
    ids=lambda lines: lines[0],
)
def test_what_means_nothing_is_read_over(lines: list[str]) -> None:
    assert program("hmirror I") == pruned(only(body(*lines)))


def test_annotated_parameters_mean_the_same() -> None:
    head = "def solve(S: Samples, I: 'Grid', C: Grid | None) -> Grid:"

    assert program("hmirror I") == only(body("return hmirror(I)", head=head))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(newline: str) -> None:
    text = "# a comment\n\f\ndef solve(I):\n\tx1 = hmirror(I)\n\n\treturn x1".replace("\n", newline)

    candidates, faults = read(text)

    assert not faults
    assert [(3, program("hmirror I"))] == [(candidate.line, candidate.program) for candidate in candidates]


def test_a_program_may_have_no_step_at_all() -> None:
    assert Program((), "I") == only(body("return I"))
    assert Program((), "I") == only(body("O = I", "return O"))
    assert Program((), "3") == only(body("return 3"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("7", 7),
        ("-1", -1),
        ("True", True),
        ("False", False),
        ("None", None),
        ("()", ()),
        ("(1, 0)", (1, 0)),
        ("(-1, 0)", (-1, 0)),
        ("(5,)", (5,)),
        ("((0, 1), (True, None), ())", ((0, 1), (True, None), ())),
    ],
)
def test_literals_are_kept_as_python_prints_them(text: str, value: object) -> None:
    found = only(body(f"return insert({text}, C)"))

    assert program() != found
    assert (text, "C") == found.steps[0].arguments
    assert is_literal(text)
    assert (type(value), value) == (type(literal_value(text)), literal_value(text))
    assert f"insert({text}, C)" == ast.unparse(ast.parse(f"insert({text}, C)"))


@pytest.mark.parametrize(("text", "kept"), [("0x10", "16"), ("1_0", "10"), ("(1,0,)", "(1, 0)"), ("-0", "-0")])
def test_literals_of_other_spellings_mean_the_same(text: str, kept: str) -> None:
    assert (kept,) == only(body(f"return identity({text})")).steps[0].arguments


def test_no_name_of_the_dsl_is_a_literal() -> None:
    assert [name for name in KNOWN | {"S", "I", "C", "x1", "Truth"} if is_literal(name)] == []


# names as in Python


def test_a_step_may_be_called_like_a_function_of_the_dsl() -> None:
    text = body("size = height(I)", "first = add(size, size)", "return first")

    assert program("height I", "add 0 0") == only(text)


def test_a_name_the_function_assigns_later_is_not_the_dsl_s() -> None:
    candidates, faults = read(body("first = first(I)", "return first"))

    assert not candidates
    assert [fault.got for fault in faults] == ["'first' before its own line"]
    assert [fault.line for fault in faults] == [2]


def test_a_step_named_like_a_parameter_hides_it_from_then_on() -> None:
    text = body("x1 = hmirror(I)", "I = vmirror(x1)", "S = dmirror(I)", "return S")

    assert program("hmirror I", "vmirror 0", "dmirror 1") == only(text)


def test_inputs_are_no_dsl_names_even_if_the_dsl_has_them() -> None:
    candidates, faults = read(body("return hmirror(S)", head="def solve(I):"), frozenset({"hmirror", "S"}))

    assert not candidates
    assert [fault.got for fault in faults] == ["unknown name 'S'"]


def test_names_of_other_functions_and_of_python_are_unknown() -> None:
    text = body("return hmirror(I)", head="def solve_a(I):") + body("return solve_a(len(I))", head="def solve_b(I):")

    candidates, faults = read(text)

    assert [candidate.function for candidate in candidates] == ["solve_a"]
    assert [(fault.line, fault.got) for fault in faults] == [(4, "unknown name 'solve_a'")]


def test_an_unknown_name_is_told_with_the_closest_known_one() -> None:
    _, faults = read(body("return hmiror(I)"))

    assert "some/file.py (line 2): got unknown name 'hmiror'; must be a DSL name or an earlier step; " in str(faults[0])
    assert faults[0].remedy == "did you mean hmirror?"


def test_an_unknown_name_like_no_other_gets_no_suggestion() -> None:
    _, faults = read(body("return qqqqqqqqqqq(I)"))

    assert "--dsl" in faults[0].remedy


def test_a_text_for_another_dsl_is_refused_in_time() -> None:
    text = "".join(body(f"return unknown_name_{n}(I)", head=f"def solve_{n}(I):") for n in range(3000))
    begin = time.process_time()

    candidates, faults = read(text)

    assert (len(candidates), len(faults)) == (0, 3000)
    assert time.process_time() - begin < 5


# what is refused

REFUSED = {
    "x1 = I.size": "I.size",
    "x1 = first(I).mro": "mro",
    "x1 = ().__class__": "__class__",
    "x1 = I[0]": "I[0]",
    "x1 = first(I)[0]": "first(I)[0]",
    "x1 = fill(I, value=0, patch=I)": "a keyword argument",
    "x1 = fill(*I)": "*I",
    "x1 = fill(**I)": "a keyword argument",
    "x1 = lambda x: x": "a lambda",
    "x1 = apply(lambda x: x, I)": "a lambda",
    "x1 = [first(r) for r in I]": "ListComp",
    "x1 = {first(r) for r in I}": "SetComp",
    "x1 = {r: r for r in I}": "DictComp",
    "x1 = combine(r for r in I)": "GeneratorExp",
    "x1 = [0, 1]": "List",
    "x1 = {0, 1}": "Set",
    "x1 = {0: 1}": "Dict",
    "x1 = (first(I), 1)": "Tuple",
    "x1 = (0, 'a')": "Tuple",
    "x1 = 'text'": "'text'",
    "x1 = f'{I}'": "JoinedStr",
    "x1 = b'x'": "b'x'",
    "x1 = 0.5": "0.5",
    "x1 = 1j": "1j",
    "x1 = 10000000000": "10000000000",
    "x1 = -10000000000": "10000000000",
    "x1 = ...": "...",
    "x1 = -True": "-True",
    "x1 = +1": "+1",
    "x1 = --1": "--1",
    "x1 = ~1": "~1",
    "x1 = not I": "not I",
    "x1 = I + I": "I + I",
    "x1 = I == I": "I == I",
    "x1 = I and I": "I and I",
    "x1 = I if T else I": "I if T else I",
    "x1 = (x := first(I))": "x := first(I)",
    "x1 = await first(I)": "await",
    "x1 = yield I": "yield",
    "x1 = S(I)": "a call of S",
    "x1 = 3(I)": "a call of 3",
    "x1 = (1, 0)(I)": "a call of (1, 0)",
    "x1 = None(I)": "a call of None",
    "x1, x2 = first(I), last(I)": "x1, x2",
    "x1 = x2 = first(I)": "x1 = x2",
    "x1 += first(I)": "x1 += first(I)",
    "x1: Grid": "x1: Grid",
    "x1[0] = first(I)": "x1[0] = first(I)",
    "I.x = first(I)": "I.x = first(I)",
    "first(I)": "first(I)",
    "print(I)": "print(I)",
    "del I": "del I",
    "global x1": "global x1",
    "assert I": "assert I",
    "raise I": "raise I",
    "if I: x1 = I": "If",
    "for x1 in I: pass": "For",
    "while I: pass": "While",
    "with I: pass": "With",
    "try: x1 = I\n    except E: pass": "Try",
    "def helper(): pass": "a function",
    "class A: pass": "a class",
    "async def helper(): pass": "AsyncFunctionDef",
    "match I:\n        case _: pass": "Match",
    "return": "a bare return",
}


@pytest.mark.parametrize(("line", "told"), REFUSED.items(), ids=list(REFUSED))
def test_every_other_construct_is_refused_with_file_line_and_rule(line: str, told: str) -> None:
    text = body("return hmirror(I)", head="def solve_before(I):")
    text += body("x0 = hmirror(I)", line, "return I", head="def solve_this(S, I):")
    text += body("return vmirror(I)", head="def solve_after(I):")

    candidates, faults = read(text)

    assert [candidate.function for candidate in candidates] == ["solve_before", "solve_after"]
    assert len(faults) == 1
    assert faults[0].where == "some/file.py"
    assert faults[0].line == 5
    assert told in faults[0].got
    assert faults[0].rule
    assert faults[0].remedy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 5\n", "x = 5"),
        ("solve(1)\n", "solve(1)"),
        ("print(1)\n", "print(1)"),
        ("class A:\n    pass\n", "a class"),
        ("async def solve(I):\n    return I\n", "AsyncFunctionDef"),
        ("solve = lambda I: I\n", "solve = lambda I: I"),
        ("if True:\n    def solve(I):\n        return I\n", "If"),
        ("def helper(I):\n    return I\n", "function 'helper'"),
        ("def solver(I):\n    return I\n", "function 'solver'"),
        ("@cache\ndef solve(I):\n    return I\n", "a decorator"),
        ("def solve(I=1):\n    return I\n", "special parameters"),
        ("def solve(*I):\n    return I\n", "special parameters"),
        ("def solve(**I):\n    return I\n", "special parameters"),
        ("def solve(*, I):\n    return I\n", "special parameters"),
        ("def solve(I, /):\n    return I\n", "special parameters"),
        ("def solve(I, I):\n    return I\n", "a parameter twice"),
        ("def solve():\n    return ZERO\n", "0 parameters"),
        ("def solve(a, b, c, d):\n    return a\n", "4 parameters"),
        ("def solve(I):\n    x = hmirror(I)\n", "no return"),
        ("def solve(I):\n    pass\n", "no return"),
        ("def solve(I):\n    return I\n    x1 = hmirror(I)\n", "x1 = hmirror(I)"),
        ("def solve(I):\n    return I\n    return I\n", "return I"),
        (f"def solve_{'x' * MAX_NAME_CHARACTERS}(I):\n    return I\n", "function 'solve_xxx"),
        ("", "no function"),
        ("from dsl import *\n", "no function"),
        ("def solve(I):\n  return I\n return I\n", "unindent"),
        ("def solve(I:\n", "'('"),
        ("return I\n", "return I"),
        ("\x00", "null bytes"),
        ("def solve(I):\n    return '\ud800'\n", "surrogates"),
        ("x = 1" + "0" * 5000, "integer"),
        ("def solve(I):\n    return " + "(" * 300 + ")" * 300, "parentheses"),
    ],
)
def test_every_other_text_is_refused(text: str, told: str) -> None:
    candidates, faults = read(text)

    assert not candidates
    assert [told in fault.got for fault in faults] == [True], faults


def test_a_function_defined_twice_is_refused_the_second_time() -> None:
    candidates, faults = read(body("return hmirror(I)") + body("return vmirror(I)"))

    assert [program("hmirror I")] == [candidate.program for candidate in candidates]
    assert [(one.got, one.line, one.rule) for one in faults] == [("function 'solve' again", 3, "line 1 has it")]


def test_a_good_function_after_a_refused_one_of_its_name_is_read() -> None:
    candidates, faults = read(body("return I[0]") + body("return vmirror(I)"))

    assert [program("vmirror I")] == [candidate.program for candidate in candidates]
    assert len(faults) == 1


def test_faults_show_no_more_than_the_start_of_a_long_line() -> None:
    _, faults = read(body(f"x1 = [{'first, ' * 10_000}]", "return I"))

    assert len(str(faults[0])) < 500


def test_warnings_of_python_about_a_text_are_nobody_s_concern() -> None:
    assert program("hmirror I") == only(body('"a \\d"', "return hmirror(I)"))  # warnings are errors in tests


# bounds


def test_the_number_of_steps_is_bounded() -> None:
    lines = [f"x{n} = identity(I)" for n in range(MAX_STEPS + 1)]

    exact, _ = read(body(*lines[:-1], "return I"))
    more, faults = read(body(*lines, "return I"))

    assert len(exact[0].program.steps) == MAX_STEPS
    assert not more
    assert [(f"more than {MAX_STEPS} calls", MAX_STEPS + 2)] == [(fault.got, fault.line) for fault in faults]


def test_a_literal_is_bounded() -> None:
    candidates, faults = read(body(f"return identity(({'7, ' * 1000}))"))

    assert not candidates
    assert [fault.got for fault in faults] == ["a literal of 3000 characters"]


def test_a_chain_of_calls_deeper_than_python_can_go_is_a_fault() -> None:
    candidates, faults = read(body(f"return first{'(I)' * 900}") + body("return I", head="def solve_good(I):"))

    assert {"solve_good"} <= {candidate.function for candidate in candidates}
    assert len(candidates) + len(faults) == 2

    candidates, faults = read(body(f"return first{'(I)' * 100_000}"))

    assert not candidates
    assert len(faults) == 1


def test_a_large_text_is_read_in_linear_time() -> None:
    def seconds(count: int) -> float:
        text = "".join(
            body("x1 = hmirror(I)", "x2 = vmirror(x1)", "return hconcat(x1, x2)", head=f"def solve_{n:08x}(I):")
            for n in range(count)
        )
        begin = time.process_time()
        candidates, faults = read(text)
        assert (count, 0) == (len(candidates), len(faults))
        return time.process_time() - begin

    seconds(10)
    small, large = seconds(400), seconds(4000)

    assert large < 40 * small


# programs as values


def random_program(rng: random.Random, size: int) -> Program:
    steps = []
    for index in range(size):
        refs = [rng.choice([*range(index), "I", "S", "ONE", "-1", "(1, 0)"]) for _ in range(rng.randint(0, 3))]
        callable_steps = [*range(index)] if rng.random() < 0.1 else []
        steps.append(Step(rng.choice([*callable_steps, "f", "g", "h"]), tuple(refs)))
    return Program(tuple(steps), rng.choice([*range(size), "I"]))


def text_of(one: Program) -> str:
    def name(ref: int | str) -> str:
        return f"x{ref}" if isinstance(ref, int) else ref

    lines = [
        f"x{index} = {name(step.function)}({', '.join(map(name, step.arguments))})"
        for index, step in enumerate(one.steps)
    ]
    return body(*lines, f"return {name(one.result)}")


def needed_naively(one: Program) -> set[int]:
    wanted: set[int] = set()
    waiting = [one.result]
    while waiting:
        ref = waiting.pop()
        if isinstance(ref, int) and ref not in wanted:
            wanted.add(ref)
            waiting += [one.steps[ref].function, *one.steps[ref].arguments]
    return wanted


@pytest.mark.parametrize("seed", range(40))
def test_a_program_survives_its_text_and_its_json(seed: int) -> None:
    one = random_program(random.Random(seed), seed)

    assert one == only(text_of(one), frozenset({"f", "g", "h", "ONE"}))
    assert one == program_from_json(json.loads(json.dumps(program_to_json(one))))


@pytest.mark.parametrize("seed", range(40))
def test_pruning_leaves_the_steps_that_are_needed_and_their_meaning(seed: int) -> None:
    one = random_program(random.Random(seed), 30)
    needed = sorted(needed_naively(one))
    place = {old: new for new, old in enumerate(needed)}

    def moved(ref: int | str) -> int | str:
        return place[ref] if isinstance(ref, int) else ref

    short = pruned(one)

    assert needed == needed_steps(one.steps, [one.result])
    expected = [(moved(one.steps[n].function), tuple(map(moved, one.steps[n].arguments))) for n in needed]
    assert expected == [tuple(step) for step in short.steps]
    assert moved(one.result) == short.result
    assert short == pruned(short)

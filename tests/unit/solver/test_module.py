"""Batt modules are read as data: both files, every form of step and mark, and nothing else."""

import hashlib
import json
import random
import re

import pytest

import batt.dsl
from batt.errors import Fault
from batt.generator.modules import generate_module, starter_solvers
from batt.solver.module import (
    MAX_MARKED_STEPS,
    CandidateMark,
    DifferMark,
    Module,
    body_md5,
    is_module,
    module_body,
    module_from_json,
    module_to_json,
    parse_module,
    solver_program,
)
from batt.solver.program import Program, Step

KNOWN = frozenset(batt.dsl.__all__) | {"second", "p_g", "identity"}
USUAL = "(TypeError, AttributeError, ValueError)"
USUAL_NAMES = ("TypeError", "AttributeError", "ValueError")


def guarded(name: str, call: str, exceptions: str = USUAL, default: str | None = None) -> list[str]:
    function = default or call.partition("(")[0]
    return ["try:", f"    {name} = {call}", f"except {exceptions}:", f"    {name} = _get_safe_default({function})"]


def module_text(*parts: str | list[str]) -> str:
    """Return NAME.py with the given lines between the lists and the return."""
    lines = [line for part in parts for line in ([part] if isinstance(part, str) else part)]
    body = ["s = []", "o = []", *lines, "return o, s"]
    return "from dsl import *\n\ndef batt(task_id, S, I, C, log_path):\n" + "".join(f"    {line}\n" for line in body)


def parse(text: str, call_text: str | None = None) -> tuple[Module | None, list[Fault]]:
    return parse_module("m.py", text, call_text, KNOWN)


def read(text: str, call_text: str | None = None) -> Module:
    module, faults = parse(text, call_text)
    assert not faults
    assert module is not None
    return module


def refused(text: str, call_text: str | None = None) -> tuple[Module, list[str]]:
    """Return the module and the faults as `line: got`."""
    module, faults = parse(text, call_text)
    assert module is not None
    return module, [f"{fault.line}: {fault.got}" for fault in faults]


# what makes a module


@pytest.mark.parametrize("head", ["def batt(", "def  batt (", "def\tbatt\t("])
@pytest.mark.parametrize("before", ["", "x = 1\n", "x = 1\r\n", "x = 1\r"])
def test_a_text_that_defines_batt_is_a_module(before: str, head: str) -> None:
    assert is_module(f"{before}{head}task_id, S, I, C, log_path):\n    return [], []\n")


@pytest.mark.parametrize(
    "text", ["", "def solve(I):\n    return I\n", "# def batt(\n", "class A:\n    def batt(self): 1\n"]
)
def test_other_texts_are_none(text: str) -> None:
    assert not is_module(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def batt(:\n", "invalid syntax"),
        ("\nx = '''\ndef batt(\n'''\n", "0 functions batt"),
        ("def batt(S):\n    pass\ndef batt(S):\n    pass\n", "2 functions batt"),
        ("async def batt(S):\n    pass\n", "0 functions batt"),
    ],
)
def test_a_text_without_one_batt_function_is_refused_whole(text: str, told: str) -> None:
    module, faults = parse(text)

    assert module is None
    assert [told in fault.got for fault in faults] == [True]


# steps


def test_guarded_steps_know_their_numbers_and_exceptions() -> None:
    text = module_text(
        guarded("t1", "objects(I, T, F, T)"),
        guarded("t12", "first(t1)", "ValueError"),
        "t13 = paint(I, t12)",
        "o.append((13, False, 'aaaaaaaa', t13))",
    )

    module = read(text)

    steps = (Step("objects", ("I", "T", "F", "T")), Step("first", (0,)), Step("paint", ("I", 1)))
    assert module.steps == steps
    assert module.numbers == (1, 12, 13)
    assert module.guards == (USUAL_NAMES, ("ValueError",), ())
    assert module.candidates == (CandidateMark(2, 13, False, "aaaaaaaa"),)
    assert module.differs == ()


def test_marks_keep_their_order_and_fields() -> None:
    text = module_text(
        "t1 = identity(I)",
        "s.append((1, 'None', 'differ_0123', t1))",
        "o.append((1, True, 'a', t1))",
        "o.append((1, False, 'b', t1))",
        "s.append((1, 'a', 'differ_0123', t1))",
    )

    module = read(text)

    assert module.candidates == (CandidateMark(0, 1, True, "a"), CandidateMark(0, 1, False, "b"))
    assert module.differs == (DifferMark(0, 1, "None", "differ_0123"), DifferMark(0, 1, "a", "differ_0123"))


def test_values_of_steps_are_called_and_given() -> None:
    module = read(module_text("t1 = lbind(apply, first)", guarded("t2", "t1(t1)"), guarded("t3", "t1(S)")))

    assert module.steps == (Step("lbind", ("apply", "first")), Step(0, (0,)), Step(0, ("S",)))


def test_comments_between_steps_mean_nothing() -> None:
    text = module_text(
        "# Pre-mutate: t1 = vmirror(I)",
        guarded("t1", "hmirror(I)"),
        "    # Pre-mutate: t2 = f(t1), [g(t1)]",
        "t2 = vmirror(t1)  # unguarded",
        '"""A text."""',
        "pass",
    )

    assert read(text).steps == (Step("hmirror", ("I",)), Step("vmirror", (0,)))


def test_constants_of_several_names_stay_different_names() -> None:
    names = ("ZERO", "F", "0", "(1, 0)")

    module = read(module_text([f"t{n} = fill(I, {name}, I)" for n, name in enumerate(names, 1)]))

    assert [step.arguments[1] for step in module.steps] == list(names)


def test_a_nested_call_is_a_step_without_number_guarded_like_its_own() -> None:
    module = read(module_text(guarded("t5", "hconcat(vmirror(I), hmirror(I))"), "t6 = first(last(t5))"))

    assert [step.function for step in module.steps] == ["vmirror", "hmirror", "hconcat", "last", "first"]
    assert module.numbers == (0, 0, 5, 0, 6)
    assert module.guards == (USUAL_NAMES, USUAL_NAMES, USUAL_NAMES, (), ())


def test_blocks_at_module_level_are_not_looked_at() -> None:
    gpu = """\
import os
try:
    import cupy as cp
    GPU = [d for d in range(cp.cuda.runtime.getDeviceCount())]
except Exception as e:
    GPU = None
class Optimizer(object):
    def run(self): return exec('x')
def batch_process_samples_gpu(S):
    return [g for g in S][0], eval('1'), None, None
if __name__ == '__main__':
    batt(1, 2, 3, 4, 5)
"""

    module = read(gpu + module_text("t1 = hmirror(I)") + gpu)

    assert module.steps == (Step("hmirror", ("I",)),)


def test_a_batch_line_stands_for_the_four_calls_of_the_call_file() -> None:
    calls = "t_call = {1: 'apply(first, S)', 2: 'apply(last, S)', 3: 'mapply, palette, t1', 4: 'mapply(palette, t2)'}"

    module = read(module_text("t1, t2, t3, t4 = batch_process_samples_gpu(S)", "t5 = dedupe(t3)"), calls)

    assert module.steps == (
        Step("apply", ("first", "S")),
        Step("apply", ("last", "S")),
        Step("mapply", ("palette", 0)),
        Step("mapply", ("palette", 1)),
        Step("dedupe", (2,)),
    )
    assert module.numbers == (1, 2, 3, 4, 5)


def test_a_batch_line_without_call_file_stands_for_the_usual_calls() -> None:
    module = read(module_text("t7, t8, t9, t10 = batch_process_samples_gpu(S)"))

    assert [str(step.function) for step in module.steps] == ["apply", "apply", "mapply", "mapply"]
    assert [step.arguments for step in module.steps] == [("first", "S"), ("second", "S"), ("p_g", 0), ("p_g", 1)]
    assert module.numbers == (7, 8, 9, 10)


@pytest.mark.parametrize(
    "entry",
    [
        "'hconcat, vmirror(I), I'",
        "'hconcat(vmirror(I), I)'",
        "'  hconcat , vmirror( I ),I  '",
        "HintValue(hint=('Grid', 'Grid'), value=('hconcat', 'vmirror(I)', 'I'))",
        "HintValue(value=('hconcat(vmirror(I), I)',), hint=())",
    ],
)
def test_the_call_file_may_write_a_call_in_every_known_form(entry: str) -> None:
    module = read(module_text("t1 = hconcat(vmirror(I), I)"), f"from x import y\nt_call = {{1: {entry}, 2: 'f, I'}}\n")

    assert module.steps == (Step("vmirror", ("I",)), Step("hconcat", (0, "I")))


# refusals


def test_a_refused_step_takes_what_needs_it_and_the_rest_stays() -> None:
    text = module_text(
        guarded("t1", "open(I)"),  # lines 6 to 9
        "t2 = first(t1)",
        "t3 = hmirror(I)",
        "t4 = hconcat(t3, last(t2))",
        "o.append((4, False, 'a', t4))",
        "o.append((3, False, 'b', t3))",
        "s.append((1, 'None', 'd', t1))",
    )

    module, faults = refused(text)

    assert [step for number, step in zip(module.numbers, module.steps, strict=True) if number] == [
        Step("hmirror", ("I",))
    ]
    assert [mark.solver_id for mark in module.candidates] == ["b"]
    assert module.differs == ()
    assert faults == [
        "7: unknown name 'open'",
        "10: a use of t1",
        "12: a use of t2",
        "13: a use of t4",
        "15: a use of t1",
    ]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["t1 = I[0]"], "Subscript"),
        (["t1 = first(x=I)"], "a keyword argument"),
        (["t1 = [r for r in I]"], "ListComp"),
        (["x1 = first(I)"], "x1"),
        (["t0 = first(I)"], "t0"),
        (["t01 = first(I)"], "t01"),
        (["t٣ = first(I)"], "t٣"),
        (["t1 = t2 = first(I)"], "t1"),
        (["t1 += first(I)"], "AugAssign"),
        (["t1, t2 = first(I), last(I)"], "(t1, t2)"),
        (["t1, t2, t3 = batch_process_samples_gpu(S)"], "(t1, t2, t3)"),
        (["t1, t2, t3, x = batch_process_samples_gpu(S)"], "(t1, t2, t3, x)"),
        (["if I:", "    t1 = first(I)"], "If"),
        (["print(I)"], "print(I)"),
        (["log(t1)"], "log(t1)"),
        (["eval('1')"], "eval"),
        (["o.append(1)"], "o.append(1)"),
        (["o.append((1, False, 'a'))"], "o.append"),
        (["o.append((1, 'a', 'b', I))"], "o.append"),
        (["s.append((1, False, 'b', I))"], "s.append"),
        (["x.append((1, False, 'b', I))"], "x.append"),
        (["o.extend((1, False, 'b', I))"], "o.extend"),
        (["o.append((1, False, 'a', I[0]))"], "Subscript"),
        (["try:", "    t1 = first(I)", "except:", "    t1 = _get_safe_default(first)"], "except clause"),
        (guarded("t1", "first(I)", "OSError"), "except clause"),
        (guarded("t1", "first(I)", "(TypeError, os.error)"), "except clause"),
        (guarded("t1", "first(I)", default="last"), "t1 = _get_safe_default(last)"),
        (["try:", "    t1 = first(I)", "except TypeError:", "    t1 = ()"], "t1 = ()"),
        (["try:", "    t1 = first(I)", "except TypeError:", "    pass"], "Pass"),
        (["try:", "    t1 = first(I)", "except TypeError:", "    t2 = _get_safe_default(first)"], "t2 ="),
        (["try:", "    t1 = I", "except TypeError:", "    t1 = _get_safe_default(I)"], "t1 = _get_safe_default(I)"),
        (["try:", "    t1 = first(I)", "    t2 = I", *guarded("t1", "first(I)")[2:]], "a try of another form"),
        ([*guarded("t1", "first(I)"), "else:", "    t2 = I"], "a try of another form"),
        ([*guarded("t1", "first(I)"), "finally:", "    t2 = I"], "a try of another form"),
        ([f"t1 = first(0x{'f' * 5000})"], "Call"),
        ([f"t1 = first{'(I)' * 900}", "t1 = I[0]"], ""),
    ],
)
def test_a_statement_of_another_form_is_refused_and_the_rest_goes_on(lines: list[str], told: str) -> None:
    text = module_text("t90 = hmirror(I)", lines, "t91 = vmirror(t90)", "o.append((91, False, 'a', t91))")

    module, faults = refused(text, "t_call = {1: 'first, I'}" if "0x" in lines[0] else None)

    assert faults
    assert told in faults[-1] or "ValueError" in faults[-1]
    assert all(6 < int(fault.partition(":")[0]) <= 6 + len(lines) for fault in faults)
    assert solver_program(module, module.candidates[-1].node).steps == (Step("hmirror", ("I",)), Step("vmirror", (0,)))


def test_a_step_number_used_twice_is_refused_with_all_that_need_it_later() -> None:
    text = module_text("t1 = hmirror(I)", "t2 = first(t1)", "t1 = vmirror(I)", "t3 = last(t1)", "t4 = last(t2)")

    module, faults = refused(text)

    assert module.numbers == (1, 2, 4)
    assert faults == ["8: t1 again", "9: a use of t1"]


def test_a_step_on_which_the_files_disagree_is_refused() -> None:
    text = module_text("t1 = hmirror(I)", "t2 = first(t1)", "t3 = vmirror(I)")

    module, faults = refused(text, "t_call = {1: 'vmirror, I', 2: 'first(t1)', 3: 'vmirror, I'}")

    assert module.numbers == (3,)
    assert faults == ["6: t1 = hmirror(I), but vmirror(I) in _call.py", "7: a use of t1"]


@pytest.mark.parametrize(
    ("call_text", "told"),
    [
        ("t_call = {", "m.py (its _call.py) (line 1): got \"'{' was never closed\""),
        ("x = 1", "no t_call"),
        ("t_call = [1]", "no t_call"),
        ("t_call = dict(a=1)", "no t_call"),
        ("t_call = {1: 5}", "Constant '5'"),
        ("t_call = {1: HintValue(1, 2)}", "HintValue(1, 2)"),
        ("t_call = {1: HintValue(value='f')}", "HintValue"),
        ("t_call = {1: HintValue(value=('f', 5))}", "Constant '5'"),
        ("t_call = {'1': 'f, I'}", "a key that is no step number"),
        ("t_call = {True: 'f, I'}", "a key that is no step number"),
        ("t_call = {**x}", "a key that is no step number"),
        ("t_call = {1: 'f(, I'}", "'f(, I'"),
        ("t_call = {1: ''}", "''"),
        ("t_call = {1: 'a)+(b'}", "'a)+(b'"),
        ("t_call = {1: 'a) if (b'}", "'a) if (b'"),
        ("t_call = {1: 'x for x in I'}", "'x for x in I'"),
        (f"t_call = {{1: '{'(' * 300}'}}", "'((("),
        (f"t_call = {{1: '{'-' * 100_000}1'}}", "'---"),
        ("t_call = {1: 'a\\x00'}", "'a\\x00'"),
    ],
)
def test_what_is_wrong_in_the_call_file_is_told_and_the_module_stands_alone(call_text: str, told: str) -> None:
    module, faults = parse(module_text("t1 = hmirror(I)"), call_text)

    assert module is not None
    assert module.numbers == (1,)
    assert [told in str(fault) for fault in faults] == [True], faults
    assert [fault.where for fault in faults] == ["m.py (its _call.py)"]


@pytest.mark.parametrize("written", ["a), (b", "*I", "x := I", "f, *I", "lambda: I", "f, 'a'", "f, (I, [0])"])
def test_a_batch_call_that_is_no_call_of_names_is_refused(written: str) -> None:
    text = module_text("t1, t2, t3, t4 = batch_process_samples_gpu(S)", "t5 = hmirror(I)")

    module, faults = refused(text, f"t_call = {{1: {written!r}}}")

    assert 5 in module.numbers
    assert 1 not in module.numbers
    assert [fault.partition(":")[0] for fault in faults] == ["6"]


def test_a_module_of_too_many_marks_for_its_steps_is_refused() -> None:
    steps = [f"t{n} = identity(I)" for n in range(1, 10_002)]
    marks = ["o.append((1, False, 'a', t1))"] * (MAX_MARKED_STEPS // 10_000)

    module, faults = parse(module_text(steps, marks))

    assert module is None
    assert ["steps times marks" in fault.got for fault in faults] == [True]


# the texts, byte for byte

EXAMPLE = module_text(
    guarded("t2", "objects(I, T, F, T)"),
    guarded("t3", "lbind(fill, I)"),
    "t10 = colorfilter(t2, FIVE)",
    guarded("t4", "apply(first, S)"),
    guarded("t11", "t3(ZERO, merge(t10))"),
    guarded("t12", "shift(t10, (-1, 0))"),
    "t13 = t11",
    "o.append((11, False, 'aaaaaaaa', t11))",
    "o.append((12, True, 'bbbbbbbb', t12))",
    "o.append((3, True, 'cccccccc', I))",
    "o.append((13, True, 'dddddddd', t13))",
)


def test_a_body_holds_the_needed_steps_in_ascending_order() -> None:
    module = read(EXAMPLE)

    body = module_body(module, module.candidates[0].node)

    assert body == (
        "    t2 = objects(I, T, F, T)\n"
        "    t3 = lbind(fill, I)\n"
        "    t10 = colorfilter(t2, FIVE)\n"
        "    t11 = t3(ZERO, merge(t10))\n"
        "    return t11\n"
    )
    assert body_md5(module, module.candidates[0].node) == hashlib.md5(body.encode()).hexdigest()


def test_other_bodies_of_the_example() -> None:
    module = read(EXAMPLE)

    assert module_body(module, module.candidates[1].node) == (
        "    t2 = objects(I, T, F, T)\n    t10 = colorfilter(t2, FIVE)\n    t12 = shift(t10, (-1, 0))\n    return t12\n"
    )
    assert module_body(module, module.candidates[2].node) == "    return I\n"
    assert module_body(module, module.candidates[3].node) == module_body(module, module.candidates[0].node)


def test_a_body_follows_step_numbers_even_where_the_lines_do_not() -> None:
    module = read(
        module_text("t9 = hmirror(I)", "t1 = vmirror(I)", "t5 = hconcat(t9, t1)", "o.append((5, True, 'a', t5))")
    )

    assert (
        module_body(module, 2) == "    t1 = vmirror(I)\n    t5 = hconcat(t9, t1)\n    t9 = hmirror(I)\n    return t5\n"
    )


def test_the_program_of_a_mark_holds_its_own_steps_only() -> None:
    module = read(EXAMPLE)

    found = solver_program(module, module.candidates[0].node)

    assert found == Program(
        (
            Step("objects", ("I", "T", "F", "T")),
            Step("lbind", ("fill", "I")),
            Step("colorfilter", (0, "FIVE")),
            Step("merge", (2,)),
            Step(1, ("ZERO", 3)),
        ),
        4,
    )
    assert solver_program(module, module.candidates[2].node) == Program((), "I")


# generated modules


@pytest.mark.parametrize("seed", range(3))
def test_generated_modules_are_read_whole(seed: int) -> None:
    text, call_text = generate_module(starter_solvers("007bbfb7"), seed)

    module = read(text, call_text)

    assert len(module.candidates) == text.count("o.append(")
    assert len(module.differs) == text.count("s.append(")
    assert module == module_from_json(json.loads(json.dumps(module_to_json(module))))
    for mark in module.candidates:
        lines = module_body(module, mark.node).splitlines()
        numbers = [int(line.split()[0][1:]) for line in lines[:-1]]
        assert numbers == sorted(numbers)
        assert lines[-1] == f"    return t{mark.number}"
        assert {line[4:] for line in lines[:-1]} <= {line.strip() for line in text.splitlines()} | batch_steps(
            call_text
        )


def batch_steps(call_text: str) -> set[str]:
    """Return the steps that stand in the call file only, as lines: those written as whole calls."""
    return {f"t{n} = {call}" for n, call in re.findall(r"(\d+): '(\w+\([^']*\))'", call_text)}


@pytest.mark.parametrize("seed", range(150))
def test_damaged_modules_are_refused_in_part_or_whole_never_raised_about(seed: int) -> None:
    rng = random.Random(seed)
    texts = list(generate_module(starter_solvers("007bbfb7")[:4], seed % 3, steps=250, candidates=2, differs=3))
    for _ in range(rng.randint(1, 6)):
        which = rng.randrange(2)
        at = rng.randrange(len(texts[which]))
        piece = rng.choice(
            ["", "(", ")", "'", ",", "\n", " ", "t1", "[0]", "=", ".", "*", "0x", "\\", "é", "#", "lambda:"]
        )
        texts[which] = texts[which][:at] + piece + texts[which][at + rng.randrange(3) :]

    module, faults = parse(*texts)

    assert module is not None or faults
    if module is not None:
        for node in [mark.node for mark in module.candidates] + [mark.node for mark in module.differs]:
            assert module_body(module, node).endswith("\n")

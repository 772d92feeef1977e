"""Solver programs as data: their text is parsed with `ast`, checked, and never executed as text.

A program is a straight line of calls: DSL functions (or the values of earlier steps) applied to DSL names, the three
inputs S, I, C, literals (whole numbers, booleans, None, tuples of these), and earlier steps. Annotations, comments,
docstrings and `pass` mean nothing. Whatever else a text holds is refused with its line and the reason.

    def solve(S, I, C):            steps = (("objects", ("I", "T", "F", "T")),
        x1 = objects(I, T, F, T)            ("first", (0,)))
        return first(x1)           result = 1
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from batt.errors import Fault, shown

INPUTS = ("S", "I", "C")
"""The names a program may read: demo pairs, the input at hand, a candidate output or None (reference: solver files)."""

MAX_STEPS = 20_000
"""Most calls one text may hold; the largest generated modules seen have a few thousand."""

MAX_INTEGER = 10**9
"""Largest literal magnitude accepted: colours, sizes and offsets need far less, and huge ones only burn memory."""

MAX_LITERAL_CHARACTERS = 1000
"""Longest literal: tuples of offsets and colours are far shorter; grids belong into tasks."""

MAX_NAME_CHARACTERS = 200
"""Longest name of a function: it names the candidate in results and on screens."""

MAX_SUGGESTIONS = 20
"""Unknown names of one text that are compared with all known ones: a text for another DSL has thousands of them."""

UNKNOWN_REMEDY = "check the spelling, or give the DSL that has it with --dsl"
"""What to do about an unknown name that is like no other."""

SINGLETONS = {"True": True, "False": False, "None": None}
"""Literals that are words."""

Ref = int | str
"""What a call uses: an earlier step's index, a name (S, I, C, a DSL name), or a literal as `ast.unparse` prints it."""

Literal = int | bool | tuple[object, ...] | None
"""The value of a literal; tuples hold literals."""


class Step(NamedTuple):
    """One call. `function` and `arguments` refer to earlier steps (int) or to names and literals (str)."""

    function: Ref
    arguments: tuple[Ref, ...]


class Program(NamedTuple):
    """Steps in the order in which they run, and what the program returns."""

    steps: tuple[Step, ...]
    result: Ref


class Candidate(NamedTuple):
    """A program found in a text: its function's name, its line, and the task its name claims ("" for none)."""

    function: str
    line: int
    task: str
    program: Program


class RefusedError(Exception):
    """A construct that is not a call of known names; carries line, what stood there, the rule and the remedy."""

    def __init__(self, node: ast.AST | int, got: str, rule: str, remedy: str) -> None:
        self.line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        self.got, self.rule, self.remedy = got, rule, remedy
        super().__init__(got)

    def fault(self, where: str) -> Fault:
        """Return this refusal as a Fault at `where` (the source's name)."""
        return Fault(where, self.got, self.rule, self.remedy, self.line)


class KnownNames:
    """A DSL's public names, and the ones that unknown names of one text look like."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names
        self.suggestions: dict[str, str] = {}

    def suggestion(self, name: str) -> str:
        """Return a remedy for an unknown name: the closest known one, if any is close."""
        if name not in self.suggestions and len(self.suggestions) < MAX_SUGGESTIONS:
            close = difflib.get_close_matches(name[:MAX_NAME_CHARACTERS], sorted(self.names), n=1)
            self.suggestions[name] = f"did you mean {close[0]}?" if close else UNKNOWN_REMEDY
        return self.suggestions.get(name, UNKNOWN_REMEDY)


def is_literal(name: str) -> bool:
    """Tell whether a Ref's text is a literal rather than a name."""
    return name[0] in "-(0123456789" or name in SINGLETONS


def literal_value(name: str) -> Literal:
    """Return the value of a literal's text."""
    value: Literal = ast.literal_eval(name)
    return value


def parse_text(where: str, text: str) -> ast.Module | Fault:
    """Parse Python text into its tree, or say why it is none; hostile nesting is a Fault, never a crash of ours.

    The parser itself may still be brought down by hostile text: callers run this in a child process (batt.engine).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in docstrings: nobody runs this text
            return ast.parse(text)
    except SyntaxError as error:
        return Fault(where, shown(error.msg), "must be Python text", "fix the line or remove the file", error.lineno)
    except (ValueError, RecursionError, MemoryError) as error:
        got = f"{type(error).__name__}: {error}"
        return Fault(where, shown(got), "must be Python text of ordinary depth and size", "nest less, or split it")


def parse_solvers(where: str, text: str, known: Collection[str]) -> tuple[list[Candidate], list[Fault]]:
    """Return the solver programs of a text and a Fault for everything in it that is not one.

    Args:
        where: name of the source, for messages.
        text: a Python file with one or many functions `solve(S, I, C)`, `solve_<task>(I)` or alike.
        known: the DSL's public names.
    """
    tree = parse_text(where, text)
    if isinstance(tree, Fault):
        return [], [tree]
    names = KnownNames(known)
    candidates: dict[str, Candidate] = {}
    faults: list[Fault] = []
    for node in tree.body:
        if is_harmless(node):
            continue
        try:
            candidate = read_solver(node, names)
            if candidate.function in candidates:
                rule = f"line {candidates[candidate.function].line} has it"
                raise RefusedError(node, f"function {candidate.function!r} again", rule, "rename it")
            candidates[candidate.function] = candidate
        except RefusedError as refused:
            faults.append(refused.fault(where))
        except RecursionError as error:
            faults.append(unreadable(node, error).fault(where))
    if not candidates and not faults:
        faults.append(Fault(where, "no function", "must define solve(S, I, C) or solve_<task>(I)", "add one", 1))
    return list(candidates.values()), faults


def unreadable(node: ast.stmt, error: Exception) -> RefusedError:
    """Return the refusal of a statement that is nested too deeply, or holds a number too long, for Python itself."""
    return RefusedError(node, f"calls that raise {type(error).__name__}", "must nest less", "use more steps")


def is_harmless(node: ast.stmt) -> bool:
    """Tell whether a statement means nothing for a program: an import (never executed), a docstring, `...`, `pass`."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def read_solver(node: ast.stmt, known: KnownNames) -> Candidate:
    """Return the program of one top-level function.

    Raises:
        RefusedError: the statement is no solver, or holds more than calls of known names.
    """
    if not isinstance(node, ast.FunctionDef):
        raise RefusedError(node, describe(node), "only solver functions and imports may stand here", "remove it")
    if (node.name != "solve" and not node.name.startswith("solve_")) or len(node.name) > MAX_NAME_CHARACTERS:
        rule = "must be named solve or solve_<task>"
        raise RefusedError(node, f"function {shown(node.name)}", rule, "rename or remove it")
    if node.decorator_list:
        raise RefusedError(node, "a decorator", "functions must be plain", "remove it")
    assigned = {target.id for statement in node.body if (target := assigned_name(statement)) is not None}
    reader = CallReader(known, input_names(node), assigned)
    result: Ref | None = None
    for statement in node.body:
        if is_harmless(statement):
            continue
        if result is not None:
            raise RefusedError(statement, describe(statement), "nothing may follow the return", "remove it")
        if isinstance(statement, ast.Return):
            result = reader.read_return(statement)
        else:
            reader.read_assignment(statement)
    if result is None:
        raise RefusedError(node, "no return", "must end with `return <step>`", "add it")
    task = node.name[len("solve_") :] if node.name.startswith("solve_") else ""
    return Candidate(node.name, node.lineno, task, Program(tuple(reader.steps), result))


def assigned_name(node: ast.stmt) -> ast.Name | None:
    """Return the target of `name = ...` or `name: Type = ...`; None if a statement is neither."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return targets[0] if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def input_names(node: ast.FunctionDef) -> dict[str, str]:
    """Return which input each parameter stands for: by name if all are of S, I, C, else by place.

    Places are those in which collections call their solvers: f(I), f(S, I), f(S, I, C).
    """
    spec = node.args
    if spec.vararg or spec.kwarg or spec.kwonlyargs or spec.defaults or spec.posonlyargs:
        raise RefusedError(node, "special parameters", "parameters must be plain names", "use (I), (S, I) or (S, I, C)")
    names = [argument.arg for argument in spec.args]
    if len(set(names)) < len(names):
        raise RefusedError(node, "a parameter twice", "parameters must differ", "use (I), (S, I) or (S, I, C)")
    if names and set(names) <= set(INPUTS):
        return {name: name for name in names}
    places: dict[int, Sequence[str]] = {1: ("I",), 2: ("S", "I"), 3: INPUTS}
    if len(names) not in places:
        raise RefusedError(node, f"{len(names)} parameters", "must take (I), (S, I) or (S, I, C)", "change them")
    return dict(zip(names, places[len(names)], strict=True))


class CallReader:
    """Reads the statements of one function into flat steps, in the order in which Python would run them.

    assigned: names the function assigns anywhere. Python takes them for its own even where the DSL has them, too.
    """

    def __init__(self, known: KnownNames, inputs: dict[str, str], assigned: Collection[str] = ()) -> None:
        self.known = known
        self.assigned = assigned
        self.variables: dict[str, Ref] = dict(inputs)
        self.steps: list[Step] = []

    def read_assignment(self, node: ast.stmt) -> None:
        """Take `name = call`."""
        target = assigned_name(node)
        if target is None or not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            raise RefusedError(node, describe(node), "every line must be `name = call`", "rewrite or remove it")
        self.variables[target.id] = self.read(node.value)

    def read_return(self, node: ast.Return) -> Ref:
        """Return what `return expression` refers to."""
        if node.value is None:
            raise RefusedError(node, "a bare return", "must return a step", "name the step")
        return self.read(node.value)

    def read(self, node: ast.expr) -> Ref:
        """Return a reference to an expression's value, adding the steps it needs."""
        if isinstance(node, ast.Call):
            return self.read_call(node)
        if isinstance(node, ast.Name):
            return self.resolve(node)
        return read_literal(node)

    def read_call(self, node: ast.Call) -> int:
        """Add the step of a call, its function and arguments first."""
        if node.keywords:
            raise RefusedError(node, "a keyword argument", "arguments must be positional", "drop the keyword")
        function = self.read(node.func)
        if isinstance(function, str) and (function in INPUTS or is_literal(function)):
            raise RefusedError(
                node, f"a call of {function}", "only DSL functions and steps can be called", "rewrite it"
            )
        arguments = tuple(self.read(argument) for argument in node.args)
        if len(self.steps) >= MAX_STEPS:
            raise RefusedError(node, f"more than {MAX_STEPS} calls", "a program must be shorter", "split it")
        self.steps.append(Step(function, arguments))
        return len(self.steps) - 1

    def resolve(self, node: ast.Name) -> Ref:
        """Return what a name refers to: a variable of this function, else a DSL name."""
        if node.id in self.variables:
            return self.variables[node.id]
        if node.id in self.assigned:
            rule = "a name must be assigned before its first use, and then stands for nothing else in the function"
            raise RefusedError(node, f"{shown(node.id)} before its own line", rule, "rename the step")
        if node.id in self.known.names and node.id not in INPUTS:
            return node.id
        rule = "must be a DSL name or an earlier step"
        raise RefusedError(node, f"unknown name {shown(node.id)}", rule, self.known.suggestion(node.id))


def read_literal(node: ast.expr) -> str:
    """Return a literal as `ast.unparse` prints it; anything else is refused."""
    text = literal_text(node)
    if text is None:
        rule = "only calls, names, whole numbers and tuples of them may be used"
        raise RefusedError(node, describe(node), rule, "rewrite it in the DSL")
    if len(text) > MAX_LITERAL_CHARACTERS:
        rule = f"literals must be at most {MAX_LITERAL_CHARACTERS} characters"
        raise RefusedError(node, f"a literal of {len(text)} characters", rule, "use a constant of the DSL")
    return text


def literal_text(node: ast.expr) -> str | None:
    """Return a literal as `ast.unparse` prints it; None for anything else."""
    match node:
        case ast.Constant(value=True | False | None as word):
            return str(word)
        case ast.Constant(value=int(number)) if number <= MAX_INTEGER:
            return str(number)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))) if (
            type(number) is int and number <= MAX_INTEGER
        ):
            return f"-{number}"
        case ast.Tuple(elts=items):
            texts = [literal_text(item) for item in items]
            inner = ", ".join([text for text in texts if text is not None])
            return None if None in texts else f"({inner},)" if len(texts) == 1 else f"({inner})"
    return None


def describe(node: ast.AST) -> str:
    """Return a short name for a construct, with the start of its text: `import`-like words users know."""
    names = {"Expr": "an expression", "FunctionDef": "a function", "ClassDef": "a class", "Lambda": "a lambda"}
    kind = names.get(type(node).__name__, f"{type(node).__name__}")
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):  # a tree too deep, or an integer too long, to print
        return kind
    return f"{kind} {shown(text)}"


def needed_steps(steps: Sequence[Step], results: Iterable[Ref]) -> list[int]:
    """Return the indexes of the steps that `results` depend on, ascending; linear in the number of steps."""
    wanted = bytearray(len(steps))
    highest = -1
    for result in results:
        if isinstance(result, int):
            wanted[result] = 1
            highest = max(highest, result)
    for index in range(highest, -1, -1):
        if wanted[index]:
            step = steps[index]
            for ref in (step.function, *step.arguments):
                if isinstance(ref, int):
                    wanted[ref] = 1
    return [index for index in range(highest + 1) if wanted[index]]


def pruned(program: Program) -> Program:
    """Return the program without the steps its result does not need, renumbered from 0."""
    needed = needed_steps(program.steps, [program.result])
    if len(needed) == len(program.steps):
        return program
    place = {old: new for new, old in enumerate(needed)}

    def moved(ref: Ref) -> Ref:
        return place[ref] if isinstance(ref, int) else ref

    steps = [program.steps[index] for index in needed]
    flat = tuple(Step(moved(step.function), tuple(moved(ref) for ref in step.arguments)) for step in steps)
    return Program(flat, moved(program.result))


def program_to_json(program: Program) -> list[object]:
    """Return a compact JSON form: [[[function, argument, ...], ...], result]."""
    return [[[step.function, *step.arguments] for step in program.steps], program.result]


def program_from_json(value: Sequence[object]) -> Program:
    """Return the program of `program_to_json`'s form."""
    steps, result = value
    assert isinstance(steps, list | tuple)
    assert isinstance(result, int | str)
    return Program(tuple(Step(step[0], tuple(step[1:])) for step in steps), result)

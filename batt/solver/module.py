"""A generated batt module as data: one graph of DSL calls, with candidates (`o`) and differ values (`s`) as marks.

Two texts make a module: NAME.py holds `def batt(task_id, S, I, C, log_path)`, NAME_call.py holds `t_call`, the text of
every step's call (reference: "A batt module"). NAME.py says what is evaluated and how it is guarded; NAME_call.py gives
the texts by which programs are named, and the steps that a `batch_process_samples_gpu` line stands for.
Neither is imported or executed.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from batt.errors import Fault, shown
from batt.solver.program import (
    INPUTS,
    CallReader,
    KnownNames,
    Program,
    Ref,
    RefusedError,
    Step,
    describe,
    is_harmless,
    needed_steps,
    parse_text,
    pruned,
    unreadable,
)
from batt.solver.texts import md5_hex

DEFAULT_FUNCTION = "_get_safe_default"
"""The name by which modules ask for a function's default value after a caught exception."""

BATCH_FUNCTION = "batch_process_samples_gpu"
"""Stands for four steps on S; their calls are in t_call, else they are BATCH_CALLS (seen in all known modules)."""

BATCH_CALLS = ("apply, first, S", "apply, second, S", "mapply, p_g, {0}", "mapply, p_g, {1}")
"""What the four targets of a batch line stand for, where NAME_call.py does not say."""

GUARDS = {
    kind.__name__: kind
    for kind in (TypeError, AttributeError, ValueError, IndexError, KeyError, RuntimeError, Exception)
}
"""Exceptions a guarded step may name; modules of today name the first three."""

MAX_MARKED_STEPS = 10_000_000
"""Most steps times marks of a module: bounds the time it takes to take it apart. Known modules stay near a million."""

STEP_NAME = re.compile(r"t([1-9][0-9]{0,8})")
"""What steps are called; their number is part of the texts by which programs are named."""

BATT = re.compile(r"(?:^|[\n\r])def[ \t]+batt[ \t]*\(")
"""The line that makes a text a batt module."""


class CandidateMark(NamedTuple):
    """`o.append((number, is_evolved, solver_id, value))`; `node` is the index of the step that holds the value."""

    node: Ref
    number: int
    is_evolved: bool
    solver_id: str


class DifferMark(NamedTuple):
    """`s.append((number, solver_id, differ, value))`; solver id 'None' marks the neutral solver."""

    node: Ref
    number: int
    solver_id: str
    differ: str


class Module(NamedTuple):
    """The graph of a batt module.

    steps: every call, nested ones too, in the order in which they run.
    numbers: step number `N` of `tN`, or 0 for a call nested in an argument; as long as `steps`.
    guards: names of the exceptions that give the default value instead, () for an unguarded step; a call nested in a
        step has that step's.
    """

    steps: tuple[Step, ...]
    numbers: tuple[int, ...]
    guards: tuple[tuple[str, ...], ...]
    candidates: tuple[CandidateMark, ...]
    differs: tuple[DifferMark, ...]


class CallTexts(NamedTuple):
    """What NAME_call.py says: the expression of each step, and the line it stands on."""

    calls: dict[int, ast.expr]
    faults: list[Fault]


def is_module(text: str) -> bool:
    """Tell whether a source text looks like a batt module: it defines `batt(...)` at the top level."""
    return BATT.search(text) is not None


def parse_module(
    where: str, text: str, call_text: str | None, known: Collection[str]
) -> tuple[Module | None, list[Fault]]:
    """Return a module's graph and a Fault for every step or mark in it that is refused.

    A refused step takes the steps and marks that need it with it; the rest of the module stays. None if no batt
    function can be read at all.
    """
    tree = parse_text(where, text)
    if isinstance(tree, Fault):
        return None, [tree]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "batt"]
    if len(functions) != 1:
        got = f"{len(functions)} functions batt"
        return None, [
            Fault(where, got, "must define one, batt(task_id, S, I, C, log_path)", "regenerate the module", 1)
        ]
    texts = read_call_texts(f"{where} (its _call.py)", call_text)
    reader = ModuleReader(where, known, texts.calls)
    reader.faults.extend(texts.faults)
    for node in functions[0].body:
        reader.read_statement(node)
    module = reader.module()
    marked_steps = len(module.steps) * (len(module.candidates) + len(module.differs))
    if marked_steps > MAX_MARKED_STEPS:
        rule = f"must be at most {MAX_MARKED_STEPS}"
        return None, [Fault(where, f"steps times marks of {marked_steps}", rule, "split the module", 1)]
    return module, reader.faults


class ModuleReader:
    """Reads the statements of `batt`, one by one; a refused one becomes a Fault and its name stays undefined."""

    def __init__(self, where: str, known: Collection[str], calls: dict[int, ast.expr]) -> None:
        self.where = where
        self.calls = calls
        self.reader = CallReader(KnownNames(known), {name: name for name in INPUTS})
        self.numbers: list[int] = []
        self.guards: list[tuple[str, ...]] = []
        self.candidates: list[CandidateMark] = []
        self.differs: list[DifferMark] = []
        self.faults: list[Fault] = []
        self.refused_names: dict[str, int] = {}

    def module(self) -> Module:
        """Return what was read."""
        return Module(
            tuple(self.reader.steps),
            tuple(self.numbers),
            tuple(self.guards),
            tuple(self.candidates),
            tuple(self.differs),
        )

    def read_statement(self, node: ast.stmt) -> None:
        """Take one statement of the body."""
        try:
            self.read_known_statement(node)
        except RefusedError as refused:
            self.refuse(node, refused)
        except (RecursionError, ValueError) as error:  # ValueError: a number too long to print
            self.refuse(node, unreadable(node, error))
        self.settle(())

    def refuse(self, node: ast.stmt, refused: RefusedError) -> None:
        """Keep the fault of a statement; the names it would have defined stay undefined."""
        self.faults.append(refused.fault(self.where))
        self.refused_names.update(dict.fromkeys(target_names(node), node.lineno))

    def settle(self, guard: tuple[str, ...]) -> None:
        """Give the calls that have been read since the last time number 0 and a guard."""
        missing = len(self.reader.steps) - len(self.numbers)
        self.numbers.extend([0] * missing)
        self.guards.extend([guard] * missing)

    def read_known_statement(self, node: ast.stmt) -> None:
        """Take a step, a guarded step, a batch line, a mark, the lists or the return; refuse anything else."""
        if isinstance(node, ast.Try):
            self.read_guarded(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self.read_mark(node.value)
        elif isinstance(node, ast.Assign):
            if not is_empty_list(node):
                self.read_step(node, ())
        elif not is_harmless(node) and not isinstance(node, ast.Return):
            raise RefusedError(node, describe(node), "must be a step, a mark or the return", "remove it")

    def read_guarded(self, node: ast.Try) -> None:
        """Take `try: tN = f(args)` with one handler that gives the default of f's declared return type."""
        handler = node.handlers[0] if len(node.handlers) == 1 else None
        if handler is None or len(node.body) != 1 or node.orelse or node.finalbody or len(handler.body) != 1:
            raise RefusedError(node, "a try of another form", "must guard one step with one handler", "regenerate it")
        step, fallback = node.body[0], handler.body[0]
        if not isinstance(step, ast.Assign) or not is_default(step, fallback):
            raise RefusedError(
                handler, describe(fallback), f"must be `tN = {DEFAULT_FUNCTION}(f)` for the guarded f", "regenerate it"
            )
        self.read_step(step, guard_names(handler))

    def read_step(self, node: ast.Assign, guard: tuple[str, ...]) -> None:
        """Take `tN = call`, or the batch line that defines four steps."""
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and is_batch(node.value):
            self.read_batch(node, target)
            return
        number = step_number(target)
        if len(node.targets) != 1 or number == 0:
            raise RefusedError(node, describe(target), "steps must be named t1, t2, ...", "rename it")
        written = self.calls.get(number)
        if written is not None and not is_same(written, node.value):
            got = f"t{number} = {ast.unparse(node.value)[:80]}, but {ast.unparse(written)[:80]} in _call.py"
            raise RefusedError(node, got, "both files must hold the same call", "regenerate the module")
        self.add_step(number, node.value, guard)

    def add_step(self, number: int, value: ast.expr, guard: tuple[str, ...]) -> None:
        """Add the step of `value` as t<number>."""
        if f"t{number}" in self.reader.variables:
            raise RefusedError(value, f"t{number} again", "a step number stands for one call", "regenerate the module")
        self.check_operands(value)
        before = len(self.reader.steps)
        ref = self.reader.read(value)
        self.settle(guard)
        if isinstance(ref, int) and ref >= before:
            self.numbers[ref] = number
        self.reader.variables[f"t{number}"] = ref

    def check_operands(self, value: ast.expr) -> None:
        """Refuse a step that needs a refused one, naming that one's line: the cause, not an `unknown name`."""
        for node in ast.walk(value) if self.refused_names else ():
            if isinstance(node, ast.Name) and node.id in self.refused_names:
                line = self.refused_names[node.id]
                raise RefusedError(
                    value, f"a use of {node.id}", f"{node.id} was refused (line {line})", "mend that line"
                )

    def read_batch(self, node: ast.Assign, target: ast.Tuple) -> None:
        """Take `ta, tb, tc, td = batch_process_samples_gpu(S)` as the four calls it stands for."""
        numbers = [step_number(name) for name in target.elts]
        if len(numbers) != len(BATCH_CALLS) or not all(numbers):
            raise RefusedError(node, describe(target), "a batch line defines four steps", "regenerate the module")
        names = [f"t{number}" for number in numbers]
        for number, usual in zip(numbers, BATCH_CALLS, strict=True):
            call = self.calls.get(number) or call_expression(usual.format(*names), node)
            for part in ast.walk(call):
                ast.copy_location(part, node)  # a fault in it is one of this line
            self.add_step(number, call, ())

    def read_mark(self, call: ast.Call) -> None:
        """Take `o.append((N, evolved, 'id', tN))` or `s.append((N, 'id', 'differ', tN))`."""
        function, values = call.func, call.args[0] if len(call.args) == 1 else None
        is_append = isinstance(function, ast.Attribute) and function.attr == "append"
        owner = function.value if isinstance(function, ast.Attribute) else None
        if (
            not is_append
            or not isinstance(owner, ast.Name)
            or not isinstance(values, ast.Tuple)
            or len(values.elts) != 4
        ):
            raise RefusedError(call, describe(call), "must be o.append((...)) or s.append((...))", "remove it")
        fields = [element.value if isinstance(element, ast.Constant) else None for element in values.elts[:3]]
        self.check_operands(values.elts[3])
        node = self.reader.read(values.elts[3])
        match owner.id, fields:
            case "o", [int(number), bool(is_evolved), str(solver_id)]:
                self.candidates.append(CandidateMark(node, number, is_evolved, solver_id))
            case "s", [int(number), str(solver_id), str(differ)]:
                self.differs.append(DifferMark(node, number, solver_id, differ))
            case _:
                raise RefusedError(
                    call, describe(call), "a mark holds (N, flag, 'id', tN) or (N, 'id', 'differ', tN)", "mend it"
                )


def target_names(node: ast.stmt) -> list[str]:
    """Return the names a statement would define, for the message of whoever needs them later."""
    return [name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]


def step_number(node: ast.expr) -> int:
    """Return N of a name `tN`, or 0 if it is none."""
    found = STEP_NAME.fullmatch(node.id) if isinstance(node, ast.Name) else None
    return int(found[1]) if found else 0


def is_empty_list(node: ast.Assign) -> bool:
    """Tell whether a statement is `o = []` or `s = []`."""
    return isinstance(node.value, ast.List) and not node.value.elts


def is_batch(node: ast.expr) -> bool:
    """Tell whether an expression is a call of the batch function."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == BATCH_FUNCTION


def is_default(step: ast.Assign, fallback: ast.stmt) -> bool:
    """Tell whether `fallback` sets the step's own name to the default of the function the step calls."""
    if (
        not isinstance(fallback, ast.Assign)
        or not isinstance(fallback.value, ast.Call)
        or not isinstance(step.value, ast.Call)
    ):
        return False
    call = fallback.value
    is_asked = isinstance(call.func, ast.Name) and call.func.id == DEFAULT_FUNCTION and len(call.args) == 1
    has_same_targets = len(fallback.targets) == len(step.targets) and all(map(is_same, fallback.targets, step.targets))
    return is_asked and has_same_targets and is_same(call.args[0], step.value.func)


def is_same(one: ast.expr, other: ast.expr) -> bool:
    """Tell whether two expressions are the same; calls of names, nearly all there are, without printing their trees."""
    if isinstance(one, ast.Name) and isinstance(other, ast.Name):
        return one.id == other.id
    if isinstance(one, ast.Call) and isinstance(other, ast.Call) and not one.keywords and not other.keywords:
        has_same_arguments = len(one.args) == len(other.args) and all(map(is_same, one.args, other.args))
        return has_same_arguments and is_same(one.func, other.func)
    return type(one) is type(other) and ast.dump(one) == ast.dump(other)


def guard_names(handler: ast.ExceptHandler) -> tuple[str, ...]:
    """Return the names of the exceptions a handler catches."""
    nodes = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    if len(names) != len(nodes) or not set(names) <= set(GUARDS):
        raise RefusedError(handler, "an unusual except clause", f"may name only {', '.join(GUARDS)}", "regenerate it")
    return tuple(names)


def call_expression(text: str, node: ast.AST | int) -> ast.expr:
    """Return the call that a t_call text means: `f, a, b` (function first) or the call itself, `f(a, b)`.

    Arguments may be calls themselves: the text is parsed, never split at commas.
    """
    words = text.split(", ")
    if all(word.isascii() and word.isidentifier() and not keyword.iskeyword(word) for word in words):
        names: list[ast.expr] = [ast.Name(word, ast.Load()) for word in words]
        return ast.Call(func=names[0], args=names[1:], keywords=[])  # as below, without the parser's time
    try:
        expression = ast.parse(f"({text},)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RefusedError(node, shown(text), "must be `f, a, b` or `f(a, b)`", "regenerate it") from error
    if not isinstance(expression, ast.Tuple):  # the text closed our bracket
        raise RefusedError(node, shown(text), "must be `f, a, b` or `f(a, b)`", "regenerate it")
    if len(expression.elts) == 1 and isinstance(expression.elts[0], ast.Call):
        return expression.elts[0]
    return ast.Call(func=expression.elts[0], args=expression.elts[1:], keywords=[])


def read_call_texts(where: str, text: str | None) -> CallTexts:
    """Return the calls of `t_call = {1: 'f, a', 2: HintValue(hint=..., value=('f', 'a')), ...}`."""
    found = CallTexts({}, [])
    if text is None:
        return found
    tree = parse_text(where, text)
    if isinstance(tree, Fault):
        found.faults.append(tree)
        return found
    table = next((node.value for node in tree.body if isinstance(node, ast.Assign) and is_t_call(node)), None)
    if not isinstance(table, ast.Dict):
        found.faults.append(Fault(where, "no t_call", "must hold `t_call = {1: 'f, a', ...}`", "regenerate it", 1))
        return found
    for key, value in zip(table.keys, table.values, strict=True):
        try:
            if not isinstance(key, ast.Constant) or type(key.value) is not int:
                raise RefusedError(value, "a key that is no step number", "keys must be step numbers", "regenerate it")
            found.calls[key.value] = call_expression(", ".join(call_words(value)), value)
        except RefusedError as refused:
            found.faults.append(refused.fault(where))
    return found


def is_t_call(node: ast.Assign) -> bool:
    """Tell whether a statement assigns t_call."""
    return any(isinstance(target, ast.Name) and target.id == "t_call" for target in node.targets)


def call_words(node: ast.expr) -> list[str]:
    """Return the words of one t_call entry: its text, or the `value` of a HintValue (function first)."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "value" and isinstance(keyword.value, ast.Tuple):
                return [word for element in keyword.value.elts for word in call_words(element)]
    raise RefusedError(node, describe(node), "must be a text or HintValue(value=(...))", "regenerate it")


def solver_program(module: Module, node: Ref) -> Program:
    """Return the program that leads to a marked value, alone: only its own steps, renumbered from 0."""
    return pruned(Program(module.steps, node))


def module_body(module: Module, node: Ref) -> str:
    """Return the body of the program that leads to `node`, byte for byte as other tools write it.

    Every needed step in ascending number as `    t{n} = {f}({args})`, then `    return t{last}`; nested calls stay
    where they stand.
    """
    texts: dict[int, str] = {}

    def text(ref: Ref) -> str:
        return texts[ref] if isinstance(ref, int) else ref

    lines: list[tuple[int, str]] = []
    for index in needed_steps(module.steps, [node]):
        step = module.steps[index]
        call = f"{text(step.function)}({', '.join(text(ref) for ref in step.arguments)})"
        number = module.numbers[index]
        texts[index] = f"t{number}" if number else call
        if number:
            lines.append((number, f"    t{number} = {call}\n"))
    return "".join(line for _, line in sorted(lines)) + f"    return {text(node)}\n"


def body_md5(module: Module, node: Ref) -> str:
    """Return the md5 of a marked program's body: two candidates with equal bodies are one."""
    return md5_hex(module_body(module, node))


def module_to_json(module: Module) -> dict[str, object]:
    """Return a compact JSON form."""
    return {
        "steps": [[step.function, *step.arguments] for step in module.steps],
        "numbers": list(module.numbers),
        "guards": [list(guard) for guard in module.guards],
        "candidates": [list(mark) for mark in module.candidates],
        "differs": [list(mark) for mark in module.differs],
    }


def module_from_json(value: dict[str, Sequence[Sequence[object]]]) -> Module:
    """Return the module of `module_to_json`'s form."""
    return Module(
        tuple(Step(step[0], tuple(step[1:])) for step in value["steps"]),  # type: ignore[arg-type] # our own form
        tuple(value["numbers"]),  # type: ignore[arg-type] # our own form
        tuple(tuple(str(name) for name in guard) for guard in value["guards"]),
        tuple(CandidateMark(*mark) for mark in value["candidates"]),  # type: ignore[arg-type] # our own form
        tuple(DifferMark(*mark) for mark in value["differs"]),  # type: ignore[arg-type] # our own form
    )

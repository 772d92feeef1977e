"""Whatever items do to their children, and others to the processes: one right answer an item, nothing left behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batt.engine.child import MAX_FAULTS, Limits
from batt.engine.pool import MAX_KILLS, Died, Engine, Item
from batt.errors import InputError, RunError
from batt.generator.modules import generate_module, starter_solvers
from batt.solver.program import MAX_STEPS, Program, Ref, Step, program_to_json
from batt.solver.verdicts import Verdict

MIB = 2**20
LIMITS = Limits(0.2, 128 * MIB)

NASTY_DSL = """
import ctypes, os, signal, sys, time

def good(n):
    return ((n + 1,),)
def work(n):
    until = time.thread_time() + 0.005
    while time.thread_time() < until: pass
    return ((n + 1,),)
def python_loop(x):
    while True: pass
def caught_loop(x):
    while True:
        try:
            while True: pass
        except BaseException: pass
def c_loop(x): return sum(range(10**12))
def sleep(x): time.sleep(1000)
def fast_memory(x): return bytearray(10**10)
def slow_memory(x):
    kept = []
    while True: kept.append(bytearray(100_000))
def many_objects(x):
    kept = []
    while True: kept.append([])
def huge_int(x): return 9 ** (9 ** 9)
def long_text(x): return str(7 ** 10**7)
def nest(x):
    value = ()
    for _ in range(200_000): value = (value,)
    return value
def hash_nest(x): return frozenset([nest(x)])
def compare_nest(x): return nest(x) == nest(x)
def recurse(x): return recurse((x,))
def smash(x): return ctypes.string_at(0)
def abort(x): os.abort()
def leave(x): os._exit(3)
def quit(x): sys.exit(4)
def kill_self(x): os.kill(os.getpid(), signal.SIGKILL)
def stop_self(x): os.kill(os.getpid(), signal.SIGSTOP)
def end_by(x): os.kill(os.getpid(), signal.SIGBUS)
kept = []
def hoard(x):
    kept.append(bytearray(5 * 2**20))
    return ((x + 1,),)
def write_out(x):
    print('x' * 10**6)
    os.write(1, b'y' * 10**6)
    return ((x + 1,),)
def raise_error(x): raise OSError(5, 'no')
def raise_base(x): raise KeyboardInterrupt
def change_limits(x):
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    while True: pass
ONE = 1
"""


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nasty")
    (folder / "dsl.py").write_text(NASTY_DSL)
    return folder


def engine_of(folder: Path | None, size: int = 2, limits: Limits = LIMITS, stuck_seconds: float = 60) -> Engine:
    uri = "builtin:arc" if folder is None else str(folder)
    engine = Engine(size, uri, folder, limits, stuck_seconds=stuck_seconds)
    for n in range(10):
        pair = [[[n]], [[n + 1]]]
        engine.define("task", f"task{n}", {"id": f"task{n}", "train": [pair, pair], "test": [pair], "digest": ""})
    return engine


def call(*calls: str) -> Program:
    """Return a program of calls as words: `first I`, then `paint I 0` of step 0, `shift I #1` of the number 1."""
    steps: list[list[Ref]] = [
        [int(word) if word.isdigit() else word.removeprefix("#") for word in one.split()] for one in calls
    ]
    return Program(tuple(Step(first, tuple(rest)) for first, *rest in steps), len(calls) - 1)


def check(key: Any, program: Program, places: Iterable[int] = (0, 1, 2), task: str = "task0") -> Item:
    text = json.dumps(program_to_json(program))
    return Item("check", key, (task, text, list(places)), (("task", task),))


def answers(engine: Engine, idle: Callable[[], None] = lambda: None) -> dict[Any, Any]:
    """Return all answers by key; every item has exactly one."""
    found = list(engine.answers(idle))
    keys = [json.dumps(item.key) for item, _ in found]
    assert max(Counter(keys).values(), default=1) == 1
    return {item.key: answer for item, answer in found}


def told(answer: Any) -> Any:
    """Return the verdicts of an answer; how and where for one that died."""
    return (str(answer.how), answer.position) if isinstance(answer, Died) else [row[0] for row in answer]


CORRECT = ["correct"] * 3


# processes


def stat_of(pid: int) -> tuple[str, int] | None:
    """Return state and parent of a process; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def alive(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if (stat := stat_of(pid)) is not None and stat[0] not in "ZX"]


def children_of(pid: int) -> list[int]:
    """Return the living descendants of a process."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    parents = {pid: stat[1] for pid in pids if (stat := stat_of(pid)) is not None}
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        born = [child for child, its_parent in parents.items() if its_parent == parent]
        found += born
        waiting += born
    return alive(found)


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """After every test: no process and no descriptor more than before."""
    before = descriptors_of(os.getpid())
    processes = set(children_of(os.getpid()))
    yield
    assert set(children_of(os.getpid())) == processes
    assert descriptors_of(os.getpid()) <= before  # fewer: garbage of other tests may go meanwhile


# hostile items

HOSTILE = {
    "python_loop": "timeout",
    "caught_loop": "timeout",
    "c_loop": "timeout",
    "long_text": "timeout",
    "fast_memory": "out_of_memory",
    "slow_memory": "out_of_memory",
    "many_objects": "timeout or out_of_memory",  # as the machine has it
    "huge_int": "timeout or out_of_memory",
    "hash_nest": "crashed",
    "smash": "crashed",
    "abort": "crashed",
    "leave": "crashed",
    "quit": "crashed",
    "raise_base": "crashed",
    "kill_self": "crashed",
    "end_by": "crashed",
    "compare_nest": "error",
    "recurse": "error",
    "raise_error": "error",
    "write_out": "wrong",
}
"""What becomes of a program that calls one function of the nasty DSL on its input."""


def test_each_hostile_item_costs_only_itself(nasty: Path) -> None:
    kinds = list(HOSTILE)
    limits = Limits(0.5, 128 * MIB)  # seconds enough to use up the memory on a busy machine
    with engine_of(nasty, limits=limits, stuck_seconds=10) as engine:
        for n in range(50):
            engine.submit(check(f"good{n}", call("good ONE"), task="task1"))
            if n < len(kinds):
                engine.submit(check(kinds[n], call(f"{kinds[n]} {'ONE' if kinds[n] == 'write_out' else 'I'}")))

        found = answers(engine)

    assert {n: told(found[f"good{n}"]) for n in range(50)} == dict.fromkeys(range(50), CORRECT)
    verdicts = {kind: told(found[kind])[0] for kind in kinds}
    assert {kind: verdict for kind, verdict in verdicts.items() if verdict not in HOSTILE[kind].split(" or ")} == {}


def test_items_that_outwit_the_timers_are_ended_by_the_clock(nasty: Path) -> None:
    kinds = ("sleep", "stop_self", "change_limits")
    with engine_of(nasty, size=3, stuck_seconds=2) as engine:
        for kind in kinds:
            engine.submit(check(kind, call(f"{kind} I"), places=[1]))
        for n in range(10):
            engine.submit(check(n, call("good ONE"), task="task1"))

        found = answers(engine)

    assert [found.pop(kind) for kind in kinds] == [Died(Verdict.TIMEOUT, "SIGALRM", 1)] * 3
    assert {n: told(answer) for n, answer in found.items()} == dict.fromkeys(range(10), CORRECT)


def test_how_a_child_ended_is_told(nasty: Path) -> None:
    kinds = {
        "smash": "SIGSEGV",
        "abort": "SIGABRT",
        "end_by": "SIGBUS",
        "leave": "exit status 3",
        "quit": "exit status 1",
        "c_loop": "SIGVTALRM",
        "kill_self": f"killed {MAX_KILLS + 1} times from outside",
    }
    with engine_of(nasty) as engine:
        for kind in kinds:
            engine.submit(check(kind, call(f"{kind} I"), places=[1]))

        found = answers(engine)

    assert {kind: answer.detail for kind, answer in found.items()} == kinds
    assert {answer.position for answer in found.values()} == {1}


def chain(first: str, link: str, count: int, *last: str) -> Program:
    """Return a program of `first`, then `link` with {0} for the step before, so often, then `last`."""
    return call(first, *(link.format(n) for n in range(count)), *last)


PROGRAMS: dict[str, tuple[Program, Any]] = {
    "deep tuples hashed": (chain("astuple I I", "astuple {0} I", MAX_STEPS - 2, f"initset {MAX_STEPS - 2}"), None),
    "wide tuples hashed": (chain("astuple I I", "astuple {0} {0}", 60, "initset 60"), ("timeout", 0)),
    "wide tuples compared": (chain("astuple I I", "astuple {0} {0}", 60, "equality 60 60"), ["wrong"] * 3),
    "huge numbers": (chain("add NINE NINE", "multiply {0} {0}", 60), None),
    "functions of functions": (chain("compose identity identity", "compose {0} {0}", 60, "60 I"), ["timeout"]),
    "a power of a billion": (call("power identity #999999999", "0 I"), ["error"] * 3),
    "a function called on itself": (call("fork rbind identity identity", "lbind rbind 0", "1 1", "2 2"), None),
    "a grid of gigabytes": (chain("upscale I NINE", "upscale {0} NINE", 8), None),
    "a range of a billion": (call("interval #0 #999999999 #1"), ["out_of_memory"]),
}
"""Programs of batt's own DSL, and what becomes of them where every machine agrees."""


def test_hostile_programs_of_the_builtin_dsl_cost_only_themselves() -> None:
    with engine_of(None) as engine:
        for n, (key, (program, _)) in enumerate(PROGRAMS.items()):
            engine.submit(check(f"good{n}", call("canvas ONE UNITY")))
            engine.submit(check(key, program))

        found = {key: told(answer) for key, answer in answers(engine).items()}

    assert [found.pop(f"good{n}") for n in range(len(PROGRAMS))] == [CORRECT] * len(PROGRAMS)
    assert {key: found[key] for key, (_, expected) in PROGRAMS.items() if expected is not None} == {
        key: expected for key, (_, expected) in PROGRAMS.items() if expected is not None
    }
    assert [key for key, verdicts in found.items() if "correct" in verdicts] == []


TEXTS = {
    "nested calls": "def solve(I):\n    return " + "first(" * 100_000 + "I" + ")" * 100_000,
    "called calls": "def solve(I):\n    return first" + "(I)" * 200_000,
    "nested lists": "x = " + "[" * 100_000,
    "a million minuses": "def solve(I):\n    return " + "-" * 10**6 + "1",
    "a million nots": "def solve(I):\n    return " + "not " * 10**6 + "I",
    "a million sums": "def solve(I):\n    return " + "I+" * 10**6 + "I",
    "nested lambdas": "x = " + "lambda:" * 10**5 + "1",
    "many attributes": "x = a" + ".b" * 300_000,
    "nested blocks": "".join(" " * n + "if I:\n" for n in range(2000)),
    "a string in a million pieces": "x = " + "'a' " * 10**6,
    "30 MB of numbers": "x = [" + "1," * 15_000_000 + "]",
    "30 MB of functions": "def solve(I):\n    return first(I)\n" * 800_000,
    "30 MB of one name": "def solve(I):\n    return " + "x" * 30 * MIB,
    "30 MB of comment": "#" * 30 * MIB,
    "NUL bytes": "def solve(I):\n    return I\0",
    "half a character": "def solve(I):\n    return '\ud800'",
    "a number of a million digits": "x = " + "9" * 10**6,
    "no Python at all": "\x7fELF" + "\x01\x02\x03" * 1000,
}


def test_hostile_texts_cost_only_themselves() -> None:
    good = "def solve_00000000(I):\n    return hmirror(I)\n"
    with engine_of(None, limits=Limits(0.2, 64 * MIB)) as engine:
        for key, text in TEXTS.items():
            engine.submit(Item("inspect", key, (key, text, None)))
            engine.submit(Item("inspect", f"good {key}", (key, good, None)))

        found = answers(engine)

    for key in TEXTS:
        assert [one["function"] for one in found[f"good {key}"]["candidates"]] == ["solve_00000000"]
        answer = found[key]
        assert isinstance(answer, Died) or (answer["faults"] and not answer["module"]), key
        assert isinstance(answer, Died) or len(answer["candidates"]) <= 1, key
        assert not isinstance(answer, Died) or answer.how is not Verdict.TIMEOUT, (key, answer)


def test_the_faults_of_a_text_are_told_up_to_a_number() -> None:
    text = "".join(f"def solve_{n}(I):\n    return unknown{n}(I)\n" for n in range(MAX_FAULTS + 500))
    with engine_of(None) as engine:
        engine.submit(Item("inspect", "all", ("name", text, None)))

        faults = answers(engine)["all"]["faults"]

    assert len(faults) == MAX_FAULTS + 1
    assert faults[-1][:2] == ["name", "500 faults more"]


def test_a_child_s_death_is_not_blamed_on_items_it_has_done_or_has_not_begun(nasty: Path) -> None:
    with engine_of(nasty, size=1) as engine:
        for n in range(40):
            engine.submit(check(f"good{n}", call("good ONE"), task="task1"))
            engine.submit(check(f"bad{n}", call("abort I"), places=[n % 3]))

        found = answers(engine)

    for n in range(40):
        assert told(found[f"good{n}"]) == CORRECT
        assert told(found[f"bad{n}"]) == ("crashed", n % 3)


@pytest.mark.full
def test_a_task_too_large_for_a_child_is_the_fault_of_the_item_that_needs_it(nasty: Path) -> None:
    with engine_of(nasty, size=1, limits=Limits(0.2, 64 * MIB)) as engine:
        pair = [[[1]], [[2]]]
        engine.define("task", "large", {"id": "large", "train": [pair] * 800_000, "test": [pair], "digest": ""})
        for n in range(8):
            engine.submit(check(f"good{n}", call("good ONE"), task="task1"))
            engine.submit(check(f"large{n}", call("good ONE"), task="large")) if n in {2, 3} else None

        found = answers(engine)

    assert [told(found[f"good{n}"]) for n in range(8)] == [CORRECT] * 8
    assert [told(found[f"large{n}"]) for n in (2, 3)] == [("out_of_memory", None)] * 2


def test_what_a_dsl_keeps_is_not_missing_to_later_items(nasty: Path) -> None:
    with engine_of(nasty, size=1, limits=Limits(2.0, 64 * MIB)) as engine:
        for n in range(60):
            engine.submit(check(n, call("hoard #1"), task="task1"))

        found = answers(engine)

    assert {n: told(answer) for n, answer in found.items()} == dict.fromkeys(range(60), CORRECT)


def test_a_step_that_ends_its_child_is_named_and_left_out_the_next_time(nasty: Path) -> None:
    text = textwrap.dedent("""\
        def batt(task_id, S, I, C, log_path):
            s = []
            o = []
            t1 = good(ONE)
            t2 = abort(I)
            t3 = c_loop(t1)
            t4 = raise_error(t3)
            o.append((1, True, 'a', t1))
            o.append((2, True, 'b', t2))
            o.append((4, True, 'c', t4))
            return o, s
        """)
    with engine_of(nasty) as engine:
        engine.submit(Item("inspect", "module", ("m.py", text, None)))
        module = answers(engine)["module"]["module"]
        engine.define("module", "m", json.dumps(module))
        poison: list[list[Any]] = []
        died: list[Died] = []
        while len(died) < 5:
            engine.submit(Item("sample", "s", ("m", "task1", 0, poison), (("task", "task1"), ("module", "m"))))
            answer = answers(engine)["s"]
            if not isinstance(answer, Died):
                break
            died.append(answer)
            poison = [*poison, [answer.position, answer.how]]

    assert {(one.how, one.position) for one in died} == {(Verdict.CRASHED, 1), (Verdict.TIMEOUT, 2)}
    assert [mark[2][0] for mark in answer[0]] == ["correct", "crashed", "timeout"]


# killing processes

KILLER = """
import os, random, signal, sys, time
pid, mode, rng = int(sys.argv[1]), sys.argv[2], random.Random(int(sys.argv[3]))
def cmdline(pid): return open(f"/proc/{pid}/cmdline").read()
def born_of(parent):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[1]) == parent: found.append(int(name))
        except OSError: pass
    return found
kills = 0
print("ready", flush=True)
while os.getppid() == pid and kills < 20:
    time.sleep(rng.uniform(0, 0.1))
    try:
        nurseries = [one for one in born_of(pid) if cmdline(one) == cmdline(pid)]
        children = [child for one in nurseries for child in born_of(one)]
        targets = {"nursery": nurseries, "children": children, "any": nurseries + children}[mode]
        if targets:
            os.kill(rng.choice(targets), signal.SIGKILL)
            kills += 1
            print("killed", flush=True)
    except OSError: pass
"""
"""Kills some children or nurseries of a process, which it tells from its other children by their command line."""


@contextlib.contextmanager
def killer(mode: str, seed: int) -> Iterator[Callable[[], int]]:
    """Kill processes of ours at random moments; yield a function that ends it and tells how many were killed."""
    arguments = [sys.executable, "-c", KILLER, str(os.getpid()), mode, str(seed)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()

        def end() -> int:
            process.kill()
            return len(process.communicate()[0].splitlines())

        try:
            yield end
        finally:
            process.kill()


@pytest.mark.parametrize(
    "mode", [*(pytest.param(one, marks=pytest.mark.full) for one in ("children", "nursery")), "any"]
)
def test_kills_at_random_moments_change_no_answer(mode: str, nasty: Path) -> None:
    engine = engine_of(nasty, limits=Limits(5.0, 128 * MIB))
    with engine, killer(mode, seed=len(mode)) as end:
        for n in range(300):
            engine.submit(check(n, call(f"work #{n % 10}"), [n % 3], f"task{n % 9}"))
        found = answers(engine)
        kills = end()

    expected = {n: ["correct" if n % 10 == n % 9 else "wrong"] for n in range(300)}
    assert {n: told(answer) for n, answer in found.items()} == expected
    assert kills >= 5


def test_a_stopped_child_is_replaced(nasty: Path) -> None:
    engine = engine_of(nasty, stuck_seconds=1.0)
    stopped: list[int] = []

    def idle() -> None:
        if not stopped:
            stopped.append(next(iter(engine.workers.values())).pid)
            os.kill(stopped[0], signal.SIGSTOP)

    with engine:
        for n in range(200):
            engine.submit(check(n, call("work #1"), task="task1"))
        found = answers(engine, idle)

    assert len(found) == 200
    late = [n for n, answer in found.items() if told(answer) != CORRECT]
    assert len(late) <= 1
    assert all(found[n].how is Verdict.TIMEOUT for n in late)
    wait_for(lambda: not alive(stopped))


WORKER = """
import json, os, sys
from pathlib import Path
from batt.engine.child import Limits
from batt.engine.pool import Engine, Item
engine = Engine(3, sys.argv[1], Path(sys.argv[1]), Limits(60.0, 2**27))
pair = [[[0]], [[1]]]
engine.define("task", "t", {"id": "t", "train": [pair], "test": [pair], "digest": ""})
for name in ("sleep", "python_loop", "caught_loop"):
    engine.submit(Item("check", name, ("t", json.dumps([[[name, "I"]], 0]), [0]), (("task", "t"),)))
said = False
def idle():
    global said
    if not said and len(engine.workers) == 3:
        said = True
        print(json.dumps([engine.nursery.pid, *(worker.pid for worker in engine.workers.values())]), flush=True)
list(engine.answers(idle))
"""


@pytest.mark.parametrize("victims", ["worker", "worker, a child stopped", "nursery and worker", "worker and nursery"])
def test_nothing_survives_a_killed_worker(victims: str, nasty: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER, str(nasty)], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        nursery, *children = json.loads(worker.stdout.readline())
        assert len(alive([nursery, *children])) == 4
        if "stopped" in victims:
            os.kill(children[0], signal.SIGSTOP)
        pids = {"worker": worker.pid, "nursery": nursery}
        for name in victims.partition(",")[0].split(" and "):
            os.kill(pids[name], signal.SIGKILL)

    wait_for(lambda: not alive([nursery, *children]))


def test_closing_while_busy_leaves_no_process(nasty: Path) -> None:
    pids: list[int] = []

    class EnoughError(Exception):
        pass

    def idle() -> None:
        if len(engine.workers) == 3:
            pids.extend([engine.nursery.pid, *children_of(engine.nursery.pid)])
            raise EnoughError

    with engine_of(nasty, size=3) as engine:
        for n in range(20):
            engine.submit(check(n, call("sleep I" if n % 2 else "python_loop I")))
        with pytest.raises(EnoughError):
            answers(engine, idle)

    assert len(pids) == 4
    wait_for(lambda: not alive(pids))


def test_a_run_that_is_interrupted_while_the_dsl_loads_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "dsl.py").write_text("import time\ntime.sleep(1000)\n")

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            engine_of(tmp_path)
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_a_dsl_that_cannot_be_loaded_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "dsl.py").write_text("1 / 0\n")

    with pytest.raises(InputError, match="ZeroDivisionError"):
        engine_of(tmp_path)


def test_children_that_end_before_they_do_anything_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "dsl.py").write_text("import os\nos.register_at_fork(after_in_child=lambda: os._exit(1))\nI2 = 1\n")

    with engine_of(tmp_path) as engine:
        engine.submit(check("any", call("I2 I")))
        with pytest.raises(RunError, match="worker children in a row"):
            answers(engine)


def test_a_dsl_that_changes_while_it_is_in_use_ends_the_run(tmp_path: Path) -> None:
    file = tmp_path / "dsl.py"
    file.write_text("def good(x): return x\n")

    with engine_of(tmp_path) as engine:
        file.write_text("def good(x): return (x, x)\n")
        os.kill(engine.nursery.pid, signal.SIGKILL)
        engine.submit(check("any", call("good I")))
        with pytest.raises(InputError, match="changed"):
            answers(engine)


def test_a_fault_of_ours_ends_the_run_with_its_traceback(nasty: Path) -> None:
    with engine_of(nasty) as engine:
        engine.submit(check("unknown", call("no_such_name I")))

        with pytest.raises(RunError, match="KeyError: 'no_such_name'"):
            answers(engine)


def test_descriptors_do_not_grow_with_dead_children(nasty: Path) -> None:
    def descriptors() -> tuple[int, int]:
        return descriptors_of(os.getpid()), descriptors_of(engine.nursery.pid)

    with engine_of(nasty) as engine:
        engine.submit(check("first", call("good ONE")))
        answers(engine)
        before = descriptors()
        for n in range(30):
            engine.submit(check(n, call("abort I")))
        answers(engine)
        engine.submit(check("last", call("good ONE")))
        answers(engine)

        assert descriptors() == before


# ordinary use


def test_items_may_be_submitted_while_answers_come(nasty: Path) -> None:
    found: list[Any] = []
    with engine_of(nasty) as engine:
        engine.submit(check(0, call("good ONE"), task="task1"))
        for item, answer in engine.answers():
            found.append((item.key, told(answer)))
            if item.key < 30:
                engine.submit(check(item.key + 1, call("good ONE"), task="task1"))

    assert found == [(n, CORRECT) for n in range(31)]


def test_an_engine_can_be_used_again(nasty: Path) -> None:
    with engine_of(nasty) as engine:
        for n in range(3):
            engine.submit(check(n, call("good ONE"), task="task1"))
            assert told(answers(engine)[n]) == CORRECT


def test_more_tasks_than_a_child_keeps_are_no_problem(nasty: Path) -> None:
    with engine_of(nasty) as engine:
        for n in range(900):
            pair = [[[n]], [[n + 1]]]
            engine.define("task", f"many{n}", {"id": f"many{n}", "train": [pair], "test": [pair], "digest": ""})
            engine.submit(check(n, call(f"good {n}x".replace("x", "")) if n < 0 else call("good ONE"), [0], f"many{n}"))

        found = answers(engine)

    assert {n: told(answer) for n, answer in found.items()} == {
        n: ["correct" if n == 1 else "wrong"] for n in range(900)
    }


def test_a_definition_that_changes_is_told_anew(nasty: Path) -> None:
    with engine_of(nasty, size=1) as engine:
        verdicts = []
        for output in (2, 3, 2):
            pair = [[[1]], [[output]]]
            engine.define("task", "same", {"id": "same", "train": [pair], "test": [pair], "digest": ""})
            engine.submit(check("any", call("good ONE"), [0], "same"))
            verdicts += told(answers(engine)["any"])

    assert verdicts == ["correct", "wrong", "correct"]


def test_large_messages_in_both_directions_at_once_do_not_block() -> None:
    text = "".join(f"def solve_{n:08x}(I):\n    return hconcat(vmirror(I), hmirror(I))\n" for n in range(1500))
    padding = "#" * 2 * MIB
    with engine_of(None) as engine:
        for n in range(10):
            engine.submit(Item("inspect", n, ("x.py", text + padding, None)))

        found = answers(engine)

    assert [len(found[n]["candidates"]) for n in range(10)] == [1500] * 10


def test_a_module_is_inspected_and_run_like_a_file() -> None:
    text, call_text = generate_module(starter_solvers("007bbfb7")[:5], 1, steps=250, candidates=3, differs=3)
    with engine_of(None) as engine:
        engine.submit(Item("inspect", "m", ("m.py", text, call_text)))
        found = answers(engine)["m"]
        assert found["faults"] == []
        engine.define("module", "m", json.dumps(found["module"]))
        for place in range(3):
            engine.submit(Item("sample", place, ("m", "task1", place, []), (("task", "task1"), ("module", "m"))))
        samples = answers(engine)

    assert [len(samples[place][0]) for place in range(3)] == [len(found["module"]["candidates"])] * 3


def test_candidates_of_a_text_come_with_their_names() -> None:
    with engine_of(None) as engine:
        engine.submit(Item("inspect", "x", ("x", "def solve_a(I):\n    x1 = rot90(I)\n    return vmirror(x1)\n", None)))
        one = answers(engine)["x"]["candidates"][0]

    assert one["program"] == [[["rot90", "I"], ["vmirror", 0]], 1]
    assert one["md5"] == "15039537cce9f65c521628b98e427704"
    assert (one["function"], one["line"], one["task"], one["inlined"]) == ("solve_a", 1, "a", True)


def test_idle_is_called_while_no_answer_comes(nasty: Path) -> None:
    calls: list[float] = []
    with engine_of(nasty, stuck_seconds=1.2) as engine:
        engine.submit(check("sleep", call("sleep I")))

        found = answers(engine, lambda: calls.append(time.monotonic()))

    assert told(found["sleep"]) == ("timeout", 0)
    assert len(calls) >= 2
    assert max(after - before for before, after in itertools.pairwise(calls)) < 2


def test_an_exception_of_idle_ends_the_iteration_after_the_answers_that_came(nasty: Path) -> None:
    taken: list[Any] = []

    def take(engine: Engine) -> None:
        for item, _ in engine.answers(idle):
            taken.append(item.key)

    def idle() -> None:
        if taken:
            raise KeyError("enough")

    with engine_of(nasty) as engine:
        for n in range(10):
            engine.submit(check(n, call("good ONE"), task="task1"))
        with pytest.raises(KeyError, match="enough"):
            take(engine)

    assert taken


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3))])
def test_random_mixtures_are_answered_rightly(seed: int, nasty: Path) -> None:
    rng = random.Random(seed)
    kinds = ["good ONE"] * 12 + ["abort I", "leave I", "fast_memory I", "raise_error I", "kill_self I", "recurse I"]
    expected = {"good": "correct", "raise_error": "error", "recurse": "error", "fast_memory": "out_of_memory"}
    chosen = [rng.choice(kinds) for _ in range(80)]
    with engine_of(nasty, size=rng.randint(1, 3), limits=Limits(2.0, 64 * MIB)) as engine:
        for n, kind in enumerate(chosen):
            engine.submit(check(n, call(kind), [rng.randrange(3)], "task1"))

        found = answers(engine)

    for n, kind in enumerate(chosen):
        name = kind.partition(" ")[0]
        assert told(found[n])[0] == expected.get(name, "crashed")

"""A shard's work: every verdict, whatever candidates do; nothing done twice; a killed worker's progress is used."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from batt.cache import VERDICTS, Cache, digest_of
from batt.engine.child import Limits
from batt.engine.pool import Engine, Item
from batt.errors import InputError
from batt.manifest import Manifest
from batt.solver.verdicts import CandidateVerdict, PairVerdict, Verdict, verdict_from_json
from batt.stopping import StoppedError
from batt.store import ObjectStore, read_json
from batt.work import decided, work
from tests.runs import (
    ENDLESS,
    ENDLESS_IN_C,
    MEMORY_EATER,
    MIRROR,
    RAISING,
    SAME,
    SOLVE_MIRROR,
    SOLVE_SAME,
    SOLVE_TURN,
    STACK_SMASHER,
    TURN,
    make_run,
    plan_run,
    results_of,
    work_on,
    write_inputs,
)

FORK = multiprocessing.get_context("fork")

TIMEOUT = 0.2
"""CPU seconds; short, since endless candidates use all of them."""

HOSTILE = {
    "a_correct.py": SOLVE_TURN,
    "b_endless.py": ENDLESS,
    "c_endless_in_c.py": ENDLESS_IN_C,
    "d_memory.py": MEMORY_EATER,
    "e_stack.py": STACK_SMASHER,
    "f_raising.py": RAISING,
    "g_wrong.py": "def solve(I):\n    return rot180(I)\n",
    "h_sometimes.py": "def solve(I):\n    x1 = shape(I)\n    O = crop(I, ORIGIN, x1)\n    return O\n",
    "z_correct.py": "def solve(I):\n    x1 = dmirror(I)\n    O = vmirror(x1)\n    return O\n",
}

VERDICTS_OF_HOSTILE = {
    "a_correct.py": Verdict.CORRECT,
    "b_endless.py": Verdict.TIMEOUT,
    "c_endless_in_c.py": Verdict.TIMEOUT,
    "d_memory.py": Verdict.OUT_OF_MEMORY,
    "e_stack.py": Verdict.CRASHED,
    "f_raising.py": Verdict.ERROR,
    "g_wrong.py": Verdict.WRONG,
    "h_sometimes.py": Verdict.WRONG,
    "z_correct.py": Verdict.CORRECT,
}

MODULE = """\
def batt(task_id, S, I, C, log_path):
    s = []
    o = []
    t1 = rot90(I)
    o.append((1, False, 'turn', t1))
    t2 = rot180(I)
    o.append((2, False, 'half', t2))
    try:
        t3 = size(ONE)
    except (TypeError, AttributeError, ValueError):
        t3 = _get_safe_default(size)
    t4 = rbind(astuple, ONE)
    t5 = power(t4, 900)
    t6 = t5(I)
{deep}
    t300 = initset(t210)
    o.append((300, True, 'crash', t300))
    t401 = canvas(t3, UNITY)
    o.append((401, False, 'default', t401))
    t402 = objects(I, T, F, T)
    t403 = sizefilter(t402, ONE)
    t404 = palette(C)
    t405 = astuple(ONE, t404)
    s.append((405, 'None', 'differ_a', t405))
    return o, s
"""
"""A module with a step that ends its child, marks before and after it, and a differ."""


def module_files() -> dict[str, str]:
    deep = "\n".join(f"    t{n} = t5(t{n - 1})" for n in range(7, 211))
    return {"m.py": MODULE.format(deep=deep), "m_call.py": "t_call = {}\n"}


class CountingEngine(Engine):
    """An engine that remembers what it was given."""

    def __init__(self, manifest: Manifest, size: int = 1) -> None:
        solvers = manifest.spec["solvers"]
        self.given: list[Item] = []
        self.answered = 0
        super().__init__(size, solvers["dsl"], None, Limits(solvers["timeoutSeconds"], solvers["memoryBytes"]))

    def __enter__(self) -> CountingEngine:
        return self

    def submit(self, item: Item) -> None:
        self.given.append(item)
        super().submit(item)

    def answers(self, idle: Callable[[], None] = lambda: None) -> Iterator[tuple[Item, Any]]:
        for answer in super().answers(idle):
            self.answered += 1
            yield answer


def rows_of(root: ObjectStore, manifest: Manifest, index: int = 0) -> dict[tuple[int, str], Any]:
    value = read_json(root, f"{manifest.ref.folder}/shards/{index}.json.gz")
    return {(number, task): row for number, task, row in value["rows"]}


def progress_of(root: ObjectStore, manifest: Manifest, index: int = 0) -> list[str]:
    return root.list(f"{manifest.ref.folder}/progress/{index}/")


def verdicts_by_name(root: ObjectStore, manifest: Manifest) -> dict[str, CandidateVerdict]:
    """Return the verdicts of plain candidates on the only task, by file name."""
    entries = [entry for path in manifest.inputs.chunks for entry in read_json(root, f"{manifest.ref.folder}/{path}")]
    names = {entry[0]: entry[1].rpartition("/")[2] for entry in entries}
    rows = {}
    for index in range(len(manifest.shards)):
        rows.update(rows_of(root, manifest, index))
    return {names[number]: verdict_from_json(row) for (number, _), row in rows.items()}


def without_seconds(value: Any) -> Any:
    """Return rows with 0 for every float: they are all times."""
    if isinstance(value, list):
        return [without_seconds(item) for item in value]
    if isinstance(value, Mapping):
        return {key: without_seconds(item) for key, item in value.items()}
    return 0.0 if isinstance(value, float) else value


@pytest.mark.parametrize("size", [1, 2])
def test_every_candidate_gets_its_verdict_whatever_the_others_do(tmp_path: Path, size: int) -> None:
    write_inputs(tmp_path, HOSTILE)
    manifest = plan_run(tmp_path, make_run(tasks=[TURN], shards=1, timeoutSeconds=TIMEOUT))

    with CountingEngine(manifest, size) as engine:
        work(manifest, 0, results_of(tmp_path), engine)

    found = verdicts_by_name(results_of(tmp_path), manifest)
    assert {name: verdict.verdict for name, verdict in found.items()} == VERDICTS_OF_HOSTILE
    assert [pair.verdict for pair in found["e_stack.py"].pairs] == [Verdict.CRASHED] + [Verdict.SKIPPED] * 3
    assert found["f_raising.py"].pairs[0].exception == "TypeError"
    assert found["h_sometimes.py"].score == 1
    assert found["z_correct.py"].score == 4


def test_pairs_apart_and_pairs_together_give_the_same(tmp_path: Path) -> None:
    write_inputs(tmp_path, HOSTILE)
    rows = []
    for uid, size in (("00000001", 1), ("00000002", 2)):
        manifest = plan_run(
            tmp_path, make_run(tasks=[TURN], shards=1, timeoutSeconds=TIMEOUT, cache=False, keep=size), uid
        )
        with CountingEngine(manifest, size) as engine:
            work(manifest, 0, results_of(tmp_path), engine)
        rows.append(verdicts_by_name(results_of(tmp_path), manifest))

    together, apart = rows
    for name, verdict in together.items():
        assert [(pair.verdict, pair.exception) for pair in verdict.pairs] == [
            (pair.verdict, pair.exception) for pair in apart[name].pairs
        ]


def test_a_shard_with_a_result_is_left_alone(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"turn.py": SOLVE_TURN})
    manifest = plan_run(tmp_path, make_run())
    root = results_of(tmp_path)
    work_on(manifest, root)
    before = {path: root.read(path) for path in root.list()}

    with CountingEngine(manifest) as engine:
        work(manifest, 0, root, engine)

    assert engine.given == []
    assert {path: root.read(path) for path in root.list()} == before


def many(count: int) -> dict[str, str]:
    """Return candidates that take 2**10 rotations each: a few milliseconds."""
    lines = ["    x1 = compose(rot90, rot90)", *(f"    x{n} = compose(x{n - 1}, x{n - 1})" for n in range(2, 11))]
    body = "\n".join(lines)
    return {
        f"{n:04d}.py": f"def solve_{SAME}(I):\n{body}\n    x11 = canvas({n}, UNITY)\n    x12 = x10(I)\n"
        "    O = hconcat(x12, x11)\n    return O\n"
        for n in range(count)
    }


def test_a_worker_that_is_asked_to_stop_stores_what_it_knows(tmp_path: Path) -> None:
    write_inputs(tmp_path, many(60))
    manifest = plan_run(tmp_path, make_run(shards=1))
    root = results_of(tmp_path)
    told: list[str] = []

    with CountingEngine(manifest) as engine, pytest.raises(StoppedError):
        work(manifest, 0, root, engine, lambda: len(told) >= 20, told.append)

    stored = sum(len(read_json(root, path)) for path in progress_of(root, manifest))
    assert stored >= 20
    assert not root.exists(f"{manifest.ref.folder}/shards/0.json.gz")
    with CountingEngine(manifest) as second:
        work(manifest, 0, root, second)
    assert len(second.given) == 60 - stored
    assert len(rows_of(root, manifest)) == 60


def work_alone(base: Path, manifest: Manifest) -> None:
    work_on(manifest, results_of(base))


def test_a_killed_workers_progress_is_used(tmp_path: Path) -> None:
    write_inputs(tmp_path, many(600))
    manifest = plan_run(tmp_path, make_run(shards=1))
    root = results_of(tmp_path)
    worker = FORK.Process(target=work_alone, args=(tmp_path, manifest))
    worker.start()
    deadline = time.monotonic() + 60
    while not progress_of(root, manifest):
        assert time.monotonic() < deadline
        assert worker.is_alive()
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    stored = sum(len(read_json(root, path)) for path in progress_of(root, manifest))

    with CountingEngine(manifest) as engine:
        work(manifest, 0, root, engine)

    assert 0 < stored < 600
    assert len(engine.given) == 600 - stored
    assert len(rows_of(root, manifest)) == 600


def test_progress_is_stored_in_few_objects(tmp_path: Path) -> None:
    write_inputs(tmp_path, many(300))
    manifest = plan_run(tmp_path, make_run(shards=1))
    begin = time.monotonic()

    work_on(manifest, results_of(tmp_path))

    assert len(progress_of(results_of(tmp_path), manifest)) <= 1 + (time.monotonic() - begin) / 0.5


def test_workers_of_one_shard_at_once_agree(tmp_path: Path) -> None:
    write_inputs(tmp_path, many(100))
    manifest = plan_run(tmp_path, make_run(shards=1))
    workers = [FORK.Process(target=work_alone, args=(tmp_path, manifest)) for _ in range(2)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(rows_of(results_of(tmp_path), manifest)) == 100


def test_the_teller_is_told_of_every_item_once(tmp_path: Path) -> None:
    write_inputs(tmp_path, {**many(20), **module_files(), "turn.py": SOLVE_TURN, "mirror.py": SOLVE_MIRROR})
    manifest = plan_run(tmp_path, make_run(shards=1))
    told: list[str] = []

    with CountingEngine(manifest) as engine:
        work(manifest, 0, results_of(tmp_path), engine, tell=told.append)

    assert {task: told.count(task) for task in set(told)} == {task.id: task.items for task in manifest.tasks}


def marks_of(row: Any) -> dict[str, list[Any]]:
    """Return verdict and o score of a module's marks, by solver id."""
    return {
        name: [mark[4], mark[0]] for name, mark in zip(("turn", "half", "crash", "default"), row["marks"], strict=True)
    }


def test_a_step_that_ends_its_child_costs_the_marks_that_need_it(tmp_path: Path) -> None:
    write_inputs(tmp_path, module_files())
    manifest = plan_run(tmp_path, make_run(tasks=[TURN], shards=1))

    work_on(manifest, results_of(tmp_path))

    (row,) = rows_of(results_of(tmp_path), manifest).values()
    assert marks_of(row) == {
        "turn": [Verdict.CORRECT, 4],
        "half": [Verdict.WRONG, 1],
        "crash": [Verdict.CRASHED, 0],
        "default": [Verdict.ERROR, 0],
    }
    assert row["differ_names"].keys() == {"differ_a"}


def test_a_modules_samples_are_not_done_twice(tmp_path: Path) -> None:
    write_inputs(tmp_path, module_files())
    manifest = plan_run(tmp_path, make_run(tasks=[TURN], shards=1))
    root = results_of(tmp_path)
    with CountingEngine(manifest) as engine, pytest.raises(StoppedError):
        work(manifest, 0, root, engine, lambda: engine.answered >= 6)
    stored = [entry for path in progress_of(root, manifest) for entry in read_json(root, path)]
    samples = {(entry[1], entry[2], entry[3]) for entry in stored if entry[0] == "sample"}
    assert samples  # the first 4 answers told of a child that died

    with CountingEngine(manifest) as second:
        work(manifest, 0, root, second)

    assert samples.isdisjoint({item.key for item in second.given})
    write_inputs(tmp_path / "whole", module_files())
    whole = plan_run(tmp_path / "whole", make_run(tasks=[TURN], shards=1))
    work_on(whole, results_of(tmp_path / "whole"))
    assert without_seconds(rows_of(root, manifest)) == without_seconds(rows_of(results_of(tmp_path / "whole"), whole))


def test_another_language_than_the_plans_is_refused(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"turn.py": SOLVE_TURN})
    manifest = plan_run(tmp_path, make_run())._replace(dsl_digest="0" * 64)

    with (
        CountingEngine(manifest) as engine,
        pytest.raises(InputError, match="must be the DSL the run was planned with"),
    ):
        work(manifest, 0, results_of(tmp_path), engine)


def test_verdicts_are_cached_but_for_crashes(tmp_path: Path) -> None:
    write_inputs(tmp_path, {**HOSTILE, **module_files()})
    manifest = plan_run(tmp_path, make_run(tasks=[TURN], shards=1, timeoutSeconds=TIMEOUT))
    root = results_of(tmp_path)

    work_on(manifest, root)

    value = read_json(root, f"{manifest.ref.folder}/{manifest.shards[0].path}")
    task = next(task.digest for task in manifest.tasks)
    limits = repr(TIMEOUT), str(manifest.spec["solvers"]["memoryBytes"])
    keys = {number: digest_of(program, task, *limits) for number, program in value["programs"].items()}
    known = Cache(root, manifest.dsl_digest).lookup(VERDICTS, keys.values())
    entries = [entry for path in manifest.inputs.chunks for entry in read_json(root, f"{manifest.ref.folder}/{path}")]
    uncached = {entry[1] for entry in entries if keys[str(entry[0])] not in known}
    modules = {str(number) for number, _ in manifest.inputs.modules}
    assert uncached == {"candidates/e_stack.py"}
    assert not any(keys[number] in known for number in modules)


def test_without_a_cache_nothing_is_written_to_it(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"turn.py": SOLVE_TURN, "same.py": SOLVE_SAME})
    manifest = plan_run(tmp_path, make_run(cache=False))

    work_on(manifest, results_of(tmp_path))

    assert results_of(tmp_path).list("cache/") == []


def pairs(**known: Verdict) -> dict[int, PairVerdict]:
    return {int(place[1:]): PairVerdict(verdict) for place, verdict in known.items()}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (pairs(), None),
        (pairs(p0=Verdict.CORRECT, p2=Verdict.WRONG), None),
        (pairs(p1=Verdict.TIMEOUT), None),
        (pairs(p0=Verdict.CORRECT, p1=Verdict.WRONG, p2=Verdict.ERROR), ["correct", "wrong", "error"]),
        (pairs(p0=Verdict.TIMEOUT), ["timeout", "skipped", "skipped"]),
        (pairs(p0=Verdict.CORRECT, p1=Verdict.CRASHED, p2=Verdict.CORRECT), ["correct", "crashed", "skipped"]),
        (pairs(p0=Verdict.OUT_OF_MEMORY, p2=Verdict.CORRECT), ["out_of_memory", "skipped", "skipped"]),
    ],
)
def test_a_candidate_is_decided_once_the_pairs_that_count_are_known(
    known: dict[int, PairVerdict], expected: list[str] | None
) -> None:
    found = decided(known, 3)

    assert (None if found is None else [str(pair.verdict) for pair in found]) == expected


def test_tasks_used_here_are_those_of_the_small_run(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"any.py": "def solve(I):\n    return I\n"})

    manifest = plan_run(tmp_path, make_run())

    assert [task.id for task in manifest.tasks] == [TURN, MIRROR, SAME]

"""Collect merges what shards found, keeps the best of each task, and says the same when it is run again."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from batt.collect import collect, said
from batt.results import Summary, without_timing
from batt.solver.verdicts import PairVerdict, Verdict
from batt.state import is_finished
from batt.store import ObjectStore, open_store, read_json
from batt.timing import (
    CHECK_BATT,
    CHECK_SPEED,
    DEMO,
    DIFFERS,
    FILE_OPS,
    FILTER,
    MAIN,
    TEST,
    VALIDATE,
    stats_from_json,
)
from batt.tree import set_links, solver_file, solver_link, write_text
from tests.runs import (
    ENDLESS,
    MEMORY_EATER,
    MIRROR,
    RAISING,
    SAME,
    SOLVE_MIRROR,
    SOLVE_SAME,
    SOLVE_TURN,
    TURN,
    make_run,
    plan_run,
    results_of,
    work_on,
    write_inputs,
)

MIXED = {
    "solve_turn.py": SOLVE_TURN,
    "mirror.py": SOLVE_MIRROR,
    "same.py": SOLVE_SAME,
    "any.py": "def solve(I):\n    return vmirror(I)\n",
    "again.py": "def solve_1a1a1a1a(I):\n    return rot90(I)\n",
    "raising.py": RAISING,
    "refused.py": "def solve(I):\n    return I.append(1)\n",
    "elsewhere.py": "def solve_deadbeef(I):\n    return I\n",
    "m.py": (
        "def batt(task_id, S, I, C, log_path):\n    s = []\n    o = []\n"
        "    t1 = rot90(I)\n    o.append((1, False, 'one', t1))\n"
        "    t2 = rot270(I)\n    t3 = rot180(t2)\n    o.append((3, False, 'two', t3))\n"
        "    t4 = palette(C)\n    t5 = astuple(ONE, t4)\n    s.append((5, 'None', 'differ_a', t5))\n    return o, s\n"
    ),
    "m_call.py": "t_call = {1: 'rot90, I', 2: 'rot270, I', 3: 'rot180, t2'}\n",
}


def run_once(
    base: Path, uid: str = "00000001", root: ObjectStore | None = None, **solvers: Any
) -> tuple[Summary, dict[str, Any]]:
    """Plan, work and collect; return the summary and results.json."""
    root = root or results_of(base)
    manifest = plan_run(base, make_run(**solvers), uid, root)
    work_on(manifest, root)
    summary = collect(manifest, root)
    return summary, read_json(root, summary.path)


def rows_of(results: dict[str, Any], task: str) -> dict[str, dict[str, Any]]:
    """Return the candidates of a task by name."""
    (found,) = [one for one in results["tasks"] if one["task"] == task]
    return {row["candidate"].partition("/")[2]: row for row in found["candidates"]}


def links_of(base: Path, task: str) -> list[str]:
    home = base / "results" / "solver_dir" / f"solve_{task}"
    return sorted(path.relative_to(home.parents[1]).as_posix() for path in home.rglob("*.py"))


def test_totals_account_for_everything_that_was_read(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)

    summary, results = run_once(tmp_path)

    totals = summary.totals
    rows = [row for task in results["tasks"] for row in task["candidates"]]
    assert sum(totals.verdicts.values()) == totals.candidates == len(rows) == 4 + 3 + 3 + 3 * 2
    assert totals.refused == len(results["refused"]) == 1
    assert totals.out_of_scope == 1
    assert totals.missing == 0
    assert totals.duplicates == sum("duplicate" in row for row in rows) == 2
    assert totals.unique + totals.duplicates == totals.candidates
    assert totals.kept == sum(row["kept"] for row in rows)
    assert results["totals"] == totals._asdict()


def test_what_attempts_have_added_makes_up_the_whole(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run(shards=4))
    work_on(manifest, root, [0, 2])
    first = collect(manifest, root, 1, began=time.time() - 10)
    work_on(manifest, root, [1, 3])

    second = collect(manifest, root, 2, began=time.time() - 5)
    again = collect(manifest, root, 2, began=time.time() - 7)

    assert again == second
    assert first.added.phases == first.phases
    assert first.added.outcomes == {str(verdict): count for verdict, count in first.totals.verdicts.items()}
    outcomes = Counter(first.added.outcomes)
    outcomes.update(second.added.outcomes)
    assert outcomes == {str(verdict): count for verdict, count in second.totals.verdicts.items()}
    assert first.missing_shards == (1, 3)
    parts = [stats_from_json(summary.added.phases) for summary in (first, second)]
    whole = stats_from_json(second.phases)
    for name in (CHECK_SPEED, DEMO, TEST, CHECK_BATT):
        found = [part[name] for part in parts if name in part]
        assert sum(one.number for one in found) == whole[name].number > 0, name
        assert math.isclose(sum(one.total for one in found), whole[name].total), name
        assert list(map(sum, zip(*(one.buckets for one in found), strict=True))) == list(whole[name].buckets), name
    assert math.isclose(sum(part[VALIDATE].total for part in parts), whole[VALIDATE].total)
    assert [round(part[MAIN].total) for part in parts] == [10, 5]
    assert round(whole[MAIN].total) == 15
    assert {name: one.number for name, one in whole.items()} == {
        name: sum(part[name].number for part in parts if name in part) for name in parts[0] | parts[1]
    }


def test_results_hold_the_phases_that_the_summary_tells(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run())
    work_on(manifest, root)

    summary = collect(manifest, root, began=time.time() - 3)
    (tmp_path / "results" / summary.path).unlink()  # a collect that was killed between its two writes
    told = collect(manifest, root, began=time.time() - 60)

    assert told == summary
    phases = read_json(root, summary.path)["phases"]
    assert phases == summary.phases
    assert round(stats_from_json(phases)[MAIN].total) == 3


def test_an_attempt_that_finds_nothing_new_adds_only_its_own_time(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run())
    work_on(manifest, root)
    collect(manifest, root, 1, began=time.time() - 10)

    second = collect(manifest, root, 2, began=time.time() - 5)

    assert second.added.outcomes == {}
    assert set(second.added.phases) <= {FILTER, FILE_OPS, DIFFERS, MAIN}
    assert round(stats_from_json(second.added.phases)[MAIN].total) == 5


def test_a_task_is_solved_by_one_candidate_that_is_right_on_every_pair(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"solve_turn.py": SOLVE_TURN, "half.py": "def solve_2b2b2b2b(I):\n    return rot90(I)\n"})

    summary, results = run_once(tmp_path)

    assert summary.score == (1, 3)
    assert {task["task"]: task["solved"] for task in results["tasks"]} == {TURN: True, MIRROR: False, SAME: False}
    assert rows_of(results, MIRROR)["half.py::solve_2b2b2b2b"]["score"] == 1


def test_what_happened_on_each_pair_is_told(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)

    _, results = run_once(tmp_path, tasks=[TURN])

    rows = rows_of(results, TURN)
    assert "pairs" not in rows["solve_turn.py::solve_1a1a1a1a"]
    assert rows["any.py::solve"]["pairs"] == dict.fromkeys(("train[0]", "train[1]", "test[0]"), "wrong")
    places = ("train[0]", "train[1]", "train[2]", "test[0]")
    assert rows["raising.py::solve"]["pairs"] == dict.fromkeys(places, "error TypeError at step 1")


def test_files_are_named_by_the_md5_of_their_inlined_text_and_links_lead_to_them(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)

    _, results = run_once(tmp_path)

    rows = [row for task in results["tasks"] for row in task["candidates"] if row["kept"]]
    assert rows
    for row in rows:
        link = tmp_path / "results" / row["link"]
        assert link.is_symlink()
        assert link.resolve() == (tmp_path / "results" / "solver_md5" / f"{row['md5']}.py").resolve()
        assert link.read_text().startswith("from dsl import *\nfrom constants import *\n\ndef solve(S, I, C):\n")
    turn = rows_of(results, TURN)["again.py::solve_1a1a1a1a"]
    assert turn["md5"] == hashlib.md5(b"def solve(S, I, C):\n    return rot90(I)").hexdigest()
    assert turn["link"].startswith(f"solver_dir/solve_{TURN}/4/")
    every_link = [link for task in (TURN, MIRROR, SAME) for link in links_of(tmp_path, task)]
    assert sorted({row["link"] for row in rows}) == sorted(every_link)


def test_candidates_that_did_not_end_are_neither_kept_nor_offered(tmp_path: Path) -> None:
    write_inputs(
        tmp_path, {"endless.py": ENDLESS, "memory.py": MEMORY_EATER, "wrong.py": "def solve(I):\n    return I\n"}
    )

    summary, results = run_once(tmp_path, tasks=[TURN], timeoutSeconds=0.1, keep=1)

    rows = rows_of(results, TURN)
    assert {name: row["kept"] for name, row in rows.items()} == {
        "endless.py::solve": False,
        "memory.py::solve": False,
        "wrong.py::solve": True,
    }
    assert len(links_of(tmp_path, TURN)) == 1
    assert (summary.totals.unique, summary.totals.kept) == (3, 1)


def test_where_time_or_memory_ran_out_is_not_told() -> None:
    assert said(PairVerdict(Verdict.TIMEOUT, 1.0, "", 3)) == "timeout"
    assert said(PairVerdict(Verdict.OUT_OF_MEMORY, 1.0, "", 3)) == "out_of_memory"
    assert said(PairVerdict(Verdict.ERROR, 1.0, "ValueError", 3)) == "error ValueError at step 3"
    assert said(PairVerdict(Verdict.CRASHED, 1.0, "SIGSEGV", 0)) == "crashed SIGSEGV"
    assert said(PairVerdict(Verdict.WRONG, 1.0)) == "wrong"


def test_different_bodies_of_one_file_have_one_link(tmp_path: Path) -> None:
    write_inputs(
        tmp_path,
        {
            "a.py": "def solve(I):\n    x1 = rot90(I)\n    x2 = rot180(I)\n    O = hconcat(x1, x2)\n    return O\n",
            "b.py": "def solve(I):\n    x1 = rot180(I)\n    x2 = rot90(I)\n    O = hconcat(x2, x1)\n    return O\n",
        },
    )

    _, results = run_once(tmp_path, tasks=[TURN])

    first, second = rows_of(results, TURN).values()
    assert first["md5"] == second["md5"]
    assert first["kept"]
    assert second["kept"]
    assert links_of(tmp_path, TURN) == [first["link"]] == [second["link"]]


def test_no_more_than_keep_are_kept(tmp_path: Path) -> None:
    write_inputs(
        tmp_path,
        {f"{n:02d}.py": f"def solve(I):\n    O = replace(I, {n % 10}, {n // 10})\n    return O\n" for n in range(40)},
    )

    summary, _ = run_once(tmp_path, tasks=[SAME], keep=7)

    assert summary.totals.kept == 7
    assert len(links_of(tmp_path, SAME)) == 7


def test_new_files_make_room_in_a_full_folder(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"turn.py": SOLVE_TURN})
    root = results_of(tmp_path)
    names = [f"{n:032x}" for n in range(4)]
    for name in names:
        write_text(root, solver_file(name), "text")
    set_links(root, f"solver_dir/solve_{TURN}", [solver_link(TURN, n, 15, name) for n, name in enumerate(names)])

    _, results = run_once(tmp_path, keep=3)

    link = rows_of(results, TURN)["turn.py::solve_1a1a1a1a"]["link"]
    held = [f"solver_dir/solve_{TURN}/{n}/15/{name}.py" for n, name in enumerate(names)]
    assert links_of(tmp_path, TURN) == sorted([*held[1:], link])
    assert (tmp_path / "results" / solver_file(names[0])).is_file()


def test_collecting_again_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run())
    work_on(manifest, root)
    first = collect(manifest, root)
    before = {path: os.lstat(root.root / path) for path in root.list()}

    again = collect(manifest, root)

    assert again == first
    assert {path: os.lstat(root.root / path) for path in root.list()} == before


def test_what_is_missing_is_counted_and_collected_by_the_next_attempt(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run(shards=4))
    work_on(manifest, root, [0, 2])
    partial = collect(manifest, root)
    is_finished_then = is_finished(root, manifest)
    work_on(manifest, root, [1])
    third = collect(manifest, root)
    work_on(manifest, root, [3])

    whole = collect(manifest, root)

    assert partial.missing_shards == (1, 3)
    assert third.missing_shards == (3,)
    assert not partial.is_complete
    assert not is_finished_then
    assert partial.totals.missing == manifest.counts.candidates - partial.totals.candidates > 0
    assert [partial.attempt, third.attempt, whole.attempt] == [1, 2, 3]
    assert whole.is_complete
    assert is_finished(root, manifest)
    assert read_json(root, partial.path)["missing_shards"] == [1, 3]


def test_a_shard_that_was_deleted_and_done_again_gives_the_next_attempt_with_equal_results(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run(shards=3))
    work_on(manifest, root)
    first = collect(manifest, root)
    (root.root / manifest.ref.folder / "shards" / "1.json.gz").unlink()
    assert not is_finished(root, manifest)
    work_on(manifest, root)

    second = collect(manifest, root)

    assert second.attempt == 2
    assert without_timing(read_json(root, second.path)) == without_timing(read_json(root, first.path))


def test_a_collect_that_was_killed_before_the_results_is_made_good(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run())
    work_on(manifest, root)
    summary = collect(manifest, root)
    results = read_json(root, summary.path)
    (root.root / summary.path).unlink()

    again = collect(manifest, root)

    assert again == summary
    assert without_timing(read_json(root, summary.path)) == without_timing(results)


def test_deleted_trees_are_built_again(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    root = results_of(tmp_path)
    manifest = plan_run(tmp_path, make_run())
    work_on(manifest, root)
    collect(manifest, root)
    before = {task: links_of(tmp_path, task) for task in (TURN, MIRROR, SAME)}
    for path in [*root.list("solver_dir/"), *root.list("solver_md5/")]:
        (root.root / path).unlink()

    collect(manifest, root)

    assert {task: links_of(tmp_path, task) for task in (TURN, MIRROR, SAME)} == before
    assert all((root.root / link).is_file() for links in before.values() for link in links)


def test_cached_verdicts_are_marked_and_left_out_of_the_times(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)
    first, whole = run_once(tmp_path)
    second, results = run_once(tmp_path, "00000002")

    rows = [row for task in results["tasks"] for row in task["candidates"]]
    assert first.totals.cached == 0
    assert second.totals.cached == len(rows) == second.totals.candidates
    assert all(row["cached"] for row in rows)
    assert "run_batt.check_solver_speed" in first.phases
    assert "run_batt.check_solver_speed" not in second.phases
    assert "run_batt.check_batt" not in second.phases

    assert without_timing(results) == without_timing(whole)


def test_results_do_not_tell_how_the_work_was_split(tmp_path: Path) -> None:
    found = []
    for place, shards in enumerate((1, 3, 16)):
        base = tmp_path / str(place)
        write_inputs(base, MIXED)
        _, results = run_once(base, shards=shards, cache=bool(place % 2))
        found.append(json.dumps(without_timing(results)))

    assert found[0] == found[1] == found[2]


def test_differs_of_kept_candidates_are_written_and_scored(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)

    _, results = run_once(tmp_path, tasks=[TURN])

    (task,) = results["tasks"]
    (differ,) = task["differs"]
    text = tmp_path / "results" / "differ_md5" / f"{differ['md5']}.py"
    assert "def differ(S, I, C):" in text.read_text()
    assert (differ["iz"], differ["zo"]) == (4, 0)
    for link in differ["differ_links"]:
        assert (tmp_path / "results" / link).resolve() == text.resolve()


def test_a_bucket_holds_the_texts_but_no_links(tmp_path: Path, gcs: str) -> None:
    write_inputs(tmp_path, MIXED)
    bucket = open_store(f"{gcs}/here", tmp_path)

    summary, results = run_once(tmp_path, root=bucket)

    kept = {row["md5"] for task in results["tasks"] for row in task["candidates"] if row["kept"]}
    assert bucket.list("solver_md5/") == sorted(f"solver_md5/{md5}.py" for md5 in kept)
    assert bucket.list("solver_dir/") == []
    _, here = run_once(tmp_path)
    assert without_timing(results) == without_timing(here)
    assert summary.is_complete


def test_outputs_count_a_modules_different_outputs(tmp_path: Path) -> None:
    write_inputs(tmp_path, {name: MIXED[name] for name in ("m.py", "m_call.py")})

    summary, _ = run_once(tmp_path, tasks=[TURN])

    assert summary.filtered == ((TURN, 2, 8),)


def test_of_equal_bodies_in_modules_and_files_the_first_stands_for_all(tmp_path: Path) -> None:
    write_inputs(tmp_path, MIXED)

    _, results = run_once(tmp_path, tasks=[TURN])

    rows = rows_of(results, TURN)
    same = ("again.py::solve_1a1a1a1a", "solve_turn.py::solve_1a1a1a1a", "m.py::t1")
    assert [rows[name]["kept"] for name in same] == [True, False, False]
    assert ["duplicate" in rows[name] for name in same] == [False, True, True]
    assert len({rows[name]["md5"] for name in same}) == 1


def test_differs_of_one_text_have_one_link(tmp_path: Path) -> None:
    twice = MIXED["m.py"].replace(
        "    return o, s\n",
        "    t6 = astuple(ONE, t4)\n    s.append((6, 'None', 'differ_b', t6))\n"
        "    t7 = astuple(ZERO, t4)\n    s.append((7, 'one', 'differ_b', t7))\n    return o, s\n",
    )
    write_inputs(tmp_path, {**MIXED, "m.py": twice})

    _, results = run_once(tmp_path, tasks=[TURN])

    (task,) = results["tasks"]
    first, second = task["differs"]
    assert first["md5"] == second["md5"]
    assert first["differ_links"] == second["differ_links"]
    links = (tmp_path / "results" / "differ_dir").rglob("*.py")
    assert sorted(path.relative_to(tmp_path / "results").as_posix() for path in links) == sorted(first["differ_links"])

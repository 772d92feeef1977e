"""A plan freezes every input, each body once a task; what is refused is named, and the same again gives the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batt.api import BenchmarkRun
from batt.errors import InputError
from batt.inputs.task_ids import read_task_ids
from batt.manifest import Manifest, RunRef, manifest_from_json, manifest_to_json
from batt.plan import find_resumable, held_files, plan, read_inputs
from batt.reading import Candidates, claimed_task, survey_sources
from batt.solver.selection import Held
from batt.store import DirectoryStore, ObjectStore, create_json, open_store, read_json
from batt.tree import set_links, solver_file, solver_link, write_text
from tests.runs import (
    MIRROR,
    SAME,
    SOLVE_MIRROR,
    SOLVE_SAME,
    SOLVE_TURN,
    TURN,
    make_run,
    plan_run,
    results_of,
    tasks_json,
    work_on,
    write_inputs,
)

FORK = multiprocessing.get_context("fork")

FOLDER = "default/small-00000001"

THREE = {"solve_turn.py": SOLVE_TURN, "mirror.py": SOLVE_MIRROR, "deep/same.py": SOLVE_SAME}

ANY_TASK = "def solve(I):\n    return vmirror(I)\n"


def shard_inputs(root: ObjectStore, manifest: Manifest) -> list[dict[str, Any]]:
    return [read_json(root, f"{FOLDER}/{shard.path}") for shard in manifest.shards]


def items_of(root: ObjectStore, manifest: Manifest) -> list[tuple[int, str]]:
    return sorted((number, task) for value in shard_inputs(root, manifest) for number, task, _ in value["items"])


def entries_of(root: ObjectStore, manifest: Manifest) -> list[list[Any]]:
    return [entry for path in manifest.inputs.chunks for entry in read_json(root, f"{FOLDER}/{path}")]


def refused_of(root: ObjectStore, manifest: Manifest) -> list[list[Any]]:
    refused: list[list[Any]] = read_json(root, f"{FOLDER}/{manifest.inputs.refused}")
    return refused


def test_every_candidate_is_planned_on_its_task(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)

    manifest = plan_run(tmp_path, make_run())

    root = results_of(tmp_path)
    names = {entry[0]: entry[1] for entry in entries_of(root, manifest)}
    assert {(names[number], task) for number, task in items_of(root, manifest)} == {
        ("candidates/deep/same.py", SAME),
        ("candidates/mirror.py", MIRROR),
        ("candidates/solve_turn.py", TURN),
    }
    assert manifest.counts._asdict() == {
        "sources": 3,
        "candidates": 3,
        "refused": 0,
        "out_of_scope": 0,
        "modules": 0,
    }


def test_a_program_that_names_no_task_is_planned_on_all(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"any.py": ANY_TASK})

    manifest = plan_run(tmp_path, make_run())

    assert items_of(results_of(tmp_path), manifest) == [(1, TURN), (1, MIRROR), (1, SAME)]
    assert [task.items for task in manifest.tasks] == [1, 1, 1]


def test_the_manifest_survives_a_trip_through_json(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)

    manifest = plan_run(tmp_path, make_run(shards=2))

    assert manifest_from_json(json.loads(json.dumps(manifest_to_json(manifest)))) == manifest


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    value = manifest_to_json(plan_run(tmp_path, make_run()))

    with pytest.raises(InputError, match="got schema 99; must be 1; finish the run with the batt that planned it"):
        manifest_from_json({**value, "schema": 99})


def test_planning_again_gives_the_stored_manifest_unread(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    manifest = plan_run(tmp_path, make_run())
    before = results_of(tmp_path).list()
    (tmp_path / "tasks.json").unlink()

    again = plan_run(tmp_path, make_run())

    assert again == manifest
    assert results_of(tmp_path).list() == before


def test_equal_bodies_are_planned_once_a_task(tmp_path: Path) -> None:
    write_inputs(
        tmp_path,
        {
            "a.py": "def solve_1a1a1a1a(I):\n    return rot90(I)\n",
            "b.py": "def solve_1a1a1a1a(S, I, C):\n    unused = rot180(I)\n    O = rot90(I)\n    return O\n",
            "c.py": "def solve(grid):\n    return rot90(grid)\n",
        },
    )

    manifest = plan_run(tmp_path, make_run())

    root = results_of(tmp_path)
    known = read_json(root, f"{FOLDER}/{manifest.inputs.known}")
    assert items_of(root, manifest) == [(1, TURN), (3, MIRROR), (3, SAME)]
    assert sorted(known["duplicates"]) == [[2, TURN, 1], [3, TURN, 1]]
    assert manifest.counts.candidates == 5


def test_modules_are_planned_whole_on_every_task(tmp_path: Path) -> None:
    module = (
        "def batt(task_id, S, I, C, log_path):\n    s = []\n    o = []\n    t1 = rot90(I)\n"
        "    o.append((1, False, 'one', t1))\n    t2 = rot180(I)\n    o.append((2, True, 'two', t2))\n    return o, s\n"
    )
    calls = "t_call = {1: 'rot90, I', 2: 'rot180, I'}\n"
    write_inputs(tmp_path, {"m.py": module, "m_call.py": calls})

    manifest = plan_run(tmp_path, make_run(shards=16))

    assert len(manifest.shards) == 3
    assert manifest.counts == (1, 6, 0, 0, 1)


def test_programs_for_tasks_that_were_not_asked_for_are_counted(tmp_path: Path) -> None:
    foreign = "def solve_deadbeef(I):\n    return I\n"
    write_inputs(tmp_path, {**THREE, "foreign.py": foreign})

    manifest = plan_run(tmp_path, make_run(tasks=[TURN]))

    assert manifest.counts.out_of_scope == 3
    assert manifest.counts.candidates == 1
    assert [task.id for task in manifest.tasks] == [TURN]


def test_refused_constructs_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_inputs(
        tmp_path,
        {
            **THREE,
            "bad.py": "import os\nx = os.system('true')\n",
            "half.py": SOLVE_TURN.replace("solve_", "solve_1a1a1a1a_") + "def solve_b(I):\n    return nothing(I)\n",
        },
    )

    manifest = plan_run(tmp_path, make_run())

    refused = refused_of(results_of(tmp_path), manifest)
    assert [(fault[0], fault[4]) for fault in refused] == [("candidates/bad.py", 2), ("candidates/half.py", 4)]
    assert manifest.counts.refused == 2
    assert manifest.counts.candidates == 4


def test_nothing_to_run_is_refused_with_every_reason(tmp_path: Path) -> None:
    write_inputs(tmp_path, {f"bad{n:02d}.py": "x = 1\n" for n in range(12)})

    with pytest.raises(InputError, match="must hold a candidate for a task of this run; there is none") as caught:
        plan_run(tmp_path, make_run())

    assert "candidates/bad00.py (line 1)" in str(caught.value)
    assert "... and 2 more" in str(caught.value)
    assert results_of(tmp_path).list("default/") == []


def test_only_programs_for_other_tasks_are_nothing_to_run(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"mirror.py": SOLVE_MIRROR})

    with pytest.raises(InputError, match="there is none"):
        plan_run(tmp_path, make_run(tasks=[TURN]))


def test_unknown_tasks_are_refused_by_name(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)

    with pytest.raises(InputError, match="'99999999'"):
        plan_run(tmp_path, make_run(tasks=[TURN, "99999999"]))


def test_a_malformed_task_is_refused_by_name_and_the_others_run(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    tasks[TURN]["test"][0]["output"] = [[10]]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))

    manifest = plan_run(tmp_path, make_run())

    assert [task.id for task in manifest.tasks] == [MIRROR, SAME]
    assert len(manifest.refused_tasks) == 1
    assert "task '1a1a1a1a' test[0].output[0][0]" in manifest.refused_tasks[0]


@pytest.mark.parametrize("shards", [1, 2, 3, 100])
def test_shards_are_as_asked_for_and_hold_all_that_their_items_need(tmp_path: Path, shards: int) -> None:
    write_inputs(tmp_path, {**THREE, "any.py": ANY_TASK})

    manifest = plan_run(tmp_path, make_run(shards=shards))

    values = shard_inputs(results_of(tmp_path), manifest)
    assert len(values) == min(shards, 6)
    for value, shard in zip(values, manifest.shards, strict=True):
        assert {task for _, task, _ in value["items"]} == value["tasks"].keys()
        assert {str(number) for number, _, _ in value["items"]} == value["programs"].keys()
        assert shard.items == len(value["items"])


def digest(tmp_path: Path, run: BenchmarkRun) -> str:
    return read_inputs(run, tmp_path, results_of(tmp_path)).digest


def test_the_inputs_digest_tells_every_change_of_what_is_done(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    digests = [digest(tmp_path, make_run())]
    assert digest(tmp_path, make_run()) == digests[0]

    settings: list[dict[str, Any]] = [
        {"tasks": [TURN, MIRROR]},
        {"timeoutSeconds": 2.0},
        {"memoryBytes": 2**28},
        {"keep": 31},
        {"cache": False},
    ]
    digests += [digest(tmp_path, make_run(**setting)) for setting in settings]
    (tmp_path / "candidates" / "mirror.py").write_text(SOLVE_MIRROR + "\n")
    digests.append(digest(tmp_path, make_run()))
    (tmp_path / "candidates" / "mirror.py").rename(tmp_path / "candidates" / "mirror2.py")
    digests.append(digest(tmp_path, make_run()))
    (tmp_path / "candidates" / "new.py").write_text(ANY_TASK)
    digests.append(digest(tmp_path, make_run()))
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    tasks[TURN]["train"][0]["input"][0][0] = 9
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    digests.append(digest(tmp_path, make_run()))

    assert len(set(digests)) == len(digests) == 10


def test_the_inputs_digest_does_not_depend_on_how_the_work_is_split(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)

    assert digest(tmp_path, make_run(shards=1)) == digest(tmp_path, make_run(shards=7)) == digest(tmp_path, make_run())


def test_digests_of_the_manifest_name_each_input(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    first = plan_run(tmp_path, make_run(), "00000001")
    (tmp_path / "candidates" / "more.py").write_text(ANY_TASK)
    second = plan_run(tmp_path, make_run(), "00000002")

    assert first.dataset_digest == second.dataset_digest
    assert first.dsl_digest == second.dsl_digest
    assert first.candidates_digest != second.candidates_digest


def kill_in_the_middle(tmp_path: Path, count: int) -> None:
    """Plan in a process that is killed as soon as it has written `count` objects."""
    planner = FORK.Process(target=plan_run, args=(tmp_path, make_run(shards=3)))
    planner.start()
    deadline = time.monotonic() + 30
    while planner.is_alive() and len(results_of(tmp_path).list(FOLDER)) < count:
        assert time.monotonic() < deadline
    if planner.pid and planner.is_alive():
        os.kill(planner.pid, signal.SIGKILL)
    planner.join()


@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_a_planner_killed_in_the_middle_is_made_good_by_the_next(tmp_path: Path, count: int) -> None:
    write_inputs(tmp_path, {**THREE, "any.py": ANY_TASK})
    kill_in_the_middle(tmp_path, count)

    manifest = plan_run(tmp_path, make_run(shards=3))

    root = results_of(tmp_path)
    assert manifest == plan_run(tmp_path, make_run(shards=3))
    assert len(items_of(root, manifest)) == 6
    assert len(entries_of(root, manifest)) == 4


def test_planners_at_once_agree_on_one_manifest(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    start = FORK.Barrier(3)

    def plan_with_the_others() -> None:
        start.wait()
        manifest = plan_run(tmp_path, make_run())
        create_json(results_of(tmp_path), f"told/{os.getpid()}.json", manifest_to_json(manifest))

    planners = [FORK.Process(target=plan_with_the_others) for _ in range(3)]
    for planner in planners:
        planner.start()
    for planner in planners:
        planner.join()

    root = results_of(tmp_path)
    told = [read_json(root, path) for path in root.list("told/")]
    assert [planner.exitcode for planner in planners] == [0, 0, 0]
    assert len(told) == 3
    assert all(value == told[0] for value in told)


def test_held_files_are_counted_once_at_their_best_score(tmp_path: Path) -> None:
    root = DirectoryStore(tmp_path)
    for md5 in ("aaa", "bbb", "ccc"):
        write_text(root, solver_file(md5), "text")
    set_links(root, "solver_dir/solve_t1", [solver_link("t1", 3, 15, "aaa"), solver_link("t1", 5, 15, "bbb")])
    set_links(root, "solver_dir/solve_t1", [])
    (tmp_path / "solver_dir/solve_t1/4/12").mkdir(parents=True)
    (tmp_path / "solver_dir/solve_t1/4/12/aaa.py").symlink_to("../../../../solver_md5/aaa.py")
    set_links(root, "solver_dir/solve_t2", [solver_link("t2", 1, 15, "ccc")])
    set_links(root, "solver_dir/solve_other", [solver_link("other", 1, 15, "ccc")])
    (tmp_path / "solver_dir/solve_t1/4/12/dangling.py").symlink_to("../../../../solver_md5/never.py")
    (tmp_path / "solver_dir/solve_t1/notes.txt").write_text("mine")

    held = held_files(root, ["t1", "t2", "t3"])

    assert held == {"t1": (Held(5, "bbb"), Held(4, "aaa")), "t2": (Held(1, "ccc"),)}


@pytest.mark.parametrize(
    ("suffix", "path_task", "expected"),
    [
        (TURN, None, TURN),
        (f"{TURN}_fast", None, TURN),
        ("v2", None, ""),
        ("v2", TURN, TURN),
        ("", MIRROR, MIRROR),
        (TURN, MIRROR, TURN),
        ("deadbeef", None, "deadbeef"),
        ("deadbeef_2", None, "deadbeef_2"),
        ("", None, ""),
    ],
)
def test_a_function_name_claims_its_task_before_the_path_does(
    suffix: str, path_task: str | None, expected: str
) -> None:
    assert claimed_task(suffix, path_task, frozenset({TURN, MIRROR})) == expected


@pytest.mark.parametrize(
    "text", [f"{TURN}\n{MIRROR}\n", f"# mine\r\n  {TURN}  \r\n\r\n{MIRROR}", f"\ufeff{TURN}\n{MIRROR}"]
)
def test_task_ids_are_read_from_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "ids.txt").write_bytes(text.encode())

    assert read_task_ids("ids.txt", tmp_path) == [TURN, MIRROR]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got no id in 'ids.txt'"),
        (b"# nothing\n", "got no id"),
        (f"{TURN}\n{TURN}\n".encode(), r"got \['1a1a1a1a'\] more than once"),
        (b"\xff\xfe", "must be a text file"),
        (None, "must be a text file with one task id a line; .*No such file"),
    ],
)
def test_a_bad_file_of_task_ids_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "ids.txt").write_bytes(content)

    with pytest.raises(InputError, match=f"spec.solvers.tasksFrom: .*{message}"):
        read_task_ids("ids.txt", tmp_path)


def test_task_ids_are_read_from_a_bucket(gcs: str) -> None:
    open_store(f"{gcs}/lists", Path()).create("ids.txt", f"{TURN}\n{MIRROR}\n".encode())

    assert read_task_ids(f"{gcs}/lists/ids.txt", Path()) == [TURN, MIRROR]
    with pytest.raises(InputError, match="there is no such object"):
        read_task_ids(f"{gcs}/lists/none.txt", Path())


def test_a_plan_runs_only_the_tasks_of_a_file(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    (tmp_path / "ids.txt").write_text(f"{SAME}\n{TURN}\n")

    manifest = plan_run(tmp_path, make_run(tasksFrom="ids.txt"))

    assert [task.id for task in manifest.tasks] == [TURN, SAME]


def resumable(tmp_path: Path, run: BenchmarkRun) -> RunRef | None:
    return find_resumable(results_of(tmp_path), run, read_inputs(run, tmp_path, results_of(tmp_path)))


def test_an_unfinished_run_of_equal_name_and_inputs_is_found(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    assert resumable(tmp_path, make_run()) is None
    manifest = plan_run(tmp_path, make_run(shards=2))

    assert resumable(tmp_path, make_run(shards=2)) == manifest.ref
    assert resumable(tmp_path, make_run(shards=3)) == manifest.ref
    assert resumable(tmp_path, make_run("other")) is None
    assert resumable(tmp_path, make_run(keep=3)) is None
    (tmp_path / "candidates" / "more.py").write_text(ANY_TASK)
    assert resumable(tmp_path, make_run()) is None


def test_a_run_whose_planner_was_killed_before_the_manifest_is_not_resumed(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    manifest = plan_run(tmp_path, make_run())
    (tmp_path / "results" / manifest.ref.folder / "manifest.json").unlink()

    assert resumable(tmp_path, make_run()) is None


def test_cached_verdicts_are_planned_as_known_and_not_as_work(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    root = results_of(tmp_path)
    first = plan_run(tmp_path, make_run(), "00000001")
    work_on(first, root)
    (tmp_path / "candidates" / "more.py").write_text(ANY_TASK)

    second = plan_run(tmp_path, make_run(), "00000002")

    known = read_json(root, f"{second.ref.folder}/{second.inputs.known}")
    assert len(known["rows"]) == 3
    assert sum(shard.items for shard in second.shards) == 3
    assert [task.items for task in second.tasks] == [1, 1, 1]


@pytest.mark.parametrize(
    "change", [{"cache": False}, {"timeoutSeconds": 0.9}, {"memoryBytes": 2**28}], ids=lambda change: next(iter(change))
)
def test_other_limits_do_not_use_the_cache(tmp_path: Path, change: dict[str, Any]) -> None:
    write_inputs(tmp_path, THREE)
    first = plan_run(tmp_path, make_run(), "00000001")
    work_on(first, results_of(tmp_path))

    second = plan_run(tmp_path, make_run(**change), "00000002")

    assert sum(shard.items for shard in second.shards) == 3


def test_texts_that_change_while_they_are_read_stop_the_plan(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    run = make_run()
    inputs = read_inputs(run, tmp_path, results_of(tmp_path))
    (tmp_path / "candidates" / "mirror.py").write_text(ANY_TASK)

    with pytest.raises(InputError, match="candidates: 'candidates' changed while it was read"):
        plan(run, RunRef("default", "small", "00000001"), results_of(tmp_path), tmp_path, inputs=inputs)


def test_the_survey_reads_every_text_once(tmp_path: Path) -> None:
    lines = [json.dumps({"id": n, "task": TURN, "code": SOLVE_TURN}) for n in range(5)]
    write_inputs(tmp_path, {**THREE, "more.jsonl": "\n".join(lines)})

    survey = survey_sources(Candidates("candidates", tmp_path, frozenset({TURN})))

    assert len(survey.digests) == 8
    assert Counter(survey.digests).most_common(1)[0][1] == 6


def test_texts_seen_before_are_not_inspected_again(tmp_path: Path) -> None:
    write_inputs(tmp_path, {**THREE, "bad.py": "x = 1\n"})

    def inspections() -> list[str]:
        return [path for path in results_of(tmp_path).list("cache/") if "/inspections/" in path]

    plan_run(tmp_path, make_run(), "00000001")
    before = inspections()
    second = plan_run(tmp_path, make_run(), "00000002")
    assert inspections() == before
    (tmp_path / "candidates" / "more.py").write_text(ANY_TASK)
    plan_run(tmp_path, make_run(), "00000003")

    assert second.counts == (4, 3, 1, 0, 0)
    assert len(inspections()) == len(before) + 1


def test_results_that_lie_among_the_candidates_are_no_candidates(tmp_path: Path) -> None:
    write_inputs(tmp_path, THREE)
    root = DirectoryStore(tmp_path / "candidates" / "my results")
    write_text(root, solver_file("0" * 32), SOLVE_SAME)
    set_links(root, f"solver_dir/solve_{SAME}", [solver_link(SAME, 4, 15, "0" * 32)])

    among = plan_run(tmp_path, make_run(), root=root)
    elsewhere = plan_run(tmp_path, make_run())

    assert among.counts.candidates == 3
    assert elsewhere.counts.candidates == 5


def test_programs_for_a_refused_task_are_not_taken_for_programs_for_any(tmp_path: Path) -> None:
    tasks = json.loads(json.dumps(tasks_json()))
    tasks["broken"] = {"train": [], "test": []}
    write_inputs(tmp_path, {"one.py": "def solve_broken(I):\n    return I\n", "turn.py": SOLVE_TURN})
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))

    manifest = plan_run(tmp_path, make_run())

    assert len(manifest.refused_tasks) == 1
    assert (manifest.counts.candidates, manifest.counts.out_of_scope) == (1, 1)

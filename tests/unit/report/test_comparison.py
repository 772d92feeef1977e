"""Two runs are compared item by item: what ended otherwise, what took longer by more than noise, what is alone."""

from __future__ import annotations

from typing import Any

import pytest

from batt.errors import InputError
from batt.report.compared import compared_json, compared_lines, compared_report
from batt.report.comparison import Comparison, compare, differences, side_of
from batt.report.page import page_html
from tests.unit.report.builders import candidate, hal_results, hal_row, many_tasks, solver_results, task
from tests.unit.report.test_solvers import section_of


def compared(before: list[Any], after: list[Any], **more: Any) -> Comparison:
    """Return the comparison of candidates on one task."""
    return compare(
        side_of(solver_results([task("t", before)]), "results/a/out/1/results.json"),
        side_of(solver_results([task("t", after)], **more), "results/b/out/1/results.json"),
    )


def names(pairs: Any) -> list[str]:
    return [pair.name.item for pair in pairs]


def test_what_ended_otherwise_is_told_by_its_direction() -> None:
    before = [candidate(n, verdict, name=f"c{n}") for n, verdict in enumerate(("correct", "wrong", "error", "correct"))]
    after = [
        candidate(n, verdict, name=f"c{n}") for n, verdict in enumerate(("timeout", "correct", "wrong", "correct"))
    ]

    found = compared(before, after)

    assert (names(found.newly_failing), names(found.newly_right), names(found.otherwise)) == (["c0"], ["c1"], ["c2"])
    assert (found.pairs, found.alike) == (4, 1)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0.100, 0.151, "slower"),
        (0.100, 0.149, ""),
        (0.151, 0.100, "faster"),
        (0.001, 0.0055, ""),
        (0.001, 0.0065, "slower"),
        (0.0, 0.0, ""),
        (0.0, 0.5, "slower"),
    ],
)
def test_times_differ_only_beyond_noise(before: float, after: float, expected: str) -> None:
    found = compared([candidate(1, seconds=before)], [candidate(1, seconds=after)])

    assert (len(found.slower), len(found.faster)) == (expected == "slower", expected == "faster")


def test_cached_verdicts_took_no_time() -> None:
    found = compared([candidate(1, seconds=5.0)], [candidate(1, seconds=0.1, cached=True)])

    assert found.faster == ()
    assert (found.seconds_before, found.seconds_after) == (0.0, 0.0)


def test_moved_candidates_meet_by_their_program() -> None:
    found = compared([candidate(7, name="old/a.py::solve")], [candidate(7, name="new/a.py::solve"), candidate(8)])

    assert found.pairs == found.alike == 1
    assert found.only_before == ()
    assert [lone.name.item for lone in found.only_after] == ["candidates/solver_000008.py::solve"]


def test_candidates_of_one_name_are_told_apart() -> None:
    twice = [candidate(1, name="a.py::solve"), candidate(2, "wrong", name="a.py::solve")]

    assert compared(twice, twice).alike == 2


def test_a_task_is_lost_where_no_candidate_solves_it_any_more() -> None:
    two = [candidate(1, name="a"), candidate(2, name="b")]

    assert compared(two, [candidate(1, "wrong", name="a"), candidate(2, name="b")]).tasks_lost == ()
    assert compared(two, [candidate(1, "wrong", name="a"), candidate(2, "error", name="b")]).tasks_lost == ("t",)
    assert compared([], two).tasks_won == ()  # before it had no candidate: that is told as such


def test_tasks_of_agents_are_compared_by_repeat() -> None:
    before = side_of(hal_results([hal_row("a"), hal_row("b", score=0.0), hal_row("c", wall_clock_seconds=2.0)]), "a")
    after = side_of(hal_results([hal_row("a", "timeout"), hal_row("b"), hal_row("c", wall_clock_seconds=9.0)]), "b")

    found = compare(before, after)

    assert [(pair.name.task, pair.after.state) for pair in found.newly_failing] == [("a", "timeout")]
    assert [pair.name.task for pair in found.newly_right] == ["b"]
    assert [(pair.name.task, pair.factor) for pair in found.slower] == [("c", 4.5)]


def test_an_agent_asked_with_other_arguments_was_asked_otherwise() -> None:
    before, after = (hal_results([hal_row("t")]) for _ in "ab")
    before["hal"]["agent"]["args"] = {"model_name": "small", "temperature": 0}
    after["hal"]["agent"]["args"] = {"model_name": "large", "temperature": 0, "effort": "high"}

    found = compare(side_of(before, "a"), side_of(after, "b"))

    assert differences(found.before, found.after) == [
        ("agent.args.model_name", "small", "large"),
        ("agent.args.effort", "-", "high"),
    ]


def test_a_run_of_which_shards_are_missing_is_said_to_be_partial() -> None:
    found = compared([candidate(1)], [candidate(1)], missing_shards=[0, 3])

    assert "MISSING     2 shards of B had no result" in compared_lines(found)
    assert b"PARTIAL: 2 shards of B had no result." in page_html(compared_report(found))
    assert compared_json(found)["missing_shards"] == [0, 2]


def test_runs_of_two_kinds_are_refused() -> None:
    solvers, hal = side_of(solver_results([]), "x/results.json"), side_of(hal_results([]), "y/results.json")

    with pytest.raises(
        InputError,
        match=r"compare: got x/results.json of kind solvers, y/results.json of kind hal; must be two runs of one kind",
    ):
        compare(solvers, hal)


def test_a_terminal_shows_what_differs() -> None:
    found = compared(
        [candidate(1, seconds=0.1), candidate(2)],
        [candidate(1, "wrong", seconds=0.2), candidate(3)],
        dsl_digest="e" * 64,
    )

    assert compared_lines(found)[:9] == [
        "A           default/small-00000001",
        "B           default/small-00000001",
        "differs     dsl_digest: bbbbbbbbbbbb -> eeeeeeeeeeee",
        "score       1 of 1 (100.0 %) -> 1 of 1 (100.0 %)",
        "items       1 in both: 0 alike, 1 newly failing, 0 newly right, 0 otherwise changed",
        "            1 only in A, 1 only in B",
        "times       1 slower, 0 faster (by a factor of at least 1.5 and at least 5 ms)",
        "            0.100 s -> 0.200 s of items in both (2.00)",
        "",
    ]
    assert "  main.run_batt                      12.346   12.346   1.00" in compared_lines(found)


def test_a_terminal_shows_no_name_that_commands_it() -> None:
    results = solver_results([task("t", [candidate(1)])])
    results["run"]["name"] = "\x1b[2Jrun"
    results["phases"] = {"\x1b[2Jphase": results["phases"]["main.run_batt"]}
    side = side_of(results, "a")

    lines = "\n".join(compared_lines(compare(side, side)))

    assert "\x1b" not in lines
    assert "\\u001b[2Jrun" in lines


def test_json_names_what_differs() -> None:
    value = compared_json(compared([candidate(1)], [candidate(1, "wrong")]))

    [failing] = value["newly_failing"]
    assert failing["item"] == "candidates/solver_000001.py::solve"
    assert failing["states"] == ["correct", "wrong"]


def test_the_page_says_what_was_asked_otherwise_and_has_every_change() -> None:
    report = compared_report(compared([candidate(1)], [candidate(1, "wrong", seconds=0.9)], candidates_digest="x" * 64))

    assert report.notices == ("The runs were asked for different things (candidates_digest).",)
    assert section_of(report, "changes").rows[0][2:5] == (0, "correct", "wrong")
    assert section_of(report, "times").rows[0][5:] == (1.0, 900.0, 900.0)
    assert [section.key for section in report.sections] == ["asked", "phases", "changes", "times", "lone"]


def test_equal_runs_are_alike() -> None:
    results = solver_results(many_tasks(10, 10))

    found = compare(side_of(results, "a"), side_of(results, "b"))

    assert found.alike == found.pairs == 100
    assert not any([found.slower, found.faster, found.only_before, found.only_after, found.tasks_lost])


def test_a_comparison_of_many_items_stays_small() -> None:
    before, after = (side_of(solver_results(many_tasks(500, 20, seed)), "x") for seed in (1, 2))

    page = page_html(compared_report(compare(before, after)))

    assert len(page) < 2_000_000

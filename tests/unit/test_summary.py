"""What a user sees at the end of a run, line by line."""

import json
from pathlib import Path

import pytest

from batt.results import Score, Summary, Totals
from batt.solver.verdicts import Verdict
from batt.store import DirectoryStore
from batt.summary import SHOWN_TASKS, percent, print_summary, refusals, summary_lines
from batt.timing import PhaseStats, stats_to_json
from tests.runs import SOLVE_TURN, make_run, plan_run, write_inputs


def summary(tasks: int = 1, missing: tuple[int, ...] = (), refused: int = 0, out_of_scope: int = 0) -> Summary:
    verdicts = {Verdict.CORRECT: 3, Verdict.OUT_OF_MEMORY: 1, Verdict.WRONG: 120}
    totals = Totals(124, verdicts, 149, 32, 31, 92, 7, refused, out_of_scope, 5 if missing else 0)
    phases = stats_to_json(
        {
            "run_batt.phase3a_validate_batch": PhaseStats().with_duration(0.0516),
            "main.run_batt": PhaseStats().with_duration(2.8),
        }
    )
    filtered = tuple((f"task{n}", 32, 149) for n in range(tasks))
    return Summary("ns/run-1", "ns/run-1/out/1/results.json", 1, Score(1, 3), totals, phases, filtered, missing)


def test_the_lines_of_a_small_run() -> None:
    assert summary_lines(summary(), "results") == [
        "task0",
        "-- Filtered to 32 unique candidates (from 149)",
        "-- Phase 3a: Validated 32 solvers in 0.052s (parallelized)",
        "",
        "score       1 of 3 tasks solved (33.3 %)",
        "candidates  124 = 3 correct, 1 out of memory, 120 wrong",
        "            32 unique, 31 kept, 92 duplicate, 7 cached",
        "results     results/ns/run-1/out/1/results.json",
        "report      results/ns/run-1/out/1/report.html",
        "solvers     results/solver_md5, results/solver_dir",
    ]


def test_many_tasks_are_summed_up() -> None:
    lines = summary_lines(summary(tasks=SHOWN_TASKS + 1), "results")

    assert lines[0] == f"-- Filtered to {32 * (SHOWN_TASKS + 1)} unique candidates (from 149)"
    assert len(summary_lines(summary(tasks=SHOWN_TASKS), "results")) == 2 * SHOWN_TASKS + 8


def test_what_was_not_run_is_told() -> None:
    assert "not run     4 refused, 9 for other tasks" in summary_lines(summary(refused=4, out_of_scope=9), "results")


def test_a_refused_name_does_not_command_the_terminal(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN})
    root = DirectoryStore(tmp_path / "results")
    manifest = plan_run(tmp_path, make_run(), root=root)
    manifest = manifest._replace(refused_tasks=("data/\x1b[2J.json: got '{'; must be JSON; correct it",))

    assert refusals(manifest, root) == ["refused: data/\\u001b[2J.json: got '{'; must be JSON; correct it"]


def test_what_is_missing_is_told() -> None:
    lines = summary_lines(summary(missing=(2, 3)), "results")

    assert "MISSING     5 candidates of 2 shards; run the same again" in lines


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(summary(missing=(2,)), "gs://bucket", is_timed=True, is_json=True)

    (line,) = capsys.readouterr().out.splitlines()
    value = json.loads(line)
    assert value["event"] == "summary"
    assert value["complete"] is False
    assert value["missing_shards"] == [2]
    assert value["results"] == "gs://bucket/ns/run-1/out/1/results.json"
    assert value["report"] == "gs://bucket/ns/run-1/out/1/report.html"
    assert value["totals"]["verdicts"] == {"correct": 3, "out_of_memory": 1, "wrong": 120}


def test_timing_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(summary(), "results", is_timed=True, is_json=False)
    timed = capsys.readouterr().out
    print_summary(summary(), "results", is_timed=False, is_json=False)
    untimed = capsys.readouterr().out

    assert timed == untimed + (
        "\nTiming summary (seconds):\n"
        "  main.run_batt                       2.800\n"
        "  run_batt.phase3a_validate_batch     0.052\n"
    )


@pytest.mark.parametrize(
    ("part", "whole", "expected"), [(0, 0, "-"), (0, 5, "0.0 %"), (1, 3, "33.3 %"), (4, 4, "100.0 %")]
)
def test_shares_are_percentages(part: int, whole: int, expected: str) -> None:
    assert percent(part, whole) == expected

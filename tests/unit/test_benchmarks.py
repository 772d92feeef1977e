"""Every benchmark runs, at a size that measures nothing, and its ways give the same answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.corpus import mutated_candidates
from benchmarks.measure import AnswersDifferError, Outcome, Way, compare, ratio
from benchmarks.report import Facts, Report, Target, markdown

FACTS = Facts(2, "CPython 3.11.7", "Linux x86_64", "0.1.0", 0.5)
ROOT = Path(__file__).parents[2]

QUICK = ("dsl", "scrape")
"""Benchmarks that `make test` tries, too."""


def benchmark(*arguments: str | Path) -> str:
    """Run the command in a process of its own, for it adopts and awaits every process below it; return its output."""
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in NAMES]
)
def test_a_benchmark_runs_its_ways_agree_and_it_keeps_what_it_prints(name: str, tmp_path: Path) -> None:
    printed = benchmark(name, "--tiny", "--out", tmp_path)

    assert benchmark(name, "--markdown", "--out", tmp_path) == printed
    report = json.loads((tmp_path / f"{name}.json").read_text())
    assert report["rows"]
    assert {len(report["columns"])} == {len(row) for row in report["rows"]}


def test_different_answers_are_no_measurement() -> None:
    ways = [Way("one", lambda: Outcome({"a": 1, "b": 2}, 1.0)), Way("other", lambda: Outcome({"a": 1, "b": 3}, 1.0))]

    with pytest.raises(AnswersDifferError, match=r"letters: one and other differ in 1 places: b: 2 / 3"):
        compare(ways, 1, "letters")


def test_ways_take_turns_and_slow_ones_sit_out() -> None:
    order: list[str] = []

    def way(name: str, seconds: float, rounds: int) -> Way:
        def run() -> Outcome:
            order.append(name)
            return Outcome("same", seconds * len(order))

        return Way(name, run, rounds)

    found = compare([way("fast", 1, 9), way("slow", 8, 2)], 3, "turns")

    assert order == ["fast", "slow", "fast", "slow", "fast"]
    assert [outcome.seconds for outcome in found["slow"].outcomes] == [16, 32]
    assert (found["fast"].least, found["fast"].median) == (1, 3)
    assert ratio(found["slow"], found["fast"]) == (16 / 1 + 32 / 3) / 2


def test_candidates_are_the_same_every_time_and_all_different() -> None:
    candidates = mutated_candidates(300, seed=5)

    assert candidates == mutated_candidates(300, seed=5)
    assert candidates[:100] == mutated_candidates(100, seed=5)
    assert len({(one.task, one.text) for one in candidates}) == 300


def test_a_report_reads_as_a_table() -> None:
    rows = (("bare", 0.01234, 12.34), ("batt", 123.4, 1))
    report = Report("x", "Title", ("way", "s", "x"), rows, (Target("fast", "2 x", is_met=False),), ("note",))

    text = markdown(report, FACTS)

    assert text.splitlines() == [
        "### Title",
        "",
        "| way  |     s |    x |",
        "| ---- | ----: | ---: |",
        "| bare | 0.012 | 12.3 |",
        "| batt |   123 |    1 |",
        "",
        "- MISSED: fast; measured 2 x",
        "- note",
        "- machine: 2 CPUs, CPython 3.11.7, Linux x86_64, batt 0.1.0, load 0.5",
    ]

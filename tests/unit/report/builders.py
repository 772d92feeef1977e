"""Results of runs for tests of their pages: of any size, with whatever strangers may write in names and messages."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from batt.attempts import PodTimes, ShardEnd
from batt.report.hal import STATES, HalExtras, Spent, hal_report, wished_logs
from batt.report.model import Report
from batt.report.solvers import SolverDigest, solver_report
from batt.report.timeline import Effort
from batt.solver.verdicts import time_class
from batt.timing import PhaseStats, stats_to_json

BEGIN = 1_767_323_045.0
"""2026-01-02 03:04:05 UTC."""

HOSTILE = (
    "</script><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "<!--<script>",
    "]]>&lt;b&gt;&amp;\"'`",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "__proto__",
    "javascript:alert(1)",
    "a\u202egnp.exe\u2066\u200f",
    "nul\x00 bell\x07 \x1b[31mred\x1b[0m\r\nline\u2028two\ud800",
    "é漢字🙂" * 200,
    "x" * 20_000,
    "'" * 5_000,
    "",
)
"""Texts that a page must only ever show."""

VERDICTS = ("correct", "wrong", "error", "timeout", "out_of_memory", "crashed")


def phases(seconds: float = 12.3456) -> dict[str, Any]:
    """Return phases as results.json holds them."""
    stats = {
        "main.run_batt": PhaseStats().with_duration(seconds),
        "run_batt.phase3a_validate_batch": PhaseStats().with_duration(seconds / 2),
        "run_batt.check_solver_speed": PhaseStats().with_duration(0.25).with_duration(1.5).with_duration(0.0004),
    }
    return stats_to_json(stats)


def candidate(number: int, verdict: str = "correct", seconds: float = 0.001, name: str = "", **more: Any) -> Any:
    """Return a candidate as results.json holds it."""
    row: dict[str, Any] = {
        "candidate": name or f"candidates/solver_{number:06d}.py::solve",
        "md5": f"{number:032x}",
        "verdict": verdict,
        "score": 4 if verdict == "correct" else 1,
        "check_time": seconds,
        "t_log": time_class(seconds),
        "kept": verdict == "correct",
    }
    if verdict == "error":
        row["pairs"] = {"test[0]": "error TypeError at step 3", "train[1]": "error ValueError at step 7"}
    elif verdict != "correct":
        row["pairs"] = {"train[1]": verdict}
    return {**row, **more}


def task(name: str, candidates: Sequence[Any]) -> dict[str, Any]:
    """Return a task as results.json holds it."""
    return {
        "task": name,
        "solved": any(one["verdict"] == "correct" for one in candidates),
        "outputs": len(candidates),
        "unique": len(candidates),
        "filtered": len(candidates),
        "kept": sum(one["kept"] for one in candidates),
        "candidates": list(candidates),
    }


def solver_results(tasks: Sequence[Any], **more: Any) -> dict[str, Any]:
    """Return results.json of a solver run."""
    rows = [row for one in tasks for row in one["candidates"]]
    return {
        "schema": 1,
        "run": {"namespace": "default", "name": "small", "uid": "00000001"},
        "solvers": {"dataset": "arc-agi-1/training", "candidates": "candidates", "dsl": "builtin:arc", "keep": 32},
        "dataset_digest": "d" * 64,
        "candidates_digest": "c" * 64,
        "dsl_digest": "b" * 64,
        "score": {"solved": sum(one["solved"] for one in tasks), "tasks": len(tasks)},
        "totals": {
            "candidates": len(rows),
            "verdicts": dict(sorted(Counter(row["verdict"] for row in rows).items())),
            "outputs": len(rows),
            "unique": len(rows),
            "kept": sum(row["kept"] for row in rows),
            "duplicates": 0,
            "cached": 0,
            "refused": len(more.get("refused", ())),
            "out_of_scope": 0,
            "missing": 0,
        },
        "missing_shards": [],
        "refused": [],
        "refused_tasks": [],
        "phases": phases(),
        "timing_fields": [],
        "tasks": list(tasks),
        **more,
    }


def many_tasks(count: int, each: int, seed: int = 1, names: Sequence[str] = ()) -> list[Any]:
    """Return tasks with so many candidates each, of every verdict; names: of candidates, in turn."""
    chance = random.Random(seed)
    return [
        task(
            f"{number:08x}",
            [
                candidate(
                    number * each + place,
                    chance.choices(VERDICTS, (50, 30, 14, 3, 2, 1))[0],
                    chance.lognormvariate(-6, 1.5),
                    names[(number * each + place) % len(names)] if names else "",
                )
                for place in range(each)
            ],
        )
        for number in range(count)
    ]


def solver_page(results: dict[str, Any], effort: Effort | None = None) -> Report:
    """Return the report of a solver run."""
    digest = SolverDigest()
    for one in results["tasks"]:
        digest.add(one)
    head = {name: value for name, value in results.items() if name != "tasks"}
    return solver_report(head, digest, 1, effort or some_effort(16))


def some_effort(shards: int, seed: int = 1) -> Effort:
    """Return how shards were worked on by eight pods at a time, one in ten with some trouble before."""
    chance = random.Random(seed)
    free = [BEGIN + chance.random() for _ in range(8)]
    pods, ends = [], {}
    for shard in range(shards):
        troubles = ([75], [None], [1, 75], [-9])[shard // 10 % 4] if shard % 10 == 3 else []
        for code in [*troubles, 0]:
            place = free.index(min(free))
            begin, free[place] = free[place], free[place] + chance.lognormvariate(1.5, 0.6)
            name = f"{chance.getrandbits(64):016x}"
            pods.append(PodTimes(shard, name, begin, None if code is None else free[place], code))
        ends[shard] = ShardEnd(pods[-1].pod, free[place] - 0.01, begin)
    return Effort(tuple(pods), ends, sum((pod.end or pod.begin) - pod.begin for pod in pods), 12.0)


def hal_row(name: str, outcome: str = "ok", score: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """Return a task as results.json of a HAL run holds it."""
    return {
        "task": name,
        "repeat": 1,
        "outcome": outcome,
        "message": "" if outcome == "ok" else "ValueError: told to",
        "score": score if outcome == "ok" else None,
        "evaluation": "" if score == 1.0 else "got 5; expected 6",
        "wall_clock_seconds": None if outcome == "missing" else 12.5,
        "tries": 0 if outcome == "missing" else 1,
        **more,
    }


def many_hal_rows(count: int, seed: int = 1) -> list[Any]:
    """Return rows of every state."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        outcome = chance.choices(("ok", "agent_error", "timeout", "provider_transient", "missing"), (80, 9, 5, 4, 2))[0]
        score = chance.choices((1.0, 0.0, 0.5), (60, 30, 10))[0]
        seconds = None if outcome == "missing" else round(chance.lognormvariate(3, 1), 3)
        message = "" if outcome == "ok" else f"ValueError: task {number % 7} went wrong\nTraceback:\n" + "  line\n" * 9
        rows.append(hal_row(f"HumanEval/{number}", outcome, score, message=message, wall_clock_seconds=seconds))
    return rows


def hal_results(rows: Sequence[Any], **more: Any) -> dict[str, Any]:
    """Return results.json of a HAL run."""
    outcomes = Counter(row["outcome"] for row in rows)
    right = sum(row["score"] == 1.0 for row in rows)
    scored = len(rows) - outcomes["missing"] - outcomes["provider_transient"]
    counts = {
        "accuracy_hal": right / len(rows) if rows else None,
        "tasks": len(rows),
        "scored": scored,
        "right": right,
        "failed": {},
        "unscored": 0,
        "missing": outcomes["missing"],
        "lost": outcomes["provider_transient"],
        "accuracy_scored": None,
        "accuracy_all": None,
    }
    return {
        "schema": 1,
        "kind": "hal",
        "run": {"namespace": "default", "name": "echo", "uid": "00000001"},
        "hal": {"benchmark": "humaneval", "agent": {"name": "Echo", "function": "main.run"}, "timeoutSeconds": 60},
        "run_ids": ["humaneval_echo_1767323045000042"],
        "agent_hash": "a" * 64,
        "benchmark_digest": "b" * 64,
        "dropped_requirements": [],
        "accuracy": {"repeats": [counts], "pass_at": {"1": 0.5}, "pass_at_tasks": scored, "pass_at_left_out": 0},
        "cost": {"total": 1.25, "known": len(rows), "tasks": len(rows), "known_dollars": 1.25, "retried": 0},
        "outcomes": {name: count for name, count in sorted(outcomes.items()) if name != "missing"},
        "missing_shards": [place for place, row in enumerate(rows) if row["outcome"] == "missing"],
        "phases": stats_to_json({"agent": PhaseStats().with_duration(12.5), "setup": PhaseStats().with_duration(0.5)}),
        "tasks": list(rows),
        **more,
    }


def hal_page(results: dict[str, Any], log: bytes = b"") -> Report:
    """Return the report of a HAL run, every agent with the same log."""
    rows = results["tasks"]
    spent = {place: Spent(0.0125, 1200 + place, 300) for place in range(len(rows))}
    logs = {wish.row: log for wish in wished_logs(rows)} if log else {}
    return hal_report(results, 1, HalExtras(some_effort(len(rows)), spent, logs))


def states_of(rows: Sequence[Any]) -> list[str]:
    """Return the texts of states, by their cells in the table of tasks."""
    return [STATES[row[1]].text for row in rows]

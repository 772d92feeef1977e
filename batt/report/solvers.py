"""The report of a solver run: what results.json says, task by task, in bounded memory -> a model of the page."""

from __future__ import annotations

import heapq
import re
from array import array
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from batt.report.failures import FailureGroups
from batt.report.model import Cell, Column, Example, Fact, Kind, Report, Section, Table, Tone, Word
from batt.report.phases import phases_section
from batt.report.rows import bounded
from batt.report.texts import duration, line_of, number_of, percent, words_of
from batt.report.timeline import Effort, stretch_table, stretches, timeline_section
from batt.report.times import check_time_chart
from batt.results import Charge
from batt.timing import MAIN

MOST_CANDIDATES = 5_000
"""Most candidates that are held while a run is read, the slowest: more than a page has room for."""

MOST_TASKS = 20_000
"""Most tasks that are held while a run is read: more than a page has room for."""

CANDIDATE_BYTES = 700_000
"""Most of the page that the table of candidates takes."""

TASK_BYTES = 400_000
"""Most of the page that the table of tasks takes: some 8,000."""

SAID = re.compile(r"(?P<verdict>\w+)(?: (?P<what>.*?))?(?: at step (?P<step>\d+))?")
"""What results say of a pair that is not correct (collect.py)."""

PAIR = re.compile(r"(?P<kind>train|test)\[(?P<place>\d+)\]")
"""The name of a pair (collect.py)."""

VERDICTS = (
    Word("correct", Tone.GOOD),
    Word("wrong", Tone.BAD),
    Word("error", Tone.BAD),
    Word("timeout", Tone.WARN),
    Word("out of memory", Tone.WARN),
    Word("crashed", Tone.WARN),
)
"""Verdicts of candidates, as columns and charts have them."""

PLACES = {word.text.replace(" ", "_"): place for place, word in enumerate(VERDICTS)}
"""The place of a verdict among them."""

CLASSES = (*VERDICTS[:3], Word("did not end", Tone.WARN))
"""What the chart of check times tells apart: timeouts, crashes and the like together."""

KEPT = (Word("kept", Tone.GOOD), Word("not kept"), Word("duplicate", Tone.FAINT))
"""What became of a candidate."""

SOLVED = (Word("solved", Tone.GOOD), Word("not solved", Tone.BAD), Word("no candidate", Tone.FAINT))
"""What became of a task."""


class Slow(NamedTuple):
    """A candidate on a task, ordered by its time; order: of those that were read, negative, which breaks ties.

    row: as results.json has it; most are overtaken by slower ones before anybody looks at what is in them.
    """

    seconds: float
    order: int
    task: str
    row: Mapping[str, Any]


class SolverDigest:
    """Reads a run's tasks one by one and keeps what a page says of them."""

    def __init__(self) -> None:
        self.failures = FailureGroups()
        self.tasks: list[tuple[Cell, ...]] = []
        self.task_count = 0
        self.times = array("d")
        self.classes: Counter[tuple[int, int]] = Counter()
        self.slowest: list[Slow] = []
        self.candidates = 0

    def add(self, task: Mapping[str, Any]) -> None:
        """Take a task, as results.json has it."""
        name, rows = task["task"], task["candidates"]
        for row in rows:
            self.add_candidate(name, row)
        self.task_count += 1
        if len(self.tasks) < MOST_TASKS:
            self.tasks.append(task_row(task))

    def add_candidate(self, task: str, row: Mapping[str, Any]) -> None:
        """Take one candidate on a task."""
        seconds, place = row["check_time"], PLACES[row["verdict"]]
        self.times.append(seconds)
        self.classes[row["t_log"], min(place, len(CLASSES) - 1)] += 1
        self.candidates += 1
        if place:
            self.failures.add(row["verdict"], failure_message(row), lambda: example_of(task, row))
        if len(self.slowest) < MOST_CANDIDATES:
            heapq.heappush(self.slowest, Slow(seconds, -self.candidates, task, row))
        elif seconds > self.slowest[0].seconds:
            heapq.heapreplace(self.slowest, Slow(seconds, -self.candidates, task, row))


def solver_report(head: Mapping[str, Any], digest: SolverDigest, attempt: int, effort: Effort) -> Report:
    """Return the report of a run.

    Args:
        head: results.json without its tasks.
        digest: of all its tasks.
        attempt: of the results.
        effort: how the run was worked on, as far as that is known.
    """
    score, totals, missing = head["score"], head["totals"], head["missing_shards"]
    add_what_was_not_run(digest.failures, head)
    shards = len({*effort.ends, *(pod.shard for pod in effort.pods), *missing})
    run = head["run"]
    notices = []
    if missing:
        told = f"{number_of(len(missing), 'shard')} of the run had no result when this was collected"
        notices.append(f"PARTIAL: {told}; {number_of(totals['missing'], 'candidate')} are missing below.")
    return Report(
        title=line_of(run["name"]),
        lead=f"batt, solvers: {line_of('/'.join((run['namespace'], run['name'])))}-{line_of(run['uid'])}, "
        f"results of attempt {attempt}",
        headline=f"{score['solved']:,} of {number_of(score['tasks'], 'task')} solved "
        f"({percent(score['solved'], score['tasks'])})",
        share=score["solved"] / score["tasks"] if score["tasks"] else 0.0,
        notices=tuple(notices),
        facts=solver_facts(head, effort),
        sections=solver_sections(head, digest, effort, shards),
    )


def solver_sections(head: Mapping[str, Any], digest: SolverDigest, effort: Effort, shards: int) -> tuple[Section, ...]:
    """Return the sections of a page, as they follow each other."""
    some = stretches(effort)
    timeline = timeline_section(some, {}, shards)
    lead = "Candidates that are not right on every pair, and what was not run."
    return (
        *((timeline,) if timeline else ()),
        phases_section(head["phases"]),
        check_time_chart(digest.classes, CLASSES, digest.times),
        digest.failures.section("Failures", lead),
        candidate_table(digest),
        task_table(digest),
        *((stretch_table(some, {}, timeline.begin),) if timeline else ()),
    )


def solver_facts(head: Mapping[str, Any], effort: Effort) -> tuple[Fact, ...]:
    """Return the facts of the head."""
    totals, asked = head["totals"], head["solvers"]
    verdicts = ", ".join(f"{count:,} {words_of(verdict)}" for verdict, count in totals["verdicts"].items())
    kept = f"{totals['unique']:,} unique, {totals['kept']:,} kept, {totals['duplicates']:,} duplicate"
    not_run = (
        f"{totals['refused']:,} refused, {totals['out_of_scope']:,} for other tasks, {totals['missing']:,} missing"
    )
    return (
        Fact("Candidates", f"{totals['candidates']:,}", f"= {verdicts or 'none'}; {kept}, {totals['cached']:,} cached"),
        Fact("Not run", f"{totals['refused'] + totals['out_of_scope'] + totals['missing']:,}", not_run),
        *effort_facts(head["phases"], effort),
        Fact("Dataset", line_of(str(asked["dataset"])), f"candidates from {line_of(str(asked['candidates']))}"),
        Fact("DSL", line_of(str(asked["dsl"])), limits_told(asked)),
    )


def limits_told(asked: Mapping[str, Any]) -> str:
    """Return the limits that a run was asked to keep, in words."""
    told = [f"keeps {asked['keep']} of a task"] if asked.get("keep") else []
    if asked.get("timeoutSeconds"):
        told.append(f"{asked['timeoutSeconds']:g} s a pair")
    if asked.get("memoryBytes"):
        told.append(f"{asked['memoryBytes'] / 2**20:,.0f} MiB")
    return ", ".join(told)


def effort_facts(phases: Mapping[str, Any], effort: Effort) -> tuple[Fact, ...]:
    """Return how long a run took, and how long pods or processes were at work."""
    wall = phases.get(MAIN)
    facts = [Fact("Wall time", duration(wall[1]), MAIN)] if wall else []
    if effort.pod_seconds:
        note = f"{percent(effort.wasted_seconds, effort.pod_seconds)} of it by pods that made no result"
        return (*facts, Fact("Pod hours", f"{effort.pod_seconds / 3600:.3f}", note), pods_cost(effort.charge))
    some = stretches(effort)
    if some:
        seconds = sum(one.end - one.begin for one in some)
        facts.append(Fact("Work", duration(seconds), "of all processes, by their own notes"))
    return tuple(facts)


def pods_cost(charge: Charge | None) -> Fact:
    """Return what pods have cost; what nobody has told is unknown, never 0."""
    if charge is None:
        return Fact("Cost of pods", "unknown", "their pools have no price")
    note = f"{charge.wasted:.4f} of it wasted" + (f"; prices of {charge.dated}" if charge.dated else "")
    return Fact("Cost of pods", f"{charge.actual:.4f} {charge.currency}", note)


def failure_message(row: Mapping[str, Any]) -> str:
    """Return with which words a candidate's failure is grouped: what was raised, or on which pairs it is wrong."""
    if row["verdict"] == "wrong":
        if not any(pair.startswith("train") for pair in row["pairs"]):
            return "right on every train pair, wrong on a test pair"
        return "right on some pairs" if row["score"] else "right on no pair"
    for text in failed_pairs(row).values():
        said = SAID.fullmatch(text)
        if said and said["verdict"] == row["verdict"]:
            return said["what"] or ""
    return ""


def failed_pairs(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the pairs that a candidate does not get right, train pairs first: JSON does not keep their order."""
    pairs: dict[str, str] = row.get("pairs", {})
    if len(pairs) < 2:
        return pairs
    found = PAIR.finditer("\n".join(pairs))
    names = sorted((match["kind"] == "test", int(match["place"]), match[0]) for match in found)
    return {name: pairs[name] for _, _, name in names}


def example_of(task: str, row: Mapping[str, Any]) -> Example:
    """Return a failed candidate as an example of its group."""
    return Example(f"{task} {row['candidate']}", first_failure(row))


def first_failure(row: Mapping[str, Any]) -> str:
    """Return what is said of the pair on which a candidate ended as its verdict says."""
    pairs = failed_pairs(row)
    told = [f"{pair}: {text}" for pair, text in pairs.items() if text.startswith(row["verdict"])]
    return told[0] if told else ""


def add_what_was_not_run(failures: FailureGroups, head: Mapping[str, Any]) -> None:
    """Count what the plan has refused, and what no shard has a result of."""
    for fault in head["refused"]:
        line = f" (line {fault['line']})" if fault.get("line") is not None else ""
        where = f"{fault['where']}{line}"
        example = Example(where, f"got {fault['got']}; {fault['remedy']}")
        failures.add("refused", str(fault["rule"]), partial(Example, *example))
    for text in head["refused_tasks"]:
        failures.add("refused", "a task", partial(Example, text))
    if head["missing_shards"]:
        count = head["totals"]["missing"]
        shards = ", ".join(map(str, head["missing_shards"][:20]))
        failures.add("missing", "their shards have no result", lambda: Example(f"shards {shards}"), max(1, count))


def candidate_cells(task: str, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return a candidate's row of the table."""
    became = 0 if row["kept"] else 2 if row.get("duplicate") else 1
    marks = [name for name in ("cached", "is_near_timeout") if row.get(name)]
    told = "; ".join([first_failure(row), *map(words_of, marks)]).strip("; ")
    return (
        line_of(row["candidate"]),
        round(1000 * row["check_time"], 3),
        PLACES[row["verdict"]],
        line_of(task),
        row["t_log"],
        row["score"],
        became,
        line_of(told),
    )


def candidate_table(digest: SolverDigest) -> Table:
    """Return the slowest candidates, as many as there is room for."""
    in_order = sorted(digest.slowest, key=lambda slow: (-slow.seconds, -slow.order))
    rows = bounded((candidate_cells(slow.task, slow.row) for slow in in_order), CANDIDATE_BYTES)
    columns = (
        Column("candidate", Kind.TEXT),
        Column("check time, ms", Kind.NUMBER, 3),
        Column("verdict", Kind.WORD, words=VERDICTS, is_filter=True),
        Column("task", Kind.TEXT),
        Column("t_log", Kind.NUMBER),
        Column("pairs right", Kind.NUMBER),
        Column("became", Kind.WORD, words=KEPT, is_filter=True),
        Column("what happened", Kind.TEXT),
    )
    lead = "Every candidate on every task, slowest first."
    return Table("candidates", "Slowest candidates", lead, columns, rows, digest.candidates)


def task_row(task: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return a task's row of the table."""
    rows = task["candidates"]
    times = [row["check_time"] for row in rows]
    return (
        line_of(task["task"]),
        0 if task["solved"] else 1 if rows else 2,
        len(rows),
        sum(row["verdict"] == "correct" for row in rows),
        task["kept"],
        max((row["score"] for row in rows), default=None),
        round(1000 * sum(times), 3) if times else None,
        round(1000 * max(times), 3) if times else None,
    )


def task_table(digest: SolverDigest) -> Table:
    """Return the tasks in the dataset's order, as many as there is room for."""
    columns = (
        Column("task", Kind.TEXT),
        Column("state", Kind.WORD, words=SOLVED, is_filter=True),
        Column("candidates", Kind.NUMBER),
        Column("correct", Kind.NUMBER),
        Column("kept", Kind.NUMBER),
        Column("best: pairs right", Kind.NUMBER),
        Column("all check times, ms", Kind.NUMBER, 3),
        Column("slowest, ms", Kind.NUMBER, 3),
    )
    rows = bounded(digest.tasks, TASK_BYTES)
    return Table("tasks", "Tasks", "All tasks, in the dataset's order.", columns, rows, digest.task_count)

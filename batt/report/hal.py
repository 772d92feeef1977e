"""The report of a HAL run: what results.json says of each task, with cost and logs beside it -> a model of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from batt.report.failures import FailureGroups
from batt.report.model import Cell, Column, Detail, Example, Fact, Kind, Report, Section, Table, Tone, Word
from batt.report.phases import phases_section
from batt.report.rows import bounded, size_of
from batt.report.solvers import effort_facts
from batt.report.texts import line_of, log_of, number_of, percent, visible, words_of
from batt.report.timeline import Effort, stretch_table, stretches, timeline_section
from batt.report.times import task_time_chart

ROW_BYTES = 650_000
"""Most of the page that the rows of tasks take: some 7,000."""

DETAIL_BYTES = 600_000
"""Most of the page that messages and logs take."""

LOG_BYTES = 16_000
"""Most of a log's end that is shown, where there is room: its last 200 lines."""

LEAST_LOG_BYTES = 2_000
"""Least of a log's end that is worth being shown: below that, fewer logs are."""

MESSAGE_CHARACTERS = 120
"""Most of a message that stands in a row; all of it is folded below."""

TOLD_CHARACTERS = 2_000
"""Most of a message that is folded below a row."""

STATES = (
    Word("right", Tone.GOOD),
    Word("partly right", Tone.WARN),
    Word("wrong", Tone.BAD),
    Word("not scored", Tone.FAINT),
    Word("agent error", Tone.BAD),
    Word("timeout", Tone.BAD),
    Word("invalid output", Tone.BAD),
    Word("provider transient", Tone.WARN),
    Word("auth or quota", Tone.WARN),
    Word("infra", Tone.WARN),
    Word("missing", Tone.WARN),
)
"""What a task came to: what its submission is worth, else its outcome."""

PLACES = {word.text.replace(" ", "_"): place for place, word in enumerate(STATES)}
"""The place of a state among them."""

CLASSES = (
    Word("right", Tone.GOOD),
    Word("wrong", Tone.BAD),
    Word("failed", Tone.BAD),
    Word("lost or not scored", Tone.WARN),
)
"""What the chart of times tells apart."""

CLASS_OF = (0, 1, 1, 3, 2, 2, 2, 3, 3, 3, 3)
"""The place of each state's class: failures that an agent answers for apart from others (accuracy.py)."""

FIRST_SHOWN = (4, 5, 6, 7, 8, 9, 2, 1, 3, 0, 10)
"""States in the order in which logs are shown where there is no room for all: failures, then wrong, then right."""


class Spent(NamedTuple):
    """What a task's agent says that it has used: dollars and tokens; None where it says nothing: unknown, never 0."""

    cost: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


class LogWish(NamedTuple):
    """A log that a page has room for: of which row, and how many bytes of its end."""

    row: int
    most_bytes: int


class HalExtras(NamedTuple):
    """What results.json does not hold, by row: what was spent, and logs; effort: how the run was worked on."""

    effort: Effort = Effort()
    spent: Mapping[int, Spent] = {}
    logs: Mapping[int, bytes] = {}


def state_of(row: Mapping[str, Any]) -> int:
    """Return the place of a row's state."""
    if row["outcome"] != "ok":
        return PLACES[row["outcome"]]
    if row["score"] is None:
        return PLACES["not_scored"]
    return PLACES["right" if row["score"] >= 1 else "partly_right" if row["score"] > 0 else "wrong"]


def wished_logs(rows: Sequence[Mapping[str, Any]]) -> list[LogWish]:
    """Return which logs a page has room for, those of failures first; rows: the `tasks` of results.json."""
    with_log = [(FIRST_SHOWN.index(state_of(row)), place) for place, row in enumerate(rows) if row["tries"]]
    if not with_log:
        return []
    most = max(LEAST_LOG_BYTES, min(LOG_BYTES, DETAIL_BYTES // len(with_log)))
    return [LogWish(place, most) for _, place in sorted(with_log)[: DETAIL_BYTES // most]]


def hal_report(results: Mapping[str, Any], attempt: int, extras: HalExtras) -> Report:
    """Return the report of a run; results: the value of results.json."""
    run, missing, rows = results["run"], results["missing_shards"], results["tasks"]
    repeats = results["accuracy"]["repeats"]
    right, scored = (sum(one[name] for one in repeats) for name in ("right", "scored"))
    told = f"PARTIAL: {number_of(len(missing), 'task')} had no result when this was collected."
    agent = line_of(results["hal"]["agent"]["name"])
    return Report(
        title=f"{agent} on {line_of(results['hal']['benchmark'])}",
        lead=f"batt, HAL: {line_of('/'.join((run['namespace'], run['name'])))}-{line_of(run['uid'])}, "
        f"results of attempt {attempt}",
        headline=f"{right:,} of {number_of(scored, 'scored task')} right ({percent(right, scored)})",
        share=right / scored if scored else 0.0,
        notices=(told,) if missing else (),
        facts=hal_facts(results, extras, len(rows)),
        sections=hal_sections(results, extras),
    )


def hal_sections(results: Mapping[str, Any], extras: HalExtras) -> tuple[Section, ...]:
    """Return the sections of a page, as they follow each other."""
    rows = results["tasks"]
    names = {place: name_of(row, len(results["run_ids"])) for place, row in enumerate(rows)}
    some = stretches(extras.effort)
    timeline = timeline_section(some, names, len(rows))
    times = [
        (row["wall_clock_seconds"], CLASS_OF[state_of(row)]) for row in rows if row["wall_clock_seconds"] is not None
    ]
    return (
        *((timeline,) if timeline else ()),
        phases_section(results["phases"]),
        task_time_chart(times, CLASSES),
        failures_of(rows, names).section("Failures", "Tasks that are not solved, by what they came to."),
        task_table(results, extras),
        *((stretch_table(some, names, timeline.begin),) if timeline else ()),
    )


def name_of(row: Mapping[str, Any], repeats: int) -> str:
    """Return what a row is called: its task, and its repeat where there are several."""
    return f"{row['task']} #{row['repeat']}" if repeats > 1 else str(row["task"])


def hal_facts(results: Mapping[str, Any], extras: HalExtras, rows: int) -> tuple[Fact, ...]:
    """Return the facts of the head."""
    accuracy, spec = results["accuracy"], results["hal"]
    outcomes = ", ".join(f"{count:,} {words_of(name)}" for name, count in results["outcomes"].items())
    facts = []
    for number, one in enumerate(accuracy["repeats"], 1):
        name = f"Repeat {number}" if len(accuracy["repeats"]) > 1 else "Of all tasks"
        told = f"{one['lost']:,} lost, {one['unscored']:,} not scored, {one['missing']:,} missing"
        hal = "-" if one["accuracy_hal"] is None else f"{one['accuracy_hal']:.4g}"
        note = f"{one['right']:,} right of {one['scored']:,} scored; {told}; HAL's accuracy {hal}"
        facts.append(Fact(name, f"{one['right']:,} of {one['tasks']:,}", note))
    if len(accuracy["repeats"]) > 1:
        chances = ", ".join(f"pass@{k} {percent(chance, 1)}" for k, chance in accuracy["pass_at"].items())
        facts.append(Fact("pass@k", chances or "-", f"over {number_of(accuracy['pass_at_tasks'], 'task')}"))
    return (
        *facts,
        Fact("Outcomes", f"{rows:,}", f"= {outcomes or 'none'}, {len(results['missing_shards']):,} missing"),
        *effort_facts(results["phases"], extras.effort),
        cost_fact(results["cost"]),
        *tokens_fact(extras.spent),
        Fact("Agent", line_of(spec["agent"]["name"]), line_of(str(spec["agent"]["function"]))),
        Fact("HAL run id", line_of(", ".join(results["run_ids"]))),
    )


def cost_fact(cost: Mapping[str, Any]) -> Fact:
    """Return what the agents' models have cost; what nobody has told is unknown, never 0."""
    whose = "as the agents say; pods are not in it"
    if cost["total"] is not None:
        return Fact("Cost of models", f"{cost['total']:.4f} USD", whose)
    if cost["known"]:
        known = f"{cost['known_dollars']:.4f} USD for the {cost['known']:,} of {cost['tasks']:,} tasks that say it"
        return Fact("Cost of models", "unknown", f"{known}; {whose}")
    return Fact("Cost of models", "unknown", "no agent has told any")


def tokens_fact(spent: Mapping[int, Spent]) -> tuple[Fact, ...]:
    """Return the tokens that are known, nothing where none are."""
    known = [one for one in spent.values() if one.tokens_in is not None]
    if not known:
        return ()
    told = f"{sum(one.tokens_in or 0 for one in known):,} in, {sum(one.tokens_out or 0 for one in known):,} out"
    return (Fact("Tokens", told, f"of the {number_of(len(known), 'task')} that tell them"),)


def failures_of(rows: Sequence[Mapping[str, Any]], names: Mapping[int, str]) -> FailureGroups:
    """Return the rows that are not right, grouped."""
    failures = FailureGroups()
    for place, row in enumerate(rows):
        state = STATES[state_of(row)].text.replace(" ", "_")
        if state == "right":
            continue
        message = row["message"] if row["outcome"] != "ok" else row["evaluation"]
        failures.add(state, first_line(message), partial(Example, names[place], message))
    return failures


def first_line(message: str) -> str:
    """Return the first line of a message."""
    return message.strip().partition("\n")[0]


def task_table(results: Mapping[str, Any], extras: HalExtras) -> Table:
    """Return all tasks and repeats, as many as there is room for, with what is folded below them."""
    rows = results["tasks"]
    columns = (
        Column("task", Kind.TEXT),
        Column("state", Kind.WORD, words=STATES, is_filter=True),
        Column("score", Kind.NUMBER, 3),
        Column("seconds", Kind.NUMBER, 3),
        Column("tries", Kind.NUMBER),
        Column("cost, USD", Kind.NUMBER, 4),
        Column("tokens in", Kind.NUMBER),
        Column("tokens out", Kind.NUMBER),
        Column("message", Kind.TEXT),
    )
    repeats = len(results["run_ids"])
    cells = bounded(
        (task_cells(row, name_of(row, repeats), extras.spent.get(place, Spent())) for place, row in enumerate(rows)),
        ROW_BYTES,
    )
    details = bounded_details(rows, extras.logs, len(cells))
    lead = "A row for every task and repeat; its message, how it was scored and the end of its agent's log are folded."
    return Table("tasks", "Tasks", lead, columns, cells, len(rows), details)


def task_cells(row: Mapping[str, Any], name: str, spent: Spent) -> tuple[Cell, ...]:
    """Return a task's row."""
    message = row["message"] or row["evaluation"]
    seconds = row["wall_clock_seconds"]
    return (
        line_of(name),
        state_of(row),
        None if row["score"] is None else round(row["score"], 3),
        None if seconds is None else round(seconds, 3),
        row["tries"],
        None if spent.cost is None else round(spent.cost, 4),
        spent.tokens_in,
        spent.tokens_out,
        line_of(message, MESSAGE_CHARACTERS),
    )


def bounded_details(
    rows: Sequence[Mapping[str, Any]], logs: Mapping[int, bytes], shown: int
) -> dict[int, tuple[Detail, ...]]:
    """Return what is folded below the rows that are shown, those of failures first, as much as there is room for."""
    wishes = {wish.row: wish.most_bytes for wish in wished_logs(rows)}
    room = DETAIL_BYTES
    found: dict[int, tuple[Detail, ...]] = {}
    for place in sorted(range(shown), key=lambda place: (FIRST_SHOWN.index(state_of(rows[place])), place)):
        log = log_of(logs[place], wishes[place]) if place in logs and place in wishes else ""
        details = details_of(rows[place], log)
        size = size_of([detail._asdict() for detail in details])
        if size > room:
            details = details_of(rows[place], "")
            size = size_of([detail._asdict() for detail in details])
        if details and size <= room:
            room -= size
            found[place] = details
    return dict(sorted(found.items()))


def details_of(row: Mapping[str, Any], log: str) -> tuple[Detail, ...]:
    """Return what is folded below a row: of messages only what does not stand in it."""
    told = [("Message", row["message"]), ("How it was scored", row["evaluation"])]
    details = [
        Detail(title, visible(text[:TOLD_CHARACTERS]))
        for title, text in told
        if text and (len(text) > MESSAGE_CHARACTERS or "\n" in text or (title != "Message" and row["message"]))
    ]
    if log.strip():
        details.append(Detail("End of the agent's log", log, is_log=True))
    return tuple(details)

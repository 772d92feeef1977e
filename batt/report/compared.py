"""A comparison as people read it: a page's model, lines for a terminal, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from batt.report.comparison import FACTOR, LEAST_SECONDS, Comparison, Lone, Pair, differences, ratio
from batt.report.model import Cell, Column, Fact, Grid, Head, Kind, Report, Section, Table, Tone, Word
from batt.report.rows import bounded
from batt.report.texts import duration, line_of, number_of, percent

TABLE_BYTES = 500_000
"""Most of the page that each of its three tables takes."""

CHANGES = (
    Word("newly failing", Tone.BAD),
    Word("newly right", Tone.GOOD),
    Word("otherwise changed", Tone.WARN),
)
"""What may become of an item."""

SPEEDS = (Word("slower", Tone.BAD), Word("faster", Tone.GOOD))
"""How times may differ."""

SIDES = (Word("only in A"), Word("only in B"))
"""Where an item may be alone."""

UNITS = {"solvers": ("ms", 1000.0), "hal": ("s", 1.0)}
"""The unit of times in tables, and how many of it are a second."""


def noise_of(comparison: Comparison) -> str:
    """Return which differences of times are taken for noise."""
    least = LEAST_SECONDS[comparison.before.kind]
    told = f"{1000 * least:g} ms" if least < 1 else f"{least:g} s"
    return f"by a factor of at least {FACTOR:g} and at least {told}"


def compared_report(comparison: Comparison) -> Report:
    """Return the page of a comparison."""
    before, after = comparison.before, comparison.after
    lead = "batt compare: " + ", ".join(
        f"{name} is {line_of(side.title)} ({line_of(side.uri)})" for name, side in (("A", before), ("B", after))
    )
    differ = differences(before, after)
    notices = (
        [f"The runs were asked for different things ({', '.join(line_of(name) for name, _, _ in differ)})."]
        if differ
        else []
    )
    notices += [f"PARTIAL: {told}." for told in missing_told(comparison)]
    if not comparison.pairs:
        notices.append("No item is in both runs: compare runs with common candidates or tasks.")
    return Report(
        title=f"{line_of(before.title)} and {line_of(after.title)}",
        lead=lead,
        headline=f"{score_of(before.right, before.total)} in A, {score_of(after.right, after.total)} in B",
        share=None,
        notices=tuple(notices),
        facts=compared_facts(comparison),
        sections=compared_sections(comparison),
    )


def score_of(right: int, total: int) -> str:
    """Return a score in words."""
    return f"{right:,} of {total:,} ({percent(right, total)})"


def missing_told(comparison: Comparison) -> list[str]:
    """Return what was not done of each run, where that is anything: such items are no losses."""
    sides = (("A", comparison.before), ("B", comparison.after))
    return [f"{number_of(side.missing, 'shard')} of {name} had no result" for name, side in sides if side.missing]


def compared_facts(comparison: Comparison) -> tuple[Fact, ...]:
    """Return the facts of the head."""
    factor = ratio(comparison.seconds_before, comparison.seconds_after)
    times = f"{duration(comparison.seconds_before)} in A, {duration(comparison.seconds_after)} in B"
    return (
        Fact("Newly failing", f"{len(comparison.newly_failing):,}", "right in A, not in B"),
        Fact("Newly right", f"{len(comparison.newly_right):,}", "right in B, not in A"),
        Fact("Otherwise changed", f"{len(comparison.otherwise):,}", "right in neither"),
        Fact("Alike", f"{comparison.alike:,}", f"of {number_of(comparison.pairs, 'item')} in both"),
        Fact(
            "Tasks lost, won", f"{len(comparison.tasks_lost):,}, {len(comparison.tasks_won):,}", tasks_told(comparison)
        ),
        Fact("Only in A, in B", f"{len(comparison.only_before):,}, {len(comparison.only_after):,}"),
        Fact("Slower", f"{len(comparison.slower):,}", noise_of(comparison)),
        Fact("Faster", f"{len(comparison.faster):,}", noise_of(comparison)),
        Fact("All times, B to A", told_factor(factor), times),
    )


def tasks_told(comparison: Comparison) -> str:
    """Return the tasks that were lost and won, the first of them."""
    parts = [("lost", comparison.tasks_lost), ("won", comparison.tasks_won)]
    return "; ".join(f"{word}: {line_of(', '.join(tasks), 120)}" for word, tasks in parts if tasks)


def told_factor(factor: float | None) -> str:
    """Return a factor with two decimals; a dash where there is none."""
    return "-" if factor is None else f"{factor:.2f}"


def compared_sections(comparison: Comparison) -> tuple[Section, ...]:
    """Return the sections of the page."""
    differ = differences(comparison.before, comparison.after)
    heads = (Head("what"), Head("A"), Head("B"))
    rows = tuple((line_of(name), line_of(first), line_of(second)) for name, first, second in differ)
    asked = Grid("asked", "What was asked", "Fields and digests that differ.", heads, rows)
    return (
        *((asked,) if differ else ()),
        phases_grid(comparison),
        changes_table(comparison),
        times_table(comparison),
        lone_table(comparison),
    )


def phases_grid(comparison: Comparison) -> Grid:
    """Return the phases of both runs side by side, longest first."""
    heads = (
        Head("phase"),
        Head("A, seconds", is_number=True),
        Head("B, seconds", is_number=True),
        Head("B to A", is_number=True),
    )
    rows = tuple(
        (line_of(name), told_seconds(first), told_seconds(second), told_factor(ratio(first, second)))
        for name, first, second in phases_of(comparison)
    )
    lead = "The timing summaries, longest first; a dash where a run does not have the phase."
    return Grid("phases", "Timing summary", lead, heads, rows)


def phases_of(comparison: Comparison) -> list[tuple[str, float | None, float | None]]:
    """Return name, seconds before and after of every phase, longest first."""
    first, second = comparison.before.phases, comparison.after.phases
    names = sorted({*first, *second}, key=lambda name: (-max(first.get(name, 0.0), second.get(name, 0.0)), name))
    return [(name, first.get(name), second.get(name)) for name in names]


def told_seconds(seconds: float | None) -> str:
    """Return seconds with three decimals, as the timing summary prints them."""
    return "-" if seconds is None else f"{seconds:.3f}"


def columns_of(comparison: Comparison, first: str, words: tuple[Word, ...]) -> tuple[Column, ...]:
    """Return the columns of a table of pairs."""
    unit, _ = UNITS[comparison.before.kind]
    return (
        Column("item", Kind.TEXT),
        Column("task", Kind.TEXT),
        Column(first, Kind.WORD, words=words, is_filter=True),
        Column("in A", Kind.TEXT),
        Column("in B", Kind.TEXT),
        Column(f"A, {unit}", Kind.NUMBER, 3),
        Column(f"B, {unit}", Kind.NUMBER, 3),
        Column("B to A", Kind.NUMBER, 2),
    )


def pair_rows(comparison: Comparison, groups: Sequence[Iterable[Pair]]) -> Iterable[tuple[Cell, ...]]:
    """Yield the rows of groups of pairs, each group's word by its place."""
    _, size = UNITS[comparison.before.kind]
    for place, pairs in enumerate(groups):
        for name, before, after in pairs:
            factor = ratio(before.seconds, after.seconds)
            yield (
                line_of(name.item),
                line_of(name.task),
                place,
                before.state,
                after.state,
                in_unit(before.seconds, size),
                in_unit(after.seconds, size),
                None if factor is None else round(factor, 2),
            )


def in_unit(seconds: float | None, size: float) -> float | None:
    """Return a time in its table's unit."""
    return None if seconds is None else round(size * seconds, 3)


def changes_table(comparison: Comparison) -> Table:
    """Return the items that ended otherwise."""
    groups = [comparison.newly_failing, comparison.newly_right, comparison.otherwise]
    rows = bounded(pair_rows(comparison, groups), TABLE_BYTES)
    lead = "Items of both runs that ended otherwise; newly failing ones first."
    columns = columns_of(comparison, "change", CHANGES)
    return Table("changes", "Newly failing, newly right", lead, columns, rows, sum(map(len, groups)))


def times_table(comparison: Comparison) -> Table:
    """Return the items whose times differ by more than noise."""
    groups = [comparison.slower, comparison.faster]
    rows = bounded(pair_rows(comparison, groups), TABLE_BYTES)
    lead = (
        f"Items of both runs whose times differ {noise_of(comparison)}; cached verdicts took no time and are left out."
    )
    return Table("times", "Slower, faster", lead, columns_of(comparison, "time", SPEEDS), rows, sum(map(len, groups)))


def lone_table(comparison: Comparison) -> Table:
    """Return the items that are in one run only."""
    groups = [comparison.only_before, comparison.only_after]
    columns = (
        Column("item", Kind.TEXT),
        Column("task", Kind.TEXT),
        Column("where", Kind.WORD, words=SIDES, is_filter=True),
        Column("state", Kind.TEXT),
    )
    rows = bounded(lone_rows(groups), TABLE_BYTES)
    lead = "Items that the other run does not have, neither by name nor by program."
    return Table("lone", "Only in one run", lead, columns, rows, sum(map(len, groups)))


def lone_rows(groups: Sequence[Iterable[Lone]]) -> Iterable[tuple[Cell, ...]]:
    """Yield the rows of items that are alone."""
    for place, items in enumerate(groups):
        for name, item in items:
            yield line_of(name.item), line_of(name.task), place, item.state


def compared_lines(comparison: Comparison) -> list[str]:
    """Return the comparison for a terminal."""
    before, after = comparison.before, comparison.after
    lines = [
        f"A           {line_of(before.title)}",
        f"B           {line_of(after.title)}",
        *(
            f"differs     {line_of(name)}: {line_of(first)} -> {line_of(second)}"
            for name, first, second in differences(before, after)
        ),
        *(f"MISSING     {told}" for told in missing_told(comparison)),
        f"score       {score_of(before.right, before.total)} -> {score_of(after.right, after.total)}",
        f"items       {comparison.pairs:,} in both: {comparison.alike:,} alike, "
        f"{len(comparison.newly_failing):,} newly failing, {len(comparison.newly_right):,} newly right, "
        f"{len(comparison.otherwise):,} otherwise changed",
        f"            {len(comparison.only_before):,} only in A, {len(comparison.only_after):,} only in B",
        f"times       {len(comparison.slower):,} slower, {len(comparison.faster):,} faster ({noise_of(comparison)})",
        f"            {comparison.seconds_before:.3f} s -> {comparison.seconds_after:.3f} s of items in both "
        f"({told_factor(ratio(comparison.seconds_before, comparison.seconds_after))})",
    ]
    told = [(f"{word:11s}", tasks) for word, tasks in (("lost", comparison.tasks_lost), ("won", comparison.tasks_won))]
    lines += [f"{word} {line_of(', '.join(tasks))}" for word, tasks in told if tasks]
    lines += ["", "Timing summary (seconds), A, B, B to A:"]
    lines += [
        f"  {line_of(name):32s} {told_seconds(one):>8s} {told_seconds(other):>8s} {told_factor(ratio(one, other)):>6s}"
        for name, one, other in phases_of(comparison)
    ]
    return [*lines, ""]


def compared_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison for machines: counts, and the names of what ended otherwise or took another time."""
    groups = {
        "newly_failing": comparison.newly_failing,
        "newly_right": comparison.newly_right,
        "otherwise_changed": comparison.otherwise,
        "slower": comparison.slower,
        "faster": comparison.faster,
    }
    return {
        "event": "comparison",
        "a": comparison.before.title,
        "b": comparison.after.title,
        "score": [[side.right, side.total] for side in (comparison.before, comparison.after)],
        "differs": [list(one) for one in differences(comparison.before, comparison.after)],
        "missing_shards": [side.missing for side in (comparison.before, comparison.after)],
        "items": comparison.pairs,
        "alike": comparison.alike,
        **{name: [pair_json(pair) for pair in pairs] for name, pairs in groups.items()},
        "only_in_a": [[lone.name.task, lone.name.item] for lone in comparison.only_before],
        "only_in_b": [[lone.name.task, lone.name.item] for lone in comparison.only_after],
        "tasks_lost": list(comparison.tasks_lost),
        "tasks_won": list(comparison.tasks_won),
        "phases": {name: [first, second] for name, first, second in phases_of(comparison)},
    }


def pair_json(pair: Pair) -> dict[str, Any]:
    """Return an item of both runs for machines."""
    return {
        "task": pair.name.task,
        "item": pair.name.item,
        "states": [pair.before.state, pair.after.state],
        "seconds": [pair.before.seconds, pair.after.seconds],
    }

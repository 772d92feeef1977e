"""The timeline of a run: who worked on which shard when, and how that ended; from the notes of pods and processes.

notes (attempts.py), ends of results -> stretches of work -> lanes, how many at work, a table of all of it
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from batt.attempts import PodTimes, ShardEnd
from batt.names import EXIT_ASKED_TO_STOP
from batt.report.model import Cell, Column, Kind, Lane, Span, Table, Timeline, Tone, Word
from batt.report.rows import bounded
from batt.report.texts import duration, line_of, number_of, utc
from batt.results import Charge

MOST_LANES = 100
"""Most shards that are drawn: more cannot be told apart, and the table below has them."""

MOST_SPANS = 1_000
"""Most stretches that are drawn: a shard's may be a hundred, and each takes some 150 bytes of the page."""

PARTS = 120
"""Equal parts of the time in which it is told how many were at work: a bar of three pixels each on a phone."""

TABLE_BYTES = 150_000
"""Most of the page that the table of stretches takes."""


class Ending(IntEnum):
    """How a stretch of work on a shard ended: the place of its word."""

    RESULT = 0
    DUPLICATE = 1
    STOPPED = 2
    FAILED = 3
    KILLED = 4
    SUPERSEDED = 5


WORDS = (
    Word("made the result", Tone.GOOD),
    Word("done twice: another was first", Tone.FAINT),
    Word("asked to stop: preempted or suspended", Tone.WARN),
    Word("failed", Tone.BAD),
    Word("killed, or no end is noted", Tone.BAD),
    Word("made an earlier attempt's result", Tone.FAINT),
)
"""What is said of each ending."""


class Stretch(NamedTuple):
    """Somebody's work on a shard; begin and end in seconds since the epoch. is_end_known: whether it was noted."""

    shard: int
    who: str
    begin: float
    end: float
    ending: Ending
    code: int | None
    attempt: int
    is_end_known: bool


class Effort(NamedTuple):
    """How a run was worked on: notes, the ends of shards that have a result, and what pods took by collect's count.

    pod_seconds, wasted_seconds: of pods on a cluster, see results.Usage; none on a laptop.
    charge: what they cost, where their pools have prices.
    """

    pods: tuple[PodTimes, ...] = ()
    ends: Mapping[int, ShardEnd] = {}
    pod_seconds: float = 0.0
    wasted_seconds: float = 0.0
    charge: Charge | None = None


def stretches(effort: Effort) -> list[Stretch]:
    """Return all work on shards, by shard and begin.

    Where no end is noted, it lasted until the result if it made that, else until the next pod of the shard began, else
    until the last time that is known of the run, which is an upper bound.
    """
    shards: dict[int, list[PodTimes]] = defaultdict(list)
    for pod in effort.pods:
        shards[pod.shard].append(pod)
    for shard in effort.ends:
        shards.setdefault(shard, [])
    times = [
        *(pod.begin for pod in effort.pods),
        *(pod.end for pod in effort.pods if pod.end is not None),
        *(result.end for result in effort.ends.values()),
    ]
    until = max(times, default=0.0)
    return [
        one for shard in sorted(shards) for one in stretches_of(shard, shards[shard], effort.ends.get(shard), until)
    ]


def stretches_of(shard: int, pods: Sequence[PodTimes], result: ShardEnd | None, until: float) -> list[Stretch]:
    """Return the work on one shard, by begin; a result whose maker has left no note tells of itself."""
    in_order = sorted(pods, key=lambda pod: (pod.begin, pod.pod))
    winner = winner_of(in_order, result)
    if result is not None and winner is None and result.begin:
        winner = PodTimes(shard, result.pod, result.begin, result.end, 0)
        in_order = sorted([*in_order, winner], key=lambda pod: (pod.begin, pod.pod))
    if not in_order:
        return []  # a result of an older version, which did not note its begin
    nexts = [*(pod.begin for pod in in_order[1:]), until]
    found = []
    for pod, following in zip(in_order, nexts, strict=True):
        ending = Ending.RESULT if pod is winner else ending_of(pod, winner)
        end = pod.end if pod.end is not None else result.end if result and pod is winner else following
        who = pod.pod or "a process"
        known = pod.end is not None
        found.append(Stretch(shard, who, pod.begin, max(pod.begin, end), ending, pod.code, pod.attempt, known))
    return found


def winner_of(pods: Sequence[PodTimes], result: ShardEnd | None) -> PodTimes | None:
    """Return who made a result: the pod that it names, or, of processes of a laptop, the last that ended well."""
    if result is None:
        return None
    found = [pod for pod in pods if (pod.pod == result.pod if result.pod else pod.code == 0)]
    return found[-1] if found else None


def ending_of(pod: PodTimes, winner: PodTimes | None) -> Ending:
    """Return how work that did not make the result ended."""
    if pod.end is None or (pod.code is not None and pod.code < 0):
        return Ending.KILLED
    if pod.code == 0:
        return Ending.SUPERSEDED if winner and pod.attempt < winner.attempt else Ending.DUPLICATE
    return Ending.STOPPED if pod.code == EXIT_ASKED_TO_STOP else Ending.FAILED


def told_of(one: Stretch) -> str:
    """Return how a stretch ended, in words."""
    word = WORDS[one.ending].text
    if one.ending is Ending.FAILED and one.code is not None:
        return f"{word} with exit code {one.code}"
    if one.ending is Ending.KILLED and one.code is not None and one.code < 0:
        return f"killed by signal {-one.code}"
    return word


def timeline_section(some: Sequence[Stretch], names: Mapping[int, str], shards: int) -> Timeline | None:
    """Return the timeline, None where nothing is known.

    Args:
        some: as `stretches` returns them.
        names: what shards are called, where that is not their number.
        shards: how many the run has.
    """
    if not some:
        return None
    begin = min(one.begin for one in some)
    seconds = max(max(one.end for one in some) - begin, 0.001)
    by_shard = {shard: list(ones) for shard, ones in itertools.groupby(some, key=lambda one: one.shard)}
    drawn = sorted(sorted(by_shard, key=lambda shard: rank(by_shard[shard]))[:MOST_LANES])
    lanes = []
    room = MOST_SPANS
    for shard in drawn:
        ones = by_shard[shard][-max(1, room) :]
        room -= len(ones)
        lanes.append(Lane(name_of(shard, names), tuple(span_of(one, begin) for one in ones)))
    return Timeline(
        key="timeline",
        title="Timeline",
        lead=timeline_lead(some, begin, seconds, shards),
        words=WORDS,
        begin=begin,
        seconds=seconds,
        lanes=tuple(lanes),
        at_work=at_work([(one.begin - begin, one.end - begin) for one in some], seconds),
        left_out=len(by_shard) - len(lanes),
    )


def rank(ones: Sequence[Stretch]) -> tuple[int, float, int]:
    """Return what orders shards by how much there is to see: trouble first, then the longest."""
    trouble = sum(one.ending is not Ending.RESULT for one in ones)
    return -trouble, -sum(one.end - one.begin for one in ones), ones[0].shard


def timeline_lead(some: Sequence[Stretch], begin: float, seconds: float, shards: int) -> str:
    """Return what is said above a timeline."""
    counts = Counter(one.ending for one in some)
    seen = len({one.shard for one in some})
    lost = ", ".join(f"{counts[ending]:,} {WORDS[ending].text}" for ending in Ending if ending and counts[ending])
    missing = f" Of {number_of(shards - seen, 'shard')} nothing is noted." if shards > seen else ""
    told = f"From {utc(begin)}, {duration(seconds)}: {number_of(seen, 'shard')}, worked on {len(some):,} times"
    return f"{told}; {lost}.{missing}" if lost else f"{told}.{missing}"


def span_of(one: Stretch, begin: float) -> Span:
    """Return a stretch as it is drawn."""
    least = "" if one.is_end_known or one.ending is Ending.RESULT else "at most "
    told = f"{line_of(one.who, 60)}, attempt {one.attempt}: {least}{duration(one.end - one.begin)}, {told_of(one)}"
    return Span(one.begin - begin, one.end - begin, one.ending, told)


def name_of(shard: int, names: Mapping[int, str]) -> str:
    """Return what a shard is called."""
    return line_of(names[shard], 60) if shard in names else f"shard {shard}"


def at_work(spans: Iterable[tuple[float, float]], seconds: float) -> tuple[float, ...]:
    """Return how many of some spans (begin, end) last on average in each of PARTS equal parts of the time."""
    width = seconds / PARTS
    whole = [0.0] * (PARTS + 1)  # changes of how many last all of a part
    partly = [0.0] * PARTS
    for begin, end in spans:
        first, last = (min(PARTS - 1, int(moment / width)) for moment in (begin, end))
        if first == last:
            partly[first] += (end - begin) / width
            continue
        partly[first] += first + 1 - begin / width
        partly[last] += end / width - last
        whole[first + 1] += 1
        whole[last] -= 1
    return tuple(
        max(0.0, lasting + some) for lasting, some in zip(itertools.accumulate(whole[:PARTS]), partly, strict=True)
    )


def stretch_table(some: Sequence[Stretch], names: Mapping[int, str], begin: float) -> Table:
    """Return all stretches as a table; where there are too many, those that made no result come first."""
    in_order = sorted(some, key=lambda one: (one.ending is Ending.RESULT, one.begin, one.shard))
    rows = bounded((row_of(one, names, begin) for one in in_order), TABLE_BYTES)
    columns = (
        Column("shard", Kind.TEXT),
        Column("who", Kind.TEXT),
        Column("attempt", Kind.NUMBER),
        Column("began, s", Kind.NUMBER, 3),
        Column("lasted, s", Kind.NUMBER, 3),
        Column("how it ended", Kind.WORD, words=WORDS, is_filter=True),
        Column("exit code", Kind.NUMBER),
    )
    lead = "Everything that worked on a shard, in seconds since the first began."
    return Table("work", "Who worked when", lead, columns, rows, len(some))


def row_of(one: Stretch, names: Mapping[int, str], begin: float) -> tuple[Cell, ...]:
    """Return a stretch's row."""
    began, lasted = round(one.begin - begin, 3), round(one.end - one.begin, 3)
    return (
        name_of(one.shard, names),
        line_of(one.who, 60),
        one.attempt,
        began,
        lasted,
        int(one.ending),
        one.code,
    )

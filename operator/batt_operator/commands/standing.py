"""Where a run on a cluster stands, as `batt watch` says it: counts, rate, time left, why it waits. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from batt.laptop.progress import duration
from batt.status import ConditionType, Phase
from batt_operator.commands.runs import Run
from batt_operator.stages import Places, Stage, job_slots

WINDOW_SECONDS = 600.0
"""The rate is that of the last minutes: old pods, old preemptions and suspensions say little of what is left."""


UNSEEN = "no operator has taken it up yet; one must look after namespace {}"
"""What to say of a run whose status nobody has written."""


class Counts(NamedTuple):
    """Shards of the current attempt: in all, worked on, with a result, failed for good."""

    total: int
    active: int
    succeeded: int
    failed: int


class Standing(NamedTuple):
    """Where a run stands. `why`: what there is to say about it, most of all why it does not get on."""

    phase: Phase
    attempt: int
    counts: Counts
    why: str
    is_stalled: bool


def standing_of(run: Run, live: Counts | None = None) -> Standing:
    """Return where a run stands; `live` are counts newer than those of its status."""
    status = run.status
    stalled = status.condition(ConditionType.STALLED)
    is_stalled = stalled is not None and stalled.status == "True"
    started = status.condition(ConditionType.STARTED)
    waits = started.message if started is not None and started.status == "False" else ""
    unseen = "" if status.start_time or status.conditions or status.phase is not Phase.PENDING else UNSEEN
    told = status.message or waits or unseen.format(run.namespace)
    why = stalled.message if stalled is not None and is_stalled else told
    counts = live or Counts(*(getattr(status.shards, name) for name in Counts._fields))
    return Standing(status.phase, status.attempt, counts, " ".join(why.split()), is_stalled)


def job_counts(job: Mapping[str, Any]) -> Counts:
    """Return the counts that an Indexed Job has of its indexes; its own `failed` counts pods."""
    status = job.get("status") or {}
    total = int(job["spec"]["completions"])
    failed = range_length(str(status.get("failedIndexes") or ""))
    return Counts(total, int(status.get("active") or 0), int(status.get("succeeded") or 0), failed)


def range_length(ranges: str) -> int:
    """Return how many numbers `1,3-5` names."""
    total = 0
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total


def work_job_names(run: Run) -> list[str]:
    """Return the names of the Jobs that do an attempt's work; which of two there are, the operator's pools decide."""
    clock, attempt = run.status.clock, run.status.attempt
    alone = job_slots(run.name, Stage.WORK, attempt, clock, Places("", "", ""))
    parted = job_slots(run.name, Stage.WORK, attempt, clock, Places("", "gpu", ""))
    return list(dict.fromkeys(slot.name for slot in (*alone, *parted)))


def added(counts: Sequence[Counts]) -> Counts:
    """Return the counts of several Jobs together."""
    return Counts(*map(sum, zip(*counts, strict=True)))


class Pace:
    """How fast shards end: as we saw it, else over all the time that the attempt has run."""

    def __init__(self) -> None:
        self.attempt = 0
        self.seen: deque[tuple[float, int]] = deque()
        self.ran_seconds = 0.0

    def note(self, standing: Standing, now: float, ran_seconds: float = 0.0) -> None:
        """Remember how many shards have ended by now; only while the run works.

        Args:
            standing: where the run stands.
            now: seconds of any clock.
            ran_seconds: how long the attempt has run; 0 where that is not known.
        """
        self.ran_seconds = ran_seconds
        ended = standing.counts.succeeded + standing.counts.failed
        if standing.phase is not Phase.RUNNING or standing.attempt != self.attempt:
            self.seen.clear()
            self.attempt = standing.attempt
        if standing.phase is Phase.RUNNING:
            self.seen.append((now, ended))
        while len(self.seen) > 2 and self.seen[1][0] < now - WINDOW_SECONDS:
            self.seen.popleft()

    def rate(self) -> float | None:
        """Return shards a second; None while none has ended."""
        if not self.seen:
            return None
        (begin, before), (end, after) = self.seen[0], self.seen[-1]
        if after > before and end > begin:
            return (after - before) / (end - begin)
        return after / self.ran_seconds if after and self.ran_seconds > 0 else None

    def eta_seconds(self, counts: Counts) -> float | None:
        """Return the seconds until all shards have ended if the rate stays; None while nothing is known."""
        rate = self.rate()
        left = counts.total - counts.succeeded - counts.failed
        return left / rate if rate and counts.total and left >= 0 else None


def ran_seconds(run: Run, now: datetime) -> float:
    """Return how long the attempt has run by the operator's clock, its planning included, time suspended not."""
    clock = run.status.clock
    if clock.running_since is None:
        return clock.ran_seconds
    return clock.ran_seconds + max(0.0, (now - datetime.fromisoformat(clock.running_since)).total_seconds())


def line_of(standing: Standing, rate: float | None, eta_seconds: float | None) -> str:
    """Return where a run stands in one line."""
    attempt = f" (attempt {standing.attempt})" if standing.attempt > 1 else ""
    parts = [f"{standing.phase}{attempt}"]
    counts = standing.counts
    if counts.total:
        parts.append(f"{counts.succeeded}/{counts.total} shards")
    if counts.active:
        parts.append(f"{counts.active} active")
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    if rate is not None:
        parts.append(rate_text(rate))
    if eta_seconds is not None and standing.phase is Phase.RUNNING:
        parts.append(f"{duration(eta_seconds)} left")
    why = f" - {'STALLED: ' if standing.is_stalled else ''}{standing.why}" if standing.why else ""
    return ", ".join(parts) + why


def rate_text(rate: float) -> str:
    """Return shards a second as people read them: a minute's or an hour's where a second has none."""
    if rate >= 1:
        return f"{rate:.1f}/s"
    return f"{rate * 60:.1f}/min" if rate >= 1 / 60 else f"{rate * 3600:.1f}/h"


def seconds_between(begin: str | None, end: str | None) -> float | None:
    """Return the seconds between two times of the API (RFC 3339); None where either is missing."""
    if not begin or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()

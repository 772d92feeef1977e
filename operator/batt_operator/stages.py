"""The stages of a run in their order, each a list of Jobs with names that follow from the run's.

A stage is over when all its Jobs are. Only work has several: a benchmark some of whose tasks want a GPU has a Job on
each of two pools. `evaluate` is a stage of HAL runs only: others have no shards of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from batt.status import Clock


class Stage(StrEnum):
    """A step of a run on the cluster."""

    PLAN = "plan"
    WORK = "work"
    EVALUATE = "evaluate"
    COLLECT = "collect"


ORDER = (Stage.PLAN, Stage.WORK, Stage.EVALUATE, Stage.COLLECT)
"""The stages as they follow one another."""

INDEXED = frozenset({Stage.WORK, Stage.EVALUATE})
"""Stages whose Jobs have a pod for each shard."""


class Places(NamedTuple):
    """The pools of a run's pods: its own, that of tasks which want a GPU ("": its own), that of other stages."""

    work: str
    gpu: str
    stage: str


class JobSlot(NamedTuple):
    """A Job that a stage has.

    pool: where its pods run. pods: how many it has in all.
    part: which of the attempt's shards they work on, see batt.podenv.PART_VARIABLE.
    """

    name: str
    pool: str
    pods: int
    part: str = ""


def job_slots(run: str, stage: Stage, attempt: int, clock: Clock, places: Places) -> tuple[JobSlot, ...]:
    """Return the Jobs of a stage: of work one for each pool that its tasks need.

    Args:
        clock: of the status; says how many pods there are to be.
    """
    suffix = f"-{attempt}" if attempt > 1 else ""
    name = f"{run}-{stage}{suffix}"
    if stage is not Stage.WORK:
        return (JobSlot(name, places.stage, clock.evaluations if stage is Stage.EVALUATE else 1),)
    todo = clock.todo or 0
    if not clock.todo_gpu or not places.gpu:
        return (JobSlot(name, places.work, todo),)
    with_gpu = JobSlot(f"{run}-{stage}-gpu{suffix}", places.gpu, clock.todo_gpu, "gpu")
    rest = JobSlot(name, places.work, todo - clock.todo_gpu, "cpu")
    return (rest, with_gpu) if rest.pods else (with_gpu,)


def shares(total: int, pods: Mapping[str, int]) -> dict[str, int]:
    """Return how many pods of each Job may run at once: one each as far as that goes, the rest as they have many.

    Args:
        total: how many may run at once in all.
        pods: how many each has.
    """
    given: dict[str, int] = {}
    left = total
    for name, count in pods.items():
        given[name] = min(1, left, count)
        left -= given[name]
    room = {name: count - given[name] for name, count in pods.items()}
    everything = sum(room.values())
    for name, free in room.items():
        given[name] += min(free, left * free // everything) if everything else 0
    left = total - sum(given.values())
    for name, count in pods.items():  # what rounding has left over
        more = min(left, count - given[name])
        given[name] += more
        left -= more
    return given


def config_map_name(run: str) -> str:
    """Return the name of the ConfigMap that carries a run to its pods."""
    return f"{run}-run"

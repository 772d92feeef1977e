"""The stages of a run in their order, each a list of Jobs with names that follow from the run's.

A stage is over when all its Jobs are. Today every stage is one Job; a benchmark whose tasks need two pools adds Jobs to
these lists and nothing else. `evaluate` is a stage of HAL runs only: others have no shards of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


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


class JobSlot(NamedTuple):
    """A Job that a stage has: its name, and the pool that its pods run on."""

    name: str
    pool: str


def job_slots(run: str, stage: Stage, attempt: int, pool: str, stage_pool: str) -> tuple[JobSlot, ...]:
    """Return the Jobs of a stage.

    Args:
        pool: where the work runs.
        stage_pool: where the other stages run: they need no GPU.
    """
    suffix = f"-{attempt}" if attempt > 1 else ""
    return (JobSlot(f"{run}-{stage}{suffix}", pool if stage is Stage.WORK else stage_pool),)


def config_map_name(run: str) -> str:
    """Return the name of the ConfigMap that carries a run to its pods."""
    return f"{run}-run"

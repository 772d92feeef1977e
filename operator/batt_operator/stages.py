"""The stages of a run in their order, each a list of Jobs with names that follow from the run's.

A stage is over when all its Jobs are. Today every stage is one Job; a benchmark whose tasks need two pools, and
`evaluate`, add Jobs and stages to these lists and nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Stage(StrEnum):
    """A step of a run on the cluster."""

    PLAN = "plan"
    WORK = "work"
    COLLECT = "collect"


ORDER = (Stage.PLAN, Stage.WORK, Stage.COLLECT)
"""The stages as they follow one another."""

INDEXED = frozenset({Stage.WORK})
"""Stages whose Jobs have a pod for each shard."""


class JobSlot(NamedTuple):
    """A Job that a stage has: its name, and the pool that its pods run on."""

    name: str
    pool: str


def job_slots(run: str, stage: Stage, attempt: int, pool: str, stage_pool: str) -> tuple[JobSlot, ...]:
    """Return the Jobs of a stage.

    Args:
        pool: where the work runs.
        stage_pool: where plan and collect run: they need no GPU.
    """
    suffix = f"-{attempt}" if attempt > 1 else ""
    return (JobSlot(f"{run}-{stage}{suffix}", pool if stage in INDEXED else stage_pool),)


def config_map_name(run: str) -> str:
    """Return the name of the ConfigMap that carries a run to its pods."""
    return f"{run}-run"

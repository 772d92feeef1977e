"""The runs of the story: when each begins, how long it takes, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from batt.status import Reason


class ToldRun(NamedTuple):
    """One run. begins: a minute of the story; minutes: how long it takes, which may be beyond the story's end.

    ends: why, once it has. waits: minutes until its first pod runs. solved: share of its tasks. lost: pods without a
    result, by reason. slow: factor of all its times. stalled: why no pod of it runs, if none ever does.
    """

    name: str
    namespace: str
    kind: str
    pool: str
    begins: int
    minutes: int
    shards: int
    tasks: int
    candidates: int
    ends: Reason = Reason.ALL_SHARDS_DONE
    waits: int = 3
    solved: float = 0.0
    lost: Mapping[str, int] = {}
    slow: float = 1.0
    stalled: Reason | None = None
    is_suspended: bool = False


RUNS = (
    ToldRun("nightly-arc", "nightly", "solvers", "cpu", 4, 58, 40, 400, 5200, solved=0.92, lost={"evicted": 1}),
    ToldRun(
        "candidates-v12",
        "arc",
        "solvers",
        "spot",
        begins=18,
        minutes=92,
        shards=120,
        tasks=400,
        candidates=31000,
        ends=Reason.COMPLETED_WITH_FAILURES,
        solved=0.71,
        lost={"preempted": 14, "out_of_memory": 2},
    ),
    ToldRun("humaneval-mini", "agents", "hal", "cpu", 34, 61, 41, 164, 164, solved=0.84, lost={"error": 2}),
    ToldRun("typo-in-path", "arc", "solvers", "cpu", 58, 4, 0, 0, 0, Reason.PLAN_REJECTED),
    ToldRun("speed-check", "arc", "solvers", "cpu", 76, 66, 60, 400, 9100, solved=0.92, slow=0.8),
    ToldRun(
        "usaco-baseline",
        "agents",
        "hal",
        "spot",
        begins=100,
        minutes=124,
        shards=77,
        tasks=307,
        candidates=307,
        solved=0.19,
        lost={"preempted": 9, "asked_to_stop": 4},
        slow=2.2,
    ),
    ToldRun(
        "candidates-v13",
        "arc",
        "solvers",
        "spot",
        begins=148,
        minutes=86,
        shards=120,
        tasks=400,
        candidates=33000,
        ends=Reason.COMPLETED_WITH_FAILURES,
        waits=9,
        solved=0.74,
        lost={"preempted": 31, "asked_to_stop": 12, "out_of_memory": 3},
        slow=1.3,
    ),
    ToldRun("key-expired", "agents", "hal", "cpu", 170, 9, 41, 164, 0, Reason.AUTH_OR_QUOTA, lost={"error": 3}),
    ToldRun(
        "endless-search",
        "research",
        "solvers",
        "spot",
        begins=188,
        minutes=100,
        shards=90,
        tasks=400,
        candidates=21000,
        ends=Reason.DEADLINE_EXCEEDED,
        solved=0.4,
        lost={"preempted": 8},
    ),
    ToldRun(
        "memory-hog",
        "research",
        "solvers",
        "cpu",
        begins=214,
        minutes=26,
        shards=30,
        tasks=120,
        candidates=800,
        ends=Reason.TOO_MANY_FAILURES,
        solved=0.2,
        lost={"out_of_memory": 18, "error": 1},
    ),
    ToldRun("regression", "nightly", "solvers", "cpu", 238, 70, 40, 400, 5200, solved=0.91, lost={"store": 3}),
    ToldRun("second-thoughts", "research", "solvers", "cpu", 250, 22, 20, 80, 600, Reason.CANCELLED, solved=0.3),
    ToldRun("candidates-v14", "arc", "solvers", "spot", 266, 150, 120, 400, 34000, lost={"preempted": 11}),
    ToldRun("humaneval-large", "agents", "hal", "cpu", 296, 118, 82, 164, 820),
    ToldRun("evaluation-set", "research", "solvers", "cpu", 328, 120, 64, 400, 8800),
    ToldRun("after-lunch", "research", "solvers", "cpu", 332, 300, 25, 100, 700, is_suspended=True),
    ToldRun(
        "wants-two-gpus",
        "agents",
        "hal",
        "l4",
        begins=347,
        minutes=400,
        shards=12,
        tasks=60,
        candidates=60,
        waits=300,
        stalled=Reason.UNSCHEDULABLE,
    ),
)
"""All of them, the earliest first."""

PRICES = {"cpu": 0.19, "spot": 0.06, "l4": 0.71}
"""Price of an hour by pool, in euros."""

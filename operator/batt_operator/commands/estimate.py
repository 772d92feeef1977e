"""What a run would cost on each pool, from what is counted and two speeds: a range, with what it rests on. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from batt.inputs.tasks import Task
from batt.laptop.progress import duration
from batt.manifest import Manifest
from batt_operator.settings import Pool, Price

STARTER_SECONDS = 0.0002
"""CPU seconds that a starter solver takes on a pair: measured, 0.1 s for all 114 of them on their 483 pairs."""

POD_SECONDS = 15.0
"""Seconds of each pod that are no work: image there, start, the shard's inputs, the result. No cold node."""

SECONDS_PER_HOUR = 3600
"""Prices are by the hour."""


class Work(NamedTuple):
    """What a run would do: shards, candidates on tasks, and how often a candidate meets a pair of its task."""

    shards: int
    candidates: int
    pairs: int
    tasks: int


class Tasks(NamedTuple):
    """What a HAL run would do: tasks, how often each, and the seconds that an agent has for one."""

    tasks: int
    repeats: int
    timeout_seconds: float


class Estimate(NamedTuple):
    """One pool: CPUs and price of a pod, and pod seconds at the two speeds."""

    pool: str
    cpus: int
    price: Price | None
    low_seconds: float
    high_seconds: float


def counted(manifest: Manifest, tasks: Sequence[Task]) -> Work:
    """Return the work of a plan; a batt module counts as many times as it marks candidates."""
    pairs_of = {task.id: len(task.train) + len(task.test) for task in tasks}
    items = sum(task.items for task in manifest.tasks)
    pairs = sum(task.items * pairs_of[task.id] for task in manifest.tasks)
    candidates = manifest.counts.candidates
    each = max(1.0, candidates / items) if items else 0.0
    return Work(
        len(manifest.shards), candidates, math.ceil(pairs * each), sum(1 for task in manifest.tasks if task.items)
    )


def estimates(work: Work, pools: Mapping[str, Pool], low: float, high: float) -> list[Estimate]:
    """Return an estimate for every pool.

    Args:
        work: what is to do.
        pools: by name.
        low: CPU seconds that a candidate takes on a pair, at least.
        high: the same, at most: the run's time limit.
    """
    return [
        Estimate(name, cpus, pool.price, pod_seconds(work, cpus, low), pod_seconds(work, cpus, high))
        for name, pool in pools.items()
        for cpus in [cpus_of(pool)]
    ]


def hal_estimates(tasks: Tasks, pools: Mapping[str, Pool], seconds: float | None) -> list[Estimate]:
    """Return an estimate for every pool; seconds: what an agent takes for a task, at least, where somebody knows it."""
    pods = tasks.tasks * tasks.repeats
    low = min(seconds or 0.0, tasks.timeout_seconds)
    return [
        Estimate(
            name, cpus_of(pool), pool.price, pods * (POD_SECONDS + low), pods * (POD_SECONDS + tasks.timeout_seconds)
        )
        for name, pool in pools.items()
    ]


def pod_seconds(work: Work, cpus: int, seconds_per_pair: float) -> float:
    """Return the seconds of all work pods: a worker runs a process on each of its CPUs."""
    return work.shards * POD_SECONDS + work.pairs * seconds_per_pair / cpus


def cpus_of(pool: Pool) -> int:
    """Return the CPUs of a pod, whole ones, rounded up as Kubernetes tells them to the worker; 1 where none are set."""
    limit = str(pool.resources.get("limits", {}).get("cpu", 1))
    cpus = float(limit.removesuffix("m")) / 1000 if limit.endswith("m") else float(limit)
    return max(1, math.ceil(cpus))


def money(seconds: float, price: Price | None) -> str:
    """Return what so many pod seconds cost; without a price, the time alone."""
    if price is None:
        return f"{duration(seconds)} of pods"
    amount = seconds / SECONDS_PER_HOUR * price.per_hour
    return f"{amount:.2f} {price.currency}" if amount >= 1 else f"{amount:.4f} {price.currency}"


def estimate_rows(found: Sequence[Estimate], chosen: str) -> list[list[str]]:
    """Return a row of texts for every pool, the columns' names first; the run's own pool is marked."""
    rows = [["POOL", "A POD", "AT LEAST", "AT MOST", "PRICED"]]
    for one in found:
        pod = f"{one.cpus} CPU{'s' * (one.cpus != 1)}"
        pod += f", {one.price.per_hour:g} {one.price.currency}/h" if one.price else ", no price"
        dated = (one.price.dated if one.price else "") or "-"
        amounts = [money(one.low_seconds, one.price), money(one.high_seconds, one.price)]
        rows.append([f"{one.pool}{' *' if one.pool == chosen else ''}", pod, *amounts, dated])
    return rows


def assumptions(work: Work, low: float, high: float) -> list[str]:
    """Return what the range rests on."""
    return [
        f"counted    {work.candidates} candidates on {work.tasks} tasks, {work.pairs} pairs to run, {work.shards} pods",
        f"at least   {low:g} CPU seconds a candidate and pair; say --seconds to put yours in its place",
        f"at most    {high:g} CPU seconds: every candidate runs into spec.solvers.timeoutSeconds on every pair",
        f"both       {POD_SECONDS:g} s a pod that are no work; every CPU of a pod in use until its end",
        "not in it  plan and collect pods, retries and preempted pods, nodes that come from zero, verdicts that the",
        "           run's own cache knows (they cost nothing), storage, and what a cluster costs when idle",
    ]


def hal_assumptions(tasks: Tasks, seconds: float | None) -> list[str]:
    """Return what the range of a HAL run rests on."""
    each = f"{seconds:g} s a task" if seconds else "agents that answer at once; say --seconds to put yours in its place"
    return [
        f"counted    {tasks.tasks} tasks, {tasks.repeats} times each: {tasks.tasks * tasks.repeats} pods",
        f"at least   {each}",
        f"at most    {tasks.timeout_seconds:g} s a task: every agent runs into spec.hal.timeoutSeconds",
        f"both       {POD_SECONDS:g} s a pod that are no work",
        "not in it  what models cost, plan, evaluate and collect pods, retries and preempted pods, nodes that come",
        "           from zero, tasks on another pool for their GPU, storage, and what a cluster costs when idle",
    ]

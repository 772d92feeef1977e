"""compare(before, after) -> Comparison: what two runs of one kind differ in, item by item; every number decided here.

An item is a candidate on a task, or a task and repeat of an agent. Items meet by name; of the others, by program.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from batt.errors import InputError
from batt.report.hal import STATES, state_of
from batt.report.texts import words_of

FACTOR = 1.5
"""Times that differ by less are taken for noise: equal runs on a busy machine differ by a third."""

LEAST_SECONDS = {"solvers": 0.005, "hal": 1.0}
"""Times that differ by less are noise too: check times are CPU times of some milliseconds, agents wait for models."""

ASKED = {
    "solvers": ("dataset", "candidates", "dsl", "timeoutSeconds", "memoryBytes", "keep"),
    "hal": ("benchmark", "agent", "options", "maxTasks", "repeats", "timeoutSeconds"),
}
"""Fields of a run's spec whose difference is told."""

DIGESTS = ("dataset_digest", "candidates_digest", "dsl_digest", "benchmark_digest", "agent_hash")
"""Digests in results whose difference is told: what was compared is not the same thing."""


class Name(NamedTuple):
    """What an item is called: its task, its candidate (or repeat), and which of several of that name it is."""

    task: str
    item: str
    number: int = 0


class Item(NamedTuple):
    """What became of an item. program: md5, "" where there is none. seconds: None where it took none of its own."""

    state: str
    is_right: bool
    seconds: float | None
    program: str


class Side(NamedTuple):
    """One of the two runs. right: of total. asked: what is told of its spec and digests. missing: shards not done."""

    uri: str
    kind: str
    title: str
    right: int
    total: int
    phases: Mapping[str, float]
    asked: Mapping[str, str]
    items: Mapping[Name, Item]
    solved: frozenset[str]
    missing: int = 0


class Pair(NamedTuple):
    """An item in both runs."""

    name: Name
    before: Item
    after: Item

    @property
    def factor(self) -> float | None:
        """How many times as long it took after; None where a time is unknown, or nothing."""
        return ratio(self.before.seconds, self.after.seconds)


class Lone(NamedTuple):
    """An item in one run only."""

    name: Name
    item: Item


class Comparison(NamedTuple):
    """What two runs differ in. alike: pairs of the same state; times are compared of all pairs.

    tasks_lost, tasks_won: tasks that are solved before, or after, only; of those that both runs have.
    """

    before: Side
    after: Side
    pairs: int
    alike: int
    newly_failing: tuple[Pair, ...]
    newly_right: tuple[Pair, ...]
    otherwise: tuple[Pair, ...]
    slower: tuple[Pair, ...]
    faster: tuple[Pair, ...]
    only_before: tuple[Lone, ...]
    only_after: tuple[Lone, ...]
    tasks_lost: tuple[str, ...]
    tasks_won: tuple[str, ...]
    seconds_before: float
    seconds_after: float


def side_of(results: Mapping[str, Any], uri: str) -> Side:
    """Return a run as it is compared; results: the value of results.json."""
    kind = "hal" if results.get("kind") == "hal" else "solvers"
    run, spec = results["run"], results[kind]
    items = dict(numbered(hal_items(results) if kind == "hal" else solver_items(results)))
    solved = frozenset(name.task for name, item in items.items() if item.is_right)
    if kind == "hal":
        repeats = results["accuracy"]["repeats"]
        right, total = (sum(one[name] for one in repeats) for name in ("right", "tasks"))
    else:
        right, total = results["score"]["solved"], results["score"]["tasks"]
    told = {name: told_value(spec[name]) for name in ASKED[kind] if spec.get(name) is not None}
    if kind == "hal":
        told |= {"agent.function": str(spec["agent"].get("function"))}
        told |= {f"agent.args.{name}": str(value) for name, value in spec["agent"].get("args", {}).items()}
    told |= {name: str(results[name])[:12] for name in DIGESTS if results.get(name)}
    phases = {name: float(value[1]) for name, value in results["phases"].items()}
    title = f"{run['namespace']}/{run['name']}-{run['uid']}"
    return Side(uri, kind, title, right, total, phases, told, items, solved, len(results["missing_shards"]))


def told_value(value: Any) -> str:  # JSON of a spec
    """Return a field of a spec in words; of an agent its name."""
    return str(value["name"]) if isinstance(value, dict) and "name" in value else str(value)


def solver_items(results: Mapping[str, Any]) -> Iterator[tuple[str, str, Item]]:
    """Yield task, candidate and what became of it; cached verdicts took no time."""
    for task in results["tasks"]:
        for row in task["candidates"]:
            seconds = None if row.get("cached") else row["check_time"]
            state = words_of(row["verdict"])
            yield task["task"], row["candidate"], Item(state, row["verdict"] == "correct", seconds, row["md5"])


def hal_items(results: Mapping[str, Any]) -> Iterator[tuple[str, str, Item]]:
    """Yield task, repeat and what became of it."""
    for row in results["tasks"]:
        state = STATES[state_of(row)].text
        yield row["task"], f"repeat {row['repeat']}", Item(state, state == "right", row["wall_clock_seconds"], "")


def numbered(items: Iterable[tuple[str, str, Item]]) -> Iterator[tuple[Name, Item]]:
    """Yield items by names that are told apart."""
    seen: Counter[tuple[str, str]] = Counter()
    for task, name, item in items:
        yield Name(task, name, seen[task, name]), item
        seen[task, name] += 1


def compare(before: Side, after: Side) -> Comparison:
    """Return what two runs differ in.

    Raises:
        InputError: they are of different kinds.
    """
    if before.kind != after.kind:
        got = f"{before.uri} of kind {before.kind}, {after.uri} of kind {after.kind}"
        raise InputError(f"compare: got {got}; must be two runs of one kind; name two of the same")
    pairs, only_before, only_after = matched(before.items, after.items)
    changed = [pair for pair in pairs if pair.before.state != pair.after.state]
    timed = [pair for pair in pairs if pair.before.seconds is not None and pair.after.seconds is not None]
    least = LEAST_SECONDS[before.kind]
    both = {name.task for name in before.items} & {name.task for name in after.items}
    return Comparison(
        before,
        after,
        len(pairs),
        len(pairs) - len(changed),
        tuple(pair for pair in changed if pair.before.is_right),
        tuple(pair for pair in changed if pair.after.is_right),
        tuple(pair for pair in changed if not pair.before.is_right and not pair.after.is_right),
        by_factor(pair for pair in timed if is_slower(pair.before.seconds, pair.after.seconds, least)),
        by_factor(pair for pair in timed if is_slower(pair.after.seconds, pair.before.seconds, least)),
        tuple(only_before),
        tuple(only_after),
        tuple(sorted((before.solved - after.solved) & both)),
        tuple(sorted((after.solved - before.solved) & both)),
        sum(pair.before.seconds or 0.0 for pair in timed),
        sum(pair.after.seconds or 0.0 for pair in timed),
    )


def matched(before: Mapping[Name, Item], after: Mapping[Name, Item]) -> tuple[list[Pair], list[Lone], list[Lone]]:
    """Return the items that are in both runs, and those of either alone.

    What is left by name meets by task and program, in order: candidates that were moved to another file.
    """
    pairs = [Pair(name, item, after[name]) for name, item in before.items() if name in after]
    moved: dict[tuple[str, str], deque[Name]] = defaultdict(deque)
    for name, item in after.items():
        if name not in before and item.program:
            moved[name.task, item.program].append(name)
    only_before, met = [], set()
    for name, item in before.items():
        if name in after:
            continue
        found = moved.get((name.task, item.program))
        if found:
            other = found.popleft()
            met.add(other)
            pairs.append(Pair(name, item, after[other]))
        else:
            only_before.append(Lone(name, item))
    only_after = [Lone(name, item) for name, item in after.items() if name not in before and name not in met]
    return pairs, only_before, only_after


def is_slower(before: float | None, after: float | None, least_seconds: float) -> bool:
    """Tell whether a time is longer by more than noise: by FACTOR and by so many seconds."""
    if before is None or after is None:
        return False
    return after >= FACTOR * before and after - before >= least_seconds


def by_factor(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """Return pairs, the biggest difference first."""
    return tuple(sorted(pairs, key=lambda pair: -abs((pair.after.seconds or 0.0) - (pair.before.seconds or 0.0))))


def ratio(before: float | None, after: float | None) -> float | None:
    """Return how many times as much the second is; None where that cannot be told."""
    return after / before if before and after is not None else None


def differences(before: Side, after: Side) -> list[tuple[str, str, str]]:
    """Return the fields of what was asked that differ: name, before, after."""
    names: Sequence[str] = [*before.asked, *(name for name in after.asked if name not in before.asked)]
    told = [(name, before.asked.get(name, "-"), after.asked.get(name, "-")) for name in names]
    return [one for one in told if one[1] != one[2]]

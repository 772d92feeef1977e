"""ARC tasks as values: `load_dataset` checks every grid and names what it refuses.

One bad task never costs the others. Where tasks are found, and in which forms: batt/inputs/task_files.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from batt.errors import Fault, InputError, shown
from batt.inputs.task_files import Entry, RefusedError, RepeatedKeys, find_entries

Grid: TypeAlias = tuple[tuple[int, ...], ...]
"""Rows of colours 0-9, all of one length, 1 to 30 rows and columns."""

LARGEST_SIDE = 30
"""Most rows or columns of a grid, as the ARC format says."""

TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a task may be called: ids become parts of file names and command lines."""


class Pair(NamedTuple):
    """One sample of a task."""

    input: Grid
    output: Grid


class Task(NamedTuple):
    """A task with at least one train and one test pair; `digest` is the sha256 of its pairs, not of its id."""

    id: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]
    digest: str


class Dataset(NamedTuple):
    """The asked tasks of a source in the source's order, and a fault for each asked task that was refused.

    uri: as it was given. digest: sha256 of the tasks' ids and digests, whatever their order.
    """

    uri: str
    digest: str
    tasks: tuple[Task, ...]
    refused: tuple[Fault, ...]


def load_dataset(uri: str, ids: Sequence[str] = (), base: Path = Path()) -> Dataset:
    """Return the tasks `ids` of a source, all of them where `ids` is empty.

    uri: a name of DATASET_NAMES, a path or `file:` URI (relative ones start at `base`), or `gs://...`.

    Raises:
        InputError: the source cannot be read, has no task, lacks an asked id, or every asked task is refused.
        StoreError: a bucket cannot be reached.
    """
    entries = find_entries(uri, frozenset(ids), base)
    tasks: list[Task] = []
    faults: list[Fault] = []
    for task_id, entry in entries.items():
        try:
            tasks.append(_checked_task(task_id, entry))
        except RefusedError as refused:
            faults.append(refused.fault)
    if not tasks:
        raise InputError("\n".join(map(str, faults)))
    lines = sorted(f"{task.id} {task.digest}\n" for task in tasks)
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return Dataset(uri, digest, tuple(tasks), tuple(faults))


def task_json(task: Task) -> dict[str, object]:
    """Return the task as JSON values: `{"id", "train": [[input, output], ...], "test": ..., "digest"}`."""
    return {"id": task.id, "train": task.train, "test": task.test, "digest": task.digest}


def task_from_json(value: Mapping[str, Any]) -> Task:
    """Return the task that `task_json` gave, after a trip through JSON; it is trusted to be one."""
    return Task(value["id"], _pairs_from_json(value["train"]), _pairs_from_json(value["test"]), value["digest"])


def _pairs_from_json(pairs: Iterable[Sequence[Any]]) -> tuple[Pair, ...]:
    return tuple(Pair(*(tuple(map(tuple, grid)) for grid in pair)) for pair in pairs)


def _checked_task(task_id: str, entry: Entry) -> Task:
    """Return the task; RefusedError names the first thing in it that is wrong."""
    if isinstance(entry.value, RefusedError):
        raise entry.value
    where = f"{entry.where}: task {shown(task_id)}"
    if not TASK_ID.fullmatch(task_id):
        rule = "ids must be 1-128 letters, digits, `.`, `_`, `-`, the first a letter or digit"
        raise RefusedError(where, shown(task_id), rule, "rename it")
    if not isinstance(entry.value, dict):
        got = f"a {type(entry.value).__name__}"
        raise RefusedError(where, got, "must be an object with train and test", "correct or remove it")
    if isinstance(entry.value, RepeatedKeys):
        keys = shown(sorted(entry.value.keys_repeated))
        raise RefusedError(where, f"{keys} twice", "must stand once each", "remove the others")
    train = tuple(_pairs(entry.value.get("train"), f"{where} train"))
    test = tuple(_pairs(_with_solutions(entry.value.get("test"), task_id, entry), f"{where} test"))
    canonical = json.dumps((train, test), separators=(",", ":"))
    return Task(task_id, train, test, hashlib.sha256(canonical.encode()).hexdigest())


def _with_solutions(pairs: object, task_id: str, entry: Entry) -> object:
    """Return the test pairs, their outputs filled in from the solutions where they are kept apart."""
    if not isinstance(pairs, list) or all(isinstance(pair, dict) and "output" in pair for pair in pairs):
        return pairs
    if entry.solutions is None:
        rule = "test outputs are needed to score candidates"
        remedy = f"put {entry.solutions_name} with an entry for it beside the file"
        raise RefusedError(f"{entry.where}: task {task_id!r} test", "no output", rule, remedy)
    if not isinstance(entry.solutions, list) or len(entry.solutions) != len(pairs):
        rule = f"must be a list of {len(pairs)} outputs, one a test input"
        where = f"{entry.solutions_name}: task {task_id!r}"
        raise RefusedError(where, _kind(entry.solutions), rule, "give the solutions of these challenges")
    return [
        {**pair, "output": output} if isinstance(pair, dict) else pair
        for pair, output in zip(pairs, entry.solutions, strict=True)
    ]


def _pairs(value: object, where: str) -> Iterator[Pair]:
    """Yield the pairs of a list of `{"input", "output"}`."""
    if not isinstance(value, list) or not value:
        raise RefusedError(where, _kind(value), "must be a list of at least one pair", "correct or remove the task")
    for index, pair in enumerate(value):
        place = f"{where}[{index}]"
        if not isinstance(pair, dict) or not {"input", "output"} <= pair.keys() or isinstance(pair, RepeatedKeys):
            got = shown(sorted(pair)) if isinstance(pair, dict) else _kind(pair)
            rule = "must be an object with input and output, each once"
            raise RefusedError(place, got, rule, "correct or remove the task")
        yield Pair(_grid(pair["input"], f"{place}.input"), _grid(pair["output"], f"{place}.output"))


def _grid(value: Any, where: str) -> Grid:  # whatever JSON can be
    """Return the grid. Whole rows are checked at once: 400 tasks have half a million cells."""
    if type(value) is list and 1 <= len(value) <= LARGEST_SIDE and set(map(type, value)) == {list}:
        widths = set(map(len, value))
        cells = list(chain.from_iterable(value))
        if (
            len(widths) == 1
            and 1 <= len(value[0]) <= LARGEST_SIDE
            and set(map(type, cells)) == {int}
            and min(cells) >= 0
            and max(cells) <= 9
        ):
            return tuple(map(tuple, value))
    raise _grid_fault(value, where)


def _grid_fault(value: Any, where: str) -> RefusedError:
    """Return what is wrong with a value that is no grid, at the first place that is."""
    remedy = "correct or remove the task"
    size = f"must be a list of 1 to {LARGEST_SIDE} rows"
    if type(value) is not list or not 1 <= len(value) <= LARGEST_SIDE:
        return RefusedError(where, _kind(value), size, remedy)
    for index, row in enumerate(value):
        place = f"{where}[{index}]"
        if type(row) is not list or not 1 <= len(row) <= LARGEST_SIDE:
            return RefusedError(place, _kind(row), f"must be a list of 1 to {LARGEST_SIDE} cells", remedy)
        if len(row) != len(value[0]):
            rule = f"must be as long as the rows before, {len(value[0])} cells"
            return RefusedError(place, f"{len(row)} cells", rule, remedy)
        for column, cell in enumerate(row):
            if type(cell) is not int or not 0 <= cell <= 9:  # True is an int to Python, no colour to ARC
                return RefusedError(f"{place}[{column}]", shown(cell), "must be an integer 0-9", remedy)
    raise AssertionError(f"{where}: the quick check refused a grid that has no fault")


def _kind(value: object) -> str:
    """Return in a few words what stands there instead of a list."""
    if value is None:
        return "nothing"
    return f"a list of {len(value)}" if isinstance(value, list) else f"{type(value).__name__} {shown(value)}"

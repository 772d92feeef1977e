"""What plan and work have stored of a run, as rows: one for every candidate on every task it was run on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from batt.attempts import ShardEnd
from batt.manifest import Manifest
from batt.parallel import for_each
from batt.reading import Entry, ModuleEntry
from batt.solver.module import Module, module_from_json, solver_program
from batt.solver.program import Program, program_from_json
from batt.solver.verdicts import CandidateVerdict, verdict_from_json
from batt.state import shard_results
from batt.store import ObjectStore, read_json
from batt.timing import CHECK_SPEED, INLINE_TOTAL, PhaseClock, stats_from_json


class Row(NamedTuple):
    """One candidate on one task, with everything that results say of it.

    order: place in the inputs (number, mark). o_score: samples on which its value was right, defaults and all.
    """

    order: tuple[int, ...]
    name: str
    task: str
    md5: str
    body_md5: str
    is_inlined: bool
    o_score: int
    verdict: CandidateVerdict
    is_cached: bool
    solver_id: str


class Stored(NamedTuple):
    """What plan and work have stored: rows by (number, task), which of them are cached, duplicates, phase times.

    rows: each as JSON text: as objects they take six times the memory, and few are looked at together.
    writers: (index, writer) of each shard result: equal ones mean equal shard results. ends: by index.
    spans: from when to when shards validated plain candidates, seconds since the epoch; they overlap.
    """

    rows: dict[tuple[int, str], str]
    cached: frozenset[tuple[int, str]]
    duplicates: tuple[tuple[int, str, int], ...]
    clock: PhaseClock
    writers: list[list[Any]]
    ends: dict[int, ShardEnd]
    spans: list[tuple[float, float]]


def read_stored(manifest: Manifest, root: ObjectStore) -> Stored:
    """Return all rows: the cached ones of the plan, then those of every shard that has a result."""
    known = read_json(root, f"{manifest.ref.folder}/{manifest.inputs.known}")
    rows = {(number, task): json.dumps(row) for number, task, row in known["rows"]}
    cached = frozenset(rows)
    clock = PhaseClock()
    writers = []
    ends: dict[int, ShardEnd] = {}
    spans: list[tuple[float, float]] = []
    paths = sorted(shard_results(root, manifest).items())
    values = for_each(root, lambda path: read_json(root, path), [path for _, path in paths])
    for (index, _), value in zip(paths, values, strict=True):
        writers.append([index, value["writer"]])
        begin = value.get("begin") or next(iter(value["validated"]), 0.0)
        ends[index] = ShardEnd(value.get("pod", ""), value.get("end", 0.0), begin)  # older workers do not say
        rows.update({(number, task): json.dumps(row) for number, task, row in value["rows"]})
        clock.merge(stats_from_json(value["phases"]))
        spans.extend([tuple(value["validated"])] if value["validated"] else [])
    duplicates = tuple((number, task, first) for number, task, first in known["duplicates"])
    return Stored(rows, cached, duplicates, clock, writers, ends, spans)


class RowReader:
    """Gives the rows of one run, task by task, and the programs behind them.

    module_rows: what shards have stored of each module on the task whose rows were asked for last.
    """

    def __init__(self, manifest: Manifest, root: ObjectStore) -> None:
        self.stored = read_stored(manifest, root)
        self.clock = self.stored.clock
        self.entries: dict[int, Entry] = {}
        self.sources: dict[int, str] = {}
        self.modules: dict[int, Module] = {}
        self.module_rows: dict[int, Any] = {}
        for chunk in manifest.inputs.chunks:
            for values in read_json(root, f"{manifest.ref.folder}/{chunk}"):
                entry = Entry(*values)
                self.entries[entry.number] = entry
                if entry.inline_seconds:
                    self.clock.add(INLINE_TOTAL, entry.inline_seconds)
        for number, path in manifest.inputs.modules:
            module = ModuleEntry(*read_json(root, f"{manifest.ref.folder}/{path}"))
            self.sources[number] = module.source
            self.modules[number] = module_from_json(json.loads(module.module))
        self.places = self.find_places()

    def find_places(self) -> dict[str, list[tuple[int, int]]]:
        """Return (number, number of the first with the same body) of every candidate and module, by task."""
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, task in self.stored.rows:
            places[task].append((number, number))
        for number, task, first in self.stored.duplicates:
            if (first, task) in self.stored.rows:
                places[task].append((number, first))
        return places

    def rows_of(self, task: str) -> list[Row]:
        """Return a row for every candidate that was run on a task: files and lines first, then modules, as read."""
        places = sorted(self.places.get(task, ()))
        rows = [self.plain_row(self.entries[number], task, first) for number, first in places if number in self.entries]
        modules = [number for number, _ in places if number in self.modules]
        self.module_rows = {number: json.loads(self.stored.rows[number, task]) for number in modules}
        for number in modules:
            rows.extend(self.rows_of_module(number, task))
        return rows

    def plain_row(self, entry: Entry, task: str, first: int) -> Row:
        """Return the row of a plain candidate; a duplicate has the verdict of the first with its body."""
        verdict = verdict_from_json(json.loads(self.stored.rows[first, task]))
        is_cached = (first, task) in self.stored.cached
        if not is_cached and first == entry.number:
            self.clock.add(CHECK_SPEED, verdict.check_time)
        return Row(
            (entry.number, 0),
            f"{entry.source}::{entry.function}",
            task,
            entry.md5,
            entry.body_md5,
            entry.is_inlined,
            verdict.score,
            verdict,
            is_cached,
            "",
        )

    def rows_of_module(self, number: int, task: str) -> Iterator[Row]:
        """Yield the rows of a module's candidate marks on a task."""
        is_cached = (number, task) in self.stored.cached
        seen: set[str] = set()
        for place, mark in enumerate(self.modules[number].candidates):
            o_score, body, md5, is_inlined, *verdict_row = self.module_rows[number]["marks"][place]
            verdict = verdict_from_json(verdict_row)
            if not is_cached and body not in seen:
                self.clock.add(CHECK_SPEED, verdict.check_time)
            seen.add(body)
            name = f"{self.sources[number]}::t{mark.number}"
            yield Row((number, place), name, task, md5, body, is_inlined, o_score, verdict, is_cached, mark.solver_id)

    def program(self, row: Row) -> Program:
        """Return a row's program."""
        number, place = row.order
        if number in self.modules:
            return solver_program(self.modules[number], self.modules[number].candidates[place].node)
        return program_from_json(json.loads(self.entries[number].program))

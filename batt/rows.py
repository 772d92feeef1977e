"""What plan and work have stored of a run, as rows: one for every candidate on every task it was run on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

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

    writers: (index, writer) of each shard result: equal ones mean equal shard results.
    """

    rows: dict[tuple[int, str], Any]
    cached: frozenset[tuple[int, str]]
    duplicates: tuple[tuple[int, str, int], ...]
    clock: PhaseClock
    writers: list[list[Any]]


def read_stored(manifest: Manifest, root: ObjectStore) -> Stored:
    """Return all rows: the cached ones of the plan, then those of every shard that has a result."""
    known = read_json(root, f"{manifest.ref.folder}/{manifest.inputs.known}")
    rows = {(number, task): row for number, task, row in known["rows"]}
    cached = frozenset(rows)
    clock = PhaseClock()
    writers = []
    paths = sorted(shard_results(root, manifest).items())
    values = for_each(root, lambda path: read_json(root, path), [path for _, path in paths])
    for (index, _), value in zip(paths, values, strict=True):
        writers.append([index, value["writer"]])
        rows.update({(number, task): row for number, task, row in value["rows"]})
        clock.merge(stats_from_json(value["phases"]))
    duplicates = tuple((number, task, first) for number, task, first in known["duplicates"])
    return Stored(rows, cached, duplicates, clock, writers)


class RowReader:
    """Reads the rows of one run; afterwards it knows their programs."""

    def __init__(self, manifest: Manifest, root: ObjectStore) -> None:
        self.manifest = manifest
        self.root = root
        self.stored = read_stored(manifest, root)
        self.clock = self.stored.clock
        self.modules: dict[int, Module] = {}
        self.programs: dict[int, str] = {}

    def rows(self) -> Iterator[Row]:
        """Yield a row for every candidate on every task it was run on, in the order of the inputs."""
        places: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for number, task in self.stored.rows:
            places[number].append((task, number))
        for number, task, first in self.stored.duplicates:
            places[number].append((task, first))
        for chunk in self.manifest.inputs.chunks:
            for values in read_json(self.root, f"{self.manifest.ref.folder}/{chunk}"):
                entry = Entry(*values)
                self.clock.add(INLINE_TOTAL, entry.inline_seconds)
                self.programs[entry.number] = entry.program
                for task, first in places[entry.number]:
                    if (first, task) in self.stored.rows:
                        yield self.plain_row(entry, task, first)
        for number, path in self.manifest.inputs.modules:
            module = ModuleEntry(*read_json(self.root, f"{self.manifest.ref.folder}/{path}"))
            self.modules[number] = module_from_json(json.loads(module.module))
            for task, _ in places[number]:
                yield from self.module_rows(module, task)

    def plain_row(self, entry: Entry, task: str, first: int) -> Row:
        """Return the row of a plain candidate; a duplicate has the verdict of the first with its body."""
        verdict = verdict_from_json(self.stored.rows[first, task])
        is_cached = (first, task) in self.stored.cached
        if not is_cached and first == entry.number:
            self.clock.add(CHECK_SPEED, verdict.check_time)
        name = f"{entry.source}::{entry.function}"
        return Row(
            (entry.number, 0),
            name,
            task,
            entry.md5,
            entry.body_md5,
            entry.is_inlined,
            verdict.score,
            verdict,
            is_cached,
            "",
        )

    def module_rows(self, module: ModuleEntry, task: str) -> Iterator[Row]:
        """Yield the rows of a module's candidate marks on a task."""
        row = self.stored.rows[module.number, task]
        is_cached = (module.number, task) in self.stored.cached
        seen: set[str] = set()
        for place, mark in enumerate(self.modules[module.number].candidates):
            o_score, body, md5, is_inlined, *verdict_row = row["marks"][place]
            verdict = verdict_from_json(verdict_row)
            if not is_cached and body not in seen:
                self.clock.add(CHECK_SPEED, verdict.check_time)
            seen.add(body)
            name = f"{module.source}::t{mark.number}"
            order = (module.number, place)
            yield Row(order, name, task, md5, body, is_inlined, o_score, verdict, is_cached, mark.solver_id)

    def program(self, row: Row) -> Program:
        """Return a row's program."""
        number, place = row.order
        if number in self.modules:
            return solver_program(self.modules[number], self.modules[number].candidates[place].node)
        return program_from_json(json.loads(self.programs[number]))

"""work(manifest, index) -> the shard's result in the store: evaluates every candidate of one shard.

What is found out is appended as progress segments while it goes on, so whoever takes over a killed worker's shard goes
on where it stopped. The result itself is created once; whoever finds it there has nothing to do.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from batt.cache import VERDICTS, Cache, digest_of
from batt.engine.pool import Died, Engine, Item
from batt.errors import AlreadyExistsError, InputError
from batt.manifest import Manifest
from batt.modulework import MARK_VERDICT, ModuleTexts, ModuleWork
from batt.names import progress_folder, progress_segment, shard_result
from batt.solver.verdicts import (
    ENDING,
    PairVerdict,
    Verdict,
    judge,
    pair_from_json,
    verdict_from_json,
    verdict_to_json,
)
from batt.state import has_result
from batt.stopping import StoppedError
from batt.store import ObjectStore, create_json, read_json
from batt.timing import CHECK_SPEED, PhaseClock, stats_to_json

FLUSH_SECONDS = 5.0
"""Longest time that what was found out stays unstored."""

FIRST_FLUSH_SECONDS = 0.5
"""The first segment comes this early, the next after twice as long, up to FLUSH_SECONDS: short shards resume too."""

FLUSH_ITEMS = 2000
"""Most rows that stay unstored."""

SPLIT_ITEMS = 64
"""With fewer plain candidates per child than this, each pair is an item of its own: one slow candidate then spreads."""


class Shard(NamedTuple):
    """A shard's input: task JSON by id, JSON text of programs and modules by number, (number, task, is_module)."""

    tasks: dict[str, Any]
    programs: dict[int, str]
    items: tuple[tuple[int, str, bool], ...]


def read_shard(root: ObjectStore, manifest: Manifest, index: int) -> Shard:
    """Return a shard's input."""
    value = read_json(root, f"{manifest.ref.folder}/{manifest.shards[index].path}")
    programs = {int(number): text for number, text in value["programs"].items()}
    return Shard(value["tasks"], programs, tuple((number, task, bool(kind)) for number, task, kind in value["items"]))


def check_language(engine: Engine, manifest: Manifest) -> None:
    """Refuse to work with another DSL than the run was planned with."""
    if engine.digest != manifest.dsl_digest:
        got = f"digest {engine.digest[:12]}"
        rule = f"must be the DSL the run was planned with ({manifest.dsl_digest[:12]}, same Python version)"
        raise InputError(f"dsl: got {got}; {rule}; it was changed meanwhile: start a new run")


def work(
    manifest: Manifest,
    index: int,
    root: ObjectStore,
    engine: Engine,
    must_stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda _task: None,
) -> None:
    """Evaluate one shard and store its result; returns at once if the result is there.

    Args:
        must_stop: asked between answers; when it says yes, what is known is stored and StoppedError is raised.
        tell: called with the task of each item that is known, taken over or finished.

    Raises:
        StoppedError: `must_stop` said so.
        InputError: the DSL is not the one of the plan.
        StoreError: the store cannot be read or written.
    """
    shard_work = take_up(manifest, index, root, engine, tell)
    if shard_work is not None:
        shard_work.finish(must_stop)


def take_up(
    manifest: Manifest,
    index: int,
    root: ObjectStore,
    engine: Engine,
    tell: Callable[[str], None] = lambda _task: None,
    pod: str = "",
) -> ShardWork | None:
    """Return a shard's work with all that earlier workers have found out; None if its result is there.

    Args:
        pod: uid of the pod that this is, for the shard's result; none on a laptop.
    """
    check_language(engine, manifest)
    if has_result(root, manifest, index):
        return None
    shard_work = ShardWork(manifest, index, root, engine, read_shard(root, manifest, index), tell, pod)
    shard_work.resume()
    return shard_work


class ShardWork:
    """The state of one shard while it is worked on."""

    def __init__(
        self,
        manifest: Manifest,
        index: int,
        root: ObjectStore,
        engine: Engine,
        shard: Shard,
        tell: Callable[[str], None],
        pod: str,
    ) -> None:
        self.manifest = manifest
        self.index = index
        self.root = root
        self.engine = engine
        self.shard = shard
        self.tell = tell
        self.pod = pod
        self.timeout = float(manifest.spec["solvers"]["timeoutSeconds"])
        self.clock = PhaseClock()
        self.checked = PhaseClock()  # for metrics while this goes on: collect adds candidates up from their rows
        self.rows: dict[tuple[int, str], Any] = {}
        self.pairs: dict[tuple[int, str], dict[int, PairVerdict]] = {}
        self.modules: dict[tuple[int, str], ModuleWork] = {}
        self.texts: dict[int, ModuleTexts] = {}
        self.unstored: list[list[Any]] = []
        self.writer = secrets.token_hex(4)
        self.begin = time.time()
        self.sequence = 0
        self.flushed = time.monotonic()
        self.validated: list[float] = []

    def resume(self) -> None:
        """Take over what earlier workers of this shard have stored."""
        folder = f"{self.manifest.ref.folder}/{progress_folder(self.index)}"
        for path in self.root.list(folder):
            for kind, number, task, *values in read_json(self.root, path):
                if kind == "sample":
                    self.module(number, task).add_sample(values[0], values[1])
                elif (number, task) not in self.rows:  # two workers of a shard may both have found it
                    self.rows[number, task] = values[0]
                    self.tell(task)

    def module(self, number: int, task: str) -> ModuleWork:
        """Return the state of a module on a task."""
        if (number, task) not in self.modules:
            pairs = self.shard.tasks[task]
            count = len(pairs["train"]) + len(pairs["test"])
            if number not in self.texts:
                self.texts[number] = ModuleTexts(self.shard.programs[number])
            self.modules[number, task] = ModuleWork(self.texts[number], len(pairs["train"]), count, self.timeout)
        return self.modules[number, task]

    def finish(self, must_stop: Callable[[], bool]) -> None:
        """Evaluate what is not known yet and store the result; see `work`."""
        self.run(must_stop)
        self.store_result()

    def run(self, must_stop: Callable[[], bool]) -> None:
        """Evaluate what is not known yet."""
        begin = time.time()
        self.submit_all()

        def idle() -> None:
            self.flush_if_due()
            if must_stop():
                self.flush()
                raise StoppedError

        for item, answer in self.engine.answers(idle):
            if item.kind == "check":
                self.take_pairs(item, answer)
            else:
                self.take_sample(item, answer)
        if any(not is_module for _, _, is_module in self.shard.items):
            self.validated = [begin, time.time()]

    def submit_all(self) -> None:
        """Queue every item that has no row yet."""
        plain = sum(not is_module for _, _, is_module in self.shard.items)
        must_split = self.engine.size > 1 and plain < SPLIT_ITEMS * self.engine.size
        for task, value in self.shard.tasks.items():
            self.engine.define("task", task, value)
        for number, task, is_module in self.shard.items:
            if (number, task) in self.rows:
                continue
            if is_module:
                self.submit_module(number, task)
                continue
            count = len(self.shard.tasks[task]["train"]) + len(self.shard.tasks[task]["test"])
            for places in [[place] for place in range(count)] if must_split else [list(range(count))]:
                self.submit_pairs(number, task, places)

    def submit_pairs(self, number: int, task: str, places: list[int]) -> None:
        """Queue a plain candidate on some pairs of a task."""
        values = (task, self.shard.programs[number], places)
        self.engine.submit(Item("check", (number, task, tuple(places)), values, (("task", task),)))

    def submit_module(self, number: int, task: str) -> None:
        """Queue the samples of a module that are not known yet; its result may be complete already."""
        module = self.module(number, task)
        self.engine.define("module", str(number), self.shard.programs[number])
        for place in reversed(module.missing()):  # test samples first: they cost most, one C for each distinct output
            self.submit_sample(number, task, place)
        self.finish_module(number, task)

    def submit_sample(self, number: int, task: str, place: int) -> None:
        """Queue one sample of a module."""
        poison = self.module(number, task).poison.get(place, [])
        needs = (("task", task), ("module", str(number)))
        self.engine.submit(Item("sample", (number, task, place), (str(number), task, place, poison), needs))

    def take_pairs(self, item: Item, answer: Any) -> None:  # a child's answer: JSON or Died
        """Take the answer for a plain candidate; complete its row when every pair that counts is known."""
        number, task, places = item.key
        known = self.pairs.setdefault((number, task), {})
        if isinstance(answer, Died):
            position = places[0] if answer.position is None else answer.position
            seconds = self.timeout if answer.how is Verdict.TIMEOUT else 0.0
            detail = answer.detail if answer.how is Verdict.CRASHED else ""
            known[position] = PairVerdict(answer.how, seconds, detail)
            earlier = [place for place in places if place < position]
            if earlier:  # their answers died with the child
                self.submit_pairs(number, task, earlier)
        else:
            known.update({place: pair_from_json(row) for place, row in zip(places, answer, strict=False)})
        count = len(self.shard.tasks[task]["train"]) + len(self.shard.tasks[task]["test"])
        pairs = decided(known, count)
        if pairs is not None and (number, task) not in self.rows:
            del self.pairs[number, task]
            result = judge(pairs, self.timeout)
            self.checked.add(CHECK_SPEED, result.check_time)
            self.add_row(number, task, verdict_to_json(result))

    def take_sample(self, item: Item, answer: Any) -> None:  # a child's answer: JSON or Died
        """Take the answer for a module's sample; a step that ended the child is left out the next time."""
        number, task, place = item.key
        module = self.module(number, task)
        if isinstance(answer, Died):
            if module.add_poison(place, answer):
                self.submit_sample(number, task, place)
                return
            answer = module.lost_sample(answer)
        module.add_sample(place, answer, time.perf_counter())
        self.unstored.append(["sample", number, task, place, answer])
        self.finish_module(number, task)

    def finish_module(self, number: int, task: str) -> None:
        """Complete a module's row when all its samples are known."""
        module = self.module(number, task)
        if not module.missing():
            row = module.finish(self.clock)
            for body in {mark[1]: mark for mark in row["marks"]}.values():
                self.checked.add(CHECK_SPEED, verdict_from_json(body[MARK_VERDICT:]).check_time)
            self.add_row(number, task, row)
            del self.modules[number, task]

    def add_row(self, number: int, task: str, row: Any) -> None:  # a JSON row
        """Keep a finished item."""
        self.rows[number, task] = row
        self.unstored.append(["row", number, task, row])
        self.tell(task)

    def flush_if_due(self) -> None:
        """Store a progress segment when enough time has passed or enough rows wait."""
        due = min(FLUSH_SECONDS, FIRST_FLUSH_SECONDS * 2**self.sequence)
        if len(self.unstored) >= FLUSH_ITEMS or time.monotonic() - self.flushed >= due:
            self.flush()

    def flush(self) -> None:
        """Store what is not stored yet as one progress segment."""
        if self.unstored:
            path = progress_segment(self.index, self.writer, self.sequence)
            create_json(self.root, f"{self.manifest.ref.folder}/{path}", self.unstored)
            self.sequence += 1
            self.unstored = []
        self.flushed = time.monotonic()

    def store_result(self) -> None:
        """Store the shard's result, and its verdicts for later runs."""
        value = {
            "schema": 1,
            "writer": self.writer,  # tells this result from one that is made after it was deleted
            "pod": self.pod,  # and this pod from others that worked on the shard (attempts.py)
            "begin": self.begin,
            "end": time.time(),
            "rows": [[number, task, self.rows[number, task]] for number, task, _ in self.shard.items],
            "phases": stats_to_json(self.clock.stats),
            "validated": self.validated,  # from when to when, seconds since the epoch: shards overlap
        }
        with contextlib.suppress(AlreadyExistsError):  # another worker of this shard was first
            create_json(self.root, f"{self.manifest.ref.folder}/{shard_result(self.index)}", value)
        if self.manifest.spec["solvers"]["cache"]:
            Cache(self.root, self.manifest.dsl_digest).add(VERDICTS, self.cacheable())

    def cacheable(self) -> dict[str, Any]:
        """Return the rows that later runs may use, by key; not those with a crash, which may be the machine's fault."""
        digests = {task.id: task.digest for task in self.manifest.tasks}
        solvers = self.manifest.spec["solvers"]
        limits = repr(solvers["timeoutSeconds"]), str(solvers["memoryBytes"])
        found = {}
        for number, task, is_module in self.shard.items:
            row = self.rows[number, task]
            verdicts = [mark[MARK_VERDICT] for mark in row["marks"]] if is_module else [row[0]]
            if Verdict.CRASHED not in verdicts:
                found[digest_of(self.shard.programs[number], digests[task], *limits)] = row
        return found


def decided(known: dict[int, PairVerdict], count: int) -> list[PairVerdict] | None:
    """Return the pairs' verdicts once all are known, or all up to one that ends the candidate; else None."""
    pairs: list[PairVerdict] = []
    for place in range(count):
        if place not in known:
            return None
        pairs.append(known[place])
        if known[place].verdict in ENDING:
            return pairs + [PairVerdict(Verdict.SKIPPED)] * (count - place - 1)
    return pairs

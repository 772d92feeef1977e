"""The worker child: evaluates what it is told, one item after another, until its socket closes.

It is forked by the nursery, with the DSL loaded, and expects to be killed. What it works on stands in shared memory
(markers.py), so that whoever finds it dead knows which item, and which step of it, was the cause.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

from batt.engine.markers import Marker
from batt.engine.wire import READ_BYTES, Inbox, Message, encode, has_input
from batt.errors import Fault, shown
from batt.inputs.tasks import Task, task_from_json
from batt.solver.deadline import Deadline, DeadlineError
from batt.solver.evaluate import check_pair, compile_program
from batt.solver.language import Language
from batt.solver.module import is_module, module_from_json, module_to_json, parse_module
from batt.solver.modulerun import Failure, ModuleRun
from batt.solver.program import Candidate, parse_solvers, program_from_json, program_to_json, pruned
from batt.solver.texts import body_text, md5_hex, name_program
from batt.solver.verdicts import Verdict

FLUSH_SECONDS = 0.01
"""Results wait at most this long for others: one write for many, yet little is done again when a child dies."""

FLUSH_BYTES = 1 << 16
"""Results that are larger together do not wait: a huge one must not hold up small ones, nor be sent with them."""

KEPT_PART = 8
"""A child that has grown by more than this part of a candidate's memory is replaced: what a DSL keeps in caches, or
the system does not get back, must not be missing to the next candidates."""

INSPECT_SECONDS = 30.0
"""CPU seconds the reading of one text may take; the largest known module takes a tenth of one."""

MAX_FAULTS = 1000
"""Most faults told of one text, one by one: a text for another DSL has one a line."""

OUT_OF_MEMORY_STATUS = 77
"""Exit status of a child that had no memory left for its own work, outside the candidate's steps."""


class Limits(NamedTuple):
    """What one candidate may use: CPU seconds on a pair, and bytes beyond what the child already has."""

    timeout_seconds: float
    memory_bytes: int


class Child:
    """One worker child's state: the DSL, the tasks and modules it was given, the item it is at."""

    def __init__(self, language: Language, limits: Limits, marker: Marker) -> None:
        self.language = language
        self.deadline = Deadline(limits.timeout_seconds)
        self.marker = marker
        self.item = 0
        self.tasks: dict[str, Task] = {}
        self.modules: dict[str, str] = {}
        self.runs: dict[tuple[str, str], ModuleRun] = {}
        self.is_exhausted = False
        self.work: dict[str, Callable[..., Message]]
        self.work = {"check": self.check, "sample": self.sample, "inspect": self.inspect}

    def handle(self, message: Message) -> Message | None:
        """Do what one message says; return [item, result] for work, None for what only prepares it.

        An exception of ours becomes the result {"internal": traceback}: a bug must not look like a crashed candidate.
        """
        try:
            return self.answer(message)
        except MemoryError:
            raise  # ends the child, and with it whatever took the memory
        except Exception:  # noqa: BLE001 # told to the worker, which stops the run with it
            return [self.item, {"internal": traceback.format_exc()}]

    def answer(self, message: Message) -> Message | None:
        """Do what one message says."""
        match message:
            case ["begin", int(item)]:
                self.item = item
                self.marker.begin(item)
            case ["define", "task", key, value]:
                self.runs.clear()
                self.tasks[key] = task_from_json(value)
            case ["define", "module", key, value]:
                self.runs.clear()
                self.modules[key] = value
            case ["forget"]:
                self.tasks.clear()
                self.modules.clear()
                self.runs.clear()
            case ["check" | "sample" | "inspect" as kind, *values]:
                try:
                    return [self.item, self.work[kind](*values)]
                finally:
                    self.deadline.stop()
            case _:
                raise AssertionError(message)
        return None

    def check(self, task_id: str, program: str, places: list[int]) -> Message:
        """Return how a plain solver does on the given pairs, as [verdict, seconds, exception, step] each.

        A pair on which the candidate ended (timeout, out of memory) is the last one that is tried.
        """
        self.marker.note(places[0])
        task = self.tasks[task_id]
        compiled = compile_program(program_from_json(json.loads(program)), self.language)
        results = []
        for place in places:
            self.marker.note(place)
            result = check_pair(compiled, task, place, self.deadline)
            results.append(result)
            self.is_exhausted = self.is_exhausted or result.verdict is Verdict.OUT_OF_MEMORY
            if result.verdict in {Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY}:
                break
        return results

    def sample(self, module_key: str, task_id: str, place: int, poison: list[list[object]]) -> Message:
        """Return what a module gives on one sample (modulerun.SampleResult, as lists)."""
        key = (module_key, task_id)
        if key not in self.runs:
            module = module_from_json(json.loads(self.modules[module_key]))
            self.runs.clear()  # one at a time: its values can be large, and samples of a task come together
            self.runs[key] = ModuleRun(module, self.tasks[task_id], self.language, self.deadline)
        run = self.runs[key]
        run.note = self.marker.note
        failures = {int(str(node)): Failure(Verdict(str(verdict)), "", int(str(node))) for node, verdict in poison}
        result = run.sample(place, failures)
        if any(mark.verdict.verdict is Verdict.OUT_OF_MEMORY for mark in result.marks):
            self.is_exhausted = True
        return result

    def inspect(self, name: str, text: str, call_text: str | None) -> Message:
        """Return what a text holds: {"candidates": [...], "module": ... or None, "faults": [...]}."""
        rule = "must be an ordinary program"
        try:
            with self.deadline:
                self.deadline.start(INSPECT_SECONDS)
                return inspect_text(name, text, call_text, self.language)
        except DeadlineError:
            got = f"a text that takes more than {INSPECT_SECONDS:g} s to read"
        except MemoryError:
            got, self.is_exhausted = "a text that takes more memory to read than a candidate may have", True
        except Exception as error:  # noqa: BLE001 # our reader's fault, but one strange text must not stop the others
            got, rule = (
                f"a text that raises {type(error).__name__}: {shown(str(error))}",
                "is a fault of batt: report it",
            )
        return {"candidates": [], "module": None, "faults": [Fault(name, got, rule, "remove it")]}


def inspect_text(name: str, text: str, call_text: str | None, language: Language) -> Message:
    """Return the programs or the module of a text, and a fault for whatever in it is refused."""
    known = language.names.keys()
    if is_module(text):
        module, faults = parse_module(name, text, call_text, known)
        return {"candidates": [], "module": module and module_to_json(module), "faults": first_faults(name, faults)}
    candidates, faults = parse_solvers(name, text, known)
    described = [describe(candidate) for candidate in candidates]
    return {"candidates": described, "module": None, "faults": first_faults(name, faults)}


def first_faults(name: str, faults: list[Fault]) -> list[Fault]:
    """Return the first faults of a text, and one that tells how many more there are."""
    if len(faults) <= MAX_FAULTS:
        return faults
    got = f"{len(faults) - MAX_FAULTS} faults more"
    return [*faults[:MAX_FAULTS], Fault(name, got, "must hold calls of known names", "is it for another DSL?")]


def describe(candidate: Candidate) -> Message:
    """Return a candidate as the plan keeps it: only the steps it needs, and the names that its texts give it."""
    program = pruned(candidate.program)
    begin = time.thread_time()
    texts = name_program(program)
    return {
        "function": candidate.function,
        "line": candidate.line,
        "task": candidate.task,
        "program": program_to_json(program),
        "md5": texts.md5,
        "inlined": texts.inlined,
        "body_md5": md5_hex(body_text(program)),
        "inline_seconds": time.thread_time() - begin,
    }


class Outbox:
    """Results on their way to the worker: small ones together, large ones at once."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.waiting = bytearray()
        self.flushed = time.monotonic()

    def add(self, result: Message) -> bool:
        """Send a result, now or soon; tell whether it was now."""
        self.waiting += encode(result)
        is_due = len(self.waiting) > FLUSH_BYTES or time.monotonic() - self.flushed > FLUSH_SECONDS
        if is_due:
            self.flush()
        return is_due

    def flush(self) -> None:
        """Send what waits."""
        if self.waiting:
            self.connection.sendall(self.waiting)
            self.waiting.clear()
        self.flushed = time.monotonic()


def child_main(connection: socket.socket, child: Child, limits: Limits) -> None:
    """Serve until the socket closes, or until memory is needed or kept: a fresh child is safer than a full one."""
    faulthandler.disable()  # a child that crashes is no news
    largest = limit_child(limits) + limits.memory_bytes // KEPT_PART
    inbox = Inbox()
    outbox = Outbox(connection)
    while data := connection.recv(READ_BYTES):
        for message in inbox.feed(data):
            answer = child.handle(message)
            if answer is not None and outbox.add(answer):
                child.is_exhausted = child.is_exhausted or address_space_bytes() > largest
            if child.is_exhausted:
                outbox.flush()
                return
        if not has_input(connection):
            outbox.flush()
            if not inbox.buffer and address_space_bytes() > largest:
                return


def limit_child(limits: Limits) -> int:
    """Bound memory beyond what the process has now, write no core files, keep output off the terminal.

    Returns:
        The bytes of address space that the process has now.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = address_space_bytes()
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory_bytes, used + limits.memory_bytes))
    return used


def address_space_bytes() -> int:
    """Return the size of this process; 0 elsewhere than on Linux, where it cannot be bounded either (docs say so)."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 # a path object costs more than the read
        return int(file.read().split()[0]) * resource.getpagesize()

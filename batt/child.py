"""The worker child: evaluates what it is told, one item after another, until its socket closes.

It is forked by the nursery, with the DSL loaded, and expects to be killed. What it works on stands in shared memory
(Marker), so that whoever finds it dead knows which item, and which step of it, was the cause.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import socket
import struct
import sys
import time
import traceback
from typing import NamedTuple

from batt.errors import Fault
from batt.evaluate import Deadline, DeadlineError, Failure, ModuleRun, check_pair, compile_program
from batt.language import Language
from batt.module import is_module, module_from_json, module_to_json, parse_module
from batt.program import Candidate, parse_solvers, program_from_json, program_to_json, pruned
from batt.tasks import Task, task_from_json
from batt.texts import body_text, md5_hex, name_program
from batt.verdicts import Verdict
from batt.wire import READ_BYTES, Inbox, Message, encode, has_input

FLUSH_SECONDS = 0.01
"""Results wait at most this long for others: one write for many, yet little is done again when a child dies."""

INSPECT_SECONDS = 30.0
"""CPU seconds the reading of one text may take; the largest known module takes a tenth of one."""

MARKER = struct.Struct("=QQ")
"""The item at work (its number, 0 for none) and the pair or step of it."""

MARKER_BYTES = 64
"""One cache line a child: neighbours do not slow each other down."""


class Limits(NamedTuple):
    """What one candidate may use: CPU seconds on a pair, and bytes beyond what the child already has."""

    timeout_seconds: float
    memory_bytes: int


class Child:
    """One worker child's state: the DSL, the tasks and modules it was given, the results it has not sent yet."""

    def __init__(self, language: Language, limits: Limits, memory: mmap.mmap, slot: int) -> None:
        self.language = language
        self.deadline = Deadline(limits.timeout_seconds)
        self.memory = memory
        self.offset = slot * MARKER_BYTES
        self.item = 0
        self.tasks: dict[str, Task] = {}
        self.runs: dict[tuple[str, str], ModuleRun] = {}
        self.modules: dict[str, str] = {}
        self.is_exhausted = False

    def note(self, position: int) -> None:
        """Write down which item, and which pair or step of it, is at work."""
        MARKER.pack_into(self.memory, self.offset, self.item, position)

    def handle(self, message: Message) -> Message | None:
        """Do what one message says; return [item, result] for work, None for a definition.

        An exception of ours becomes the result {"internal": traceback}: a bug must not look like a crashed candidate.
        """
        try:
            return self.answer(message)
        except Exception:  # noqa: BLE001 # told to the worker, which stops the run with it
            return [self.item, {"internal": traceback.format_exc()}]

    def answer(self, message: Message) -> Message | None:
        """Do what one message says."""
        match message:
            case ["define", "task", key, value]:
                self.tasks[key] = task_from_json(value)
            case ["define", "module", key, value]:
                self.modules[key] = value
            case ["forget"]:
                self.tasks.clear()
                self.runs.clear()
                self.modules.clear()
            case [kind, int(item), *values]:
                self.item = item
                self.note(0)
                work = {"check": self.check, "sample": self.sample, "inspect": self.inspect}[kind]
                result = work(*values)
                self.deadline.stop()
                self.item = 0
                self.note(0)
                return [item, result]
            case _:
                raise AssertionError(message)
        return None

    def check(self, task_id: str, program: str, places: list[int]) -> Message:
        """Return how a plain solver does on the given pairs, as [verdict, seconds, exception, step] each.

        A pair on which the candidate ended (timeout, out of memory) is the last one that is tried.
        """
        task = self.tasks[task_id]
        compiled = compile_program(program_from_json(json.loads(program)), self.language)
        results = []
        for place in places:
            self.note(place)
            result = check_pair(compiled, task, place, self.deadline)
            results.append(result)
            self.is_exhausted = self.is_exhausted or result.verdict is Verdict.OUT_OF_MEMORY
            if result.verdict in {Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY}:
                break
        return results

    def sample(self, module_key: str, task_id: str, place: int, poison: list[list[object]]) -> Message:
        """Return what a module gives on one sample (evaluate.SampleResult, as lists)."""
        key = (module_key, task_id)
        if key not in self.runs:
            module = module_from_json(json.loads(self.modules[module_key]))
            self.runs.clear()  # one at a time: its values can be large, and samples of a task come together
            self.runs[key] = ModuleRun(module, self.tasks[task_id], self.language, self.deadline)
        run = self.runs[key]
        run.note = self.note
        failures = {int(str(node)): Failure(Verdict(str(verdict)), "", int(str(node))) for node, verdict in poison}
        result = run.sample(place, failures)
        if any(mark.verdict.verdict is Verdict.OUT_OF_MEMORY for mark in result.marks):
            self.is_exhausted = True
        return result

    def inspect(self, name: str, text: str, call_text: str | None) -> Message:
        """Return what a text holds: {"candidates": [...], "module": ... or None, "faults": [...]}."""
        try:
            self.deadline.start(INSPECT_SECONDS)
            return inspect_text(name, text, call_text, self.language)
        except DeadlineError:
            got = f"a text that takes more than {INSPECT_SECONDS:g} s to read"
        except MemoryError:
            got, self.is_exhausted = "a text that takes more memory to read than a candidate may have", True
        finally:
            self.deadline.stop()
        fault = Fault(name, got, "must be an ordinary program", "remove it")
        return {"candidates": [], "module": None, "faults": [fault]}


def inspect_text(name: str, text: str, call_text: str | None, language: Language) -> Message:
    """Return the programs or the module of a text, and a fault for whatever in it is refused."""
    known = language.names.keys()
    if is_module(text):
        module, faults = parse_module(name, text, call_text, known)
        return {"candidates": [], "module": module and module_to_json(module), "faults": faults}
    candidates, faults = parse_solvers(name, text, known)
    return {"candidates": [describe(candidate) for candidate in candidates], "module": None, "faults": faults}


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


def child_main(connection: socket.socket, child: Child, limits: Limits) -> None:
    """Serve until the socket closes, or until memory ran out once: a fresh child is safer than a full one."""
    limit_child(limits)
    inbox = Inbox()
    results: list[bytes] = []
    flushed = time.monotonic()
    while True:
        data = connection.recv(READ_BYTES)
        if not data:
            return
        for message in inbox.feed(data):
            answer = child.handle(message)
            if answer is not None:
                results.append(encode(answer))
            if results and (child.is_exhausted or time.monotonic() - flushed > FLUSH_SECONDS):
                connection.sendall(b"".join(results))
                results.clear()
                flushed = time.monotonic()
            if child.is_exhausted:
                return
        if results and not has_input(connection):
            connection.sendall(b"".join(results))
            results.clear()
            flushed = time.monotonic()


def limit_child(limits: Limits) -> None:
    """Bound memory beyond what the process has now, write no core files, and keep output off the terminal."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere the address space cannot be bounded; docs say so
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 # a path object costs more than the read
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory_bytes, used + limits.memory_bytes))

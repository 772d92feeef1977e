"""run_task(job) -> TaskRecord: an agent on one task, judged, tried again where that helps; what it left behind is kept.

agent, environment, task's files ─> working directory ─> shim ─> output.json, error.log, log ─> outcome
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from batt.hal.environment import agent_variables
from batt.hal.outcomes import RULES, Outcome, classify, read_chain
from batt.hal.packing import pack_texts, unpack
from batt.hal.process import End, Log, Program, Reason, Supervisor, local_shim, run_program
from batt.hal.records import Attempt, TaskRecord, Usage, hal_submission
from batt.hal.redact import Redactor, secrets_of
from batt.hal.usage import read_usage
from batt.hal.workspace import RUNNER, leftovers, prepare, read_note, read_output, remove, snapshot
from batt.stopping import StoppedError
from batt.timing import PhaseClock

LOG_BYTES = 512 * 1024
"""Bytes kept of the first and of the last of what an agent says."""

PAUSES_SECONDS = (5.0, 20.0, 60.0)
"""Pauses before a provider that was overloaded is asked again; then the task counts as failed."""

LOG_FILE = "agent.log"
"""Under this name what the agent said lies among the files that it left behind."""

MESSAGE_CHARACTERS = 2000
"""Most of an error that is told; error.log has all of it."""


class Limits(NamedTuple):
    """What an agent may use for one task. memory_bytes and processes: None where its container sees to that."""

    seconds: float
    memory_bytes: int | None = None
    processes: int | None = None


class Job(NamedTuple):
    """What an agent is to do: a row of the manifest, and what belongs to it, as files of this machine.

    number: the row's index. task: what the agent sees. agent: its files as an archive.
    files: the task's own, None where it has none. environment: folder of its requirements, None where it has none.
    pod: uid of the pod that this is, "" on a laptop.
    """

    number: int
    repeat: int
    task_id: str
    task: Any  # JSON
    function: str
    arguments: Mapping[str, Any]
    run_id: str
    agent: bytes
    files: bytes | None
    environment: Path | None
    limits: Limits
    pod: str


class Room(NamedTuple):
    """What one try gets: an empty folder that both sides see under this path, and a shim to run the agent in it."""

    folder: Path
    supervisor: Supervisor


class Place(Protocol):
    """Where agents run.

    python: the interpreter that runs them, as their machine knows it.
    inherited: variables that they have there anyway. variables: what they get beside those.
    redactor: knows the secrets that they are given there.
    """

    python: str
    inherited: Mapping[str, str]
    variables: Mapping[str, str]
    redactor: Redactor

    def room(self) -> AbstractContextManager[Room]:
        """Return what one try gets; nothing is left of it afterwards."""
        ...


class LocalPlace:
    """This machine: a temporary folder and a shim for each try."""

    def __init__(self, python: str) -> None:
        self.python = python
        self.inherited: Mapping[str, str] = os.environ
        self.variables: Mapping[str, str] = {}
        self.redactor = Redactor(secrets_of(os.environ))

    @contextmanager
    def room(self) -> Iterator[Room]:
        """Return what one try gets; nothing is left of it afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="batt-agent-")).resolve()
        try:
            with local_shim() as supervisor:
                yield Room(folder, supervisor)
        finally:
            remove(folder)


class Finished(NamedTuple):
    """What is to be stored of a task: its record, and the files that the last try left behind, as an archive."""

    record: TaskRecord
    archive: bytes


class Tried(NamedTuple):
    """One try."""

    outcome: Outcome
    message: str
    output: str
    end: End
    kept: list[tuple[str, bytes]]
    left_out: list[str]


class Control(NamedTuple):
    """How work is stopped from outside.

    must_stop: asked several times a second while an agent works.
    pause: waits so many seconds between two tries; raises StoppedError as soon as somebody asks to stop.
    live: told of phases as they end, for whoever looks on.
    """

    must_stop: Callable[[], bool]
    pause: Callable[[float], None]
    live: PhaseClock | None = None


def run_task(job: Job, place: Place, control: Control) -> Finished:
    """Run an agent on a task until it has an outcome that stays.

    Raises:
        StoppedError: asked to stop; the agent is dead, nothing of it counts.
        ProgramError: there is no interpreter for the agent where it is to run.
    """
    begin, clock, attempts = time.time(), PhaseClock() if control.live is None else control.live, []
    pauses = iter(PAUSES_SECONDS)
    while True:
        tried_begin = time.time()
        tried = try_once(job, place, control, clock)
        ended = str(tried.end)
        attempts.append(Attempt(tried.outcome, tried.message, tried.end.seconds, tried_begin, time.time(), ended))
        wait = next(pauses, None)
        if not RULES[tried.outcome].retried_at_once or wait is None:
            break
        control.pause(wait)
    record = TaskRecord(
        index=job.number,
        task_id=job.task_id,
        repeat=job.repeat,
        outcome=tried.outcome,
        message=tried.message,
        output=tried.output,
        attempts=tuple(attempts),
        phases={name: stats.total for name, stats in clock.stats.items()},
        pod=job.pod,
        begin=begin,
        end=time.time(),
        peak_memory_bytes=tried.end.memory_bytes,
        kept=tuple(name for name, _ in tried.kept),
        left_out=tuple(tried.left_out),
        usage=Usage(),
    )
    if record.outcome is Outcome.OK:
        record = record._replace(usage=read_usage(hal_submission(record, job.limits.seconds)))
    archive = io.BytesIO()
    pack_texts(tried.kept, archive)
    return Finished(record, archive.getvalue())


def try_once(job: Job, place: Place, control: Control, clock: PhaseClock) -> Tried:
    """Run an agent once in a fresh working directory."""
    with place.room() as (folder, supervisor):
        with clock.phase("setup"):
            unpack(io.BytesIO(job.agent), "agent.tar.gz", folder)
            if job.files is not None:
                unpack(io.BytesIO(job.files), "files.tar.gz", folder, replaces=True)
            known = snapshot(folder)
            prepare(folder, job.task_id, job.task, job.arguments)
        log = Log(LOG_BYTES)
        with clock.phase("agent"):
            end = run_program(supervisor, program_of(job, place, folder), log, control.must_stop)
        if end.reason is Reason.STOPPED:
            raise StoppedError
        outcome, message, output = judge(folder, job, end, log)
        kept: list[tuple[str, bytes]] = []
        left_out: list[str] = []
        for path, content in leftovers(folder, known):
            if path.partition("/")[0] == LOG_FILE:
                content = "the agent's log has this name"  # noqa: PLW2901 # one reason more to leave it out
            if isinstance(content, bytes):
                kept.append((path, place.redactor.data(content)))
            else:
                left_out.append(place.redactor.text(f"{path}: {content}"))
    kept.append((LOG_FILE, place.redactor.text(log.text()).encode("utf-8", "surrogateescape")))
    return Tried(outcome, place.redactor.text(message), place.redactor.text(output), end, kept, left_out)


def program_of(job: Job, place: Place, folder: Path) -> Program:
    """Return the program that runs an agent."""
    variables = {
        "AGENT_FUNCTION": job.function,
        "RUN_ID": job.run_id,
        "TASK_ID": job.task_id,
        **(agent_variables(job.environment, place.inherited) if job.environment else {}),
        **place.variables,
    }
    return Program(
        argv=[place.python, RUNNER],
        cwd=str(folder),
        env=variables,
        seconds=job.limits.seconds,
        memory_bytes=job.limits.memory_bytes,
        processes=job.limits.processes,
    )


def judge(folder: Path, job: Job, end: End, log: Log) -> tuple[Outcome, str, str]:
    """Return outcome, message and output of a try.

    An output counts however the process ended after it: it is written last, once the agent's function has returned.
    """
    output = read_output(folder, job.task_id)
    if output.outcome is Outcome.OK and end.reason in {Reason.EXITED, Reason.TIMEOUT}:
        return Outcome.OK, "", output.text
    if end.reason is Reason.TIMEOUT:
        return Outcome.TIMEOUT, f"the agent {end}", ""
    if end.is_success:
        return output.outcome, output.message, ""
    chain = read_chain(read_note(folder))
    if chain and end.reason is Reason.EXITED:
        said = f"{chain[0].names[0]}: {chain[0].text}" if chain[0].names else chain[0].text
        return classify(chain), cut(said), ""
    last = log.text().strip().rpartition("\n")[2]
    return Outcome.AGENT_ERROR, cut(f"the agent {end}" + (f": {last}" if last else "")), ""


def cut(text: str) -> str:
    """Return a message, cut where it is long."""
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}..."

"""Ctrl-C and SIGTERM end a run within seconds, leave nothing behind, and the same command goes on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from batt.results import without_timing
from tests.e2e.command import (
    BATT,
    PATIENCE_SECONDS,
    ended,
    environment,
    finish,
    results_of,
    run_folders,
    session_of,
    started,
    wait_for,
)
from tests.e2e.mixed import write_candidates, write_run, write_slow

SOON_SECONDS = 10.0
"""A run that is asked to stop ends within this; it takes about one."""


class Long(NamedTuple):
    folder: Path
    expected: object


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Long:
    folder = tmp_path_factory.mktemp("long")
    write_candidates(folder / "candidates")
    write_slow(folder / "candidates", 300)
    write_run(folder / "run.yaml", shards=4)
    finished = finish("run", "run.yaml", "-j", 2, "--results", "expected", cwd=folder)
    return Long(folder, without_timing(results_of(finished, folder)))


def has_progress(out: Path) -> bool:
    return any(True for _ in out.glob("*/*/progress/*/*"))


def is_planning(out: Path) -> bool:
    return any(True for _ in out.glob("*/*/inputs/*")) or out.exists()


def interrupt_group(run: subprocess.Popen[str]) -> None:
    """Do what a terminal does on Ctrl-C: every process of the run gets SIGINT."""
    os.killpg(run.pid, signal.SIGINT)


def interrupt(run: subprocess.Popen[str]) -> None:
    run.send_signal(signal.SIGINT)


def terminate(run: subprocess.Popen[str]) -> None:
    run.terminate()


def terminate_group(run: subprocess.Popen[str]) -> None:
    os.killpg(run.pid, signal.SIGTERM)


@pytest.mark.parametrize(
    "how",
    [
        interrupt_group,
        pytest.param(terminate, marks=pytest.mark.full),
        pytest.param(interrupt, marks=pytest.mark.full),
        pytest.param(terminate_group, marks=pytest.mark.full),
    ],
)
def test_a_run_that_is_asked_to_stop_ends_soon_and_goes_on_later(
    long: Long, tmp_path: Path, how: Callable[[subprocess.Popen[str]], None]
) -> None:
    out = tmp_path / "out"
    with started("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run:
        wait_for(lambda: has_progress(out), "a progress segment")
        begin = time.monotonic()
        how(run)
        stopped = ended(run)
        took = time.monotonic() - begin
        left = session_of(run.pid)

    again = finish("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path)

    assert stopped.code == 130, stopped.told
    assert took < SOON_SECONDS
    assert left == []
    assert "batt: stopped; what is finished is stored: the same command goes on" in stopped.err
    assert "Traceback" not in stopped.told
    assert "shards to do" in again.err
    assert len(run_folders(out)) == 1
    assert without_timing(results_of(again, tmp_path)) == long.expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_that_is_stopped_while_it_plans_says_so_too(long: Long, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out"
    with started("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run:
        wait_for(lambda: len(session_of(run.pid)) > 1 or out.exists(), "a nursery or the first object")
        os.killpg(run.pid, number)
        stopped = ended(run)
        wait_for(lambda: session_of(run.pid) == [], "its processes to go away")

    assert stopped.code == 130, stopped.told
    assert "batt: stopped" in stopped.err
    assert "Traceback" not in stopped.told


def test_asked_twice_a_run_ends_at_once(long: Long, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started("run", long.folder / "run.yaml", "-j", 2, "--results", out, cwd=tmp_path) as run:
        wait_for(lambda: has_progress(out), "a progress segment")
        for pid in children_of(run.pid):
            os.kill(pid, signal.SIGSTOP)  # its pods, so that asking once is not enough
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)  # the first request has been taken by now, and nobody can have answered it
        assert run.poll() is None
        begin = time.monotonic()
        run.send_signal(signal.SIGINT)
        stopped = ended(run)
        took = time.monotonic() - begin
        wait_for(lambda: session_of(run.pid) == [], "its processes to go away")

    assert stopped.code == 130, stopped.told
    assert took < 5
    assert "Traceback" not in stopped.told


def children_of(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.full), signal.SIGTERM])
def test_a_worker_stage_that_is_asked_to_stop_ends_with_75(long: Long, tmp_path: Path, number: signal.Signals) -> None:
    write_run(long.folder / "one.yaml", shards=1)
    folder = finish("plan", long.folder / "one.yaml", "--results", "out", cwd=tmp_path).out.strip()
    with started("work", folder, "--index", 0, "--results", "out", cwd=tmp_path) as worker:
        wait_for(lambda: has_progress(tmp_path / "out"), "a progress segment")
        os.killpg(worker.pid, number)
        stopped = ended(worker)
        left = session_of(worker.pid)

    assert stopped.code == 75, stopped.told
    assert left == []
    finish("work", folder, "--index", 0, "--results", "out", cwd=tmp_path)
    assert without_timing(results_of(finish("collect", folder, "--results", "out", cwd=tmp_path), tmp_path)) == (
        long.expected
    )


class Screen:
    """A terminal with a command in it, as a user has it."""

    def __init__(self, terminal: int, command: subprocess.Popen[bytes]) -> None:
        self.terminal = terminal
        self.command = command
        self.seen = b""

    def look(self, seconds: float = 0.05) -> None:
        """Take what the command has written."""
        if select.select([self.terminal], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # nobody writes there any more
                self.seen += os.read(self.terminal, 1 << 16)

    def look_until(self, pattern: bytes) -> None:
        """Wait until the command has written something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not re.search(pattern, self.seen):
            assert time.monotonic() < deadline, self.seen
            assert self.command.poll() is None or select.select([self.terminal], [], [], 0)[0], self.seen
            self.look()

    def wait(self) -> int:
        """Wait for the command, reading on: a full terminal would hold it up."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.command.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self.look()
        self.look()
        return self.command.returncode


@contextlib.contextmanager
def screen(*arguments: object, cwd: Path) -> Iterator[Screen]:
    """Run a command in a terminal of its own, which is its controlling one: Ctrl-C typed there reaches it."""
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    command = subprocess.Popen(
        [*BATT, *map(str, arguments)],
        cwd=cwd,
        env=environment(TERM="xterm-256color", COLUMNS="120", LINES="30"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509 # no thread is alive here
    )
    try:
        yield Screen(ours, command)
    finally:
        for pid in session_of(command.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        command.wait()
        os.close(ours)
        os.close(theirs)


HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


def test_the_live_display_shows_the_run_and_leaves_the_terminal_sane(long: Long, tmp_path: Path) -> None:
    with screen("run", long.folder / "run.yaml", "-j", 2, "--results", tmp_path / "out", cwd=tmp_path) as terminal:
        before = termios.tcgetattr(terminal.terminal)
        terminal.look_until(rb"\d+/\d+ candidates, \d/6 tasks, \d+/s")
        code = terminal.wait()
        after = termios.tcgetattr(terminal.terminal)

    assert code == 0, terminal.seen
    assert after == before
    assert terminal.seen.rfind(SHOW) > terminal.seen.rfind(HIDE) > -1
    told = terminal.seen[terminal.seen.rfind(SHOW) :].decode()
    assert "score       6 of 6 tasks solved (100.0 %)" in told
    assert "\x1b[" not in told[told.index("score") :]


def test_ctrl_c_in_a_terminal_leaves_it_sane(long: Long, tmp_path: Path) -> None:
    with screen("run", long.folder / "run.yaml", "-j", 2, "--results", tmp_path / "out", cwd=tmp_path) as terminal:
        before = termios.tcgetattr(terminal.terminal)
        terminal.look_until(rb"[1-9]\d*/\d+ candidates")
        os.write(terminal.terminal, b"\x03")
        code = terminal.wait()
        after = termios.tcgetattr(terminal.terminal)
        left = session_of(terminal.command.pid)

    assert code == 130, terminal.seen
    assert after == before
    assert left == []
    assert terminal.seen.rfind(SHOW) > terminal.seen.rfind(HIDE) > -1
    assert b"batt: stopped; what is finished is stored: the same command goes on" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_sigterm_before_the_first_shard_leaves_the_terminal_sane(long: Long, tmp_path: Path) -> None:
    with screen("run", long.folder / "run.yaml", "-j", 2, "--results", tmp_path / "out", cwd=tmp_path) as terminal:
        terminal.look_until(re.escape(HIDE))
        terminal.command.terminate()
        code = terminal.wait()

    assert code == 130, terminal.seen
    assert terminal.seen.rfind(SHOW) > terminal.seen.rfind(HIDE)


def test_json_lines_and_plain_lines_are_what_they_say(long: Long, tmp_path: Path) -> None:
    write_run(long.folder / "quick.yaml", candidates="candidates/every_task.py")
    lines = finish("run", long.folder / "quick.yaml", "--json", "--results", tmp_path / "a", cwd=tmp_path)
    plain = finish("run", long.folder / "quick.yaml", "--results", tmp_path / "b", cwd=tmp_path)

    events = [json.loads(line) for line in lines.out.splitlines()]
    assert [event.get("stage") for event in events[:-1]] == ["planning", "validating", "collecting"]
    assert events[-1]["event"] == "summary"
    assert events[-1]["complete"] is True
    assert (tmp_path / events[-1]["results"]).is_file()
    assert lines.err == ""
    assert "\x1b" not in plain.out + plain.err


@pytest.mark.full
def test_a_run_of_more_than_seconds_tells_how_it_goes(long: Long, tmp_path: Path) -> None:
    write_slow(long.folder / "candidates", 300, doublings=13)
    lines = finish("run", long.folder / "run.yaml", "--json", "-j", 1, "--results", tmp_path / "a", cwd=tmp_path)
    plain = finish("run", long.folder / "run.yaml", "--no-cache", "-j", 1, "--results", tmp_path / "b", cwd=tmp_path)

    events = [json.loads(line) for line in lines.out.splitlines()]
    seen = {event["event"] for event in events}
    assert seen - {"reading"} == {"stage", "note", "progress", "summary"}  # a busy machine takes seconds to read, too
    done = [event["items_done"] for event in events if event["event"] == "progress"]
    assert done == sorted(done)
    assert all(0 < event["items_done"] < event["items"] for event in events if event["event"] == "progress")
    assert re.search(r"^\d+/\d+ candidates, \d/6 tasks, \d+/s, \d+ s left$", plain.err, re.MULTILINE)

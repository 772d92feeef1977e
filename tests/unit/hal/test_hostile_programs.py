"""Programs that flee, eat memory, or go for those who watch them: nothing is left of any."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batt.hal import process
from batt.hal.process import Log, Program, Reason, Supervisor, local_shim
from tests.unit.hal.programs import is_alive, linux, python, run, until


@pytest.fixture
def shim() -> Iterator[Supervisor]:
    with local_shim() as supervisor:
        yield supervisor


FLEEING = {
    "its own session": "os.setsid()",
    "a daemon": "os.setsid(); os.fork() and os._exit(0)",
    "closes its output": "os.setsid(); os.close(1); os.close(2)",
    "ignores signals": "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 3, 15)]",
    "holds its output": "pass",
}


@linux
@pytest.mark.parametrize("how", FLEEING.values(), ids=FLEEING)
def test_what_a_program_leaves_behind_is_killed(shim: Supervisor, how: str) -> None:
    text = f"""
        import os, signal, time
        reader, writer = os.pipe()
        if not os.fork():
            {how}
            os.write(writer, b"x")
            time.sleep(600)
        os.read(reader, 1)  # it is there
    """
    program = python(text)
    begin = time.monotonic()
    end, _ = run(shim, program)

    assert end.is_success
    assert not is_alive(program)
    assert time.monotonic() - begin < 30


@linux
def test_what_a_stopped_program_leaves_behind_is_killed(shim: Supervisor) -> None:
    text = """
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not os.fork():
            os.setsid()
            print("ready", flush=True)
        time.sleep(600)
    """
    program, log = python(text)._replace(grace_seconds=0.3), Log(1000)
    end, _ = run(shim, program, lambda: log.total > 0, log)

    assert (end.reason, str(end), log.text()) == (Reason.STOPPED, "was stopped", "ready\n")
    assert not is_alive(program)


@linux
def test_a_process_that_forks_faster_than_one_can_look_is_caught(shim: Supervisor) -> None:
    text = """
        import os, time
        until = time.monotonic() + 60  # then it ends by itself, whatever this test has found
        if not os.fork():
            while time.monotonic() < until:
                os.setsid() if os.getpid() != os.getsid(0) else None
                if os.fork():
                    os._exit(0)
    """
    program = python(text)
    run(shim, program)

    assert not is_alive(program)


def test_memory_of_several_processes_counts_together(shim: Supervisor) -> None:
    text = """
        import os, time
        for _ in range(3):
            if not os.fork():
                break
        held = os.urandom(60 << 20)
        time.sleep(600)
    """
    program = python(text)._replace(memory_bytes=150 << 20)
    end, _ = run(shim, program)

    assert (end.reason, end.signal) == (Reason.MEMORY, signal.SIGKILL)
    assert end.memory_bytes > 150 << 20
    assert str(end) == f"used too much memory ({end.memory_bytes / 2**20:.0f} MiB)"
    assert not is_alive(program)


@linux
def test_memory_that_processes_share_counts_once(shim: Supervisor) -> None:
    text = """
        import os, time
        held = os.urandom(60 << 20)
        children = [os.fork() for _ in range(3)]  # and so on: eight processes
        time.sleep(1)
    """
    end, _ = run(shim, python(text)._replace(memory_bytes=200 << 20))

    assert end.is_success
    assert 60 << 20 < end.memory_bytes < 200 << 20


def test_memory_that_was_held_for_a_moment_counts(shim: Supervisor) -> None:
    end, _ = run(shim, python("held = bytearray(100 << 20)")._replace(memory_bytes=80 << 20))

    assert end.reason is Reason.MEMORY  # whether it was ended, or had ended before somebody looked
    assert end.memory_bytes > 80 << 20


@linux
def test_too_many_processes_end_a_program(shim: Supervisor) -> None:
    text = "import os, time; [os.fork() for _ in range(5)]; time.sleep(600)"
    program = python(text)._replace(processes=10)
    end, _ = run(shim, program)

    assert (end.reason, str(end)) == (Reason.PROCESSES, "started too many processes")
    assert not is_alive(program)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_signals_to_the_shim_end_nothing(shim: Supervisor, number: signal.Signals) -> None:
    end, said = run(shim, python(f"import os; os.kill(os.getppid(), {number}); print('on')"))

    assert (end.is_success, said) == (True, "on\n")


def test_a_program_that_kills_its_shim_is_lost_and_gone(shim: Supervisor) -> None:
    program = python("import os, time; os.fork() and os.kill(os.getppid(), 9); time.sleep(600)")
    end, _ = run(shim, program)

    assert (end.reason, end.is_success) == (Reason.LOST, False)
    assert "went down with its container" in str(end)
    assert until(lambda: not is_alive(program))


def test_a_program_that_kills_its_shim_at_once_has_begun_all_the_same(shim: Supervisor) -> None:
    """Before the shim can say so, as often as not: what befalls the shim is always its doing."""
    program = Program(["/bin/sh", "-c", "kill -9 $PPID"], "/", {}, 60.0)
    for _ in range(30):
        with Path(os.devnull).open("r+b") as nothing:
            running = shim.start(program, (nothing.fileno(),) * 3)

        assert running.wait().reason is Reason.LOST
        assert running.pid > 1


@linux
def test_a_program_goes_with_its_shim_wherever_that_is(shim: Supervisor) -> None:
    shim.is_local = False  # nobody here can end the program
    program = python("import os, time; os.kill(os.getppid(), 9); time.sleep(600)")
    run(shim, program)

    assert until(lambda: not is_alive(program))


def test_after_a_lost_shim_there_is_another(shim: Supervisor) -> None:
    run(shim, python("import os; os.kill(os.getppid(), 9)"))
    end, said = run(shim, python("print(1)"))

    assert (end.is_success, said) == (True, "1\n")


def test_a_program_that_stops_its_shim_is_lost_and_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LATE_SECONDS", 0.5)
    text = """
        import os, time
        reader, writer = os.pipe()
        if not os.fork():
            os.setsid()
            os.write(writer, b"x")
            time.sleep(600)
        os.read(reader, 1)
        shim = os.getppid()
        while open(f"/proc/{shim}/stat").read().rpartition(")")[2].split()[0] != "S":
            pass  # until it has said that this program runs, and waits
        os.kill(shim, 19)
        time.sleep(600)
    """
    program = python(text)._replace(seconds=1.0, grace_seconds=0.0)
    begin = time.monotonic()
    with local_shim() as shim:
        end, _ = run(shim, program)

    assert end.reason is Reason.LOST
    assert 1.5 <= end.seconds < 15
    assert until(lambda: not is_alive(program))
    assert time.monotonic() - begin < 30


def test_a_program_is_stopped_when_its_driver_gives_up(shim: Supervisor) -> None:
    program = python("import time; time.sleep(600)")

    def interrupt() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shim, program, interrupt)

    assert not is_alive(program)
    assert run(shim, python("print(1)"))[1] == "1\n"


DRIVER = """
import sys
from batt.hal.process import Log, Program, local_shim, run_program
with local_shim() as shim:
    print("begins", flush=True)
    run_program(shim, Program(sys.argv[1:], "/", {}, 600.0), Log(1000), lambda: False)
"""


@linux
@pytest.mark.parametrize("act", ["pass", "os.kill(os.getppid(), 19)"], ids=["", "its shim stopped"])
def test_of_a_driver_that_was_killed_nothing_is_left(act: str) -> None:
    text = f"""
        import os, time
        reader, writer = os.pipe()
        if not os.fork():
            os.setsid()
            os.read(reader, 1)
            os.fork()
        else:
            {act}
            os.write(writer, b"x")
        time.sleep(600)
    """
    program = python(text)
    argv = [sys.executable, "-c", DRIVER, *program.argv]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as driver:
        assert until(lambda: is_alive(program, but=driver.pid, processes=3))
        driver.kill()

    assert until(lambda: not is_alive(program))

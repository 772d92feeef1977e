"""Programs are run to their end, whatever they do, and nothing is left of them."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from batt.hal import process
from batt.hal.process import End, Log, Program, ProgramError, Reason, Supervisor, local_shim, run_program
from tests.unit.hal.programs import is_alive, python, until

linux = pytest.mark.skipif(sys.platform != "linux", reason="what fled is known on Linux only")


@pytest.fixture
def shim() -> Iterator[Supervisor]:
    with local_shim() as supervisor:
        yield supervisor


def never() -> bool:
    return False


def run(
    shim: Supervisor, program: Program, must_stop: Callable[[], bool] = never, log: Log | None = None
) -> tuple[End, str]:
    """How a program ended, and what it said."""
    log = log or Log(1 << 16)
    end = run_program(shim, program, log, must_stop)
    return end, log.text()


def test_output_and_exit_code_are_told(shim: Supervisor) -> None:
    end, said = run(shim, python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"))

    assert (end.reason, end.code, end.signal, sorted(said.split())) == (Reason.EXITED, 7, None, ["err", "out"])
    assert not end.is_success


def test_a_program_that_ends_well_is_a_success(shim: Supervisor) -> None:
    end, _ = run(shim, python("import time; time.sleep(0.3)"))

    assert end.is_success
    assert 0.3 <= end.seconds < 30


def test_a_signal_is_told_by_its_name(shim: Supervisor) -> None:
    end, _ = run(shim, python("import os; os.kill(os.getpid(), 11)"))

    assert (end.reason, end.code, end.signal, str(end)) == (Reason.EXITED, None, 11, "was ended by SIGSEGV")


@pytest.mark.parametrize(
    "program",
    [
        Program(["/nowhere/program"], "/", {}, 5.0),
        Program(["/etc/passwd"], "/", {}, 5.0),
        Program([sys.executable], "/nowhere", {}, 5.0),
        Program([sys.executable], "/etc/passwd", {}, 5.0),
        Program([sys.executable, "a\0b"], "/", {}, 5.0),
        Program([sys.executable], "/", {"a=b": "c"}, 5.0),
        Program(["/" + "x" * 100_000], "/", {}, 5.0),
        Program([sys.executable], "/", {f"V{number}": "x" * 100_000 for number in range(40)}, 5.0),
    ],
    ids=["missing", "no program", "no folder", "a file as folder", "a zero", "an equals sign", "long", "too much"],
)
def test_what_cannot_be_started_is_an_error_and_the_next_can(shim: Supervisor, program: Program) -> None:
    with pytest.raises(ProgramError, match="must be a program that can be started"):
        run(shim, program)

    assert run(shim, python("print(1)"))[1] == "1\n"


def test_a_program_gets_its_environment_and_the_shims(shim: Supervisor) -> None:
    text = "import os; print(os.environ['OWN'], 'PATH' in os.environ, 'HOME' in os.environ)"
    program = python(text)._replace(env={"OWN": "value"})

    inheriting, bare = run(shim, program)[1], run(shim, program._replace(inherits=False))[1]

    assert (inheriting, bare) == ("value True True\n", "value True False\n")


def test_a_program_that_inherits_nothing_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    with local_shim() as shim:
        text = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"  # which Python sets itself
        said = run(shim, python(text)._replace(inherits=False))[1]

    assert said == "['LANG', 'PATH']\n"


def test_odd_bytes_reach_the_program(shim: Supervisor) -> None:
    odd = os.fsdecode(bytes(range(1, 256)))
    text = "import os, sys; print(os.fsencode(sys.argv[1]).hex(), os.environb[b'ODD'].hex())"
    program = python(text, odd)._replace(env={"ODD": odd})

    assert run(shim, program)[1].split() == [bytes(range(1, 256)).hex()] * 2


def test_an_environment_of_two_megabytes_reaches_the_program(shim: Supervisor) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    if soft != resource.RLIM_INFINITY and soft < 8 << 20:
        pytest.skip("the system takes a quarter of the stack's limit, which is low here")
    odd = os.fsdecode(b"\xff" * 100_000)
    text = "import os; print(sum(len(os.environb[b'V%d' % number]) for number in range(19)))"
    program = python(text)._replace(env={f"V{number}": odd for number in range(19)}, inherits=False)

    assert run(shim, program)[1] == "1900000\n"


def test_signals_are_as_usual_for_a_program(shim: Supervisor) -> None:
    text = """
        import signal
        print([signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)] == [signal.SIG_DFL] * 3)
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """

    assert run(shim, python(text))[1] == "True\nTrue\n"


def test_a_program_that_handles_sigterm_gets_time_to_end(shim: Supervisor) -> None:
    text = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), print("saved", flush=True), sys.exit(3)))
        time.sleep(600)
    """
    end, said = run(shim, python(text)._replace(seconds=1.0))

    assert (end.reason, end.code, said) == (Reason.TIMEOUT, 3, "saved\n")
    assert 1.3 <= end.seconds < 5
    assert str(end) == f"did not end in {end.seconds:.0f} s"


def test_a_program_that_ignores_sigterm_is_killed_after_its_grace(shim: Supervisor) -> None:
    text = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    end, _ = run(shim, python(text)._replace(seconds=0.7, grace_seconds=0.5))

    assert (end.reason, end.signal) == (Reason.TIMEOUT, signal.SIGKILL)
    assert 1.2 <= end.seconds < 2.5


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
    assert time.monotonic() - begin < 5


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


def test_output_beyond_the_log_is_left_out_in_the_middle(shim: Supervisor) -> None:
    text = "print(*(f'line {number:05}' for number in range(100_000)), sep='\\n')"
    log = Log(1000)
    _, said = run(shim, python(text), log=log)

    first, gap, last = said.partition("[... ")
    left_out, _, last = last.partition(" bytes are left out ...]\n")
    assert log.total == 1_100_000
    assert gap == "[... "
    assert int(left_out) == 1_100_000 - len(first) - len(last)
    assert first.splitlines() == [f"line {number:05}" for number in range(90)]
    assert last.splitlines() == [f"line {number:05}" for number in range(100_000 - 90, 100_000)]


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


def test_after_a_lost_shim_there_is_another(shim: Supervisor) -> None:
    run(shim, python("import os; os.kill(os.getppid(), 9)"))
    end, said = run(shim, python("print(1)"))

    assert (end.is_success, said) == (True, "1\n")


def test_a_program_that_stops_its_shim_is_lost_and_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LATE_SECONDS", 0.5)
    text = "import os, time; os.fork() and os.kill(os.getppid(), 19); time.sleep(600)"
    program = python(text)._replace(seconds=1.0, grace_seconds=0.0)
    with local_shim() as shim:
        end, _ = run(shim, program)

    assert end.reason is Reason.LOST
    assert 1.5 <= end.seconds < 5
    assert until(lambda: not is_alive(program))


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
def test_of_a_driver_that_was_killed_nothing_is_left() -> None:
    text = """
        import os, time
        if not os.fork():
            os.setsid()
        time.sleep(600)
    """
    program = python(text)
    argv = [sys.executable, "-c", DRIVER, *program.argv]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as driver:
        assert until(lambda: is_alive(program, but=driver.pid, processes=2))
        driver.kill()

    assert until(lambda: not is_alive(program))


def open_files(pid: int | str = "self") -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@linux
def test_a_hundred_programs_leave_no_open_files(shim: Supervisor) -> None:
    program = Program([shutil.which("true") or "true"], "/", {}, 30.0)
    missing = program._replace(argv=["/nowhere"])
    run(shim, program)
    before = open_files()
    for _ in range(100):
        assert run(shim, program)[0].is_success
    for _ in range(20):
        with pytest.raises(ProgramError):
            run(shim, missing)

    assert open_files() == before
    said = run(shim, python("import os; print(len(os.listdir('/proc/self/fd')))"))[1]
    assert said == "4\n"  # three, and the folder itself


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="the shim's own files are shown to root only")
def test_the_shim_keeps_no_files_of_programs(shim: Supervisor) -> None:
    count = python("import os; print(len(os.listdir(f'/proc/{os.getppid()}/fd')))")
    before = run(shim, count)[1]
    for _ in range(20):
        run(shim, Program([shutil.which("true") or "true"], "/", {}, 30.0))
        with pytest.raises(ProgramError):
            run(shim, Program(["/nowhere"], "/", {}, 30.0))

    assert run(shim, count)[1] == before


def log_of(size: int, *parts: bytes) -> Log:
    log = Log(size)
    for part in parts:
        log.add(part)
    return log


def test_a_log_that_is_full_to_the_last_byte_is_whole() -> None:
    log = log_of(4, b"ab", b"cd", b"ef\xc3", b"\xa4")

    assert (log.total, log.text()) == (8, "abcdefä")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([b"aa\nbb\n", b"x" * 20, b"\ncc\ndd"], "aa\nbb\n[... 21 bytes are left out ...]\ncc\ndd"),
        ([b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], "aaaaaaaa\n[... 14 bytes are left out ...]\naaaaaaaa"),
        ([b"aaaa\n", b"x" * 20, b"bbbbbbbbb\n"], "aaaa\n[... 22 bytes are left out ...]\nbbbbbbb\n"),
        ([b"a\n" * 100], "a\na\na\na\n[... 186 bytes are left out ...]\na\na\na\n"),
    ],
    ids=["lines", "no line end", "one at the end", "many lines"],
)
def test_what_a_log_leaves_out_is_counted(parts: Sequence[bytes], text: str) -> None:
    assert log_of(8, *parts).text() == text

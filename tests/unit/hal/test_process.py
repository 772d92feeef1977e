"""Programs are run to their end, and what they say is kept."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from batt.hal.process import Log, Program, ProgramError, Reason, Supervisor, local_shim
from tests.unit.hal.programs import linux, python, run


@pytest.fixture
def shim() -> Iterator[Supervisor]:
    with local_shim() as supervisor:
        yield supervisor


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
        pytest.skip("the system takes a quarter of the stack's limit, which is low here; run with a higher ulimit -s")
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
    assert 1.2 <= end.seconds < 4


def test_a_program_that_closes_its_output_is_waited_for(shim: Supervisor) -> None:
    asked = itertools.count()
    text = "import os, time; print(1, flush=True); os.close(1); os.close(2); time.sleep(1)"
    end, said = run(shim, python(text), lambda: next(asked) < 0)

    assert (end.is_success, said) == (True, "1\n")
    assert end.seconds >= 1
    assert next(asked) < 50  # waited for, not looked at again and again


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
@pytest.mark.skipif(os.geteuid() != 0, reason="the shim's own files are shown to root only; run as root")
def test_the_shim_keeps_no_files_of_programs(shim: Supervisor) -> None:
    """Counted when a program has ended well: then the shim waits. At work it opens files of /proc now and then."""
    files = Path(f"/proc/{run(shim, python('import os; print(os.getppid())'))[1].strip()}/fd")
    before = len(list(files.iterdir()))
    for _ in range(20):
        with pytest.raises(ProgramError):
            run(shim, Program(["/nowhere"], "/", {}, 30.0))
        run(shim, Program([shutil.which("true") or "true"], "/", {}, 30.0))

    assert len(list(files.iterdir())) == before


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

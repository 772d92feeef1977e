"""What strangers submit is run with a deadline and limits, whatever it reads or prints, and learns nothing of us."""

from __future__ import annotations

import itertools
import socket
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from batt.hal.process import ProgramError, Reason, Supervisor, local_shim
from batt.hal.sandbox import ERROR_BYTES, OUTPUT_BYTES, Finished, Sandbox, SandboxLostError, Session


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    with local_shim() as supervisor:
        yield Sandbox(supervisor, sys.executable, tmp_path, lambda: False)


def run(
    sandbox: Sandbox, text: str, stdin: bytes = b"", seconds: float = 20.0, memory_bytes: int = 1 << 30
) -> Finished:
    return sandbox.run({"program.py": textwrap.dedent(text)}, ["program.py"], stdin, seconds, memory_bytes)


def start(sandbox: Sandbox, text: str, seconds: float = 20.0) -> Session:
    return sandbox.start({"program.py": textwrap.dedent(text)}, ["program.py"], seconds)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


def test_a_program_gets_input_and_its_output_comes_back(sandbox: Sandbox) -> None:
    text = "import sys; print(sys.stdin.read().upper(), end=''); print('oh', file=sys.stderr)"
    finished = run(sandbox, text, b"a\nb")

    assert (finished.end.is_success, finished.output, finished.errors) == (True, b"A\nB", "oh\n")
    assert not finished.is_cut


def test_without_input_a_program_finds_the_end_of_it(sandbox: Sandbox) -> None:
    assert run(sandbox, "print(repr(open(0).read()))").output == b"''\n"


def test_a_program_knows_nothing_of_us(sandbox: Sandbox, tmp_path: Path) -> None:
    text = """
        import os, sys
        print(sorted(set(os.environ) - {"LC_CTYPE", "LANG"}))  # the first is of Python's own making
        print(os.environ["HOME"] == os.environ["TMPDIR"] == os.getcwd(), os.listdir("."), sys.argv[1:])
    """
    with sandbox.start({"program.py": textwrap.dedent(text)}, ["program.py", "an argument"], 20.0) as session:
        lines = session.finish().output.decode().splitlines()

    assert lines == [
        "['HOME', 'OMP_NUM_THREADS', 'PATH', 'TMPDIR']",
        "True ['program.py'] ['an argument']",
    ]


def test_text_is_utf_8_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")  # where Python would not go by UTF-8 of its own accord
    with local_shim() as supervisor:
        sandbox = Sandbox(supervisor, sys.executable, tmp_path, lambda: False)
        finished = run(sandbox, "import sys; print(input() * 2, sys.flags.utf8_mode)", "ä€".encode())

    assert finished.output.decode() == "ä€ä€ 1\n"


def test_a_program_that_is_no_text_is_an_error_of_its_own(sandbox: Sandbox) -> None:
    finished = run(sandbox, "print('\ud800')")

    assert (finished.end.code, "SyntaxError" in finished.errors) == (1, True)


def test_nothing_is_left_of_programs(sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, "pass")
    before = open_files()
    run(sandbox, "import os; os.makedirs('a/b'); open('a/b/c', 'w'); os.symlink('/', 'root'); os.mkfifo('pipe')")
    run(sandbox, "import os; os.mkdir('a'); open('a/b', 'w'); os.chmod('a', 0); os.chmod('.', 0)")
    run(sandbox, "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')")
    with start(sandbox, "import time; time.sleep(600)"):
        pass

    assert list(tmp_path.iterdir()) == []
    assert open_files() == before


def test_a_program_that_puts_a_link_in_the_place_of_its_folder_removes_nothing_else(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    run(sandbox, f"import os; here = os.getcwd(); os.rename(here, here + '-'); os.symlink({str(precious)!r}, here)")

    assert (precious / "file").read_text() == "kept"


def test_much_input_and_much_output_at_once_do_not_wait_for_each_other(sandbox: Sandbox) -> None:
    text = "import sys\nfor line in sys.stdin: print(line, end=''); print('x' * 80, file=sys.stderr)"
    stdin = b"line\n" * 500_000
    finished = run(sandbox, text, stdin)

    assert (finished.end.is_success, finished.output == stdin) == (True, True)
    assert finished.errors == ("x" * 80 + "\n") * (ERROR_BYTES // 81) + "x" * (ERROR_BYTES % 81)


@pytest.mark.parametrize("text", ["pass", "import os; os.close(0); print(1)", "print(1)"])
def test_a_program_may_read_nothing(sandbox: Sandbox, text: str) -> None:
    assert run(sandbox, text, b"x" * 10_000_000).end.is_success


def test_a_program_that_reads_nothing_and_hangs_is_over_in_time(sandbox: Sandbox) -> None:
    begin = time.monotonic()
    finished = run(sandbox, "import time; time.sleep(600)", b"x" * 10_000_000, seconds=1.0)

    assert finished.end.reason is Reason.TIMEOUT
    assert time.monotonic() - begin < 15


@pytest.mark.parametrize("stdin", [b"", b"x" * 10_000_000], ids=["no input", "much input"])
def test_a_program_that_prints_for_ever_is_cut(sandbox: Sandbox, stdin: bytes) -> None:
    tracemalloc.start()
    try:
        finished = run(sandbox, "while True: print('x' * 100_000)", stdin, seconds=60.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (finished.is_cut, finished.end.reason, len(finished.output)) == (True, Reason.STOPPED, OUTPUT_BYTES)
    assert peak < 4 * OUTPUT_BYTES
    assert finished.end.seconds < 30


def test_errors_for_ever_take_no_room(sandbox: Sandbox) -> None:
    text = "import sys\nwhile True: print('x' * 100_000, file=sys.stderr)"
    with start(sandbox, text, seconds=1.0) as session:
        finished = session.finish()

        assert (finished.end.reason, len(finished.errors)) == (Reason.TIMEOUT, ERROR_BYTES)
        assert len(session.errors) < 2 * ERROR_BYTES


def test_a_program_that_closes_its_output_is_waited_for(sandbox: Sandbox) -> None:
    asked = itertools.count()
    sandbox.must_stop = lambda: next(asked) < 0
    finished = run(sandbox, "import os, time; print(1, flush=True); os.close(1); os.close(2); time.sleep(1)")

    assert (finished.end.is_success, finished.output) == (True, b"1\n")
    assert finished.end.seconds >= 1
    assert next(asked) < 50  # waited for, not looked at again and again


def test_memory_and_processes_are_limited(sandbox: Sandbox) -> None:
    eats = run(sandbox, "held = [bytearray(10 << 20) for _ in range(100)]", memory_bytes=100 << 20)
    forks = run(sandbox, "import os, time; [os.fork() for _ in range(8)]; time.sleep(600)")

    assert (eats.end.reason, forks.end.reason) == (Reason.MEMORY, Reason.PROCESSES)


ECHO = "import sys\nfor line in sys.stdin: print(line.strip() * 2, flush=True)"


def test_one_can_talk_with_a_program(sandbox: Sandbox) -> None:
    with start(sandbox, ECHO) as session:
        answers = [session.ask(b"%d" % number) for number in range(100)]
        finished = session.finish(b"last")

    assert answers == [b"%d%d" % (number, number) for number in range(100)]
    assert (finished.end.is_success, finished.output) == (True, b"lastlast\n")


def test_long_lines_go_both_ways(sandbox: Sandbox) -> None:
    line = b"x" * 2_000_000
    with start(sandbox, ECHO) as session:
        assert session.ask(line) == line * 2


def test_several_answers_at_once_are_kept(sandbox: Sandbox) -> None:
    with start(sandbox, "print('a\\nb\\nc', flush=True); input(); input(); input(); input()") as session:
        assert [session.ask(b""), session.ask(b""), session.ask(b"")] == [b"a", b"b", b"c"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", None),
        ("import sys; sys.exit(1)", None),
        ("input()", None),
        ("input(); print('no line end', end='')", None),
        ("input(); print('last words')", b"last words"),
        ("input(); print('x' * 300_000)", b"x" * 300_000),
        ("import os; input(); os.close(1); open(0).read()", None),
        ("import os; os.close(0); print('unasked')", b"unasked"),
    ],
)
def test_of_a_program_that_ends_only_a_whole_line_is_an_answer(
    sandbox: Sandbox, text: str, answer: bytes | None
) -> None:
    with start(sandbox, text, seconds=3.0) as session:
        assert session.ask(b"question") == answer


@pytest.mark.skipif(sys.platform != "linux", reason="pipes grow on Linux only; run there")
@pytest.mark.parametrize("is_asked", [True, False])
def test_all_that_a_program_has_said_before_its_end_is_taken(sandbox: Sandbox, is_asked: bool) -> None:
    with start(sandbox, "import fcntl; fcntl.fcntl(1, 1031, 1 << 20); print('x' * 300_000)") as session:
        session.running.wait()
        taken = session.ask(b"") if is_asked else session.finish().output.strip()

    assert taken == b"x" * 300_000


def test_an_answer_that_never_comes_is_waited_for_until_the_deadline(sandbox: Sandbox) -> None:
    begin = time.monotonic()
    with start(sandbox, "import time; input(); time.sleep(600)", seconds=3.0) as session:
        assert session.ask(b"question") is None
        asked = time.monotonic()
        assert session.ask(b"again") is None

    assert 2.9 <= asked - begin < 15
    assert time.monotonic() - asked < 2.5  # not another 3


def test_an_answer_without_end_is_none(sandbox: Sandbox) -> None:
    with start(sandbox, "while True: print('x' * 100_000, end='')", seconds=60.0) as session:
        assert session.ask(b"question") is None
        assert len(session.output) < 2 * OUTPUT_BYTES


def test_who_asks_to_stop_need_not_wait(sandbox: Sandbox) -> None:
    sandbox.must_stop = lambda: True
    begin = time.monotonic()
    with start(sandbox, "import time; time.sleep(600)", seconds=60.0) as session:
        assert session.ask(b"question") is None
    idle = run(sandbox, "import time; time.sleep(600)", seconds=60.0)
    fed = run(sandbox, "import time; time.sleep(600)", b"x" * 10_000_000, seconds=60.0)

    assert (idle.end.reason, fed.end.reason) == (Reason.STOPPED, Reason.STOPPED)
    assert time.monotonic() - begin < 30


def test_a_program_that_kills_its_shim_takes_no_other_with_it(sandbox: Sandbox) -> None:
    first = run(sandbox, "import os, time; os.kill(os.getppid(), 9); time.sleep(600)")
    second = run(sandbox, "print(1)")

    assert (first.end.reason, second.end.is_success, second.output) == (Reason.LOST, True, b"1\n")


def test_where_there_is_no_sandbox_nobody_is_to_blame(tmp_path: Path) -> None:
    before = open_files()
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(SandboxLostError):
        run(Sandbox(Supervisor(ours), sys.executable, tmp_path, lambda: False), "pass")

    assert (list(tmp_path.iterdir()), open_files()) == ([], before)


def test_an_interpreter_that_is_not_there_is_an_error(sandbox: Sandbox, tmp_path: Path) -> None:
    before = open_files()
    sandbox.python = "/nowhere/python"
    with pytest.raises(ProgramError):
        run(sandbox, "pass")

    assert (list(tmp_path.iterdir()), open_files()) == ([], before)

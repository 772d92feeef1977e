"""The shim alone: as the first process of a container; and what a shim says that was taken over."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from batt.hal import run_agent
from batt.hal.process import SHIM, Log, Program, ProgramError, Reason, Running, Supervisor, run_program
from tests.unit.hal.programs import is_alive, processes_of, python, until

SECONDS = 30.0
"""Longest wait for what comes at once."""


def can_unshare() -> bool:
    argv = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    return bool(shutil.which("unshare")) and not subprocess.run(argv, capture_output=True, check=False).returncode


@pytest.mark.parametrize("path", [SHIM, Path(run_agent.__file__)], ids=["shim", "run_agent"])
def test_what_is_copied_into_containers_stands_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[Supervisor]:
    """A driver whose shim has said already what it will say."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for answer in answers:
            theirs.sendall(answer)
        yield Supervisor(ours)


def start(supervisor: Supervisor) -> Running:
    with Path(os.devnull).open("r+b") as nothing:
        return supervisor.start(Program(["true"], "/", {}, SECONDS), (nothing.fileno(),) * 3)


NONSENSE = [
    b"\n",
    b"nonsense\n",
    b"\xff\xfe\n",
    b"null\n",
    b"[]\n",
    b"{}\n",
    b"[" * 10_000 + b"\n",
    b"1" * 10_000 + b"\n",
    b'{"failed": 1}\n',
    b"x" * 70_000,
]


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        *(
            b'{"%s": %s}\n' % (word, pid)
            for word in (b"starting", b"started")
            for pid in (b"0", b"1", b"-1", b"true", b"null", b'"7"', b"1.5")
        ),
    ],
    ids=lambda answer: answer[:20],
)
def test_a_shim_that_answers_nonsense_is_lost(answer: bytes) -> None:
    with answering(answer) as supervisor:
        running = start(supervisor)

        assert (running.wait().reason, running.pid) == (Reason.LOST, 0)


def ended(**changes: str) -> bytes:
    told = {"reason": '"exited"', "code": "0", "signal": "null", "seconds": "1.5", "memory_bytes": "7"} | changes
    return b'{"ended": {%s}}\n' % ", ".join(f'"{name}": {value}' for name, value in told.items()).encode()


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        b'{"ended": 1}\n',
        b'{"ended": {}}\n',
        ended(reason='"other"'),
        ended(reason="[]"),
        ended(code='"0"'),
        ended(seconds="NaN"),
        ended(seconds="1e999"),
        ended(memory_bytes="-1"),
        ended(memory_bytes="1" + "0" * 30),
    ],
    ids=lambda answer: answer[-40:],
)
def test_a_shim_that_tells_nonsense_of_an_end_is_lost(answer: bytes) -> None:
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with answering(b'{"started": %d}\n' % program.pid, answer) as supervisor:
        supervisor.is_local = True
        running = start(supervisor)

        assert running.wait().reason is Reason.LOST
        assert program.wait(SECONDS) == -signal.SIGKILL  # what can be reached of it is ended


def test_a_program_whose_shim_goes_before_it_can_answer_is_ended() -> None:
    program = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with answering(b'{"starting": %d}\n' % program.pid) as supervisor:
        supervisor.is_local = True
        supervisor.connection.shutdown(socket.SHUT_RD)
        running = start(supervisor)

        assert (running.wait().reason, running.pid) == (Reason.LOST, program.pid)
        assert program.wait(SECONDS) == -signal.SIGKILL


def test_a_program_that_is_only_starting_may_not_be_one() -> None:
    with answering(b'{"starting": 99999999}\n', b'{"failed": "no such file"}\n') as supervisor:
        with pytest.raises(ProgramError, match="no such file"):
            start(supervisor)
        assert not supervisor.is_lost


def test_a_shim_that_has_gone_is_lost() -> None:
    with answering() as supervisor:
        supervisor.connection.shutdown(socket.SHUT_RD)

        assert start(supervisor).wait().reason is Reason.LOST
        assert start(supervisor).wait().reason is Reason.LOST


def test_started_and_ended_may_come_together() -> None:
    with answering(b'{"started": 99999999}\n' + ended()) as supervisor:
        end = start(supervisor).wait()

    assert (end.is_success, end.seconds, end.memory_bytes) == (True, 1.5, 7)


def test_an_answer_may_come_in_pieces() -> None:
    ours, theirs = socket.socketpair()

    def answer() -> None:
        theirs.recv(1 << 16)
        theirs.sendall(b'"no such program"}\n')

    with ours, theirs:
        theirs.sendall(b'{"failed": ')
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ProgramError, match="no such program"):
            start(Supervisor(ours))
        thread.join()


@contextlib.contextmanager
def container(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A shim as process 1; in the end it is killed, whatever became of it."""
    shim = [sys.executable, "-I", "-S", str(SHIM), "socket", str(path)]
    argv = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *shim]
    with subprocess.Popen(argv) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(SECONDS)
        listener.bind(str(path))
        listener.listen(1)
        yield listener


@contextlib.contextmanager
def driver(path: Path) -> Iterator[Supervisor]:
    """Drive the shim of a container, as a worker that has just started."""
    with listening(path) as listener:
        connection, _ = listener.accept()
        with connection:
            assert until(lambda: not path.exists())  # no program is to find it
            yield Supervisor(connection)


def first_process(container: subprocess.Popen[bytes]) -> int:
    """The shim, by its number out here."""
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    assert until(lambda: bool(children.read_text()))
    return int(children.read_text())


in_container = pytest.mark.skipif(
    not can_unshare(), reason="needs a namespace of processes: run as root, with unshare (apt-get install util-linux)"
)

FLEEING = """
    import os, signal, sys, time
    print(os.getppid())
    sys.stdout.flush()
    for number in (1, 2, 15):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(3):
        if not os.fork():
            os.setsid()
    time.sleep(600)
"""


@in_container
def test_process_1_serves_one_driver_after_another(tmp_path: Path) -> None:
    path, fleeing = tmp_path / "socket", python(FLEEING)._replace(grace_seconds=0.1)
    with container(path):
        for _ in range(3):
            with driver(path) as supervisor:
                log = Log(1000)
                end = run_program(supervisor, fleeing, log, lambda: is_alive(fleeing, processes=8))

                assert (end.reason, log.text()) == (Reason.STOPPED, "1\n")
                assert not is_alive(fleeing)


@in_container
def test_of_a_driver_that_has_gone_process_1_leaves_nothing(tmp_path: Path) -> None:
    path, fleeing = tmp_path / "socket", python(FLEEING)
    with container(path):
        with driver(path) as supervisor, Path(os.devnull).open("r+b") as nothing:
            supervisor.start(fleeing, (nothing.fileno(),) * 3)
            assert until(lambda: is_alive(fleeing, processes=8))
        assert until(lambda: not is_alive(fleeing))
        with driver(path) as supervisor:
            assert run_program(supervisor, python("pass"), Log(1000), lambda: False).is_success


@in_container
def test_a_program_cannot_kill_or_stop_process_1(tmp_path: Path) -> None:
    text = "import os; [os.kill(1, number) for number in (9, 15, 19)]; print('on')"
    with container(tmp_path / "socket"), driver(tmp_path / "socket") as supervisor:
        log = Log(1000)
        end = run_program(supervisor, python(text), log, lambda: False)

        assert (end.is_success, log.text()) == (True, "on\n")


@in_container
def test_process_1_ends_at_sigterm_while_it_has_no_driver(tmp_path: Path) -> None:
    with container(tmp_path / "socket") as process:
        assert until(lambda: b"shim.py" in Path(f"/proc/{first_process(process)}/cmdline").read_bytes())
        with driver(tmp_path / "socket") as supervisor:
            run_program(supervisor, python("pass"), Log(1000), lambda: False)  # it has come so far
        os.kill(first_process(process), signal.SIGTERM)

        assert process.wait(SECONDS) == 0


@in_container
def test_process_1_leaves_it_to_its_driver_what_sigterm_means(tmp_path: Path) -> None:
    text = "import time; print('begun', flush=True); time.sleep(0.5); print('done')"
    with container(tmp_path / "socket") as process:
        with driver(tmp_path / "socket") as supervisor:
            log = Log(1000)

            def terminate_once_begun() -> bool:
                if log.text() == "begun\n":
                    os.kill(first_process(process), signal.SIGTERM)
                return False

            end = run_program(supervisor, python(text), log, terminate_once_begun)

            assert (end.is_success, log.text()) == (True, "begun\ndone\n")
            assert process.poll() is None
        assert process.wait(SECONDS) == 0


@in_container
def test_drivers_that_go_in_the_middle_of_a_word_leave_no_open_files(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with container(path) as process:
        counts = []
        for _ in range(4):
            with driver(path) as supervisor, Path(os.devnull).open("r+b") as nothing:
                socket.send_fds(supervisor.connection, [b'{"start": '], [nothing.fileno()] * 3)
            with driver(path):
                counts.append(len(list(Path(f"/proc/{first_process(process)}/fd").iterdir())))

    assert len(set(counts)) == 1


@in_container
def test_a_name_that_nobody_listens_at_any_more_is_waited_for(tmp_path: Path) -> None:
    path, program = tmp_path / "socket", python("pass")
    with listening(path):
        pass
    with container(path) as process:
        assert until(lambda: bool(processes_of(program._replace(argv=[str(path)]))))
        path.unlink()
        with driver(path) as supervisor:
            assert run_program(supervisor, program, Log(1000), lambda: False).is_success
        assert process.poll() is None

"""Where what agents submit is run to be scored: apart from truth and credentials, with little time and memory.

A program gets a fresh folder, no environment to speak of, and whatever is sent to it. In a pod it runs in a container
of its own, which holds no secret; on a laptop it is a process of the same user, with the same limits.
"""

from __future__ import annotations

import os
import select
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from batt.errors import RunError
from batt.hal.process import READS, End, Program, Supervisor
from batt.hal.workspace import remove

OUTPUT_BYTES = 16 * 2**20
"""Most that a program may print; what is more is not read, and ends it."""

ERROR_BYTES = 1 << 16
"""What is kept of what a program prints as errors."""

PROCESSES = 64
"""Most processes of one program."""

MEMORY_BYTES = 1024 * 2**20
"""Memory of one program, where its benchmark does not say."""


PIPE_BYTES = 1 << 16
"""Bytes written to a program, or taken from it, at once: the size of a pipe."""

LISTEN_SECONDS = 0.2
"""Longest wait for a word of a program; then somebody may have asked to stop."""


class SandboxLostError(RunError):
    """There is no sandbox any more: whoever was to be scored in it is not to blame."""


class Finished(NamedTuple):
    """How a program ended, and what it has printed. is_cut: whether it printed more than is taken."""

    end: End
    output: bytes
    errors: str
    is_cut: bool = False


class Sandbox:
    """Runs programs of strangers.

    python: the interpreter for those that are Python, as their machine knows it.
    root: a folder that this process and the programs' both see, under the same path.
    """

    def __init__(self, supervisor: Supervisor, python: str, root: Path, must_stop: Callable[[], bool]) -> None:
        self.supervisor = supervisor
        self.python = python
        self.root = root
        self.must_stop = must_stop

    def run(
        self,
        files: Mapping[str, str],
        arguments: Sequence[str],
        stdin: bytes = b"",
        seconds: float = 10.0,
        memory_bytes: int = MEMORY_BYTES,
    ) -> Finished:
        """Run a Python program to its end.

        Args:
            files: what lies in its folder, name -> text.
            arguments: for the interpreter: a file's name, and what the program is to get.
            seconds: wall time after which it is killed.
        """
        with self.start(files, arguments, seconds, memory_bytes) as session:
            return session.finish(stdin)

    def start(
        self, files: Mapping[str, str], arguments: Sequence[str], seconds: float, memory_bytes: int = MEMORY_BYTES
    ) -> Session:
        """Start a Python program that one talks with; see Session.

        Raises:
            SandboxLostError: an earlier program took the sandbox with it, and there is no other.
        """
        folder = Path(tempfile.mkdtemp(dir=self.root, prefix="sandbox-"))
        program = Program(
            # utf8: what a program prints must not depend on the machine that scores it
            argv=[self.python, "-I", "-X", "utf8", *arguments],
            cwd=str(folder),
            env={"HOME": str(folder), "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"},
            seconds=seconds,
            grace_seconds=0.0,
            memory_bytes=memory_bytes,
            processes=PROCESSES,
            inherits=False,
        )
        try:
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8", errors="surrogatepass")
            return Session(self, program, folder)
        except BaseException:
            remove(folder)
            raise


class Session:
    """A program that runs, with pipes to it and from it. Leave it as a context manager: then nothing is left of it."""

    def __init__(self, sandbox: Sandbox, program: Program, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.deadline = time.monotonic() + program.seconds
        theirs_in, self.stdin = os.pipe()
        self.stdout, theirs_out = os.pipe()
        self.stderr, theirs_err = os.pipe()
        self.output = bytearray()
        self.errors = bytearray()
        self.open_ends = {self.stdout: self.output, self.stderr: self.errors}
        os.set_blocking(self.stdin, False)
        try:
            self.running = sandbox.supervisor.start(program, (theirs_in, theirs_out, theirs_err))
            if not self.running.pid:
                raise SandboxLostError("sandbox: got no answer; must be there to score anything; try again")
        except BaseException:
            self.close()
            raise
        finally:
            for descriptor in (theirs_in, theirs_out, theirs_err):
                os.close(descriptor)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running.poll() is None:
            self.running.stop()
            self.running.wait()
        self.close()
        remove(self.folder)

    def close(self) -> None:
        """Close our ends of its pipes."""
        for descriptor in {self.stdin, self.stdout, self.stderr} - {-1}:
            os.close(descriptor)

    def ask(self, line: bytes) -> bytes | None:
        """Send a line and return the line that comes back; None where the program ends, or its time is over, before.

        Args:
            line: without a line end.
        """
        self.feed(line + b"\n")
        while b"\n" not in self.output and len(self.output) <= OUTPUT_BYTES:
            if not self.listen():
                self.drain()
                break
        answer, line_end, _ = bytes(self.output).partition(b"\n")
        if not line_end:
            return None
        del self.output[: len(answer) + 1]
        return answer

    def finish(self, stdin: bytes = b"") -> Finished:
        """Send the rest of the input and return what comes until the end."""
        self.feed(stdin)
        self.close_input()
        while len(self.output) <= OUTPUT_BYTES and self.listen():
            pass
        if len(self.output) > OUTPUT_BYTES or self.sandbox.must_stop():
            self.running.stop()
        end = self.running.wait()
        self.drain()
        errors = self.errors[:ERROR_BYTES].decode("utf-8", "replace")
        return Finished(end, bytes(self.output[:OUTPUT_BYTES]), errors, len(self.output) > OUTPUT_BYTES)

    def feed(self, data: bytes) -> None:
        """Send data, reading meanwhile so that neither side waits for the other, as long as the program takes it."""
        rest = memoryview(data)
        while rest and len(self.output) <= OUTPUT_BYTES:
            if self.take(self.patience(), may_write=True):
                try:
                    rest = rest[os.write(self.stdin, rest[:PIPE_BYTES]) :]
                except BrokenPipeError:  # it reads no more
                    return
                except BlockingIOError:  # less room than a write needs
                    continue
            elif self.running.poll() is not None or self.is_over():
                return

    def close_input(self) -> None:
        """Say that nothing more comes."""
        os.close(self.stdin)
        self.stdin = -1

    def listen(self) -> bool:
        """Take what the program says next, waiting for it a moment; tell whether more may come."""
        self.take(self.patience())
        return self.running.poll() is None and not self.is_over()

    def drain(self) -> None:
        """Take what is there already, and no more than a pipe can hold: somebody may go on filling it."""
        for _ in range(READS):
            self.take(0.0)

    def take(self, seconds: float, *, may_write: bool = False) -> bool:
        """Take what can be read, or becomes readable in time; tell whether something can be written, if asked."""
        sources = [*self.open_ends, self.sandbox.supervisor.connection.fileno()]
        readable, writable, _ = select.select(sources, [self.stdin] if may_write else [], [], seconds)
        for descriptor in [one for one in self.open_ends if one in readable]:
            data = os.read(descriptor, PIPE_BYTES)
            if not data:
                del self.open_ends[descriptor]  # closed: it would be readable for ever
            elif descriptor == self.stdout or len(self.errors) < ERROR_BYTES:
                self.open_ends[descriptor] += data
        return bool(writable)

    def patience(self) -> float:
        """Return how long to wait for the next word."""
        return min(LISTEN_SECONDS, max(0.0, self.deadline - time.monotonic()))

    def is_over(self) -> bool:
        """Tell whether to give up: the time is over, which the shim sees to as well, or somebody asked to stop."""
        return time.monotonic() >= self.deadline or self.sandbox.must_stop()

"""Starts fake-gcs-server, so that the real client talks to a real server on this machine.

What it does otherwise than Cloud Storage: it asks for no credentials, and an upload makes a bucket
that is not there.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.gotools import tool_or_skip

START_SECONDS = 20.0
"""Longest wait for the server's first answer: it takes 0.1 s on an idle machine."""

START_ATTEMPTS = 5
"""Ports tried: another process can take one between its choice and the server's start."""


@contextmanager
def gcs_server(log: Path, host: str = "127.0.0.1", believed: str = "") -> Iterator[str]:
    """Run a server with an empty memory; yield its address. It is killed at the end; `log` keeps what it said.

    `host` is the address it listens on, which is also how it names itself to its clients where `believed` says nothing.
    """
    program = tool_or_skip("fake-gcs-server")
    for _ in range(START_ATTEMPTS):
        port = free_port(host)
        address = f"http://{host}:{port}"
        command = [str(program), "-backend", "memory", "-scheme", "http", "-host", host, "-port", str(port)]
        with log.open("ab") as output:
            server = subprocess.Popen([*command, "-external-url", believed or address], stdout=output, stderr=output)
        try:
            if answers(server, address):
                yield address
                return
        finally:
            server.kill()
            server.wait()
    raise AssertionError(f"fake-gcs-server did not start on {START_ATTEMPTS} ports:\n{log.read_text()}")


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of the address `host` that nothing listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(server: subprocess.Popen[bytes], address: str) -> bool:
    """Return True with the server's first answer, False once it has ended or time is up."""
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/storage/v1/b?project=test", timeout=START_SECONDS):
                return server.poll() is None  # else it was another process that answered
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            time.sleep(0.01)  # between two looks at the condition
    return False


def make_bucket(address: str, name: str) -> None:
    """Make an empty bucket."""
    request = urllib.request.Request(
        f"{address}/storage/v1/b?project=test",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
        assert answer.status == 200

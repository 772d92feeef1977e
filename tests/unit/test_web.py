"""The small server answers by path, whoever else is slow, and lets its port go."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from batt.web import Page, Server, ThreadingServer, serve


def broken() -> Page:
    raise ValueError("no page")


@pytest.fixture(params=[Server, ThreadingServer])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    pages = {"/health": lambda: Page(503, "application/json", b'{"well": false}'), "/broken": broken}
    running = serve(0, pages, request.param)
    yield running
    running.stop()


def ask(server: Server, path: str, host: str = "127.0.0.1") -> tuple[int, str, bytes]:
    """Return status, content type and body of an answer."""
    try:
        with urllib.request.urlopen(f"http://{host}:{server.server_port}{path}", timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def test_a_page_is_answered_with_its_status_and_type(server: Server) -> None:
    status, kind, body = ask(server, "/health?verbose=1")

    assert (status, kind, json.loads(body)) == (503, "application/json", {"well": False})


def test_other_paths_are_not_there(server: Server) -> None:
    assert ask(server, "/")[0] == 404
    assert ask(server, "/health/../etc")[0] == 404


def test_a_page_that_cannot_be_made_is_told_and_ends_nothing(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert ask(server, "/broken")[0] == 500
    assert "ValueError: no page" in capfd.readouterr().err
    assert ask(server, "/health")[0] == 503


@pytest.mark.skipif(
    not socket.has_dualstack_ipv6(), reason="this machine has no IPv6: nobody can ask by it; run where it is enabled"
)
def test_both_kinds_of_addresses_are_heard(server: Server) -> None:
    assert ask(server, "/health", "[::1]")[0] == 503


def test_who_connects_and_says_nothing_keeps_no_probe_waiting() -> None:
    server = serve(0, {"/health": lambda: Page(200, "text/plain", b"well")})
    with socket.create_connection(("127.0.0.1", server.server_port)):
        assert ask(server, "/health")[0] == 200
    server.stop()


def test_the_port_is_free_again_after_the_end() -> None:
    first = serve(0, {})
    first.stop()

    second = serve(first.server_port, {})

    assert second.server_port == first.server_port
    second.stop()


def test_a_taken_port_is_an_error() -> None:
    server = serve(0, {})

    with pytest.raises(OSError, match="in use"):
        serve(server.server_port, {})

    server.stop()

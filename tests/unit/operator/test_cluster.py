"""How often requests are sent: a silent API server is asked once, a long list is read a page at a time."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from batt_operator import cluster
from batt_operator.cluster import POD_PAGE, Api, ApiError, Cluster, open_api


class SilentServer:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # closed
                return
            self.connections.append(connection)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def server() -> Iterator[SilentServer]:
    silent = SilentServer()
    yield silent
    silent.close()


def api_at(port: int, folder: Path) -> Api:
    """Return the API of a server without encryption on a port of this machine."""
    kubeconfig = {
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig))
    return open_api(file)


def test_a_request_without_an_answer_is_sent_once(
    server: SilentServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT_SECONDS", (5.0, 0.2))

    with pytest.raises(ApiError) as raised:
        api_at(server.port, tmp_path).request("GET", "/version")

    assert raised.value.status == 0
    assert len(server.connections) == 1


def test_connecting_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: object) -> None:
        tried.append(address)
        connect(self, address)  # type: ignore[arg-type] # whatever the caller gives

    monkeypatch.setattr(socket.socket, "connect", counted)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ApiError) as raised:
        api_at(port, tmp_path).request("GET", "/version")

    assert raised.value.status == 0
    assert len(tried) == 3


class Pods(BaseHTTPRequestHandler):
    """Answers with pods that are only a number, page by page; `asked`: where each page began."""

    asked: list[int]

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        begin, size = int(query.get("continue", "0")), int(query["limit"])
        self.asked.append(begin)
        body = json.dumps(
            {"metadata": {"continue": str(begin + size)}, "items": [*range(begin, begin + size)]}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pods_server() -> Iterator[ThreadingHTTPServer]:
    Pods.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Pods) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


def test_many_pods_are_held_a_page_at_a_time(pods_server: ThreadingHTTPServer, tmp_path: Path) -> None:
    pods = Cluster(api_at(pods_server.server_port, tmp_path), "team").many_pods("team", "uid", 2 * POD_PAGE + 1)

    first = list(islice(pods, POD_PAGE))
    asked = list(Pods.asked)
    rest = list(pods)

    assert asked == [0]
    assert [*first, *rest] == [*range(2 * POD_PAGE + 1)]
    assert Pods.asked == [0, POD_PAGE, 2 * POD_PAGE]


class Page(BaseHTTPRequestHandler):
    """Answers with a page for people; breaks off in the middle of what is no log-in."""

    def do_GET(self) -> None:
        body = b"<html>log in</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + ("log-in" not in self.path)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def page_server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


def test_answer_that_is_no_json_is_none(page_server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="no answer no JSON: '<html>log in</html>'"):
        api_at(page_server.server_port, tmp_path).request("GET", "/log-in")


def test_text_that_breaks_off_is_an_error_of_the_api(page_server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(ApiError) as raised:
        api_at(page_server.server_port, tmp_path).text("/log")

    assert raised.value.status == 0

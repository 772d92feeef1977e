"""A small HTTP server for pages that machines read: health and metrics. GET only, one function a path."""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import NamedTuple

CONNECTION_SECONDS = 10.0
"""Longest wait for the next bytes of a request: whoever connects and says nothing holds nobody up for ever."""


class Page(NamedTuple):
    """An answer."""

    status: int
    content_type: str
    body: bytes


class Server(HTTPServer):
    """Listens on all addresses of the pod, whose cluster may be of IPv4, IPv6 or both; one request at a time."""

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Bind; a socket of IPv6 takes connections by IPv4 too."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        TCPServer.server_bind(self)  # HTTPServer's asks DNS for a name that nobody needs, and waits for the answer
        self.server_port = self.server_address[1]

    def begin(self) -> None:
        """Answer from now on."""
        self.thread = threading.Thread(target=self.serve_forever, name="web", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Answer no more, and let the port go."""
        self.shutdown()
        self.server_close()
        self.thread.join()


class ThreadingServer(ThreadingMixIn, Server):
    """The same with a thread for each request: a slow reader of metrics keeps no probe waiting."""

    daemon_threads = True


def serve(port: int, pages: Mapping[str, Callable[[], Page]], kind: type[Server] = ThreadingServer) -> Server:
    """Serve pages by their path from a thread of its own; return the server, whose stop() ends it.

    Args:
        port: 0 for any free one, which `server_port` then says.
        kind: Server where strangers may connect, who must not make us start threads.

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        timeout = CONNECTION_SECONDS

        def do_GET(self) -> None:  # the name that http.server asks for
            """Answer with the page of the path, 404 where there is none, 500 where it cannot be made."""
            make = pages.get(self.path.partition("?")[0])
            if make is None:
                self.send_error(404)
                return
            try:
                page = make()
            except Exception:  # noqa: BLE001 # a page that fails is told where it is asked for, and in the log
                traceback.print_exc()
                self.send_error(500)
                return
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a probe every few seconds is no news."""

    class Serving(kind):  # type: ignore[misc, valid-type] # the base is an argument
        """Takes no notice of connections that break."""

        def handle_error(self, _request: object, _address: object) -> None:
            """Say in one line what broke; whoever asked has gone."""
            print(f"batt: an answer on port {port} was not taken: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)

    server: Server = Serving(("", port), Handler)
    server.begin()
    return server

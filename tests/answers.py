"""A web server that answers whatever it is told to: a service that refuses or fails."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answering(*statuses: int, seen: list[str] | None = None) -> Iterator[str]:
    """A server that answers each request with the next status, the last one for ever; yields its address.

    seen: takes the path of each request.
    """
    waiting = list(statuses)

    class Answer(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            if seen is not None:
                seen.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815  the names http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

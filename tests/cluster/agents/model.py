"""A model of a provider, as far as agents can tell: answers chats as the prompt says, runs alone in a pod."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 8080

SEEN: Counter[str] = Counter()
"""How often each prompt was asked."""

PAID = threading.Event()
"""Set once somebody has paid."""


class Handler(BaseHTTPRequestHandler):
    """What is asked of the model."""

    def do_GET(self) -> None:
        """Say how often each prompt was asked."""
        self.answer(200, dict(SEEN))

    def do_POST(self) -> None:
        """Answer a chat, or take the money."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if self.path == "/paid":
            PAID.set()
            self.answer(200, {})
            return
        prompt = asked["messages"][-1]["content"]
        SEEN[prompt] += 1
        match prompt.split():
            case ["busy", times] if SEEN[prompt] <= int(times):
                self.refuse(429, "rate_limit_exceeded", "slow down")
            case ["quota", *_] if not PAID.is_set():
                self.refuse(429, "insufficient_quota", "You exceeded your current quota")
            case ["hang"]:
                threading.Event().wait()
            case _:
                self.say(asked["model"], prompt.upper())

    def say(self, model: str, text: str) -> None:
        """Answer a chat."""
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        self.answer(
            200,
            {
                "id": "one", "object": "chat.completion", "created": 0, "model": model,
                "choices": [choice], "usage": usage,
            },
        )  # fmt: skip

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer as OpenAI does where it refuses."""
        self.answer(status, {"error": {"message": message, "type": code, "param": None, "code": code}})

    def answer(self, status: int, value: Any) -> None:
        """Answer with JSON."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()

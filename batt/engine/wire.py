"""Messages between a worker and its children: JSON documents, each behind its length, over a Unix socket.

JSON, not pickle: what comes back from a child that evaluated unknown programs must not be able to do anything.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any

HEADER = struct.Struct("!I")
"""Length of the document that follows, in bytes."""

READ_BYTES = 1 << 16
"""Most bytes taken from a socket at once; a larger buffer is mapped anew for every read: six times as slow."""

Message = Any  # a JSON document: lists, texts, numbers


def encode(message: Message) -> bytes:
    """Return a message as it goes over the wire."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEADER.pack(len(body)) + body


class Inbox:
    """Whole messages out of a stream of bytes."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages completed by `data`, in order; the rest waits for more.

        Each is read when it is asked for: a small message takes effect before a huge one behind it is looked at.
        """
        self.buffer += data
        begin = 0
        try:
            while len(self.buffer) - begin >= HEADER.size:
                (length,) = HEADER.unpack_from(self.buffer, begin)
                end = begin + HEADER.size + length
                if len(self.buffer) < end:
                    break
                body, begin = slice(begin + HEADER.size, end), end
                yield json.loads(bytes(memoryview(self.buffer)[body]))
        finally:
            del self.buffer[:begin]


def has_input(connection: socket.socket) -> bool:
    """Tell whether a read would return at once."""
    return bool(select.select([connection], [], [], 0)[0])

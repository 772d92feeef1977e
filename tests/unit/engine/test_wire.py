"""Messages come out of a stream as they went in, however it is cut."""

import random
import socket
from typing import Any

import pytest

from batt.engine.wire import Inbox, encode, has_input

MESSAGES: list[Any] = [
    ["begin", 1],
    {"a": None, "b": [1.5, True]},
    "é ☃ \ud800",
    [],
    0,
    ["x" * 300_000],
    float("inf"),
    {"nested": {"more": [[]]}},
]


@pytest.mark.parametrize("seed", range(20))
def test_messages_survive_any_cut_of_the_stream(seed: int) -> None:
    rng = random.Random(seed)
    stream = b"".join(map(encode, MESSAGES))
    inbox = Inbox()
    found: list[Any] = []
    place = 0

    while place < len(stream):
        size = rng.choice([1, 2, 3, 5, 100, 70_000, 1_000_000])
        found += inbox.feed(stream[place : place + size])
        place += size

    assert found == MESSAGES
    assert not inbox.buffer


def test_a_message_is_read_when_it_is_asked_for() -> None:
    inbox = Inbox()
    damaged = b"\x00\x00\x00\x02{]"
    messages = inbox.feed(encode("first") + damaged + encode("second"))

    assert next(messages) == "first"
    with pytest.raises(ValueError, match="Expecting"):
        next(messages)


def test_messages_not_taken_stay_for_the_next_time() -> None:
    inbox = Inbox()

    for message in inbox.feed(encode(1) + encode(2) + encode(3)):
        assert message == 1
        break

    assert list(inbox.feed(b"")) == [2, 3]


def test_input_is_told_without_reading_it() -> None:
    one, other = socket.socketpair()
    with one, other:
        before = has_input(one)
        other.sendall(b"x")
        after = has_input(one)
        assert one.recv(10) == b"x"
        other.close()
        at_end = has_input(one)

    assert (before, after, at_end) == (False, True, True)

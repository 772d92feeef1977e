"""The nursery: a process that loads the DSL once and forks worker children from itself whenever one is needed.

A child that was killed is so replaced in milliseconds, with everything imported; and the worker itself never runs a
line of the user's DSL. The nursery evaluates nothing, and ends, with all its children, when its worker goes away.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import signal
import socket
from pathlib import Path
from typing import NamedTuple

from batt.child import Child, Limits, child_main
from batt.errors import BattError
from batt.language import Language, load_language
from batt.wire import READ_BYTES, Inbox, Message, encode


class NurseryPlan(NamedTuple):
    """What a nursery needs to know before it is forked. `folder`: where the user's DSL lies, None for batt's own."""

    language_uri: str
    folder: Path | None
    limits: Limits
    memory: mmap.mmap


def nursery_main(connection: socket.socket, plan: NurseryPlan) -> None:
    """Load the DSL, say so, then fork and reap as asked until the worker goes away. Never returns.

    First message out: {"names": [...], "digest": "..."} or {"error": "..."}. Then each ["fork", slot] with a socket
    for the child is answered by {"pid": n}, and each ["reap", pid] by {"status": wait status}.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for batt itself, which then ends us in good order
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    children: set[int] = set()
    try:
        language = load_language(plan.language_uri, plan.folder)
    except BattError as error:
        connection.sendall(encode({"error": str(error)}))
        os._exit(0)
    connection.sendall(encode({"names": sorted(language.names), "digest": language.digest}))
    gc.collect()
    gc.freeze()
    inbox = Inbox()
    while True:
        data, descriptors, _, _ = socket.recv_fds(connection, READ_BYTES, 16)
        if not data:
            end_children(children)
            os._exit(0)
        for message in inbox.feed(data):
            connection.sendall(encode(serve(message, descriptors, connection, plan, language, children)))


def serve(
    message: Message,
    descriptors: list[int],
    connection: socket.socket,
    plan: NurseryPlan,
    language: Language,
    children: set[int],
) -> Message:
    """Fork or reap one child; return the answer."""
    verb, number = message
    if verb == "reap":
        children.discard(number)
        return {"status": os.waitpid(number, 0)[1]}
    descriptor = descriptors.pop(0)
    pid = os.fork()
    if pid == 0:
        connection.close()
        run_child(socket.socket(fileno=descriptor), plan, language, number)
    os.close(descriptor)
    children.add(pid)
    return {"pid": pid}


def run_child(connection: socket.socket, plan: NurseryPlan, language: Language, slot: int) -> None:
    """Be the child of one slot; never returns."""
    status = 1
    try:
        child_main(connection, Child(language, plan.limits, plan.memory, slot), plan.limits)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the worker went away
    finally:
        os._exit(status)


def end_children(children: set[int]) -> None:
    """Kill whatever still runs: its worker is gone, nobody would take the results."""
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

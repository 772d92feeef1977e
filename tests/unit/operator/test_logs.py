"""The operator's log is one JSON object a line."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from batt_operator.logs import JsonFormatter


def line(message: str, name: str = "batt_operator", **extra: object) -> dict[str, object]:
    record = logging.getLogger(name).makeRecord(name, logging.INFO, "f", 1, message, (), None, extra=extra)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    read: dict[str, object] = json.loads(text)
    return read


def test_line_has_time_level_event_and_fields() -> None:
    read = line("act", namespace="team", run="mine", again=1.5)

    assert str(read.pop("time")).endswith("+00:00")
    assert read == {"level": "info", "event": "act", "namespace": "team", "run": "mine", "again": 1.5}


def test_message_of_many_lines_is_one_line() -> None:
    assert line('two\nlines and "quotes", ü')["event"] == 'two\nlines and "quotes", ü'


def test_fields_that_are_no_values_are_left_out() -> None:
    assert line("x", settings=object(), body={"a": 1}, run="mine").keys() == {"time", "level", "event", "run"}


def test_log_of_others_names_them() -> None:
    assert line("x", name="kopf.objects")["logger"] == "kopf.objects"


def test_trace_is_a_field() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info(), "name": "batt_operator"})

    read = json.loads(JsonFormatter().format(record))

    assert "ValueError: no" in read["trace"]


@pytest.mark.parametrize("text", ["\x00", "\x1b[0m", "\x85"])
def test_odd_characters_do_not_break_a_line(text: str) -> None:
    assert line(text)["event"] == text


LEAVES_WATCHES_OPEN = """
import asyncio, contextlib, logging
from batt_operator.logs import log_as_json

{setup}

@contextlib.asynccontextmanager
async def block():
    yield

async def watch():
    async with block():
        yield 1

async def main():
    watches = [watch() for _ in range(50)]
    for one in watches:
        await anext(one)
    asyncio.get_running_loop().watches = watches
    logging.getLogger("asyncio").error("something else")

asyncio.run(main())
"""


def test_watches_that_end_with_the_operator_are_no_error() -> None:
    def run(setup: str) -> str:
        code = LEAVES_WATCHES_OPEN.format(setup=setup)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr

    assert "closing of asynchronous generator" in run("")  # what kopf and asyncio do among themselves
    assert [json.loads(told)["event"] for told in run("log_as_json()").splitlines()] == ["something else"]

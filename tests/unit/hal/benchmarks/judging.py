"""What the tests of benchmarks have in common: a sandbox that keeps what goes in, submissions that are none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batt.hal.benchmarks.base import Benchmark, Evaluation, Task
from batt.hal.process import local_shim
from batt.hal.sandbox import MEMORY_BYTES, Sandbox, Session

ODD_SUBMISSIONS: list[Any] = [
    None,
    3,
    -0.5,
    True,
    "",
    " \n",
    "\ud800",
    "\x00",
    "ERROR: the agent raised",
    [],
    [[]],
    {},
    {"x": 1},
    {"answer": None},
    {"answer": {"answer": "nested"}},
    {"attempts": 3},
    {"program": ["a"]},
    ["```python"],
    "```python\n```",
    "```" * 100_000,
    "(" * 10_000,
    json.loads("[" * 500 + "]" * 500),
]
"""What no benchmark gives points for, and none may raise for."""


class SpySandbox(Sandbox):
    """A sandbox that keeps what is sent into it. files: each set that was started with. lines: bytes to programs."""

    files: list[Mapping[str, str]]
    lines: list[bytes]

    def start(
        self, files: Mapping[str, str], arguments: Sequence[str], seconds: float, memory_bytes: int = MEMORY_BYTES
    ) -> Session:
        self.files.append(files)
        session = super().start(files, arguments, seconds, memory_bytes)
        feed = session.feed

        def keep(data: bytes) -> None:
            self.lines.append(data)
            feed(data)

        session.feed = keep  # type: ignore[method-assign]  # every byte to a program goes through it
        return session

    def sent(self) -> str:
        """Return all that was sent, as one text."""
        texts = [text for files in self.files for text in files.values()]
        return "\n".join([*texts, *(line.decode() for line in self.lines)])


@contextmanager
def spy_sandbox(root: Path, *, must_stop: bool = False) -> Iterator[SpySandbox]:
    """Make a sandbox of processes of this machine."""
    root.mkdir(exist_ok=True)
    with local_shim() as supervisor:
        made = SpySandbox(supervisor, sys.executable, root, lambda: must_stop)
        made.files, made.lines = [], []
        yield made


def evaluate_all(
    benchmark: Benchmark, tasks: Iterable[Task], submissions: Mapping[str, Any], sandbox: Sandbox, **options: Any
) -> dict[str, Evaluation]:
    """Evaluate a submission for each task."""
    return {task.id: benchmark.evaluate(task, submissions[task.id], options, sandbox) for task in tasks}


def assert_is_json(evaluation: Evaluation) -> None:
    """Details go into files: they must survive the trip."""
    assert evaluation.details == json.loads(json.dumps(evaluation.details))


def keys_in(value: Any) -> set[str]:
    """Return every key in JSON data."""
    if isinstance(value, Mapping):
        return set(value) | {key for item in value.values() for key in keys_in(item)}
    if isinstance(value, list):
        return {key for item in value for key in keys_in(item)}
    return set()


def assert_hides(benchmark: Benchmark, tasks: Iterable[Task], *values: str) -> None:
    """No input has a hidden key, or one of these values in it."""
    for task in tasks:
        assert not keys_in(task.input) & benchmark.hidden, task.id
        text = json.dumps(task.input)
        assert [value for value in values if json.dumps(value)[1:-1] in text] == [], task.id

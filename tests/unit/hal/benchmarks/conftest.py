"""A sandbox for the benchmarks' tests: a shim of its own each, for some programs end theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.hal.benchmarks.judging import SpySandbox, spy_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SpySandbox]:
    """A sandbox of processes of this machine, which keeps what is sent into it."""
    with spy_sandbox(tmp_path / "sandboxes") as made:
        yield made

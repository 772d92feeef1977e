"""Answers do not depend on the process: string hashing is seeded, but no value of the DSL hangs on it."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from batt.dsl import *
grid = tuple(tuple((i * i + 3 * j) % 7 for j in range(9)) for i in range(8))
found = objects(grid, T, T, T)
print([list(obj) for obj in found], list(merge(found)), list(palette(grid)), mostcolor(grid), list(frontiers(grid)))
"""


def test_iteration_order_is_the_same_for_every_hash_seed() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "2")
    }

    assert len(printed) == 1

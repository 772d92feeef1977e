"""The worker stage as a process of its own: one shard, told by its exit code how it ended."""

from __future__ import annotations

import signal
from pathlib import Path

from batt.engine.child import Limits
from batt.engine.pool import Engine
from batt.manifest import Manifest
from batt.names import EXIT_ASKED_TO_STOP
from batt.solver.dslfiles import find_dsl
from batt.store import ObjectStore
from batt.work import StoppedError, work


def work_shard(manifest: Manifest, index: int, root: ObjectStore, children: int) -> int:
    """Evaluate one shard of a planned run; return 0, or EXIT_ASKED_TO_STOP after SIGTERM or Ctrl-C."""
    solvers = manifest.spec["solvers"]
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stop.append(number))
    limits = Limits(float(solvers["timeoutSeconds"]), int(solvers["memoryBytes"]))
    with Engine(children, solvers["dsl"], find_dsl(manifest.dsl_location, Path()), limits) as engine:
        try:
            work(manifest, index, root, engine, lambda: bool(stop))
        except StoppedError:
            return EXIT_ASKED_TO_STOP
    return 0

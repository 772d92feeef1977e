"""What a pod of the work serves at /metrics while it runs: phases so far, finished items, troubles with the store.

exporter and web are imported where they are needed: most pods do without them, and they take 80 ms.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from batt.metrics import WORKER_ITEMS, WORKER_PHASE_SECONDS, WORKER_STORE_ERRORS
from batt.timing import PhaseClock, PhaseStats

if TYPE_CHECKING:
    from batt.exporter import Family, Labels
    from batt.web import Page


class PodMetrics:
    """Numbers of one pod; changed by its work, read by whoever asks for metrics. clocks: of its phases, added up."""

    def __init__(self, kind: str, pool: str, port: int, store_errors: Callable[[], int]) -> None:
        self.labels = (kind, pool)
        self.port = port
        self.store_errors = store_errors
        self.clocks: list[PhaseClock] = []
        self.items = 0

    def count_item(self, *_: object) -> None:
        """Count one finished item."""
        self.items += 1

    def page(self) -> Page:
        """Return the page of metrics as they are now."""
        from batt.exporter import metrics_page  # noqa: PLC0415 # see above

        return metrics_page(self.families)

    def families(self) -> list[Family]:
        """Return the metrics as they are now."""
        from batt.exporter import histogram, numbers  # noqa: PLC0415 # see above

        known = PhaseClock()
        for clock in list(self.clocks):
            known.merge(dict(clock.stats))  # a copy in one step: the work goes on
        kind, pool = self.labels
        phases: dict[Labels, PhaseStats] = {(kind, phase, pool): stats for phase, stats in known.stats.items()}
        return [
            histogram(WORKER_PHASE_SECONDS, phases),
            numbers(WORKER_ITEMS, {self.labels: self.items}),
            numbers(WORKER_STORE_ERRORS, {self.labels: self.store_errors()}),
        ]


@contextlib.contextmanager
def served(metrics: PodMetrics) -> Iterator[None]:
    """Serve a pod's metrics at its port while the body works; without a port not at all.

    A port that is taken ends nothing: the work counts more than its numbers. One request at a time is answered: an
    agent of the same pod may ask, too, and must not cost the worker its memory.
    """
    if not metrics.port:
        yield
        return
    from batt.web import Server, serve  # noqa: PLC0415 # see above

    try:
        server = serve(metrics.port, {"/metrics": metrics.page}, Server)
    except OSError as error:
        print(f"batt: port {metrics.port}: {error.strerror}; this pod serves no metrics", file=sys.stderr, flush=True)
        yield
        return
    try:
        yield
    finally:
        server.stop()

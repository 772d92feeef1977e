"""Shows how a run is coming along: a live table in a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, NamedTuple, Protocol, TextIO

from batt.stopping import requests_wait

PLAIN_SECONDS = 5.0
"""A plain line at most this often: enough to see life, few enough for a log."""

LIVE_SECONDS = 0.1
"""The live display is drawn at most this often."""


class Standing(NamedTuple):
    """Where a run stands: tasks and items done and in all, shards done and in all, seconds since it began.

    unit: what the items are, in the plural.
    """

    tasks_done: int
    tasks: int
    items_done: int
    items: int
    shards_done: int
    shards: int
    seconds: float
    unit: str = "candidates"

    @property
    def rate(self) -> float:
        """Items a second so far."""
        return self.items_done / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until the end if the rate stays; None while nothing is known."""
        return (self.items - self.items_done) / self.rate if self.items_done else None


class Display(Protocol):
    """Somewhere to show how a run goes."""

    def stage(self, name: str) -> None:
        """Say which stage begins: planning, validating, running agents, evaluating, collecting."""

    def note(self, text: str) -> None:
        """Say something once: a stage begins, a worker was lost."""

    def show_reading(self, texts_done: int, texts: int) -> None:
        """Show how far the plan has read the candidates; called often."""

    def show(self, standing: Standing) -> None:
        """Show where the run stands; called often."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainDisplay:
    """Lines of text, for logs and pipes; the first one after `interval_seconds`, as short runs need none."""

    def __init__(self, out: TextIO, interval_seconds: float = PLAIN_SECONDS) -> None:
        self.out = out
        self.interval_seconds = interval_seconds
        self.shown = time.monotonic()

    def stage(self, name: str) -> None:
        """Do nothing: the lines that follow tell."""

    def note(self, text: str) -> None:
        """Print the text."""
        print(text, file=self.out, flush=True)

    def show_reading(self, texts_done: int, texts: int) -> None:
        """Print a line if the last one is long enough ago."""
        if time.monotonic() - self.shown >= self.interval_seconds:
            self.shown = time.monotonic()
            self.note(f"{texts_done}/{texts} texts read")

    def show(self, standing: Standing) -> None:
        """Print a line if the last one is long enough ago."""
        if time.monotonic() - self.shown >= self.interval_seconds:
            self.shown = time.monotonic()
            self.note(describe(standing))

    def close(self) -> None:
        """Do nothing: lines stay."""


class JsonDisplay:
    """One JSON object a line, for machines."""

    def __init__(self, out: TextIO, interval_seconds: float = PLAIN_SECONDS) -> None:
        self.out = out
        self.interval_seconds = interval_seconds
        self.shown = time.monotonic()

    def stage(self, name: str) -> None:
        """Print {"event": "stage"}."""
        self.emit({"event": "stage", "stage": name})

    def note(self, text: str) -> None:
        """Print {"event": "note"}."""
        self.emit({"event": "note", "text": text})

    def show_reading(self, texts_done: int, texts: int) -> None:
        """Print {"event": "reading"} if the last one is long enough ago."""
        if time.monotonic() - self.shown >= self.interval_seconds:
            self.shown = time.monotonic()
            self.emit({"event": "reading", "texts_done": texts_done, "texts": texts})

    def show(self, standing: Standing) -> None:
        """Print {"event": "progress"} if the last one is long enough ago."""
        if time.monotonic() - self.shown >= self.interval_seconds:
            self.shown = time.monotonic()
            self.emit({"event": "progress", **standing._asdict(), "eta_seconds": standing.eta_seconds})

    def emit(self, value: dict[str, Any]) -> None:
        """Print one object."""
        print(json.dumps(value), file=self.out, flush=True)

    def close(self) -> None:
        """Do nothing."""


class LiveDisplay:
    """A progress bar that redraws itself; drawn from the run's own loop, so that no thread is alive when it forks.

    It begins with the first stage, not when it is made: from then on `close` will be called, whatever happens.
    """

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 # not needed for lines, and slow to import
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

        columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}")
        self.progress = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        self.bar = self.progress.add_task("", total=None, text="")
        self.shown = 0.0

    def stage(self, name: str) -> None:
        """Show the stage's name in front of the bar."""
        with requests_wait():
            self.progress.start()  # stopped half-way here, it could not be closed
        self.progress.update(self.bar, description=name, text="", refresh=True)

    def note(self, text: str) -> None:
        """Print the text above the bar."""
        self.progress.console.print(text, highlight=False, markup=False)

    def show_reading(self, texts_done: int, texts: int) -> None:
        """Redraw if the last drawing is long enough ago."""
        self.draw(texts_done, texts, f"{texts_done}/{texts} texts read")

    def show(self, standing: Standing) -> None:
        """Redraw if the last drawing is long enough ago."""
        self.draw(standing.items_done, standing.items, describe(standing))

    def draw(self, done: int, total: int, text: str) -> None:
        """Draw the bar and a text behind it, unless that was done a moment ago."""
        if time.monotonic() - self.shown >= LIVE_SECONDS:
            self.shown = time.monotonic()
            self.progress.update(self.bar, total=total, completed=done, text=text, refresh=True)

    def close(self) -> None:
        """Remove the bar."""
        self.progress.stop()


def describe(standing: Standing) -> str:
    """Return where a run stands in one line."""
    eta = standing.eta_seconds
    left = "" if eta is None else f", {duration(eta)} left"
    tasks = f"{standing.tasks_done}/{standing.tasks} tasks, " if standing.unit != "tasks" else ""
    rate = (
        f"{standing.rate:.0f}/s" if standing.rate >= 1 or not standing.items_done else f"{60 * standing.rate:.1f}/min"
    )
    return f"{standing.items_done}/{standing.items} {standing.unit}, {tasks}{rate}{left}"


def duration(seconds: float) -> str:
    """Return seconds as people say them: 42 s, 3 min 10 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def open_display(is_json: bool) -> Display:
    """Return the display that fits: JSON lines if asked, a bar in a terminal, else lines on standard error."""
    if is_json:
        return JsonDisplay(sys.stdout)
    return LiveDisplay() if sys.stderr.isatty() else PlainDisplay(sys.stderr)

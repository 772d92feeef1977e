"""How `batt watch` shows a run: a table that redraws itself in a terminal, a line a change elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from batt.laptop.progress import PLAIN_SECONDS, duration
from batt.status import Phase
from batt_operator.commands.standing import Pace, Standing, line_of, rate_text

if TYPE_CHECKING:
    from rich.table import Table


class Display(Protocol):
    """Somewhere to show how a run goes."""

    def show(self, standing: Standing, pace: Pace) -> None:
        """Show where the run stands; called often, changed or not."""

    def note(self, text: str) -> None:
        """Say something once: the cluster does not answer, say."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Changes:
    """Tells which standings are worth a line: new words at once, counts alone every few seconds."""

    def __init__(self) -> None:
        self.last: Standing | None = None
        self.told = 0.0

    def is_new(self, standing: Standing, now: float) -> bool:
        """Tell whether to say a standing, and remember that it was said."""
        if standing == self.last:
            return False
        counts_only = self.last is not None and standing._replace(counts=self.last.counts) == self.last
        if counts_only and now - self.told < PLAIN_SECONDS:
            return False
        self.last, self.told = standing, now
        return True


class PlainDisplay:
    """A line a change, with the time, for logs and pipes."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.changes = Changes()

    def show(self, standing: Standing, pace: Pace) -> None:
        """Print a line if something has changed."""
        if self.changes.is_new(standing, time.monotonic()):
            self.note(line_of(standing, pace.rate(), pace.eta_seconds(standing.counts)))

    def note(self, text: str) -> None:
        """Print the text behind the time."""
        print(f"{datetime.now().astimezone():%H:%M:%S} {text}", file=self.out, flush=True)

    def close(self) -> None:
        """Do nothing: lines stay."""


class JsonDisplay:
    """A JSON object a change, for machines."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.changes = Changes()

    def show(self, standing: Standing, pace: Pace) -> None:
        """Print {"event": "progress"} if something has changed."""
        if self.changes.is_new(standing, time.monotonic()):
            said = {**standing._asdict(), "counts": standing.counts._asdict()}
            self.emit(
                {"event": "progress", **said, "rate": pace.rate(), "eta_seconds": pace.eta_seconds(standing.counts)}
            )

    def note(self, text: str) -> None:
        """Print {"event": "note"}."""
        self.emit({"event": "note", "text": text})

    def emit(self, value: dict[str, Any]) -> None:
        """Print one object with the time."""
        print(json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **value}), file=self.out, flush=True)

    def close(self) -> None:
        """Do nothing."""


class LiveDisplay:
    """A table that redraws itself on standard error."""

    def __init__(self, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415 # not needed for lines, and slow to import
        from rich.live import Live  # noqa: PLC0415

        self.name = name
        self.live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self.live.start()

    def show(self, standing: Standing, pace: Pace) -> None:
        """Draw the table."""
        self.live.update(table_of(self.name, standing, pace), refresh=True)

    def note(self, text: str) -> None:
        """Print the text above the table."""
        self.live.console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Remove the table: the summary follows."""
        self.live.stop()


def table_of(name: str, standing: Standing, pace: Pace) -> Table:
    """Return the table of a run."""
    from rich.table import Table  # noqa: PLC0415 # see LiveDisplay
    from rich.text import Text  # noqa: PLC0415

    rate, eta = pace.rate(), pace.eta_seconds(standing.counts)
    counts = standing.counts
    table = Table()
    for head in ("run", "stage", "done/total", "active", "failed", "rate", "left"):
        table.add_column(head)
    table.add_row(
        name if standing.attempt == 1 else f"{name}, attempt {standing.attempt}",
        str(standing.phase),
        f"{counts.succeeded}/{counts.total}" if counts.total else "-",
        str(counts.active),
        Text(str(counts.failed), style="red" if counts.failed else ""),
        "-" if rate is None else rate_text(rate),
        "-" if eta is None or standing.phase is not Phase.RUNNING else duration(eta),
    )
    if standing.why:
        table.caption = Text(standing.why, style="bold yellow" if standing.is_stalled else "dim")
        table.caption_justify = "left"
    return table


def open_display(name: str, *, is_json: bool) -> Display:
    """Return the display that fits: JSON lines if asked, a table in a terminal, else lines on standard error."""
    if is_json:
        return JsonDisplay(sys.stdout)
    return LiveDisplay(name) if sys.stderr.isatty() else PlainDisplay(sys.stderr)

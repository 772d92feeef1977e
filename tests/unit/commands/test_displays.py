"""How `batt watch` shows a run: a line a change, JSON lines, a table."""

import io
import json

from rich.console import Console

from batt.status import Phase
from batt_operator.commands.displays import Changes, JsonDisplay, PlainDisplay, table_of
from batt_operator.commands.standing import Counts, Pace, Standing

HALF = Standing(Phase.RUNNING, 1, Counts(10, 2, 5, 1), "", is_stalled=False)


def test_what_has_not_changed_is_not_said_again() -> None:
    changes = Changes()

    told = [changes.is_new(HALF, now) for now in (0, 100)]

    assert told == [True, False]


def test_counts_alone_are_said_every_few_seconds_and_words_at_once() -> None:
    changes = Changes()
    more = HALF._replace(counts=Counts(10, 2, 6, 1))
    stalled = more._replace(why="no node", is_stalled=True)

    told = [changes.is_new(standing, now) for standing, now in ((HALF, 0), (more, 1), (more, 6), (stalled, 6.1))]

    assert told == [True, False, True, True]


def test_plain_lines_have_the_time_in_front() -> None:
    out = io.StringIO()

    PlainDisplay(out).show(HALF, Pace())

    time, line = out.getvalue().rstrip("\n").split(" ", 1)
    assert len(time) == len("12:34:56")
    assert line == "Running, 5/10 shards, 2 active, 1 failed"


def test_json_lines_hold_counts_and_phase() -> None:
    out = io.StringIO()

    JsonDisplay(out).show(HALF, Pace())

    told = json.loads(out.getvalue())
    assert told["event"] == "progress"
    assert told["phase"] == "Running"
    assert told["counts"] == {"total": 10, "active": 2, "succeeded": 5, "failed": 1}
    assert told["eta_seconds"] is None


def test_the_table_names_stage_counts_and_why_it_stalls() -> None:
    console = Console(file=io.StringIO(), width=100)
    standing = HALF._replace(why="0/3 nodes are available [gpu]", is_stalled=True)

    with console.capture() as capture:
        console.print(table_of("mine", standing, Pace()))

    text = capture.get()
    assert all(word in text for word in ("mine", "Running", "5/10", "0/3 nodes are available [gpu]"))


def test_a_name_with_brackets_in_a_reason_is_no_markup() -> None:
    console = Console(file=io.StringIO(), width=100)

    with console.capture() as capture:
        console.print(table_of("mine", HALF._replace(why="pod [bold]x[/bold]"), Pace()))

    assert "pod [bold]x[/bold]" in capture.get()

"""What a benchmark says: one Markdown table with its targets, and the same as JSON under benchmarks/out."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from batt import __version__

OUT = Path(__file__).parent / "out"
"""Where reports are kept by default; not committed: they are facts about one machine."""


class Target(NamedTuple):
    """What was aimed at: its sentence, the number that was measured, whether that is good enough."""

    text: str
    measured: str
    is_met: bool

    def __str__(self) -> str:
        """Render as one line."""
        return f"{'met' if self.is_met else 'MISSED'}: {self.text}; measured {self.measured}"


class Report(NamedTuple):
    """The outcome of one benchmark.

    columns: headings, with units. rows: as many cells each; texts stand left, numbers right.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()


class Facts(NamedTuple):
    """The machine that was measured. `load`: of the last minute when the benchmark ended; others may have used it."""

    cpus: int
    python: str
    system: str
    batt: str
    load: float


def machine_facts() -> Facts:
    """Return the facts of this machine."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.machine()}"
    return Facts(cpu_count(), python, system, __version__, round(os.getloadavg()[0], 2))


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shown(cell: str | float) -> str:
    """Return a cell as text: about three digits of a number."""
    if isinstance(cell, str | int):
        return str(cell)
    if cell == 0 or abs(cell) >= 100:
        return f"{cell:.0f}"
    digits = 2 if abs(cell) < 10 else 1
    return f"{cell:.{digits}f}" if abs(cell) >= 0.1 else f"{cell:.2g}"


def markdown(report: Report, facts: Facts) -> str:
    """Return the report as Markdown."""
    texts = [[shown(cell) for cell in row] for row in report.rows]
    widths = [max(len(row[place]) for row in [report.columns, *texts]) for place in range(len(report.columns))]
    is_number = [not isinstance(report.rows[0][place], str) for place in range(len(widths))] if report.rows else []
    lines = [f"### {report.title}", "", row_line(report.columns, widths, is_number)]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, is_number, strict=True)]
    lines.append(row_line(rule, widths, is_number))
    lines += [row_line(row, widths, is_number) for row in texts]
    machine = f"{facts.cpus} CPUs, {facts.python}, {facts.system}, batt {facts.batt}, load {facts.load:.1f}"
    lines += ["", *[f"- {target}" for target in report.targets], *[f"- {note}" for note in report.notes]]
    return "\n".join([*lines, f"- machine: {machine}", ""])


def row_line(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    """Return one line of a Markdown table, padded so that the text itself reads as a table."""
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_number, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def store(report: Report, facts: Facts, folder: Path) -> Path:
    """Write the report as JSON to a folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.name}.json"
    targets = [target._asdict() for target in report.targets]
    value = {**report._asdict(), "targets": targets, "machine": facts._asdict(), "arguments": sys.argv[1:]}
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    return path


def stored(name: str, folder: Path) -> str:
    """Return the last report of a benchmark that a folder holds as Markdown, "" if it holds none."""
    path = folder / f"{name}.json"
    if not path.exists():
        return ""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    report = Report(
        value["name"],
        value["title"],
        tuple(value["columns"]),
        tuple(tuple(row) for row in value["rows"]),
        tuple(Target(**target) for target in value["targets"]),
        tuple(value["notes"]),
    )
    return markdown(report, Facts(**value["machine"]))

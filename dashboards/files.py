"""Writes what the chart ships of this: the dashboards as JSON, the alerts as rules.

`python -m dashboards write` writes them, `python -m dashboards check` fails where one is stale.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from batt.schema.generated import command
from dashboards.alerts import rules
from dashboards.boards import NOTICE, Board, board_json
from dashboards.operator import operator_board
from dashboards.phases import phases_board
from dashboards.runs import runs_board


def boards() -> tuple[Board, ...]:
    """Return the dashboards."""
    return (runs_board(), phases_board(), operator_board())


def generated_files() -> dict[Path, str]:
    """Return what is generated: path below the repository -> text."""
    chart = Path("charts/batt")
    files = {chart / "dashboards" / f"{board.name}.json": board_json(board) for board in boards()}
    return {**files, chart / "files" / "rules.yaml": f"# {NOTICE}\n{as_yaml(rules())}"}


def as_yaml(value: object) -> str:
    """Return YAML in which queries of several lines stay so."""
    return yaml.dump(value, Dumper=BlockDumper, sort_keys=False, allow_unicode=True, width=10_000)


class BlockDumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        """Return a text in YAML, as a block where it has several lines."""
        return super().represent_scalar(tag, value, style="|" if "\n" in value else style)


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    return command("dashboards", generated_files(), "dashboards/ and batt/metrics.py", arguments)

"""Reads the corpus of run files: what each says, in its first comment lines, about what must be said of it.

# batt: PLACE line N: PHRASE       a fault that batt finds; none in good files
# cluster: FIELD: PHRASE           a reason for the API server to refuse it, or `unknown field` for one it drops
# cluster: accepts
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "corpus" / "runs"
"""Where the run files are, in `good` and `bad`."""


class Expected(NamedTuple):
    """A fault that must be found: its place, a part of its message and, by batt, its line."""

    place: str
    phrase: str
    line: int = 0


def run_files(kind: str) -> list[Path]:
    """Return the files of the corpus that are `good` or `bad`."""
    files = sorted((FOLDER / kind).glob("*.yaml"))
    assert files, f"{FOLDER / kind} is empty"
    return files


def batt_faults(path: Path) -> list[Expected]:
    """Return the faults that batt must find in a file, in this order."""
    found = re.findall(r"^# batt: (.+?) line (\d+): (.+)$", path.read_text(), re.MULTILINE)
    return [Expected(place, phrase, int(line)) for place, line, phrase in found]


def cluster_faults(path: Path) -> list[Expected]:
    """Return the faults that the API server must find in a file, sorted by place; none where it accepts."""
    lines = re.findall(r"^# cluster: (.+)$", path.read_text(), re.MULTILINE)
    assert lines, f"{path}: has no `# cluster:` line"
    return sorted(Expected(*line.split(": ", 1)) for line in lines if line != "accepts")

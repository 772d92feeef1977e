"""The project's documents, and the commands in them.

A block of commands that begins with "```sh" runs on any machine, those of one document as one shell session. One that
begins with "```sh kind" or "```sh gke" needs a cluster: these go on from document to document, in READING order, as a
reader who starts at the README goes on.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

BLOCK = re.compile(r"^```sh([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of commands: where they run, and the commands."""

LOCAL = ""
"""Where blocks run that need no cluster."""

CLUSTERS = ("kind", "gke")
"""Where blocks run that need one."""

READING = (
    ROOT / "README.md",
    ROOT / "docs" / "cluster.md",
    ROOT / "docs" / "troubleshooting.md",
    ROOT / "docs" / "operator.md",
)
"""The documents about clusters; what one has set up, the next goes on with; the last one cleans up."""


def documents() -> list[Path]:
    """Return every document."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def places(document: Path) -> set[str]:
    """Return where the document's commands run."""
    return {place.strip() for place, _ in BLOCK.findall(document.read_text(encoding="utf-8"))}


def commands(document: Path, where: str) -> str:
    """Return the document's commands that run in a place."""
    found = BLOCK.findall(document.read_text(encoding="utf-8"))
    return "\n".join(text for place, text in found if place.strip() == where)

"""Files that are made from code and committed: written where they are stale, refused by a check where they are."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[2]
"""The repository: generated files are written in a checkout only."""

Files: TypeAlias = Mapping[Path, str]
"""What is generated: path below the repository -> text."""


def write(root: Path, files: Files) -> list[Path]:
    """Write the files that are stale or missing; return which."""
    stale = stale_files(root, files)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(files[path], encoding="utf-8")
    return stale


def stale_files(root: Path, files: Files) -> list[Path]:
    """Return the files that are missing or not what the code makes."""
    return [
        path for path, text in files.items() if not (root / path).is_file() or (root / path).read_text("utf-8") != text
    ]


def command(program: str, files: Files, sources: str, arguments: Sequence[str]) -> int:
    """Run `python -m PROGRAM write|check`; return its exit code. sources: what the files are made from, for people."""
    match arguments:
        case ["write"]:
            for path in write(ROOT, files):
                print(f"wrote {path}")
            return 0
        case ["check"]:
            stale = stale_files(ROOT, files)
            for path in stale:
                rule = f"must be what {sources} say"
                print(f"{path}: {rule}; run `make generate` and commit the file", file=sys.stderr)
            return 1 if stale else 0
    print(f"usage: python -m {program} write|check; got {arguments}", file=sys.stderr)
    return 64

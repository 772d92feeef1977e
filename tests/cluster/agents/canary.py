"""An agent that looks everywhere it can for what tests have planted, and says what it has found where."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PLANTED = re.compile(rb"PLANTED-([a-z]+)-[0-9a-f]{32}|(eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})")
"""What tests plant, with its kind; and tokens of Kubernetes, which look like nothing else."""

FILE_BYTES = 8 << 20
"""Bigger files are no files of ours."""

REGION_BYTES = 64 << 20
"""The same for what a process has in memory in one piece."""

SKIPPED = ("/proc", "/sys", "/dev")
"""Folders that hold no files."""


def search() -> dict[str, list[str]]:
    """Return where what kind was found."""
    found: dict[str, set[str]] = defaultdict(set)

    def look(where: str, data: bytes) -> None:
        for match in PLANTED.finditer(data):
            found[match[1].decode() if match[1] else "token"].add(where)

    for name, value in os.environb.items():
        look(f"variable {name.decode(errors='replace')}", value)
    for path in files(Path("/")):
        look(f"file {path}", content(path, FILE_BYTES))
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()):
            for where, data in process_parts(process):
                look(f"process {where}", data)
    return {kind: sorted(places) for kind, places in found.items()}


def files(root: Path) -> Iterator[Path]:
    """Yield the files under a folder, links followed at their own risk."""
    skipped = {f"{root}{name}".replace("//", "/") for name in SKIPPED}
    for here, folders, names in os.walk(root, onerror=None):
        folders[:] = [name for name in folders if str(Path(here, name)) not in skipped]
        yield from (Path(here, name) for name in names)


def content(path: Path, limit: int) -> bytes:
    """Return a file's bytes, none where they are not to be had."""
    with contextlib.suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(limit)
    return b""


def process_parts(process: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what another process has: environment, command line, memory, and the files that it sees."""
    for name in ("environ", "cmdline"):
        yield f"{process}/{name}", content(process / name, FILE_BYTES)
    with contextlib.suppress(OSError), (process / "mem").open("rb", buffering=0) as memory:
        for line in (process / "maps").read_text().splitlines():
            span, rights, *_ = line.split()
            begin, end = (int(address, 16) for address in span.split("-"))
            if rights.startswith("r") and end - begin <= REGION_BYTES:
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    memory.seek(begin)
                    yield f"{process}/mem", memory.read(end - begin)
    with contextlib.suppress(OSError):
        for path in files(process / "root"):
            yield str(path), content(path, FILE_BYTES)


def run(input: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: A002 # HAL calls it so
    """Return what was found."""
    [task] = input
    return {task: json.dumps(search())}


if __name__ == "__main__":
    print(json.dumps(search()))

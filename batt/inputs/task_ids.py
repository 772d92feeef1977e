"""Lists of task ids in files of their own: `tasksFrom`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from batt.errors import InputError, NotFoundError
from batt.store import GCS_SCHEME, local_path, open_store


def read_task_ids(uri: str, base: Path, field: str = "spec.solvers.tasksFrom") -> list[str]:
    """Return the ids of a text file, one a line; empty lines and lines that begin with # are skipped.

    Args:
        field: the field that names the file.

    Raises:
        InputError: it is no such file, holds no id or one twice.
    """
    try:
        lines = read_text(uri, base).splitlines()
    except (OSError, UnicodeDecodeError, NotFoundError) as error:
        message = f"{field}: got {uri!r}; must be a text file with one task id a line; {error}"
        raise InputError(message) from error
    ids = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    repeated = sorted(one for one, times in Counter(ids).items() if times > 1)
    if not ids or repeated:
        got = f"{repeated[:5]} more than once" if repeated else "no id"
        raise InputError(f"{field}: got {got} in {uri!r}; ids must stand there once; correct the file")
    return ids


def read_text(uri: str, base: Path) -> str:
    """Return the text of a file on this machine or in a bucket."""
    if uri.startswith(GCS_SCHEME):
        folder, _, name = uri.rpartition("/")
        return open_store(folder, base).read(name).decode("utf-8-sig")
    return local_path(uri, base).read_text(encoding="utf-8-sig")

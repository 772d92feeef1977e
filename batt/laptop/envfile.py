"""The file `.env` of the folder one is in: where HAL's users keep keys of models, which hal-eval reads by itself."""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from pathlib import Path

from batt.errors import Fault, InputError, SpecError

ENV_FILE = ".env"
"""Its name."""


def take_env_file(folder: Path, environment: MutableMapping[str, str]) -> list[str]:
    """Set what a folder's .env sets in an environment, unless it is set there; return the names that were set.

    `${NAME}` in values stands for another variable. Lines that cannot be read are told and left out, as in HAL.

    Raises:
        InputError: the file cannot be read, or python-dotenv is not installed.
        SpecError: names every variable that no environment can have.
    """
    path = folder / ENV_FILE
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise InputError(
            f"{path}: cannot be read: {why}; it sets agents' variables; mend it or move it away"
        ) from error
    try:
        from dotenv import dotenv_values  # noqa: PLC0415 # not everybody has such a file
    except ImportError:
        remedy = "say `pip install 'batt[hal]'`, or set its variables yourself and move it away"
        raise InputError(f"{path}: got no package python-dotenv, which reads it; {remedy}") from None
    found = {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}
    faults = [
        Fault(f"{path}: {name!r}", "it", "is no variable that a process can have", "mend or remove its line")
        for name, value in found.items()
        if not name or "=" in name or "\0" in name + value
    ]
    if faults:
        raise SpecError(faults)
    fresh = {name: value for name, value in found.items() if name not in environment}
    environment.update(fresh)
    return sorted(fresh)

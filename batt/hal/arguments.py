"""What HAL's users write, read as HAL reads it: `-A key=value`, the agent's function, names of runs; agent_hash.

Source: hal/cli.py, hal/agent_runner.py, hal/utils/logging_utils.py of hal-harness at 16bb03e.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

RUN_ID_CHARACTERS = 128
"""Longest run id: it is a project's name in Weave, too."""

UNIQUE_DIGITS = 6
"""Digits behind the seconds that tell runs of one second apart."""

READ_BYTES = 1 << 20
"""Bytes of a file that are held at once."""

WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "none": None, "null": None, "nan": None}
"""Words with a meaning, in any case."""


def parse_arguments(pairs: Iterable[str]) -> dict[str, Any]:  # YAML values
    """Return the keyword arguments of `key=value` pairs; a pair without `=` is nothing, the last of a key counts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if equals:
            found[key.replace("-", "_")] = parse_value(text)
    return found


def parse_value(text: str) -> Any:  # YAML values
    """Return a value as YAML has it; of what YAML takes for a text, a list where it has commas, a word, or a number.

    Such a text is taken as it was written, with quotes and all. What is no JSON data (dates, sets) stays a text too:
    HAL itself ends at those.
    """
    try:
        value = yaml.safe_load(text)
        json.dumps(value)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return text
    if not isinstance(value, str):
        return value
    if "," in text:
        return text.split(",")
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def is_function(name: str) -> bool:
    """Tell whether a text names a function as HAL takes it: `module.function`, the module a file of the agent."""
    module, _, function = name.rpartition(".")
    return bool(module) and function.isidentifier() and "/" not in module and module not in {".", ".."}


def sanitised(name: str) -> str:
    """Return an agent's name as it stands in a run id."""
    return re.sub(r"[^A-Za-z0-9_]", "", name.replace(" ", "_")).lower()


def run_id(benchmark: str, agent: str, begun: datetime, uid: str, repeat: int | None = None) -> str:
    """Return the id of a HAL run: `<benchmark>_<agent>_<digits>`, unique, of a form that HAL's loaders take apart.

    HAL writes the seconds since 1970; of many runs that begin in one second each gets the same. Six digits that
    follow from the run's uid stand behind the seconds.

    Args:
        begun: when the run was planned.
        repeat: which of several runs of one kind, from 1; HAL's own scripts write `rep1` into the agent's name.
    """
    number = int(hashlib.sha256(uid.encode()).hexdigest(), 16) % 10**UNIQUE_DIGITS
    end = f"_{int(begun.timestamp())}{number:0{UNIQUE_DIGITS}}"
    if repeat is not None:
        end = f"_rep{repeat}{end}"
    start = f"{benchmark_name(benchmark)}_{sanitised(agent)}"
    return f"{start[: RUN_ID_CHARACTERS - len(end)]}{end}"


def benchmark_name(benchmark: str) -> str:
    """Return a benchmark's name as HAL knows it: what `hal:` stands before is HAL's own."""
    return benchmark.removeprefix("hal:").rpartition("/")[2]


def agent_hash(folder: Path, files: Iterable[str]) -> str:
    """Return HAL's hash of an agent: sha256 over each file's path and content, without separators, in HAL's order.

    Args:
        files: relative paths, `/` between parts; any order.
    """
    digest = hashlib.sha256()
    for name in sorted(files, key=lambda name: (posixpath.dirname(name), name)):  # folder by folder, as sorted(os.walk)
        digest.update(name.encode("utf-8", "surrogateescape"))
        with (folder / name).open("rb") as file:
            while part := file.read(READ_BYTES):
                digest.update(part)
    return digest.hexdigest()

"""The two agents that batt brings, as files like any other agent's: one knows the answers, the other has none.

They prove that a benchmark scores: the first must get all of it, the second nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ANSWERS = "answers.json"
"""The file that the first one reads, in its working directory."""

ORACLE = f'''\
"""Returns the answers that lie beside it."""

import json


def run(input, **kwargs):
    """Return the answer of each task."""
    with open("{ANSWERS}", encoding="utf-8") as file:
        answers = json.load(file)
    return {{task: answers[task] for task in input}}
'''
"""main.py of the agent that knows the answers."""

NULL = '''\
"""Answers nothing."""


def run(input, **kwargs):
    """Return an empty text for each task."""
    return {task: "" for task in input}
'''
"""main.py of the agent that knows nothing."""


def oracle_files(answers: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of an agent that returns these answers, by task id; its function is `main.run`."""
    return {"main.py": ORACLE.encode(), ANSWERS: json.dumps(dict(answers), sort_keys=True).encode()}


def null_files() -> dict[str, bytes]:
    """Return the files of an agent that returns an empty text for each task; its function is `main.run`."""
    return {"main.py": NULL.encode()}

"""The two agents are files that HAL's contract runs: one returns what it is given, the other an empty text."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from batt.hal.benchmarks.agents import null_files, oracle_files

ANSWERS: Mapping[str, Any] = {"HumanEval/0": "    return '\ud800é'\n", "2": [[[1, 2]]], 'a "b"': {"program": "x"}}


def run(files: Mapping[str, bytes], folder: Path, task: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what an agent says, loaded from its file in the working directory and called as HAL does."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    monkeypatch.chdir(folder)
    return runpy.run_path("main.py")["run"](task, benchmark_name="x", model_name="y")


@pytest.mark.parametrize("task", ANSWERS)
def test_oracle_returns_the_answer_of_its_task(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(oracle_files(ANSWERS), tmp_path, {task: {}}, monkeypatch) == {task: ANSWERS[task]}


def test_null_returns_nothing_for_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(null_files(), tmp_path, {"HumanEval/0": {"prompt": "x"}}, monkeypatch) == {"HumanEval/0": ""}


def test_equal_answers_give_equal_files() -> None:
    assert oracle_files(ANSWERS) == oracle_files(dict(reversed(list(ANSWERS.items()))))

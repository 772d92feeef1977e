"""The program in a response is found, whatever stands around it."""

from __future__ import annotations

import time

import pytest

from batt.hal.benchmarks.fences import code_of, program_in

CODE = "print(1)\n"


@pytest.mark.parametrize(
    "response",
    [
        CODE,
        f"```python\n{CODE}```",
        f"Here:\n```python\n{CODE}```\nIt prints 1.",
        f"```Python3\n{CODE}```",
        f"```py\n{CODE}",
        f"```\n{CODE}```",
        f"```python\nfirst()\n```\nor rather\n```python\n{CODE}```",
        f"```python\n{CODE}```\nwhich gives\n```text\n1\n```",
        f"Use ```x```:\n```\n{CODE}```",
        f"```text\n{CODE}```",
    ],
)
def test_last_block_of_python_is_the_program(response: str) -> None:
    assert code_of(response) == CODE


def test_response_without_a_block_is_the_program_as_it_is() -> None:
    assert code_of("    return ```1```") == "    return ```1```"


def test_answer_in_a_mapping_is_taken() -> None:
    assert program_in({"answer": f"```python\n{CODE}```", "metrics": {}}) == CODE


@pytest.mark.parametrize("submission", [None, 3, [], {}, {"answer": 3}, {"x": CODE}])
def test_what_is_no_text_holds_no_program(submission: object) -> None:
    assert program_in(submission) is None


@pytest.mark.parametrize("text", ["`" * 3_000_000, "```\n" * 500_000, "```python " * 300_000])
def test_fences_by_the_million_take_no_time(text: str) -> None:
    begin = time.monotonic()

    code_of(text)

    assert time.monotonic() - begin < 10

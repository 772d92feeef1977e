"""Programs in what agents say: text around them, and Markdown's fences, are taken off."""

from __future__ import annotations

from typing import Any

from batt.hal.benchmarks.base import answer_of

FENCE = "```"
"""What stands before and after a block of code in Markdown."""

PYTHON_WORDS = frozenset({"python", "python3", "py"})
"""What stands behind the first fence of a block of Python."""

NO_PROGRAM = "the submission is no text; must be a Python program, or a response with one in a ```python fence"
"""What is said of a submission that cannot hold a program."""


def program_in(submission: Any) -> str | None:  # JSON data by a stranger
    """Return the program in a submission; None where it is no text."""
    answer = answer_of(submission)
    return code_of(answer) if isinstance(answer, str) else None


def code_of(response: str) -> str:
    """Return the last block of Python in a response; of a response without such, its last block, or all of it.

    A block that was cut off counts up to where it ends. Linear in the length, whatever is in there.
    """
    blocks = [block.partition("\n") for block in response.split(FENCE)[1::2]]
    fenced = [(word.strip().lower(), code) for word, line_end, code in blocks if line_end]  # else `code` within a line
    python = [code for word, code in fenced if word in PYTHON_WORDS]
    others = [code for _, code in fenced]
    return (python or others or [response])[-1]

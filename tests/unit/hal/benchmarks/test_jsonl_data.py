"""Lines are read as they are; every faulty one is named, by number, with rule and remedy."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from batt.errors import InputError
from batt.hal.benchmarks.jsonl_data import SHOWN_FAULTS, Form, read_tasks

EXACT = Form({"id": "id", "prompt": "prompt", "answer": "answer"}, frozenset(), "exact", "")
GOOD = b'{"id": "a", "prompt": "?", "answer": "x"}'


def test_packed_files_marks_and_empty_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n  \n" + GOOD.replace(b'"a"', b'"b"')))

    assert [task.id for task in read_tasks(path, EXACT)] == ["a", "b"]


def test_every_faulty_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    lines = [
        b"nonsense",
        GOOD,
        b"[]",
        b'{"id": "b"}',
        GOOD,
        b'{"id": "", "prompt": "?", "answer": "x"}',
        b'{"id": "c\\n", "prompt": "?", "answer": "x"}',
        b'{"id": 1.5, "prompt": "?", "answer": "x"}',
        b'{"id": "d", "prompt": " ", "answer": "x"}',
        b'{"id": "e", "prompt": "?", "answer": null}',
        b'{"id": "f", "prompt": "?", "answer": {"x": 1}}',
        b'{"id": "g", "prompt": "?", "answer": []}',
        b'{"id": "h", "prompt": "?", "answer": " "}',
        b'{"id": "i", "prompt": "?", "answer": "x", "answer": "y"}',
        b'{"id": "\xff", "prompt": "?", "answer": "x"}',
        b"[" * 100_000,
    ]
    path.write_bytes(b"\n".join(lines))

    with pytest.raises(InputError) as caught:
        read_tasks(path, EXACT)

    faults = [line.removeprefix(f"{path} ") for line in str(caught.value).splitlines()]
    starts = [
        "(line 1): got 'Expecting value: line 1 column 1 (char 0)'; must be JSON in UTF-8",
        "(line 3): got a list; must be an object",
        "(line 4): got keys ['id']; must have prompt and answer; add or rename them",
        "(line 5): got id 'a' again; line 2 has it; rename one",
        "(line 6): got id ''; ids must be 1 to 128 printable characters",
        "(line 7): got id 'c\\n'; ids must be",
        "(line 8): got id 1.5; ids must be",
        "(line 9): got prompt ' '; must be a text",
        "(line 10): got keys ['answer', 'id', 'prompt']; must have answer",
        "(line 11): got answer {'x': 1}; must be a text or a number, or a list of such",
        "(line 12): got answer []; must be",
        "(line 13): got answer ' '; must not be empty: who says nothing would be right",
        "(line 14): got a key twice among",
        "(line 15): got \"'utf-8' codec can't decode",
        "(line 16): got ",
    ]
    assert [fault[: len(start)] for fault, start in zip(faults, starts, strict=True)] == starts


def test_of_many_faulty_lines_all_numbers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"x\n" * 25)

    with pytest.raises(InputError) as caught:
        read_tasks(path, EXACT)

    lines = str(caught.value).splitlines()
    assert len(lines) == SHOWN_FAULTS + 1
    assert lines[-1] == "... and 5 more, in lines 21, 22, 23, 24, 25"


@pytest.mark.parametrize(
    ("scoring", "answer", "message"),
    [
        ("numeric", '"none"', "must hold a number; correct it, or choose another scoring"),
        ("regex", '"(a"', "must be a regular expression: missing \\)"),
        ("regex", '["a", "*"]', r"'\*'; must be a regular expression: nothing to repeat"),
        ("regex", '".*"', "must not match the empty text: who says nothing would be right"),
    ],
)
def test_answers_that_the_scoring_cannot_use_are_named(scoring: str, answer: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(f'{{"id": "a", "prompt": "?", "answer": {answer}}}\n')

    with pytest.raises(InputError, match=rf"\(line 1\): got answer .*{message}"):
        read_tasks(path, EXACT._replace(scoring=scoring))


def test_line_without_the_oracles_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(GOOD)

    with pytest.raises(InputError, match=r"\(line 1\): got example None; must be a text that the answer accepts"):
        read_tasks(path, EXACT._replace(scoring="regex", oracle="example"))


def test_hidden_key_that_no_line_has_is_no_slip_to_pass_over(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(GOOD)

    with pytest.raises(InputError, match=r"got no key 'rational'; spec.hal.options.hidden must name keys of it"):
        read_tasks(path, EXACT._replace(hidden=frozenset({"rational"})))


@pytest.mark.parametrize("name", ["absent.jsonl", "folder", "plain.jsonl.gz", "cut.jsonl.gz", "empty.jsonl"])
def test_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain.jsonl.gz").write_bytes(GOOD)
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(GOOD * 1000)[:-20])
    (tmp_path / "empty.jsonl").write_bytes(b"\n \n")

    with pytest.raises(InputError, match=rf"{name}: got .*; must"):
        read_tasks(tmp_path / name, EXACT)

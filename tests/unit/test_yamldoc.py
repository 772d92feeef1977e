"""YAML as plain data that remembers its lines, for hostile files too."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from batt.errors import Fault, SpecError
from batt.fields import NULL
from batt.yamldoc import MAX_BYTES, MAX_DEPTH, Document, read_documents, written
from tests.runcorpus import run_files


def only(text: str) -> Document:
    """Return the one document of a text."""
    (document,) = read_documents(text)
    return document


def refusal(text: str) -> str:
    """Return the message by which a text is refused."""
    with pytest.raises(SpecError) as caught:
        read_documents(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("32", 32),
        ("-1", -1),
        ("+7", 7),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("true", True),
        ("FALSE", False),
        ("~", NULL),
        ("null", NULL),
        ("", NULL),
        ("017", "017"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("yes", "yes"),
        ("Off", "Off"),
        ("2026-01-01", "2026-01-01"),
        ("007bbfb7", "007bbfb7"),
        ("9" * 5000, "9" * 5000),
        ('"32"', "32"),
        ("'true'", "true"),
        ('""', ""),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_follow_the_core_schema(scalar: str, expected: object) -> None:
    value = only(f"key: {scalar}").data["key"]

    assert value == expected
    assert type(value) is type(expected)


def test_not_a_number_is_a_float() -> None:
    value = only("key: .nan").data["key"]

    assert value != value  # noqa: PLR0124 -- what makes it NaN


def test_the_text_of_a_number_is_kept() -> None:
    document = only("ids: [1e10, 12, '13', x, true, ~]")

    assert document.texts == {("ids", 0): "1e10", ("ids", 1): "12", ("ids", 4): "true"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_keys_and_items_have_their_lines(newline: str) -> None:
    text = newline.join(
        ["# comment", "a:", "  b: 1", "  c:", "  - x", "  -", "    d: |", "      long", "e: {f: [1,", " 2]}"]
    )

    lines = only(text).lines

    assert lines == {
        (): 2,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 7,
        ("a", "c", 1, "d"): 7,
        ("e",): 9,
        ("e", "f"): 9,
        ("e", "f", 0): 9,
        ("e", "f", 1): 10,
    }


def test_documents_come_in_order_without_the_empty_ones() -> None:
    documents = read_documents("---\na: 1\n---\n# nothing\n---\n~\n...\n---\nb: 2\n")

    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert [document.lines[()] for document in documents] == [2, 9]


def test_an_alias_is_a_copy_of_its_anchor() -> None:
    document = only("a: &x {b: [1]}\nc: *x\n")

    document.data["a"]["b"][0] = 2

    assert document.data["c"] == {"b": [1]}


def test_a_repeated_key_is_a_fault_and_the_first_counts() -> None:
    document = only("a: 1\nb: {c: 1, c: 2}\na: 3\n")

    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [(fault.where, fault.line) for fault in document.faults] == [("b.c", 2), ("a", 3)]


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("a: !!python/name:os.system x", "a", "must have no tag"),
        ("a: !mine {b: c}", "a", "must have no tag"),
        ("a: !!set {b, c}", "a", "must have no tag"),
        ("<<: {a: b}", "['<<']", "must be written out"),
        ("? [a]\n: b", "document", "must be a word"),
    ],
)
def test_what_readers_take_in_two_ways_is_a_fault(text: str, place: str, rule: str) -> None:
    (fault,) = only(text).faults

    assert (fault.where, fault.rule) == (place, rule)


def test_the_syntax_error_is_said_in_our_words() -> None:
    assert refusal("a: 1\nb: c: d\n") == (
        "column 5 (line 2): got 'b: c: d'; must have one `key: value` a line, indented like its neighbours; "
        "fix the indentation, or quote the value if it holds `: `"
    )


def test_a_text_that_is_too_long_is_not_parsed() -> None:
    assert "must be at most 1048576 bytes" in refusal("a" * (MAX_BYTES + 1))


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "a: &a [*a]", "a: &a\n  b: *a\n"])
def test_nesting_without_end_is_refused(text: str) -> None:
    assert f"nested at most {MAX_DEPTH} deep" in refusal(text)


def test_aliases_that_multiply_are_refused_in_a_moment() -> None:
    levels = "".join(f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 10)}]\n" for n in range(1, 20))
    start = time.process_time()

    message = refusal(f"a: &a [{', '.join('x' * 10)}]\n{levels}")

    assert "aliases expanded" in message
    assert time.process_time() - start < 10  # expanded it would be 10**20 values


def test_the_largest_real_list_is_read() -> None:
    ids = [f"{number:08x}" for number in range(2000)]

    document = only(f"tasks: [{', '.join(ids)}]")

    assert [document.texts.get(("tasks", index), task) for index, task in enumerate(document.data["tasks"])] == ids


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), "document"),
        (("spec",), "spec"),
        (("spec", "solvers", "tasks", 3), "spec.solvers.tasks[3]"),
        (("metadata", "labels", "a.b/c"), "metadata.labels['a.b/c']"),
        ((0, "a"), "[0].a"),
    ],
)
def test_paths_are_written_as_people_write_them(path: tuple[str | int, ...], expected: str) -> None:
    assert written(path) == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_read_or_refused_with_a_line(seed: int) -> None:
    """Whatever a text is damaged into, nothing but a SpecError comes out. The seed names the case."""
    chance = random.Random(seed)
    for path in run_files("good") + run_files("bad"):
        assert all(fault.line for fault in faults_of(damaged(path, chance)))


def faults_of(text: str) -> tuple[Fault, ...]:
    """Return why a text is refused; nothing where it is read."""
    try:
        read_documents(text)
    except SpecError as error:
        return error.faults
    return ()


def damaged(path: Path, chance: random.Random) -> str:
    """Return the file's text with a few characters lost, doubled or replaced by YAML's own marks."""
    text = path.read_text()
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(text))
        text = (
            text[:at]
            + chance.choice(["", text[at] * 2, *"[]{}&*!|>'\"%@`:-?,#\t\n \0\x85\ud800\ufeff"])
            + text[at + 1 :]
        )
    return text

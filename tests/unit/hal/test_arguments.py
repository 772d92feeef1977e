"""What HAL's users write is read as HAL reads it."""

from __future__ import annotations

import hashlib
import os
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.hal.arguments import (
    RUN_ID_CHARACTERS,
    agent_hash,
    benchmark_name,
    is_function,
    parse_arguments,
    parse_value,
    run_id,
    sanitised,
)
from batt.hal.packing import agent_files


def test_pairs_become_arguments() -> None:
    pairs = ["model-name=gpt-4o", "url=http://x?a=b", "a-b_c=d-e", "empty=", "nothing", "twice=1", "twice=2", "=x"]

    assert parse_arguments(pairs) == {
        "model_name": "gpt-4o",
        "url": "http://x?a=b",
        "a_b_c": "d-e",
        "empty": None,
        "twice": 2,
        "": "x",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML has a value for it
        ("1", 1),
        ("1.5", 1.5),
        ("-7", -7),
        ("0x1f", 31),
        ("1_000", 1000),
        ("12:30", 750),
        ("yes", True),
        ("Off", False),
        ("true", True),
        ("~", None),
        ("null", None),
        ("", None),
        ("# a comment", None),
        ("[1, a, true]", [1, "a", True]),
        ("{a: 1, b: [c]}", {"a": 1, "b": ["c"]}),
        ("key: value", {"key": "value"}),
        # YAML has a text for it
        ("a", "a"),
        ("a,b", ["a", "b"]),
        ("a, b,,1", ["a", " b", "", "1"]),
        ('"a,b"', ['"a', 'b"']),
        ("'1'", "'1'"),
        ('"quoted"', '"quoted"'),
        (" spaces ", " spaces "),
        ("a # no comment", "a # no comment"),
        ("tRuE", True),
        ("fAlse", False),
        ("None", None),
        ("NULL", None),
        ("nan", None),
        ("NaN", None),
        ("1e5", 100000.0),
        ("1e-5", 1e-05),
        ("\u0663", 3),
        ("infinity", float("inf")),
        ("1.2.3", "1.2.3"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("together_ai/meta/Llama-3", "together_ai/meta/Llama-3"),
        # YAML has nothing for it
        ("[1, 2", "[1, 2"),
        ("{a", "{a"),
        ("a: b: c", "a: b: c"),
        ("@x", "@x"),
        ("%x", "%x"),
        ("!!python/object/apply:os.system [ls]", "!!python/object/apply:os.system [ls]"),
        ("\x00", "\x00"),
        ("[" * 5000, "[" * 5000),
        # YAML has no JSON data for it
        ("2024-01-02", "2024-01-02"),
        ("2024-13-45", "2024-13-45"),
        ("{1, 2}", {"1": None, "2": None}),
        ("!!set {a}", "!!set {a}"),
        ("[2024-01-02]", "[2024-01-02]"),
        ("!!binary aGk=", "!!binary aGk="),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_value_is_read_by_yaml_first(text: str, value: object) -> None:
    found = parse_value(text)
    if isinstance(found, dict):
        found = {str(key): one for key, one in found.items()}

    assert (found, type(found)) == (value, type(value))


def hal_value(text: str, yaml_value: Any) -> Any:
    """What HAL makes of a text that YAML takes for one, told in words: its own rules, one after another."""
    if not isinstance(yaml_value, str):
        return yaml_value
    words = {"true": True, "false": False, "none": None, "null": None, "nan": None}
    if text.count(","):
        return text.split(",")
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def test_random_values_are_read_as_hal_reads_them() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        text = "".join(rng.choice("aeTrunlxNF019.,:-_+'\" []{}#&*!|>%@") for _ in range(rng.randrange(1, 7)))
        try:
            expected = hal_value(text, yaml.safe_load(text))
        except yaml.YAMLError:
            expected = text
        except ValueError:  # HAL ends here: 0x_, 1:99999999999...
            continue

        assert repr(parse_value(text)) == repr(expected), text


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("main.run", True),
        ("pkg.mod.run", True),
        ("my-agent.run", True),
        ("main.", False),
        (".run", False),
        ("main", False),
        ("", False),
        (".", False),
        ("..run", False),
        ("...run", False),
        ("../main.run", False),
        ("/etc/x.run", False),
        ("main.run()", False),
        ("main.1", False),
        ("main.a b", False),
    ],
)
def test_a_function_is_one_of_a_module_at_the_top(name: str, fits: bool) -> None:
    assert is_function(name) == fits


@pytest.mark.parametrize(
    ("name", "in_id"),
    [
        ("Test Run (gpt-4o)", "test_run_gpt4o"),
        ("HAL Generalist Agent (o3-mini-2025-01-31 high)", "hal_generalist_agent_o3mini20250131_high"),
        ("ä/\n€x", "x"),
        ("", ""),
    ],
)
def test_a_name_is_sanitised_as_hal_does_it(name: str, in_id: str) -> None:
    assert sanitised(name) == in_id


@pytest.mark.parametrize(
    ("benchmark", "name"), [("gaia", "gaia"), ("hal:usaco", "usaco"), ("a/b/c", "c"), ("hal:a/b", "b")]
)
def test_a_benchmark_is_called_as_hal_calls_it(benchmark: str, name: str) -> None:
    assert benchmark_name(benchmark) == name


BEGUN = datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)


def test_a_run_id_has_hals_form_and_six_digits_more() -> None:
    found = run_id("hal:usaco", "Test Run (gpt-4o)", BEGUN, "uid")

    assert re.fullmatch(rf"usaco_test_run_gpt4o_{int(BEGUN.timestamp())}\d{{6}}", found)
    assert found == run_id("usaco", "test run gpt4o", BEGUN, "uid")


def test_run_ids_of_one_second_differ() -> None:
    assert len({run_id("b", "a", BEGUN, f"uid-{number}") for number in range(300)}) >= 299
    assert run_id("b", "a", BEGUN, "uid") != run_id("b", "a", BEGUN + timedelta(seconds=1), "uid")


def test_repeats_are_told_in_front_of_the_digits() -> None:
    found = [run_id("b", "agent", BEGUN, "uid", repeat) for repeat in (1, 2, 12)]

    assert [re.sub(r"\d{16}$", "", one) for one in found] == ["b_agent_rep1_", "b_agent_rep2_", "b_agent_rep12_"]


def hal_name(run: str, benchmark: str) -> str:
    """The agent in a run id, as HAL's reliability loader takes it apart: digits and repN go from the end."""
    parts = run.removeprefix(f"{benchmark}_").split("_")
    while parts and (parts[-1].isdigit() or re.fullmatch(r"rep\d+", parts[-1])):
        parts.pop()
    return "_".join(parts)


@pytest.mark.parametrize("repeat", [None, 1, 100])
@pytest.mark.parametrize("length", [1, 50, 100, 128, 500])
def test_a_run_id_is_never_too_long_and_its_end_is_whole(length: int, repeat: int | None) -> None:
    found = run_id("usaco", "a" * length, BEGUN, "uid", repeat)
    other = run_id("usaco", "a" * length, BEGUN, "other", repeat)

    assert len(found) <= RUN_ID_CHARACTERS
    assert found != other
    assert hal_name(found, "usaco") == "a" * min(length, len(hal_name(found, "usaco")))
    assert len(hal_name(found, "usaco")) >= min(length, 90)


def naive_hash(folder: Path) -> str:
    """The same, as one would say it: walk in the order of folders' paths, all of a file's path and content in turn."""
    told = b""
    for here, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(here, name)  # noqa: PTH118 # as HAL has it
            told += os.path.relpath(path, folder).encode()
            told += Path(path).read_bytes()
    return hashlib.sha256(told).hexdigest()


def test_the_hash_is_hals(tmp_path: Path) -> None:
    rng = random.Random(0)
    names = ["main.py", "Z", "a-b/c", "a/c", "a/b/c", "a.b/c", "a/B", "a_b", "ä/€", "a/-", "a b/c", "A/z", "a/b.py"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(rng.randbytes(number * 300_000))
    files = agent_files(tmp_path)
    rng.shuffle(files)

    assert agent_hash(tmp_path, files) == naive_hash(tmp_path)


def test_the_hash_follows_names_and_contents_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = agent_hash(tmp_path, ["a"])
    os.utime(tmp_path / "a", (1, 1))
    assert agent_hash(tmp_path, ["a"]) == before
    (tmp_path / "a").write_text("2")
    changed = agent_hash(tmp_path, ["a"])
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b").write_text("1")

    assert len({before, changed, agent_hash(tmp_path, ["b"])}) == 3


def test_of_no_files_there_is_a_hash_too(tmp_path: Path) -> None:
    assert agent_hash(tmp_path, []) == hashlib.sha256(b"").hexdigest()

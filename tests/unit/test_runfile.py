"""Run files load, or every fault in them is named with place, line, rule and remedy."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from batt.api import solvers_of
from batt.errors import Fault, SpecError
from batt.runfile import FIELD_DOCS, check_files, load_run, load_runs, parse_run
from tests.runcorpus import FOLDER, batt_faults, run_files

MINIMAL = (FOLDER / "good" / "minimal.yaml").read_text()


def faults_of(text: str) -> tuple[Fault, ...]:
    """Return the faults of a text that must be refused."""
    with pytest.raises(SpecError) as caught:
        load_runs(text, "run.yaml")
    return caught.value.faults


@pytest.mark.parametrize("path", run_files("good"), ids=lambda path: path.stem)
def test_a_good_file_loads(path: Path) -> None:
    assert batt_faults(path) == []
    assert load_run(path).metadata.name


@pytest.mark.parametrize("path", run_files("bad"), ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_every_fault_and_its_line(path: Path) -> None:
    expected = batt_faults(path)

    with pytest.raises(SpecError) as caught:
        load_run(path)

    assert [(fault.where, fault.line) for fault in caught.value.faults] == [(e.place, e.line) for e in expected]
    for fault, wanted in zip(caught.value.faults, expected, strict=True):
        assert wanted.phrase in fault.rule
        assert fault.remedy
        assert FIELD_DOCS not in fault.remedy  # the answer to an error that nobody thought of
        assert "Input should" not in fault.rule  # pydantic's words


def test_a_message_says_file_place_line_value_rule_and_remedy() -> None:
    with pytest.raises(SpecError) as caught:
        load_runs(MINIMAL + "    keep: 5000\n    cache: 1\n", "run.yaml")

    assert str(caught.value).splitlines() == [
        "run.yaml: spec.solvers.keep (line 11): got 5000; must be at most 1000; lower it",
        "run.yaml: spec.solvers.cache (line 12): got 1; must be true or false; write true or false, without quotes",
    ]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("    kep: 3", "did you mean keep?"),
        ("    timeout_seconds: 3", "did you mean timeoutSeconds?"),
        ("    TIMEOUTSECONDS: 3", "did you mean timeoutSeconds?"),
        ("    maxConcurrency: 3", "did you mean to write it under spec?"),
        ("    runSeconds: 3", "did you mean to write it under spec.deadlines?"),
        ("    zzz: 3", "remove it; fields here are dataset, tasks, tasksFrom, candidates"),
        ("  keep: 3", "did you mean to write it under spec.solvers?"),
        ("  secretRef: {name: keys}", "did you mean to write it under spec.envFrom[]?"),
        ("  zzz: {}", "remove it; fields here are solvers, hal, maxConcurrency, retries, deadlines, results"),
    ],
)
def test_an_unknown_field_comes_with_the_likeliest_known_one(line: str, remedy: str) -> None:
    (fault,) = faults_of(f"{MINIMAL}{line}\n")

    assert fault.remedy.startswith(remedy)
    assert fault.line == 11


def test_a_field_of_pods_comes_with_what_stands_for_it() -> None:
    (fault,) = faults_of(f"{MINIMAL}  env: [{{name: KEY, value: x, valueFrom: {{secretKeyRef: {{}}}}}}]\n")

    assert fault[:2] == ("spec.env[0].valueFrom", "a block of fields")
    assert fault.remedy == "name the whole Secret or ConfigMap in spec.envFrom"


def test_too_many_variables_have_another_remedy_than_too_many_tasks() -> None:
    variables = ", ".join(f"{{name: V{number}, value: x}}" for number in range(101))

    (fault,) = faults_of(f"{MINIMAL}  env: [{variables}]\n")

    assert fault.rule == "must have at most 100 entries"
    assert "envFrom" in fault.remedy


def test_a_missing_field_comes_with_what_it_means() -> None:
    (fault,) = faults_of(MINIMAL.replace("    candidates: builtin:starter\n", ""))

    assert fault[:2] == ("spec.solvers.candidates", "nothing")
    assert fault.remedy.startswith("add `candidates:` there (URI of the candidates")


@pytest.mark.parametrize(
    ("value", "got"),
    [("{a: b}", "a block of fields"), ("[1, 2]", "a list of 2"), ("~", "null"), ("true", "true"), ("'x'", "'x'")],
)
def test_values_are_shown_in_the_words_of_yaml(value: str, got: str) -> None:
    (fault,) = faults_of(f"{MINIMAL}    keep: {value}\n")

    assert fault.got == got


def test_a_long_value_is_cut() -> None:
    (fault,) = faults_of(f"{MINIMAL}    keep: {'x' * 10_000}\n")

    assert len(str(fault)) < 500


def test_ids_are_the_texts_that_stood_in_the_file() -> None:
    run = load_run(FOLDER / "good" / "unquoted-ids.yaml")

    assert solvers_of(run).tasks == ("00576224", "12345678", "1e123456", "1_000", "1e5", "0x1f", "yes")


def test_ids_that_yaml_takes_for_equal_numbers_are_two() -> None:
    (run,) = load_runs(MINIMAL + "    tasks: [1e5, 100000, 1.0, 1]\n", "run.yaml")

    assert solvers_of(run).tasks == ("1e5", "100000", "1.0", "1")


def test_two_thousand_tasks_are_taken_and_one_more_is_not() -> None:
    ids = [f"{number:08x}" for number in range(2001)]

    (run,) = load_runs(f"{MINIMAL}    tasks: [{', '.join(ids[:2000])}]\n", "run.yaml")
    (fault,) = faults_of(f"{MINIMAL}    tasks: [{', '.join(ids)}]\n")

    assert solvers_of(run).tasks == tuple(ids[:2000])
    assert fault.rule == "must have at most 2000 entries"
    assert "tasksFrom" in fault.remedy


def test_several_documents_are_several_runs() -> None:
    runs = load_runs(f"{MINIMAL}---\n{MINIMAL.replace('demo', 'other')}", "run.yaml")

    assert [run.metadata.name for run in runs] == ["demo", "other"]


def test_faults_of_all_documents_come_in_the_order_of_the_text() -> None:
    text = f"{MINIMAL}    keep: 0\n---\n{MINIMAL}    keep: 0\n    keep: 1\n    shards: 0\n"

    assert [(fault.where, fault.line) for fault in faults_of(text)] == [
        ("spec.solvers.keep", 11),
        ("spec.solvers.keep", 23),
        ("spec.solvers.keep", 24),
        ("spec.solvers.shards", 25),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "file: got No such file or directory; must be a file that can be read; check the path"),
        (b"a: b\nc: \xff\n", "file (line 2): got the byte 0xff; must be UTF-8 text; save it as UTF-8"),
        ("a: b".encode("utf-16"), "file (line 1): got the byte 0xff; must be UTF-8 text; save it as UTF-8"),
        (b"", "file (line 1): got nothing; must hold a BenchmarkRun; start from a file in examples/"),
        ("#é".encode() * 500_000, "file: got more; must be at most 1048576 bytes; name long lists by URI: tasksFrom"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "run.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SpecError) as caught:
        load_run(path)

    assert str(caught.value).startswith(f"{path}: {expected}")


def test_a_folder_is_no_run_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Is a directory"):
        load_run(tmp_path)


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())

    assert load_run(path) == load_runs(MINIMAL, "run.yaml")[0]


def test_checking_files_tells_runs_and_faults_of_each(tmp_path: Path) -> None:
    several = tmp_path / "several.yaml"
    several.write_text(f"{MINIMAL}---\n{MINIMAL}")
    missing, bad = tmp_path / "missing.yaml", FOLDER / "bad" / "bounds-below.yaml"

    checked = check_files([several, missing, bad])

    assert [check.path for check in checked] == [several, missing, bad]
    assert [len(check.runs) for check in checked] == [2, 0, 0]
    assert [len(check.faults) for check in checked] == [0, 1, 11]


@pytest.mark.parametrize("path", run_files("good"), ids=lambda path: path.stem)
def test_a_run_comes_back_equal_from_its_manifest(path: Path) -> None:
    run = load_run(path)

    assert parse_run(run.to_manifest()) == run
    assert load_runs(yaml.safe_dump(run.to_manifest()), "run.yaml") == [run]


def test_json_data_is_held_to_the_same_rules() -> None:
    data = load_runs(MINIMAL, "run.yaml")[0].to_manifest()
    data["spec"]["solvers"]["keep"] = 0

    with pytest.raises(SpecError, match=r"^spec\.solvers\.keep: got 0; must be at least 1; raise it$"):
        parse_run(data)


FULL: dict[str, Any] = yaml.safe_load((FOLDER / "good" / "full.yaml").read_text())
JUNK: tuple[object, ...] = (
    [],
    {},
    [[]],
    [{}],
    {"x": 1},
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    " ",
    "\n",
    "x" * 3000,
    "a: b",
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the path of every value in the data but the root."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("place", list(places(FULL)), ids=lambda place: ".".join(map(str, place)))
def test_junk_in_any_place_is_taken_or_refused_in_our_words(place: tuple[str | int, ...]) -> None:
    """Nothing but a SpecError comes out, with known rules, lines and values cut to size."""
    for junk in JUNK:
        data = copy.deepcopy(FULL)
        target: Any = data
        for part in place[:-1]:
            target = target[part]
        target[place[-1]] = junk

        for fault in refusals(yaml.safe_dump(data)):
            assert FIELD_DOCS not in fault.remedy
            assert fault.line
            assert len(str(fault)) < 1500


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_lines_are_taken_or_refused_in_our_words(seed: int) -> None:
    """Lines lost, doubled and moved make odd structures; none may end in a traceback. The seed names the case."""
    chance = random.Random(seed)
    for path in run_files("good") + run_files("bad"):
        lines = path.read_text().splitlines()
        picked = [line for line in lines for _ in range(chance.choice([0, 1, 1, 1, 1, 1, 2]))]
        at = chance.randrange(len(picked))
        moved = picked[:at] + [line[chance.choice([0, 0, 2]) :] for line in picked[at:]]

        assert all(fault.line for fault in refusals("\n".join(moved)))


def refusals(text: str) -> tuple[Fault, ...]:
    """Return why a text is refused; nothing where it is taken."""
    try:
        load_runs(text, "run.yaml")
    except SpecError as error:
        return error.faults
    return ()

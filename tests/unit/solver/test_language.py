"""A DSL is loaded as it is; what it leaks, prints, changes or breaks stays its own business."""

import collections.abc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import batt.dsl
from batt.engine.child import Limits
from batt.engine.pool import Engine
from batt.errors import InputError
from batt.solver.language import BUILTIN, default_of, empty_tuple, load_language

DIALECT = Path(__file__).parents[2] / "dialect"

PROGRAM = """\
import json, os, sys
from pathlib import Path
from batt.errors import InputError
from batt.solver.language import load_language
try:
    language = load_language(sys.argv[1], Path(sys.argv[1]), float(sys.argv[2]))
    said = {"names": sorted(language.names), "digest": language.digest, "calls": {}}
    for call in sys.argv[3:]:
        said["calls"][call] = repr(eval(call, dict(language.names)))
except InputError as error:
    said = {"error": str(error)}
print("\\n" + json.dumps(said))
"""
"""Loads a DSL in a process of its own, as a nursery does; prints what it found as the last line."""


class Loaded:
    """What PROGRAM says of a DSL; `output`: all that the process wrote, but that."""

    def __init__(self, where: Path, *calls: str, seconds: float = 60, seed: str = "0") -> None:
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(where), str(seconds), *calls],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        *output, last = found.stdout.splitlines()
        self.output = "\n".join(output).strip() + found.stderr
        said: dict[str, Any] = json.loads(last)
        self.error = str(said.get("error", ""))
        self.names = frozenset(said.get("names", ()))
        self.digest = str(said.get("digest"))
        self.calls = list(said.get("calls", {}).values())


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tmp_path / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


# batt's own


def test_the_builtin_dsl_has_its_public_names() -> None:
    language = load_language(BUILTIN, None)

    assert language.names.keys() == set(batt.dsl.__all__)
    assert language.names["hmirror"](((1,), (2,))) == ((2,), (1,))
    assert language.digest == load_language(BUILTIN, None).digest


# a user's


def test_a_dsl_folder_gives_its_functions_and_constants() -> None:
    loaded = Loaded(DIALECT, "mir_rot_t(((1, 2), (3, 4)), R5)", "DOWN", "size(())", "RED")

    assert not loaded.error
    assert {"mir_rot_t", "rbind", "p_g", "ZERO", "R5", "DOWN", "identity"} <= loaded.names
    assert loaded.calls == ["((4, 3), (2, 1))", "(1, 0)", "0", "2"]


def test_what_a_dsl_prints_and_changes_does_not_come_out() -> None:
    loaded = Loaded(DIALECT)

    assert not loaded.error
    assert loaded.output == ""


def test_what_a_dsl_imports_is_not_reachable() -> None:
    leaks = {"os", "sys", "open", "len", "reduce", "lru_cache", "numpy", "Any", "Callable", "Tuple", "Grid", "Union"}

    loaded = Loaded(DIALECT)

    assert not loaded.names & leaks
    assert not loaded.names & {"never_raises_", "_name", "_value", "__builtins__"}


def test_functions_of_the_dsl_s_own_files_are_part_of_it_however_they_are_made(tmp_path: Path) -> None:
    text = """
import functools, os.path, typing, collections, json, copy
from copy import deepcopy
from functools import partial, lru_cache
from helper import helped
class Kind:
    def __call__(self, x): return x
    def method(self, x): return x
@lru_cache
def cached(x): return x
@functools.wraps(cached)
def wrapped(x): return x
def plain(x): return x
callable_object = Kind()
bound = Kind().method
part = partial(plain, 1)
anonymous = lambda x: x
Colour = typing.NewType("Colour", int)
Alias = typing.Tuple[int, ...]
nothing = None
pair = (1, 2)
names = {"a": 1}
length = len
joined = os.path.join
point = collections.namedtuple("point", "x y")
"""
    loaded = Loaded(folder(tmp_path, dsl=text, helper="def helped(x): return x\n"), "cached(7)", "callable_object(8)")

    functions = {"cached", "wrapped", "plain", "callable_object", "bound", "anonymous", "helped"}
    assert loaded.names == functions | {"nothing", "pair", "names"}
    assert loaded.calls == ["7", "8"]


def test_a_dsl_in_one_file_of_any_name_is_loaded(tmp_path: Path) -> None:
    file = folder(tmp_path, my_dsl="from constants import *\ndef f(x): return x\n", constants="ONE = 1\n") / "my_dsl.py"

    loaded = Loaded(file, "f(ONE)")

    assert loaded.names == {"f", "ONE"}
    assert loaded.calls == ["1"]


def test_constants_hide_names_of_the_dsl_as_a_second_star_import_would(tmp_path: Path) -> None:
    loaded = Loaded(folder(tmp_path, dsl="ONE = 'dsl'\nTWO = 2\n", constants="ONE = 1\n_THREE = 3\n"), "ONE")

    assert loaded.names == {"ONE", "TWO"}
    assert loaded.calls == ["1"]


def test_a_dsl_s_own_list_of_names_counts(tmp_path: Path) -> None:
    loaded = Loaded(folder(tmp_path, dsl="__all__ = ['_f']\ndef _f(x): return x\ndef g(x): return x\n"))

    assert loaded.names == {"_f"}


def test_a_dsl_in_site_packages_is_loaded(tmp_path: Path) -> None:
    where = folder(tmp_path, **{"lib__site-packages__kit__dsl": "def f(x): return x\n"}) / "lib/site-packages/kit"

    assert Loaded(where).names == {"f"}


def test_a_dsl_file_behind_a_link_is_loaded(tmp_path: Path) -> None:
    folder(tmp_path, real__version_2="from helper import h\ndef f(x): return h(x)\n", kit__helper="h = lambda x: x\n")
    (tmp_path / "kit/dsl.py").symlink_to(tmp_path / "real/version_2.py")
    (tmp_path / "link").symlink_to(tmp_path / "kit")

    assert Loaded(tmp_path / "link", "f(1)").names == {"f", "h"}
    assert Loaded(tmp_path / "link/dsl.py", "f(1)").calls == ["1"]


def test_a_file_called_like_a_module_that_is_loaded_is_refused(tmp_path: Path) -> None:
    error = Loaded(folder(tmp_path, json="def f(x): return x\n") / "json.py").error

    assert "'json' is the name of another module" in error
    assert "rename json.py" in error


@pytest.mark.parametrize("name", ["nothing", "notes.txt", "empty"])
def test_what_holds_no_dsl_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("def f(x): return x\n")
    (tmp_path / "empty").mkdir()

    error = Loaded(tmp_path / name).error

    assert "must name a Python file or a folder with dsl.py" in error
    assert name in error


# imports that fail


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import no_such_module_anywhere", ["ModuleNotFoundError", "install 'no_such_module_anywhere' beside batt"]),
        ("def f(:\n", ["SyntaxError", "dsl.py"]),
        ("print('step one')\n1 / 0", ["ZeroDivisionError", "division by zero", "step one"]),
        (
            "import sys\nprint('giving up', file=sys.stderr)\nsys.exit('no device')",
            ["SystemExit", "no device", "giving up"],
        ),
        ("raise KeyboardInterrupt", ["KeyboardInterrupt"]),
        ("import os\nos.write(1, b'from C')\nos.write(2, b' and more')\nx", ["NameError", "from C and more"]),
        ("print('a' * 5000 + 'the end')\nx", ["NameError", "aaa", "the end"]),
        ("__all__ = ['missing']", ["AttributeError", "missing"]),
        ("def f(n): return f(n)\nf(1)", ["RecursionError"]),
        ("while True: print('x' * 1000)", ["OSError", "xxx"]),
        ("import os\nwhile True: os.write(2, b'y' * 100000)", ["OSError", "yyy"]),
    ],
)
def test_an_import_that_fails_is_told_with_what_it_printed(tmp_path: Path, text: str, told: list[str]) -> None:
    loaded = Loaded(folder(tmp_path, dsl=text))

    assert [word for word in told if word not in loaded.error] == []
    assert loaded.error.startswith(f"dsl: got '{tmp_path}'; importing dsl.py raised ")
    assert loaded.output == ""
    assert len(loaded.error) < 3000


@pytest.mark.parametrize(
    "text",
    [
        "print('waiting', flush=True)\nwhile True: pass",
        "print('waiting', flush=True)\nimport time\ntime.sleep(1000)",
        "print('waiting', flush=True)\nwhile True:\n    try:\n        while True: pass\n    except Exception: pass",
    ],
)
def test_an_import_that_does_not_end_is_ended(tmp_path: Path, text: str) -> None:
    error = Loaded(folder(tmp_path, dsl=text), seconds=0.3).error

    assert "SlowImportError" in error
    assert "must be done in 0.3 s" in error
    assert "waiting" in error


def engine(where: Path, seconds: float = 60) -> Engine:
    return Engine(1, str(where), where, Limits(1.0, 2**28), import_seconds=seconds)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import os\nos._exit(3)", "importing it ended the process: exit status 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "importing it ended the process: SIGSEGV"),
        ("print('so far')\n1 / 0", "so far"),
        ("import batt.solver.language\nbatt.solver.language.digest_of = None", "TypeError"),
    ],
)
def test_a_dsl_that_ends_its_process_is_told_of_at_once(tmp_path: Path, text: str, told: str) -> None:
    where = folder(tmp_path, dsl=text)

    with pytest.raises(InputError) as raised:
        engine(where)

    assert told in str(raised.value)
    assert str(where) in str(raised.value)


# the digest


def test_the_digest_covers_the_files_that_are_imported_and_no_others(tmp_path: Path) -> None:
    where = tmp_path / "kit"
    shutil.copytree(DIALECT, where, ignore=shutil.ignore_patterns("__pycache__"))
    before = Loaded(where).digest
    digests = {"before": before}
    for name in ("dsl", "constants", "arc_types", "helpers"):
        file = where / f"{name}.py"
        text = file.read_text()
        file.write_text(f"{text}\n# changed\n")
        digests[name] = Loaded(where).digest
        file.write_text(text)
    (where / "notes.py").write_text("# unrelated\n")
    (where / "solvers/solve_67a3c6ac.py").write_text("# unrelated\n")

    assert len(set(digests.values())) == 5
    assert before == Loaded(where, seed="4711").digest


def test_the_digest_is_the_same_wherever_the_folder_lies(tmp_path: Path) -> None:
    shutil.copytree(DIALECT, tmp_path / "elsewhere")

    assert Loaded(DIALECT).digest == Loaded(tmp_path / "elsewhere").digest


def test_the_digest_knows_files_by_their_place_in_the_folder(tmp_path: Path) -> None:
    digests = set()
    for one, other in (("a", "b"), ("b", "a")):
        where = tmp_path / one
        folder(where, dsl="import a.same, b.same\n", a__same=f"x = '{one}'\n", b__same=f"x = '{other}'\n")
        digests.add(Loaded(where).digest)

    assert len(digests) == 2
    assert all(len(digest) == len(hashlib.sha256().hexdigest()) for digest in digests)


# defaults of declared types

Numerical = int | tuple[int, int]
Patch = typing.Union[frozenset[tuple[int, tuple[int, int]]], frozenset[tuple[int, int]]]  # noqa: UP007 # as DSLs write it

DEFAULTS: list[tuple[Any, Any]] = [
    (int, 0),
    (float, 0),
    (bool, False),
    (tuple, ()),
    (tuple[tuple[int, ...], ...], ()),
    (typing.Tuple, ()),  # noqa: UP006
    (typing.Tuple[int, int], ()),  # noqa: UP006
    (frozenset, frozenset()),
    (set, frozenset()),
    (frozenset[int], frozenset()),
    (typing.FrozenSet, frozenset()),  # noqa: UP006
    (typing.FrozenSet[typing.FrozenSet[int]], frozenset()),  # noqa: UP006
    (typing.AbstractSet[int], frozenset()),
    (typing.Set[int], frozenset()),  # noqa: UP006
    (Patch, frozenset()),
    (Numerical, ()),
    (typing.Union[int, float], 0),  # noqa: UP007
    (typing.Union[int, frozenset], ()),  # noqa: UP007
    (int | None, ()),
    (typing.Container, ()),
    (typing.Iterable[int], ()),
    (typing.Any, ()),
    (None, ()),
    (str, ()),
    (list, ()),
    (dict[str, int], ()),
    ("int", 0),
    ("Patch", frozenset()),
    ("frozenset[int]", frozenset()),
    ("no_such_type", ()),
    ("1 +", ()),
    (7, ()),
    (typing.TypeVar("T"), ()),
    (typing.NewType("Colour", int), ()),
]


@pytest.mark.parametrize(("declared", "default"), DEFAULTS, ids=[str(declared) for declared, _ in DEFAULTS])
def test_a_caught_exception_gives_the_default_of_the_declared_type(declared: Any, default: Any) -> None:
    def function(x: int) -> None:
        raise NotImplementedError

    function.__annotations__["return"] = declared

    found = default_of(function)

    assert (type(found), found) == (type(default), default)


@pytest.mark.parametrize("declared", [typing.Callable, typing.Callable[[int], int], collections.abc.Callable])
def test_the_default_of_a_callable_gives_an_empty_tuple(declared: Any) -> None:
    def function() -> None:
        raise NotImplementedError

    function.__annotations__["return"] = declared

    found = default_of(function)

    assert found is empty_tuple
    assert found(1, 2, 3) == ()


@pytest.mark.parametrize("value", [(), 5, None, frozenset(), lambda: 1, object(), int, len])
def test_the_default_of_what_declares_nothing_is_an_empty_tuple(value: Any) -> None:
    assert default_of(value) == ()


def test_one_annotation_without_meaning_leaves_the_default_unknown() -> None:
    def function(x: "R8") -> int:  # type: ignore[name-defined] # noqa: F821
        raise NotImplementedError

    assert default_of(function) == ()


def test_defaults_of_the_dialect_are_what_its_own_wrapper_gives() -> None:
    names = ("size", "equality", "f_ofcolor", "mir_rot_t", "hconcat", "add", "difference", "identity")
    call = f"[[repr(f(None))[:9] for f in ({', '.join(names)},)], crash(1)]"

    loaded = Loaded(DIALECT, call)

    assert loaded.calls == ["[['0', 'False', 'frozenset', '()', '()', '()', 'frozenset', 'None'], frozenset()]"]

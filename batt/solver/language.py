"""The DSL in which programs are written: batt's own, or the user's, loaded unmodified.

A DSL is the user's trusted code. It is imported in worker children only (batt.engine), because it may print, need other
packages or change the environment; what it prints is shown only if the import fails.
"""

from __future__ import annotations

import collections.abc
import contextlib
import hashlib
import importlib
import os
import resource
import signal
import sys
import tempfile
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import InputError, shown

BUILTIN = "builtin:arc"
"""The URI of batt's own DSL (batt/dsl)."""

ENGINE = "2"
"""Version of what a verdict means; raised when evaluation changes, so that older cached verdicts are not used."""

IMPORT_SECONDS = 120.0
"""How long importing a user's DSL may take by the clock (numpy from a cold disk: seconds)."""

MAX_OUTPUT_BYTES = 64 * 2**20
"""Largest file that a DSL may write while it is imported, its output included."""

SHOWN_OUTPUT_BYTES = 2000
"""How much of the end of a DSL's output is shown when importing it fails."""

Value = Any  # a DSL value: ints, tuples, frozensets, functions; nothing is known of a user's DSL


class Language(NamedTuple):
    """A loaded DSL.

    names: public name -> value: its functions and plain constants.
    digest: sha256 of the DSL's own files and of what else decides a verdict (engine and Python version).
    """

    uri: str
    names: dict[str, Value]
    digest: str


def load_language(uri: str, folder: Path | None, seconds: float = IMPORT_SECONDS) -> Language:
    """Import a DSL and return its public names.

    Args:
        uri: BUILTIN, or what the user named (for messages and the manifest).
        folder: where a user's dsl.py lies: a folder that holds it, or the file itself.
        seconds: how long importing a user's DSL may take.

    Raises:
        InputError: there is no dsl.py, or importing it fails; the message holds the end of what it printed.
    """
    if uri == BUILTIN:
        return load_builtin()
    assert folder is not None
    file = folder / "dsl.py" if folder.is_dir() else folder
    if not file.is_file() or file.suffix != ".py":
        raise InputError(f"dsl: got {uri!r}; must name a Python file or a folder with dsl.py; {file} is none")
    root = file.parent.resolve()
    sys.path.insert(0, str(root))
    loaded = frozenset(sys.modules)
    sources = [root / file.name]
    if (root / "constants.py").is_file() and file.name != "constants.py":
        sources.append(root / "constants.py")
    names: dict[str, Value] = {}
    for source in sources:
        names.update(public_names(import_file(uri, source, seconds), root))
    return Language(uri, names, digest_of(imported_files(root, loaded), root))


def load_builtin() -> Language:
    """Return batt's own DSL."""
    package = importlib.import_module("batt.dsl")
    root = Path(str(package.__file__)).parent
    names = {name: getattr(package, name) for name in package.__all__}
    return Language(BUILTIN, names, digest_of(sorted(root.rglob("*.py")), root))


def import_file(uri: str, file: Path, seconds: float) -> types.ModuleType:
    """Import one file of a user's DSL under its own name, as its other files import it; its output is captured."""
    with captured_output() as output:
        try:
            with time_limit(seconds), output_limit():
                module = importlib.import_module(file.stem)
                list(map(module.__getattribute__, getattr(module, "__all__", ())))
        except BaseException as error:
            told = output().strip()
            missing = f"; install {error.name!r} beside batt" if isinstance(error, ModuleNotFoundError) else ""
            what = f"importing {file.name} raised {type(error).__name__}: {shown(str(error))}{missing}"
            raise InputError(f"dsl: got {uri!r}; {what}" + (f"\n{told}" if told else "")) from error
    found = file_of(module)
    if found != file:
        rule = f"{file.stem!r} is the name of another module, {found}"
        raise InputError(f"dsl: got {uri!r}; {rule}; rename {file.name}")
    return module


class SlowImportError(BaseException):
    """Importing a DSL takes too long. No Exception: a DSL that catches those must not swallow it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise SlowImportError in what runs inside after so many seconds by the clock."""

    def expire(_number: int, _frame: types.FrameType | None) -> None:
        raise SlowImportError(f"must be done in {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and again: the DSL may have swallowed it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextlib.contextmanager
def output_limit() -> Iterator[None]:
    """Let files grow to MAX_OUTPUT_BYTES inside: a DSL that prints without end gets an OSError, not our disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = MAX_OUTPUT_BYTES if hard == resource.RLIM_INFINITY else min(MAX_OUTPUT_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def captured_output() -> Iterator[Callable[[], str]]:
    """Send what is written to standard output and error, by C code too, to a file; yield what reads its end."""
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as file:

        def read() -> str:
            sys.stdout.flush()
            sys.stderr.flush()
            file.seek(max(0, file.seek(0, os.SEEK_END) - SHOWN_OUTPUT_BYTES))
            return file.read().decode(errors="replace")

        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield read
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in zip((1, 2), saved, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)


def public_names(module: types.ModuleType, root: Path) -> dict[str, Value]:
    """Return what a star-import would give, less what is no part of a DSL.

    A DSL's own imports leak through a star-import (`os`, `Callable`, ...): modules, classes, builtins and functions of
    files outside the DSL's folder are left out, so that no program can reach them.
    """
    everything = [name for name in vars(module) if not name.startswith("_")]
    values = {name: getattr(module, name) for name in getattr(module, "__all__", everything)}
    return {name: value for name, value in values.items() if is_part(value, root)}


def is_part(value: Value, root: Path) -> bool:
    """Tell whether a value belongs to a DSL: plain data, or what can be called and was made by a file in `root`."""
    if isinstance(value, bool | int | float | str | tuple | frozenset | list | dict | None):
        return True
    if not callable(value) or isinstance(value, type) or type(value).__module__ == "typing":
        return False
    home = sys.modules.get(str(getattr(value, "__module__", None)))
    file = file_of(home)
    if file is None and isinstance(value, types.FunctionType):
        file = Path(value.__code__.co_filename)
    return file is not None and is_own(file, root)


def file_of(module: types.ModuleType | None) -> Path | None:
    """Return the file a module was loaded from; None for builtins, namespaces and whatever else lies in sys.modules."""
    file = getattr(module, "__dict__", {}).get("__file__")  # a lazy module's own getattr may do anything
    return Path(os.path.abspath(file)) if isinstance(file, str) else None  # noqa: PTH100 # links keep their own names


def imported_files(root: Path, before: Collection[str]) -> list[Path]:
    """Return the files of `root` that have been imported since `before` (names of modules), in a stable order."""
    found = {file_of(module) for name, module in list(sys.modules.items()) if name not in before}
    return sorted(file for file in found if file is not None and is_own(file, root))


def is_own(path: Path, root: Path) -> bool:
    """Tell whether a file belongs to the DSL in `root`, and not to an environment that happens to lie below it."""
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts


def digest_of(files: Iterable[Path], root: Path) -> str:
    """Return the digest under which verdicts of a DSL are kept: its files, the engine and the Python version."""
    digest = hashlib.sha256(f"engine {ENGINE}, python {sys.version_info[0]}.{sys.version_info[1]}\n".encode())
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def default_of(function: Value) -> Value:
    """Return what a module takes for a guarded call that raised: a value of the function's declared return type.

    An empty frozenset for set-like types, an empty tuple for tuples and grids, 0 for numbers, False for booleans, for
    callables a function that returns an empty tuple; an empty tuple when the type is unknown (reference: batt module).
    One annotation that cannot be resolved, of a parameter too, leaves the type unknown (reference: dsl, section 5).
    """
    try:
        declared = typing.get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 # a user's annotation may be anything
        declared = None
    return default_of_type(declared)


def default_of_type(declared: Value) -> Value:
    """Return the default value of one type; a union has one only if its members agree."""
    origin: Value = typing.get_origin(declared) or declared
    if origin is typing.Union or origin is types.UnionType:
        members = [default_of_type(member) for member in typing.get_args(declared)]
        kinds = {type(member) for member in members}
        return members[0] if len(kinds) == 1 else ()
    if not isinstance(origin, type):
        return ()
    if issubclass(origin, bool):
        return False
    if issubclass(origin, int | float):
        return 0
    if issubclass(origin, collections.abc.Set):
        return frozenset()
    if origin is collections.abc.Callable:
        return empty_tuple
    return ()


def empty_tuple(*_: Value) -> tuple[()]:
    """Return an empty tuple whatever it is given: the default of steps that should have given a function."""
    return ()

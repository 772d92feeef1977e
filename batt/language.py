"""The DSL in which programs are written: batt's own, or the user's, loaded unmodified.

A DSL is the user's trusted code. It is imported in worker children only (engine.py), because it may print, need other
packages or change the environment; what it prints is shown only if the import fails.
"""

from __future__ import annotations

import collections.abc
import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from batt.errors import InputError, shown

BUILTIN = "builtin:arc"
"""The URI of batt's own DSL (batt/dsl)."""

ENGINE = "1"
"""Version of what a verdict means; raised when evaluation changes, so that older cached verdicts are not used."""

Value = Any  # a DSL value: ints, tuples, frozensets, functions; nothing is known of a user's DSL


class Language(NamedTuple):
    """A loaded DSL.

    names: public name -> value: its functions and plain constants.
    digest: sha256 of the DSL's own files and of what else decides a verdict (engine and Python version).
    """

    uri: str
    names: dict[str, Value]
    digest: str


def load_language(uri: str, folder: Path | None) -> Language:
    """Import a DSL and return its public names.

    Args:
        uri: BUILTIN, or what the user named (for messages and the manifest).
        folder: where a user's dsl.py lies: a folder that holds it, or the file itself.

    Raises:
        InputError: there is no dsl.py, or importing it fails; the message holds the end of what it printed.
    """
    if uri == BUILTIN:
        return load_builtin()
    assert folder is not None
    file = folder if folder.suffix == ".py" else folder / "dsl.py"
    if not file.is_file():
        raise InputError(f"dsl: got {uri!r}; must name a Python file or a folder with dsl.py; there is no {file}")
    root = file.parent.resolve()
    sys.path.insert(0, str(root))
    names: dict[str, Value] = {}
    constants = [root / "constants.py"] if (root / "constants.py").is_file() and file.name != "constants.py" else []
    for source in [file, *constants]:
        names.update(public_names(import_file(uri, source), root))
    return Language(uri, names, digest_of(own_files(root)))


def load_builtin() -> Language:
    """Return batt's own DSL."""
    package = importlib.import_module("batt.dsl")
    root = Path(str(package.__file__)).parent
    names = {name: getattr(package, name) for name in package.__all__}
    return Language(BUILTIN, names, digest_of(sorted(root.rglob("*.py"))))


def import_file(uri: str, file: Path) -> types.ModuleType:
    """Import one file of a user's DSL under its own name, its output captured."""
    with captured_output() as output:
        try:
            return importlib.import_module(file.stem)
        except BaseException as error:
            told = output().strip()[-2000:]
            missing = f"; install {error.name!r} beside batt" if isinstance(error, ModuleNotFoundError) else ""
            message = (
                f"dsl: got {uri!r}; importing {file.name} raised {type(error).__name__}: {shown(str(error))}{missing}"
            )
            raise InputError(f"{message}\n{told}" if told else message) from error


@contextlib.contextmanager
def captured_output() -> Iterator[Callable[[], str]]:
    """Send what is written to standard output and error, by C code too, to a file; yield a function that reads it."""
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as file:

        def read() -> str:
            sys.stdout.flush()
            sys.stderr.flush()
            file.seek(0)
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
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    values = {name: getattr(module, name) for name in names}
    return {name: value for name, value in values.items() if is_part(value, root)}


def is_part(value: Value, root: Path) -> bool:
    """Tell whether a value belongs to a DSL: plain data, or a function of a file in `root`."""
    if isinstance(value, bool | int | float | str | tuple | frozenset | list | dict | None):
        return True
    if not isinstance(value, types.FunctionType):
        return False
    home = sys.modules.get(value.__module__)
    file = getattr(home, "__file__", None) or value.__code__.co_filename
    return is_own(Path(file).resolve(), root)


def own_files(root: Path) -> list[Path]:
    """Return the files of `root` that are imported by now, in a stable order."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return sorted(path for path in (Path(file).resolve() for file in files if file) if is_own(path, root))


def is_own(path: Path, root: Path) -> bool:
    """Tell whether a file belongs to the DSL in `root`, and not to an environment that happens to lie below it."""
    return path.is_relative_to(root) and "site-packages" not in path.parts


def digest_of(files: list[Path]) -> str:
    """Return the digest under which verdicts of a DSL are kept: its files, the engine and the Python version."""
    digest = hashlib.sha256(f"engine {ENGINE}, python {sys.version_info[0]}.{sys.version_info[1]}\n".encode())
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def default_of(function: Value) -> Value:
    """Return what a module takes for a guarded call that raised: a value of the function's declared return type.

    An empty frozenset for set-like types, an empty tuple for tuples and grids, 0 for numbers, False for booleans, for
    callables a function that returns an empty tuple; an empty tuple when the type is unknown (reference: batt module).
    """
    try:
        declared = typing.get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 # a user's annotation may be anything; unresolvable ones count as unknown
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
    if issubclass(origin, frozenset | set | typing.AbstractSet):
        return frozenset()
    if origin is collections.abc.Callable:
        return empty_tuple
    return ()


def empty_tuple(*_: Value) -> tuple[()]:
    """Return an empty tuple whatever it is given: the default of steps that should have given a function."""
    return ()

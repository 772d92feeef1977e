"""Candidate texts as data, never imported: `read_sources` yields them one by one, whatever they come in.

Forms: a `.py` file, a batt module (NAME, that is NAME.py with NAME_call.py), JSON lines, a folder of these,
an archive of these, `builtin:starter`; on this machine or under `gs://`. What cannot be read is a
Fault between the sources, and the rest goes on.
"""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from batt.errors import Fault, InputError, shown
from batt.inputs.archives import DAMAGE, MEMBER_BYTES, Member, archive_kind, read_members
from batt.inputs.source_texts import (
    LINES_SUFFIXES,
    Source,
    call_of,
    is_call,
    line_sources,
    module_of,
    text_sources,
)
from batt.inputs.trees import BucketTree, FolderTree, Tree, is_candidate
from batt.store import GCS_SCHEME, GcsStore, local_path, split_gcs

__all__ = ["Source", "read_sources"]

STARTER = "builtin:starter"
"""URI of the solvers that ship with batt."""

FORMS = "*.py, *.jsonl, *.jsonl.gz, a folder of them, or an archive of them (.tar.gz, .tgz, .tar, .zip)"
"""What candidates come in, for messages."""


LINK_HOPS = 40
"""Longest chain of links that is followed: what Linux follows."""


class _Place(NamedTuple):
    """Where candidates lie: the file `path` in a tree, or all of the tree where it is empty."""

    tree: Tree
    path: str


def read_sources(uri: str, base: Path, known_tasks: frozenset[str]) -> Iterator[Source | Fault]:
    """Return the sources at a URI, lazily: files by path, members and lines in their own order.

    Args:
        uri: `builtin:starter`, a path or `file:` URI (relative ones start at `base`), or `gs://...`.
        base: the folder that relative paths start at.
        known_tasks: the dataset's task ids, by which paths tell what they are for.

    Raises:
        InputError: there is nothing at the URI, or (when the first is asked for) no candidate in it.
        StoreError: a bucket cannot be reached.
    """
    place = _place(uri, base)
    if not place.path:
        listing = place.tree.listing()
        found = _chained(listing.faults, _tree_sources(place.tree, listing.paths, known_tasks))
    elif archive_kind(place.path):
        found = _archive_sources(place, known_tasks)
    else:
        found = _tree_sources(place.tree, _with_call(place), known_tasks)
    return _at_least_one(found, uri)


# where candidates are


def _place(uri: str, base: Path) -> _Place:
    if uri == STARTER:
        from importlib.resources import files  # noqa: PLC0415  takes 10 ms of a start without it

        return _Place(FolderTree(Path(str(files("batt.starter") / "solvers")), "starter"), "")
    if uri.startswith(GCS_SCHEME):
        return _bucket_place(uri)
    path = Path(os.path.abspath(local_path(uri, base)))  # noqa: PTH100  resolve() would lose the names of links
    try:
        if path.is_dir():
            return _Place(FolderTree(path, path.name), "")
        if path.exists():
            return _Place(FolderTree(path.parent, ""), _readable_form(path.name, str(path)))
        module = path.with_name(f"{path.name}.py")
        if module.exists():
            return _Place(FolderTree(path.parent, ""), module.name)
    except OSError as error:
        raise InputError(f"{path}: got {error.strerror}; must be readable; change its permissions") from error
    remedy = f"correct the path, or say {STARTER} for the solvers that ship with batt"
    raise InputError(f"{path}: got no such file, folder or module; must be {FORMS}; {remedy}")


def _bucket_place(uri: str) -> _Place:
    bucket, path = split_gcs(uri)
    folder, _, name = path.rstrip("/").rpartition("/")
    parent = GcsStore(bucket, folder)
    if name and (name.endswith((".py", *LINES_SUFFIXES)) or archive_kind(name)):
        if not parent.exists(name):
            raise InputError(f"{uri}: there is no such object; must be {FORMS}; correct the URI")
        return _Place(BucketTree(parent, ""), name)
    if name and parent.exists(f"{name}.py"):
        return _Place(BucketTree(parent, ""), f"{name}.py")
    return _Place(BucketTree(GcsStore(bucket, path), name or bucket), "")


def _readable_form(name: str, where: str) -> str:
    if name.endswith((".py", *LINES_SUFFIXES)) or archive_kind(name):
        return name
    raise InputError(f"{where}: got a file of another kind; must be {FORMS}; rename or convert it")


def _with_call(place: _Place) -> list[str]:
    """Return the path of a single file, and that of the call file that makes it a batt module."""
    call = call_of(place.path)
    return [place.path, call] if place.path.endswith(".py") and place.tree.exists(call) else [place.path]


def _chained(faults: Iterable[Fault], found: Iterator[Source | Fault]) -> Iterator[Source | Fault]:
    yield from faults
    yield from found


def _at_least_one(found: Iterator[Source | Fault], uri: str) -> Iterator[Source | Fault]:
    """Yield what is found; InputError where it is nothing at all."""
    count = 0
    for count, item in enumerate(found, 1):  # noqa: B007  used after the loop
        yield item
    if not count:
        rule = "must hold *.py or *.jsonl files (hidden files and archives in it are not read)"
        raise InputError(f"{uri}: got no candidate; {rule}; correct the path")


# files of a tree


def _tree_sources(tree: Tree, paths: list[str], known_tasks: frozenset[str]) -> Iterator[Source | Fault]:
    """Yield the sources of files, each module's two files read together."""
    listed = frozenset(paths)
    contents = tree.read(_texts_to_read(paths, listed))  # in the order in which they are taken below
    for path in paths:
        name = tree.name(path)
        if path.endswith(LINES_SUFFIXES):
            yield from line_sources(tree.open(path), name, known_tasks)
        elif not is_call(path):
            text = next(contents)
            call = next(contents) if call_of(path) in listed else None
            yield from text_sources(name, text, call, known_tasks)
        elif module_of(path) not in listed or is_call(module_of(path)):
            yield _lonely_call(name)


def _texts_to_read(paths: Iterable[str], listed: frozenset[str]) -> Iterator[str]:
    for path in paths:
        if not path.endswith(LINES_SUFFIXES) and not is_call(path):
            yield path
            if call_of(path) in listed:
                yield call_of(path)


def _lonely_call(name: str) -> Fault:
    module = posixpath.basename(module_of(name))
    return Fault(name, "a call file alone", f"a batt module is two files, {module} beside it", f"add {module}")


# archives


class _Contents(NamedTuple):
    """What must be known of an archive before its members are read: its call files, and links by what they mean."""

    calls: frozenset[str]
    links: dict[str, list[str]]


class _File(NamedTuple):
    """Path in the archive and bytes of a candidate file; of a fault, the path may be unknown."""

    path: str
    data: bytes | Fault


class _PutAside:
    """Bytes that wait for their partner, on the disk: in an archive a module's two files can be far apart."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as this object

    def put(self, name: str, data: bytes) -> None:
        self.places[name] = (self._file.seek(0, os.SEEK_END), len(data))
        self._file.write(data)

    def take(self, name: str) -> bytes:
        offset, size = self.places.pop(name)
        self._file.seek(offset)
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def _archive_sources(place: _Place, known_tasks: frozenset[str]) -> Iterator[Source | Fault]:
    file = place.tree.open(place.path)
    if isinstance(file, Fault):
        yield file
        return
    name = place.tree.name(place.path)
    with file, closing(_PutAside()) as waiting:
        contents = _archive_contents(file, name)
        for path, data in _candidate_files(file, name, contents):
            where = f"{name}!{path}"
            if isinstance(data, Fault):
                yield data
            elif path.endswith(LINES_SUFFIXES):
                yield from line_sources(BytesIO(data), where, known_tasks)
            elif is_call(path) and module_of(path) in waiting.places:
                module = module_of(path)
                yield from text_sources(f"{name}!{module}", waiting.take(module), data, known_tasks)
            elif is_call(path):
                waiting.put(path, data)
            elif call_of(path) in waiting.places:
                yield from text_sources(where, data, waiting.take(call_of(path)), known_tasks)
            elif call_of(path) in contents.calls:
                waiting.put(path, data)
            else:
                yield from text_sources(where, data, None, known_tasks)
        yield from (_unpaired(name, path) for path in waiting.places)


def _unpaired(archive: str, path: str) -> Fault:
    if is_call(path):
        return _lonely_call(f"{archive}!{path}")
    rule = f"a batt module is two files, {posixpath.basename(call_of(path))} beside it"
    return Fault(f"{archive}!{path}", "a module whose call file cannot be read", rule, "pack it anew")


def _archive_contents(file: BinaryIO, name: str) -> _Contents:
    """Return what a first pass over the archive tells, without reading members; faults are told by the second."""
    calls: set[str] = set()
    targets: dict[str, str] = {}
    for member in read_members(file, name):
        if isinstance(member, Fault):
            continue
        if is_candidate(member.name) and is_call(member.name):
            calls.add(member.name)
        if member.target is not None:
            targets[member.name] = member.target
    links: dict[str, list[str]] = defaultdict(list)
    for link in targets:
        if is_candidate(link):
            links[_end_of(link, targets)].append(link)
    return _Contents(frozenset(calls), links)


def _end_of(link: str, targets: dict[str, str]) -> str:
    """Return what is no link at the end of a chain of links; the link itself where they never end."""
    path = targets[link]
    for _ in range(LINK_HOPS):
        if path not in targets:
            return path
        path = targets[path]
    return link


def _candidate_files(file: BinaryIO, archive: str, contents: _Contents) -> Iterator[_File]:
    """Yield every candidate file of the archive, those that are links right after the file they mean."""
    seen: set[str] = set()
    links = dict(contents.links)
    for member in read_members(file, archive):
        if isinstance(member, Fault):
            yield _File("", member)
        elif member.target is None:
            paths = list(filter(is_candidate, [member.name, *links.pop(member.name, ())]))
            data = _member_bytes(member, archive) if paths else b""
            yield from (_File(path, _twice(archive, path) if path in seen else data) for path in paths)
            seen.update(paths)
    for target, lost in links.items():
        for path in lost:
            got = f"a link to {shown(target)}, which is not there"
            yield _File(path, Fault(f"{archive}!{path}", got, "links must mean a file of the archive", "add the file"))


def _twice(archive: str, path: str) -> Fault:
    return Fault(f"{archive}!{path}", "a second member of that name", "names must be unique", "pack it anew")


def _member_bytes(member: Member, archive: str) -> bytes | Fault:
    where = f"{archive}!{member.name}"
    if member.size_bytes > MEMBER_BYTES:
        return Fault(where, f"{member.size_bytes} bytes", f"must be at most {MEMBER_BYTES}", "split it")
    try:
        return member.read()
    except DAMAGE as error:
        return Fault(where, f"{type(error).__name__} {shown(str(error))}", "must be undamaged", "pack it anew")

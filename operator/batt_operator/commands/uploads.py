"""What a run file names on this machine, put into a bucket under the digest of its content.

    candidates: more/        ->  gs://bucket/uploads/<sha256>/more         every candidate file below it
    candidates: one.py       ->  gs://bucket/uploads/<sha256>/one.py       one_call.py beside it, if it is a batt module
    source: agent/           ->  gs://bucket/uploads/<sha256>/agent.tar.gz an agent, packed: files keep what they may do

Names stay, so that results name the same sources as a run on the laptop does. The same content has the same place: a
second submit uploads nothing, and one that was interrupted goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from batt.api import CANDIDATES_URIS, DATASET_URIS, DSL_URIS, BenchmarkRun, hal_of
from batt.errors import AlreadyExistsError, Fault, InputError, SpecError, shown
from batt.fields import TASKS_URIS, Model
from batt.hal.agent import check_function
from batt.hal.packing import agent_files, pack
from batt.halspec import AGENT_URIS, DATA_URIS
from batt.inputs.archives import archive_kind
from batt.inputs.source_texts import LINES_SUFFIXES, call_of
from batt.inputs.trees import FolderTree
from batt.objects import ObjectStore
from batt.parallel import for_each
from batt.store import GCS_SCHEME, local_path
from batt.uris import SCHEME, UriKinds

M = TypeVar("M", bound=Model)
"""A type of the API."""

MAX_FILES = 100_000
"""Most files of one field: each is an object, and listing as many already takes a minute."""

MAX_FILE_BYTES = 512 * 2**20
"""Biggest file: it is held in memory while it is sent."""

MAX_BYTES = 8 * 2**30
"""Most bytes of one field, all files together."""

LARGE_BYTES = 16 * 2**20
"""A file that big is sent alone; smaller ones many at a time, so that memory stays bounded."""

BLOCK_BYTES = 2**20
"""How much of a file is hashed at once."""

AGENT, DATA = "hal.agent.source", "hal.data"
"""The fields of a HAL run that name an agent and the benchmark's data."""

FIELDS: dict[str, UriKinds] = {
    "solvers.candidates": CANDIDATES_URIS,
    "solvers.dataset": DATASET_URIS,
    "solvers.dsl": DSL_URIS,
    "solvers.tasks_from": TASKS_URIS,
    AGENT: AGENT_URIS,
    DATA: DATA_URIS,
    "hal.tasks_from": TASKS_URIS,
}
"""The fields of the spec that may name something on this machine, by the names that they have in Python."""

OTHER_MEANING = (".py", ".json", *LINES_SUFFIXES)
"""Endings by which a bucket's URI means a file: a folder of such a name is uploaded under another one."""


class UploadFile(NamedTuple):
    """A file to upload: its path below the digest, where it is here, sha256 of its bytes, and how many they are."""

    path: str
    source: Path
    digest: str
    size_bytes: int


class Upload(NamedTuple):
    """What one field names: the files, and what the field's URI ends in."""

    field: str
    name: str
    files: tuple[UploadFile, ...]

    @property
    def digest(self) -> str:
        """Sha256 of the paths and contents."""
        lines = (f"{file.path}\0{file.digest}\n" for file in sorted(self.files))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    def uri(self, root: str) -> str:
        """Return the URI that the field gets."""
        return f"{root.rstrip('/')}/{self.digest}/{self.name}"


class Named(NamedTuple):
    """Files that a field names: `name` is what its URI will end in, `files` are (path below the digest, place here).

    Links among the files must stay below one of `homes`.
    """

    name: str
    files: list[tuple[str, Path]]
    homes: tuple[Path, ...]


def find_uploads(run: BenchmarkRun, base: Path, scratch: Path, *, may_leave: bool = False) -> list[Upload]:
    """Return what a run file names on this machine, hashed.

    Args:
        base: where its relative paths start.
        scratch: an empty folder for what is packed; it must stay until it is sent.
        may_leave: whether links may lead out of the folders that are named and the run file's own.

    Raises:
        SpecError: something is missing, too big or a link that leads elsewhere; all such faults.
    """
    uploads: list[Upload] = []
    faults: list[Fault] = []
    for field, kinds in FIELDS.items():
        uri = value_of(run.spec, field)
        if uri is None or not is_local(uri, kinds):
            continue
        try:
            named = packed_agent(run, uri, base, scratch) if field == AGENT else find_files(field, uri, base)
            uploads.append(Upload(field, named.name, tuple(hashed(named, field, faults, may_leave=may_leave))))
        except SpecError as error:
            faults += error.faults
        except (InputError, OSError) as error:
            faults.append(Fault(where(field), shown(uri), str(error), "correct the path"))
    if faults:
        raise SpecError(faults)
    return uploads


def value_of(model: object, field: str) -> str | None:
    """Return the value of a field of FIELDS; None where what it is in is not there."""
    value: Any = model
    for name in field.split("."):
        value = None if value is None else getattr(value, name)
    return value if value is None else str(value)


def where(field: str) -> str:
    """Return a field's place in the run file."""
    return f"spec.{field.replace('tasks_from', 'tasksFrom')}"


def packed_agent(run: BenchmarkRun, uri: str, base: Path, scratch: Path) -> Named:
    """Return an agent as one archive, made of its folder; one that is an archive already stays as it is.

    Raises:
        InputError: it has files that no agent can have: all are named.
        SpecError: it does not have the run's function.
    """
    folder = local_path(uri, base)
    if not folder.is_dir():
        return find_files(AGENT, uri, base)
    files = agent_files(folder)
    check_function(hal_of(run).agent.function, files)
    name = f"{folder.resolve().name or 'agent'}.tar.gz"
    with (scratch / name).open("wb") as archive:
        pack(folder, files, archive)
    return Named(name, [(name, scratch / name)], (scratch.resolve(),))


def is_local(uri: str, kinds: UriKinds) -> bool:
    """Tell whether a URI means something on this machine only."""
    scheme = SCHEME.match(uri)
    return uri not in kinds.names and (scheme is None or scheme[1] == "file")


def find_files(field: str, uri: str, base: Path) -> Named:
    """Return the files that a field names, as its reader would take them from a folder on this machine."""
    path = Path(os.path.abspath(local_path(uri, base)))  # noqa: PTH100 # resolve() would lose the names of links
    if field == "solvers.candidates" and not path.exists():
        path = path.with_name(f"{path.name}.py")
    if not path.exists():
        raise InputError("must be there to be uploaded")
    if path.is_dir():
        name = path.name or "root"
        name = f"{name}-folder" if name.endswith(OTHER_MEANING) or archive_kind(name) else name
        files = [(f"{name}/{inside}", path / inside) for inside in folder_files(field, path)]
        if not files:
            raise InputError("must hold files that the field reads: *.json tasks, *.py, *.jsonl candidates, data")
        return Named(name, files, (path.resolve(), base.resolve()))
    name = f"{path.stem}.json" if field == "solvers.dataset" else path.name  # a bucket's dataset is told by its ending
    beside = [path.with_name(one) for one in companions(field, path.name)]
    files = [(name, path), *((one.name, one) for one in beside if one.is_file())]
    return Named(name, files, (path.resolve().parent, *(one.resolve().parent for one in beside), base.resolve()))


def folder_files(field: str, folder: Path) -> list[str]:
    """Return the paths in a folder that the field's reader would read."""
    if field == DATA:
        return agent_files(folder)
    if field == "solvers.dataset":
        return sorted(path.name for path in folder.glob("*.json") if not path.name.startswith("."))
    listing = FolderTree(folder, folder.name).listing()
    if listing.faults:
        raise InputError("; ".join(map(str, listing.faults[:3])))
    return [path for path in listing.paths if field == "solvers.candidates" or path.endswith(".py")]


def companions(field: str, name: str) -> list[str]:
    """Return the names of the files that are read with a single file, where they lie beside it."""
    match field:
        case "solvers.candidates" if name.endswith(".py"):
            return [call_of(name)]
        case "solvers.dsl" if name.endswith(".py") and name != "constants.py":
            return ["constants.py"]
        case "solvers.dataset" if "challenges" in name:
            return [name.replace("challenges", "solutions")]
        case "solvers.dataset" if "solutions" in name:
            return [name.replace("solutions", "challenges")]
    return []


def hashed(named: Named, field: str, faults: list[Fault], *, may_leave: bool) -> Iterator[UploadFile]:
    """Yield the files with their digests; what cannot be uploaded is added to `faults`."""
    if len(named.files) > MAX_FILES:
        faults.append(
            Fault(where(field), f"{len(named.files)} files", f"must be at most {MAX_FILES}", "pack them: tar")
        )
        return
    total = 0
    for path, source in named.files:
        if not may_leave and not is_below(source.resolve(), named.homes):
            rule = "links must lead to files below the folder or the run file's"
            faults.append(Fault(str(source), f"a link to {source.resolve()}", rule, "copy it, or say --follow-links"))
            continue
        try:
            file = UploadFile(path, source, *digest_of(source))
        except (OSError, InputError) as error:
            faults.append(Fault(str(source), str(error), "must be a file that can be read", "correct or remove it"))
            continue
        total += file.size_bytes
        if file.size_bytes > MAX_FILE_BYTES or total > MAX_BYTES:
            rule = f"must be at most {MAX_FILE_BYTES} bytes, {MAX_BYTES} with the others"
            remedy = f"copy it (gcloud storage cp) and name its {GCS_SCHEME} URI in the run file"
            faults.append(Fault(str(source), f"{file.size_bytes} bytes", rule, remedy))
            return
        yield file


def is_below(path: Path, homes: Sequence[Path]) -> bool:
    """Tell whether a path without links lies below one of the folders."""
    return any(path.is_relative_to(home) for home in homes)


def digest_of(path: Path) -> tuple[str, int]:
    """Return sha256 and size of a file; InputError for pipes and devices, which could block for ever."""
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 # a descriptor, not a path
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError("a pipe, device or folder")
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
            if size > MAX_FILE_BYTES:
                break
    return digest.hexdigest(), size


def with_uploads(run: BenchmarkRun, uploads: Sequence[Upload], root: str) -> BenchmarkRun:
    """Return the run with the uploads' URIs in the place of paths."""
    for upload in uploads:
        run = with_value(run, f"spec.{upload.field}", upload.uri(root))
    return run


def with_value(model: M, field: str, value: str) -> M:
    """Return a model with another value of a field, which may be that of a model within."""
    name, _, rest = field.partition(".")
    new = with_value(getattr(model, name), rest, value) if rest else value
    return model.model_copy(update={name: new})


def missing_files(upload: Upload, root: ObjectStore) -> list[UploadFile]:
    """Return the files that the store does not have yet."""
    there = frozenset(root.list(f"{upload.digest}/"))
    return [file for file in upload.files if f"{upload.digest}/{file.path}" not in there]


def send(upload: Upload, files: Sequence[UploadFile], root: ObjectStore, tell: Callable[[UploadFile], None]) -> None:
    """Write files of an upload to the store, create-only; `tell` is called after each.

    Raises:
        InputError: a file has changed since it was hashed.
        StoreError: the store refuses or cannot be reached; the same again goes on.
    """

    def put(file: UploadFile) -> UploadFile:
        data = file.source.read_bytes()
        if hashlib.sha256(data).hexdigest() != file.digest:
            raise InputError(
                f"{file.source}: got other content than a moment ago; must rest meanwhile; submit it again"
            )
        with contextlib.suppress(AlreadyExistsError):  # another submit of the same content
            root.create(f"{upload.digest}/{file.path}", data)
        return file

    for file in files:
        if file.size_bytes >= LARGE_BYTES:
            tell(put(file))
    for file in for_each(root, put, [file for file in files if file.size_bytes < LARGE_BYTES]):
        tell(file)

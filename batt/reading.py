"""Reads the candidates of a run: texts from sources.py, inspected in worker children, as entries bound to tasks."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from batt.cache import INSPECTIONS, Cache
from batt.engine.pool import Died, Engine, Item
from batt.errors import Fault, InputError
from batt.inputs.sources import Source, read_sources
from batt.store import DirectoryStore, ObjectStore, local_path

WINDOW = 512
"""Texts given to the children at once; bounds the memory that texts on their way take."""


SEGMENT_TEXTS = 10_000
"""Inspections stored at once: bounds the memory that they take until then."""


class Entry(NamedTuple):
    """One program of a text. `tasks`: those it is run on; `program`: its JSON text (program.program_to_json)."""

    number: int
    source: str
    function: str
    line: int
    program: str
    md5: str
    is_inlined: bool
    body_md5: str
    steps: int
    inline_seconds: float


class ModuleEntry(NamedTuple):
    """One batt module. `digest`: of its JSON text `module` (module.module_to_json)."""

    number: int
    source: str
    digest: str
    module: str
    steps: int
    marks: int


class Found(NamedTuple):
    """What one text gives: programs with the task each is for ("" for every task), modules, faults."""

    entries: tuple[tuple[Entry, str], ...]
    modules: tuple[ModuleEntry, ...]
    faults: tuple[Fault, ...]
    out_of_scope: int


class Survey(NamedTuple):
    """The names and digests of all texts, without the texts."""

    digests: tuple[str, ...]
    digest: str


class Candidates(NamedTuple):
    """Where the texts of a run are: `uri` as seen from `base`. known_tasks: every task id of the dataset.

    skipped: start of the names that are left out: results of runs over the folder in which they lie.
    """

    uri: str
    base: Path
    known_tasks: frozenset[str]
    skipped: str = ""

    def texts(self) -> Iterator[Source | Fault]:
        """Yield the texts."""
        for text in read_sources(self.uri, self.base, self.known_tasks):
            name = text.name if isinstance(text, Source) else text.where
            if not self.skipped or not name.startswith(self.skipped):
                yield text


def find_candidates(uri: str, base: Path, known_tasks: frozenset[str], root: ObjectStore) -> Candidates:
    """Return where the texts are; without the results folder, if that lies among them: solvers in it are not new."""
    skipped = ""
    if isinstance(root, DirectoryStore) and not re.match(r"builtin:|gs://", uri):
        folder = Path(os.path.abspath(local_path(uri, base)))  # noqa: PTH100 # links keep their names, as in sources.py
        if folder.is_dir() and root.root != folder and root.root.is_relative_to(folder):
            skipped = f"{folder.name}/{root.root.relative_to(folder).as_posix()}/"
    return Candidates(uri, base, known_tasks, skipped)


def survey_sources(candidates: Candidates) -> Survey:
    """Return the digest of every text and of all of them with their names: tells whether the inputs have changed."""
    total = hashlib.sha256()
    digests = []
    for source in candidates.texts():
        total.update(survey_line(source))
        if isinstance(source, Source):
            digests.append(source.digest)
    return Survey(tuple(digests), total.hexdigest())


def survey_line(source: Source | Fault) -> bytes:
    """Return what one text adds to the digest of all: its name, its task and its digest, or what is wrong with it."""
    told = f"fault {source}" if isinstance(source, Fault) else f"{source.name} {source.task} {source.digest}"
    return f"{told}\n".encode(errors="replace")


class Reader:
    """Reads and inspects the texts of one run.

    asked: the tasks of this run; programs for others are counted as out of scope.
    """

    def __init__(self, engine: Engine, cache: Cache | None, candidates: Candidates, asked: frozenset[str]) -> None:
        self.engine = engine
        self.cache = cache
        self.candidates = candidates
        self.asked = asked
        self.number = 0
        self.texts = 0

    def read(self, survey: Survey) -> Iterator[Found]:
        """Yield what each text gives, in the order of the sources; texts seen before are not inspected again.

        Raises:
            InputError: the texts are no longer those of the survey.
        """
        known = self.cache.lookup(INSPECTIONS, survey.digests) if self.cache else {}
        total = hashlib.sha256()
        fresh: dict[str, str] = {}
        texts = self.candidates.texts()
        while window := list(itertools.islice(texts, WINDOW)):
            found = self.inspect_all([text for text in window if isinstance(text, Source)], known, fresh)
            for text in window:
                total.update(survey_line(text))
                if isinstance(text, Fault):
                    yield Found((), (), (text,), 0)
                else:
                    self.texts += 1
                    yield self.bind(text, found[text.name])
            if self.cache and len(fresh) >= SEGMENT_TEXTS:
                self.cache.add(INSPECTIONS, fresh)
                fresh.clear()
        if self.cache:
            self.cache.add(INSPECTIONS, fresh)
        if total.hexdigest() != survey.digest:
            got = f"{self.candidates.uri!r} changed while it was read"
            raise InputError(f"candidates: {got}; must stay as it is; run the same again")

    def inspect_all(self, sources: list[Source], known: dict[str, str], fresh: dict[str, str]) -> dict[str, Any]:
        """Return the inspection of each source by name: a known one, or a child's.

        known, fresh: inspections by digest of the text, each as JSON text: as objects they take six times the memory.
        """
        found: dict[str, Any] = {}
        for source in sources:
            if source.digest in known:
                found[source.name] = json.loads(known[source.digest])
                for candidate in found[source.name]["candidates"]:
                    candidate["inline_seconds"] = 0.0  # it was inlined then, not now
            else:
                key = [source.name, source.digest]
                self.engine.submit(Item("inspect", key, (source.name, source.text, source.call_text)))
        for item, answer in self.engine.answers():
            name, digest = item.key
            if isinstance(answer, Died):
                got = f"a text that ends its reader ({answer.detail})"
                fault = Fault(name, got, "must be ordinary Python text", "remove it")
                found[name] = {"candidates": [], "module": None, "faults": [fault]}
                continue
            found[name] = answer
            if self.cache and not answer["faults"]:  # faults name their source: they are found anew
                fresh[digest] = json.dumps(answer, separators=(",", ":"))
        return found

    def bind(self, source: Source, inspection: dict[str, Any]) -> Found:
        """Return the entries of one text, numbered, each with its task."""
        faults = [Fault(*fault) for fault in inspection["faults"]]
        entries: list[tuple[Entry, str]] = []
        modules: list[ModuleEntry] = []
        out_of_scope = 0
        for one in inspection["candidates"]:
            task = claimed_task(one["task"], source.task, self.candidates.known_tasks)
            if task and task not in self.asked:
                out_of_scope += 1
                continue
            entries.append((self.entry(source.name, one), task))
        if inspection["module"] is not None:
            modules.append(self.module_entry(source.name, inspection["module"]))
        return Found(tuple(entries), tuple(modules), tuple(faults), out_of_scope)

    def entry(self, name: str, one: dict[str, Any]) -> Entry:
        """Return one inspected candidate as an entry with the next number."""
        program = json.dumps(one["program"], separators=(",", ":"))
        self.number += 1
        return Entry(
            self.number,
            name,
            one["function"],
            one["line"],
            program,
            one["md5"],
            one["inlined"],
            one["body_md5"],
            len(one["program"][0]),
            one["inline_seconds"],
        )

    def module_entry(self, name: str, module: dict[str, Any]) -> ModuleEntry:
        """Return one module as an entry with the next number."""
        text = json.dumps(module, separators=(",", ":"), sort_keys=True)
        self.number += 1
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return ModuleEntry(self.number, name, digest, text, len(module["steps"]), len(module["candidates"]))


def claimed_task(suffix: str, path_task: str | None, known_tasks: frozenset[str]) -> str:
    """Return the task a program is for, "" for any: its function's name says it, else the path or the JSON line.

    `solve_<task>` and `solve_<task>_<anything>` name a task; another suffix (`solve_v2`) says nothing, unless it looks
    like a task id, eight hex digits: then it names a task that this dataset does not have.
    """
    for name in (suffix, suffix.partition("_")[0]):
        if name in known_tasks:
            return name
    if len(suffix) >= 8 and all(digit in "0123456789abcdef" for digit in suffix[:8]) and not path_task:
        return suffix
    return path_task or ""


def require_some(found: int, faults: list[Fault], uri: str) -> None:
    """Raise InputError when nothing can be run: every fault is named, ten in full."""
    if found:
        return
    told = "\n".join(str(fault) for fault in faults[:10])
    more = f"\n... and {len(faults) - 10} more" if len(faults) > 10 else ""
    raise InputError(
        f"candidates: got {uri!r}; must hold a candidate for a task of this run; there is none\n{told}{more}"
    )

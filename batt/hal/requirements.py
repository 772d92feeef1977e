"""An agent's requirements.txt: what it asks for, in one form, and what of it cannot be had.

Files are read as pip reads them (pip.pypa.io/en/stable/reference/requirements-file-format), in narrower bounds. Where
packages come from is the platform's decision and no file's. An environment is made once, away from the agent's folder,
so that paths into that mean nothing: what lies there can be imported as it is.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from batt.errors import Fault, InputError, shown

FILE = "requirements.txt"
"""The file of HAL's contract, at the top of an agent's folder."""

FILE_BYTES = 2**20
"""Biggest file that is read: five hundred packages with hashes for every platform take about half of it."""

SHOWN_FAULTS = 20
"""Most faults that are told one by one."""

COMMENT = re.compile(r"(^|\s+)#.*$")
"""A comment: `#` at the start or after a space, so that the fragment of a URL is none."""

USER = re.compile(r"(?<=://)[^/\s'\"]*@")
"""The part of a URL that may hold a name, a password or a token."""

OPTION = re.compile(r"(?P<name>-[a-zA-Z]|--[a-z-]+(?=[=\s]|$))[=\s]*(?P<value>.*)")
"""An option at the start of a line, with its value: `-r FILE`, `-rFILE`, `--requirement FILE`, `--requirement=FILE`."""

INDEX_OPTIONS = frozenset(
    {"-i", "--index-url", "--pypi-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host"}
)
"""Options that say where packages come from."""

CHOICE = re.compile(r"--pre|--prefer-binary|--require-hashes|--(no|only)-binary[=\s]\s*\S+")
"""Options that say which of an index' files to take."""

HASH = re.compile(r"--hash[=\s]\s*(?P<digest>[a-z0-9]+:[0-9a-fA-F]+)")
"""The one option that may stand behind a requirement."""

URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
"""Start of a requirement without a name."""

PATH = re.compile(r"[./~\\]|[^@;\[\s]*[/\\]|[^@\s]+\.(whl|zip|tar|tgz|tar\.gz|tar\.bz2|tar\.xz)\s*([;\[]|$)")
"""Start of what pip takes for a path: something with a slash, or an archive's name."""

STANDARD_NAMES = frozenset(name.lower() for name in sys.stdlib_module_names)
"""Modules of the standard library, in small letters: names of distributions know no others."""


class Mode(StrEnum):
    """How an agent's requirements are taken: spec.hal.agent.requirements."""

    STRICT = "strict"
    LENIENT = "lenient"
    NONE = "none"


class Dropped(NamedTuple):
    """A line that is left out. where: its file and number."""

    where: str
    text: str
    reason: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.where}: {shown(self.text)} is left out: {self.reason}"


class Requirements(NamedTuple):
    """What an agent asks for; sorted, nothing twice, so that the same in another order is equal.

    lines: requirements. constraints: lines that choose versions of what is installed anyway.
    options: which of an index' files to take, such as `--pre`. dropped: in the order of the files.
    """

    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()


class Line(NamedTuple):
    """A line that says something: without its comment, continued ones joined. number: where it begins, from 1."""

    file: str
    number: int
    text: str

    def refused(self, rule: str, remedy: str) -> Fault:
        """Return why it cannot be taken."""
        return Fault(self.file, shown(without_users(self.text)), rule, remedy, self.number)


def requirements_of(folder: Path) -> str | None:
    """Return the text of an agent's requirements.txt; None where it has none.

    Raises:
        InputError: it is there and cannot be read.
    """
    if not (folder / FILE).exists():
        return None
    text = read_file(folder / FILE, FILE)
    if isinstance(text, Fault):
        raise InputError(str(text))
    return text


def read_requirements(text: str, mode: Mode, folder: Path) -> Requirements:
    """Return what a requirements.txt asks for.

    `strict` refuses modules of the standard library (HAL's agents list `os`, at which pip fails as a whole), `lenient`
    leaves them out, `none` asks for nothing. An editable install of a URL is a plain one: nobody edits what is packed.

    Args:
        folder: the agent's; files that the text includes lie in it.

    Raises:
        InputError: lines that cannot be taken; all of them are named.
    """
    if mode is Mode.NONE:
        return Requirements()
    reader = Reader(mode, folder)
    reader.read(text, FILE, is_constraint=False)
    if reader.faults:
        more = f"\n{len(reader.faults) - SHOWN_FAULTS} more" if len(reader.faults) > SHOWN_FAULTS else ""
        raise InputError("\n".join(map(str, reader.faults[:SHOWN_FAULTS])) + more)
    lines, constraints, options = (tuple(sorted(kept)) for kept in (reader.lines, reader.constraints, reader.options))
    return Requirements(lines, constraints, options, tuple(reader.dropped))


class Reader:
    """Gathers what the lines of a requirements.txt say, and of the files that it includes."""

    def __init__(self, mode: Mode, folder: Path) -> None:
        self.mode = mode
        self.folder = folder.resolve()
        self.lines: set[str] = set()
        self.constraints: set[str] = set()
        self.options: set[str] = set()
        self.dropped: list[Dropped] = []
        self.faults: list[Fault] = []
        self.seen: set[tuple[str, bool]] = set()

    def read(self, text: str, file: str, *, is_constraint: bool) -> None:
        """Take the lines of a file. file: its path in the folder."""
        if (file, is_constraint) in self.seen:  # files may include each other
            return
        self.seen.add((file, is_constraint))
        for line in logical_lines(text, file):
            option = OPTION.fullmatch(line.text)
            name, value = (option["name"], option["value"].strip("'\"")) if option else ("", line.text)
            match name:
                case "" | "-e" | "--editable":
                    fault = self.take(line, value, is_constraint=is_constraint)
                case "-r" | "--requirement":
                    fault = self.include(line, value, is_constraint=is_constraint)
                case "-c" | "--constraint":
                    fault = self.include(line, value, is_constraint=True)
                case _:
                    fault = self.choose(line, name)
            if fault:
                self.faults.append(fault)

    def take(self, line: Line, text: str, *, is_constraint: bool) -> Fault | None:
        """Take a requirement; return why that cannot be."""
        head, *options = re.split(r"\s+(?=--?[a-zA-Z])", text)
        hashes = [HASH.fullmatch(option) for option in options]
        if not all(hashes):
            return line.refused("must have nothing but --hash=... behind a requirement", "remove the other options")
        url: str | None = head
        if not URL.match(head):
            if PATH.match(head):
                return local(line)
            try:
                requirement = Requirement(head)
            except InvalidRequirement as error:
                told = str(error).splitlines()[0]
                return line.refused(f"must be a requirement as PEP 508 writes it ({told})", "correct or remove it")
            if requirement.url is None and is_standard(requirement):
                return self.drop(line)
            head, url = one_form(requirement), requirement.url
        if url is not None and is_local(url):
            return local(line)
        digests = sorted({found["digest"].lower() for found in hashes if found})
        kept = self.constraints if is_constraint else self.lines
        kept.add(" ".join([head, *(f"--hash={digest}" for digest in digests)]))
        return None

    def drop(self, line: Line) -> Fault | None:
        """Leave out a module of the standard library, or return that it must not be there."""
        if self.mode is Mode.STRICT:
            remedy = "remove the line, or set spec.hal.agent.requirements: lenient"
            return line.refused("must be no module of Python itself: those are there without", remedy)
        where = f"{line.file} (line {line.number})"
        self.dropped.append(Dropped(where, line.text, "it is a module of Python itself, which is there without"))
        return None

    def include(self, line: Line, value: str, *, is_constraint: bool) -> Fault | None:
        """Take the lines of another file of the folder; return why that cannot be."""
        path = (self.folder / line.file).parent.joinpath(value).resolve()
        if URL.match(value) or not path.is_relative_to(self.folder) or not path.is_file():
            return line.refused("must be a file of the agent's folder, relative to this one", "correct the path")
        file = path.relative_to(self.folder).as_posix()
        text = read_file(path, file)
        if isinstance(text, Fault):
            return text
        self.read(text, file, is_constraint=is_constraint)
        return None

    def choose(self, line: Line, name: str) -> Fault | None:
        """Take an option that is about all of an index' files; return why that cannot be."""
        if name in INDEX_OPTIONS:
            rule = "must say what is needed, not where it comes from: the platform decides that"
            return line.refused(rule, "remove the line; set PIP_INDEX_URL, PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS")
        if not CHOICE.fullmatch(line.text):
            return line.refused("must be an option that batt knows", "remove the line")
        self.options.add(re.sub(r"[=\s]\s*", "=", line.text))
        return None


def logical_lines(text: str, file: str) -> Iterator[Line]:
    """Yield the lines that say something; comments end a line that is continued, as with pip."""
    parts: list[str] = []
    begin = 1
    for number, raw in enumerate([*text.splitlines(), ""], 1):  # the last line may be one that is continued
        begin = begin if parts else number
        is_comment = raw.lstrip().startswith("#")
        goes_on = raw.endswith("\\") and not is_comment
        parts.append(raw.rstrip("\\") if goes_on else f" {raw}" if is_comment else raw)
        if not goes_on:
            said = COMMENT.sub("", "".join(parts)).strip()
            if said:
                yield Line(file, begin, said)
            parts = []


def is_standard(requirement: Requirement) -> bool:
    """Tell whether a requirement names a module of the standard library, and is meant for this Python."""
    name = requirement.name.lower().replace("-", "_")
    return name in STANDARD_NAMES and (requirement.marker is None or requirement.marker.evaluate())


def one_form(requirement: Requirement) -> str:
    """Return the text that all ways of writing a requirement have in common."""
    extras = f"[{','.join(sorted(map(canonicalize_name, requirement.extras)))}]" if requirement.extras else ""
    name = f"{canonicalize_name(requirement.name)}{extras}"
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{name} @ {requirement.url}{marker}" if requirement.url else f"{name}{requirement.specifier}{marker}"


def is_local(text: str) -> bool:
    """Tell whether what stands for a URL is a path, or leads to this machine's files."""
    scheme = urlsplit(text).scheme.lower().rpartition("+")[2]
    return scheme == "file" or not (scheme or text.startswith("${"))  # the installer puts variables in


def local(line: Line) -> Fault:
    """Return that a path cannot be installed."""
    rule = "must be a name or a URL: what is installed is made without the agent's folder"
    remedy = "remove the line if the agent can import it as it lies there, or put a wheel where PIP_FIND_LINKS looks"
    return line.refused(rule, remedy)


def without_users(text: str) -> str:
    """Return a text whose URLs have no names, passwords and tokens."""
    return USER.sub("[...]@", text)


def read_file(path: Path, where: str) -> str | Fault:
    """Return a file's text, in UTF-8 or, as PowerShell writes it, UTF-16; a Fault where it cannot be had."""
    if not path.is_file():
        return Fault(where, "no plain file", "must be one", "remove or replace it")
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
        if len(data) > FILE_BYTES:
            return Fault(where, f"more than {FILE_BYTES} bytes", "must be at most as many", "split or shorten it")
        is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if is_wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return Fault(where, shown(str(error)), "must be text in UTF-8 that can be read", "write it anew")

"""Reads YAML into plain data that remembers on which line everything stood.

Scalars follow YAML 1.2's core schema, so `on`, `0017` and `12:30` are texts, and a number that stands where
a text belongs can be had back as it was written (`texts`). What kubectl or a reader could take in two ways is
a fault: repeated keys, tags, merge keys. Size, depth and alias expansion are bounded: the file may be hostile.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from yaml.composer import Composer
from yaml.error import MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from batt.errors import Fault, SpecError, shown
from batt.fields import NULL

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a document: keys and list indexes from the root."""

MAX_BYTES = 2**20
"""Longest file that is read: about what an object in etcd may have (1.5 MiB), and far beyond any sensible run."""

TOO_LONG = Fault("file", "more", f"must be at most {MAX_BYTES} bytes", "name long lists by URI: tasksFrom")
"""What is wrong with a longer file."""

MAX_VALUES = 100_000
"""Most values in a document after aliases are expanded; a file of MAX_BYTES without aliases can hold more
only as lists of single letters, and `kubectl get -o yaml` of a run with 2,000 tasks has some 6,000."""

MAX_DEPTH = 50
"""Deepest nesting; managedFields of a real object need 10, Python's recursion limit comes at about 150."""

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})")
"""Whole numbers that every YAML reader reads alike: no leading zeros (octal to some), no underscores."""

FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
"""Numbers with a point or an exponent."""

WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Plain words with a meaning in YAML 1.2."""


class Mistake(NamedTuple):
    """A syntax error that people make: a part of PyYAML's words for it, and ours."""

    words: str
    rule: str
    remedy: str
    at_start: bool = False
    """Whether to point to where the broken part starts, rather than to where the parser gave up."""


MISTAKES = (
    Mistake(r"'\t' that cannot start any token", "must be indented with spaces", "replace the tab by spaces"),
    Mistake("cannot start any token", "must not start with this character", "put the value in quotes"),
    Mistake(
        "mapping values are not allowed here",
        "must have one `key: value` a line, indented like its neighbours",
        "fix the indentation, or quote the value if it holds `: `",
    ),
    Mistake("could not find expected ':'", "must be `key: value`", "add the colon and a space after the key", True),
    Mistake("expected <block end>", "must be indented like its neighbours", "align it with the lines above"),
    Mistake("undefined alias", "must name an anchor that stands above", "write the value out, or add &NAME above"),
    Mistake("found duplicate anchor", "must not define an anchor twice", "rename one of the anchors"),
    Mistake("unexpected end of stream", "must have a closing quote", "add the quote that is missing", True),
    Mistake("'<stream end>'", "must have a closing bracket", "add the bracket that is missing", True),
    Mistake("expected ',' or", "must have commas between entries and a closing bracket", "add what is missing", True),
)
"""The first whose words occur in an error explains it."""

UNTAGGED = {BaseResolver.DEFAULT_SCALAR_TAG, BaseResolver.DEFAULT_SEQUENCE_TAG, BaseResolver.DEFAULT_MAPPING_TAG}
"""Tags of values that carry none, and of those whose tag says no more than that."""


class Document(NamedTuple):
    """One YAML document: its data, and where that stood."""

    data: Any  # whatever the file holds: dicts, lists, scalars, NULL
    lines: dict[Path, int]
    """Line of every key and list item, from 1."""
    texts: dict[Path, str]
    """The text, as it stood, of unquoted scalars that are no texts to YAML (`1e10`)."""
    faults: tuple[Fault, ...]
    """What is wrong whatever the fields mean."""


def read_documents(text: str) -> list[Document]:
    """Return the documents of a YAML text, empty ones left out.

    Raises:
        SpecError: no YAML, or more of it than the bounds above allow.
    """
    if len(text) > MAX_BYTES:
        raise SpecError([TOO_LONG])
    try:
        reader = _Reader(text)
        return [_document(node) for node in reader.nodes()]
    except YAMLError as error:
        raise SpecError([_syntax_fault(error, text)]) from error


def written(path: Path) -> str:
    """Return the path as people write it: `spec.solvers.tasks[3]`; `document` for the root."""
    parts = ""
    for part in path:
        if isinstance(part, int):
            parts += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", part):
            parts += f".{part}"
        else:
            parts += f"[{shown(part)}]"
    return parts.removeprefix(".") or "document"


class _Reader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's steps from text to nodes, with a bound on depth and without its YAML 1.1 guesses."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.depth = 0

    def nodes(self) -> Iterator[Node]:
        """Return the root node of each document that is not empty."""
        while self.check_node():
            node = self.get_node()
            if node and not (isinstance(node, ScalarNode) and node.style is None and _plain(node.value) is NULL):
                yield node

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Return the next node; refuse nesting that would end in a RecursionError."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.get_mark()
            rule = f"must be nested at most {MAX_DEPTH} deep"
            raise SpecError([Fault(f"column {mark.column + 1}", "more", rule, "flatten it", mark.line + 1)])
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _document(root: Node) -> Document:
    builder = _Builder()
    builder.lines[()] = root.start_mark.line + 1
    data = builder.data(root, ())
    return Document(data, builder.lines, builder.texts, tuple(builder.faults))


class _Builder:
    """Turns nodes into data, one document at a time, and notes what that loses."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.texts: dict[Path, str] = {}
        self.faults: list[Fault] = []
        self.values = 0

    def data(self, node: Node, path: Path) -> Any:  # whatever the node holds
        """Return the node as data; `path` is where it stands."""
        self.values += 1
        if self.values > MAX_VALUES or len(path) > MAX_DEPTH:  # an alias inside its own anchor has no end
            rule = f"must hold at most {MAX_VALUES} values and be nested at most {MAX_DEPTH} deep, aliases expanded"
            near = tuple(itertools.takewhile(lambda part: isinstance(part, str), path))[:5]
            raise SpecError([Fault(written(near), "more", rule, "write less, or fewer aliases", self.lines[near])])
        if node.tag not in UNTAGGED:
            self.fault(path, node.tag, "must have no tag", "remove the tag, and quote the value if it is a text")
        match node:
            case MappingNode():
                return self.mapping(node, path)
            case SequenceNode():
                return [self.item(item, (*path, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self.scalar(node, path)
        raise AssertionError(node)  # there is no fourth kind

    def item(self, node: Node, path: Path) -> Any:  # whatever the node holds
        """Return a list's item as data."""
        self.lines[path] = node.start_mark.line + 1
        return self.data(node, path)

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        """Return a mapping as data; of a repeated key the first value counts."""
        fields: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                self.faults.append(Fault(written(path), "a list or block as key", "must be a word", "rename it", line))
                continue
            at = (*path, key.value)
            if key.value in fields:
                rule = f"must stand here once; it is on line {self.lines[at]} already"
                self.faults.append(Fault(written(at), "a second mention", rule, "remove one of them", line))
                continue
            self.lines[at] = line
            if key.value == "<<" and key.style is None:
                self.fault(at, "a merge key", "must be written out", "copy the fields here; aliases as values are fine")
                continue
            fields[key.value] = self.data(value, at)
        return fields

    def scalar(self, node: ScalarNode, path: Path) -> Any:  # text, number, boolean or NULL
        """Return a scalar as data, and note the text of one that is no text."""
        if node.style is not None:
            return node.value
        value = _plain(node.value)
        if value is not NULL and not isinstance(value, str):
            self.texts[path] = node.value
        return value

    def fault(self, path: Path, got: str, rule: str, remedy: str) -> None:
        """Note a fault at a path."""
        self.faults.append(Fault(written(path), got, rule, remedy, self.lines[path]))


def _plain(text: str) -> Any:  # text, number, boolean or NULL
    """Return what an unquoted scalar means in YAML 1.2."""
    if text in WORDS:
        word = WORDS[text]
        return NULL if word is None else word
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _syntax_fault(error: YAMLError, text: str) -> Fault:
    """Return a PyYAML error in our words: where, the line that stood there, the rule, the remedy."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        got = f"the character {shown(chr(error.character))}"
        return Fault("file", got, "must be printable text", "remove the character, or escape it in quotes", line)
    assert isinstance(error, MarkedYAMLError)  # PyYAML raises these two kinds only
    said = f"{error.context or ''} {error.problem or ''}".strip()
    other = Mistake("", f"must be YAML ({said})", "correct the line")
    mistake = next((mistake for mistake in MISTAKES if mistake.words in said), other)
    mark = error.context_mark if mistake.at_start and error.context_mark else error.problem_mark
    assert mark is not None  # scanner, parser and composer all say where
    lines = text.splitlines()
    got = shown(lines[mark.line]) if mark.line < len(lines) else "the end of the file"
    return Fault(f"column {mark.column + 1}", got, mistake.rule, mistake.remedy, mark.line + 1)

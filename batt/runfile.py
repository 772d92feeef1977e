"""Reads run files: YAML text -> BenchmarkRun, or every fault in it, each with its line, rule and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from batt import yamldoc
from batt.api import API_VERSION, KIND, BenchmarkRun
from batt.errors import Fault, SpecError, shown
from batt.fields import BROKEN, NULL, PATTERN_RULES, Described, Model
from batt.uris import Broken
from batt.yamldoc import MAX_BYTES, TOO_LONG, Document, written

FIELD_DOCS = "docs/reference/run-file.md"
"""Where every field is described."""


OF_KUBERNETES = {
    "valueFrom": Broken("is not a field of a run's variables", "name the whole Secret or ConfigMap in spec.envFrom"),
}
"""Fields that people know from pods, and what stands for them here."""


class Checked(NamedTuple):
    """What is to say about one run file: its runs, or its faults."""

    path: Path
    runs: tuple[BenchmarkRun, ...]
    faults: tuple[Fault, ...]


def load_run(path: Path) -> BenchmarkRun:
    """Return the one BenchmarkRun of a file.

    Raises:
        SpecError: the file cannot be read, is not exactly one run, or has faults: all of them.
    """
    documents = _read(path)
    if len(documents) > 1:
        rule = "must hold one BenchmarkRun"
        fault = Fault("file", f"{len(documents)} documents", rule, "split it, one run a file", documents[1].lines[()])
        raise SpecError([fault], str(path))
    return _runs(documents, str(path))[0]


def load_runs(text: str, source: str) -> list[BenchmarkRun]:
    """Return the BenchmarkRuns of a YAML text, one a document; `source` names it in errors.

    Raises:
        SpecError: holds every fault of every document, in the order of the text.
    """
    return _runs(_documents(text, source), source)


def check_files(paths: Iterable[Path]) -> list[Checked]:
    """Return what is in each of the files, in their order. A file may hold several runs."""
    return [_checked(path) for path in paths]


def parse_run(data: object) -> BenchmarkRun:
    """Return the run in JSON data as `to_manifest` or the Kubernetes API gives it; SpecError with every fault."""
    document = Document(data, {}, {}, ())
    return _runs([document], "")[0]


def _checked(path: Path) -> Checked:
    try:
        return Checked(path, tuple(_runs(_read(path), str(path))), ())
    except SpecError as error:
        return Checked(path, (), error.faults)


def _read(path: Path) -> list[Document]:
    """Return the documents of a file."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        fault = Fault("file", error.strerror or str(error), "must be a file that can be read", "check the path")
        raise SpecError([fault], str(path)) from error
    if len(content) > MAX_BYTES:
        raise SpecError([TOO_LONG], str(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{content[error.start]:02x}"
        fault = Fault("file", got, "must be UTF-8 text", "save it as UTF-8", line)
        raise SpecError([fault], str(path)) from error
    return _documents(text, str(path))


def _documents(text: str, source: str) -> list[Document]:
    try:
        documents = yamldoc.read_documents(text)
    except SpecError as error:
        raise SpecError(error.faults, source) from error
    if not documents:
        rule = "must hold a BenchmarkRun"
        raise SpecError([Fault("file", "nothing", rule, "start from a file in examples/", 1)], source)
    return documents


def _runs(documents: list[Document], source: str) -> list[BenchmarkRun]:
    runs: list[BenchmarkRun] = []
    faults: list[Fault] = []
    for document in documents:
        found = _run_or_faults(document)
        if isinstance(found, BenchmarkRun):
            runs.append(found)
        else:
            faults += found
    if faults:
        raise SpecError(faults, source)
    return runs


def _run_or_faults(document: Document) -> BenchmarkRun | list[Fault]:
    """Return the document's run, or its faults in the order of the lines."""
    run, errors = _validated(document)
    faults = [*document.faults, *(_fault(error, document) for error in _relevant(errors))]
    if run is None or faults:
        return sorted(faults, key=lambda fault: fault.line or 0)
    return run


def _validated(document: Document) -> tuple[BenchmarkRun | None, list[ErrorDetails]]:
    """Return the run, or pydantic's errors. A number that stands where a text belongs is the text it stood as."""
    try:
        return BenchmarkRun.model_validate(document.data, by_alias=True, by_name=False), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    texts = {
        e["loc"]: document.texts[e["loc"]] for e in errors if e["type"] == "string_type" and e["loc"] in document.texts
    }
    if not texts:
        return None, errors
    for path, text in texts.items():
        _put(document.data, path, text)
    return _validated(document)


def _put(data: Any, path: yamldoc.Path, value: object) -> None:  # YAML data: dicts and lists
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value


def _relevant(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows from another kind of object standing in the file."""
    wrong_kind = [error for error in errors if error["loc"] == ("kind",) and error["type"] == BROKEN]
    return wrong_kind or errors


def _fault(error: ErrorDetails, document: Document) -> Fault:
    """Return a pydantic error as a Fault."""
    path = error["loc"]
    rule, remedy = _rule(error)
    got = "nothing" if error["type"] == "missing" else _got(error["input"])
    line = next((document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines), None)
    return Fault(written(path), got, rule, remedy, line)


def _got(value: object) -> str:
    """Return a value as messages show it: YAML's words, and no contents of blocks."""
    match value:
        case Described():
            return str(value)
        case bool():
            return str(value).lower()
        case dict():
            return "a block of fields"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return "null" if value is NULL or value is None else shown(value)


def _rule(error: ErrorDetails) -> Broken:  # noqa: C901, PLR0912 -- one line a case: a table in the form of code
    """Return the rule that a pydantic error stands for, and what to do about it."""
    context: dict[str, Any] = error.get("ctx", {})  # pydantic: its keys depend on the type
    value = error["input"]
    none = "give it a value, or remove the line"
    match error["type"]:
        case "missing":
            return Broken("must be given", _addition(error["loc"]))
        case "extra_forbidden":
            return _unknown_field(error["loc"])
        case kind if kind == BROKEN:
            return Broken(context["rule"], context["remedy"])
        case "greater_than_equal":
            return Broken(f"must be at least {_number(context['ge'])}", "raise it")
        case "less_than_equal":
            return Broken(f"must be at most {_number(context['le'])}", "lower it")
        case "finite_number":
            return Broken("must be a finite number", "write it in digits")
        case "string_too_long":
            return Broken(f"must be at most {context['max_length']} characters", "shorten it")
        case "string_too_short":
            return Broken("must not be empty", none)
        case "too_long":
            remedy = "write the ids to a text file and name it by tasksFrom, or split the run"
            if error["loc"][-1] != "tasks":
                remedy = "remove entries; a ConfigMap named in envFrom holds any number of variables"
            return Broken(f"must have at most {context['max_length']} entries", remedy)
        case "string_pattern_mismatch":
            return PATTERN_RULES[context["pattern"]]
        case "string_type":
            return Broken("must be a text", none if value is NULL else "write one text")
        case "int_type" | "int_from_float":
            remedy = "write decimal digits, without quotes, leading zeros, units and points"
            return Broken("must be a whole number", none if value is NULL else remedy)
        case "float_type":
            return Broken("must be a number", none if value is NULL else "write digits, without quotes and units")
        case "bool_type":
            return Broken("must be true or false", none if value is NULL else "write true or false, without quotes")
        case "tuple_type" | "list_type":
            return Broken(
                "must be a list", none if value is NULL else "write [a, b], or each entry on a line after `- `"
            )
        case "model_type" | "dict_type":
            return Broken("must be a block of fields", none if value is NULL else "write its fields below it, indented")
    return Broken(error["msg"], f"see {FIELD_DOCS}")


def _number(bound: float) -> str:
    """Return a bound as people write it: 3600, not 3600.0."""
    return str(int(bound)) if bound == int(bound) else str(bound)


def _addition(path: yamldoc.Path) -> str:
    """Return the remedy for a missing field: what to add."""
    model, name = _model_at(path[:-1]), path[-1]
    described = {field.alias: field.description for field in model.model_fields.values()}[str(name)]
    match name:
        case "apiVersion":
            return f"add `apiVersion: {API_VERSION}`"
        case "kind":
            return f"add `kind: {KIND}`"
    return f"add `{name}:` there ({described})"


def _unknown_field(path: yamldoc.Path) -> Broken:
    """Return the rule for a field that is not there, with the likeliest field that is."""
    parent, name = path[:-1], str(path[-1])
    if name in OF_KUBERNETES:
        return OF_KUBERNETES[name]
    known = _names(_model_at(parent))
    rule = f"is not a field of {written(parent)}" if parent else "is not a field of a run file"
    elsewhere = [_place(at) for at, model in _models() if name in _names(model)]
    plain = {field.lower(): field for field in known}
    near = difflib.get_close_matches(name.replace("_", "").lower(), plain, n=1)
    if elsewhere:
        return Broken(rule, f"did you mean to write it under {elsewhere[0]}?")
    if near:
        return Broken(rule, f"did you mean {plain[near[0]]}?")
    return Broken(rule, f"remove it; fields here are {', '.join(known)}")


def _place(path: yamldoc.Path) -> str:
    """Return the path of a model as people write it: `spec.env[]` for the entries of a list."""
    return written(path).replace("['']", "[]")


def _names(model: type[Model]) -> list[str]:
    return [str(field.alias) for field in model.model_fields.values()]


def _model_at(path: yamldoc.Path) -> type[Model]:
    """Return the model whose fields stand under a path; of a list's entries all have the same."""
    return dict(_models())[tuple("" if isinstance(part, int) else part for part in path)]


def _models(model: type[Model] = BenchmarkRun, path: yamldoc.Path = ()) -> Iterator[tuple[yamldoc.Path, type[Model]]]:
    """Return every model of the API with the path of its fields, outermost first; "" stands for a list's entry."""
    yield path, model
    for field in model.model_fields.values():
        for inner, place in _inner_models(field.annotation):
            yield from _models(inner, (*path, str(field.alias), *place))


def _inner_models(annotation: object) -> Iterator[tuple[type[Model], tuple[str, ...]]]:
    """Return the models in a field's type: its own, that of an optional block, or that of a list's entries."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation, ()
    place = ("",) if get_origin(annotation) is tuple else ()
    for part in get_args(annotation):
        if isinstance(part, type) and issubclass(part, Model):
            yield part, place

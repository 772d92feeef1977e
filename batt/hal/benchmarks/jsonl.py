"""Questions with answers, from any file of JSON lines: spec.hal.data names it, options say how answers are compared.

    options: {scoring: numeric, tolerance: 0.01, fields: {prompt: question}, hidden: [rationale]}

    exact     the texts are equal but for space around them (ignoreCase: and for case)
    numeric   the last number of the text is the answer's (tolerance: or off by no more than that part of it)
    regex     the answer is a regular expression that matches the whole text (ignoreCase)

An answer may be a list: then any of it is accepted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batt.errors import Fault, InputError, SpecError, shown
from batt.hal.benchmarks import regex_child
from batt.hal.benchmarks.base import Evaluation, PerTask, Source, Task, answer_of, right, stop_if_asked, wrong
from batt.hal.benchmarks.jsonl_data import FIELDS, Form, is_plain, read_tasks
from batt.hal.benchmarks.numbers import is_close, number_of
from batt.hal.benchmarks.options import NAME, NAMES, TRUTH_VALUE, WHERE, Rule, number, one_of, option_faults
from batt.hal.sandbox import Sandbox

SCORINGS = ("exact", "numeric", "regex")
"""How answers can be compared."""

MATCH_CHARACTERS = 100_000
"""Longest text that is matched against a regular expression."""

MATCH_SECONDS = 5.0
"""Time for that, where `timeoutSeconds` says nothing: an unlucky expression never ends."""

FIELD_NAMES = Rule(
    lambda value: isinstance(value, dict) and value.keys() <= set(FIELDS) and all(map(NAME.is_met, value.values())),
    f"must be an object with names for some of {', '.join(FIELDS)}",
)
"""The rule of the option `fields`."""

OPTIONS = {
    "fields": FIELD_NAMES,
    "hidden": NAMES,
    "ignoreCase": TRUTH_VALUE,
    "oracle": NAME,
    "scoring": one_of(*SCORINGS),
    "timeoutSeconds": number(0.1, 3600),
    "tolerance": number(0, 1),
}
"""What can be chosen."""

SUITED = {
    "ignoreCase": ("exact", "regex"),
    "tolerance": ("numeric",),
    "oracle": ("regex",),
    "timeoutSeconds": ("regex",),
}
"""Options that only some scorings honour."""

CHILD = "regex_child.py"
"""The file in the sandbox."""


class Jsonl(PerTask):
    """Questions with answers from a file of JSON lines; scored by comparing texts or numbers."""

    name = "jsonl"
    hidden = frozenset({"answer"})

    def tasks(self, source: Source) -> list[Task]:
        """Return the lines of the file as tasks, in its order."""
        faults = option_faults(source.options, OPTIONS) or [*unsuited(source.options), *mixed(source.options)]
        if source.data is None:
            rule = "must be the URI of a .jsonl or .jsonl.gz file"
            faults.append(Fault("spec.hal.data", "nothing", rule, "say where the tasks are"))
        if faults or source.data is None:
            raise SpecError(faults)
        return read_tasks(source.data, form_of(source.options))

    def evaluate(self, task: Task, submission: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return 1 for a text, or a number, that is one of the accepted answers."""
        answer = answer_of(submission)
        if not is_plain(answer):
            return wrong("the submission is neither a text nor a number")
        text = answer if isinstance(answer, str) else json.dumps(answer)
        accepted = task.truth["answers"]
        match options.get("scoring", "exact"):
            case "numeric":
                return evaluate_number(text, accepted, float(options.get("tolerance", 0)))
            case "regex":
                return evaluate_match(text, accepted, options, sandbox)
        normal = str.casefold if options.get("ignoreCase", False) else str
        is_right = normal(text.strip()) in {normal(one.strip()) for one in accepted}
        return right() if is_right else wrong("the answer is another")

    def oracle(self, task: Task) -> str:
        """Return the first accepted answer; of a regular expression the text under the key that `oracle` names.

        Raises:
            InputError: no key is named, and the answer is a regular expression.
        """
        if not task.truth["is_pattern"]:
            return str(task.truth["answers"][0])
        if task.truth["oracle"] is None:
            remedy = f"name the key of one in {WHERE}.oracle"
            raise InputError(f"{task.id}: got a regular expression; the oracle needs a text that it accepts; {remedy}")
        return str(task.truth["oracle"])


def unsuited(options: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of options that the chosen scoring does not honour."""
    scoring = options.get("scoring", "exact")
    return [
        Fault(f"{WHERE}.{name}", shown(options[name]), f"is for scoring {' and '.join(suited)} only", "remove it")
        for name, suited in SUITED.items()
        if name in options and scoring in SCORINGS and scoring not in suited
    ]


def mixed(options: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of names that stand for two things, of which one is shown to agents and the other is not."""
    names = names_of(options)
    faults = []
    if len(set(names.values())) < len(names):
        faults.append(Fault(f"{WHERE}.fields", shown(names), "names must differ", "correct them"))
    shown_ones = [name for name in options.get("hidden", ()) if name in {names["id"], names["prompt"]}]
    if shown_ones:
        got = ", ".join(map(shown, shown_ones))
        faults.append(Fault(f"{WHERE}.hidden", got, "agents always get id and prompt", "remove it"))
    return faults


def names_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the lines call each of the fields."""
    names = {field: field for field in FIELDS}
    names.update(options.get("fields", {}))
    return names


def form_of(options: Mapping[str, Any]) -> Form:
    """Return how the lines are to be read."""
    hidden = frozenset(options.get("hidden", ()))
    return Form(names_of(options), hidden, options.get("scoring", "exact"), options.get("oracle", ""))


def evaluate_number(text: str, accepted: list[str], tolerance: float) -> Evaluation:
    """Return 1 for a text whose last number is an accepted one."""
    value = number_of(text)
    if value is None:
        return wrong("there is no number in the answer")
    expected = [one for one in map(number_of, accepted) if one is not None]
    is_right = any(is_close(value, one, tolerance) for one in expected)
    return right() if is_right else wrong("the answer is another number")


def evaluate_match(text: str, patterns: list[str], options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
    """Return 1 for a text that a pattern matches; where matching does not end, none does."""
    text = text.strip()
    if len(text) > MATCH_CHARACTERS:
        return wrong(f"the answer has more than {MATCH_CHARACTERS} characters")
    asked = {"patterns": patterns, "text": text, "ignore_case": options.get("ignoreCase", False)}
    files = {CHILD: Path(regex_child.__file__).read_text(encoding="utf-8")}
    seconds = float(options.get("timeoutSeconds", MATCH_SECONDS))
    finished = sandbox.run(files, [CHILD], json.dumps(asked).encode(), seconds)
    stop_if_asked(sandbox)
    if not finished.end.is_success:
        return wrong(f"matching the answer {finished.end}")
    return right() if finished.output.strip() == b"true" else wrong("the answer does not match")

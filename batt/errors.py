"""Every error batt raises on purpose, and the exit codes a worker ends with.

BattError
├── SpecError        the run file or a flag is wrong; carries every fault found
├── InputError       tasks, candidates or a DSL that cannot be read or used
├── StoreError       the store refused or cannot be reached
│   ├── AccessError          no credentials, or no permission
│   ├── NoBucketError        there is no bucket of that name
│   ├── AlreadyExistsError   a create-only write found the object there
│   └── NotFoundError        the object asked for is not there
└── RunError         a stage could not end as it should (a shard gave up, results are missing)
"""

from __future__ import annotations

from typing import NamedTuple

SHOWN_CHARACTERS = 200
"""Longest part of a value that a message shows; the rest is cut (CONVENTIONS.md)."""


FORM_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What Python raises where a stored value has another form than its reader expects."""


class Fault(NamedTuple):
    """One thing wrong with an input: where it stands, what stood there, the rule, the remedy."""

    where: str
    got: str
    rule: str
    remedy: str
    line: int | None = None

    def __str__(self) -> str:
        """Render as `place (line n): got value; rule; remedy`."""
        line = "" if self.line is None else f" (line {self.line})"
        return f"{self.where}{line}: got {self.got}; {self.rule}; {self.remedy}"


def shown(value: object) -> str:
    """Return `repr(value)`, cut to SHOWN_CHARACTERS so that a message stays readable."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


class BattError(Exception):
    """Base of all errors that batt raises on purpose; its text is for the user."""

    exit_code = 70


class SpecError(BattError):
    """A run file or a flag is wrong. `faults` holds every fault found, in file order."""

    exit_code = 64

    def __init__(self, faults: tuple[Fault, ...] | list[Fault], source: str = "") -> None:
        self.faults = tuple(faults)
        self.source = source
        prefix = f"{source}: " if source else ""
        super().__init__("\n".join(f"{prefix}{fault}" for fault in self.faults))


class InputError(BattError):
    """Tasks, candidates or a DSL cannot be read or used; the message names file, value, rule and remedy."""

    exit_code = 65


class StoreError(BattError):
    """The store refused an operation or cannot be reached; the message names the URI."""

    exit_code = 74


class AccessError(StoreError):
    """The store wants credentials or a permission that this process does not have."""

    exit_code = 77


class NoBucketError(StoreError):
    """There is no bucket of that name: no object of it can be, and none can be made."""

    exit_code = 78


class AlreadyExistsError(StoreError):
    """A create-only write found an object of that name: the first writer won."""


class NotFoundError(StoreError):
    """The store has no object of that name; the store itself answered."""


class RunError(BattError):
    """A stage could not end as it should; what is stored stays, the same command resumes."""

    exit_code = 1

"""How the rows of the DSL's tables are written down: calls, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """One call of a primitive and what comes of it."""

    arguments: tuple[Any, ...]
    """The primitive's arguments."""
    calls: tuple[tuple[Any, ...], ...]
    """Arguments of further calls: of the result, then of what that returns."""
    expected: Any
    """The result: equal, and of the same type."""
    error: type[BaseException] | None
    """What is raised instead of a result."""
    error_at_call: bool
    """Whether the error comes from the further calls, not from the primitive itself."""

    def outcome(self, primitive: Callable[..., Any]) -> Any:
        """Return the primitive's result after the further calls."""
        result = primitive(*self.arguments)
        for arguments in self.calls:
            result = result(*arguments)
        return result


class _Given:
    """The arguments of a case whose outcome is not said yet."""

    def __init__(self, arguments: tuple[Any, ...], calls: tuple[tuple[Any, ...], ...] = ()) -> None:
        self._arguments = arguments
        self._calls = calls

    def then(self, *arguments: Any) -> _Given:
        """Call the result with these arguments."""
        return _Given(self._arguments, (*self._calls, arguments))

    def gives(self, expected: Any) -> Case:
        """Say the result."""
        return Case(self._arguments, self._calls, expected, None, error_at_call=False)

    def fails(self, error: type[BaseException]) -> Case:
        """Say the error; with `then` it must come from the last call, not earlier."""
        return Case(self._arguments, self._calls, None, error, error_at_call=bool(self._calls))


def of(*arguments: Any) -> _Given:
    """Begin a case: the primitive's arguments."""
    return _Given(arguments)


def sets(*items: Any) -> frozenset[Any]:
    """Return a frozenset of the items."""
    return frozenset(items)


def cells(colour: int, *locations: tuple[int, int]) -> frozenset[Any]:
    """Return an object of one colour."""
    return frozenset((colour, location) for location in locations)


EMPTY: frozenset[Any] = frozenset()
"""The empty set, object, or indices."""


def stop(*_: Any) -> Any:
    """Raise StopIteration, as `first` of an empty container does inside a callback."""
    raise StopIteration

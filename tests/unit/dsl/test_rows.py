"""Every row of the DSL's tables: its signature, its values, its edge cases, its errors."""

from __future__ import annotations

import inspect
import typing
from collections import Counter
from types import FunctionType
from typing import Any

import pytest

import batt.dsl
from batt.dsl import constants, types
from tests.unit.dsl import rows_arithmetic, rows_containers, rows_grids, rows_measures, rows_patches
from tests.unit.dsl.rows import Case
from tests.unit.dsl.table import CONSTANTS, PRIMITIVES

ROWS: dict[str, list[Case]] = {
    **rows_arithmetic.ROWS,
    **rows_containers.ROWS,
    **rows_measures.ROWS,
    **rows_patches.ROWS,
    **rows_grids.ROWS,
}
"""All cases, by primitive."""


def primitives() -> dict[str, Any]:
    """Return the package's functions by name."""
    return {name: getattr(batt.dsl, name) for name in batt.dsl.__all__ if callable(getattr(batt.dsl, name))}


def test_package_exports_the_tables_names_and_no_others() -> None:
    expected = {*CONSTANTS, *PRIMITIVES}

    assert expected == set(batt.dsl.__all__)
    assert len(expected) == len(batt.dsl.__all__)
    assert len(PRIMITIVES) == 160
    assert len(CONSTANTS) == 28


def test_every_row_has_cases() -> None:
    assert set(PRIMITIVES) == set(ROWS)
    assert all(len(cases) >= 2 for cases in ROWS.values())


@pytest.mark.parametrize("name", CONSTANTS)
def test_constant(name: str) -> None:
    actual = getattr(batt.dsl, name)

    assert CONSTANTS[name] == actual
    assert type(CONSTANTS[name]) is type(actual)
    assert actual is getattr(constants, name)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_signature(name: str) -> None:
    parameters, returned = PRIMITIVES[name]
    function = getattr(batt.dsl, name)

    hints = typing.get_type_hints(function)

    assert type(function) is FunctionType
    assert list(parameters) == list(inspect.signature(function).parameters)
    assert {key: getattr(types, alias, Any) for key, alias in parameters.items()} == {
        key: hints[key] for key in parameters
    }
    assert getattr(types, returned, Any) == hints["return"]
    assert (function.__doc__ or "").startswith("Return ")


def test_arities_are_those_that_binding_relies_on() -> None:
    arities = Counter(function.__code__.co_argcount for function in primitives().values())

    assert arities == {1: 79, 2: 66, 3: 14, 4: 1}


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    primitive = getattr(batt.dsl, name)
    for case in ROWS[name]:
        if case.error is not None:
            if case.error_at_call:
                primitive(*case.arguments)
            with pytest.raises(BaseException) as caught:  # noqa: PT011 - the exact type is asserted below
                case.outcome(primitive)
            assert case.error is caught.type, f"{name}{case.arguments!r}"
            continue

        actual = case.outcome(primitive)

        assert case.expected == actual, f"{name}{case.arguments!r}"
        assert type(case.expected) is type(actual), f"{name}{case.arguments!r}"

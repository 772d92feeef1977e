"""HTML as text: elements made of attributes and children; a text is escaped unless it is markup already."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias


class Markup(NamedTuple):
    """Text that is HTML: made by this module, or a file of this package."""

    text: str


Child: TypeAlias = Markup | str
"""What stands in an element: markup as it is, any other text escaped."""

Attributes: TypeAlias = Mapping[str, str | int | float]
"""Attributes of an element, by name."""

VOID = frozenset({"meta", "link", "rect", "input"})
"""Elements without children: those of HTML have no end tag, those of SVG may end at once."""


def element(name: str, attributes: Attributes | None = None, *children: Child) -> Markup:
    """Return an element; an attribute with an empty value stands by its name."""
    told = "".join(attribute(key, value) for key, value in (attributes or {}).items())
    if name in VOID:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(children).text}</{name}>")


def attribute(name: str, value: str | float) -> str:
    """Return an attribute, with a space before it."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f' {name}="{html.escape(text)}"' if text else f" {name}"


def joined(children: Iterable[Child]) -> Markup:
    """Return children one after another."""
    return Markup("".join(child.text if isinstance(child, Markup) else html.escape(child) for child in children))

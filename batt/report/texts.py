"""Texts for a page: what strangers wrote made harmless to read, and numbers as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

NAME_CHARACTERS = 200
"""Longest name or message that a page shows in a line; the rest is cut (CONVENTIONS.md, errors and logs)."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What colours a terminal: it says nothing on a page."""

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""Characters that cannot be seen, turn the reading direction, or are no Unicode: they are written as escapes."""


def line_of(text: str, most: int = NAME_CHARACTERS) -> str:
    """Return a text as one line, cut where it is long."""
    if len(text) <= most and text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
        return text  # as nearly all are
    flat = " ".join(visible(text[: 4 * most]).split())
    is_whole = len(flat) <= most and not text[4 * most :].strip()
    return flat if is_whole else f"{flat[:most]}..."


def log_of(data: bytes, most: int) -> str:
    """Return the last `most` bytes of a log as lines; the first line is whole, and says so if others came before."""
    text = visible(ANSI.sub("", data[-most:].decode("utf-8", "replace").replace("\r\n", "\n")))
    if len(data) <= most:
        return text
    return f"[... {len(data) - most:,} bytes before ...]\n{text.partition(chr(10))[2] or text}"


def visible(text: str) -> str:
    """Return a text in which every character can be seen, but for spaces, tabs and line ends."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def number_of(number: float, one: str, many: str = "") -> str:
    """Return how many there are, with the word for it."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 60:
        return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{minutes // 60:,} h {minutes % 60:02d} min"


def percent(part: float, whole: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def utc(seconds: float) -> str:
    """Return a time since the epoch as date and time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def words_of(name: str) -> str:
    """Return the words of a name such as out_of_memory."""
    return name.replace("_", " ")

"""What each child is at work on, in memory that it shares with its worker: it can be read when the child is dead."""

from __future__ import annotations

import mmap
from typing import NamedTuple

WORDS = 8
"""Words of 8 bytes a child: a cache line of its own, so that neighbours do not slow each other down."""


class Standing(NamedTuple):
    """The item that a child took up last (0: none yet), and the pair or step of it; None between them."""

    item: int
    position: int | None


class Marker:
    """The place of one child's standing; each write is one word, so that no kill can leave half of it."""

    def __init__(self, words: memoryview, slot: int) -> None:
        self.words = words
        self.item_place = slot * WORDS
        self.position_place = slot * WORDS + 1

    def begin(self, item: int) -> None:
        """Note the item that is taken up now. It stays until the next one: its answer may not have been sent."""
        self.words[self.position_place] = 0
        self.words[self.item_place] = item

    def note(self, position: int) -> None:
        """Note the pair or step that is evaluated now; -1 for none."""
        self.words[self.position_place] = position + 1

    def standing(self) -> Standing:
        """Return what was noted last."""
        position = self.words[self.position_place]
        return Standing(self.words[self.item_place], position - 1 if position else None)


def shared_markers(size: int) -> list[Marker]:
    """Return the markers of `size` children; processes forked from now on share them."""
    words = memoryview(mmap.mmap(-1, size * WORDS * 8)).cast("Q")
    return [Marker(words, slot) for slot in range(size)]

"""phase1_filter: which candidates of a task are kept. Decided by (score, order, md5), never by time or hash seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Contender(NamedTuple):
    """A candidate that asks to be kept. `order`: its place in the inputs (a module's step number)."""

    score: int
    order: tuple[int, ...]
    body_md5: str
    md5: str


class Held(NamedTuple):
    """A file that solver_dir holds for a task already."""

    score: int
    md5: str


class Selection(NamedTuple):
    """Who is kept, best first; who is unique; which held files make room."""

    kept: tuple[Contender, ...]
    unique: tuple[Contender, ...]
    evicted: tuple[Held, ...]


def select(contenders: Iterable[Contender], held: Sequence[Held], keep: int) -> Selection:
    """Return the best `keep` of the candidates with different bodies.

    Of equal bodies the first one stands for all. When the task already holds more than `keep` files, candidates below
    the worst held score are left out, and every new file takes the place of the worst held one (lowest score, then
    highest md5).
    """
    unique = unique_bodies(contenders)
    best = sorted(unique, key=lambda one: (-one.score, one.order, one.md5))
    if len(held) <= keep:
        return Selection(tuple(best[:keep]), unique, ())
    floor = min(one.score for one in held)
    kept = tuple([one for one in best if one.score >= floor][:keep])
    held_names = {one.md5 for one in held}
    new = len({one.md5 for one in kept} - held_names)
    kept_names = {one.md5 for one in kept}
    worst_first = sorted(held, key=lambda one: one.md5, reverse=True)
    worst_first.sort(key=lambda one: one.score)
    evicted = [one for one in worst_first if one.md5 not in kept_names][:new]
    return Selection(kept, unique, tuple(evicted))


def unique_bodies(contenders: Iterable[Contender]) -> tuple[Contender, ...]:
    """Return one contender a body: the best, and of equally good ones the first."""
    first: dict[str, Contender] = {}
    for one in contenders:
        other = first.get(one.body_md5)
        if other is None or (-one.score, one.order, one.md5) < (-other.score, other.order, other.md5):
            first[one.body_md5] = one
    return tuple(sorted(first.values(), key=lambda one: one.order))

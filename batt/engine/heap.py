"""How seldom Python looks for cyclic garbage: DSL values, rows and texts hold no cycles, looking is a waste."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 50)
"""For gc.set_threshold. Python's own, 700 allocations, cost a fifth of evaluation time and a tenth of start-up; a DSL
that does make cycles still has them collected, at most a few MB later."""


def relax_collector() -> None:
    """Make this process, and those it forks, look for cyclic garbage seldom, and never in what is there now.

    Looking marks every object, so a forked process would copy all memory it shares, and take 40 ms to do it.
    """
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()

"""Words of batt's own that dashboards and alerts count by: which states go on, which endings are no failures."""

from __future__ import annotations

from collections.abc import Mapping

from batt.status import Phase, Reason
from dashboards.promql import one_of

STATES: Mapping[str, tuple[Phase, ...]] = {
    "pending": (Phase.PENDING, Phase.PLANNING),
    "running": (Phase.RUNNING, Phase.EVALUATING, Phase.COLLECTING),
    "suspended": (Phase.SUSPENDED,),
    "complete": (Phase.COMPLETE,),
    "failed": (Phase.FAILED,),
    "cancelled": (Phase.CANCELLED,),
}
"""Where runs stand, in the order in which they get there."""

AT_WORK = one_of(Phase.PLANNING, *STATES["running"])
"""States in which pods of a run should be at work."""

NO_FAILURE = one_of(Reason.ALL_SHARDS_DONE, Reason.COMPLETED_WITH_FAILURES, Reason.CANCELLED)
"""Reasons for which attempts end well, or as somebody has asked for."""

RUN = ("cluster", "run_namespace", "run")
"""Labels that name one run."""

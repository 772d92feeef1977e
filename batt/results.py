"""The results of a run, as users and tools read them: out/<attempt>/results.json.

Two runs with equal inputs have equal results but for TIMING_FIELDS, whatever their processes, shards or kills were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from batt.solver.verdicts import Verdict

TIMING_FIELDS = frozenset({"check_time", "t_log", "link", "differ_links", "is_near_timeout", "phases", "run", "cached"})
"""Fields that depend on how long things took, on the run's uid, or on what earlier runs had found out.

Everything else of two equal runs is equal. The results name these fields, as `timing_fields`.
"""

HOW_FIELDS = frozenset({"shards", "cache"})
"""Fields of spec.solvers that say how a run is done, not what it finds out: results do not hold them."""


class Totals(NamedTuple):
    """What became of everything that was read; verdicts sum up to candidates.

    outputs: candidates as the original counts them, (step, flag, solver id, value) of modules, one for a plain solver.
    unique: different bodies, per task. kept: those that are the best of their task.
    """

    candidates: int
    verdicts: dict[Verdict, int]
    outputs: int
    unique: int
    kept: int
    duplicates: int
    cached: int
    refused: int
    out_of_scope: int
    missing: int


class Score(NamedTuple):
    """solved: tasks with at least one candidate that is right on every pair; tasks: all tasks of the run."""

    solved: int
    tasks: int


class Usage(NamedTuple):
    """Seconds that pods worked. wasted_seconds: the part of those pods that made no result of a shard.

    Both are upper bounds where pods were killed; and what a stopped pod has stored is used by the next, though it
    counts as wasted.
    """

    pod_seconds: float
    wasted_seconds: float


class Charge(NamedTuple):
    """What pods cost, by a price that was looked up on a day. wasted: the part of pods that made no result."""

    actual: float
    wasted: float
    currency: str
    dated: str


class Added(NamedTuple):
    """What an attempt of the operator's has added to what earlier ones have found: of the first attempt, all.

    Sums over a run's attempts, metrics of all things, add these up and nothing else. outcomes: candidates by verdict
    or tasks by outcome. phases: in the form of timing.stats_to_json. seconds: of pods; gpu: of those that want one.
    """

    outcomes: dict[str, int]
    phases: dict[str, list[Any]]
    seconds: Usage = Usage(0.0, 0.0)
    gpu: Usage = Usage(0.0, 0.0)


class Summary(NamedTuple):
    """What collect says of a run."""

    folder: str
    path: str
    attempt: int
    score: Score
    totals: Totals
    phases: dict[str, list[Any]]  # timing.stats_to_json's form
    filtered: tuple[tuple[str, int, int], ...]
    missing_shards: tuple[int, ...]
    pod_seconds: float = 0.0  # see Usage; without pods, and in older summaries, none
    wasted_seconds: float = 0.0
    added: Added = Added({}, {})
    charge: Charge | None = None  # where the pools have prices

    @property
    def is_complete(self) -> bool:
        """Tell whether every shard has a result."""
        return not self.missing_shards


def summary_to_json(summary: Summary) -> dict[str, Any]:
    """Return the form in which a summary is stored."""
    score, totals, added = summary.score._asdict(), summary.totals._asdict(), summary.added._asdict()
    return summary._asdict() | {"score": score, "totals": totals, "added": added}


def summary_from_json(value: dict[str, Any]) -> Summary:
    """Return the summary of `summary_to_json`'s form, after a trip through JSON."""
    totals = {**value["totals"], "verdicts": {Verdict(name): n for name, n in value["totals"]["verdicts"].items()}}
    filtered = tuple((task, unique, outputs) for task, unique, outputs in value["filtered"])
    return Summary(
        **{
            **value,
            "score": Score(**value["score"]),
            "totals": Totals(**totals),
            "filtered": filtered,
            "missing_shards": tuple(value["missing_shards"]),
            "added": added_from_json(value.get("added")),
            "charge": charge_from_json(value.get("charge")),
        }
    )


def charge_from_json(value: Sequence[Any] | None) -> Charge | None:
    """Return the charge that a stored summary has; None where it has none."""
    return None if value is None else Charge(*value)


def added_from_json(value: Mapping[str, Any] | None) -> Added:
    """Return what a stored summary says that its attempt has added; nothing where it is older than that field."""
    if value is None:
        return Added({}, {})
    return Added(value["outcomes"], value["phases"], Usage(*value["seconds"]), Usage(*value["gpu"]))


def without_timing(value: Any) -> Any:  # JSON data
    """Return results without the fields that may differ between equal runs: what is left must be equal."""
    if isinstance(value, dict):
        return {key: without_timing(item) for key, item in value.items() if key not in TIMING_FIELDS}
    if isinstance(value, list):
        return [without_timing(item) for item in value]
    return value


def json_text(value: object) -> str:
    """Return a value as compact JSON with sorted keys: equal values give equal texts."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)


def results_text(value: Mapping[str, object], tasks: Sequence[str]) -> str:
    """Return results.json: a value's fields and, as `tasks`, texts that are JSON already."""
    fields = {key: json_text(field) for key, field in value.items()}
    fields["tasks"] = f"[{','.join(tasks)}]"
    return "{" + ",".join(f"{json_text(key)}:{text}" for key, text in sorted(fields.items())) + "}\n"

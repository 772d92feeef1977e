"""What a user sees of a HAL run: how good the agent was, by HAL's formula and ours, what was lost, where files are."""

from __future__ import annotations

import json
from typing import Any

from batt.hal.collect import HalSummary
from batt.names import report_path
from batt.timing import stats_from_json, timing_summary


def print_hal_summary(summary: HalSummary, results: str, *, is_timed: bool, is_json: bool) -> None:
    """Print a HAL run's summary, as text or as one line of JSON. results: where they lie, as its user finds it."""
    if is_json:
        print(json.dumps(hal_summary_json(summary, results)), flush=True)
        return
    report = f"{results}/{summary.folder}/{report_path(summary.attempt)}"
    for line in [*hal_summary_lines(summary), f"results     {results}/{summary.path}", f"report      {report}"]:
        print(line)
    for place in hal_places(summary):
        print(f"hal         {results}/{place}")
    if is_timed:
        print()
        print(timing_summary(stats_from_json(summary.phases)))


def hal_summary_json(summary: HalSummary, results: str) -> dict[str, Any]:
    """Return the summary for machines."""
    return {
        "event": "summary",
        "complete": summary.is_complete,
        "benchmark": summary.benchmark,
        "accuracy": summary.accuracy,
        "outcomes": summary.outcomes,
        "missing_shards": list(summary.missing_shards),
        "cost": summary.cost,
        "phases": summary.phases,
        "results": f"{results}/{summary.path}",
        "report": f"{results}/{summary.folder}/{report_path(summary.attempt)}",
        "hal": [f"{results}/{run_id}" for run_id in hal_places(summary)],
        "attempt": summary.attempt,
    }


def hal_places(summary: HalSummary) -> list[str]:
    """Return where HAL's files lie under the results, as `<benchmark>/<run id>`."""
    return ["/".join(folder.split("/")[-2:]) for folder in summary.files]


def hal_summary_lines(summary: HalSummary) -> list[str]:
    """Return the summary for people, without the places of files."""
    accuracy = summary.accuracy
    lines = []
    for number, one in enumerate(accuracy["repeats"], 1):
        name = f"repeat {number}" if len(accuracy["repeats"]) > 1 else "accuracy"
        lines.append(
            f"{name:11s} {one['right']} of {one['scored']} scored tasks right ({percent(one['accuracy_scored'])})"
        )
        whole = f"of all {one['tasks']}: {percent(one['accuracy_all'])}"
        lines.append(f"            HAL's accuracy {number_text(one['accuracy_hal'])}; {whole}")
    if len(accuracy["repeats"]) > 1:
        mean = accuracy["accuracy_scored"]
        if mean:
            lines.append(f"mean        {percent(mean['mean'])}, deviation {percent(mean['deviation'])}")
        chances = ", ".join(f"pass@{k} {percent(chance)}" for k, chance in accuracy["pass_at"].items())
        lines.append(f"            {chances or 'no task was scored in every repeat'}")
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in summary.outcomes.items())
    lines.append(f"tasks       {outcomes or 'none has a result'}")
    if not summary.is_complete:
        lines.append(f"MISSING     {len(summary.missing_shards)} tasks have no result; run the same again")
    lines.append(f"cost        {cost_words(summary.cost)}")
    return lines


def cost_words(cost: dict[str, Any]) -> str:
    """Return what the agents' models have cost, in words."""
    if cost["total"] is not None:
        return f"{cost['total']:.4f} USD, as the agents say"
    if cost["known"]:
        return f"unknown; {cost['known_dollars']:.4f} USD for the {cost['known']} of {cost['tasks']} tasks that say it"
    return "unknown: no agent has told any"


def percent(share: float | None) -> str:
    """Return a share as a percentage with one decimal."""
    return "-" if share is None else f"{100 * share:.1f} %"


def number_text(value: float | None) -> str:
    """Return a number as HAL writes it."""
    return "-" if value is None else f"{value:.4g}"

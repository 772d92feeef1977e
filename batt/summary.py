"""What a user sees of a run: what its plan has refused; score, counts that add up, timing, and where the files are."""

from __future__ import annotations

import json
from typing import Any

from batt.errors import Fault
from batt.manifest import Manifest
from batt.names import SOLVER_DIR, SOLVER_MD5, report_path
from batt.report.texts import visible
from batt.results import Summary
from batt.store import ObjectStore, read_json
from batt.timing import VALIDATE, PhaseStats, stats_from_json, timing_summary

SHOWN_TASKS = 20
"""Most tasks whose filter line is printed one by one; beyond that their sum says enough."""


SHOWN_REFUSALS = 10
"""Most refusals that are told while a run goes on; its results hold all of them."""


def print_summary(summary: Summary, results: str, *, is_timed: bool, is_json: bool) -> None:
    """Print a run's summary, as text or as one line of JSON."""
    if is_json:
        print(json.dumps(summary_json(summary, results)), flush=True)
        return
    for line in summary_lines(summary, results):
        print(line)
    if is_timed:
        print()
        print(timing_summary(stats_from_json(summary.phases)))


def summary_json(summary: Summary, results: str) -> dict[str, Any]:
    """Return the summary for machines."""
    return {
        "event": "summary",
        "complete": summary.is_complete,
        "score": summary.score._asdict(),
        "totals": summary.totals._asdict(),
        "missing_shards": list(summary.missing_shards),
        "phases": summary.phases,
        "results": f"{results}/{summary.path}",
        "report": f"{results}/{summary.folder}/{report_path(summary.attempt)}",
        "attempt": summary.attempt,
    }


def summary_lines(summary: Summary, results: str) -> list[str]:
    """Return the summary for people."""
    totals, score = summary.totals, summary.score
    lines = []
    if len(summary.filtered) <= SHOWN_TASKS:
        for task, filtered, outputs in summary.filtered:
            lines.append(f"{task}")
            lines.append(f"-- Filtered to {filtered} unique candidates (from {outputs})")
    else:
        filtered = sum(filtered for _, filtered, _ in summary.filtered)
        lines.append(f"-- Filtered to {filtered} unique candidates (from {totals.outputs})")
    seconds = stats_from_json(summary.phases).get(VALIDATE, PhaseStats()).total
    lines.append(f"-- Phase 3a: Validated {totals.unique} solvers in {seconds:.3f}s (parallelized)")
    lines.append("")
    lines.append(f"score       {score.solved} of {score.tasks} tasks solved ({percent(score.solved, score.tasks)})")
    verdicts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in totals.verdicts.items())
    lines.append(f"candidates  {totals.candidates} = {verdicts or 'none'}")
    lines.append(
        f"            {totals.unique} unique, {totals.kept} kept, {totals.duplicates} duplicate, {totals.cached} cached"
    )
    if totals.refused or totals.out_of_scope:
        lines.append(f"not run     {totals.refused} refused, {totals.out_of_scope} for other tasks")
    if not summary.is_complete:
        lines.append(
            f"MISSING     {totals.missing} candidates of {len(summary.missing_shards)} shards; run the same again"
        )
    lines.append(f"results     {results}/{summary.path}")
    lines.append(f"report      {results}/{summary.folder}/{report_path(summary.attempt)}")
    lines.append(f"solvers     {results}/{SOLVER_MD5}, {results}/{SOLVER_DIR}")
    return lines


def refusals(manifest: Manifest, root: ObjectStore) -> list[str]:
    """Return a line for each of the first tasks and constructs that were refused, and how many more there are."""
    refused = read_json(root, f"{manifest.ref.folder}/{manifest.inputs.refused}")
    faults = [*manifest.refused_tasks, *(str(Fault(*fault)) for fault in refused)]
    lines = [f"refused: {visible(fault)}" for fault in faults[:SHOWN_REFUSALS]]  # names of files may command terminals
    more = len(faults) - len(lines)
    return [*lines, f"refused: {more} more; results.json names them all"] if more else lines


def percent(part: int, whole: int) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "-"

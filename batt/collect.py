"""collect(manifest) -> Summary: merges the shards' results, keeps the best of each task, writes trees and results."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from batt.attempts import (
    PodTimes,
    base_summary,
    counts_since,
    phases_with,
    read_notes,
    read_sessions,
    usage,
    usage_since,
)
from batt.costs import UNPRICED, Prices, charge_of
from batt.errors import AlreadyExistsError
from batt.manifest import Manifest
from batt.names import DIFFER_DIR, SOLVER_DIR, results_path, summary_path
from batt.report.model import Report
from batt.report.solvers import SolverDigest, solver_report
from batt.report.storing import store_report
from batt.report.timeline import Effort
from batt.results import (
    HOW_FIELDS,
    TIMING_FIELDS,
    Added,
    Score,
    Summary,
    Totals,
    Usage,
    json_text,
    results_text,
    summary_from_json,
    summary_to_json,
)
from batt.rows import Row, RowReader
from batt.solver.module import solver_program
from batt.solver.selection import Contender, select, unique_bodies
from batt.solver.texts import DIFFER_HEADER, expanded_text
from batt.solver.verdicts import ENDING, PairVerdict, Verdict, time_class
from batt.state import claim_summary, last_attempt
from batt.store import ObjectStore, read_json
from batt.timing import (
    DIFFERS,
    EXPAND,
    FILE_OPS,
    FILTER,
    MAIN,
    VALIDATE,
    PhaseClock,
    PhaseStats,
    covered_seconds,
    stats_from_json,
    stats_to_json,
)
from batt.tree import Link, TextWriter, differ_file, differ_links, set_links, solver_file, solver_link


def collect(
    manifest: Manifest,
    root: ObjectStore,
    attempt: int = 1,
    began: float | None = None,
    prices: Prices = UNPRICED,
) -> Summary:
    """Merge what the shards have found and write the results; what is missing is counted, not invented.

    The same again says the same: results of an attempt are written once. A run that had results, and some of whose
    shards were done since, writes the next attempt's.

    Args:
        attempt: the first number that the results may have.
        began: since when the whole takes, seconds since the epoch; None where nobody has noted it.
        prices: of the pools, for what the pods cost.
    """
    collector = Collector(manifest, root)
    return collector.collect(attempt, began, prices)


class TaskResult(NamedTuple):
    """What results say of a task, as JSON text, and the numbers in it that totals need."""

    task: str
    text: str
    verdicts: Counter[Verdict]
    outputs: int
    unique: int
    filtered: int
    kept: int
    cached: int

    @property
    def is_solved(self) -> bool:
        """Tell whether a candidate is right on every pair."""
        return Verdict.CORRECT in self.verdicts


class Collector:
    """Collects one run, task by task: of each only the text that results hold is kept in memory."""

    def __init__(self, manifest: Manifest, root: ObjectStore) -> None:
        self.manifest = manifest
        self.root = root
        self.keep = int(manifest.spec["solvers"]["keep"])
        self.reader = RowReader(manifest, root)
        self.stored = self.reader.stored
        self.clock = PhaseClock()  # of collecting alone; the reader's is of what shards and candidates took
        self.writer = TextWriter(root)
        self.trains = {task.id: task.trains for task in manifest.tasks}
        self.digest = SolverDigest()

    def collect(self, attempt: int, began: float | None, prices: Prices) -> Summary:
        """Do it; see `collect`."""
        results = [self.task_result(task, self.reader.rows_of(task)) for task in self.trains]
        with self.clock.phase(FILE_OPS):
            self.writer.finish()
        refused = read_json(self.root, f"{self.manifest.ref.folder}/{self.manifest.inputs.refused}")
        totals = self.totals(results, len(refused))
        score = Score(sum(one.is_solved for one in results), len(results))
        done = {index for index, _ in self.stored.writers}
        missing = tuple(index for index in range(len(self.manifest.shards)) if index not in done)
        value = {
            "schema": 1,
            "run": self.manifest.ref._asdict(),
            "solvers": {key: value for key, value in self.manifest.spec["solvers"].items() if key not in HOW_FIELDS},
            "dataset_digest": self.manifest.dataset_digest,
            "candidates_digest": self.manifest.candidates_digest,
            "dsl_digest": self.manifest.dsl_digest,
            "score": score._asdict(),
            "totals": totals._asdict(),
            "missing_shards": list(missing),
            "refused": [dict(zip(("where", "got", "rule", "remedy", "line"), fault, strict=True)) for fault in refused],
            "refused_tasks": list(self.manifest.refused_tasks),
            "timing_fields": sorted(TIMING_FIELDS),
        }
        filtered = tuple((one.task, one.filtered, one.outputs) for one in results if one.outputs)
        notes = read_notes(self.root, self.manifest.ref.folder)
        used = usage(notes, self.stored.ends, time.time())
        if began is not None:
            self.clock.add(MAIN, max(0.0, time.time() - began))
        base = base_summary(self.root, self.manifest, attempt)
        before = base.get("summary", {})
        added = self.added(totals, used, base)
        phases = phases_with(before, added)
        summary = Summary(self.manifest.ref.folder, "", attempt, score, totals, phases, filtered, missing, *used, added)
        summary = summary._replace(charge=charge_of(used, Usage(0.0, 0.0), prices) if used.pod_seconds else None)
        return self.write(summary, attempt, value, [one.text for one in results], notes)

    def phases(self, before: Mapping[str, PhaseStats], spans: Sequence[tuple[float, float]]) -> dict[str, list[Any]]:
        """Return how long phases took, without those of shards before and the wall time of their validating."""
        clock = PhaseClock()
        clock.merge(self.clock.stats)
        work = self.reader.clock.stats
        clock.merge({name: one.without(before.get(name, PhaseStats())) for name, one in work.items()})
        seconds = covered_seconds(self.stored.spans) - covered_seconds(spans)
        if seconds > 0:
            clock.add(VALIDATE, seconds)
        return stats_to_json({name: one for name, one in clock.stats.items() if one.number})

    def added(self, totals: Totals, used: Usage, base: Mapping[str, Any]) -> Added:
        """Return what this attempt has added to what earlier ones had found; see attempts.base_summary."""
        before = base.get("summary", {})
        verdicts = {str(verdict): count for verdict, count in totals.verdicts.items()}
        outcomes = counts_since(verdicts, before.get("totals", {}).get("verdicts", {}))
        spans = [(begin, end) for begin, end in base.get("spans", ())]
        phases = self.phases(stats_from_json(base.get("work", {})), spans)
        return Added(outcomes, phases, usage_since(used, before))

    def write(
        self, summary: Summary, asked: int, head: Mapping[str, Any], tasks: Sequence[str], notes: Sequence[PodTimes]
    ) -> Summary:
        """Store the results as the next attempt's; the last attempt's summary if that was made from the same shards.

        The summary claims the attempt, before the results: of several collects one writes, and all say the same.

        Args:
            summary: of this collect.
            asked: the operator's attempt.
            head: the results without their tasks, and without the summary's phases.
            tasks: those, as JSON texts.
            notes: of pods, for the report.
        """
        folder = self.manifest.ref.folder
        attempt = max(summary.attempt, last_attempt(self.root, self.manifest))
        while True:
            path = f"{folder}/{results_path(attempt)}"
            own = summary._replace(path=path, attempt=attempt)
            value = {
                "schema": 1,
                "asked": asked,
                "shards": self.stored.writers,
                "summary": summary_to_json(own),
                "work": stats_to_json(self.reader.clock.stats),
                "spans": self.stored.spans,
            }
            told = claim_summary(self.root, f"{folder}/{summary_path(attempt)}", value)
            if told["shards"] == self.stored.writers:
                claimed = summary_from_json(told["summary"])
                self.write_files(claimed, {**head, "phases": claimed.phases}, tasks, notes)
                return claimed
            attempt += 1

    def write_files(
        self, summary: Summary, head: Mapping[str, Any], tasks: Sequence[str], notes: Sequence[PodTimes]
    ) -> None:
        """Write the results and the report of a summary that is stored, as far as they are not there; see `write`."""
        with contextlib.suppress(AlreadyExistsError):  # the same results
            self.root.create(summary.path, results_text(head, tasks).encode())
        folder = self.manifest.ref.folder
        store_report(self.root, folder, summary.attempt, lambda: self.report(summary, head, notes))

    def report(self, summary: Summary, head: Mapping[str, Any], notes: Sequence[PodTimes]) -> Report:
        """Return the report of the results whose summary this is."""
        pods = (*notes, *read_sessions(self.root, self.manifest.ref.folder))
        effort = Effort(pods, self.stored.ends, summary.pod_seconds, summary.wasted_seconds, summary.charge)
        return solver_report(json.loads(json_text(head)), self.digest, summary.attempt, effort)

    def task_result(self, task: str, rows: list[Row]) -> TaskResult:
        """Return what results say of a task; writes the files of the kept candidates."""
        with self.clock.phase(FILTER):
            unique = unique_bodies(contender_of(row) for row in rows)
            usable = [row for row in rows if row.verdict.verdict not in ENDING]
            held = self.manifest.held.get(task, ())
            filtered = len(select(unique, held, self.keep).kept)
            selection = select(map(contender_of, usable), held, self.keep)
        kept_orders = {one.order for one in selection.kept}
        kept = [row for row in rows if row.order in kept_orders]
        links = solver_links(kept)
        with self.clock.phase(FILE_OPS):
            self.write_solvers(task, kept, links, [f"{one.md5}.py" for one in selection.evicted])
        with self.clock.phase(DIFFERS):
            differs = self.write_differs(task, kept)
        firsts = {one.order for one in unique}
        verdicts = Counter(row.verdict.verdict for row in rows)
        outputs = self.outputs(rows)
        result: dict[str, Any] = {
            "task": task,
            "solved": Verdict.CORRECT in verdicts,
            "outputs": outputs,
            "unique": len(unique),
            "filtered": filtered,
            "kept": len(kept),
            "candidates": [
                self.candidate_result(row, links if row.order in kept_orders else {}, row.order not in firsts)
                for row in rows
            ],
        }
        if differs:
            result["differs"] = differs
        cached = sum(row.is_cached for row in rows)
        self.digest.add(result)
        text = json_text(result)
        return TaskResult(task, text, verdicts, outputs, len(unique), filtered, len(kept), cached)

    def outputs(self, rows: list[Row]) -> int:
        """Return how many candidates a task had, as the original counts them: a module's distinct outputs."""
        plain = sum(row.order[0] not in self.reader.modules for row in rows)
        return plain + sum(int(row["outputs"]) for row in self.reader.module_rows.values())

    def candidate_result(self, row: Row, links: Mapping[str, Link], is_duplicate: bool) -> dict[str, Any]:
        """Return what results say of one candidate on one task; only what is to be said.

        Args:
            row: the candidate.
            links: by md5, those of the kept candidates; none for a candidate that is not kept.
            is_duplicate: whether another candidate of the task stands for its body.
        """
        verdict = row.verdict
        result: dict[str, Any] = {
            "candidate": row.name,
            "md5": row.md5,
            "verdict": verdict.verdict,
            "score": row.o_score,
            "check_time": round(verdict.check_time, 9),
            "t_log": time_class(verdict.check_time),
            "kept": row.md5 in links,
        }
        pairs = {self.pair_name(row.task, place): said(pair) for place, pair in enumerate(verdict.pairs)}
        wrong = {name: text for name, text in pairs.items() if text != Verdict.CORRECT}
        if wrong:
            result["pairs"] = wrong
        if verdict.is_near_timeout:
            result["is_near_timeout"] = True
        if row.is_cached:
            result["cached"] = True
        if is_duplicate:
            result["duplicate"] = True
        if not row.is_inlined:
            result["inlined"] = False
        if row.solver_id:
            result["solver_id"] = row.solver_id
        if row.md5 in links:
            result["link"] = links[row.md5].path
        return result

    def pair_name(self, task: str, place: int) -> str:
        """Return train[i] or test[i] for a pair's place."""
        trains = self.trains[task]
        return f"train[{place}]" if place < trains else f"test[{place - trains}]"

    def write_solvers(self, task: str, kept: list[Row], links: Mapping[str, Link], evicted: list[str]) -> None:
        """Write the texts and links of a task's kept candidates."""
        for row in kept:
            if self.writer.lacks(solver_file(row.md5)):
                with self.clock.phase(EXPAND):
                    text = expanded_text(self.reader.program(row))
                self.writer.add(solver_file(row.md5), text)
        set_links(self.root, f"{SOLVER_DIR}/solve_{task}", links.values(), evicted)

    def write_differs(self, task: str, kept: list[Row]) -> list[dict[str, Any]]:
        """Write the texts and links of the differs of kept candidates; return their best scores, by name."""
        best: dict[tuple[str, str], int] = {}
        found: dict[str, tuple[int, str, float]] = {}
        for row in kept:
            number, place = row.order
            if number not in self.reader.modules:
                continue
            stored = self.reader.module_rows[number]
            for mark, differ, iz, zo in stored["differs"]:
                if mark == place and differ in stored["differ_names"]:
                    found.setdefault(differ, (number, *stored["differ_names"][differ]))
                    for kind, score in (("iz", iz), ("zo", zo)):
                        best[kind, differ] = max(best.get((kind, differ), 0), score)
        for differ, (number, md5, _) in found.items():
            self.write_differ(number, differ, md5)
        links = {kind: differ_links(kind, task, best, found) for kind in ("iz", "zo")}
        for kind, made in links.items():
            set_links(self.root, f"{DIFFER_DIR}/{kind}/solve_{task}", made.values())
        return [
            {
                "differ": differ,
                "md5": md5,
                "iz": best["iz", differ],
                "zo": best["zo", differ],
                "differ_links": [made[md5].path for made in links.values()],
            }
            for differ, (_, md5, _) in sorted(found.items())
        ]

    def write_differ(self, number: int, differ: str, md5: str) -> None:
        """Write a differ's text unless it is there."""
        if not self.writer.lacks(differ_file(md5)):
            return
        module = self.reader.modules[number]
        mark = next(mark for mark in module.differs if mark.differ == differ and mark.solver_id == "None")
        self.writer.add(differ_file(md5), expanded_text(solver_program(module, mark.node), DIFFER_HEADER))

    def totals(self, results: Sequence[TaskResult], refused: int) -> Totals:
        """Return what became of everything; the sum of verdicts is the number of candidates."""
        verdicts = sum((one.verdicts for one in results), Counter[Verdict]())
        unique = sum(one.unique for one in results)
        counts = self.manifest.counts
        return Totals(
            candidates=verdicts.total(),
            verdicts=dict(sorted(verdicts.items())),
            outputs=sum(one.outputs for one in results),
            unique=unique,
            kept=sum(one.kept for one in results),
            duplicates=verdicts.total() - unique,
            cached=sum(one.cached for one in results),
            refused=refused,
            out_of_scope=counts.out_of_scope,
            missing=counts.candidates - verdicts.total(),
        )


def contender_of(row: Row) -> Contender:
    """Return a row as it asks to be kept."""
    return Contender(row.o_score, row.order, row.body_md5, row.md5)


def solver_links(kept: Sequence[Row]) -> dict[str, Link]:
    """Return the link of each kept file by its md5.

    Different bodies may be inlined to one file: it lies where the best of them puts it, of equally good ones the first.
    """
    links: dict[str, Link] = {}
    for row in sorted(kept, key=lambda row: (-row.o_score, row.order)):
        link = solver_link(row.task, row.o_score, time_class(row.verdict.check_time), row.md5)
        links.setdefault(row.md5, link)
    return links


def said(pair: PairVerdict) -> str:
    """Return what results say of a pair: its verdict, and of an error what was raised and where.

    Where time or memory ran out depends on the machine, so it is not said.
    """
    if pair.verdict in {Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY}:
        return str(pair.verdict)
    where = f"at step {pair.step}" if pair.step else ""
    return " ".join(filter(None, (str(pair.verdict), pair.exception, where)))

"""Makes the report of a HAL run from its results, its records and what its agents have left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batt.attempts import PodTimes, ShardEnd
from batt.hal.folders import task_folder
from batt.hal.records import TaskRecord
from batt.hal.task import LOG_FILE
from batt.report.hal import HalExtras, Spent, hal_report, wished_logs
from batt.report.model import Report
from batt.report.timeline import Effort
from batt.results import Charge


def report_of(
    results: bytes,
    attempt: int,
    records: Mapping[int, TaskRecord],
    effort: Effort,
    read_log: Callable[[str, int], bytes | None],
) -> Report:
    """Return the report of a run.

    Args:
        results: results.json.
        attempt: of the results.
        records: by index.
        effort: how the run was worked on.
        read_log: returns the log at a path in a repeat's folder of HAL's files, given the repeat; None without one.
    """
    value: Any = json.loads(results)
    logs = {}
    for wish in wished_logs(value["tasks"]):
        row = value["tasks"][wish.row]
        log = read_log(log_path(row["task"]), row["repeat"])
        if log is not None:
            logs[wish.row] = log
    spent = {index: spent_of(record) for index, record in records.items()}
    return hal_report(value, attempt, HalExtras(effort, spent, logs))


def log_path(task_id: str) -> str:
    """Return the path of an agent's log in its repeat's folder of HAL's files."""
    return f"{task_folder(task_id)}/{LOG_FILE}"


def effort_of(
    notes: Sequence[PodTimes],
    records: Mapping[int, TaskRecord],
    pod_seconds: float,
    wasted_seconds: float,
    charge: Charge | None = None,
) -> Effort:
    """Return how a run was worked on."""
    ends = {index: ShardEnd(record.pod, record.end, record.begin) for index, record in records.items()}
    return Effort(tuple(notes), ends, pod_seconds, wasted_seconds, charge)


def spent_of(record: TaskRecord) -> Spent:
    """Return what a task's agent says that it has used."""
    models = record.usage.models.values()
    if not models:
        return Spent(record.usage.cost)
    tokens_in = sum(one.prompt_tokens + one.cache_creation_input_tokens for one in models)
    return Spent(record.usage.cost, tokens_in, sum(one.completion_tokens for one in models))

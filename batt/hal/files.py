"""The files of one HAL run, as HAL's own tools read them: from records and scores to paths and bytes.

What an agent has written may be anything: texts that are no Unicode, NaN, data that is nested deeply. JSON is therefore
written in ASCII, as Python's json does it, and in `_UPLOAD.json` strangers' data is cut where it is nested too deeply.
Source of the forms: hal/benchmarks/base_benchmark.py, hal/utils/local_runner.py, reliability_eval/loaders/results.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from batt.errors import shown
from batt.hal.accuracy import Scores, counts_to_json
from batt.hal.folders import task_folder
from batt.hal.outcomes import Outcome, hal_text
from batt.hal.records import TaskRecord, hal_submission
from batt.hal.usage import Cost, add_costs, add_tokens, cost_to_json, is_number
from batt.hal.workspace import INPUT, without_places

MOST_NESTED = 100
"""Levels of strangers' data that are kept: Python's json writes and reads some hundreds."""

PROMPT_KEYS = ("prompt", "problem_statement", "problem_description", "task")
"""Where a task's prompt is, the first that is there."""

FAILURES = ("ERROR", "TIMEOUT after ")
"""How texts begin that stand for a submission where there is none."""

MISSING = "missing"
"""What stands for the outcome of a task without a record."""


class HalRun(NamedTuple):
    """One run in HAL's sense: one repeat of ours.

    tasks: what agents get, by task id, in the manifest's order. records: by task id; none of missing tasks.
    scores: of this repeat. git_info, agent_hash: of the agent; the hash None where nobody knows it.
    """

    run_id: str
    benchmark: str
    agent_name: str
    agent_args: Mapping[str, Any]
    run_command: str
    begun: datetime
    timeout_seconds: float
    tasks: Mapping[str, Any]
    records: Mapping[str, TaskRecord]
    scores: Scores
    git_info: Mapping[str, str]
    agent_hash: str | None
    agent_version: str = ""

    @property
    def in_order(self) -> list[TaskRecord]:
        """The records in the manifest's order."""
        return [self.records[task] for task in self.tasks if task in self.records]


def hal_files(run: HalRun) -> dict[str, bytes]:
    """Return the files of a run, by path in its folder."""
    submissions = {record.task_id: hal_submission(record, run.timeout_seconds) for record in run.in_order}
    walls = [{"task_id": one.task_id, "wall_clock_time": one.wall_clock_seconds} for one in run.in_order]
    inputs = {record.task_id: without_places(run.tasks[record.task_id]) for record in run.in_order}
    return {
        f"{run.run_id}_RAW_SUBMISSIONS.jsonl": lines_of(raw_line(task, one) for task, one in submissions.items()),
        f"{run.run_id}_WALL_CLOCK_TIMES.jsonl": lines_of(map(json.dumps, walls)),
        f"{run.run_id}.json": json.dumps(plain(run.scores.raw_results), indent=2).encode(),
        f"{run.run_id}_UPLOAD.json": json.dumps(upload(run, submissions), indent=2).encode(),
        f"{run.run_id}.log": lines_of(log_lines(run)),
        # HAL's loaders look into the folders of GAIA's tasks for their levels
        **{f"{task_folder(task)}/{INPUT}": json.dumps({task: one}).encode() for task, one in inputs.items()},
    }


def lines_of(lines: Iterable[str]) -> bytes:
    """Return lines as a file's content."""
    return "".join(f"{line}\n" for line in lines).encode()


def raw_line(task: str, submission: Any) -> str:  # JSON data by a stranger
    """Return a task's line in RAW_SUBMISSIONS."""
    try:
        return json.dumps({task: submission})
    except RecursionError:  # it could be read, but that takes less of the stack
        return json.dumps({task: hal_text(Outcome.INVALID_OUTPUT, "the submission is nested too deeply", 0.0)})


def upload(run: HalRun, submissions: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `_UPLOAD.json` holds: HAL's keys, and `batt`, our own."""
    metrics = {
        task: plain(one["metrics"]) for task, one in submissions.items() if isinstance(one, dict) and "metrics" in one
    }
    steps = {task: one.get("step_count") for task, one in metrics.items() if isinstance(one, dict)}
    cost = add_costs(run.in_order, len(run.tasks))
    return {
        "config": config(run),
        "results": {
            **plain(run.scores.metrics),
            "total_cost": cost.total,
            # known ones only: loaders compare each with 0
            "costs": {one.task_id: one.usage.cost for one in run.in_order if one.usage.cost is not None},
            "latencies": {record.task_id: latency(record) for record in run.in_order},
        },
        "raw_eval_results": eval_results(run, submissions),
        "raw_logging_results": [logging_entry(record) for record in run.in_order],
        "task_prompts": task_prompts(run),
        "total_usage": {name: tokens._asdict() for name, tokens in add_tokens(run.in_order).items()},
        "total_cost": cost.total,
        "git_info": dict(run.git_info),
        "agent_hash": run.agent_hash,
        "wall_clock_times": {record.task_id: record.wall_clock_seconds for record in run.in_order},
        "task_step_counts": {task: count for task, count in steps.items() if is_number(count)},
        **({"task_metrics": metrics} if metrics else {}),
        "metadata": {"agent_args": plain(run.agent_args), "run_id": run.run_id},
        "batt": own_block(run, cost),
    }


def config(run: HalRun) -> dict[str, Any]:
    """Return what was run."""
    return {
        "agent_name": run.agent_name,
        "benchmark_name": run.benchmark,
        "date": run.begun.strftime("%Y-%m-%d"),
        "run_id": run.run_id,
        "agent_args": plain(run.agent_args),
        "run_command": run.run_command,
        "prompt_sensitivity": False,
        **({"agent_version": run.agent_version} if run.agent_version else {}),
    }


def own_block(run: HalRun, cost: Cost) -> dict[str, Any]:
    """Return what batt says beside HAL: accuracy and what it is made of, how much of the cost is known, outcomes."""
    return {
        "schema": 1,
        "accuracy": {"accuracy_hal": run.scores.hal_accuracy, **counts_to_json(run.scores.counts)},
        "cost": cost_to_json(cost),
        "ignored_usage": sum(record.usage.ignored for record in run.in_order),
        "outcomes": {task: run.records[task].outcome if task in run.records else MISSING for task in run.tasks},
    }


def eval_results(run: HalRun, submissions: Mapping[str, Any]) -> Any:  # JSON data, of the benchmark's form
    """Return the raw results, and in those by task what HAL's loaders look for and the benchmark does not have."""
    results = plain(run.scores.raw_results)
    if not isinstance(results, dict):
        return results
    return {
        task: {**looked_for(run, task, submissions[task]), **details}
        if isinstance(details, dict) and task in submissions and task in run.scores.evaluations
        else details
        for task, details in results.items()
    }


def looked_for(run: HalRun, task: str, submission: Any) -> dict[str, Any]:  # JSON data by a stranger
    """Return what HAL's loaders look for in a task's result: they stumble over other forms, so nothing else is told."""
    found: dict[str, Any] = {"reward": run.scores.evaluations[task].score}
    cost = run.records[task].usage.cost
    if cost is not None:
        found["cost"] = cost
    if not isinstance(submission, dict):
        return found
    if is_number(submission.get("confidence")):
        found["confidence"] = submission["confidence"]
    if isinstance(submission.get("taken_actions"), list):
        actions = [one for one in submission["taken_actions"] if isinstance(one, dict)]
        found["taken_actions"] = [plain(one) for one in actions if isinstance(one.get("name", ""), str)]
    return found


def last_try(record: TaskRecord) -> tuple[datetime, datetime]:
    """Return begin and end of the try that made a record."""
    one = record.attempts[-1] if record.attempts else record
    return datetime.fromtimestamp(one.begin, UTC), datetime.fromtimestamp(max(one.begin, one.end), UTC)


def latency(record: TaskRecord) -> dict[str, Any]:
    """Return how long a task took, in HAL's form: nobody sees the calls of models, so it is that of the whole try."""
    begin, end = last_try(record)
    return {
        "first_call_timestamp": begin.isoformat(),
        "last_call_timestamp": end.isoformat(),
        "total_time": (end - begin).total_seconds(),
    }


def logging_entry(record: TaskRecord) -> dict[str, Any]:
    """Return a task's entry of `raw_logging_results`, in the form that HAL's loaders read, and HAL once wrote.

    There each call of a model has an entry; here it is one a task, with the sums that the agent tells.
    """
    begin, end = last_try(record)
    return {
        "weave_task_id": record.task_id,
        "started_at": begin.isoformat(),
        "ended_at": end.isoformat(),
        "created_timestamp": begin.isoformat(),
        "summary": {
            "usage": {name: tokens._asdict() for name, tokens in record.usage.models.items()},
            "weave": {"latency_ms": round((end - begin).total_seconds() * 1000)},
        },
    }


def task_prompts(run: HalRun) -> dict[str, str]:
    """Return the prompts of evaluated tasks that have one."""
    prompts = {}
    for task, value in run.tasks.items():
        keys = [key for key in PROMPT_KEYS if isinstance(value, dict) and key in value]
        if keys and task in run.scores.evaluations:
            prompts[task] = str(value[keys[0]])
    return prompts


def plain(value: Any, room: int = MOST_NESTED) -> Any:  # JSON data by a stranger
    """Return data that can be written and read as JSON: a text where it is nested too deeply or is no JSON at all."""
    if isinstance(value, Mapping | list | tuple):
        if not room:
            return f"[... nested deeper than {MOST_NESTED} levels ...]"
        if isinstance(value, Mapping):
            return {str(key): plain(one, room - 1) for key, one in value.items()}
        return [plain(one, room - 1) for one in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def log_lines(run: HalRun) -> Iterator[str]:
    """Yield the lines of a run's log: the run, then task by task."""
    yield f"run={run.run_id} benchmark={run.benchmark} agent={shown(run.agent_name)} tasks={len(run.tasks)}"
    for task in run.tasks:
        record, evaluation = run.records.get(task), run.scores.evaluations.get(task)
        if record is None:
            yield f"task={shown(task)} outcome={MISSING}"
            continue
        score = "" if evaluation is None else f" score={evaluation.score:g}"
        message = record.message or (evaluation.message if evaluation else "")
        yield (
            f"{last_try(record)[1].isoformat(timespec='seconds')} task={shown(task)} outcome={record.outcome}{score}"
            f" tries={len(record.attempts)} seconds={record.wall_clock_seconds:.3f}"
            + (f" message={shown(message)}" if message else "")
        )


class RawSubmissions(NamedTuple):
    """What a RAW_SUBMISSIONS file holds. again: tasks that are to be run again. malformed: lines that were skipped."""

    submissions: dict[str, Any]  # JSON data by strangers
    again: tuple[str, ...]
    malformed: int


def read_raw_submissions(text: str) -> RawSubmissions:
    """Return the submissions of a RAW_SUBMISSIONS file, of batt or of HAL; of several for a task the last counts.

    Tasks whose last one tells of a failure are to be run again, as HAL's --continue_run does it; those that HAL's
    runners for docker and VMs note as `TIMEOUT after ...` too: HAL itself takes these for submissions.
    """
    submissions: dict[str, Any] = {}
    malformed = 0
    for line in filter(str.strip, text.split("\n")):  # splitlines() would split at characters that JSON may hold
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and value:
            submissions.update(value)
        else:
            malformed += 1
    again = [task for task, one in submissions.items() if isinstance(one, str) and one.startswith(FAILURES)]
    return RawSubmissions(submissions, tuple(again), malformed)

"""HAL's result files: of HAL's form, readable by what reads HAL's, whatever agents have written."""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batt.folder import DirectoryStore
from batt.hal.accuracy import Repeat, score_repeat
from batt.hal.benchmarks.base import Evaluation, wrong
from batt.hal.files import HalRun, hal_files, read_raw_submissions
from batt.hal.outcomes import Outcome
from batt.hal.records import TaskRecord
from tests.unit.hal.builders import BEGIN, WEIRD, Echo, by_id, record, right

GOLDEN = Path(__file__).parent / "golden"
"""What a run's files are; reviewed like code."""

RUN_ID = "echo_an_agent_1767323045000042"


def make_run(
    tasks: dict[str, Any], records: dict[str, TaskRecord], evaluations: dict[str, Evaluation], **changes: Any
) -> HalRun:
    """Return a run of these tasks."""
    scores = score_repeat(Echo(), list(tasks), list(tasks), Repeat(records, evaluations), 60.0)
    run = HalRun(
        run_id=RUN_ID,
        benchmark="echo",
        agent_name="An agent",
        agent_args={"model_name": "m", "benchmark_name": "echo"},
        run_command="batt run hal.yaml",
        begun=datetime.fromtimestamp(BEGIN, UTC),
        timeout_seconds=60.0,
        tasks=tasks,
        records=records,
        scores=scores,
        git_info={"error": "fatal: not a git repository"},
        agent_hash="0" * 64,
    )
    return run._replace(**changes)


def golden_run() -> HalRun:
    """Return a run with one of each."""
    metrics = {"step_count": 3, "usage": {"m": {"input_tokens": 40, "output_tokens": 7}}, "total_cost": 0.25}
    submission = {"answer": "Echo/0", "metrics": metrics, "confidence": 0.75, "taken_actions": [{"name": "say"}]}
    tasks = {
        "Echo/0": {"prompt": "say Echo/0", "task": "not this", "files": {"/root/a.txt": "/secret/place/a.txt"}},
        "Echo/1": {"problem_statement": "say Echo/1"},
        "late": {"question": "say late"},
        "error": {"prompt": "say error"},
        "lost": {"prompt": "say lost"},
        "missing": {"prompt": "say missing"},
    }
    records = by_id(
        record("Echo/0", submission, tries=2),
        record("Echo/1", "something else"),
        record("late", outcome=Outcome.TIMEOUT, message="the agent was killed after 60 seconds"),
        record("error", outcome=Outcome.AGENT_ERROR, message="ValueError: no\nsecond line"),
        record("lost", outcome=Outcome.PROVIDER_TRANSIENT, message="RateLimitError: later", tries=3),
    )
    return make_run(tasks, records, {"Echo/0": right(), "Echo/1": wrong("another")})


def files_of(run: HalRun) -> dict[str, str]:
    """Return a run's files as texts, by what stands behind the run's id."""
    return {path.removeprefix(run.run_id): data.decode() for path, data in hal_files(run).items()}


def upload_of(run: HalRun) -> Any:
    """Return `_UPLOAD.json` as it is read."""
    return json.loads(files_of(run)["_UPLOAD.json"])


def lines_of(text: str) -> list[Any]:
    """Return the values of JSON lines."""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def read_as_hal_does(upload: dict[str, Any]) -> dict[str, Any]:
    """Return what HAL's reliability loader and its metrics take from an UPLOAD file, failing where they would.

    Source: reliability_eval/loaders/results.py and metrics/consistency.py, of hal-harness at 16bb03e; not its code.
    """
    arguments = upload["metadata"]["agent_args"]
    assert arguments.get("enable_fault_injection") != "true"
    assert not upload["config"].get("prompt_sensitivity")
    calls: dict[str, int] = {}
    tokens: dict[str, int] = {}
    for entry in upload["raw_logging_results"]:
        task = entry.get("weave_task_id")
        usage = entry.get("summary", {}).get("usage", {})
        latency = entry.get("summary", {}).get("weave", {}).get("latency_ms")
        assert latency is None or latency >= 0
        calls[task] = calls.get(task, 0) + len(usage)
        tokens[task] = sum(one.get("prompt_tokens", 0) + one.get("completion_tokens", 0) for one in usage.values())
    costs, latencies = upload["results"].get("costs", {}), upload["results"].get("latencies", {})
    tasks = {}
    for task, result in upload["raw_eval_results"].items():
        confidence = result.get("confidence")
        assert confidence is None or not math.isnan(confidence)
        cost = costs.get(task, 0.0) or result.get("cost", 0.0)
        assert cost >= 0
        tasks[task] = {
            "success": int(result.get("reward", 0.0)),
            "cost": cost,
            "time": latencies.get(task, {}).get("total_time", 0.0) > 0,
            "actions": sorted(one.get("name", "") for one in result.get("taken_actions", []) if isinstance(one, dict)),
            "calls": calls.get(task, 0),
            "tokens": tokens.get(task, 0),
        }
    return tasks


@pytest.mark.parametrize("name", [f"{RUN_ID}{end}" for end in (".json", ".log", "_UPLOAD.json")])
def test_files_are_the_golden_ones(name: str) -> None:
    assert hal_files(golden_run())[name].decode() == (GOLDEN / name).read_text()


@pytest.mark.parametrize("name", [f"{RUN_ID}_{end}.jsonl" for end in ("RAW_SUBMISSIONS", "WALL_CLOCK_TIMES")])
def test_lines_are_the_golden_ones(name: str) -> None:
    assert hal_files(golden_run())[name].decode() == (GOLDEN / name).read_text()


def test_there_is_no_other_file_but_those_of_the_contract() -> None:
    ends = [".json", ".log", "_RAW_SUBMISSIONS.jsonl", "_UPLOAD.json", "_WALL_CLOCK_TIMES.jsonl"]
    inputs = ["Echo/0/input.json", "Echo/1/input.json", "error/input.json", "late/input.json", "lost/input.json"]

    assert sorted(files_of(golden_run())) == sorted([*ends, *inputs])


def test_upload_has_every_key_of_hals() -> None:
    value = upload_of(golden_run())

    assert list(value) == [
        "config", "results", "raw_eval_results", "raw_logging_results", "task_prompts", "total_usage", "total_cost",
        "git_info", "agent_hash", "wall_clock_times", "task_step_counts", "task_metrics", "metadata", "batt",
    ]  # fmt: skip
    assert list(value["config"]) == [
        "agent_name", "benchmark_name", "date", "run_id", "agent_args", "run_command", "prompt_sensitivity",
    ]  # fmt: skip
    assert value["config"]["date"] == "2026-01-02"
    assert upload_of(golden_run()._replace(agent_version="7"))["config"]["agent_version"] == "7"


def test_hals_loader_reads_the_upload() -> None:
    tasks = read_as_hal_does(upload_of(golden_run()))

    nothing = {"success": 0, "cost": 0.0, "time": True, "actions": [], "calls": 0, "tokens": 0}
    assert tasks == {
        "Echo/0": {"success": 1, "cost": 0.25, "time": True, "actions": ["say"], "calls": 1, "tokens": 47},
        **dict.fromkeys(["Echo/1", "late", "error", "lost"], nothing),
    }


def test_what_the_benchmark_itself_tells_stays() -> None:
    details = {"reward": 0.5, "taken_actions": ["its own"], "cost": 3}
    submission = {"answer": "b", "taken_actions": [{"name": "say"}], "metrics": {"cost": 1}}
    run = make_run({"a": {}}, by_id(record("a", submission)), {"a": Evaluation(1.0, details)})

    assert upload_of(run)["raw_eval_results"] == {"a": details}
    assert json.loads(files_of(run)[".json"]) == {"a": details}


@pytest.mark.parametrize("results", [[1, 2], {"aggregate": 3}, {"a": "ERROR: no"}, {"unknown": {"score": 1}}, None])
def test_raw_results_of_any_form_are_taken(results: Any) -> None:
    run = make_run({"a": {}}, by_id(record("a", "x")), {"a": right()})
    run = run._replace(scores=run.scores._replace(raw_results=results))

    assert upload_of(run)["raw_eval_results"] == results


def test_the_cost_of_a_run_is_unknown_where_that_of_any_task_is() -> None:
    value = upload_of(golden_run())

    assert value["total_cost"] is None
    assert value["results"]["total_cost"] is None
    assert value["results"]["costs"] == {"Echo/0": 0.25}
    assert value["batt"]["cost"] == {"total": None, "known_dollars": 0.25, "known": 1, "tasks": 6, "retried": 1}


def test_the_cost_of_a_run_whose_tasks_all_tell_it_is_their_sum() -> None:
    records = by_id(record("a", {"metrics": {"cost": 1}}), record("b", {"metrics": {"total_cost": 0.5}}))

    assert upload_of(make_run({"a": {}, "b": {}}, records, {}))["total_cost"] == 1.5


def test_batts_own_block_tells_what_became_of_every_task() -> None:
    value = upload_of(golden_run())["batt"]

    assert value["outcomes"] == {
        "Echo/0": "ok", "Echo/1": "ok", "late": "timeout", "error": "agent_error", "lost": "provider_transient",
        "missing": "missing",
    }  # fmt: skip
    accuracy = value["accuracy"]
    assert accuracy["accuracy_hal"] == 0.2  # one of five lines
    assert (accuracy["accuracy_scored"], accuracy["accuracy_all"]) == (0.25, pytest.approx(1 / 6))
    assert (accuracy["lost"], accuracy["missing"]) == (1, 1)


def test_the_files_of_an_empty_run_can_be_read() -> None:
    run = make_run({}, {}, {})

    assert files_of(run)["_RAW_SUBMISSIONS.jsonl"] == ""
    assert upload_of(run)["total_cost"] == 0.0
    assert "task_metrics" not in upload_of(run)


def test_an_input_tells_no_places() -> None:
    texts = files_of(golden_run())

    assert json.loads(texts["Echo/0/input.json"])["Echo/0"]["files"] == {"/root/a.txt": "a.txt"}
    assert not any("/secret/place" in text for text in texts.values())


@pytest.mark.parametrize(
    "submission",
    [
        {"answer": math.nan, "metrics": {"step_count": math.nan, "loss": -math.inf}},
        {"answer": "\udfff\ud800\x00\u2028", "metrics": {"\ud800": "\ud800"}},
        {"answer": "x" * 1_000_000},
        {"answer": "x", "metrics": 5},
        {"answer": "x", "metrics": ["step_count"]},
        {"answer": "x", "metrics": {"step_count": "many"}, "confidence": "high", "taken_actions": 5},
        {"answer": "x", "confidence": math.nan, "taken_actions": [5, None, {"name": {}}, {"name": "say"}]},
        {"metrics": {"usage": {"m": {"prompt_tokens": -5}}, "cost": -1}},
        json.loads("[" * 400 + "]" * 400),
        {"metrics": {"deep": json.loads("[" * 400 + "]" * 400)}},
        [],
        "",
        0,
        False,
    ],
    ids=lambda value: repr(value)[:40],
)
def test_no_submission_is_too_strange(submission: Any) -> None:
    run = make_run({"a": {}}, by_id(record("a", submission)), {"a": wrong("no", got=submission)})

    texts = files_of(run)

    assert repr(lines_of(texts["_RAW_SUBMISSIONS.jsonl"])) == repr([{"a": submission}])  # NaN is not equal to itself
    read_as_hal_does(upload_of(run))
    assert texts["_UPLOAD.json"].isascii()
    assert json.loads(texts["_UPLOAD.json"])["batt"]["accuracy"]["scored"] == 1


def test_nan_stands_where_the_agent_has_written_it_and_nowhere_else() -> None:
    run = make_run({"a": {}, "b": {}}, by_id(record("a", {"answer": math.nan}), record("b", "x")), {"b": right()})

    texts = files_of(run)

    assert [name for name, text in texts.items() if "NaN" in text] == ["_RAW_SUBMISSIONS.jsonl"]


def test_data_that_is_nested_too_deeply_is_cut_in_the_upload() -> None:
    deep = json.loads("[" * 400 + "]" * 400)

    metrics = upload_of(make_run({"a": {}}, by_id(record("a", {"metrics": {"deep": deep}})), {}))["task_metrics"]

    text = json.dumps(metrics)
    assert (text.count("[["), "nested deeper than 100 levels" in text) == (49, True)  # pairs of 98 brackets


@pytest.mark.parametrize("output", ["", "{", "[]", "{}", '{"b": 1}', "[" * (2 * sys.getrecursionlimit())])
def test_a_record_whose_output_cannot_be_read_is_a_failure(output: str) -> None:
    broken = record("a", "x")._replace(output=output)

    (line,) = lines_of(files_of(make_run({"a": {}}, {"a": broken}, {}))["_RAW_SUBMISSIONS.jsonl"])

    assert line["a"].startswith("ERROR: invalid_output: the output cannot be read")


def test_a_submission_that_can_be_read_but_not_written_is_a_failure() -> None:
    """Reading takes less of the stack than writing does: between the two lies a submission for this test."""
    for depth in range(sys.getrecursionlimit(), 0, -1):
        broken = record("a", "x")._replace(output='{"a":' + "[" * depth + "]" * depth + "}")
        raw = files_of(make_run({"a": {}}, {"a": broken}, {}))["_RAW_SUBMISSIONS.jsonl"]
        assert raw.endswith("\n")
        if "ERROR" not in raw:
            return
    pytest.fail("nothing was ever written")


def test_huge_messages_are_whole_in_the_submissions_and_cut_in_the_log() -> None:
    message = "ERROR \ud800\n" * 100_000
    run = make_run({"a": {}}, by_id(record("a", outcome=Outcome.AGENT_ERROR, message=message)), {})

    texts = files_of(run)

    assert lines_of(texts["_RAW_SUBMISSIONS.jsonl"]) == [{"a": f"ERROR: {message}"}]
    assert len(texts[".log"].splitlines()) == 2
    assert len(texts[".log"]) < 1000


def test_weird_task_ids_are_kept_as_they_are_in_files() -> None:
    records = by_id(*(record(task, {"answer": task, "metrics": {"step_count": 1}}) for task in WEIRD))
    run = make_run({task: {"prompt": task} for task in WEIRD}, records, {task: right() for task in WEIRD})

    value = upload_of(run)

    assert list(read_as_hal_does(value)) == WEIRD
    assert list(value["task_prompts"]) == list(value["task_step_counts"]) == WEIRD
    assert list(read_raw_submissions(files_of(run)["_RAW_SUBMISSIONS.jsonl"]).submissions) == WEIRD
    assert [one["task_id"] for one in lines_of(files_of(run)["_WALL_CLOCK_TIMES.jsonl"])] == WEIRD
    assert len(files_of(run)[".log"].split("\n")) == len(WEIRD) + 2


def test_every_file_can_be_stored(tmp_path: Path) -> None:
    records = by_id(*(record(task, task) for task in WEIRD))
    store = DirectoryStore(tmp_path / "store")

    for path, data in hal_files(make_run({task: {} for task in WEIRD}, records, {})).items():
        store.create(f"run/{path}", data)

    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert len(store.list("run/")) == len(WEIRD) + 5


def test_submissions_are_read_as_they_are_written() -> None:
    raw = read_raw_submissions(files_of(golden_run())["_RAW_SUBMISSIONS.jsonl"])

    assert list(raw.submissions) == ["Echo/0", "Echo/1", "late", "error", "lost"]
    assert raw.again == ("late", "error", "lost")
    assert raw.malformed == 0


def test_the_last_line_of_a_task_counts() -> None:
    raw = read_raw_submissions('{"a": "ERROR: no"}\n{"b": 1}\n{"a": 2}\n{"b": "ERROR"}')

    assert (raw.submissions, raw.again) == ({"a": 2, "b": "ERROR"}, ("b",))


@pytest.mark.parametrize("value", ["TIMEOUT after 7200 seconds", "ERROR", "ERROR: x", "ERRORS are human"])
def test_tasks_that_failed_are_to_be_run_again(value: str) -> None:
    assert read_raw_submissions(json.dumps({"a": value})).again == ("a",)


@pytest.mark.parametrize("value", ["TIMEOUT", "error: x", " ERROR", "", None, {"answer": "ERROR"}, ["ERROR"], 5])
def test_tasks_with_a_submission_are_done(value: Any) -> None:
    assert read_raw_submissions(json.dumps({"a": value})).again == ()


def test_lines_that_are_no_submissions_are_skipped_and_counted() -> None:
    lines = ['{"a": 1}', "", "  ", "{", '{"b":', "[]", "{}", "3", "null", "[" * 100_000, '{"c": "\u2028\x85"}\r']

    raw = read_raw_submissions("\n".join(lines))

    assert (raw.submissions, raw.malformed) == ({"a": 1, "c": "\u2028\x85"}, 7)


def test_clocks_that_go_back_give_no_negative_times() -> None:
    one = record("a", "x")
    back = one._replace(attempts=(one.attempts[0]._replace(end=BEGIN - 100),))

    value = upload_of(make_run({"a": {}}, {"a": back}, {}))

    assert value["wall_clock_times"] == {"a": 0.0}
    assert value["results"]["latencies"]["a"]["total_time"] == 0.0

"""HAL's flags become a run; what is wrong with them is told by flag."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from batt.errors import SpecError
from batt.halcommand import dry_run_text, flag_of, hal_run, run_name
from batt.halflags import add_hal_eval
from batt.runfile import load_runs

LEAST = ["--benchmark", "usaco", "--agent_dir", "agents/usaco_example_agent/", "--agent_name", "Test Run"]
"""The flags that must be there."""


def options(*more: str) -> argparse.Namespace:
    """Return the flags, read."""
    command = argparse.ArgumentParser()
    add_hal_eval(command)
    return command.parse_args([*LEAST, *more])


def test_the_seeds_commands_describe_runs() -> None:
    words = [
        "--agent_function",
        "main.run",
        "--google-cloud",
        "--max_concurrent",
        "50",
        "-A",
        "model_name=gpt-4o-2024-11-20",
    ]

    run = hal_run(options(*words))

    hal = run.spec.hal
    assert hal is not None
    assert (run.metadata.name, run.spec.max_concurrency, run.spec.results) == ("usaco-test-run", 50, None)
    assert hal.agent.model_dump() == {
        "name": "Test Run",
        "function": "main.run",
        "source": "agents/usaco_example_agent/",
        "args": {"model_name": "gpt-4o-2024-11-20"},
        "requirements": "lenient",
    }


def test_defaults_are_hals() -> None:
    run = hal_run(options())

    assert run.spec.hal is not None
    assert (run.spec.hal.timeout_seconds, run.spec.max_concurrency, run.spec.hal.max_tasks) == (2700, 1, None)
    assert str(run.spec.results).endswith("/results")


def test_faults_are_told_by_flag_all_at_once() -> None:
    with pytest.raises(SpecError) as raised:
        hal_run(
            options("--max_concurrent", "0", "--task_ids", "a,a", "--run_id", "a/b", "--vm", "--agent_function", "run")
        )

    places = sorted(fault.where for fault in raised.value.faults)
    assert places == ["--agent_function", "--max_concurrent", "--run_id", "--task_ids", "--vm"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("swebench_verified_mini", "hal:swebench_verified_mini"),
        ("taubench_airline", "hal:taubench_airline"),
        ("hal:gaia", "hal:gaia"),
        ("humaneval", "humaneval"),
        ("mine", "mine"),
    ],
)
def test_benchmarks_of_hal_harness_need_no_prefix(said: str, meant: str) -> None:
    run = hal_run(options("--benchmark", said))

    assert run.spec.hal is not None
    assert run.spec.hal.benchmark == meant


def test_data_is_found_where_a_checkout_of_hal_harness_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    without = hal_run(options()).spec.hal
    (tmp_path / "hal" / "benchmarks" / "USACO").mkdir(parents=True)
    found, named = hal_run(options()).spec.hal, hal_run(options("--data", "other")).spec.hal

    assert [one and one.data for one in (without, found, named)] == [None, "hal/benchmarks/USACO", "other"]


def test_keys_for_pods_come_from_secrets() -> None:
    run = hal_run(options("--google-cloud", "--secret", "keys", "--secret", "more"))

    assert [one.secret_ref.name for one in run.spec.env_from if one.secret_ref] == ["keys", "more"]
    with pytest.raises(SpecError, match="--secret: got it; is for --google-cloud"):
        hal_run(options("--secret", "keys"))


def test_a_dry_run_can_be_read_back() -> None:
    run = hal_run(options("-A", "temperature=0.5", "-A", "tools=a,b", "--max_tasks", "3"))

    [again] = load_runs(dry_run_text(run, is_json=False), "dry")

    assert again == run


@pytest.mark.parametrize(
    ("benchmark", "agent", "name"),
    [
        ("hal:swebench_verified_mini", "SWE (gpt-4o)", "hal-swebench-verified-mini-swe-gpt4o"),
        ("jsonl", "!!!", "jsonl"),
        ("b" * 60, "x", "b" * 40),
    ],
)
def test_names_of_runs_are_names_that_kubernetes_takes(benchmark: str, agent: str, name: str) -> None:
    assert run_name(benchmark, agent) == name


def test_a_field_without_a_flag_is_told_as_it_is() -> None:
    assert flag_of("spec.hal.tasks[3]") == "--task_ids"
    assert flag_of("spec.other") == "spec.other"

"""`batt hal-eval`: HAL's own command line, run by batt on this machine or, with --google-cloud, on a cluster."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml

from batt.api import API_VERSION, KIND, BenchmarkRun
from batt.errors import Fault, SpecError
from batt.fields import NAME_CHARACTERS
from batt.hal.arguments import parse_arguments, sanitised
from batt.runfile import parse_run

FLAGS = {
    "spec.hal.benchmark": "--benchmark",
    "spec.hal.agent.name": "--agent_name",
    "spec.hal.agent.function": "--agent_function",
    "spec.hal.agent.source": "--agent_dir",
    "spec.hal.agent.args": "-A",
    "spec.hal.agent.requirements": "--requirements",
    "spec.hal.options": "-B",
    "spec.hal.data": "--data",
    "spec.hal.tasks": "--task_ids",
    "spec.hal.maxTasks": "--max_tasks",
    "spec.hal.repeats": "--repeats",
    "spec.hal.timeoutSeconds": "--task_timeout",
    "spec.hal.runId": "--run_id",
    "spec.maxConcurrency": "--max_concurrent",
    "spec.results": "--results_dir",
    "spec.pool": "--pool",
    "spec.envFrom": "--secret",
    "metadata.name": "--name",
}
"""The flag that sets each field: what faults are about, for who has never seen a run file."""

HARNESS = (
    "appworld", "assistantbench", "colbench", "corebench", "gaia", "mlagentbench", "scicode",
    "scienceagentbench", "swebench", "taubench",
)  # fmt: skip
"""How the names begin of benchmarks that only hal-harness has: HAL's users write them without `hal:`."""

USUAL_DATA = {"usaco": Path("hal/benchmarks/USACO")}
"""Where a checkout of hal-harness, in which its users call it, keeps data that batt asks for."""

UNSUPPORTED = {
    "conda_env_name": ("--conda_env_name", "put the agent's requirements into its requirements.txt"),
    "docker": ("--docker", "drop it: on a laptop agents are processes, with --google-cloud they are pods"),
    "vm": ("--vm", "write --google-cloud: agents then run in pods"),
    "upload": ("--upload", "drop it, as it does nothing in HAL either; `hal-upload` takes the files that batt writes"),
    "inspect": ("-I", "drop it: HAL has no Inspect solvers any more"),
    "prompt_sensitivity": ("--prompt_sensitivity", "drop it: batt makes no variants of prompts"),
}
"""Flags of HAL's that ask for what there is not, and what to do instead."""


def hal_run(options: argparse.Namespace) -> BenchmarkRun:
    """Return the run that the flags describe.

    Raises:
        SpecError: names every flag that is wrong.
    """
    faults = [
        Fault(flag, "it", "is not there in batt", remedy)
        for name, (flag, remedy) in UNSUPPORTED.items()
        if getattr(options, name)
    ]
    if options.secrets and not options.google_cloud:
        faults.append(Fault("--secret", "it", "is for --google-cloud", "here agents have your own environment"))
    if options.continue_run and options.regrade:
        faults.append(
            Fault("--regrade", "--continue_run beside it", "must stand alone", "continue first, then regrade")
        )
    faults += [
        Fault(flag, "it alone", "needs --run_id", "say which run it is")
        for flag, is_said in (("--continue_run", options.continue_run), ("--regrade", options.regrade))
        if is_said and not options.run_id
    ]
    try:
        run = parse_run(hal_object(options))
    except SpecError as error:
        faults += [fault._replace(where=flag_of(fault.where)) for fault in error.faults]
    if faults:
        raise SpecError(faults)
    return run


def hal_object(options: argparse.Namespace) -> dict[str, Any]:
    """Return the run that the flags describe, as a run file has it."""
    is_harness = options.benchmark.startswith(HARNESS)
    hal: dict[str, Any] = {
        "benchmark": f"hal:{options.benchmark}" if is_harness else options.benchmark,
        "agent": {
            "name": options.agent_name,
            "function": options.agent_function,
            "source": options.agent_dir,
            "args": parse_arguments(options.agent_args),
            "requirements": options.requirements,
        },
        "options": parse_arguments(options.options),
        "tasks": [task.strip() for task in options.task_ids.split(",") if task.strip()],
        "repeats": options.repeats,
        "timeoutSeconds": options.task_timeout,
    }
    usual = USUAL_DATA.get(options.benchmark)
    data = options.data or (str(usual) if usual and usual.is_dir() else None)
    optional = {"runId": options.run_id, "maxTasks": options.max_tasks, "data": data}
    hal |= {name: value for name, value in optional.items() if value is not None}
    spec: dict[str, Any] = {"hal": hal, "maxConcurrency": options.max_concurrent}
    if options.pool:
        spec["pool"] = options.pool
    if options.secrets:
        spec["envFrom"] = [{"secretRef": {"name": name}} for name in options.secrets]
    if not options.google_cloud:
        spec["results"] = str(Path(options.results_dir).absolute())
    name = options.name or run_name(options.benchmark, options.agent_name)
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def run_name(benchmark: str, agent: str) -> str:
    """Return a name for a run: what Kubernetes takes of the names of benchmark and agent."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{benchmark} {sanitised(agent)}".lower()).strip("-")
    return words[:NAME_CHARACTERS].rstrip("-") or "hal"


def flag_of(where: str) -> str:
    """Return the flag that sets a field."""
    field = re.split(r"\[", where)[0]
    while field and field not in FLAGS:
        field = field.rpartition(".")[0]
    return FLAGS.get(field, where)


def dry_run_text(run: BenchmarkRun, *, is_json: bool) -> str:
    """Return the run as it would be submitted, as YAML or JSON."""
    value = run.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    value = {"apiVersion": API_VERSION, "kind": KIND, **value}
    return json.dumps(value) if is_json else yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def command_line() -> str:
    """Return the command as HAL's files tell it."""
    return shlex.join(["batt", *sys.argv[1:]])

"""The flags of `batt hal-eval`, apart from what they mean: every command's parser has them, and must start fast."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_hal_eval(command: argparse.ArgumentParser) -> None:
    """Add the flags of HAL's hal-eval, and a few of batt's."""
    add = command.add_argument
    add("--benchmark", required=True, help="humaneval, arc, usaco, jsonl, hal:NAME, or one that a package brings")
    add("--agent_dir", required=True, metavar="DIR", help="the agent: a folder, an archive, builtin:oracle or :null")
    add("--agent_function", default="main.run", metavar="FILE.FUNCTION", help="default: %(default)s")
    add("--agent_name", required=True, metavar="NAME", help="name of the agent, as leaderboards show it")
    add("-A", dest="agent_args", action="append", default=[], metavar="K=V", help="argument for the agent")
    add("-B", dest="options", action="append", default=[], metavar="K=V", help="option of the benchmark")
    add("--max_concurrent", type=int, default=1, metavar="N", help="agents at once (default: %(default)s)")
    add("--max_tasks", type=int, metavar="N", help="only the first N tasks")
    add("--task_ids", default="", metavar="A,B", help="only these tasks")
    add("--task_timeout", type=float, default=2700, metavar="SECONDS", help="for one task (default: %(default)s)")
    add("--run_id", metavar="ID", help="HAL's id of the run (default: made from benchmark, agent and time)")
    add("--continue_run", action="store_true", help="do what is left or has failed of the run --run_id")
    add("--regrade", action="store_true", help="score the run --run_id anew; no agent runs")
    add("--results_dir", default="results", metavar="DIR", help="default: %(default)s")
    add("--repeats", type=int, default=1, metavar="K", help="run every task so often (default: %(default)s)")
    add("--requirements", default="lenient", choices=["strict", "lenient", "none"], help="default: %(default)s")
    add("--data", metavar="PATH", help="the benchmark's data, where it does not bring its own")
    add("--google-cloud", dest="google_cloud", action="store_true", help="run on the current Kubernetes cluster")
    add("--pool", metavar="NAME", help="with --google-cloud: the pool to run on")
    add(
        "--secret", dest="secrets", action="append", default=[], metavar="NAME",
        help="with --google-cloud: a Secret of the namespace with the agent's keys",
    )  # fmt: skip
    add("--upload-to", metavar="URI", help="with --google-cloud: where inputs go (default: the operator's bucket)")
    add("-n", "--namespace", metavar="NAME", help="with --google-cloud: the namespace (default: the context's)")
    add("--context", metavar="NAME", help="with --google-cloud: context of the kubeconfig (default: the current one)")
    add("--kubeconfig", type=Path, metavar="FILE", help="with --google-cloud: the kubeconfig (default: as kubectl)")
    add("--name", metavar="NAME", help="name of the run (default: made from benchmark and agent)")
    add("--dry-run", dest="dry_run", action="store_true", help="print the run and do nothing")
    add("--timing", action="store_true", help="print how long the phases took")
    add("--json", action="store_true", help="print JSON lines: progress, then the summary")
    for flags, options in (
        (["--conda_env_name"], {}),
        (["--docker", "--vm", "--upload", "--prompt_sensitivity"], {"action": "store_true"}),
    ):
        for flag in flags:
            add(flag, dest=flag.strip("-"), help=argparse.SUPPRESS, **options)  # type: ignore[arg-type] # a table
    add("-I", dest="inspect", action="append", help=argparse.SUPPRESS)

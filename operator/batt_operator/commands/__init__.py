"""The commands that talk to a cluster: registered with `batt` by the entry point group `batt.commands`.

    batt submit FILE ──> BenchmarkRun on the API server ──> batt watch, logs, list, suspend, resume, cancel, ...
                                                       └──> batt results, export: from the bucket to a folder

Each module is one command; what it needs is imported when it runs, so that `batt --help` stays quick.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

CONTROLS = {
    "suspend": "stop a run's pods for now; what is finished is kept",
    "resume": "let a suspended run go on",
    "cancel": "end a run early; what is finished is collected",
    "retry-failed": "try again what has no result, or whose agent has failed, after a run's end",
    "regrade": "score anew what agents have submitted, after a run's end; no agent runs",
}
"""Commands that change a run, with what they do."""


def add_commands(commands: Any) -> None:  # argparse keeps the type of its subparsers private
    """Add every command to `batt`'s own."""
    add_submit(commands.add_parser("submit", help="upload a run file's inputs and start it on a cluster"))
    watch = named(commands, "watch", "follow a run to its end", "watch:watch_command")
    watch.add_argument("--json", action="store_true", help="print JSON lines: progress, then the summary")
    add_logs(named(commands, "logs", "print what a run's pods say", "logs:logs_command"))
    results = named(commands, "results", "bring a run's results here from its bucket", "results:results_command")
    results.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="a folder of the run's name is made in it"
    )
    for action, text in CONTROLS.items():
        named(commands, action, text, "control:control_command").set_defaults(action=action)
    add_list(commands.add_parser("list", help="show the runs of a namespace"))
    add_export(commands.add_parser("export", help="make a run's solver tree in a folder, links and all"))
    add_cost(commands.add_parser("cost", help="estimate what a run would cost on a cluster's pools"))


def lazily(place: str) -> Any:  # Callable[[argparse.Namespace], int], which argparse's set_defaults does not know
    """Return a function that imports `module:function` of this package and calls it."""
    module, _, function = place.partition(":")

    def call(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(f"{__name__}.{module}"), function)(options)
        return code

    return call


def named(commands: Any, name: str, text: str, place: str) -> argparse.ArgumentParser:  # see add_commands
    """Add a command about one run, by its name."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
    command.add_argument("name", help="name of the run")
    add_target_flags(command)
    command.set_defaults(command=lazily(place))
    return command


def add_target_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags that say which cluster and namespace are meant, as kubectl calls them."""
    flags = command.add_argument_group("cluster")
    flags.add_argument("-n", "--namespace", metavar="NAME", help="namespace (default: the context's)")
    flags.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")
    flags.add_argument("--kubeconfig", type=Path, metavar="FILE", help="kubeconfig (default: as kubectl)")


def add_submit(command: argparse.ArgumentParser) -> None:
    """Add the flags of `batt submit`."""
    command.description = (
        "Start a run file on a cluster. What it names by a path on this machine is uploaded once, by its content. "
        "A run that is there already is left as it is, or changed where only fields differ that may change."
    )
    command.add_argument("file", type=Path, help="a BenchmarkRun in YAML")
    command.add_argument("--name", help="name of the run (default: the file's)")
    command.add_argument("--results", metavar="URI", help="gs:// bucket for the results (default: spec.results)")
    command.add_argument("--upload-to", metavar="URI", help="gs:// bucket for the inputs (default: RESULTS/uploads)")
    command.add_argument("--follow-links", action="store_true", help="also upload what links outside the folders mean")
    command.add_argument("--dry-run", action="store_true", help="upload nothing; let the cluster check it, and show it")
    command.add_argument("--watch", action="store_true", help="follow the run to its end")
    command.add_argument("--json", action="store_true", help="with --watch: print JSON lines")
    add_target_flags(command)
    command.set_defaults(command=lazily("submit:submit_command"))


def add_logs(command: argparse.ArgumentParser) -> None:
    """Add the flags of `batt logs`."""
    command.add_argument("--failed", action="store_true", help="only pods that have failed")
    command.add_argument("--stage", choices=("plan", "work", "evaluate", "collect"), help="only pods of a stage")
    command.add_argument("--index", type=int, metavar="N", help="only the pods of a shard")
    command.add_argument("--tail", type=int, metavar="N", help="last lines of each pod (default: 200 of several pods)")
    command.add_argument("--pods", type=int, default=100, metavar="N", help="most pods (default: %(default)s)")
    command.add_argument("-f", "--follow", action="store_true", help="go on until the run's end")


def add_list(command: argparse.ArgumentParser) -> None:
    """Add the flags of `batt list`."""
    command.add_argument("-A", "--all-namespaces", action="store_true", help="the runs of all namespaces")
    command.add_argument("-o", "--output", choices=("table", "wide", "json"), default="table", help="default: table")
    add_target_flags(command)
    command.set_defaults(command=lazily("listing:list_command"))


def add_export(command: argparse.ArgumentParser) -> None:
    """Add the flags of `batt export`."""
    command.description = (
        "Make solver_md5, solver_dir, differ_md5 and differ_dir of a run in a folder. "
        "A bucket has no links: there, results.json says where they belong."
    )
    command.add_argument("source", metavar="URI|NAME", help="a run's folder in a bucket, or a run on the cluster")
    command.add_argument("folder", type=Path, metavar="DIR", help="where the trees go; other runs' files in it stay")
    add_target_flags(command)
    command.set_defaults(command=lazily("results:export_command"))


def add_cost(command: argparse.ArgumentParser) -> None:
    """Add the flags of `batt cost`."""
    command.description = (
        "Estimate what a run would cost, from its candidates, tasks and time limit and the pools' prices: "
        "a range, with what it rests on. Nothing is run."
    )
    command.add_argument("file", type=Path, help="a BenchmarkRun in YAML")
    command.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the operator's configuration, or the chart's values (default: the cluster's)",
    )
    command.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="CPU seconds of a candidate on a pair, or seconds of an agent on a task",
    )
    add_target_flags(command)
    command.set_defaults(command=lazily("cost:cost_command"))

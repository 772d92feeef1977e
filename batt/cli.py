"""The command line: `batt run FILE` and its smaller relatives. Thin: every command calls one function and prints."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from batt import __version__
from batt.engine.heap import relax_collector
from batt.errors import BattError, Fault, InputError, NotFoundError, SpecError, shown
from batt.halflags import add_hal_eval
from batt.names import EXIT_ASKED_TO_STOP
from batt.stopping import Stop, StoppedError

if TYPE_CHECKING:  # these import pydantic: commands that do without it start faster
    from batt.api import BenchmarkRun
    from batt.laptop.halrun import Mode
    from batt.manifest import Manifest
    from batt.store import ObjectStore

UID = re.compile(r"[a-z0-9]{1,40}")
"""What --uid takes: it becomes part of a folder's name."""

FLAGS = {
    "candidates": "-b",
    "tasks": "-i",
    "timeoutSeconds": "-t",
    "dataset": "--dataset",
    "dsl": "--dsl",
    "keep": "--keep",
}
"""The flag of `batt validate` for each field of spec.solvers that it sets: what its faults are about."""


COMMANDS_GROUP = "batt.commands"
"""Entry points of further commands: functions that take argparse's subparsers and add to them."""

CLUSTER_GROUP = "batt.cluster"
"""Entry points of what commands of batt's own do on a cluster."""


class Parser(argparse.ArgumentParser):
    """A parser that ends with the exit code of a wrong run file when a flag is wrong. commands: its subparsers."""

    commands: Any  # argparse keeps their type private

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how the command is used, and end."""
        self.print_usage(sys.stderr)
        self.exit(SpecError.exit_code, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0 only when all that was asked is done."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    stop = Stop()
    if arguments[:1] == ["pod"]:
        stop.listen()  # before anything else: until then a container's process does not even notice SIGTERM
    relax_collector()
    secure_streams()
    top = parser()
    if arguments[:1] not in [[name] for name in top.commands.choices]:
        add_further_commands(top.commands)  # for those of a cluster, and for help: looking for them takes a while
    options = top.parse_args(arguments, argparse.Namespace(stop=stop))
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except SpecError as error:
        report(f"{len(error.faults)} fault{'s' * (len(error.faults) != 1)}:\n{error}")
        return error.exit_code
    except BattError as error:
        report(str(error))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing is left to say
        return 141
    except KeyboardInterrupt:
        report("stopped; the same command goes on where this one was")
        return 130


def secure_streams() -> None:
    """Open what is closed of the standard streams, and let no character that a terminal lacks end a command.

    The numbers of closed streams would go to the next files opened: to sockets, which children then take for output.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 # open until the process ends
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 # the same
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def report(text: str) -> None:
    """Print an error on standard error."""
    print(f"batt: {text}", file=sys.stderr)


def parser() -> Parser:
    """Return the parser of the commands that need no cluster."""
    top = Parser(prog="batt", description="Validate ARC solver programs: fast, isolated, resumable.")
    top.add_argument("--version", action="version", version=f"batt {__version__}")
    top.commands = commands = top.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="plan, work and collect a run file on this machine")
    run.add_argument("file", type=Path, help="a BenchmarkRun in YAML")
    add_run_flags(run)
    run.set_defaults(command=run_command)
    add_validate(commands.add_parser("validate", help="validate candidates without a run file"))
    check = commands.add_parser("check", help="check run files; says every fault")
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.set_defaults(command=check_command)
    add_stages(commands)
    add_hal(commands.add_parser("hal-eval", help="run a HAL agent on a benchmark, by HAL's own flags"))
    add_generate(commands.add_parser("generate", help="make a batt module by recombining the starter solvers"))
    add_reports(commands)
    return top


def add_further_commands(commands: Any) -> None:  # see Parser
    """Add the commands that installed packages offer, batt_operator's first of all."""
    from importlib.metadata import entry_points  # noqa: PLC0415 # see main

    for point in entry_points(group=COMMANDS_GROUP):
        add_commands: Callable[[Any], None] = point.load()
        add_commands(commands)


def add_run_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags of commands that run something here."""
    command.add_argument("-j", "--jobs", type=positive, metavar="N", help="worker processes (default: all CPUs)")
    command.add_argument("--results", metavar="URI", help="folder or gs:// bucket for the results (default: results)")
    command.add_argument("--timing", action="store_true", help="print the timing summary")
    command.add_argument("--json", action="store_true", help="print JSON lines: progress, then the summary")
    command.add_argument("--no-cache", action="store_true", help="do not use verdicts of earlier runs")


def add_validate(command: argparse.ArgumentParser) -> None:
    """Add `batt validate`: the flags that run_batt.py's users know, where they make sense here."""
    command.add_argument(
        "-b", "--batt_import", required=True, metavar="NAME", help="candidates: a batt module or any URI"
    )
    command.add_argument("-i", "--task_ids", nargs="+", default=[], metavar="ID", help="tasks (default: all)")
    command.add_argument("-s", "--start", type=int, default=0, help="first task, by its place in the dataset")
    command.add_argument("-c", "--count", type=int, default=0, help="number of tasks (default: all)")
    command.add_argument("-t", "--timeout", type=float, default=1.0, help="CPU seconds a candidate may use on a pair")
    command.add_argument("--dataset", default="arc-agi-1/training", help="named dataset or URI (default: %(default)s)")
    command.add_argument("--dsl", default="builtin:arc", help="folder or file with dsl.py (default: %(default)s)")
    command.add_argument("--keep", type=positive, default=32, help="candidates kept a task (default: %(default)s)")
    add_run_flags(command)
    command.set_defaults(command=validate_command)


def add_stages(commands: Any) -> None:  # argparse keeps the type of its subparsers private
    """Add plan, work and collect: the three stages one by one; and pod, which is what containers run."""
    plan = commands.add_parser("plan", help="freeze a run's inputs and shards; prints the run's folder")
    plan.add_argument("file", type=Path, help="a BenchmarkRun in YAML")
    plan.add_argument("--results", metavar="URI", help="folder or gs:// bucket (default: spec.results, else results)")
    plan.add_argument("--no-cache", action="store_true", help="do not use verdicts of earlier runs")
    plan.add_argument("--uid", default="", help="8 characters that tell runs of one name apart (default: random)")
    plan.set_defaults(command=plan_command)
    work = commands.add_parser("work", help="evaluate one shard of a planned run")
    collect = commands.add_parser("collect", help="merge the shards' results of a planned run")
    for command in (work, collect):
        command.add_argument("folder", help="the run's folder, as plan printed it")
        command.add_argument("--results", metavar="URI", default="results", help="folder or gs:// bucket of the plan")
    work.add_argument("--index", type=int, required=True, help="the shard, from 0")
    work.add_argument("-j", "--jobs", type=positive, metavar="N", help="worker children (default: all CPUs)")
    work.set_defaults(command=work_command)
    collect.add_argument("--timing", action="store_true", help="print the timing summary")
    collect.add_argument("--json", action="store_true", help="print the summary as JSON")
    collect.set_defaults(command=collect_command)
    pod = commands.add_parser("pod", help="what the containers of a run do; told by their environment, not for hands")
    pod.add_argument("stage", choices=["plan", "work", "evaluate", "collect", "shim"])
    pod.set_defaults(command=pod_command)


def add_hal(command: argparse.ArgumentParser) -> None:
    """Add `batt hal-eval`."""
    add_hal_eval(command)
    command.set_defaults(command=hal_eval_command)


def add_generate(command: argparse.ArgumentParser) -> None:
    """Add `batt generate`."""
    command.add_argument("name", help="name of the module: NAME.py and NAME_call.py are written")
    command.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder (default: here)")
    command.add_argument("-i", "--task_id", default="", metavar="ID", help="a starter task whose solver is among them")
    command.add_argument("--seed", type=int, default=0, help="the same seed gives the same module (default: 0)")
    command.add_argument("--steps", type=positive, default=1000, help="about so many steps (default: %(default)s)")
    command.add_argument("--candidates", type=positive, default=32, help="programs (default: %(default)s)")
    command.add_argument("--differs", type=positive, default=30, help="differs (default: %(default)s)")
    command.set_defaults(command=generate_command)


def add_reports(commands: Any) -> None:  # see add_stages
    """Add report and compare."""
    named = "a run's folder or results.json, here or in a bucket"
    report = commands.add_parser("report", help="make the page of a run's results again")
    report.add_argument("source", metavar="DIR|URI", help=named)
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="the page (default: beside the results)")
    report.set_defaults(command=report_command)
    compare = commands.add_parser("compare", help="compare two runs: score, phases, what fails newly, what is slower")
    compare.add_argument("before", metavar="A", help=named)
    compare.add_argument("after", metavar="B", help="another one")
    compare.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("compare.html"),
        metavar="FILE",
        help="the page (default: %(default)s)",
    )
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.set_defaults(command=compare_command)


def positive(text: str) -> int:
    """Return a number of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {value}; must be at least 1")
    return value


def cpus(asked: int | None) -> int:
    """Return how many processes to use: what was asked, else the CPUs we may run on."""
    return asked or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def run_command(options: argparse.Namespace) -> int:
    """Run a run file here."""
    from batt.runfile import load_run  # noqa: PLC0415 # only for commands that read run files

    return run_here(load_run(options.file), options.file.parent, options)


def run_here(run: BenchmarkRun, base: Path, options: argparse.Namespace) -> int:
    """Run a BenchmarkRun on this machine, show it, print the summary."""
    from batt.laptop.progress import open_display  # noqa: PLC0415
    from batt.laptop.run import interrupted_by, results_place, run_locally  # noqa: PLC0415 # not for check or generate
    from batt.summary import print_summary  # noqa: PLC0415

    run = with_flags(run, options)
    if run.spec.hal is not None:
        return run_hal_here(run, base, options)
    with interrupted_by(signal.SIGTERM):  # before the display: it must leave the terminal as it was
        display = open_display(options.json)
        try:
            summary = run_locally(run, base, cpus(options.jobs), display)
        finally:
            display.close()
    print_summary(summary, results_place(run, base), is_timed=options.timing, is_json=options.json)
    return 0 if summary.is_complete else 1


def run_hal_here(
    run: BenchmarkRun,
    base: Path,
    options: argparse.Namespace,
    command: str = "batt run",
    mode: Mode = "start",
) -> int:
    """Run an agent on a benchmark on this machine, show it, print the summary.

    Args:
        command: what HAL's files say the run was started by.
        mode: what to do about the run, see run_hal_locally.
    """
    from batt.hal.summary import print_hal_summary  # noqa: PLC0415 # only for runs of this kind
    from batt.laptop.halrun import run_hal_locally  # noqa: PLC0415
    from batt.laptop.progress import open_display  # noqa: PLC0415
    from batt.laptop.run import interrupted_by, results_place  # noqa: PLC0415

    with interrupted_by(signal.SIGTERM):  # before the display: it must leave the terminal as it was
        display = open_display(options.json)
        try:
            summary = run_hal_locally(run, base, cpus(options.jobs), display, command, mode)
        finally:
            display.close()
    print_hal_summary(summary, results_place(run, base), is_timed=options.timing, is_json=options.json)
    return 0 if summary.is_complete else 1


def with_flags(run: BenchmarkRun, options: argparse.Namespace) -> BenchmarkRun:
    """Return the run with what the command line says in the place of the file's words."""
    spec = run.spec
    if options.results is not None:
        spec = spec.model_copy(update={"results": results_flag(options.results)})
    if options.no_cache and spec.solvers is not None:
        spec = spec.model_copy(update={"solvers": spec.solvers.model_copy(update={"cache": False})})
    return run.model_copy(update={"spec": spec})


def results_flag(uri: str) -> str:
    """Return what --results names as a run file would: a path made absolute, since it is seen from here."""
    from batt.store import GCS_SCHEME, local_path  # noqa: PLC0415

    return uri if uri.startswith(GCS_SCHEME) else str(local_path(uri, Path.cwd()))


def validate_command(options: argparse.Namespace) -> int:
    """Validate candidates named on the command line."""
    from batt.runfile import parse_run  # noqa: PLC0415

    solvers: dict[str, Any] = {
        "dataset": options.dataset,
        "tasks": task_slice(options) or list(options.task_ids),
        "candidates": options.batt_import,
        "dsl": options.dsl,
        "keep": options.keep,
        "timeoutSeconds": options.timeout,
    }
    data = {
        "apiVersion": "batt.dev/v1alpha1",
        "kind": "BenchmarkRun",
        "metadata": {"name": "validate"},
        "spec": {"solvers": solvers},
    }
    try:
        run = parse_run(data)
    except SpecError as error:
        raise SpecError([fault._replace(where=flag_of(fault.where)) for fault in error.faults]) from error
    return run_here(run, Path(), options)


def flag_of(where: str) -> str:
    """Return the flag that sets a field of spec.solvers, which its user has never seen."""
    field, bracket, place = where.removeprefix("spec.solvers.").partition("[")
    return f"{FLAGS.get(field, field)}{bracket}{place}"


def task_slice(options: argparse.Namespace) -> list[str]:
    """Return the ids that -s and -c choose from the dataset; none means all."""
    from batt.inputs.task_files import find_ids  # noqa: PLC0415

    if not options.start and not options.count:
        return []
    if options.task_ids:
        fault = Fault("-s and -c", "-i beside them", "must not stand together with -i", "drop either")
        raise SpecError([fault])
    ids = find_ids(options.dataset, Path())
    end = options.start + options.count if options.count else len(ids)
    chosen = ids[options.start : end]
    if options.start < 0 or options.count < 0 or not chosen:
        raise InputError(
            f"-s {options.start} -c {options.count}: got no task; the dataset has {len(ids)}; choose within it"
        )
    return chosen


def check_command(options: argparse.Namespace) -> int:
    """Check run files; exit code 64 if any has a fault."""
    from batt.runfile import check_files  # noqa: PLC0415

    code = 0
    for checked in check_files(options.files):
        for fault in checked.faults:
            print(f"{checked.path}: {fault}")
            code = SpecError.exit_code
        for run in checked.runs:
            print(f"{checked.path}: {run.metadata.name}: ok")
    return code


def plan_command(options: argparse.Namespace) -> int:
    """Plan a run; print its folder."""
    import secrets  # noqa: PLC0415 # one use

    from batt.laptop.run import results_place, results_store  # noqa: PLC0415
    from batt.manifest import RunRef  # noqa: PLC0415
    from batt.plan import plan  # noqa: PLC0415
    from batt.runfile import load_run  # noqa: PLC0415
    from batt.summary import refusals  # noqa: PLC0415

    if options.uid and not UID.fullmatch(options.uid):
        fault = Fault("--uid", shown(options.uid), "must be 1 to 40 lower-case letters and digits", "choose another")
        raise SpecError([fault])
    run = with_flags(load_run(options.file), options)
    base = options.file.parent.absolute()
    ref = RunRef(run.metadata.namespace, run.metadata.name, options.uid or secrets.token_hex(4))
    root = results_store(run, base)
    manifest = plan(run, ref, root, base, cpus(None))
    print(manifest.ref.folder, flush=True)
    counts = f"{len(manifest.shards)} shards, {manifest.counts.candidates} candidates"
    print(f"{counts}, results in {results_place(run, base)}", file=sys.stderr)
    for line in refusals(manifest, root):
        print(line, file=sys.stderr)
    return 0


def open_run(options: argparse.Namespace) -> tuple[Manifest, ObjectStore]:
    """Return the manifest and the results store that work and collect are told of."""
    from batt.manifest import manifest_from_json  # noqa: PLC0415
    from batt.names import MANIFEST  # noqa: PLC0415
    from batt.store import open_store, read_json  # noqa: PLC0415

    root = open_store(options.results, Path())
    try:
        value = read_json(root, f"{options.folder.strip('/')}/{MANIFEST}")
    except NotFoundError as error:
        rule = "must be the folder that `batt plan` has printed, in the results that it has named"
        raise InputError(f"{options.folder}: there is no run in {root.uri}; {rule}; correct it or --results") from error
    return manifest_from_json(value), root


def work_command(options: argparse.Namespace) -> int:
    """Evaluate one shard; exit code 75 when asked to stop."""
    from batt.stages import work_shard  # noqa: PLC0415

    manifest, root = open_run(options)
    count = len(manifest.shards)
    if not 0 <= options.index < count:
        rule = f"must be 0 to {count - 1}" if count else "the plan has no shard, since everything is known already"
        raise SpecError([Fault("--index", str(options.index), rule, "choose a shard of the plan, or collect")])
    stop: Stop = options.stop
    stop.listen(signal.SIGTERM, signal.SIGINT)
    try:
        with stop.interrupting():
            work_shard(manifest, options.index, root, cpus(options.jobs), stop)
    except StoppedError:
        return EXIT_ASKED_TO_STOP
    return 0


def pod_command(options: argparse.Namespace) -> NoReturn:
    """Be the process of a container."""
    from batt.podenv import ACCESS_SECONDS  # noqa: PLC0415
    from batt.stages import run_pod  # noqa: PLC0415
    from batt.store import ACCESS_VARIABLE  # noqa: PLC0415

    if options.stage == "shim":  # before the container of strangers' programs starts
        from batt.hal.podplace import folders_of, install_shim  # noqa: PLC0415

        install_shim(folders_of(os.environ))
        os._exit(0)
    os.environ.setdefault(ACCESS_VARIABLE, str(ACCESS_SECONDS))  # before any store is opened, in children too
    code = run_pod(options.stage, os.environ, options.stop)
    with contextlib.suppress(OSError):  # nobody reads what it says: that changes nothing
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # the interpreter's own way out takes a while, and no longer hears SIGTERM


def collect_command(options: argparse.Namespace) -> int:
    """Merge the shards' results; exit code 1 when some are missing."""
    from batt.collect import collect  # noqa: PLC0415
    from batt.summary import print_summary  # noqa: PLC0415

    manifest, root = open_run(options)
    summary = collect(manifest, root)
    print_summary(summary, options.results, is_timed=options.timing, is_json=options.json)
    return 0 if summary.is_complete else 1


def hal_eval_command(options: argparse.Namespace) -> int:
    """Run a HAL agent on a benchmark: here, or on a cluster."""
    from batt.halcommand import command_line, dry_run_text, hal_run  # noqa: PLC0415

    run = hal_run(options)
    if options.dry_run:
        print(dry_run_text(run, is_json=options.json), end="")
        return 0
    if options.google_cloud:
        return on_cluster(run, options)
    options.results = options.jobs = None
    options.no_cache = False
    mode: Mode
    mode = "regrade" if options.regrade else "continue" if options.continue_run else "start"
    return run_hal_here(run, Path(), options, command_line(), mode)


def on_cluster(run: BenchmarkRun, options: argparse.Namespace) -> int:
    """Run it on a cluster, which batt by itself knows nothing of: an installed package does."""
    from importlib.metadata import entry_points  # noqa: PLC0415 # see main

    found = list(entry_points(group=CLUSTER_GROUP, name="hal-eval"))
    if not found:
        remedy = "install batt with its operator package: pip install 'batt[operator]'"
        raise SpecError([Fault("--google-cloud", "it", f"needs a package with an entry point {CLUSTER_GROUP}", remedy)])
    code: int = found[0].load()(run, options)
    return code


def report_command(options: argparse.Namespace) -> int:
    """Make the page of a run's results again."""
    from batt import reportcommand  # noqa: PLC0415 # only for these commands

    return reportcommand.report_command(options)


def compare_command(options: argparse.Namespace) -> int:
    """Compare two runs."""
    from batt import reportcommand  # noqa: PLC0415 # see report_command

    return reportcommand.compare_command(options)


def generate_command(options: argparse.Namespace) -> int:
    """Write a generated batt module."""
    from batt.generator.modules import starter_solvers, write_module  # noqa: PLC0415

    solvers = starter_solvers(options.task_id)
    if options.task_id not in {"", *(task for task, _ in solvers)}:
        rule = "must be a task that a starter solver solves"
        raise SpecError([Fault("-i", shown(options.task_id), rule, f"choose one, such as {solvers[0][0]}")])
    try:
        paths = write_module(
            options.output, options.name, solvers, options.seed, options.steps, options.candidates, options.differs
        )
    except OSError as error:
        message = f"-o {options.output}: got {error.strerror}; must be a folder that can be written; choose another"
        raise InputError(message) from error
    for path in paths:
        print(path)
    return 0
